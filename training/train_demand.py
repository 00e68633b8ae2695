"""Train the demand model: panel, folds beside baselines, registry, gate."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from forecast.adapters.model_specs import ModelSpec, load_model_spec
from forecast.demand import NAIVES, CoherentForecaster, DemandForecaster, DemandPanel
from forecast.errors import InvalidInput
from forecast.evaluation.promotion import Decision
from forecast.evaluation.series_plots import fan_plot, leaderboard_plot, pit_plot, step_plot
from forecast.evaluation.series_promotion import decide_series, rmsse_by_fold
from forecast.ports import Clock, Lake, ModelRegistry, ModelVersion, Store
from forecast.settings import Settings
from forecast.usecases.champion import GATE
from forecast.usecases.demand import (
    BUDGET,
    DEMAND,
    compare,
    demand_champion,
    folds_possible,
    read_panel,
    with_class,
)
from forecast.usecases.evidence import CLASSES, EVALUATION
from forecast.usecases.models import CARD, enthrone, gate_tags
from training.demand_card import demand_card
from training.result import TrainingResult

Progress = Callable[[str], None]

CHALLENGER = "combined"
_CHAMPION = "champion"

#: What may be changed; the rest follows from the panel.
PARAMETERS = (
    "budget", "bagging_fraction", "feature_fraction", "lambda_l2", "learning_rate", "max_bin", "min_data_in_leaf",
    "num_iterations", "num_leaves", "tweedie_variance_power",
)  # fmt: skip


def train_demand(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    clock: Clock,
    *,
    as_of: datetime | None = None,
    params: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> list[TrainingResult]:
    """Fit a challenger on the panel, compare it on past folds, register it, and promote it if the gate agrees.

    Where there is no champion yet, the best naive on the folds is registered and promoted first.

    Parameters
    ----------
    as_of : datetime, optional
        Training cutoff: nothing recorded at or after it is seen. Default now.
    params : mapping, optional
        Changes to the parameters of ``models/demand/model.yaml``.
    progress : callable, optional
        Gets a line of text at each step.

    Returns
    -------
    list of TrainingResult
        Of length one.

    Raises
    ------
    NotEnoughHistory
        If the panel is empty or shorter than three horizons.
    DataUnavailable
        If the run could not be logged; before any work is done.
    InvalidInput
        If a parameter is unknown.
    """
    registry.check()
    cutoff, batch = clock.now() if as_of is None else as_of, lake.head()
    say = progress or (lambda line: None)
    spec = _with_parameters(load_model_spec(DEMAND), params)
    champion = demand_champion(registry, store, cutoff)
    with lake.connect(batch) as con:
        known = read_panel(con, settings, cutoff, settings.demand_horizon)
    run = _Run(known, spec, settings, cutoff, batch, say)
    folds = run.folds()
    if champion is None:
        errors = rmsse_by_fold(folds, known.panel, list(NAIVES)).mean(numeric_only=True)
        naive = str(errors[list(NAIVES)].idxmin())
        decision = Decision(True, "First champion: the best naive.", {})
        champion = run.register(run.forecaster(naive), naive, folds, decision, registry)
        enthrone(registry, store, clock, champion, reason=decision.reason, author=GATE)
    decision = run.decide(folds, champion, registry)
    say(f"demand: refit on all {len(known.panel):,} rows")
    version = run.register(run.forecaster(CHALLENGER), CHALLENGER, folds, decision, registry)
    if decision.promote:
        enthrone(registry, store, clock, version, reason=decision.reason, author=GATE)
    return [TrainingResult(version, decision, compare(folds, known.panel), len(known.panel), settings.demand_horizon)]


class _Run:
    """One training."""

    def __init__(
        self, known: DemandPanel, spec: ModelSpec, settings: Settings, cutoff: datetime, batch: int, say: Progress
    ) -> None:
        self.known = known
        self.spec = spec
        self.settings = settings
        self.cutoff = cutoff
        self.batch = batch
        self.say = say

    def forecaster(self, model: str, params: Mapping[str, Any] | None = None) -> CoherentForecaster:
        """An unfitted forecaster by the settings."""
        chosen = dict(self.spec.parameters if params is None else params) if model == CHALLENGER else {}
        budget = float(chosen.pop("budget", BUDGET))
        return CoherentForecaster(
            self.known.freq,
            self.settings.demand_horizon,
            model="auto" if model == CHALLENGER else model,
            budget=budget,
            params=chosen,
            random_state=self.settings.random_state,
            past_only=self.known.past_only,
            country=self.settings.country if model == CHALLENGER else "",
        )

    def parameters(self, kind: str) -> str:
        """All that was chosen for a model, as one text that is equal when it is."""
        chosen = dict(self.spec.parameters) if kind == CHALLENGER else {}
        return parameters_text(
            chosen | ({"country": self.settings.country} if chosen and self.settings.country else {})
        )

    def folds(self) -> pd.DataFrame:
        """Past folds of the challenger beside all baselines."""
        horizon, known = self.settings.demand_horizon, self.known
        n_folds = folds_possible(known.panel, horizon, int(self.spec.gate.get("n_folds", 3)))
        n_series = known.panel["unique_id"].nunique()
        self.say(f"demand: comparing on the last {n_folds} folds of {horizon} periods, {n_series:,} series")
        forecaster = self.forecaster(CHALLENGER)
        folds = forecaster.backtest(known.panel, n_folds, known.static, known.drivers)
        for repair in forecaster.repairs_:
            self.say(f"demand: {repair.line}")
        return folds

    def decide(self, folds: pd.DataFrame, champion: ModelVersion, registry: ModelRegistry) -> Decision:
        """The gate: against the present champion's recipe on the same folds."""
        parameters = self.parameters(CHALLENGER)
        same = champion.tags.get("kind") == CHALLENGER and champion.tags.get("parameters") == parameters
        if same and (champion.cutoff, champion.batch) == (self.cutoff, self.batch):
            return Decision(False, f"Nothing is new since {champion.label}: same data, same parameters.", {})
        kind = champion.tags.get("kind", "")
        if kind in folds:
            compared, floor = folds.rename(columns={kind: champion.label}), kind in NAIVES
        else:
            recipe = DemandForecaster.from_files(registry.files(champion.name, champion.version))
            compared, floor = (
                folds.assign(**{champion.label: folds["mean"] if same else self._again(recipe, folds)}),
                False,
            )
        return decide_series(
            compared,
            self.known.panel,
            champion.label,
            "mean",
            floor=floor,
            margin=self.spec.gate.get("margin", 0.01),
            random_state=self.settings.random_state,
        )

    def _again(self, recipe: DemandForecaster, folds: pd.DataFrame) -> pd.Series:
        """The champion's recipe on the same folds."""
        n_folds = folds.groupby("unique_id")["cutoff"].nunique().max()
        before = self.forecaster(CHALLENGER, {**(recipe.params or {}), "budget": recipe.budget})
        before.country, before.past_only = recipe.country, recipe.past_only
        again = before.backtest(self.known.panel, int(n_folds), self.known.static, self.known.drivers, baselines=())
        keys = ["unique_id", "ds", "cutoff"]
        return folds[keys].merge(again[[*keys, "mean"]], on=keys, how="left")["mean"]

    def register(
        self,
        forecaster: CoherentForecaster,
        kind: str,
        folds: pd.DataFrame,
        decision: Decision,
        registry: ModelRegistry,
    ) -> ModelVersion:
        """Fit on everything and log one run with all that is needed to judge and to repeat it."""
        known = self.known
        forecaster.fit(known.panel, known.static, known.drivers)
        if kind == CHALLENGER:
            self.say("demand: forecasting sums, and choosing how series agree with them")
            forecaster.fit_sums(folds)
        agreed = forecaster.reconciliation_
        table, steps = compare(folds, known.panel), compare(folds, known.panel, by="step")
        metrics = {
            f"{row['model']}.{name}": float(value)
            for row in table.to_dict("records")
            for name, value in row.items()
            if name != "model" and value == value
        }
        own = table.set_index("model").loc[kind].dropna()
        card = demand_card(known, self.cutoff, self.batch, forecaster, table, decision)
        forecast = forecaster.predict()
        classes = compare(with_class(folds, known), known.panel, challenger=CHALLENGER, by="class")
        kept = {
            CARD: card.encode(),
            EVALUATION: table.to_csv(index=False).encode(),
            CLASSES: classes.to_csv(index=False).encode(),
        }
        return registry.register(
            DEMAND,
            forecaster.to_files() | kept,
            {
                "cutoff": self.cutoff,
                "batch": self.batch,
                "params": dict(forecaster.params or {})
                | {
                    "kind": kind,
                    "freq": known.freq,
                    "measure": known.measure,
                    "horizon": forecaster.horizon,
                    "n_rows": len(known.panel),
                    "n_series": forecaster.n_series_,
                    "n_folds": int(folds.groupby("unique_id")["cutoff"].nunique().max()),
                    "evaluation_from": str(folds["ds"].min()),
                    "random_state": self.settings.random_state,
                    "reconciliation": "bottom_up" if agreed is None else agreed.method,
                },
                "metrics": metrics
                | {str(name): float(value) for name, value in own.items()}
                | {f"gate.{name}": value for name, value in decision.numbers.items()},
                "tags": {
                    "task": "demand",
                    "kind": kind,
                    "freq": known.freq,
                    "horizon_days": forecaster.horizon,
                    "parameters": self.parameters(kind),
                }
                | gate_tags(decision),
                "artifacts": kept
                | {
                    "fans.png": fan_plot(folds, known.panel),
                    "leaderboard.png": leaderboard_plot(table),
                    "pit.png": pit_plot(folds),
                    "steps.png": step_plot(steps),
                    "steps.csv": steps.to_csv(index=False).encode(),
                    "folds.csv": folds.to_csv(index=False).encode(),
                    "features.csv": pd.DataFrame({"feature": forecaster.feature_names_in_})
                    .to_csv(index=False)
                    .encode(),
                }
                | ({} if agreed is None else {"reconciliation.csv": agreed.table().to_csv(index=False).encode()}),
                "example": known.panel.head(5),
                "prediction": forecast.head(5),
            },
        )


def parameters_text(parameters: Mapping[str, Any]) -> str:
    """Parameters as one text that is equal when they are."""
    return json.dumps(dict(parameters), sort_keys=True, default=str)


def _with_parameters(spec: ModelSpec, params: Mapping[str, Any] | None) -> ModelSpec:
    changed = dict(spec.parameters) | dict(params or {})
    unknown = sorted(set(changed) - set(PARAMETERS))
    if unknown:
        raise InvalidInput(f"Parameters {unknown} are unknown; a demand model has {list(PARAMETERS)}.")
    return ModelSpec(spec.name, spec.task, spec.entity, spec.features, changed, spec.gate)
