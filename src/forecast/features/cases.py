"""What became of leads and opportunities: open, won or lost, as each version of their history says it."""

from collections.abc import Collection
from datetime import datetime, tzinfo

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.features.columns import quoted
from forecast.features.spine import create_spine, fetch, scored_table, snapshot_moments, utc_moments
from forecast.history import sql_moment

#: SQL of what a version says: 'won', 'lost', 'closed' (how is not known), or '' while it is open.
EVENT = {
    "lead": "CASE WHEN converted_at IS NOT NULL THEN 'won' WHEN closed_at IS NOT NULL THEN 'lost' ELSE '' END",
    "opportunity": "CASE WHEN outcome IN ('won', 'lost') THEN outcome "
    "WHEN closed_at IS NOT NULL THEN 'closed' ELSE '' END",
}
#: SQL of when it happened, by the source's own word.
EVENT_AT = {"lead": "coalesce(converted_at, closed_at)", "opportunity": "closed_at"}
#: SQL of what it brings.
AMOUNT = {"lead": "CAST(NULL AS DOUBLE)", "opportunity": "CAST(amount AS DOUBLE)"}


def case_versions(entity: str) -> str:
    """SQL table expression: every version that was ever in force, with what it says.

    Columns ``case_id``, ``live`` (neither deleted nor merged away), ``event``, ``event_at`` (when it happened: the
    source's word, but never after it was known), ``known_from``, ``known_to``, ``owner_id``, ``account_id``,
    ``created_at``, ``amount`` (in the deal's currency).
    """
    table, key = scored_table(entity)
    return (
        f"(SELECT {key} AS case_id, deleted_at IS NULL AND merged_into IS NULL AS live, {EVENT[entity]} AS event, "
        f"least({EVENT_AT[entity]}, known_from) AS event_at, known_from, known_to, owner_id, account_id, created_at, "
        f"{AMOUNT[entity]} AS amount FROM {table} WHERE known_from < known_to)"
    )


def open_entities(
    con: DuckDBPyConnection, entity: str, as_of: datetime, ids: Collection[str] | None = None
) -> pd.DataFrame:
    """The leads or opportunities that were open as the CRM was known at ``as_of``.

    Parameters
    ----------
    con : DuckDB connection
    entity : {"lead", "opportunity"}
    as_of : datetime
    ids : collection of str, optional
        Only these; all by default.

    Returns
    -------
    DataFrame
        ``entity_id``, ``as_of``; a spine for `build_features`, sorted by ``entity_id``.
    """
    return _at_risk(con, entity, [as_of], ids)


def snapshot_spine(
    con: DuckDBPyConnection, entity: str, *, first: datetime, cutoff: datetime, step_days: int, zone: tzinfo
) -> pd.DataFrame:
    """Everything that was open at each moment of a grid, as known then: the person-period rows of training.

    Each row has weight 1; an entity has as many rows as moments at which it was at risk.

    Parameters
    ----------
    first, cutoff : datetime
        The grid's moments lie in ``(first, cutoff]``.
    step_days : int
        Days between the moments, which are midnights of ``zone``; see `snapshot_moments`.

    Returns
    -------
    DataFrame
        ``entity_id``, ``as_of``; sorted by ``as_of``, ``entity_id``.
    """
    return _at_risk(con, entity, snapshot_moments(first, cutoff, step_days, zone))


def _at_risk(
    con: DuckDBPyConnection, entity: str, moments: list[datetime], ids: Collection[str] | None = None
) -> pd.DataFrame:
    if not moments:
        return pd.DataFrame({"entity_id": pd.Series(dtype=object), "as_of": pd.Series(dtype="datetime64[us, UTC]")})
    values = ", ".join(f"({sql_moment(moment)})" for moment in moments)
    asked = "" if ids is None else f"AND case_id IN ({', '.join(map(quoted, sorted(ids))) or 'NULL'}) "
    frame = fetch(
        con,
        f"SELECT case_id AS entity_id, m.as_of FROM {case_versions(entity)} v "
        f"JOIN (SELECT DISTINCT as_of FROM (VALUES {values}) AS _(as_of)) m "
        "ON v.known_from < m.as_of AND m.as_of <= v.known_to "
        f"WHERE v.live AND v.event = '' {asked}ORDER BY m.as_of, entity_id",
    )
    return frame.assign(as_of=utc_moments(frame["as_of"]))


def outcomes(con: DuckDBPyConnection, spine: pd.DataFrame, entity: str, cutoff: datetime) -> pd.DataFrame:
    """What became of each spine row after its ``as_of``, as known strictly before ``cutoff``.

    The last known version decides: an opportunity lost, reopened and won counts as won. A deleted or merged entity
    is followed until it was removed; what it had come to before counts.

    Parameters
    ----------
    spine : DataFrame
        ``entity_id``, ``as_of`` (UTC).
    entity : {"lead", "opportunity"}
    cutoff : datetime
        Nothing recorded at or after this moment is seen.

    Returns
    -------
    DataFrame
        ``entity_id``, ``as_of``, ``event`` (``won``, ``lost``, or empty: followed for ``days`` without an event),
        ``days`` (float >= 0, from ``as_of`` to the event or the end of the follow-up), ``won_amount`` (in the deal's
        currency, NaN unless won with an amount); sorted by ``as_of``,
        ``entity_id``. An event that happened before ``as_of`` and became known later has ``days`` 0.
    """
    name = create_spine(con, spine, entity)
    before = sql_moment(cutoff)
    frame = fetch(
        con,
        f"""
        WITH known AS (
            SELECT * FROM {case_versions(entity)} WHERE live AND known_from < {before}
        ), last AS (
            SELECT case_id, arg_max(event, known_from) AS event, arg_max(event_at, known_from) AS event_at,
                arg_max(amount, known_from) AS amount, least(arg_max(known_to, known_from), {before}) AS followed_to
            FROM known GROUP BY case_id
        ), since AS (  -- when the present event became known: after the last version that said otherwise
            SELECT case_id, max(known_to) FILTER (known.event <> last.event) AS otherwise_to,
                min(known_from) AS first_known
            FROM known JOIN last USING (case_id) GROUP BY case_id
        ), fate AS (
            SELECT case_id, CASE WHEN event IN ('won', 'lost') THEN event ELSE '' END AS event,
                CASE WHEN event = '' THEN followed_to
                     ELSE least(event_at, coalesce(otherwise_to, first_known)) END AS until,
                CASE WHEN event = 'won' THEN amount END AS won_amount
            FROM last JOIN since USING (case_id)
        )
        SELECT s.entity_id, s.as_of, coalesce(f.event, '') AS event,
            greatest(0, epoch_us(coalesce(f.until, {before})) - epoch_us(s.as_of)) / 86400e6 AS days,
            f.won_amount
        FROM {name} s LEFT JOIN fate f ON f.case_id = s.entity_id ORDER BY s.row
        """,
    )
    return frame.assign(as_of=utc_moments(frame["as_of"]))
