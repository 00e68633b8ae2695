"""Train the conversion models: snapshots, features, comparison on later time, leakage check, registry, gate."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from forecast.adapters.model_specs import ModelSpec, load_model_spec
from forecast.conversion import ConversionModel, ConversionScorer, window_labels
from forecast.conversion.next_step import NextStepModel
from forecast.conversion.population import MIN_ENTITIES, joined
from forecast.conversion.scorer import Kind
from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.evaluation.evaluate import evaluate, gate
from forecast.evaluation.promotion import Decision
from forecast.features import build_features, feature_columns, open_entities, outcomes
from forecast.features.leaks import KINDS, Suspect, hunt_history, leaking_features
from forecast.monitoring.drift import describe_features
from forecast.ports import Clock, Lake, ModelRegistry, ModelVersion, Store
from forecast.schema import SCORED_ENTITIES
from forecast.settings import Settings
from forecast.usecases.champion import GATE, GROUP_RATE, champion_at, model_name, new_scorer, with_columns
from forecast.usecases.evidence import REFERENCE
from forecast.usecases.models import CARD, enthrone, gate_tags
from forecast.usecases.snapshots import Snapshots, censored, take_snapshots
from training.baselines import Predictor, fit_lightgbm, fit_logistic
from training.card import conversion_card, describe_effort
from training.evidence import evidence_of
from training.importance import importance_artifacts
from training.leakage import changed_features, distort_future, leak_section, sample_spine
from training.next_step import learn_next_step, next_step_section
from training.result import TrainingResult
from training.split import LATER_TIME, Block, Split, enough, split_by_time
from training.tamper import tamper_effects, tamper_section

__all__ = ["TrainingResult", "train_conversion"]

Progress = Callable[[str], None]

CHALLENGER = "challenger"

#: Share of the snapshots before the early moment of the leakage check.
EARLY = 0.1

#: Kinds of activity that the card tries on the open cases.
TAMPER_KINDS = 4

#: Metrics shown for every compared model.
SHOWN = ["log_loss", "log_loss_low", "log_loss_high", "brier_loss", "roc_auc", "lift_10", "calibration_slope"]
SHOWN += ["calibration_error", "calibration_error_floor"]


def train_conversion(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    clock: Clock,
    *,
    as_of: datetime | None = None,
    entity: str | None = None,
    params: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> list[TrainingResult]:
    """Fit a challenger per kind of entity, compare it on later time, register it, and promote it if the gate agrees.

    Where there is no champion yet, the shrunken group rate is registered and promoted first.

    Parameters
    ----------
    as_of : datetime, optional
        Training cutoff: nothing recorded at or after it is seen. Default now.
    entity : {"lead", "opportunity"}, optional
        Only this kind.
    params : mapping, optional
        Changes to the parameters of ``models/<name>/model.yaml``.
    progress : callable, optional
        Gets a line of text at each step.

    Returns
    -------
    list of TrainingResult
        One per kind of entity that has enough history.

    Raises
    ------
    NotEnoughHistory
        If no kind of entity has; the message says what there is.
    DataUnavailable
        If the run could not be logged; before any work is done.
    InvalidInput
        If a parameter is unknown.
    """
    registry.check()
    cutoff, batch = clock.now() if as_of is None else as_of, lake.head()
    say = progress or (lambda line: None)
    results: list[TrainingResult] = []
    lacking: list[str] = []
    for kind in [entity] if entity else sorted(SCORED_ENTITIES):
        spec = _with_parameters(load_model_spec(model_name(kind)), params)
        champion = champion_at(registry, store, kind, cutoff)
        # One thread: sums then have one order on every machine, and on small tables threads only wait for each other.
        with lake.connect(batch) as con, threadpool_limits(limits=1):
            run = _Run(con, spec, settings, cutoff, batch, registry, champion, say)
            if run.snapshots.spine.empty:
                continue
            try:
                run.check_history()
            except NotEnoughHistory as error:
                lacking.append(str(error))
                continue
            with lake.connect(batch) as other:
                leaking = run.leaking(other)
            results.append(_register(run, leaking, lake, registry, store, clock))
    if not results:
        nothing = f"Nothing to train on: no lead and no opportunity was open at a snapshot before {cutoff:%Y-%m-%d}."
        raise NotEnoughHistory(" ".join(lacking) or nothing)
    return results


@dataclass
class _Run:
    """One training of one kind of entity. What is expensive is made once, when first asked for."""

    con: DuckDBPyConnection
    spec: ModelSpec
    settings: Settings
    cutoff: datetime
    batch: int
    registry: ModelRegistry
    champion: ModelVersion | None
    say: Progress

    @property
    def entity(self) -> str:
        assert self.spec.entity is not None
        return self.spec.entity

    @cached_property
    def snapshots(self) -> Snapshots:
        self.say(f"{self.entity}: what was open, and what became of it")
        return take_snapshots(self.con, self.entity, self.cutoff, self.settings)

    def check_history(self) -> None:
        """Enough entities won and not won within some horizon, else say what there is."""
        taken = self.snapshots
        known = taken.outcomes
        label = window_labels(known, taken.horizon_days, taken.end)
        if enough(known, label, label.notna().to_numpy()):
            return
        won, other = (known["entity_id"][label == value].nunique() for value in (1, 0))
        raise NotEnoughHistory(
            f"Too little history to train {self.spec.name}: of {known['entity_id'].nunique():,} {self.entity} cases "
            f"known before {self.cutoff:%Y-%m-%d}, {won} were won and {other} were not within {taken.horizon_days} "
            f"days of a snapshot; {MIN_ENTITIES} of each are needed. Scores go on with the group rate of what is known."
        )

    @cached_property
    def features(self) -> pd.DataFrame:
        self.say(f"{self.entity}: features of {len(self.snapshots.spine):,} snapshots")
        built = self._build(self.con, self.snapshots.spine)
        return built.drop(columns=leaking_features(self.suspects, built.columns))

    @cached_property
    def suspects(self) -> list[Suspect]:
        """Columns that the leak hunter found, or the mapping declares filled at closing; no model gets them."""
        return hunt_history(self.con, self.entity, as_of=self.cutoff)

    def _build(self, con: DuckDBPyConnection, spine: pd.DataFrame) -> pd.DataFrame:
        return build_features(con, spine, self.entity, self.spec.features, zone=self.settings.zone)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Features with their outcomes, sorted; its rows are what `split` and `label` refer to."""
        return joined(self.features, self.snapshots.outcomes)

    @cached_property
    def label(self) -> "pd.Series[Any]":
        return window_labels(self.table, self.snapshots.horizon_days, self.snapshots.end)

    @cached_property
    def split(self) -> Split:
        return split_by_time(
            self.table,
            self.label,
            self.snapshots.horizon_days,
            valid_share=self.spec.gate.get("evaluation_share", 0.5),
            n_blocks=int(self.spec.gate.get("evaluation_blocks", 3)),
        )

    @property
    def y(self) -> NDArray[np.float64]:
        """Labels of the rows judged on."""
        return self.label[self.split.valid].to_numpy()

    @property
    def judged(self) -> pd.DataFrame:
        return self.table[self.split.valid]

    def _fit_before(self, block: Block, kind: Kind, params: Mapping[str, Any]) -> ConversionScorer:
        """A scorer that knows only what the comparison allows it to."""
        keys = ["entity_id", "as_of"]
        rows = self.table[block.train]
        if self.split.scheme == LATER_TIME:
            origin = block.origin.to_pydatetime()
            end = origin - (self.cutoff - self.snapshots.end)
            known = censored(outcomes(self.con, rows[keys], self.entity, origin), end)
            rows = rows.merge(known[keys], on=keys)
        else:
            end, known = self.snapshots.end, rows[[*keys, "event", "days"]]
        return self._fit(rows.drop(columns=["event", "days"]), known, end, kind, params)

    def _fit(
        self, features: pd.DataFrame, known: pd.DataFrame, end: datetime, kind: Kind, params: Mapping[str, Any]
    ) -> ConversionScorer:
        scorer = new_scorer(self.snapshots, self.settings, kind=kind, params=dict(params))
        return scorer.fit(features, known, cutoff=end)

    def refit(self, kind: Kind, params: Mapping[str, Any]) -> ConversionScorer:
        """A scorer on everything known."""
        return self._fit(self.features, self.snapshots.outcomes, self.snapshots.end, kind, params)

    @cached_property
    def predictions(self) -> dict[str, NDArray[np.float64]]:
        """Probabilities of the judged rows by every model that takes part."""
        self.say(f"{self.entity}: comparing on {self.split.scheme}, {len(self.judged):,} snapshots")
        found = {
            GROUP_RATE: self._out_of_time(lambda block: self._scorer_before(block, GROUP_RATE, {})),
            "lightgbm": self._out_of_time(lambda block: self._baseline_before(block, fit_lightgbm)),
            "logistic": self._out_of_time(lambda block: self._baseline_before(block, fit_logistic)),
            CHALLENGER: self._out_of_time(lambda block: self._scorer_before(block, "blend", self.spec.parameters)),
        }
        if self.champion is not None and self.champion_scorer.kind != GROUP_RATE and not self._same_recipe():
            found[self.champion.label] = self._champion_predictions()
        return found

    def _out_of_time(self, fit: Callable[[Block], Predictor]) -> NDArray[np.float64]:
        """Each block predicted by a fit before it; in the order of `judged`."""
        p = np.full(len(self.table), np.nan)
        for block in self.split.blocks:
            p[block.valid] = fit(block)(self.table[block.valid])
        return p[self.split.valid]

    def _scorer_before(self, block: Block, kind: Kind, params: Mapping[str, Any]) -> Predictor:
        scorer = self._fit_before(block, kind, params)
        return lambda rows: self._predict(scorer, rows)

    def _baseline_before(self, block: Block, fit: Callable[..., Predictor]) -> Predictor:
        names = feature_columns(self.features)
        known = block.train & self.label.notna().to_numpy()
        if self.split.scheme == LATER_TIME:
            window = pd.Timedelta(days=self.snapshots.horizon_days) + (self.cutoff - self.snapshots.end)
            known &= (self.table["as_of"] + window <= block.origin).to_numpy()
        predict = fit(
            self.table.loc[known, names], self.label[known].to_numpy(), random_state=self.settings.random_state
        )
        return lambda rows: predict(rows[names])

    @cached_property
    def champion_scorer(self) -> ConversionScorer:
        assert self.champion is not None
        return ConversionScorer.from_files(self.registry.files(self.champion.name, self.champion.version))

    def _predict(self, scorer: ConversionScorer, rows: pd.DataFrame) -> NDArray[np.float64]:
        names = [str(name) for name in scorer.model_.feature_names_in_]
        return scorer.win_probability(with_columns(rows, names))

    def _champion_judged(self) -> bool:
        """Whether the judged time is later than the champion's training too, so that it can be judged itself."""
        assert self.champion is not None
        same_horizon = self.champion_scorer.horizon_days == self.snapshots.horizon_days
        return same_horizon and self.champion.cutoff <= self.split.origin

    def _same_recipe(self) -> bool:
        """Whether nothing tells challenger and champion apart but newer data that neither can be judged on."""
        return self.champion_scorer.params == dict(self.spec.parameters) and not self._champion_judged()

    def _champion_predictions(self) -> NDArray[np.float64]:
        """By the champion itself where it can be judged, else by refits of its recipe."""
        scorer = self.champion_scorer
        if self._champion_judged():
            return self._predict(scorer, self.judged)
        return self._out_of_time(lambda block: self._scorer_before(block, scorer.kind, scorer.params))

    @cached_property
    def metrics(self) -> pd.DataFrame:
        return evaluate(self.y, self.predictions, clusters=self.judged["entity_id"].to_numpy(), baseline=GROUP_RATE)

    def decide(self, leaking: tuple[str, ...]) -> Decision:
        """The gate: against the present champion, or the group rate that becomes the first one.

        Newer data alone promote nothing: a refit of the champion's recipe must be shown again to be better than the
        group rate.
        """
        if self._is_twin():
            assert self.champion is not None
            return Decision(False, f"Nothing is new since {self.champion.label}: same data, same parameters.", {})
        floor = self.champion is None or self.champion.label not in self.predictions
        against = GROUP_RATE if self.champion is None or floor else self.champion.label
        return gate(
            self.y,
            self.predictions[against],
            self.predictions[CHALLENGER],
            self.judged["entity_id"].to_numpy(),
            floor=floor,
            leaking=leaking,
            margin=self.spec.gate.get("margin", 0.001),
        )

    def _is_twin(self) -> bool:
        champion = self.champion
        return (
            champion is not None
            and (champion.cutoff, champion.batch) == (self.cutoff, self.batch)
            and champion.tags.get("parameters") == parameters_text(self.spec.parameters)
        )

    def leaking(self, other: DuckDBPyConnection) -> tuple[str, ...]:
        """Features that change when everything known after a moment is distorted in another connection.

        Asked of rows late in the history, then of early ones: a feature may look ahead in the rows that are learned
        from and back in those that are judged.
        """
        late = self.split.blocks[-1].origin
        self.say(f"{self.entity}: leakage check")
        moments = self.snapshots.spine["as_of"].sort_values()
        early = pd.Timestamp(moments.iloc[int(EARLY * len(moments))])
        found: set[str] = set()
        for moment in (late, early):
            spine = sample_spine(self.snapshots.spine, moment)
            before = self._build(self.con, spine)
            distort_future(other, moment.to_pydatetime())
            found.update(changed_features(before, self._build(other, spine)))
        return tuple(sorted(found))

    def next_step(self) -> NextStepModel:
        """What the actions of reps did to their cases, from the same snapshots."""
        self.say(f"{self.entity}: effects of what reps did")
        return learn_next_step(
            self.con,
            self.features,
            self.snapshots.outcomes,
            entity=self.entity,
            horizon_days=self.snapshots.horizon_days,
            cutoff=self.cutoff,
            end=self.snapshots.end,
            random_state=self.settings.random_state,
        )

    def tampering(self, scorer: ConversionScorer, other: DuckDBPyConnection) -> tuple[str, str]:
        """Section of the card on what a rep can fake, tried on the cases open at the cutoff in another connection."""
        self.say(f"{self.entity}: what empty activities do to its scores")
        spine = open_entities(other, self.entity, self.cutoff)
        families, zone = self.spec.features, self.settings.zone
        return tamper_section(
            tamper_effects(other, scorer, spine, families=families, max_kinds=TAMPER_KINDS, zone=zone)
        )


def _register(
    run: _Run, leaking: tuple[str, ...], lake: Lake, registry: ModelRegistry, store: Store, clock: Clock
) -> TrainingResult:
    """Register the challenger (and the first champion), apply the gate, and say what happened."""
    if run.champion is None:
        first = _log(run, run.refit(GROUP_RATE, {}), GROUP_RATE, Decision(True, "First champion.", {}), registry)
        enthrone(registry, store, clock, first, reason="First champion: the shrunken group rate.", author=GATE)
    decision = run.decide(leaking)
    run.say(f"{run.entity}: refit on all {len(run.table):,} snapshots")
    scorer = run.refit("blend", run.spec.parameters)
    next_step = run.next_step()
    with lake.connect(run.batch) as other:
        sections = [next_step_section(next_step), run.tampering(scorer, other)]
    version = _log(run, scorer, CHALLENGER, decision, registry, leaking, next_step.to_files(), sections)
    for suspect in run.suspects:
        store.audit(GATE, "exclude", f"{version.label}: {suspect.table}.{suspect.column}: {KINDS[suspect.kind]}")
    if leaking:
        store.audit(GATE, "refuse", f"{version.label}: {decision.reason}")
    if decision.promote:
        enthrone(registry, store, clock, version, reason=f"{decision.reason} On {run.split.scheme}.", author=GATE)
    shown = run.metrics[["model", *SHOWN, "skill", "n_rows", "n_entities"]]
    n_rows = int(run.label.notna().sum())
    return TrainingResult(version, decision, shown, n_rows, run.snapshots.horizon_days)


def _log(
    run: _Run,
    scorer: ConversionScorer,
    role: str,
    decision: Decision,
    registry: ModelRegistry,
    leaking: tuple[str, ...] = (),
    files: Mapping[str, bytes] | None = None,
    sections: Sequence[tuple[str, str]] = (),
) -> ModelVersion:
    """One MLflow run with everything that is needed to judge and to repeat it."""
    names = [str(name) for name in scorer.model_.feature_names_in_]
    listed = pd.DataFrame({"feature": names, "effort": [describe_effort(name) for name in names]})
    mine = run.metrics.set_index("model").loc[role]
    metrics = {name: float(value) for name, value in mine.items()}
    for name, row in run.metrics.set_index("model").iterrows():
        metrics |= {
            f"{str(name).replace('/', '.')}.{key}": float(row[key]) for key in ("log_loss", "roc_auc", "brier_loss")
        }
    metrics |= {f"gate.{key}": value for key, value in decision.numbers.items()}
    evidence = evidence_of(
        run.y,
        run.predictions,
        run.judged,
        run.metrics,
        model=role,
        baseline=GROUP_RATE,
        title=f"{run.spec.name}, {role}, {run.split.scheme}",
        leaking=leaking,
    )
    card = conversion_card(
        run.spec.name,
        snapshots=run.snapshots,
        batch=run.batch,
        cutoff=run.cutoff,
        features=names,
        metrics=run.metrics[["model", *SHOWN, "skill"]],
        split=run.split,
        decision=decision,
        about=scorer.metadata_,
        sections=[evidence.section(), *sections, ("Columns kept out", leak_section(run.suspects))],
    )
    example = with_columns(run.features, names)[["entity_id", "as_of", *names]].head(5)
    scored = scorer.score(example)[["probability", "low", "high", *(f"p_{days}d" for days in scorer.horizons)]]
    split = {"scheme": run.split.scheme, "evaluation_from": run.split.origin.isoformat()}
    reference = describe_features(run.features, names, run.features["entity_id"].nunique())
    kept = evidence.kept(run.metrics) | {CARD: card.encode(), REFERENCE: json.dumps(reference).encode()}
    about = importance_artifacts(scorer, run.features) if role == CHALLENGER else {}
    kept |= {name: content for name, content in about.items() if name.endswith(".csv")}
    return registry.register(
        run.spec.name,
        scorer.to_files() | dict(files or {}) | kept,
        {
            "cutoff": run.cutoff,
            "batch": run.batch,
            "params": dict(run.spec.parameters if role == CHALLENGER else {})
            | split
            | {
                "kind": scorer.kind,
                "horizon_days": scorer.horizon_days,
                "step_days": run.snapshots.step_days,
                "followed_to": run.snapshots.end.isoformat(),
                "features": "all" if run.spec.features is None else ",".join(run.spec.features),
                "n_rows": scorer.metadata_["n_rows"],
                "n_entities": scorer.metadata_["n_entities"],
                "random_state": run.settings.random_state,
            },
            "metrics": metrics,
            "tags": {
                "task": "conversion",
                "entity": run.entity,
                "kind": scorer.kind,
                "horizon_days": scorer.horizon_days,
                "parameters": parameters_text(run.spec.parameters if role == CHALLENGER else {}),
            }
            | gate_tags(decision),
            "artifacts": evidence.artifacts() | about | kept | {"features.csv": listed.to_csv(index=False).encode()},
            "example": example,
            "prediction": scored,
        },
    )


def parameters_text(parameters: Mapping[str, Any]) -> str:
    """Parameters as one text that is equal when they are."""
    return json.dumps(dict(parameters), sort_keys=True, default=str)


def _with_parameters(spec: ModelSpec, params: Mapping[str, Any] | None) -> ModelSpec:
    """The specification with changed parameters.

    Raises
    ------
    InvalidInput
        If one is no parameter of the model.
    """
    known = sorted(inspect.signature(ConversionModel.__init__).parameters.keys() - {"self", "gap_days", "random_state"})
    changed = dict(spec.parameters) | dict(params or {})
    unknown = sorted(set(changed) - set(known))
    if unknown:
        raise InvalidInput(f"Parameters {unknown} are unknown; a conversion model has {known}.")
    return ModelSpec(spec.name, spec.task, spec.entity, spec.features, changed, spec.gate)
