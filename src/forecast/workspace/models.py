"""Models of a workspace: trained, judged, promoted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.workspace.base import AsOf, Progress, WorkspaceBase

if TYPE_CHECKING:
    import pandas as pd

    from forecast.usecases.demand import DemandBacktest
    from training.train_conversion import TrainingResult

Task = Literal["conversion", "demand", "customers", "all"]


class ModelCalls(WorkspaceBase):
    """Training, backtests, the registry."""

    def train(
        self,
        task: Task = "conversion",
        as_of: AsOf = None,
        params: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> list[TrainingResult]:
        """Fit, evaluate on later time, log, register and put to the gate.

        With ``all``, what lacks history is told to ``progress`` and left out, as long as something can be trained.
        """
        from training.train_conversion import train_conversion
        from training.train_customers import train_customers
        from training.train_demand import train_demand

        pipelines = {"conversion": train_conversion, "demand": train_demand, "customers": train_customers}
        results: list[TrainingResult] = []
        lacking: list[str] = []
        for name in pipelines if task == "all" else (task,):
            try:
                results += pipelines[name](
                    self.lake,
                    self.registry,
                    self.store,
                    self.settings,
                    self.clock,
                    as_of=self.moment(as_of),
                    params=params,
                    progress=progress,
                )
            except NotEnoughHistory as error:
                lacking.append(str(error))
                if progress:
                    progress(str(error))
        if not results:
            raise NotEnoughHistory(" ".join(lacking))
        return results

    def models(self) -> pd.DataFrame:
        """Registered models with their metrics and who serves."""
        from forecast.usecases.models import list_models

        return list_models(self.registry, self.store)

    def backtest(
        self,
        task: str,
        *,
        n_folds: int = 4,
        horizon: int | None = None,
        as_of: AsOf = None,
        at_first: bool = False,
        progress: Progress | None = None,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Rolling-origin predictions beside baselines, and the table of their metrics.

        ``at_first`` judges conversion at the first moment of each case only.
        """
        moment = self.moment(as_of)
        if task == "conversion":
            from forecast.usecases.backtest import backtest_conversion

            return backtest_conversion(
                self.lake,
                self.settings,
                moment,
                n_folds=n_folds,
                horizon_days=horizon,
                at_first=at_first,
                progress=progress,
            )
        if task == "demand":
            found = self.backtest_demand(n_folds=n_folds, horizon=horizon, as_of=moment, progress=progress)
            return found.predictions, found.scores
        raise InvalidInput(f"`task` must be conversion or demand, got {task!r}.")

    def backtest_demand(
        self,
        *,
        n_folds: int = 4,
        horizon: int | None = None,
        by: str | None = None,
        as_of: AsOf = None,
        progress: Progress | None = None,
    ) -> DemandBacktest:
        """Rolling-origin forecasts beside baselines with their scores, also ``by`` step or class, and a plot."""
        from forecast.usecases.demand import backtest_demand

        return backtest_demand(
            self.lake, self.settings, self.moment(as_of), n_folds=n_folds, horizon=horizon, by=by, progress=progress
        )

    def promote(self, model: str, *, author: str, reason: str) -> None:
        """Make a registered version the champion by hand."""
        from forecast.usecases.models import promote

        promote(self.registry, self.store, self.clock, model, author=author, reason=reason)

    def rollback(self, name: str, *, author: str, reason: str = "") -> str:
        """Return to the champion before the present one; returns its label."""
        from forecast.usecases.models import rollback

        return rollback(self.registry, self.store, self.clock, name, author=author, reason=reason)

    def card(self, model: str) -> str:
        """The model card of a version, in Markdown."""
        from forecast.usecases.models import card

        return card(self.registry, model)

    def model_files(self, model: str) -> dict[str, bytes]:
        """The files that were registered with a version, ``name/3``."""
        from forecast.usecases.models import split_label

        return self.registry.files(*split_label(model))

    def given_scores(
        self, entity: str, horizon_days: int, as_of: AsOf = None, batch: int | None = None
    ) -> pd.DataFrame:
        """Scores given in the past whose time is over, with what came."""
        from forecast.usecases.models_at_work import given_scores

        return given_scores(self.lake, self.settings, entity, horizon_days, self.moment(as_of), batch=batch)

    def feature_drift(
        self, entity: str, as_of: AsOf = None, batch: int | None = None
    ) -> tuple[str | None, pd.DataFrame | None]:
        """The champion's label, and how far the cases open now differ from those that it learned from."""
        from forecast.usecases.models_at_work import feature_drift

        wiring, moment = (self.lake, self.registry, self.store, self.settings), self.moment(as_of)
        return feature_drift(*wiring, entity, moment, batch=batch)
