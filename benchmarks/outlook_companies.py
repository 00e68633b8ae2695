"""Simulated companies for the outlook: deals under common shocks of families that the model does not know."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

START = pd.Timestamp("2020-01-01")
N_TEAMS, REPS_PER_TEAM = 4, 4
#: How shocks come: jumps of Student's t that last for weeks, two regimes, calm with rare crashes.
FAMILIES = ("student-t jumps", "regimes", "mixture")
STAGES = ("new", "demo", "offer")
_WIN, _LOSE, _ADVANCE = np.array([0.0015, 0.008, 0.03]), np.array([0.02, 0.012, 0.01]), np.array([0.06, 0.05, 0.0])


@dataclass(frozen=True)
class Companies:
    """Simulated companies: ``deals`` has one row per deal, ``moves`` one per change of stage, all with ``company``.

    Days are counted from `START`; ``closed`` is NaN for deals still open on the last day.
    """

    deals: pd.DataFrame
    moves: pd.DataFrame
    family: list[str]
    n_days: int

    def tables(self, company: int) -> dict[str, pd.DataFrame]:
        """Canonical tables of one company: every version of its opportunities, users and two levels of teams."""
        deals = self.deals[self.deals["company"] == company]
        moves = self.moves[self.moves["company"] == company].merge(
            deals[["deal", "owner", "created", "asked"]], on="deal"
        )
        born = deals.assign(stage=0, day=deals["created"])[["deal", "owner", "created", "asked", "stage", "day"]]
        live = pd.concat([born, moves[born.columns]]).assign(
            outcome=None, closed=np.nan, amount=lambda rows: rows["asked"]
        )
        ended = deals[deals["closed"].notna()].assign(day=lambda rows: rows["closed"])
        ended = ended.assign(amount=np.where(ended["won"], ended["amount"], ended["asked"]))
        ended = ended.assign(outcome=np.where(ended["won"], "won", "lost"))
        rows = pd.concat([live, ended], ignore_index=True).sort_values(["day", "deal"], kind="stable")
        opportunities = pd.DataFrame(
            {
                "opportunity_id": _ids("d", rows["deal"]),
                "owner_id": _ids("r", rows["owner"]),
                "stage": np.array(STAGES, dtype=object)[rows["stage"].to_numpy(dtype=int)],
                "amount": rows["amount"].round(2),
                "currency": "EUR",
                "created_at": _moments(rows["created"]),
                "closed_at": _moments(rows["closed"]),
                "outcome": rows["outcome"],
                "recorded_at": _moments(rows["day"]) + pd.Timedelta(minutes=1),
            }
        )
        reps = np.arange(N_TEAMS * REPS_PER_TEAM)
        users = pd.DataFrame({"user_id": _ids("r", reps), "team_id": _ids("t", reps // REPS_PER_TEAM)})
        teams = pd.DataFrame({"team_id": _ids("t", np.arange(N_TEAMS)), "name": _ids("Team ", np.arange(N_TEAMS))})
        return {
            "opportunities": opportunities,
            "users": users.assign(recorded_at=START - pd.Timedelta(days=1)),
            "teams": teams.assign(recorded_at=START - pd.Timedelta(days=1)),
        }

    def won(self, company: int, first: int, last: int) -> Floats:
        """What each rep won on the days ``first`` <= day < ``last``, shape (n_reps,)."""
        deals = self.deals
        inside = (deals["company"] == company) & deals["won"] & (deals["closed"] >= first) & (deals["closed"] < last)
        kept = deals[inside]
        return np.bincount(kept["owner"], kept["amount"].round(2), N_TEAMS * REPS_PER_TEAM)


def make_companies(n_companies: int, n_days: int, rng: np.random.Generator) -> Companies:
    """Simulate companies day by day, all at once.

    Each company draws its size, growth, season, the skills and territories of its reps, the family of its shocks and
    their sizes at company, team and owner level. Shocks act on the hazard of a win and, less, on what arrives.
    """
    n_reps = N_TEAMS * REPS_PER_TEAM
    family = [FAMILIES[number % len(FAMILIES)] for number in range(n_companies)]
    shock = _all_shocks(family, n_days, rng)  # (n_days, n_companies, n_reps)
    territory = np.exp(rng.normal(np.log(0.2), 0.4, (n_companies, 1)) + rng.normal(0, 0.4, (n_companies, n_reps)))
    skill = rng.normal(0, 0.3, (n_companies, n_reps))
    growth = rng.normal(0, 0.15, n_companies)
    season = np.exp(rng.normal(0, 0.1, (n_companies, 1)) * np.sin(2 * np.pi * np.arange(n_days) / 365.25))
    price = np.exp(rng.normal(np.log(5000), 0.3, (n_companies, n_reps)))
    arrives = rng.uniform(0, 1, n_companies)  # share of the shocks that reach arrivals
    born, moved, closed = [], [], []
    state = _Open.none()
    total = 0
    for day in range(n_days):
        pace = np.exp(arrives[:, None] * shock[day] + (growth * day / 365)[:, None]) * season[:, day, None]
        counts = rng.poisson(territory * pace * (1.4 if day % 7 < 5 else 0.0))
        company, rep = (np.repeat(index, counts[counts > 0]) for index in np.nonzero(counts))
        new = np.arange(total, total + len(company))
        total += len(company)
        born.append(np.column_stack([new, company, rep, day + rng.uniform(0.3, 0.5, len(new))]))
        state = state.joined(new, company, rep)
        if day % 7 >= 5:
            continue
        win = 1.4 * _WIN[state.stage] * np.exp(skill[state.company, state.rep] + shock[day, state.company, state.rep])
        state, ended, advanced = state.stepped(win, rng)
        closed.append(np.column_stack([*ended, day + rng.uniform(0.6, 0.7, len(ended[0]))]))
        moved.append(np.column_stack([*advanced, day + rng.uniform(0.6, 0.7, len(advanced[0]))]))
    deals = pd.DataFrame(np.vstack(born), columns=["deal", "company", "owner", "created"])
    fate = pd.DataFrame(np.vstack(closed), columns=["deal", "won", "stage", "closed"])
    deals = deals.merge(fate, on="deal", how="left").astype({"deal": int, "company": int, "owner": int})
    asked = price[deals["company"], deals["owner"]] * np.exp(rng.normal(0, 0.8, len(deals)))
    amount = asked * np.exp(rng.normal(-0.08, 0.25, len(deals)))
    deals = deals.assign(won=deals["won"] == 1, asked=asked, amount=amount)
    moves = pd.DataFrame(np.vstack(moved), columns=["deal", "company", "stage", "day"]).astype({"deal": int})
    return Companies(deals, moves, family, n_days)


@dataclass(frozen=True)
class _Open:
    deal: Ints
    company: Ints
    rep: Ints
    stage: Ints

    @classmethod
    def none(cls) -> "_Open":
        return cls(*(np.empty(0, dtype=np.int64) for _ in range(4)))

    def joined(self, deal: Ints, company: Ints, rep: Ints) -> "_Open":
        new = (deal, company, rep, np.zeros(len(deal), dtype=np.int64))
        return _Open(
            *(np.concatenate(pair) for pair in zip((self.deal, self.company, self.rep, self.stage), new, strict=True))
        )

    def stepped(self, win: Floats, rng: np.random.Generator) -> tuple["_Open", tuple[Ints, ...], tuple[Ints, ...]]:
        """One working day: what is left open, what ended (deal, won, stage), what moved on (deal, company, stage)."""
        lose, advance = 1.4 * _LOSE[self.stage], 1.4 * _ADVANCE[self.stage]
        drawn = rng.random(len(win))
        leaves = -np.expm1(-(win + lose))
        ends = drawn < leaves
        won = drawn < leaves * win / (win + lose)
        moves = ~ends & (rng.random(len(win)) < advance)
        stage = self.stage + moves
        ended = (self.deal[ends], won[ends].astype(np.int64), self.stage[ends])
        advanced = (self.deal[moves], self.company[moves], stage[moves])
        kept = ~ends
        return _Open(self.deal[kept], self.company[kept], self.rep[kept], stage[kept]), ended, advanced


def _all_shocks(family: list[str], n_days: int, rng: np.random.Generator) -> Floats:
    """Log factors by day, company and rep: the sum of those of company, team and rep."""
    n = len(family)
    shape = n_days, n, N_TEAMS, REPS_PER_TEAM
    total = np.zeros(shape)
    for level, widest in ((shape[2:], 0.35), ((N_TEAMS, 1), 0.3), ((1, 1), 0.35)):
        size = rng.uniform(0.0, widest, n)
        for number, name in enumerate(family):
            series = _SHOCKS[name](n_days, int(np.prod(level)), rng)
            total[:, number] += size[number] * series.reshape(n_days, *level)
    return total.reshape(n_days, n, N_TEAMS * REPS_PER_TEAM)


def _jumps(n_days: int, n: int, rng: np.random.Generator) -> Floats:
    """Jumps of Student's t with 3 degrees of freedom that last for 20 to 90 days, about two at a time."""
    shocks = np.zeros((n_days, n))
    which = np.repeat(np.arange(n), rng.poisson(n_days / 30, n))
    begins, lasts = rng.integers(-90, n_days, len(which)), rng.integers(20, 91, len(which))
    sizes = np.clip(rng.standard_t(3, len(which)) / np.sqrt(3) * 0.74, -3, 3)
    for group, begin, last, size in zip(which, begins, lasts, sizes, strict=True):
        shocks[max(begin, 0) : max(begin + last, 0), group] += size
    return shocks


def _regimes(n_days: int, n: int, rng: np.random.Generator) -> Floats:
    """Good and bad times that last about two months each."""
    flips = rng.random((n_days, n)) < 1 / 60
    return np.asarray(np.where((np.cumsum(flips, axis=0) + rng.integers(0, 2, n)) % 2, 1.0, -1.0))


def _mixture(n_days: int, n: int, rng: np.random.Generator) -> Floats:
    """A slow wave, and a crash to a third about every second year that lasts for weeks."""
    noise = rng.normal(0, 1, (n_days, n))
    wave = np.zeros((n_days, n))
    for day in range(1, n_days):
        wave[day] = 0.97 * wave[day - 1] + np.sqrt(1 - 0.97**2) * noise[day]
    for day, group in zip(*np.nonzero(rng.random((n_days, n)) < 1 / 700), strict=True):
        wave[day : day + rng.integers(14, 60), group] -= 3.0
    return wave


_SHOCKS = {"student-t jumps": _jumps, "regimes": _regimes, "mixture": _mixture}


def _ids(prefix: str, numbers: object) -> NDArray[np.object_]:
    return np.array([f"{prefix}{number}" for number in np.asarray(numbers)], dtype=object)


def _moments(days: pd.Series) -> pd.Series:
    return (START + pd.to_timedelta(days, unit="D")).dt.floor("s")
