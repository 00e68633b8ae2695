"""What a rep can do to a score without doing anything: empty activities and typed fields, measured on open cases.

The open cases of a moment are scored as they are, and again after each attack on a private copy of the history. What
is stated is how much that moves the probability: a bound by measurement on these cases, not by proof.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.conversion import ConversionScorer
from forecast.features import FAMILIES, build_features, feature_columns
from forecast.features.columns import quoted
from forecast.features.interactions import UNANSWERED
from forecast.history import in_force, sql_moment, stored_columns
from forecast.schema import FOREVER, SCORED_ENTITIES
from forecast.usecases.champion import with_columns
from training.leakage import replace_rows, sample_spine

#: Empty activities added to each case, over so many days before it is scored.
N_EMPTY, DAYS = 20, 7

#: Ids of the activities put in begin with this.
MARK = "tamper-"

#: Kinds of activity tried, the most common ones first.
MAX_KINDS = 8

#: Families whose features hang on activities: only these are made anew after an attack by activities.
LOGGED_READ_BY = ("interactions",)

#: Names of the attacks that are no single kind of activity: each case with the kind that raises it most.
ANY = f"{N_EMPTY} empty activities, the best kind for each case"
INVENTED = f"{N_EMPTY} invented ones, with the usual result and a minute each, the best kind for each case"
TYPED = "expected close next week, category commit"


class LoggedKind(NamedTuple):
    """A kind of activity that reps log, and the result that it mostly has."""

    channel: str | None
    kind: str | None
    result: str | None

    @property
    def name(self) -> str:
        """As people call it."""
        return self.kind or self.channel or "activity"


def tamper_effects(
    con: DuckDBPyConnection,
    scorer: ConversionScorer,
    spine: pd.DataFrame,
    *,
    families: Sequence[str] | None = None,
    max_kinds: int = MAX_KINDS,
    zone: tzinfo,
) -> pd.DataFrame:
    """Change of the probability of open cases under each attack.

    Parameters
    ----------
    con : DuckDB connection
        Private: its histories are replaced.
    scorer : ConversionScorer
        Fitted.
    spine : DataFrame
        ``entity_id``, ``as_of`` of the cases open at one moment; up to 300 of them are looked at.
    families : sequence of str, optional
        Feature families that the scorer was trained on; default all.
    max_kinds : int
        Kinds of activity tried, the most common ones first.
    zone : tzinfo
        Of the workspace.

    Returns
    -------
    DataFrame
        ``attack``, ``n_cases``, and in points of probability ``median``, ``p90`` and ``max`` of |change|, ``max_up``,
        and ``up``, the share of cases that rise by more than a thousandth. One row per kind of activity that reps log,
        one for the kind that raises each case most, empty and with an invented result, and one for typed fields where
        the entity has them; empty when no case is open.
    """
    if spine.empty:
        return _effects({})
    rows = sample_spine(spine, spine["as_of"].iloc[0])
    moment = rows["as_of"].iloc[0].to_pydatetime()
    con.register("_tampered_cases", rows[["entity_id"]])

    def change(read_by: Sequence[str]) -> np.ndarray:
        """What the history as it is now does to the probability of each case, by the families that read it."""
        anew = build_features(con, rows, scorer.entity, read_by, zone=zone)
        return np.asarray(probability(_renewed(honest, anew, read_by)) - before)

    def logged(kinds: Iterable[LoggedKind], invented: bool) -> list[np.ndarray]:
        """What activities of each kind do; they are put into the history and taken out again."""
        found = []
        for kind in kinds:
            _insert(con, activities(scorer.entity, kind, moment, invented=invented))
            found.append(change(logging))
            con.execute(f"DELETE FROM interactions WHERE interaction_id LIKE '{MARK}%'")
        return found

    def probability(features: pd.DataFrame) -> np.ndarray:
        names = [str(name) for name in scorer.model_.feature_names_in_]
        return scorer.win_probability(with_columns(features, names))

    built = list(FAMILIES if families is None else families)
    honest = build_features(con, rows, scorer.entity, built, zone=zone)
    before = probability(honest)
    kinds = kinds_logged(con, moment, max_kinds)
    logging = [name for name in LOGGED_READ_BY if name in built]
    effects: dict[str, np.ndarray] = {}
    if kinds:
        replace_rows(con, "interactions", _keep(con, "interactions"))  # a table of its own, to put rows into
        empty, invented = (logged(kinds, way) for way in (False, True))
        effects = {f"{N_EMPTY} × {kind.name}": moved for kind, moved in zip(kinds, empty, strict=True)}
        effects |= {ANY: np.max(empty, axis=0), INVENTED: np.max(invented, axis=0)}
    if scorer.entity == "opportunity":
        kept = _keep(con, "opportunities")
        replace_rows(con, "opportunities", f"{kept} UNION ALL {retyped(moment)}")
        effects[TYPED] = change(built)
        replace_rows(con, "opportunities", kept)
    return _effects(effects)


def _renewed(honest: pd.DataFrame, anew: pd.DataFrame, families: Sequence[str]) -> pd.DataFrame:
    """Features with those of some families replaced; rows of both are the same, in the same order."""
    other = [name for name in honest.columns if name.partition("__")[0] not in families]
    return pd.concat([honest[other], anew[feature_columns(anew)]], axis=1)


def kinds_logged(con: DuckDBPyConnection, moment: datetime, max_kinds: int = MAX_KINDS) -> list[LoggedKind]:
    """What reps had logged before ``moment``, most common first; not what customers did."""
    nobody = ", ".join(quoted(result) for result in UNANSWERED)
    found = con.sql(
        f"SELECT channel, kind, mode(result) FILTER (lower(result) NOT IN ({nobody})) FROM interactions "
        f"WHERE known_from < {sql_moment(moment)} AND deleted_at IS NULL "
        "AND direction IS DISTINCT FROM 'in' AND channel IS DISTINCT FROM 'web' "
        f"GROUP BY ALL ORDER BY count(*) DESC, channel, kind LIMIT {max_kinds}"
    ).fetchall()
    return [LoggedKind(*row) for row in found]


def activities(entity: str, kind: LoggedKind, moment: datetime, *, invented: bool = False) -> str:
    """SQL of history rows: 20 outbound contacts of each case's owner, spread over the 7 days before the moment.

    Unanswered and without duration, unless ``invented``: then with the usual result and a minute each.
    """
    table, key = SCORED_ENTITIES[entity]
    at = f"{sql_moment(moment)} - INTERVAL {DAYS * 86_400} SECOND * (n + 0.5) / {N_EMPTY}"
    values = {
        "interaction_id": f"'{MARK}' || c.entity_id || '-' || n",
        "at": at,
        "recorded_at": at,
        "channel": "NULL" if kind.channel is None else quoted(kind.channel),
        "kind": "NULL" if kind.kind is None else quoted(kind.kind),
        "direction": "'out'",
        "result": quoted(kind.result) if invented and kind.result else "NULL",
        "account_id": "o.account_id",
        key: "c.entity_id",
        "user_id": "o.owner_id",
        "duration_s": "60" if invented else "0",
        "batch": "0",
        "row": "0",
    }
    return _select(
        "interactions",
        values,
        f"FROM _tampered_cases c JOIN {in_force(table, moment)} o ON o.{key} = c.entity_id, range({N_EMPTY}) r(n)",
    )


def retyped(moment: datetime) -> str:
    """SQL of history rows: a version of each case an hour before the moment, closing next week for sure."""
    values = {name: f'o."{name}"' for name in stored_columns("opportunities")} | {
        "expected_close_date": f"CAST({sql_moment(moment)} + INTERVAL 7 DAY AS DATE)",
        "forecast_category": "'commit'",
        "recorded_at": f"{sql_moment(moment)} - INTERVAL 1 HOUR",
    }
    return _select(
        "opportunities",
        values,
        f"FROM _tampered_cases c JOIN {in_force('opportunities', moment)} o ON o.opportunity_id = c.entity_id",
    )


def _insert(con: DuckDBPyConnection, rows: str) -> None:
    """Put rows of new ids, one version each, into a history; cheaper than to make it anew."""
    names = ", ".join(f'"{name}"' for name in stored_columns("interactions"))
    con.execute(
        f"INSERT INTO interactions ({names}, known_from, known_to) "
        f"SELECT {names}, recorded_at, TIMESTAMP '{FOREVER}' FROM ({rows})"
    )


def _keep(con: DuckDBPyConnection, table: str) -> str:
    """Keep the rows of a history; the query that gives them."""
    columns = ", ".join(f'"{name}"' for name in stored_columns(table))
    con.execute(f"CREATE OR REPLACE TEMP TABLE _honest_{table} AS SELECT {columns} FROM {table}")
    return f"SELECT * FROM _honest_{table}"


def _select(table: str, values: dict[str, str], source: str) -> str:
    columns = ", ".join(f'{values.get(name, "NULL")} AS "{name}"' for name in stored_columns(table))
    return f"SELECT {columns} {source}"


def _effects(changes: dict[str, np.ndarray]) -> pd.DataFrame:
    names = ["attack", "n_cases", "median", "p90", "max", "max_up", "up"]
    return pd.DataFrame([_effect(attack, change) for attack, change in changes.items()], columns=names)


def _effect(attack: str, change: np.ndarray) -> dict[str, object]:
    size = np.abs(change)
    return {
        "attack": attack,
        "n_cases": len(change),
        "median": float(np.median(size)),
        "p90": float(np.quantile(size, 0.9)),
        "max": float(size.max()),
        "max_up": max(0.0, float(change.max())),
        "up": float((change > 0.001).mean()),
    }


def tamper_section(effects: pd.DataFrame) -> tuple[str, str]:
    """Title and Markdown text for the model card: the bound, and the effect of each attack in percentage points."""
    title = "What a rep can fake"
    if effects.empty:
        return title, "No case was open, or reps log no activities and type nothing that is scored: nothing to try."
    lines = [
        "| attack | cases | median | 90 % | max | max up | rising |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in effects.to_dict("records"):
        sizes = " | ".join(f"{100 * row[name]:.1f}" for name in ("median", "p90", "max", "max_up"))
        lines.append(f"| {row['attack']} | {row['n_cases']} | {sizes} | {row['up']:.0%} |")
    worst = effects[effects["attack"] == ANY]
    bound = (
        f"{N_EMPTY} empty activities (outbound, unanswered, without duration, within {DAYS} days) raise no score by "
        f"more than {100 * worst['max_up'].iloc[0]:.1f} points: measured on these cases, not proven. Invented results "
        "are another matter: they look like work.\n\n"
        if len(worst)
        else ""
    )
    heading = "Change of the probability in percentage points, on cases open at the cutoff:"
    return title, f"{bound}{heading}\n\n" + "\n".join(lines)
