"""What happened with one lead or opportunity, and how its score moved meanwhile: only what was known at a moment."""

from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.features.interactions import of_cases
from forecast.features.links import case_groups
from forecast.features.spine import create_spine, scored_table, utc_moments
from forecast.history import sql_moment
from forecast.ports import Lake

#: What changes of a case are told, and the column that says it.
_CHANGES = {
    "lead": {"stage": "status", "owner": "owner_id"},
    "opportunity": {
        "stage": "stage",
        "amount": "CAST(amount AS DOUBLE)",
        "expected_close": "expected_close_date",
        "owner": "owner_id",
    },
}

COLUMNS = ["at", "what", "before", "after", "channel", "kind", "direction", "result", "minutes", "is_planned"]


def timeline(
    lake: Lake, entity: str, entity_id: str, as_of: datetime, *, batch: int | None = None, limit: int = 200
) -> pd.DataFrame:
    """Contacts and changes of one case, newest first; what is planned stands before them.

    Contacts are those that its score counts: its own, and those of the leads that became it. No text that a person
    wrote and no name is among them.

    Parameters
    ----------
    entity : {"lead", "opportunity"}
    as_of : datetime, UTC-aware
        Nothing recorded at or after this moment is seen.
    batch : int, optional
        Later batches are invisible; default the last one.
    limit : int
        At most so many rows, the newest.

    Returns
    -------
    DataFrame
        ``at`` (when it happened, is due, or became known), ``what`` (``contact``, ``created``, ``stage``, ``amount``,
        ``expected_close``, ``owner``), ``before`` and ``after`` (text, of changes), ``channel``, ``kind``,
        ``direction``, ``result``, ``minutes`` and ``is_planned`` (of contacts).
    """
    with lake.connect(lake.head() if batch is None else batch) as con:
        happened = pd.concat([_contacts(con, entity, entity_id, as_of), _changes(con, entity, entity_id, as_of)])
    newest = happened.sort_values("at", ascending=False, kind="stable", ignore_index=True)
    return newest.head(limit).reindex(columns=COLUMNS)


def _contacts(con: DuckDBPyConnection, entity: str, entity_id: str, as_of: datetime) -> pd.DataFrame:
    spine = create_spine(con, pd.DataFrame({"entity_id": [entity_id], "as_of": [as_of]}), entity)
    case_groups(con, spine)
    moment = sql_moment(as_of)
    frame: pd.DataFrame = con.sql(
        f"""
        SELECT CASE WHEN ahead THEN coalesce(due_at, "at") ELSE "at" END AS "at", 'contact' AS what, channel, kind,
            direction, result, duration_s / 60 AS minutes, ahead AS is_planned
        FROM (
            SELECT *, "at" >= {moment} OR (result IS NULL AND coalesce(due_at >= {moment}, false)) AS ahead
            FROM {of_cases(entity)}
        )
        WHERE known_from < {moment} AND {moment} <= known_to AND link_from < {moment} AND {moment} <= link_to
            AND deleted_at IS NULL AND merged_into IS NULL
        ORDER BY "at", interaction_id
        """
    ).df()
    return frame.assign(at=utc_moments(frame["at"]), is_planned=frame["is_planned"].astype(bool))


def _changes(con: DuckDBPyConnection, entity: str, entity_id: str, as_of: datetime) -> pd.DataFrame:
    """One row for each field that a version changed, and the first one of all."""
    table, key = scored_table(entity)
    # Values are compared as they are stored; only then they become text for the reader.
    told = " UNION ALL ".join(
        f"SELECT known_from, number, '{what}' AS what, CAST(lag({column}) OVER versions AS VARCHAR) AS before, "
        f"CAST({column} AS VARCHAR) AS after FROM known WINDOW versions AS (ORDER BY number)"
        for what, column in _CHANGES[entity].items()
    )
    frame: pd.DataFrame = con.execute(
        f"""
        WITH known AS (
            SELECT *, row_number() OVER (ORDER BY known_from, known_to) AS number FROM {table}
            WHERE {key} = ? AND known_from < {sql_moment(as_of)} AND known_from < known_to
        ), told AS ({told})
        SELECT known_from AS "at", what, before, after FROM told WHERE number > 1 AND before IS DISTINCT FROM after
        UNION ALL
        SELECT least(created_at, known_from), 'created', NULL, NULL FROM known WHERE number = 1
        ORDER BY "at", what
        """,
        [entity_id],
    ).df()
    return frame.assign(at=utc_moments(frame["at"]), is_planned=False)


#: What `score_history` asks of the scores ever given.
HISTORY = ("as_of", "batch", "probability", "low", "high", "model_version", "backdated")


def score_history(given: pd.DataFrame, batch: int) -> pd.DataFrame:
    """The scores of one case over time, oldest first; of each moment the last, and none that was made afterwards.

    Parameters
    ----------
    given : DataFrame
        The columns `HISTORY` of every score that it was ever given.
    batch : int
        Later batches are invisible.

    Returns
    -------
    DataFrame
        ``as_of``, ``probability``, ``low``, ``high``, ``model_version``.
    """
    known = given[(given["batch"] <= batch) & ~given["backdated"].fillna(False).astype(bool)]
    kept = known.sort_values(["as_of", "batch"], kind="stable").drop_duplicates("as_of", keep="last", ignore_index=True)
    return kept[["as_of", "probability", "low", "high", "model_version"]]
