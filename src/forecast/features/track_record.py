"""Past results and present workload of whoever a case belongs to; what `owner` and `account` share."""

from typing import Any

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from forecast.features.cases import case_versions
from forecast.features.spine import DAY_US, Spine, SpineRows, case_codes, fetch, fetch_codes
from forecast.features.stabbing import Ints, Moments, ratio

#: A rate is drawn toward the company's as if so many more cases had gone at the company's rate.
PRIOR_CASES = 20
_COLUMNS = (
    "event, epoch_us(event_at) AS event_at, epoch_us(coalesce(created_at, event_at)) AS created_at, "
    "epoch_us(known_from) AS known_from, epoch_us(known_to) AS known_to"
)


def past_results(con: DuckDBPyConnection, spine: Spine, rows: SpineRows, groups: Ints, cases: str) -> dict[str, Any]:
    """What the other cases of each spine row's group had come to, as known at ``as_of``.

    ``won`` and ``closed`` (won or lost) so far, ``open`` now, ``new_30d``: created in the last 30 days;
    ``win_rate`` and ``win_rate_365d`` (closings of the last 365 days): ``(wins + k r) / (closed + k)`` with the rate r
    of all other cases and k = 20; ``win_rate_gap`` and ``win_rate_365d_gap``: what they are above or below the rate of
    all other cases of the same time; ``cycle_days``: mean days from creation to closing.

    In the first year or two of a history rates only rise, everybody's: losses come fast, wins take their time. Of two
    cases at different moments a rate tells which is the later one; the gap tells whose group does better.

    Parameters
    ----------
    spine : str
        The case of a spine row itself never counts.
    groups : int array of shape (n,)
        -1 where there is none; its features are missing.
    cases : str
        SQL table expression: columns of `case_versions` with the ``code`` of their group.

    Returns
    -------
    dict of name to array of shape (n,)
    """
    own, everyone = _own_and_all(con, spine)
    group = tally(con, cases, groups, rows.as_of)
    others = {name: group[name] - own[name] for name in group}
    rest = {name: everyone[name] - own[name] for name in ("won", "closed", "won_365d", "closed_365d")}
    features: dict[str, NDArray[Any]] = {name: others[name] for name in ("won", "closed", "open", "new_30d")}
    features["win_rate"] = _smoothed(others["won"], others["closed"], rest["won"], rest["closed"])
    features["win_rate_365d"] = _smoothed(others["won_365d"], others["closed_365d"], rest["won"], rest["closed"])
    features["win_rate_gap"] = _gap(others["won"], others["closed"], rest["won"], rest["closed"])
    features["win_rate_365d_gap"] = _gap(
        others["won_365d"], others["closed_365d"], rest["won_365d"], rest["closed_365d"]
    )
    features["cycle_days"] = ratio(others["cycle_ms"], others["closed"] * (DAY_US // 1000))
    return {name: np.where(groups >= 0, values, np.nan) for name, values in features.items()}


def _own_and_all(con: DuckDBPyConnection, spine: Spine) -> tuple[dict[str, Ints], dict[str, Ints]]:
    """Tallies of each spine row's own case, and of all cases."""
    if "own_and_all" not in spine.derived:
        versions, as_of, cases = case_versions(spine.entity), spine.rows.as_of, case_codes(spine)
        own_cases = f"{versions} JOIN (SELECT DISTINCT entity_id, code FROM {cases}) ON case_id = entity_id"
        own = tally(con, own_cases, fetch_codes(con, spine, cases), as_of)
        everyone = tally(con, f"(SELECT *, 0 AS code FROM {versions})", np.zeros_like(as_of), as_of)
        spine.derived["own_and_all"] = own, everyone
    own, everyone = spine.derived["own_and_all"]
    return own, everyone


def tally(con: DuckDBPyConnection, cases: str, group: Ints, as_of: Ints) -> dict[str, Ints]:
    """Counts of the case versions in force at each moment, by what they say; see `past_results` for the names.

    Parameters
    ----------
    cases : str
        SQL table expression: columns of `case_versions` with the ``code`` of their group.
    group, as_of : int arrays of shape (n,)
        Whose cases, -1 for nobody's; and when, in microseconds since 1970.
    """
    if len(as_of) and (as_of == as_of[0]).all():
        return _tally_once(con, cases, group, int(as_of[0]))
    rows = fetch(con, f"SELECT code, {_COLUMNS} FROM {cases} WHERE live")
    event = rows["event"].to_numpy()
    code, event_at, created_at, known_from, known_to = (
        rows[name].to_numpy(dtype=np.int64) for name in ("code", "event_at", "created_at", "known_from", "known_to")
    )
    moments = Moments(group, as_of)
    in_force = moments.reach(code, known_from, known_to)
    last_year = moments.reach(code, known_from, np.minimum(known_to, event_at + 365 * DAY_US))
    new = moments.reach(code, np.maximum(known_from, created_at), np.minimum(known_to, created_at + 30 * DAY_US))
    won = event == "won"
    closed = won | (event == "lost")
    return {
        "won": moments.total(in_force, where=won),
        "closed": moments.total(in_force, where=closed),
        "open": moments.total(in_force, where=event == ""),
        "won_365d": moments.total(last_year, where=won),
        "closed_365d": moments.total(last_year, where=closed),
        "new_30d": moments.total(new),
        "cycle_ms": moments.total(in_force, np.maximum(event_at - created_at, 0) // 1000, where=closed),
    }


def _tally_once(con: DuckDBPyConnection, cases: str, group: Ints, now: int) -> dict[str, Ints]:
    """`tally` at a single moment, as when all that is open is scored: nothing but sums by group."""
    closed, last_year = "event IN ('won', 'lost')", f"{now} <= event_at + {365 * DAY_US}"
    sums = {
        "won": "count(*) FILTER (event = 'won')",
        "closed": f"count(*) FILTER ({closed})",
        "open": "count(*) FILTER (event = '')",
        "won_365d": f"count(*) FILTER (event = 'won' AND {last_year})",
        "closed_365d": f"count(*) FILTER ({closed} AND {last_year})",
        "new_30d": f"count(*) FILTER (created_at < {now} AND {now} <= created_at + {30 * DAY_US})",
        "cycle_ms": f"coalesce(sum(greatest(event_at - created_at, 0) // 1000) FILTER ({closed}), 0)",
    }
    found = fetch(
        con,
        f"SELECT code, {', '.join(f'CAST({sql} AS BIGINT) AS {name}' for name, sql in sums.items())} "
        f"FROM (SELECT code, {_COLUMNS} FROM {cases} WHERE live) WHERE known_from < {now} AND {now} <= known_to "
        "GROUP BY code",
    )
    place = pd.Index(found["code"]).get_indexer(pd.Index(group))
    return {name: np.append(found[name].to_numpy(dtype=np.int64), 0)[place] for name in sums}


def _smoothed(won: Ints, closed: Ints, all_won: Ints, all_closed: Ints) -> NDArray[np.float64]:
    """Win rate drawn toward the rate of all; missing while nothing has closed. One division of whole numbers."""
    return ratio(won * all_closed + PRIOR_CASES * all_won, (closed + PRIOR_CASES) * all_closed)


def _gap(won: Ints, closed: Ints, all_won: Ints, all_closed: Ints) -> NDArray[np.float64]:
    """What `_smoothed` is above the rate of all. One division of whole numbers."""
    return ratio(won * all_closed - closed * all_won, (closed + PRIOR_CASES) * all_closed)
