"""The only wiring: settings, adapters and use cases of one workspace (one company).

Heavy libraries are imported by the method that needs them, so that ``forecast --help`` answers at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.periods import parse_moment, parse_period, start_of_day
from forecast.ports import Clock
from forecast.settings import SETTINGS_FILE, Settings, load_settings

if TYPE_CHECKING:
    import pandas as pd

    from forecast.adapters.lake import DeltaLake
    from forecast.adapters.mlflow_registry import MlflowRegistry
    from forecast.adapters.store import SqlStore
    from forecast.demand import DemandPanel
    from forecast.outlook import Outlook
    from forecast.usecases.demand import DemandBacktest, ServedDemand
    from forecast.usecases.ingest import IngestResult
    from forecast.usecases.targets import TargetProposal
    from training.train_conversion import TrainingResult

#: A day (its first moment in the workspace's zone), a moment, or text of either.
AsOf = datetime | date | str | None
Progress = Callable[[str], None]
Task = Literal["conversion", "demand", "customers", "all"]


class Workspace:
    """One company's lake, store and models, and everything that can be asked of them.

    Parameters
    ----------
    path : path
        A folder made by `Workspace.init`.
    clock : Clock, optional
        Where the present comes from; the system's by default.

    Raises
    ------
    InvalidInput
        If the folder is no workspace or a setting is wrong.
    """

    def __init__(self, path: str | Path, clock: Clock | None = None) -> None:
        self.path = Path(path)
        if not (self.path / SETTINGS_FILE).is_file():
            raise InvalidInput(
                f"{self.path} is no workspace: it has no {SETTINGS_FILE}; make one with `forecast init {self.path}`."
            )
        self.settings: Settings = load_settings(self.path)
        if clock is None:
            from forecast.adapters.clock import SystemClock

            clock = SystemClock()
        self.clock: Clock = clock

    @classmethod
    def init(cls, path: str | Path, clock: Clock | None = None, **settings: Any) -> Workspace:
        """Make a workspace folder with these settings; an existing one is only opened.

        Raises
        ------
        InvalidInput
            If a setting is unknown or out of range.
        """
        folder = Path(path)
        file = folder / SETTINGS_FILE
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(_settings_text(settings), encoding="utf-8")
            try:
                load_settings(folder)
            except InvalidInput:
                file.unlink()
                raise
        workspace = cls(folder, clock)
        workspace.store.migrate()
        return workspace

    @cached_property
    def lake(self) -> DeltaLake:
        """The history."""
        from forecast.adapters.lake import DeltaLake

        return DeltaLake(self.path / "lake")

    @cached_property
    def store(self) -> SqlStore:
        """What people see and change."""
        from forecast.adapters.store import SqlStore

        return SqlStore(self.settings.store_url or f"sqlite:///{self.path.resolve() / 'store.db'}", clock=self.clock)

    @cached_property
    def registry(self) -> MlflowRegistry:
        """Registered models."""
        from forecast.adapters.mlflow_registry import MlflowRegistry

        return MlflowRegistry(self.settings.tracking_uri, folder=self.path / "models")

    # -- data in --------------------------------------------------------------------------------------------------

    def ingest(
        self,
        mapping: str | Path,
        *,
        check: bool = False,
        data: str | Path | None = None,
        retry_quarantine: bool = False,
    ) -> IngestResult:
        """Bring in the rows of a mapping as one commit (design: mapping file); ``check`` changes nothing.

        ``data`` is the folder that the mapping's files are relative to, by default the mapping's own.
        """
        from forecast.adapters.inputs import load_mapping, register_inputs
        from forecast.usecases.ingest import ingest

        spec = load_mapping(Path(mapping))
        folder = Path(data) if data is not None else Path(mapping).parent
        return ingest(
            spec,
            lambda con: register_inputs(con, spec, folder),
            self.lake,
            self.clock,
            check=check,
            retry_quarantine=retry_quarantine,
        )

    def table(self, name: str, as_of: AsOf = None, batch: int | None = None) -> pd.DataFrame:
        """Rows of a canonical table in force at ``as_of``, by default all that is known."""
        return self.lake.table(name, None if as_of is None else self.moment(as_of), batch)

    def features(self, entity: str, as_of: AsOf = None, batch: int | None = None) -> pd.DataFrame:
        """Features of all open leads or opportunities at ``as_of``; one row each."""
        from forecast.features import build_features, open_entities

        moment = self.moment(as_of)
        with self.lake.connect(batch) as con:
            return build_features(con, open_entities(con, entity, moment), entity, zone=self.settings.zone)

    def demand_panel(self, as_of: AsOf = None, batch: int | None = None) -> DemandPanel:
        """The series that demand is learned from, as known at ``as_of``."""
        from forecast.usecases.demand import read_panel

        with self.lake.connect(batch) as con:
            return read_panel(con, self.settings, self.moment(as_of), self.settings.demand_horizon)

    # -- models ---------------------------------------------------------------------------------------------------

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

    def score(
        self,
        as_of: AsOf = None,
        model: str | None = None,
        batch: int | None = None,
        entity: str | None = None,
        *,
        save: bool = False,
    ) -> pd.DataFrame:
        """Scores of all open leads and opportunities; one row each, in the contract's columns."""
        from forecast.usecases.score import score

        return score(
            self.lake,
            self.registry,
            self.store,
            self.settings,
            self.moment(as_of),
            model=model,
            batch=batch,
            entity=entity,
            save=save,
        )

    def score_record(
        self, entity: str, record: Mapping[str, Any], as_of: AsOf = None, model: str | None = None
    ) -> dict[str, Any]:
        """Score of a record that is not in the lake, through the same features."""
        from forecast.usecases.score import score_record

        return score_record(
            self.lake, self.registry, self.store, self.settings, entity, record, self.moment(as_of), model=model
        )

    def explain(
        self,
        entity_id: str,
        as_of: AsOf = None,
        model: str | None = None,
        batch: int | None = None,
        lang: str = "en",
        entity: str | None = None,
        strongest: int | None = None,
    ) -> dict[str, Any]:
        """Why one lead or opportunity has its score: reasons with points that add up, and their evidence."""
        from forecast.usecases.explain import explain

        return explain(self.score(as_of, model, batch, entity), entity_id, lang=lang, strongest=strongest)

    def next_steps(
        self,
        entity: str,
        as_of: AsOf = None,
        model: str | None = None,
        batch: int | None = None,
        entity_id: str | None = None,
    ) -> pd.DataFrame | None:
        """What to do next with each open lead or opportunity, with effect, interval and cost, or why that is unknown.

        None where the model that serves has learned no effects.
        """
        from forecast.usecases.next_step import next_steps

        wiring, moment = (self.lake, self.registry, self.store, self.settings), self.moment(as_of)
        return next_steps(*wiring, moment, entity, model=model, batch=batch, entity_id=entity_id)

    def next_step(
        self,
        entity: str,
        entity_id: str,
        as_of: AsOf = None,
        model: str | None = None,
        batch: int | None = None,
        lang: str = "en",
    ) -> dict[str, Any]:
        """What to do next with one lead or opportunity, in words."""
        from forecast.usecases.next_step import told_step

        return told_step(self.next_steps(entity, as_of, model, batch, entity_id), entity_id, lang)

    def what_would_raise(
        self,
        entity_id: str,
        as_of: AsOf = None,
        model: str | None = None,
        batch: int | None = None,
        lang: str = "en",
    ) -> dict[str, Any]:
        """What its owner could do that would raise the score of one lead or opportunity, largest gain first."""
        from forecast.usecases.raising import what_would_raise

        moment = self.moment(as_of)
        return what_would_raise(
            self.lake, self.registry, self.store, self.settings, moment, entity_id, model=model, batch=batch, lang=lang
        )

    def customers(self, as_of: AsOf = None, model: str | None = None, batch: int | None = None) -> pd.DataFrame:
        """What every account that ever ordered is expected to do: buy or not, how often, for how much, of what."""
        from forecast.usecases.customers import score_customers

        wiring, moment = (self.lake, self.registry, self.store, self.settings), self.moment(as_of)
        return score_customers(*wiring, moment, model=model, batch=batch)

    def explain_customer(
        self,
        account_id: str,
        as_of: AsOf = None,
        model: str | None = None,
        batch: int | None = None,
        lang: str = "en",
    ) -> dict[str, Any]:
        """Why one account is expected to buy or not: reasons with points that add up to ``p_buys``."""
        from forecast.usecases.customers import explain_customer

        return explain_customer(self.customers(as_of, model, batch), account_id, lang=lang)

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

    def rollback(self, name: str, *, author: str) -> str:
        """Return to the champion before the present one; returns its label."""
        from forecast.usecases.models import rollback

        return rollback(self.registry, self.store, self.clock, name, author=author)

    def card(self, model: str) -> str:
        """The model card of a version, in Markdown."""
        from forecast.usecases.models import card

        return card(self.registry, model)

    # -- forecasts and targets ------------------------------------------------------------------------------------

    def forecast_demand(self, as_of: AsOf = None, horizon: int | None = None, batch: int | None = None) -> pd.DataFrame:
        """Forecast of every series: ``unique_id, ds, cutoff, model_version, mean, q0.1, q0.5, q0.9``."""
        from forecast.usecases.demand import forecast_demand

        return forecast_demand(
            self.lake, self.registry, self.store, self.settings, self.moment(as_of), horizon=horizon, batch=batch
        )

    def served_demand(self, as_of: AsOf = None, batch: int | None = None) -> ServedDemand:
        """The demand model of a day with the history that was known: to explain, ask what if, and for new items."""
        from forecast.usecases.demand import served_demand

        return served_demand(self.lake, self.registry, self.store, self.settings, self.moment(as_of), batch=batch)

    def explain_demand(
        self, unique_id: str, as_of: AsOf = None, batch: int | None = None, lang: str = "en"
    ) -> dict[str, Any]:
        """The parts of every period's forecast of one series; they add up to it."""
        from forecast.usecases.demand_explanation import explain_demand

        return explain_demand(self.served_demand(as_of, batch), unique_id, lang=lang)

    def outlook(self, period: str, as_of: AsOf = None, batch: int | None = None) -> Outlook:
        """Revenue distribution of a period per rep, team and company."""
        from forecast.usecases.outlook import outlook

        return outlook(
            self.lake, self.registry, self.store, self.settings, self._period(period), self.moment(as_of), batch=batch
        )

    def targets(
        self, period: str, company_target: float | None = None, as_of: AsOf = None, batch: int | None = None
    ) -> TargetProposal:
        """Equal-difficulty proposal of a period's targets; without ``company_target`` at even odds of the company."""
        from forecast.usecases.targets import propose_targets

        return propose_targets(self.outlook(period, as_of, batch), company_target)

    def approve_targets(self, period: str, author: str, company_target: float | None = None, as_of: AsOf = None) -> int:
        """Approve the proposal as the next version of the period's targets; returns the version."""
        proposal = self.targets(period, company_target, as_of)
        return self.store.approve_targets(period, proposal.to_frame(), author=author)

    def approved_targets(self, period: str) -> pd.DataFrame:
        """Every approved version of a period's targets."""
        self._period(period)
        return self.store.approved_targets(period)

    # -- vocabulary -----------------------------------------------------------------------------------------------

    def moment(self, as_of: AsOf) -> datetime:
        """The moment in UTC that ``as_of`` names; now when it is None.

        Raises
        ------
        InvalidInput
            If it is no date.
        """
        if as_of is None:
            return self.clock.now()
        if isinstance(as_of, str):
            return parse_moment(as_of, self.settings.zone)
        if isinstance(as_of, datetime):
            return parse_moment(as_of.isoformat(), self.settings.zone)
        return start_of_day(as_of, self.settings.zone)

    def _period(self, text: str) -> Any:
        return parse_period(text, fiscal_year_start=self.settings.fiscal_year_start)


def _settings_text(settings: Mapping[str, Any]) -> str:
    """TOML of the given settings; strings, numbers and lists of numbers only."""
    lines = ["# Settings of this workspace; each can be overridden by FORECAST_<NAME> in the environment."]
    for name, value in settings.items():
        text = (
            f'"{value}"' if isinstance(value, str) else str(list(value) if isinstance(value, tuple) else value).lower()
        )
        lines.append(f"{name} = {text}")
    return "\n".join(lines) + "\n"
