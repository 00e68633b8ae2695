"""The pool of statistical members: every one over all series at once, never NaN."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecast.demand.baselines import naive, seasonal_naive, seasonal_smoothing
from forecast.demand.extrapolation import drift, first_known, growth_seasonal_naive, window_mean
from forecast.demand.grid import Positions
from forecast.demand.intermittent import croston, sba, tsb
from forecast.demand.matrix import Floats
from forecast.demand.pooled_season import needs_pooling, pooled_season
from forecast.demand.series_models import arima, ces, dynamic_theta, ets
from forecast.demand.smoothing import double_smoothing, has_long_season, slow_smoothing, smoothing
from forecast.demand.theta import theta
from forecast.errors import InvalidInput

#: A forecast this many times larger than anything seen is a failed fit.
MAX_GROWTH = 20.0


def _always(values: Floats, season_length: int) -> bool:
    return True


def _has_season(values: Floats, season_length: int) -> bool:
    return season_length > 1


def _is_intermittent(values: Floats, season_length: int) -> bool:
    """Whether a tenth of the observations is zero; else Croston's family is simple smoothing again."""
    return float(np.mean(values[~np.isnan(values)] == 0)) >= 0.1 if (~np.isnan(values)).any() else False


@dataclass(frozen=True)
class StatisticalMember:
    """One way to forecast.

    Attributes
    ----------
    forecast : callable
        (values, horizon, season_length) -> array (n_series, horizon); NaN where it cannot be fitted.
    cost_us, seasonal_cost_us : float
        Nominal cost in microseconds per series and observation, of panels without and with a season: processor time,
        measured once on one core.
    suits : callable
        (values, season_length) -> whether it says anything on this panel that a cheaper member does not.
    """

    forecast: Callable[[Floats, int, int], Floats]
    cost_us: float
    seasonal_cost_us: float
    suits: Callable[[Floats, int], bool] = _always


#: All members by name, in order of priority: what a panel gets first when time is short.
MEMBERS: Mapping[str, StatisticalMember] = {
    "seasonal_naive": StatisticalMember(seasonal_naive, 1, 0.1),
    "theta": StatisticalMember(theta, 1, 1),
    "smoothing": StatisticalMember(smoothing, 3, 4),
    "ces": StatisticalMember(ces, 10, 50),
    "slow_smoothing": StatisticalMember(slow_smoothing, 2, 3, _has_season),
    "double_smoothing": StatisticalMember(double_smoothing, 2, 2, has_long_season),
    "pooled_season": StatisticalMember(pooled_season, 2, 2, needs_pooling),
    "growth_seasonal_naive": StatisticalMember(growth_seasonal_naive, 0.1, 0.1, _has_season),
    "naive": StatisticalMember(naive, 0.1, 0.1, _has_season),
    "drift": StatisticalMember(drift, 1, 0.1),
    "window_mean": StatisticalMember(window_mean, 1, 0.1),
    "seasonal_smoothing": StatisticalMember(seasonal_smoothing, 0.1, 0.1, _has_season),
    "tsb": StatisticalMember(tsb, 1, 1, _is_intermittent),
    "sba": StatisticalMember(sba, 0.5, 0.5, _is_intermittent),
    "croston": StatisticalMember(croston, 0.5, 0.5, _is_intermittent),
    "dynamic_theta": StatisticalMember(dynamic_theta, 20, 30),
    "ets": StatisticalMember(ets, 150, 700),
    "arima": StatisticalMember(arima, 5000, 4000),
}


def statistical_forecasts(
    values: Floats, horizon: int, season_length: int, names: Sequence[str], *, non_negative: bool
) -> dict[str, Floats]:
    """Forecasts of the named members.

    Parameters
    ----------
    values : array of shape (n_series, n_times)
        Aligned at the end; NaN before the first observation and in gaps.
    horizon : int
    season_length : int
        1: no season.
    names : sequence of str
        Of `MEMBERS`.
    non_negative : bool
        Cut forecasts at 0.

    Returns
    -------
    dict of str to array of shape (n_series, horizon)
        Never NaN or infinite: a series that a member cannot be fitted to (short, constant, failed) gets the seasonal
        naive; a series without any observation, or of zeros, gets 0.

    Raises
    ------
    InvalidInput
        If a name is unknown.
    """
    unknown = [name for name in names if name not in MEMBERS]
    if unknown:
        raise InvalidInput(f"`names` must be of {list(MEMBERS)}, got {unknown}.")
    # Series are brought to one scale, so that no member overflows and optimisers start where they expect to.
    scale = np.max(np.abs(np.nan_to_num(values)), axis=1, keepdims=True, initial=0.0)
    results = {name: np.zeros((len(values), horizon)) for name in names}
    for rows, start in _of_like_length(values):
        scaled = values[rows, start:] / scale[rows]
        fallback = seasonal_naive(scaled, horizon, season_length)
        for name in names:
            with np.errstate(all="ignore"):
                forecast = MEMBERS[name].forecast(scaled, horizon, season_length)
                failed = ~(np.abs(forecast) <= MAX_GROWTH).all(axis=1, keepdims=True)
            forecast = np.where(failed, fallback, forecast)
            results[name][rows] = (np.maximum(forecast, 0.0) if non_negative else forecast) * scale[rows]
    return results


def _of_like_length(values: Floats) -> Iterator[tuple[Positions, int]]:
    """Rows of series that are at most twice as long as each other, and their first column; none that is empty or all 0.

    A panel with a few long series is mostly padding; members need not see it.
    """
    n_times = values.shape[1]
    told = np.flatnonzero((np.nan_to_num(values) != 0).any(axis=1))
    first = first_known(values[told]) if len(told) else told
    bucket = np.ceil(np.log2(n_times - first))
    for power in np.unique(bucket):
        rows = told[bucket == power]
        yield rows, int(first[bucket == power].min())
