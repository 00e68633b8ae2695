"""How far the world has moved: observed against expected wins of those at risk, as a shift on log-odds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from forecast.errors import InvalidInput

#: Days of one step of the level's random walk.
STEP_DAYS = 14.0

#: The level is followed over at most so many steps; what is older shares the first one.
MAX_STEPS = 104

#: Prior standard deviations tried, averaged by their evidence: of a season, and of the level's change in 28 days.
SEASON_SDS = (0.2, 0.4)
LEVEL_SDS = (0.0, 0.03, 0.06, 0.12, 0.25, 0.5)

#: Prior standard deviation of the shift that all of the past shares.
OFFSET_SD = 0.3

#: Days of the latest windows that set it, a round of seasons: the model says too little of the first cases of all,
#: whose histories are short, which is no sign that it says too little of those to come.
OFFSET_DAYS = 365.0

#: A season needs months seen twice: without this much history it cannot be told from a drift.
SEASON_DAYS = 540.0

#: Horizons of history before a level is told: in a shorter one the waits are known of the earliest cases only, and what
#: looks like a level is mostly these, as it was on the loan applications.
LEVEL_HORIZONS = 6.0

#: Largest shift, in log-odds: odds change at most 4.5-fold.
CAP = 1.5

#: Last days of a quarter that have an effect of their own: pushes to meet a target.
QUARTER_END_DAYS = 14

#: Effects of the calendar: twelve months and the end of a quarter.
SEASON = 13


@dataclass(frozen=True)
class Anchor:
    """Shift on log-odds: the level of the last weeks, and the season of the days ahead.

    Attributes
    ----------
    horizon_days : float
        Length of the window that the shifted probabilities are about.
    level : float
        Shift at the end of what is known, without season.
    season : tuple of 13 float
        Shift of days of each month, January first, and of the last days of a quarter; all 0 with little history.
    observed, expected : float
        Wins of those at risk in the last horizon of what is known, and those expected without any shift.
    tenths : tuple of float
        Days after which one, two, … nine tenths of the wins within the horizon have come: early days count more.
    """

    horizon_days: float
    level: float = 0.0
    season: tuple[float, ...] = (0.0,) * SEASON
    observed: float = 0.0
    expected: float = 0.0
    tenths: tuple[float, ...] = ()

    def shift(self, as_of: pd.Series, days: float | None = None) -> np.ndarray:
        """Shift of each moment's window of ``days`` (default the horizon), shape (n,), within ±`CAP`."""
        starts, place = np.unique(np.floor(_days(as_of)), return_inverse=True)
        window = np.arange(int(np.ceil(self.horizon_days if days is None else days)))
        share = np.diff(np.interp(np.append(window, window[-1] + 1), *self._wins_by()))
        share = share / share.sum()
        ahead = np.array([share @ season_of(start + window) @ np.array(self.season) for start in starts])
        return np.asarray(np.clip(np.round(self.level + ahead, 9), -CAP, CAP)[place])

    def _wins_by(self) -> tuple[np.ndarray, np.ndarray]:
        """Days, and the share of the wins within the horizon that have come by then; even when not known."""
        days = np.array([0.0, *self.tenths, max(self.horizon_days, 1.0)])
        return days, np.linspace(0.0, 1.0, len(days))

    def pace(self, as_of: pd.Series, edges: np.ndarray) -> np.ndarray:
        """Relative rate of wins by the season in each interval of days ahead, shape (n, n_edges - 1)."""
        starts, place = np.unique(np.floor(_days(as_of)), return_inverse=True)
        last = np.maximum(np.ceil(edges).astype(int), 0)
        ahead = np.arange(last[-1])
        rates = np.exp([season_of(start + ahead) @ np.array(self.season) for start in starts])
        summed = np.column_stack([np.zeros(len(starts)), np.cumsum(rates, axis=1)])
        width = np.maximum(np.diff(last), 1)
        return np.asarray(((summed[:, last[1:]] - summed[:, last[:-1]]) / width)[place])

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "horizon_days": self.horizon_days,
            "level": self.level,
            "season": list(self.season),
            "observed": self.observed,
            "expected": self.expected,
            "tenths": list(self.tenths),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Anchor":
        """The anchor that `to_state` described."""
        return cls(**(dict(state) | {"season": tuple(state["season"]), "tenths": tuple(state.get("tenths", ()))}))


def fit_anchor(z: np.ndarray, outcomes: pd.DataFrame, *, horizon_days: float, cutoff: Any) -> Anchor:
    """Learn level and season from everybody at risk, up to the last day known.

    Each snapshot speaks for the days until the next one of its entity, so that every win counts once and the last weeks
    speak without selecting those that closed. Wins of a day are compared with those expected,
    ``sum of p * f(days since the snapshot)``, in a Poisson regression on the level (a random walk), the month and the
    end of a quarter. All have Gaussian priors whose sizes are averaged by their evidence (Laplace) [1]_. What all of
    the past shares is then set so that the latest year's whole windows come true on the whole.

    Parameters
    ----------
    z : array of shape (n,)
        Log-odds of a win within the horizon by the model as it will serve.
    outcomes : DataFrame
        Of the same rows: ``entity_id``, ``as_of``, ``event`` ("won", "lost", ""), ``days``.
    horizon_days : float
    cutoff : datetime, UTC-aware
        Up to when outcomes are known.

    Raises
    ------
    InvalidInput
        If lengths differ.

    References
    ----------
    .. [1] MacKay (1992), Bayesian interpolation. Neural Computation 4(3): evidence for prior sizes.
    """
    if len(z) != len(outcomes):
        raise InvalidInput(f"`z` must have one value per outcome, got {len(z)} for {len(outcomes)}.")
    end = float(_days(pd.Series([pd.Timestamp(cutoff)]))[0])
    rows = _followed(np.asarray(z, dtype=float), outcomes, float(horizon_days), end)
    if not len(rows.z) or not rows.won.any():
        return Anchor(float(horizon_days))
    day, observed, expected = _by_day(rows, end)
    design = _design(day, end)
    with_season = end - day[0] >= SEASON_DAYS
    found = [
        _solve(design, observed, expected, _precision(design.shape[1], season_sd, level_sd))
        for season_sd in (SEASON_SDS if with_season else (0.0,))
        for level_sd in LEVEL_SDS
    ]
    evidence = np.array([value for value, _ in found])
    share = np.exp(evidence - evidence.max())
    mean = (share / share.sum()) @ np.array([parameters for _, parameters in found])
    season = tuple(float(value) for value in np.round(mean[1 : 1 + SEASON], 9) * with_season)
    offset = _offset(rows, day, design[:, 1:] @ mean[1:], end)
    told = end - day[0] >= LEVEL_HORIZONS * horizon_days
    level = round(float(np.clip(offset + mean[-1], -CAP, CAP)), 9) if told else 0.0
    lately = day >= end - horizon_days
    tenths = np.quantile(rows.whole_waits(end), np.arange(1, 10) / 10)
    return Anchor(
        float(horizon_days),
        level,
        season,
        float(observed[lately].sum()),
        round(float(expected[lately].sum()), 6),
        tuple(float(value) for value in np.round(tenths, 6)),
    )


@dataclass(frozen=True)
class _Followed:
    """Snapshots with known follow-up: start (day), log-odds, days to the win (inf: none), days to speak for."""

    start: np.ndarray
    z: np.ndarray
    won_after: np.ndarray
    gap: np.ndarray
    horizon: float

    @property
    def won(self) -> np.ndarray:
        """Whether it was won within the days it speaks for."""
        return self.won_after <= self.gap

    def whole_waits(self, end: float) -> np.ndarray:
        """Days to the win of those won within windows that lie before the end; even when there are none."""
        within = self.won_after[(self.start + self.horizon <= end) & (self.won_after <= self.horizon)]
        return within if len(within) else np.arange(self.horizon) + 0.5


def _followed(z: np.ndarray, outcomes: pd.DataFrame, horizon: float, end: float) -> _Followed:
    start = np.floor(_days(outcomes["as_of"]))
    event, days = outcomes["event"].fillna("").to_numpy(), outcomes["days"].to_numpy(dtype=float)
    rows = pd.DataFrame({"entity": outcomes["entity_id"].to_numpy(), "start": start})
    rows = rows.sort_values(["entity", "start"], kind="stable")
    following = (rows.groupby("entity", sort=False)["start"].shift(-1) - rows["start"]).sort_index().to_numpy()
    typical = float(np.nanmedian(following)) if np.isfinite(following).any() else horizon
    gap = np.floor(np.minimum(np.where(np.isnan(following), typical, following), np.minimum(horizon, end - start)))
    # One that left without an outcome (deleted) was followed no further.
    gap = np.where(event == "", np.minimum(gap, np.floor(days)), gap)
    used = gap >= 1
    won_after = np.where(event == "won", days, np.inf)
    return _Followed(start[used], z[used], won_after[used], gap[used], horizon)


def _by_day(rows: _Followed, end: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days, wins and expected wins of those at risk on each of them."""
    first, n_days = rows.start.min(), int(np.ceil(end - rows.start.min()))
    won_on = (rows.start + np.ceil(rows.won_after) - 1)[rows.won]
    observed = np.bincount((won_on - first).clip(0).astype(int), minlength=n_days)[:n_days].astype(float)
    within = rows.whole_waits(end)
    length = int(np.ceil(rows.horizon))
    per_day = np.bincount(np.ceil(within).clip(1).astype(int) - 1, minlength=length) / len(within)
    each = pd.DataFrame({"start": rows.start - first, "gap": rows.gap, "p": expit(rows.z)})
    groups = each.groupby(["start", "gap"], sort=True)["p"].sum().reset_index()
    gap = groups["gap"].to_numpy().astype(int)
    since = np.arange(gap.sum()) - np.repeat(np.cumsum(gap) - gap, gap)
    place = np.repeat(groups["start"].to_numpy().astype(int), gap) + since
    weights = np.repeat(groups["p"].to_numpy(), gap) * per_day[since]
    return first + np.arange(n_days), observed, np.bincount(place, weights=weights, minlength=n_days)[:n_days]


def _design(day: np.ndarray, end: float) -> np.ndarray:
    """One row per day: offset, month and end of quarter, level of each step up to the day's own."""
    n_steps = int(np.clip(np.ceil((end - day.min()) / STEP_DAYS), 1, MAX_STEPS))
    step = np.clip(n_steps - 1 - np.floor((end - 1 - day) / STEP_DAYS), 0, n_steps - 1).astype(int)
    return np.column_stack([np.ones(len(day)), season_of(day), np.eye(n_steps)[step]])


def _offset(rows: _Followed, day: np.ndarray, moved: np.ndarray, end: float) -> float:
    """Shift that all of the past shares, given how each day's law differs: the latest year's whole windows come true
    on the whole."""
    whole = rows.start + rows.horizon <= end
    if not whole.any():
        return 0.0
    whole &= rows.start > rows.start[whole].max() - OFFSET_DAYS
    past = np.append(0.0, np.cumsum(moved))
    first = (rows.start[whole] - day[0]).astype(int)
    last = np.minimum(first + int(rows.horizon), len(day))
    z = rows.z[whole] + (past[last] - past[first]) / np.maximum(last - first, 1)
    y = (rows.won_after[whole] <= rows.horizon).astype(float)
    weight = min(1.0, float(np.median(rows.gap)) / rows.horizon)
    offset = 0.0
    for _ in range(30):
        p = expit(z + offset)
        move = (weight * (y - p).sum() - offset / OFFSET_SD**2) / (weight * (p * (1 - p)).sum() + OFFSET_SD**-2)
        offset += float(np.clip(move, -1.0, 1.0))
    return offset


def season_of(day: np.ndarray) -> np.ndarray:
    """Month (12 columns) and end of quarter (1 column) of days since 1970, shape (n, 13), each 0 or 1."""
    date = np.asarray(day).astype(np.int64).astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    to_end = ((month + 1).astype("datetime64[D]") - date).astype(int)
    number = month.astype(int) % 12
    return np.column_stack([np.eye(12)[number], (number % 3 == 2) & (to_end <= QUARTER_END_DAYS)])


def _precision(size: int, season_sd: float, level_sd: float) -> np.ndarray:
    """Prior precision of offset, season and the level's steps."""
    n_steps = size - 1 - SEASON
    precision = np.zeros((size, size))
    precision[0, 0] = 1.0
    season = slice(1, 1 + SEASON)
    precision[season, season] = np.eye(SEASON) / max(season_sd, 1e-4) ** 2
    change = np.eye(n_steps) - np.eye(n_steps, k=-1)
    step_sd = max(level_sd, 1e-4) * np.sqrt(STEP_DAYS / 28)
    precision[1 + SEASON :, 1 + SEASON :] = change.T @ change / step_sd**2
    return precision


def _solve(
    design: np.ndarray, observed: np.ndarray, expected: np.ndarray, precision: np.ndarray
) -> tuple[float, np.ndarray]:
    """Log evidence and most likely parameters, by Newton steps on a Poisson likelihood."""
    parameters = np.zeros(len(precision))
    for _ in range(15):
        mean = expected * np.exp(design @ parameters)
        gradient = design.T @ (observed - mean) - precision @ parameters
        hessian = (design.T * mean) @ design + precision
        move = np.linalg.solve(hessian, gradient)
        parameters = parameters + np.clip(move, -1.0, 1.0)
        if np.abs(move).max() < 1e-9:
            break
    rate = design @ parameters
    likelihood = float(observed @ rate - expected @ np.exp(rate))
    prior = 0.5 * (np.linalg.slogdet(precision)[1] - parameters @ precision @ parameters)
    return float(likelihood + prior - 0.5 * np.linalg.slogdet(hessian)[1]), parameters


def _days(moments: pd.Series) -> np.ndarray:
    """Days since 1970-01-01 UTC."""
    utc = pd.to_datetime(moments, utc=True)
    return ((utc - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)).to_numpy(dtype=float)
