"""Look back: what a plain forecast expected at past origins from what was known then, and what came."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.outlook.arrivals import MEMORY_DAYS, Arrivals, event_intensities, owner_rates
from forecast.outlook.origins import Origins
from forecast.outlook.people import People
from forecast.outlook.season import Season
from forecast.outlook.shocks import Surprises

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Half-lives of experience that are tried, and the one that is kept unless another is clearly better, in days.
HALF_LIVES, HALF_LIFE = (14.0, 30.0, 60.0, 120.0, 240.0, 10_000.0), 120.0
#: Weight of the wider rate against a group's own, and of a colleague of no experience, in cases and wins.
_PRIOR_CASES, _PRIOR_WINS = 15.0, 5.0
#: An origin without this much behind it has no expectation to be surprised by.
_MIN_WINS = 10.0


@dataclass(frozen=True)
class Opened:
    """Opportunities open at past origins: parallel arrays of shape (n_rows,).

    ``owner`` and ``won_owner`` are -1 for who is no owner of the outlook; ``won_days`` NaN when not won.
    """

    origin: Codes
    owner: Codes
    won_owner: Codes
    group: Codes
    stage_group: Codes
    won_days: Floats
    won_known_days: Floats

    @classmethod
    def from_frame(cls, rows: pd.DataFrame, owner: Codes, won_owner: Codes) -> "Opened":
        """From `read_snapshots` and the codes of both owners."""
        whole = (rows[name].to_numpy(dtype=np.int64) for name in ("origin", "group", "stage_group"))
        origin, group, stage = whole
        days = [rows[name].to_numpy(dtype=float) for name in ("won_days", "won_known_days")]
        return cls(origin, owner, won_owner, group, stage, *days)

    @classmethod
    def none(cls) -> "Opened":
        """No opportunity at all."""
        code, days = np.empty(0, dtype=np.int64), np.empty(0)
        return cls(code, code, code, code, code, days, days)


def group_chances(group: Codes, stage_group: Codes, won: NDArray[np.bool_], asked: Codes, asked_stage: Codes) -> Floats:
    """Share won among cases of the same stage and age, shrunk to that of the stage and this to that of all.

    Parameters
    ----------
    group, stage_group : int array of shape (n_cases,)
    won : bool array of shape (n_cases,)
    asked, asked_stage : int array of shape (n,)
        Groups whose chances are asked for.

    Returns
    -------
    array of shape (n,)
    """
    n_groups = int(max(group.max(initial=0), asked.max(initial=0))) + 1
    n_stages = int(max(stage_group.max(initial=0), asked_stage.max(initial=0))) + 1
    overall = (won.sum() + 0.5) / (len(won) + 1.0)
    of_stage = _shrunken(stage_group, won, n_stages, np.full(n_stages, overall))
    stage_of = np.zeros(n_groups, dtype=np.int64)
    stage_of[group], stage_of[asked] = stage_group, asked_stage
    return _shrunken(group, won, n_groups, of_stage[stage_of])[asked]


def _shrunken(group: Codes, won: NDArray[np.bool_], n_groups: int, prior: Floats) -> Floats:
    n_won, n_cases = np.bincount(group, won, n_groups), np.bincount(group, minlength=n_groups)
    return np.asarray((n_won + _PRIOR_CASES * prior) / (n_cases + _PRIOR_CASES))


def look_back(
    opened: Opened,
    past: Arrivals,
    origins: Origins,
    people: People,
    *,
    first_days: float,
    season: Season,
    half_life_days: float,
    shrink: bool = True,
) -> Surprises:
    """Expected and actual numbers of wins of each owner at past origins.

    At each origin open opportunities have the chance of their group among those of earlier origins whose span had
    ended, times what their owner made of such chances; arrivals have the rates of `owner_rates`. Outcomes count from
    when they were recorded. Origins with too little behind them are left out.
    """
    kept = [
        found
        for number, at in enumerate(origins.days[: origins.n_comparable])
        if (
            found := _look_back_from(
                number, float(at), opened, past, origins, people, first_days, season, half_life_days, shrink
            )
        )
        is not None
    ]
    n_owners = len(people.team)
    rows = [np.array([one[part] for one in kept]) for part in range(5)] if kept else []
    if not kept:
        empty = np.empty((0, n_owners))
        return Surprises(empty, empty, empty, np.empty(0), empty, origins.weight)
    expected, variance, actual, law, own = rows
    return Surprises(expected, variance, actual, law, own, origins.weight)


def _look_back_from(
    number: int,
    at: float,
    opened: Opened,
    past: Arrivals,
    origins: Origins,
    people: People,
    first_days: float,
    season: Season,
    half_life_days: float,
    shrink: bool,
) -> tuple[Floats, Floats, Floats, float, Floats] | None:
    n_owners = len(people.team)
    span = (at + origins.from_days, at + origins.to_days)
    open_mean, open_variance, n_open, open_own = _expected_of_open(number, at, opened, origins, n_owners)
    intensity, weight = event_intensities(
        past, at=at, from_days=origins.from_days, to_days=origins.to_days, first_days=first_days, season=season,
        half_life_days=half_life_days,
    )  # fmt: skip
    was_there = people.is_there(at)
    present = people.present(at, first_days, MEMORY_DAYS)
    rates = owner_rates(
        intensity, weight, past.owner, team=people.team, is_active=was_there, present=present, shrink=shrink
    )
    arriving = rates.expected
    n_behind = float(rates.n_own.sum())
    has_open = bool(((opened.origin == number) & (opened.owner >= 0)).any())
    knows_little = n_open + n_behind < _MIN_WINS or (has_open and n_open < _MIN_WINS)
    if knows_little or at - first_days < min(28.0, origins.to_days):
        return None
    new = (past.created_days >= at) & (past.closed_days >= span[0]) & (past.closed_days < span[1])
    actual = _sums(past.owner[new], past.count[new], n_owners)
    mine = (opened.origin == number) & (opened.won_owner >= 0)
    mine &= (opened.won_days >= span[0]) & (opened.won_days < span[1])
    actual = actual + _sums(opened.won_owner[mine], np.ones(mine.sum()), n_owners)
    expected = open_mean + arriving
    total = max(float(expected.sum()), 1e-9)
    law = (float(open_mean.sum()) / total) ** 2 / (_MIN_WINS + n_open)
    law += (float(arriving.sum()) / total) ** 2 / (_MIN_WINS + n_behind)
    own_variance = _own_variance(open_mean, open_own, arriving, rates.n_own, rates.prior if shrink else None)
    return expected, open_variance + arriving, actual, law, own_variance


def _own_variance(open_mean: Floats, open_own: Floats, arriving: Floats, n_own: Floats, prior: float | None) -> Floats:
    """Relative variance of what each owner is expected to do: of a gamma distribution after so many wins."""
    share = open_mean / np.maximum(open_mean + arriving, 1e-9)
    of_arrivals = 1 / (_MIN_WINS + n_own) if prior is None else 1 / (prior + n_own)
    return np.asarray(share**2 / (_PRIOR_WINS + open_own) + (1 - share) ** 2 * of_arrivals)


def _expected_of_open(
    number: int, at: float, opened: Opened, origins: Origins, n_owners: int
) -> tuple[Floats, Floats, float, Floats]:
    """Mean and variance of the wins of each owner's open opportunities, the wins behind it, and each owner's own."""
    zero = np.zeros(n_owners)
    asked = np.flatnonzero((opened.origin == number) & (opened.owner >= 0))
    ended = origins.days + origins.to_days <= at
    known = ended[opened.origin]
    if not known.any() or not len(asked):
        return zero, zero, 0.0, zero
    begins = origins.days[opened.origin]
    won = (opened.won_days >= begins + origins.from_days) & (opened.won_days < begins + origins.to_days)
    won &= opened.won_known_days < at
    here, stage = opened.group, opened.stage_group
    chance = group_chances(here[known], stage[known], won[known], here, stage)
    mine = known & (opened.owner >= 0)
    n_won, n_expected = (_sums(opened.owner[mine], values[mine], n_owners) for values in (won.astype(float), chance))
    factor = (_PRIOR_WINS + n_won) / (_PRIOR_WINS + n_expected)
    owner = opened.owner[asked]
    chance = np.minimum(chance[asked] * factor[owner], 0.99)
    mean, variance = (_sums(owner, values, n_owners) for values in (chance, chance * (1 - chance)))
    return mean, variance, float(won[known].sum()), n_won


def _sums(owner: Codes, values: Floats, n_owners: int) -> Floats:
    return np.bincount(owner, values, n_owners).astype(float)


def best_half_life(past: Arrivals, origins: Origins, *, first_days: float, season: Season) -> float:
    """The half-life of experience whose company-wide expectations of arrivals came nearest at past origins.

    Another than `HALF_LIFE` is taken if the Poisson deviance, scaled by its own size, falls by more than 2 for each
    unit: few origins do not decide.
    """
    deviances = np.array([_deviance(past, origins, first_days, season, half_life) for half_life in HALF_LIVES])
    if not np.isfinite(deviances).all():
        return HALF_LIFE
    usual = deviances[HALF_LIVES.index(HALF_LIFE)]
    scale = max(usual / max(origins.n_comparable, 1), 1.0)
    best = int(np.argmin(deviances))
    return HALF_LIVES[best] if usual - deviances[best] > 2 * scale else HALF_LIFE


def _deviance(past: Arrivals, origins: Origins, first_days: float, season: Season, half_life: float) -> float:
    total, n_used = 0.0, 0
    for at in origins.days[: origins.n_comparable]:
        intensity, weight = event_intensities(
            past, at=float(at), from_days=origins.from_days, to_days=origins.to_days, first_days=first_days,
            season=season, half_life_days=half_life,
        )  # fmt: skip
        expected = float(intensity.sum())
        if float(past.count[weight > 0].sum()) < _MIN_WINS or expected <= 0:
            continue
        new = (past.created_days >= at) & (past.closed_days >= at + origins.from_days)
        came = float(past.count[new & (past.closed_days < at + origins.to_days)].sum())
        total += 2 * (came * np.log(max(came, 1e-9) / expected) - (came - expected)) if came else 2 * expected
        n_used += 1
    return total if n_used else float("nan")
