"""Rolling-origin evaluation of the conversion model: what it would have said at past cutoffs, and what came true."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pandas as pd

from forecast.conversion import ConversionScorer, window_labels
from forecast.conversion.scorer import Kind
from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.evaluation.evaluate import evaluate, gate
from forecast.evaluation.promotion import Decision
from forecast.features import build_features, outcomes
from forecast.ports import Lake
from forecast.schema import SCORED_ENTITIES
from forecast.settings import Settings
from forecast.usecases.champion import GROUP_RATE, new_scorer, with_columns
from forecast.usecases.snapshots import Snapshots, censored, take_snapshots

MODEL = "forecast"

#: Share of the labelled snapshots that the first fold may learn from before anything is judged.
LEARNED_SHARE = 0.4


def backtest_conversion(
    lake: Lake,
    settings: Settings,
    as_of: datetime,
    *,
    n_folds: int = 4,
    horizon_days: int | None = None,
    at_first: bool = False,
    batch: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions at past moments by models that knew only what came before, beside the group rate and the base rate.

    The latest part of the snapshots whose outcome is known at ``as_of`` is cut into ``n_folds`` blocks of time; each is
    predicted by a model fitted as of its first moment.

    Parameters
    ----------
    as_of : datetime
        Nothing recorded at or after it is seen.
    n_folds : int
        At least 1; fewer are made when there are fewer moments.
    horizon_days : int, optional
        Default the horizon of the settings, or the longest that the follow-up supports.
    at_first : bool
        Ask once for each case, at the first moment it was open: what is known when it begins, without its course.
    progress : callable, optional
        Gets a line of text at each step.

    Returns
    -------
    predictions : DataFrame
        ``entity``, ``entity_id``, ``as_of``, ``cutoff`` (of the fold's fit), ``horizon_days``, ``won`` (0 or 1),
        ``forecast``, ``group_rate``, ``base_rate``; sorted by ``entity``, ``as_of``, ``entity_id``.
    metrics : DataFrame
        One row per entity and model; see `forecast.evaluation.evaluate.evaluate`.

    Raises
    ------
    NotEnoughHistory
        If no fold can be made.
    InvalidInput
        If ``n_folds`` is below 1.
    """
    if n_folds < 1:
        raise InvalidInput(f"`n_folds` must be at least 1, got {n_folds}.")
    if horizon_days is not None:
        settings = settings.model_copy(update={"conversion_horizon_days": horizon_days})
    say = progress or (lambda line: None)
    frames = []
    for entity in sorted(SCORED_ENTITIES):
        with lake.connect(batch) as con:
            snapshots = take_snapshots(con, entity, as_of, settings)
            if at_first:
                snapshots = first_of_each(snapshots)
            for cutoff, rows in _folds(snapshots, n_folds):
                say(f"{entity}: as of {cutoff:%Y-%m-%d}, {len(rows):,} snapshots")
                before = snapshots.spine[snapshots.spine["as_of"] < cutoff]
                end = cutoff - (as_of - snapshots.end)
                known = censored(outcomes(con, before, entity, cutoff), end)
                if not window_labels(known, snapshots.horizon_days, end).notna().any():
                    continue
                spine = pd.concat([before, rows[["entity_id", "as_of"]]])
                features = build_features(con, spine, entity, zone=settings.zone)
                frames.append(_predict(snapshots, settings, features, known, rows, cutoff, end))
    if not frames:
        raise NotEnoughHistory(
            f"No snapshot before {as_of:%Y-%m-%d} is followed for its whole horizon after another one was; "
            "use a shorter horizon or more history."
        )
    predictions = pd.concat(frames).sort_values(["entity", "as_of", "entity_id"], ignore_index=True)
    return predictions, _metrics(predictions)


def first_of_each(snapshots: Snapshots) -> Snapshots:
    """The first snapshot of each case only; both tables are sorted by moment."""
    spine = snapshots.spine.drop_duplicates("entity_id", ignore_index=True)
    kept = snapshots.outcomes.merge(spine, on=["entity_id", "as_of"])
    return replace(snapshots, spine=spine, outcomes=kept)


def stands_its_ground(predictions: pd.DataFrame) -> Decision:
    """The gate's word on a backtest: is the model shown to be better than the group rate?"""
    columns = (predictions[name].to_numpy() for name in ("won", GROUP_RATE, MODEL, "entity_id"))
    return gate(*columns, floor=True)


def _folds(snapshots: Snapshots, n_folds: int) -> list[tuple[datetime, pd.DataFrame]]:
    """(cutoff, rows judged) of each fold: the later labelled rows, at least a horizon after the first."""
    label = window_labels(snapshots.outcomes, snapshots.horizon_days, snapshots.end)
    rows = snapshots.outcomes.assign(won=label).dropna(subset="won").sort_values("as_of", kind="stable")
    if rows.empty:
        return []
    followed = rows["as_of"].min() + pd.Timedelta(days=snapshots.horizon_days)
    learned = rows["as_of"].iloc[int(LEARNED_SHARE * len(rows))]
    rows = rows[rows["as_of"] >= max(followed, learned)]
    moments = rows["as_of"].tolist()
    starts = sorted({moments[number * len(moments) // n_folds] for number in range(n_folds)}) if moments else []
    ends = [*starts[1:], pd.Timestamp(snapshots.end)][: len(starts)]
    return [
        (start.to_pydatetime(), rows[(rows["as_of"] >= start) & (rows["as_of"] < end)])
        for start, end in zip(starts, ends, strict=True)
    ]


def _predict(
    snapshots: Snapshots,
    settings: Settings,
    features: pd.DataFrame,
    known: pd.DataFrame,
    rows: pd.DataFrame,
    cutoff: datetime,
    end: datetime,
) -> pd.DataFrame:
    keys = ["entity_id", "as_of"]
    fitted = features.merge(known[keys], on=keys)
    judged = rows[keys].merge(features, on=keys)

    def said_by(kind: Kind) -> tuple[pd.Series, float]:
        scorer: ConversionScorer = new_scorer(snapshots, settings, kind=kind).fit(fitted, known, cutoff=end)
        X = with_columns(judged, [str(name) for name in scorer.model_.feature_names_in_])
        return pd.Series(scorer.win_probability(X), index=rows.index), scorer.base_

    group_rate, base = said_by(GROUP_RATE)
    said, _ = said_by("blend")
    return pd.DataFrame(
        {
            "entity": snapshots.entity,
            "entity_id": rows["entity_id"],
            "as_of": rows["as_of"],
            "cutoff": pd.Timestamp(cutoff),
            "horizon_days": snapshots.horizon_days,
            "won": rows["won"].astype(int),
            MODEL: said,
            GROUP_RATE: group_rate,
            "base_rate": base,
        }
    )


def _metrics(predictions: pd.DataFrame) -> pd.DataFrame:
    tables = []
    for entity, rows in predictions.groupby("entity", sort=True):
        said = {name: rows[name].to_numpy() for name in (MODEL, GROUP_RATE, "base_rate")}
        table = evaluate(rows["won"].to_numpy(), said, clusters=rows["entity_id"].to_numpy(), baseline="base_rate")
        tables.append(table.assign(entity=entity))
    metrics = pd.concat(tables, ignore_index=True)
    return metrics[["entity", *(name for name in metrics.columns if name != "entity")]]
