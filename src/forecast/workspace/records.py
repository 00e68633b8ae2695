"""The public record of a workspace: nightly snapshots, overrides, what was forecast against what came."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from forecast.errors import InvalidInput
from forecast.workspace.base import AsOf, Progress, WorkspaceBase

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from forecast.usecases.backtest_outlook import OutlookBacktest


class RecordCalls(WorkspaceBase):
    """Snapshots, overrides, accuracy."""

    def outlook_lines(
        self,
        period: str,
        as_of: AsOf = None,
        batch: int | None = None,
        *,
        by: str = "owner",
        measure: str = "revenue",
    ) -> pd.DataFrame:
        """The outlook of a period beside the baselines, the overrides and the record of its ranges."""
        from forecast.usecases.outlook import outlook
        from forecast.usecases.outlook_lines import outlook_lines

        wiring, moment = (self.lake, self.registry, self.store, self.settings), self.moment(as_of)
        made = outlook(*wiring, self.period(period), moment, batch=batch, by=by, measure=measure)
        return outlook_lines(self.lake, self.store, self.settings, made, batch=batch)

    def override(self, period: str, level: str, node_id: str, amount: float, *, author: str, reason: str) -> int:
        """Say what is expected instead of the model; the latest word is shown beside it. Returns its number.

        Parameters
        ----------
        period : str
        level : {"company", "team", "rep"}
        node_id : str
            ``company``, a team or a user.
        amount : float
            Revenue of the whole period in the reporting currency.
        author, reason : str
        """
        from forecast.usecases.outlook_lines import check_override

        label = self.period(period).label
        check_override(self.lake, self.settings, level, node_id, amount, reason)
        currency = self.settings.reporting_currency
        return self.store.save_override(label, level, node_id, amount, currency, author=author, reason=reason.strip())

    def overrides(self, period: str | None = None, as_of: AsOf = None) -> pd.DataFrame:
        """Every override made before ``as_of``, oldest first."""
        return self.store.overrides(
            None if period is None else self.period(period).label, before=None if as_of is None else self.moment(as_of)
        )

    def nightly(
        self,
        as_of: AsOf = None,
        batch: int | None = None,
        progress: Progress | None = None,
        *,
        mail: Callable[[], str] | None = None,
    ) -> pd.DataFrame:
        """Do what is done every night, as known when today began; doing it again changes nothing.

        Parameters
        ----------
        as_of : optional
            Default the first moment of today in the workspace's zone. A snapshot of another day is kept, but stays
            out of the public record.
        mail : callable, optional
            Sends the reports that are due, and says how many.
        """
        from forecast.usecases.nightly import Night, nightly

        now = self.clock.now()
        moment = self.moment(now.astimezone(self.settings.zone).date() if as_of is None else as_of)
        if moment > now:
            raise InvalidInput(f"`as_of` must not lie ahead: it is {now:%Y-%m-%dT%H:%M:%SZ}, got {as_of!r}.")
        head = self.lake.head() if batch is None else batch
        night = Night(self.lake, self.registry, self.store, self.settings, moment, head, self.lake.demand_runs, mail)
        return nightly(night, progress=progress)

    def forecast_against_actual(
        self,
        period: str,
        day: AsOf = None,
        as_of: AsOf = None,
        batch: int | None = None,
        *,
        measure: str = "revenue",
    ) -> pd.DataFrame:
        """What was forecast for a period in each snapshot (or in the last one before a day), and what came.

        ``as_of`` is when the actual was known, by default now.
        """
        from forecast.usecases.outlook_record import forecast_against_actual

        return forecast_against_actual(
            self.lake,
            self.store,
            self.settings,
            self.moment(as_of),
            period=self.period(period),
            day=None if day is None else self.moment(day),
            batch=batch,
            measure=measure,
        )

    def earlier_forecasts(self, period: str, level: str, node_id: str, before: AsOf = None) -> pd.DataFrame:
        """What was forecast of one person, team or the company on earlier days, whenever it was kept."""
        from forecast.usecases.outlook_record import earlier_forecasts

        return earlier_forecasts(self.store, self.settings, self.period(period), (level, node_id), self.moment(before))

    def outlook_record(self, as_of: AsOf = None, batch: int | None = None, *, measure: str = "revenue") -> pd.DataFrame:
        """How often stated 80 % ranges came true, by level and horizon, with the binomial interval."""
        from forecast.usecases.outlook_record import outlook_record

        moment = self.moment(as_of)
        return outlook_record(self.lake, self.store, self.settings, moment, batch=batch, measure=measure)

    def outlook_accuracy(
        self,
        as_of: AsOf = None,
        batch: int | None = None,
        *,
        measure: str = "revenue",
        with_backdated: bool = False,
    ) -> pd.DataFrame:
        """Signed and absolute errors of model, baselines and overrides per node and horizon."""
        from forecast.usecases.outlook_record import outlook_accuracy

        moment: datetime = self.moment(as_of)
        return outlook_accuracy(
            self.lake,
            self.store,
            self.settings,
            moment,
            batch=batch,
            measure=measure,
            with_backdated=with_backdated,
        )

    def backtest_outlook(
        self,
        *,
        n_folds: int = 6,
        kind: str = "month",
        ahead: int = 1,
        as_of: AsOf = None,
        batch: int | None = None,
        progress: Progress | None = None,
    ) -> OutlookBacktest:
        """Rolling origins through the real outlook, beside what users know and exponential smoothing."""
        from forecast.usecases.backtest_outlook import backtest_outlook

        wiring = (self.lake, self.registry, self.store, self.settings)
        return backtest_outlook(
            *wiring, self.moment(as_of), n_folds=n_folds, kind=kind, ahead=ahead, batch=batch, progress=progress
        )
