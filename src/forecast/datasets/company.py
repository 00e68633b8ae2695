"""A simulated company with everything at once, whose truth is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from numpy.typing import ArrayLike, NDArray

from forecast.datasets.deals import STAGES, Deals
from forecast.datasets.people import REPORTING_CURRENCY
from forecast.datasets.prospects import Leads
from forecast.datasets.records import canonical
from forecast.errors import InvalidInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Deals live on in truth after the company's last day, so that the fate of the open ones is known.
FOLLOWED_DAYS = 365


@dataclass(frozen=True)
class Company:
    """A simulated company.

    Attributes
    ----------
    exports : dict of table name to DataFrame
        The canonical tables as a CRM with history exports them: every version with ``recorded_at`` (UTC), extra
        columns as they are.
    truth : dict of name to DataFrame
        ``opportunities`` (hidden quality, score, and the fate, also when it comes after the end), ``leads`` (hazards
        and fate), ``users`` (skill), ``actions`` (effect on the log hazard of a win), ``seasonality`` (of wins and
        orders by month), ``shocks`` (log factor by day and team), ``stages`` (daily chances of a fair deal).
    first_day, last_day : date
        Nothing is recorded after ``last_day``.
    """

    exports: Mapping[str, pd.DataFrame]
    truth: Mapping[str, pd.DataFrame]
    first_day: date
    last_day: date
    deals: Deals
    leads: Leads

    @property
    def end(self) -> datetime:
        """First moment after the last day."""
        return datetime.combine(self.last_day + timedelta(days=1), datetime.min.time(), tzinfo=UTC)

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The exports with the columns beyond the schema folded into one JSON column ``attributes``."""
        return {name: canonical(name, export) for name, export in self.exports.items()}

    def win_probability(
        self,
        opportunity_ids: ArrayLike,
        as_of: datetime | ArrayLike,
        horizon_days: int,
        *,
        quality_known: bool = False,
    ) -> Floats:
        """True P(won within the horizon | all that had happened to the deal before ``as_of``).

        No model can do better on average. It counts what had happened, recorded late or not, and takes drift and
        common shocks as they really came.

        Parameters
        ----------
        opportunity_ids : array of shape (n,)
        as_of : datetime or array of shape (n,)
            UTC midnights, not after `end`.
        horizon_days : int
            At least 1 and, from ``end`` on, at most `FOLLOWED_DAYS`.
        quality_known : bool
            Also given the hidden quality of the deal.

        Returns
        -------
        array of shape (n,)
            In [0, 1]; NaN where the deal was not open then, or younger than a day.

        Raises
        ------
        InvalidInput
            For a moment that is no midnight, a horizon outside the simulation, or an unknown id.
        """
        deals, days = self._moments_of(opportunity_ids, as_of, horizon_days)
        return self.deals.win_probability(deals, days, horizon_days, quality_known=quality_known)

    def is_won_within(
        self, opportunity_ids: ArrayLike, as_of: datetime | ArrayLike, horizon_days: int
    ) -> NDArray[np.bool_]:
        """Whether each deal is really won within the horizon, also when that lies after the company's last day.

        Parameters
        ----------
        opportunity_ids, as_of, horizon_days
            As in `win_probability`.

        Returns
        -------
        array of shape (n,)
            False where the deal was not open then.
        """
        deals, days = self._moments_of(opportunity_ids, as_of, horizon_days)
        is_open = (self.deals.created[deals] < days) & (self.deals.closed[deals] >= days)
        return np.asarray(is_open & self.deals.won[deals] & (self.deals.closed[deals] < days + horizon_days))

    def conversion_probability(self, lead_ids: ArrayLike, horizon_days: float) -> Floats:
        """True P(converts within the horizon | the lead is open): the same at any moment while it is open.

        Parameters
        ----------
        lead_ids : array of shape (n,)
        horizon_days : float

        Returns
        -------
        array of shape (n,)
        """
        return self.leads.conversion_probability(_numbers(lead_ids, "L", len(self.leads.created)), horizon_days)

    def write(self, folder: Path) -> Path:
        """Write one parquet file per table and the mapping that brings them in; returns the mapping's path."""
        folder.mkdir(parents=True, exist_ok=True)
        queries = {}
        for name, export in self.exports.items():
            export.to_parquet(folder / f"{name}.parquet", index=False)
            days = [column for column in ("date", "expected_close_date") if column in export]
            casts = ", ".join(f"cast({column} as date) as {column}" for column in days)
            queries[name] = f"select *{f' replace ({casts})' if days else ''} from {name}_rows"
        mapping = {
            "source": "simulated",
            "timezone": "UTC",
            "currency": REPORTING_CURRENCY,
            "stages": list(STAGES),
            "inputs": {f"{name}_rows": {"file": f"{name}.parquet"} for name in self.exports},
            "tables": queries,
        }
        path = folder / "mapping.yaml"
        path.write_text(yaml.safe_dump(mapping, sort_keys=False), encoding="utf-8")
        return path

    def _moments_of(
        self, opportunity_ids: ArrayLike, as_of: datetime | ArrayLike, horizon_days: int
    ) -> tuple[Ints, Ints]:
        """Numbers of deals, and days since the first one of the UTC midnights asked for."""
        deals = _numbers(opportunity_ids, "O", len(self.deals.created))
        when = pd.to_datetime(pd.Series(np.broadcast_to(np.asarray(as_of, dtype=object), len(deals))), utc=True)
        if (when != when.dt.normalize()).any():
            raise InvalidInput(f"`as_of` must be a midnight in UTC, got {when[when != when.dt.normalize()].iloc[0]}.")
        days = (when - pd.Timestamp(self.first_day, tz="UTC")).dt.days.to_numpy().astype(np.int64)
        n_days = len(self.deals.process.season)
        if horizon_days < 1 or (len(days) and (days.min() < 0 or days.max() + horizon_days > n_days)):
            raise InvalidInput(
                f"`as_of` and the days after it must lie between {self.first_day} and {FOLLOWED_DAYS} days after "
                f"{self.last_day}, got {horizon_days} days after {when.min():%Y-%m-%d} to {when.max():%Y-%m-%d}."
            )
        return deals, days


def _numbers(names: ArrayLike, prefix: str, n: int) -> Ints:
    """Numbers of simulated ids."""
    texts = pd.Series(np.asarray(names, dtype=object), dtype=object)
    numbers = pd.to_numeric(texts.str.removeprefix(prefix), errors="coerce").fillna(-1).to_numpy(np.int64)
    unknown = (numbers < 0) | (numbers >= n)
    if unknown.any():
        raise InvalidInput(f"Ids look like {prefix}000012 and there are {n}, got {texts[unknown].iloc[0]!r}.")
    return numbers
