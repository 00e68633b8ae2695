"""Past moments as they looked then: which opportunities were open, and what became of them since."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from forecast.history import in_force, sql_moment

Floats = NDArray[np.float64]

#: At most so many origins are looked back at, those before them that are learned from included; and so many that
#: are comparable with now are enough, without overlap.
MAX_ORIGINS, _MAX_COMPARABLE, _ENOUGH_ORIGINS = 40, 26, 8
#: An origin is like now if it has this share of the history behind it, or at least so many days.
_LIKE_NOW, _LIKE_NOW_DAYS = 0.5, 300.0
#: Ages of opportunities that are told apart, in days.
_AGE_EDGES = np.array([7.0, 21.0, 45.0, 90.0, 180.0])


@dataclass(frozen=True)
class Origins:
    """Past moments from which a span as far ahead and as long as the present one has ended.

    Attributes
    ----------
    days : array of shape (n_origins,)
        Days from ``as_of``, negative, latest first; whole weeks, so that each has the same weekday.
    from_days, to_days : float
        The span, in days after each origin.
    n_comparable : int
        So many of them, the latest, have a history behind them that is comparable with the present one.
    weight : float
        1 without overlap of spans, else the share by which one moves on.
    """

    days: Floats
    from_days: float
    to_days: float
    n_comparable: int
    weight: float


def past_origins(from_days: float, to_days: float, history_days: float) -> Origins:
    """Origins in the history whose spans do not overlap, or by half where few of them would be comparable with now.

    The others are for learning only.

    Parameters
    ----------
    from_days, to_days : float
        The span that is asked for now, in days from ``as_of``; none when it is over.
    history_days : float
    """
    span = to_days - from_days
    if to_days <= 0 or span <= 0:
        return Origins(np.empty(0), from_days, to_days, 0, 1.0)
    latest, step = _weeks(to_days), _weeks(span)
    earliest = history_days - min(_LIKE_NOW * history_days, _LIKE_NOW_DAYS)
    if (earliest - latest) / step < _ENOUGH_ORIGINS:
        step = _weeks(span / 2)
    days = -np.arange(latest, history_days, step)[:MAX_ORIGINS]
    n_comparable = min(int((days >= -earliest).sum()), _MAX_COMPARABLE)
    return Origins(days, from_days, to_days, n_comparable, min(1.0, step / span))


def read_snapshots(con: DuckDBPyConnection, as_of: datetime, origins: Origins) -> pd.DataFrame:
    """Opportunities open at each origin as they were known at it, with what is known of their fate at ``as_of``.

    Returns
    -------
    DataFrame
        ``origin`` (its number), ``entity_id``, ``owner_id`` (then), ``group`` (int: stage and age), ``stage_group``
        (int), ``won_days`` (from ``as_of``; NaN when not won), ``won_known_days`` (when that was recorded),
        ``won_owner_id`` (now), ``ratio`` (amount of the win over the amount then, where both are known in one
        currency). Sorted by origin and id.
    """
    now = sql_moment(as_of)
    moments = pd.DataFrame(
        {
            "origin": np.arange(len(origins.days)),
            "moment": pd.Timestamp(as_of).tz_convert("UTC").tz_localize(None).as_unit("us")
            + pd.to_timedelta(origins.days, unit="D"),
        }
    )
    con.register("_origins", moments)
    rows = con.execute(
        f"""
        WITH origins AS (SELECT origin, CAST(moment AS TIMESTAMP) AS moment FROM _origins), won AS (
            SELECT last.opportunity_id, last.owner_id AS won_owner_id, last.amount AS won_amount,
                   last.currency AS won_currency, date_diff('second', {now}, last.closed_at) / 86400.0 AS won_days,
                   date_diff('second', {now}, first.known_from) / 86400.0 AS won_known_days
            FROM {in_force("opportunities", as_of)} AS last JOIN (
                SELECT opportunity_id, min(known_from) AS known_from FROM opportunities
                WHERE outcome = 'won' AND known_from < {now} GROUP BY opportunity_id
            ) AS first USING (opportunity_id)
            WHERE last.outcome = 'won' AND last.closed_at IS NOT NULL
        )
        SELECT origins.origin, seen.opportunity_id AS entity_id, seen.owner_id, coalesce(seen.stage, '') AS stage,
               date_diff('second', seen.created_at, origins.moment) / 86400.0 AS age_days,
               won_days, won_known_days, won_owner_id,
               CASE WHEN seen.amount > 0 AND won_amount >= 0 AND won_currency IS NOT DISTINCT FROM seen.currency
                    THEN CAST(won_amount AS DOUBLE) / CAST(seen.amount AS DOUBLE) END AS ratio
        FROM origins JOIN opportunities AS seen
          ON seen.known_from < origins.moment AND seen.known_to >= origins.moment
        LEFT JOIN won USING (opportunity_id)
        WHERE seen.deleted_at IS NULL AND seen.merged_into IS NULL AND seen.outcome IS NULL AND seen.closed_at IS NULL
          AND seen.known_from < {now}
        ORDER BY origins.origin, seen.opportunity_id
        """
    ).df()
    con.unregister("_origins")
    return with_groups(rows)


def with_groups(rows: pd.DataFrame) -> pd.DataFrame:
    """Number the stages and, within them, ages: ``stage_group`` and ``group`` in place of ``stage``, ``age_days``."""
    stage = np.unique(rows["stage"].astype(str), return_inverse=True)[1]
    age = np.searchsorted(_AGE_EDGES, rows["age_days"].to_numpy(dtype=float))
    groups = {"stage_group": stage.astype(np.int64), "group": (stage * (len(_AGE_EDGES) + 1) + age).astype(np.int64)}
    return rows.assign(**groups).drop(columns=["stage", "age_days"])


def _weeks(days: float) -> float:
    """Days rounded up to whole weeks, at least one."""
    return 7.0 * max(1.0, float(np.ceil(days / 7 - 1e-9)))
