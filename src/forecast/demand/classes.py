"""What kind of series each one is: how often it sells, how evenly, whether it has a season, is young, or has ended."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaln

from forecast.evaluation.metrics import is_seasonal

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Classes of series, sorted. One each; whether a series has a season is told apart from it.
CLASSES = ("empty", "ended", "erratic", "intermittent", "lumpy", "smooth", "young")

_SPARSE = np.array(["empty", "ended", "intermittent", "lumpy"], dtype=object)
#: Bounds between the four kinds of demand: Syntetos, Boylan & Croston (2005).
_ADI_BOUND = 1.32
_CV2_BOUND = 0.49
#: A silence at the end is unusual when a series with its sales so far keeps so long a one with less than this chance.
_UNUSUAL = 0.01
#: Series at once: bounds the memory of the copies.
_CHUNK = 2_000


def classify(values: Floats, season_length: int) -> pd.DataFrame:
    """Class of each series.

    The first that fits: ``empty`` (no value but 0), ``ended`` (silent at the end for longer than its own past allows,
    see `has_ended`), ``young`` (shorter than two seasons, at most 52 and at least 8 periods), then by the mean interval
    between sales (ADI) and the squared coefficient of variation of their sizes (CV²) [1]_: ``smooth`` (ADI < 1.32,
    CV² < .49), ``erratic`` (CV² more), ``intermittent`` (ADI more), ``lumpy`` (both more).

    Parameters
    ----------
    values : array of shape (n_series, n_times)
        Aligned at the end, NaN where unknown. What it is called with is all that it looks at: give it the past of an
        origin to get the classes of that origin.
    season_length : int
        Periods, at least 1.

    Returns
    -------
    DataFrame of n_series rows
        ``class`` (categorical of `CLASSES`), ``seasonal`` (bool), ``adi`` (periods, >= 1; NaN for empty series),
        ``cv2`` (>= 0; NaN for empty series), ``n_known`` (periods).

    References
    ----------
    .. [1] Syntetos, Boylan & Croston (2005), On the categorization of demand patterns. Journal of the Operational
       Research Society 56(5), 495-503.
    """
    values = np.asarray(values, dtype=float)
    chunks = [_classify(values[start : start + _CHUNK], season_length) for start in range(0, len(values), _CHUNK)]
    table = pd.concat(chunks, ignore_index=True) if chunks else _classify(values, season_length)
    table["class"] = pd.Categorical(table["class"], categories=list(CLASSES))
    return table


def is_sparse(classes: NDArray[np.object_]) -> Flags:
    """Whether series of these classes have no sale in their usual period."""
    return np.isin(np.asarray(classes, dtype=object), _SPARSE)


def kinds_of_demand(table: pd.DataFrame) -> NDArray[np.object_]:
    """Classes with the kind of demand in place of ``young``: a short series too sells now and then, or unevenly.

    What is learned from errors goes by these. A young series that sells rarely would else count among those that sell
    in every period, whose errors look different.

    Parameters
    ----------
    table : DataFrame
        From `classify`.

    Returns
    -------
    array of str of shape (n_series,)
    """
    classes = table["class"].to_numpy(dtype=object)
    kinds = _kind_of_demand(table["adi"].to_numpy(), table["cv2"].to_numpy())
    kinds[classes != "young"] = classes[classes != "young"]
    return kinds


def _kind_of_demand(adi: Floats, cv2: Floats) -> NDArray[np.object_]:
    kinds = np.array(["smooth", "erratic", "intermittent", "lumpy"], dtype=object)
    places = (np.nan_to_num(cv2) >= _CV2_BOUND).astype(int) + 2 * (np.nan_to_num(adi) >= _ADI_BOUND)
    return np.asarray(kinds[places])


def _classify(values: Floats, season_length: int) -> pd.DataFrame:
    known = ~np.isnan(values)
    sold = known & (values != 0)
    n_known, n_sales = known.sum(axis=1), sold.sum(axis=1)
    adi = _interval(known, sold)
    cv2 = _variation(values, sold, n_sales)
    kind = _kind_of_demand(adi, cv2)
    kind[n_known < np.clip(2 * season_length, 8, 52)] = "young"
    kind[has_ended(values, season_length)] = "ended"
    kind[n_sales == 0] = "empty"
    seasonal = is_seasonal(values, season_length)
    return pd.DataFrame({"class": kind, "seasonal": seasonal, "adi": adi, "cv2": cv2, "n_known": n_known})


def has_ended(values: Floats, season_length: int) -> Flags:
    """Whether the zeros at the end are a silence that the series' own past does not explain; shape (n_series,).

    The silence must be longer than twice the longest one between two sales, at least 4 to 8 periods (one season within
    these bounds), and have a chance below 1 % given how often the series sold between its first and last sale.
    """
    known = ~np.isnan(values)
    sold = known & (np.nan_to_num(values) != 0)
    n_sales = sold.sum(axis=1)
    n_times = values.shape[1]
    places = np.arange(1, n_times + 1)
    last = np.where(sold, places, 0).max(axis=1, initial=0)
    first = np.where(sold, places, n_times + 1).min(axis=1, initial=n_times + 1)
    silent = (known & (places > last[:, None])).sum(axis=1)
    between = (known & (places > first[:, None]) & (places <= last[:, None])).sum(axis=1)
    return np.asarray(n_sales > 0) & is_unusual_silence(
        silent, n_sales, between, _longest_silence(known, sold), season_length
    )


def is_unusual_silence(
    silent: NDArray[np.int64],
    n_sales: NDArray[np.int64],
    between: NDArray[np.int64],
    longest: NDArray[np.int64],
    season_length: int,
) -> Flags:
    """Whether so many periods without a sale are unusual.

    The chance of the silence is that of a beta-binomial law: a uniform prior on the chance of a sale in a period, and
    ``n_sales - 1`` sales in ``between`` periods.

    Parameters
    ----------
    silent, n_sales, between, longest : int arrays of shape (n_series,)
        Known periods without a sale at the end; sales; known periods after the first sale up to the last one; longest
        run without a sale between two sales.
    season_length : int
    """
    hits = np.maximum(n_sales - 1, 0) + 1.0
    misses = np.maximum(between - n_sales + 1, 0) + 1.0
    log_chance = gammaln(misses + silent) + gammaln(hits + misses) - gammaln(misses) - gammaln(hits + misses + silent)
    shortest = int(np.clip(season_length, 4, 8))
    return np.asarray((silent >= shortest) & (silent > 2 * longest) & (log_chance < np.log(_UNUSUAL)))


def _interval(known: Flags, sold: Flags) -> Floats:
    """Known periods from the first sale to the last one, per sale."""
    after_first = np.logical_or.accumulate(sold, axis=1)
    before_last = np.logical_or.accumulate(sold[:, ::-1], axis=1)[:, ::-1]
    n_sales = sold.sum(axis=1)
    span = (known & after_first & before_last).sum(axis=1)
    return np.where(n_sales > 0, span / np.maximum(n_sales, 1), np.nan)


def _variation(values: Floats, sold: Flags, n_sales: NDArray[np.int64]) -> Floats:
    """Squared coefficient of variation of the values that are not 0; 0 for a single one."""
    sizes = np.where(sold, np.abs(np.nan_to_num(values)), 0.0)
    mean = sizes.sum(axis=1) / np.maximum(n_sales, 1)
    relative = np.where(sold, sizes / np.where(mean > 0, mean, 1.0)[:, None] - 1, 0.0)
    variance = (relative**2).sum(axis=1) / np.maximum(n_sales - 1, 1)
    return np.where(n_sales > 0, variance, np.nan)


def _longest_silence(known: Flags, sold: Flags) -> NDArray[np.int64]:
    """Longest run of known periods without a sale between two sales; 0 for none."""
    counted = np.cumsum(known & ~sold, axis=1)  # zeros so far
    at_sale = np.where(sold, counted, -1)
    before = np.full_like(at_sale, -1)
    before[:, 1:] = np.maximum.accumulate(at_sale, axis=1)[:, :-1]
    runs = np.where(sold & (before >= 0), counted - before, 0)
    return np.asarray(runs.max(axis=1, initial=0), dtype=np.int64)
