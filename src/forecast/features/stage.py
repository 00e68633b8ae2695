"""Where the case stands: its stage (a lead's status), the way there, and its pace against the usual.

A stage that becomes known where none was said before is not entered then: an export of the present state tells every
stage for the first time on the same day. Its stay counts from where the unknown one began.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
from duckdb import DuckDBPyConnection, DuckDBPyRelation
from numpy.typing import NDArray

from forecast.features.cases import EVENT
from forecast.features.columns import capped, first_values
from forecast.features.spine import DAY_US, Spine, fetch, scored_table
from forecast.features.stabbing import range_medians, ratio

STAGE = {"opportunity": "stage", "lead": "status"}

#: Name after the family, kind, effort; see `forecast.features.describe`.
DESCRIBED = (
    ("current|previous", "category", "typed"),
    ("days_in|changes|moves_back|pace", "number", "typed"),
)


def build(con: DuckDBPyConnection, spine: Spine) -> DuckDBPyRelation:
    """Stage features of each spine row.

    ``stage__current``, ``stage__previous``; ``stage__days_in`` the current one; ``stage__changes`` so far;
    ``stage__moves_back``: entries into a stage that the case had been in before; ``stage__pace``: days in the current
    stage over the median of all stays in that stage that had ended by then.

    Returns
    -------
    relation
        ``entity_id``, ``as_of``, ``stage__…``.
    """
    entity = spine.entity
    _create_stays(con, spine)
    rows = fetch(
        con,
        f"""
        SELECT s.entity_id, s.as_of, t.stage AS current, t.previous, t.changes, t.moves_back,
            epoch_us(s.as_of) AS now, epoch_us(t.entered) AS entered
        FROM {spine} s ASOF LEFT JOIN (SELECT * FROM _stays WHERE is_open) t
            ON t.case_id = s.entity_id AND s.as_of > t.known_from
        ORDER BY s.row
        """,
    )
    ended = _ended_stays(con, entity)
    days_in = ((rows["now"] - rows["entered"]) / DAY_US).to_numpy()
    usual = _usual_days(ended, rows["current"], rows["now"])
    frame = pd.DataFrame(
        {
            "entity_id": rows["entity_id"],
            "as_of": rows["as_of"],
            "current": rows["current"],
            "previous": rows["previous"],
            "stage__days_in": days_in,
            "stage__changes": rows["changes"].astype(float),
            "stage__moves_back": rows["moves_back"].astype(float),
            "stage__pace": ratio(days_in, usual),
        }
    )
    kept = first_values(con, scored_table(entity)[0], STAGE[entity], spine.last_moment)
    return con.from_df(frame).project(
        f"entity_id, as_of, {capped('current', kept)} AS stage__current, "
        f"{capped('previous', kept)} AS stage__previous, stage__days_in, stage__changes, stage__moves_back, stage__pace"
    )


def _create_stays(con: DuckDBPyConnection, spine: Spine) -> None:
    """Register ``_stays``: one row per uninterrupted stay of a case of the spine in a stage, open or closed, and one
    more where the stage of a stay becomes known.

    Every column looks only backward.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE _stays AS
        WITH numbered AS (
            SELECT *, row_number() OVER (PARTITION BY case_id, stage, is_open ORDER BY known_from) > 1 AS again
            FROM {_entries(spine.entity, f"AND {scored_table(spine.entity)[1]} IN (SELECT entity_id FROM {spine})")}
        )
        SELECT case_id, stage, is_open, known_from, CASE WHEN goes_on THEN lag(known_from) OVER w ELSE known_from END
            AS entered, CASE WHEN goes_on THEN lag(stage, 2) OVER w ELSE lag(stage) OVER w END AS previous,
            CAST(sum(CASE WHEN goes_on THEN 0 ELSE 1 END) OVER w AS BIGINT) - 1 AS changes,
            CAST(sum(CASE WHEN again THEN 1 ELSE 0 END) OVER w AS BIGINT) AS moves_back
        FROM numbered WINDOW w AS (PARTITION BY case_id, is_open ORDER BY known_from)
        """
    )


def _entries(entity: str, condition: str = "") -> str:
    """SQL table expression: since when which stage of each case was known, whether the case was open then, and whether
    it ``goes_on`` in a stage that was not known before.
    """
    return f"""(
        SELECT case_id, stage, is_open, known_from, coalesce(row_number() OVER w > 1 AND stage IS NOT NULL
            AND lag(stage) OVER w IS NULL AND is_open = lag(is_open) OVER w, false) AS goes_on
        FROM ({_versions(entity, condition)})
        WINDOW w AS (PARTITION BY case_id ORDER BY known_from)
        QUALIFY row_number() OVER w = 1 OR stage IS DISTINCT FROM lag(stage) OVER w
            OR is_open <> lag(is_open) OVER w
    )"""


def _versions(entity: str, condition: str = "") -> str:
    """SQL of what each version says of the stage of its case, and whether it was open."""
    table, key = scored_table(entity)
    return (
        f"SELECT {key} AS case_id, {STAGE[entity]} AS stage, {EVENT[entity]} = '' AS is_open, known_from FROM {table} "
        f"WHERE known_from < known_to AND deleted_at IS NULL AND merged_into IS NULL {condition}"
    )


def _ended_stays(con: DuckDBPyConnection, entity: str) -> pd.DataFrame:
    """Every stay of an open case in a stage of ``_stays`` that has ended: ``stage``, ``left_at``, ``stay`` (both in
    microseconds), sorted by stage and ``left_at``.

    What `_entries` says, of all cases: sorting numbers here takes a third of what windows over ids take.
    """
    rows = con.sql(_versions(entity)).to_arrow_table()
    case, stage = (rows[name].combine_chunks().dictionary_encode() for name in ("case_id", "stage"))
    code, names = stage.indices.fill_null(-1).to_numpy(), stage.dictionary.to_pylist()
    entered, is_open = rows["known_from"].cast(pa.int64()).to_numpy(), rows["is_open"].to_numpy()
    who = case.indices.to_numpy()
    order = np.lexsort((entered, who))
    who, code, entered, is_open = (values[order] for values in (who, code, entered, is_open))
    moved = np.ones(len(who), dtype=bool)
    moved[1:] = (who[1:] != who[:-1]) | (code[1:] != code[:-1]) | (is_open[1:] != is_open[:-1])
    who, code, entered, is_open = (values[moved] for values in (who, code, entered, is_open))
    goes_on = np.zeros(len(who), dtype=bool)
    goes_on[1:] = (who[1:] == who[:-1]) & (is_open[1:] == is_open[:-1]) & (code[:-1] < 0) & (code[1:] >= 0)
    code[:-1] = np.where(goes_on[1:], code[1:], code[:-1])
    who, code, entered, is_open = (values[~goes_on] for values in (who, code, entered, is_open))
    asked = {row[0] for row in con.sql("SELECT DISTINCT stage FROM _stays").fetchall()}
    ended = is_open & np.isin(code, [place for place, name in enumerate(names) if name in asked])
    ended &= np.roll(who, -1) == who
    ended[-1:] = False
    left_at = np.roll(entered, -1)[ended]
    frame = pd.DataFrame({"code": code[ended], "left_at": left_at, "stay": left_at - entered[ended]})
    frame["stage"] = np.array(names, dtype=object)[frame["code"]]
    return frame.sort_values(["code", "left_at"], ignore_index=True)


def _usual_days(ended: pd.DataFrame, stage: "pd.Series[str]", now: "pd.Series[int]") -> NDArray[np.float64]:
    """Median days of the stays in ``stage`` that had ended before ``now``; NaN where none had.

    Parameters
    ----------
    ended : DataFrame
        ``stage``, ``left_at``, ``stay`` in microseconds, sorted by stage and ``left_at``.
    """
    stages = pd.Index(ended["stage"].unique())
    moments = np.unique(now.to_numpy())
    stride = len(moments) + 1
    code = stages.get_indexer(pd.Index(stage))
    # a stay that ended at moment e is known at the moments > e: the first of them is its key
    key = stages.get_indexer(pd.Index(ended["stage"])) * stride + np.searchsorted(
        moments, ended["left_at"], side="right"
    )
    first = np.searchsorted(key, code * stride)
    stop = np.searchsorted(key, code * stride + np.searchsorted(moments, now), side="right")
    return range_medians(ended["stay"].to_numpy(), first, np.where(code < 0, first, stop)) / DAY_US
