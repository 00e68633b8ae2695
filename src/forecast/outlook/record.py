"""The public record: ranges that were stated, and how often what came lay inside."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta

Floats = NDArray[np.float64]

#: Levels, as outlooks name them: of the organisation, then what else a company's revenue is told apart by.
ORGANISATION = ("company", "team", "rep")
LEVELS = (*ORGANISATION, "region", "category")
#: Horizons by days from ``as_of`` to the end of the period: up to a week, a month, a quarter, longer.
HORIZONS = {"0-7": 7, "8-31": 31, "32-92": 92, "93+": np.inf}
#: The range whose record is kept: its quantiles and what it states.
LOW, HIGH, STATED = "q0.1", "q0.9", 0.8
#: A snapshot saved later than this after its ``as_of`` could have known more: it stays out of the public record.
PUBLIC_WITHIN = pd.Timedelta(days=1)

#: Columns that say how often ranges held.
RECORD = ("stated", "came_true", "of", "came_true_low", "came_true_high")

#: The record while nothing has come due, or where none is asked for.
NO_RECORD = pd.DataFrame(columns=["level", "horizon", *RECORD])

#: What identifies a case: one range for a node's period at a horizon.
CASE = ["period", "level", "id", "horizon"]


def horizon_of(days: ArrayLike) -> NDArray[np.object_]:
    """Name of the horizon of each number of days ahead; None for periods that are over."""
    ahead = np.asarray(days, dtype=float)
    names = np.array([*HORIZONS], dtype=object)
    place = np.searchsorted(np.array([*HORIZONS.values()]), np.ceil(ahead))
    found: NDArray[np.object_] = names[np.minimum(place, len(names) - 1)]
    found[~(ahead > 0)] = None
    return found


def binomial_interval(n_true: ArrayLike, n: ArrayLike, *, level: float = 95.0) -> tuple[Floats, Floats]:
    """Exact (Clopper-Pearson) interval of a share; NaN where ``n`` is 0.

    Parameters
    ----------
    n_true, n : int arrays of one shape
    level : float in (0, 100)
        Percent.

    Returns
    -------
    low, high : arrays of that shape
        In [0, 1].

    References
    ----------
    Clopper & Pearson (1934), The use of confidence or fiducial limits. Biometrika 26.
    """
    k, m = np.asarray(n_true, dtype=float), np.asarray(n, dtype=float)
    tail = (100 - level) / 200
    low = np.where(k > 0, beta.ppf(tail, np.maximum(k, 1), m - k + 1), 0.0)
    high = np.where(k < m, beta.ppf(1 - tail, k + 1, np.maximum(m - k, 1)), 1.0)
    return np.where(m > 0, low, np.nan), np.where(m > 0, high, np.nan)


def one_per_case(judged: pd.DataFrame) -> pd.DataFrame:
    """The first forecast of each period and node at each horizon: daily snapshots of one period are no new cases.

    Parameters
    ----------
    judged : DataFrame
        ``period``, ``level``, ``id``, ``as_of``, ``batch``, ``days_ahead`` and any other columns.

    Returns
    -------
    DataFrame
        With ``horizon``; rows whose period was over are left out.
    """
    named = judged.assign(horizon=horizon_of(judged["days_ahead"]))
    named = named[named["horizon"].notna()].sort_values([*CASE, "as_of", "batch"], kind="stable")
    return named.drop_duplicates(CASE).reset_index(drop=True)


def came_true(judged: pd.DataFrame) -> pd.DataFrame:
    """How often the stated 80 % range held, by level and horizon.

    Periods and nodes are taken as independent by the interval; they are less so within one period.

    Parameters
    ----------
    judged : DataFrame
        Forecasts of finished periods: ``period``, ``level``, ``id``, ``as_of``, ``batch``, ``days_ahead``, ``q0.1``,
        ``q0.9``, ``actual``, ``is_public``. Only public ones count.

    Returns
    -------
    DataFrame
        ``level``, ``horizon``, ``stated`` (0.8), ``came_true``, ``of`` (numbers of cases), ``came_true_low``,
        ``came_true_high`` (95 % interval of the share). Only levels and horizons with cases.
    """
    cases = judged[judged["is_public"].astype(bool) & judged[[LOW, HIGH, "actual"]].notna().all(axis=1)]
    cases = one_per_case(cases)
    held = (cases[LOW] <= cases["actual"]) & (cases["actual"] <= cases[HIGH])
    counts = held.groupby([cases["level"], cases["horizon"]]).agg(came_true="sum", of="size").reset_index()
    low, high = binomial_interval(counts["came_true"], counts["of"])
    found = counts.assign(stated=STATED, came_true_low=low.round(6), came_true_high=high.round(6))
    order = found["level"].map({level: at for at, level in enumerate(LEVELS)}) * len(HORIZONS) + found["horizon"].map(
        {name: at for at, name in enumerate(HORIZONS)}
    )
    columns = ["level", "horizon", *RECORD]
    return found.iloc[np.argsort(order.to_numpy(dtype=float), kind="stable")][columns].reset_index(drop=True)


def beside(lines: pd.DataFrame, record: pd.DataFrame, days_ahead: float) -> pd.DataFrame:
    """Lines of an outlook with the record of their level at their horizon.

    Returns
    -------
    DataFrame
        ``lines`` with ``stated``, ``came_true``, ``of``, ``came_true_low``, ``came_true_high``; ``came_true`` and
        what follows is missing while no such range has come due.
    """
    (horizon,) = horizon_of([days_ahead])
    of_horizon = record[record["horizon"] == horizon].drop(columns=["horizon", "stated"])
    joined = lines.merge(of_horizon, on="level", how="left", validate="many_to_one")
    whole = dict.fromkeys(("came_true", "of"), "Int64")
    return joined.assign(stated=STATED).astype(whole)[[*lines.columns, *RECORD]]
