"""Results above expectation against a truth that is known: who is better, and who is only luckier?

    python benchmarks/performance.py [--seasons N] [--readme benchmarks/README.md]

Each season is a company of its own with two years of deals, judged on its last quarter by the same function as the
product's. Territories differ in what their leads are worth: by industry, size, amount, source and region, all of them
recorded, and, in a variant, by something that nobody recorded. People differ in skill: a factor on the pace of winning.
The whole company and every team have shocks for months, people have luck for a quarter, cases change hands, and a good
third is open at the end. Targets grow with last year's revenue, as most companies set them.
"""

import argparse
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from readme_section import markdown, replace_section
from scipy.stats import binom, spearmanr

from forecast.history import connect_tables
from forecast.performance import CLAIM_LEVEL, WIN, measure
from forecast.periods import parse_period
from forecast.settings import Settings

TITLE = "## Performance without luck: ranks against true skill\n\n`python benchmarks/performance.py`"
START = pd.Timestamp("2024-01-01", tz="UTC")
N_DAYS, N_REPS, PER_TEAM, DEALS_PER_REP = 731, 12, 4, 160
STAGES = ("qualification", "proposal", "negotiation")
INDUSTRIES = {"retail": -0.4, "health": 0.1, "software": 0.5, "finance": 0.0, "public": -0.2}
SOURCES = {"web": 0.0, "fair": -0.5, "referral": 0.8, "cold": -0.9}
#: Spreads of skill, shared shocks, quarterly luck of a person and unseen differences between territories.
SKILL, SHOCK, LUCK, UNSEEN = 0.35, 0.2, 0.1, 0.25
#: The quarter that is judged, after its end.
PERIOD, AS_OF = "2025Q4", datetime(2026, 1, 1, tzinfo=UTC)
#: Columns of the product's table that people are ranked by.
RANKED = {
    "wins_above": "wins above expectation",
    "pace": "… as a factor on the pace",
    "amount_above": "money above expectation",
    "wins_difference": "wins less expected, not shrunk",
    "attainment": "attainment of the target",
    "revenue": "revenue",
    "won": "wins",
    "decided_win_rate": "win rate of decided deals",
}


@dataclass(frozen=True)
class Season:
    """A company with the truth about its people."""

    tables: dict[str, pd.DataFrame]
    skill: pd.Series


def make_season(seed: int, *, skill: float = SKILL, unseen: float = 0.0) -> Season:
    """One company; ``skill`` and ``unseen`` are the spreads of log factors between people and between territories."""
    rng = np.random.default_rng(seed)
    true_skill = rng.normal(0, skill, N_REPS) if skill else np.zeros(N_REPS)
    hidden = rng.normal(0, unseen, N_REPS) if unseen else np.zeros(N_REPS)
    n = N_REPS * DEALS_PER_REP
    rep = rng.choice(N_REPS, n, p=rng.dirichlet(np.full(N_REPS, 12.0)))
    traits, lead = _traits(rep, rng)
    created = np.sort(rng.uniform(0, N_DAYS - 1, n))
    team = np.arange(N_REPS) // PER_TEAM
    quarter = np.minimum(created // 91.4, 7).astype(int)
    common = rng.normal(0, SHOCK, 8)[quarter] + rng.normal(0, SHOCK, (N_REPS // PER_TEAM, 8))[team[rep], quarter]
    luck = rng.normal(0, LUCK, (N_REPS, 8))[rep, quarter]
    handed = rng.random(n) < 0.06  # a colleague takes over after some weeks, with the own skill from then on
    second = np.where(handed, (rep + rng.integers(1, N_REPS, n)) % N_REPS, rep)
    handed_at = created + np.where(handed, rng.uniform(10, 60, n), np.inf)
    base = lead + common + luck + hidden[rep]
    stages = _live(created, base, true_skill[rep], true_skill[second], handed_at, rng)
    rows = _versions(created, rep, second, handed_at, stages, traits)
    return Season(
        {"opportunities": rows, "targets": _targets(rows), **_organisation(team, traits)},
        pd.Series(true_skill, index=_users(np.arange(N_REPS))),
    )


def _traits(rep: np.ndarray, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """What is recorded of each deal, and what it is worth on the log pace of a win; mixes differ by territory."""
    n = len(rep)
    parts = {}
    effect = np.zeros(n)
    for name, levels in (("industry", INDUSTRIES), ("lead_source", SOURCES)):
        mix = rng.dirichlet(np.full(len(levels), 1.5), N_REPS).cumsum(axis=1)
        code = (rng.random(n)[:, None] > mix[rep]).sum(axis=1).clip(max=len(levels) - 1)
        parts[name] = np.array(list(levels), object)[code]
        effect += np.array(list(levels.values()))[code]
    size = rng.normal(0, 0.6, N_REPS)[rep] + rng.normal(0, 1, n)
    log_amount = 8.5 + rng.normal(0, 0.4, N_REPS)[rep] + 0.3 * size + rng.normal(0, 0.7, n)
    effect += 0.2 - 0.2 * size**2 - 0.25 * (log_amount - 8.5)
    parts |= {"size": np.round(100 * np.exp(size)), "amount": np.round(np.exp(log_amount), 2)}
    return pd.DataFrame(parts), effect


def _live(
    created: np.ndarray, base: np.ndarray, skill: np.ndarray, skill_after: np.ndarray, handed_at: np.ndarray,
    rng: np.random.Generator,
) -> list[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """For each stage: when it was left (infinite: not within two years) and whether forward; after a loss nothing."""
    at, alive = created.copy(), np.ones(len(created), bool)
    left = []
    for hazard, loss, weight in ((0.035, 0.008, 0.4), (0.03, 0.006, 0.6), (0.025, 0.008, 1.0)):
        pace = hazard * np.exp(weight * (base + skill))
        after = hazard * np.exp(weight * (base + skill_after))
        needed = rng.exponential(1, len(at))
        first = np.clip(np.minimum(handed_at, 1e9) - np.minimum(at, 1e9), 0, None)  # days with the first person
        forward = np.where(needed < pace * first, needed / pace, first + (needed - pace * first) / after)
        lost = rng.exponential(1 / loss, len(at))
        at = np.where(alive, at + np.minimum(forward, lost), np.inf)
        moved = alive & (forward < lost)
        left.append((at.copy(), moved.copy()))
        alive = moved
    return left


def _versions(
    created: np.ndarray, rep: np.ndarray, second: np.ndarray, handed_at: np.ndarray,
    stages: list[tuple[np.ndarray, np.ndarray]], traits: pd.DataFrame,
) -> pd.DataFrame:  # fmt: skip
    """Every version of every deal."""
    n = len(created)
    deal = np.arange(n)
    ended = np.min([np.where(moved, np.inf, at) for at, moved in stages[:-1]] + [stages[-1][0]], axis=0)
    won = stages[-1][1]
    parts = [pd.DataFrame({"deal": deal, "at": created, "stage": STAGES[0], "what": ""})]
    for (at, moved), stage in zip(stages[:-1], STAGES[1:], strict=True):
        parts.append(pd.DataFrame({"deal": deal, "at": at, "stage": stage, "what": ""})[moved])
    parts.append(pd.DataFrame({"deal": deal, "at": handed_at, "stage": None, "what": ""})[handed_at < ended])
    parts.append(pd.DataFrame({"deal": deal, "at": ended, "stage": np.where(won, "won", "lost"), "what": "end"}))
    rows = pd.concat(parts)
    rows = rows[rows["at"] < N_DAYS].sort_values(["deal", "at"], ignore_index=True)
    rows["stage"] = rows.groupby("deal")["stage"].ffill()
    number, ends = rows["deal"].to_numpy(), (rows["what"] == "end").to_numpy()
    moment = START + pd.to_timedelta(np.round(rows["at"] * 86_400), unit="s")
    owner = np.where(rows["at"] >= handed_at[number], second[number], rep[number])
    return pd.DataFrame(
        {
            "opportunity_id": [f"O{i:05}" for i in number],
            "account_id": [f"A{i:05}" for i in number],
            "owner_id": _users(owner),
            "stage": rows["stage"].to_numpy(),
            "amount": traits["amount"].to_numpy()[number],
            "currency": "EUR",
            "created_at": (START + pd.to_timedelta(np.round(created * 86_400), unit="s"))[number],
            "closed_at": moment.where(ends),
            "outcome": np.where(ends, np.where(won[number], "won", "lost"), None),
            "recorded_at": moment,
            "attributes": ('{"lead_source": "' + traits["lead_source"] + '"}').to_numpy()[number],
        }
    )


def _organisation(team: np.ndarray, traits: pd.DataFrame) -> dict[str, pd.DataFrame]:
    before = START - pd.Timedelta(days=400)
    return {
        "users": pd.DataFrame(
            {"user_id": _users(np.arange(N_REPS)), "team_id": [f"T{t}" for t in team], "role": "rep",
             "active_from": before, "recorded_at": before}
        ),
        "teams": pd.DataFrame({"team_id": [f"T{t}" for t in sorted(set(team))], "recorded_at": before}),
        "accounts": pd.DataFrame(
            {"account_id": [f"A{i:05}" for i in range(len(traits))], "industry": traits["industry"],
             "size": traits["size"], "created_at": before, "recorded_at": before}
        ),
    }  # fmt: skip


def _targets(rows: pd.DataFrame) -> pd.DataFrame:
    """Own revenue of the twelve months before, a quarter of it and a tenth more, as most companies set them."""
    won = rows[(rows["outcome"] == "won") & (rows["closed_at"] < pd.Timestamp("2025-10-01", tz="UTC"))]
    won = won[won["closed_at"] >= pd.Timestamp("2024-10-01", tz="UTC")]
    own = won.groupby("owner_id")["amount"].sum().reindex(_users(np.arange(N_REPS)), fill_value=0) / 4
    amount = 1.1 * own.clip(lower=1.0)
    begins = pd.Timestamp("2025-10-01", tz="UTC")
    return pd.DataFrame(
        {"owner_kind": "user", "owner_id": own.index, "period": PERIOD, "measure": "revenue",
         "amount": amount.round(2).to_numpy(), "currency": "EUR", "version": 1, "effective_from": begins,
         "recorded_at": begins}
    )  # fmt: skip


def _users(numbers: np.ndarray) -> np.ndarray:
    return np.array([f"U{i:03}" for i in range(N_REPS)], object)[numbers]


def judge_season(season: Season) -> pd.DataFrame:
    """One row per person: the product's table beside the true skill."""
    with connect_tables(season.tables) as con:
        found = measure(con, parse_period(PERIOD), AS_OF, Settings())
    table = found.to_frame()
    people = table[table["level"] == "user"].set_index("id")
    steps = found.steps[(found.steps["level"] == "user") & (found.steps["step"] != WIN) & (found.steps["claim"] != "")]
    claims = steps.groupby("id").size().reindex(people.index, fill_value=0)
    return people.assign(skill=season.skill, step_claims=claims).dropna(subset=["skill"])


def summarise(people: pd.DataFrame) -> dict[str, float]:
    """One season in numbers."""
    truth = people["skill"] - people["skill"].mean()
    found = {name: float(spearmanr(people[name].fillna(0), truth)[0]) if truth.any() else np.nan for name in RANKED}
    naive = naive_claims(people)
    for name, claim in (("product", people["claim"]), ("naive", naive)):
        wrong = ((claim == "ahead") & (truth <= 0)) | ((claim == "behind") & (truth >= 0))
        found |= {f"{name} claims": float((claim != "").mean()), f"{name} wrong": float(wrong.mean())}
    return found | {"step claims": float((people["step_claims"] > 0).mean()), "wins": float(people["wins"].sum())}


def naive_claims(people: pd.DataFrame) -> pd.Series:
    """What a table of win rates would say: a binomial test against the company's rate, at the same level."""
    won, decided = people["won"], people["won"] + people["lost"]
    rate = won.sum() / decided.sum()
    ahead = binom.cdf(won - 1, decided, rate) >= CLAIM_LEVEL
    behind = binom.sf(won, decided, rate) >= CLAIM_LEVEL
    return pd.Series(np.select([ahead, behind], ["ahead", "behind"], ""), index=people.index)


def seasons(n: int, *, skill: float, unseen: float) -> pd.DataFrame:
    """Numbers of many seasons."""
    return pd.DataFrame([summarise(judge_season(make_season(seed, skill=skill, unseen=unseen))) for seed in range(n)])


def _mean(values: pd.Series, form: str = ".1%") -> str:
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():{form}} ({values.mean() - half:{form}} to {values.mean() + half:{form}})"


def rank_table(found: pd.DataFrame) -> str:
    """Rank correlations with true skill, paired by season."""
    lines = []
    for name, label in RANKED.items():
        gap = found["wins_above"] - found[name]
        less = "" if name == "wins_above" else _mean(gap, "+.3f")
        lines.append({"ranked by": label, "Spearman with skill": _mean(found[name], ".3f"), "above less this": less})
    return markdown(pd.DataFrame(lines))


def claim_table(cases: dict[str, pd.DataFrame]) -> str:
    """Who is praised or blamed, and how often wrongly."""
    lines = [
        {
            "company": label,
            "seasons": str(len(found)),
            "claimed": _mean(found["product claims"]),
            "claimed wrongly": _mean(found["product wrong"]),
            "claimed in some step": _mean(found["step claims"]),
            "win rates: claimed": _mean(found["naive claims"]),
            "win rates: wrongly": _mean(found["naive wrong"]),
        }
        for label, found in cases.items()
    ]
    return markdown(pd.DataFrame(lines))


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seasons", type=int, default=200, help="half as many with unseen differences")
    parser.add_argument("--readme", type=Path, help="file whose section of this benchmark is replaced")
    given = parser.parse_args()
    started, half = time.process_time(), max(given.seasons // 2, 2)
    skilled = seasons(given.seasons, skill=SKILL, unseen=0.0)
    cases = {
        "people differ": skilled,
        "people do not differ": seasons(given.seasons, skill=0.0, unseen=0.0),
        "people differ, territories too, unseen": seasons(half, skill=SKILL, unseen=UNSEEN),
        "only territories differ, unseen": seasons(half, skill=0.0, unseen=UNSEEN),
    }
    seconds = (time.process_time() - started) / (2 * given.seasons + 2 * half)
    unseen = cases["people differ, territories too, unseen"]
    text = "\n\n".join(
        [
            f"{given.seasons} seasons of {N_REPS} people each, one quarter judged (on average "
            f"{skilled['wins'].mean():.0f} wins of the company), {seconds:.1f} CPU seconds a season through "
            "`forecast.performance.measure`. Means over seasons with 95 % intervals; the last column is paired. "
            "Target: last year's revenue by month and a tenth.",
            "### Ranks\n\n" + rank_table(skilled),
            "With differences between territories that nobody recorded (spread "
            f"{UNSEEN:g} of the log pace, that of skill is {SKILL:g}):\n\n" + rank_table(unseen),
            f"### Praise and blame\n\nShares of people. A claim needs a posterior probability of {CLAIM_LEVEL:.0%}: "
            f"at most {1 - CLAIM_LEVEL:.0%} may be wrong. Beside it a binomial test of everybody's win rate against "
            "the company's at the same level.\n\n" + claim_table(cases),
            "Where only unseen quality differs, what is claimed is true of the territory and wrong of the person: no "
            "method that sees the same records can tell them apart, and the product says so beside every claim.",
        ]
    )
    print(text)
    if given.readme:
        replace_section(given.readme, "performance", TITLE, text)


if __name__ == "__main__":
    main()
