"""What was done with a case soon after a moment: labels for learning the effect of an action, never features.

Unlike a feature family this looks ahead of ``as_of``, up to a cutoff. Only training may use it.
"""

from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.features.columns import slug
from forecast.features.links import case_groups
from forecast.features.spine import case_codes, create_spine, fetch, utc_moments
from forecast.history import sql_moment

#: ``action`` of the customer's own contacts, which no rep can take but which make reps act.
CUSTOMER = "customer"


def window_actions(
    con: DuckDBPyConnection, spine: pd.DataFrame, entity: str, *, window_days: int = 7, cutoff: datetime
) -> pd.DataFrame:
    """First action of each sort within a window after each spine row, as known strictly before ``cutoff``.

    An action is an outbound interaction that took place, answered or not; its sort is its kind, or its channel when it
    has none. Interactions belong to the case by opportunity or lead as in `features.interactions`. What still lay
    ahead at the cutoff, or was due and not done, is no action.

    Parameters
    ----------
    con : DuckDB connection
        With histories, as for `build_features`.
    spine : DataFrame
        ``entity_id``, ``as_of`` (UTC).
    entity : {"lead", "opportunity"}
    window_days : int
        The window is ``as_of`` <= moment < ``as_of`` + ``window_days`` days.
    cutoff : datetime
        Nothing recorded at or after this moment is seen.

    Returns
    -------
    DataFrame
        One row per spine row and sort of action taken: ``entity_id``, ``as_of``, ``action`` (``kind_demo``, ``phone``;
        `CUSTOMER` for the first contact by the customer), ``delay_days`` (float in [0, ``window_days``)), ``minutes``
        (length of that interaction, NaN when not recorded). Sorted by ``as_of``, ``entity_id``, ``action``.

    Raises
    ------
    InvalidInput
        If the window is shorter than a day, or the spine is unusable.
    """
    if window_days < 1:
        raise InvalidInput(f"`window_days` must be at least 1, got {window_days}.")
    name = create_spine(con, spine, entity)
    case_groups(con, name)
    before = sql_moment(cutoff)
    links = ["l.by = 'lead_id' AND i.lead_id = l.id"]
    if entity == "opportunity":
        links[0] += " AND i.opportunity_id IS NULL"
        links.append("l.by = 'opportunity_id' AND i.opportunity_id = l.id")
    linked = " UNION ALL ".join(
        f"SELECT i.*, l.code, l.link_from, l.link_to FROM interactions i JOIN _case_links l ON {on}" for on in links
    )
    frame = fetch(
        con,
        f"""
        WITH facts AS (
            SELECT DISTINCT interaction_id, code, "at", duration_s,
                CASE WHEN direction = 'in' THEN '{CUSTOMER}' WHEN kind <> '' THEN 'kind ' || kind
                     ELSE channel END AS sort
            FROM ({linked})
            WHERE direction IN ('in', 'out') AND deleted_at IS NULL AND known_from < {before} AND {before} <= known_to
                AND "at" < {before} AND link_from < {before} AND "at" <= link_to
                AND NOT coalesce("at" >= due_at AND result IS NULL, false)
        )
        SELECT s.entity_id, s.as_of, f.sort, min(epoch_us(f."at") - epoch_us(s.as_of)) / 86400e6 AS delay_days,
            arg_min(f.duration_s, (f."at", f.duration_s)) / 60.0 AS minutes
        FROM {name} s JOIN {case_codes(name)} c USING (row) JOIN facts f ON f.code = c.code
            AND f."at" >= s.as_of AND f."at" < s.as_of + INTERVAL {int(window_days)} DAY
        WHERE f.sort <> ''
        GROUP BY ALL
        """,
    )
    frame = frame.assign(
        as_of=utc_moments(frame["as_of"]),
        action=frame.pop("sort").map(slug).astype(object),
        minutes=frame["minutes"].astype(float),
    )
    first = frame.sort_values(
        ["as_of", "entity_id", "action", "delay_days", "minutes"], kind="stable", ignore_index=True
    )
    first = first.drop_duplicates(["as_of", "entity_id", "action"], ignore_index=True)
    return first[["entity_id", "as_of", "action", "delay_days", "minutes"]]
