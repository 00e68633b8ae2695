"""Whether targets proposed at odds a are met with frequency a, in rich and poor territories alike: simulated seasons.

    python benchmarks/targets_fair.py [--companies 400] [--readme benchmarks/README.md]

A company has 30 reps in territories that differ in how many leads arrive (a factor of about 7 between the richest and
the poorest tenth), and reps of three skills (0.75, 1, 1.33 times the usual conversion) who do not choose their
territory. Eight past quarters are seen, then targets are proposed by the product's own territory paths, then the ninth
quarter plays: a shock that all share (15 %), one of each rep and quarter (15 %), new leads, open deals, lognormal
amounts. Nothing of the ninth quarter and neither skill nor true rates are seen before.

*Met* counts rep-seasons; reps of one company share its shock, so the interval is of the mean over companies (clusters).
*Spread of odds* is the standard deviation, within a company and among reps of the same skill, of the true odds of
reaching the own target, known from 4,000 replays of the season under the true rates. Beside ours the same company
target is shared equally, in proportion to last year's revenue, and on paths that know the person (skill).
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from readme_section import markdown, replace_section

from forecast.targets import Proposer
from forecast.targets.territory import Potential, arrival_rates, expected_new_wins, fit_spread, territory_paths

MARK = "targets-fair"
LEVELS = {"target": 0.65, "stretch": 0.40, "challenge": 0.15}
SKILLS = np.array([0.75, 1.0, 1.33])
N_REPS, N_PAST, YEAR = 30, 8, 4
COMMON, OWN, CONVERSION, OPEN_CHANCE = 0.15, 0.15, 0.15, 0.3
N_TRUE = 4000
UNSEEN = 0.3


@dataclass(frozen=True)
class Company:
    """What is true: leads per quarter, open deals per quarter and skill of each rep."""

    leads: np.ndarray
    skill: np.ndarray
    quality: np.ndarray  # of the leads of a territory: conversion over the usual one, seen by nobody


@dataclass(frozen=True)
class Quarters:
    """What happened in some quarters: arrays of shape (n_quarters, n_reps)."""

    leads: np.ndarray
    open_deals: np.ndarray
    new_wins: np.ndarray
    open_wins: np.ndarray
    revenue: np.ndarray
    amounts: np.ndarray


def make_company(rng: np.random.Generator, *, skills: np.ndarray, unseen: float = 0.0) -> Company:
    leads, skill = 30 * np.exp(rng.normal(0, 0.75, N_REPS)), rng.permutation(np.resize(skills, N_REPS))
    return Company(leads, skill, np.exp(rng.normal(0, unseen, N_REPS)))


def play(company: Company, n: int, rng: np.random.Generator, open_deals: np.ndarray | None = None) -> Quarters:
    """Let quarters happen; with ``open_deals`` all start from these."""
    common = np.exp(rng.normal(-(COMMON**2) / 2, COMMON, (n, 1)))
    factor = company.skill * company.quality * common * np.exp(rng.normal(-(OWN**2) / 2, OWN, (n, N_REPS)))
    leads = rng.poisson(np.broadcast_to(company.leads, (n, N_REPS)))
    deals = rng.poisson(np.broadcast_to(0.15 * company.leads, (n, N_REPS))) if open_deals is None else open_deals
    new_wins = rng.binomial(leads, np.minimum(CONVERSION * factor, 1))
    open_wins = rng.binomial(np.broadcast_to(deals, (n, N_REPS)), np.minimum(OPEN_CHANCE * factor, 1))
    wins = new_wins + open_wins
    amounts = np.exp(rng.normal(8.5, 0.7, int(wins.sum())))
    revenue = np.bincount(np.repeat(np.arange(wins.size), wins.ravel()), amounts, wins.size).reshape(wins.shape)
    return Quarters(leads, deals, new_wins, open_wins, revenue, amounts)


def paths_before(past: Quarters, open_deals: np.ndarray, seed: int, *, knows_person: bool = False) -> np.ndarray:
    """The product's paths of the next quarter, from what was seen; with the person: from the own wins."""
    wins = past.new_wins + past.open_wins
    seen = wins if knows_person else past.leads
    rates = arrival_rates(seen[-YEAR:].sum(axis=0)[:, None], np.full(N_REPS, float(YEAR)))
    new_wins = expected_new_wins(rates, np.array([past.new_wins.sum(axis=1).mean()]), np.ones(N_REPS, dtype=bool))
    chance = past.open_wins.sum() / past.open_deals.sum()
    before = chance * past.open_deals + new_wins[:, 0]
    spread = fit_spread(wins, before, rates.relative_variance)
    potential = Potential(
        open_deals=open_deals[:, None],
        open_wins=chance * open_deals[:, None],
        new_wins=new_wins,
        amounts=(past.amounts,),
        variance=spread.owner + rates.relative_variance,
        common=spread.common * (1 + 1 / len(wins)),
    )
    return territory_paths(potential, n_paths=2000, random_state=seed)


def season(seed: int, skills: np.ndarray, *, unseen: float = 0.0) -> list[dict[str, object]]:
    """One company: proposals before the season, what came, and the true odds.

    With ``unseen`` the territories' leads differ in quality, and rich and poor are told by that.
    """
    rng = np.random.default_rng(seed)
    company = make_company(rng, skills=skills, unseen=unseen)
    past = play(company, N_PAST, rng)
    now = play(company, 1, rng)
    open_deals = now.open_deals[0]
    truth = play(company, N_TRUE, rng, open_deals).revenue
    ours = Proposer(paths_before(past, open_deals, seed))
    person = Proposer(paths_before(past, open_deals, seed, knows_person=True))
    richness = np.argsort(np.argsort(company.quality if unseen else company.leads)) * 3 // N_REPS
    last_year = past.revenue[-YEAR:].sum(axis=0)
    rows = []
    for level, ambition in LEVELS.items():
        proposal = ours.propose_at(ambition)
        total = proposal.company_target
        rules = {
            "ours": proposal.targets,
            "equal": np.full(N_REPS, total / N_REPS),
            "last year": total * last_year / last_year.sum(),
            "with skill": person.propose(total).targets,
        }
        for rule, targets in rules.items():
            met, odds = now.revenue[0] >= targets, (truth >= targets).mean(axis=0)
            rows += [
                {"seed": seed, "level": level, "rule": rule, "richness": richness[i], "skill": company.skill[i],
                 "met": met[i], "odds": odds[i]}
                for i in range(N_REPS)
            ]  # fmt: skip
    return rows


def frequency(part: pd.DataFrame) -> str:
    """Mean with its 95 % interval over companies."""
    means = part.groupby("seed")["met"].mean()
    half = 1.96 * means.std() / np.sqrt(len(means))
    return f"{means.mean():.3f} ± {half:.3f}"


def spread(part: pd.DataFrame) -> float:
    """Root mean variance of the true odds among equally skilled reps of a company."""
    return float(np.sqrt(part.groupby(["seed", "skill"])["odds"].var().mean()))


def met_table(rows: pd.DataFrame) -> pd.DataFrame:
    ours = rows[rows["rule"] == "ours"]
    table = []
    for level, ambition in LEVELS.items():
        of_level = ours[ours["level"] == level]
        by = {name: of_level[of_level["richness"] == code] for code, name in enumerate(("poor", "middle", "rich"))}
        by |= {f"skill {skill:g}": of_level[of_level["skill"] == skill] for skill in sorted(ours["skill"].unique())}
        table.append(
            {"stated odds": f"{ambition:.2f}", "met, all": frequency(of_level)}
            | {name: frequency(some) for name, some in by.items()}
        )
    return pd.DataFrame(table)


def spread_table(rows: pd.DataFrame) -> pd.DataFrame:
    table = []
    for level, ambition in LEVELS.items():
        spreads = {rule: spread(part) for rule, part in rows[rows["level"] == level].groupby("rule", sort=False)}
        table.append(
            {"stated odds": f"{ambition:.2f}"}
            | {rule: f"{value:.3f}" for rule, value in spreads.items()}
            | {f"ours / {rule}": f"{spreads['ours'] / spreads[rule]:.2f}" for rule in ("equal", "last year")}
        )
    return pd.DataFrame(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--companies", type=int, default=400)
    parser.add_argument("--readme", type=Path)
    arguments = parser.parse_args()
    started = time.process_time()
    rows = pd.DataFrame([row for seed in range(arguments.companies) for row in season(seed, SKILLS)])
    alike = pd.DataFrame([row for seed in range(arguments.companies // 4) for row in season(10_000 + seed, np.ones(1))])
    few = range(20_000, 20_000 + arguments.companies // 4)
    hidden = pd.DataFrame([row for seed in few for row in season(seed, SKILLS, unseen=UNSEEN)])
    met_hidden, spreads_hidden = met_table(hidden), spread_table(hidden)
    met, spreads, met_alike = met_table(rows), spread_table(rows), met_table(alike)
    print(
        met.to_string(index=False),
        spreads.to_string(index=False),
        met_alike.to_string(index=False),
        met_hidden.to_string(index=False),
        spreads_hidden.to_string(index=False),
        sep="\n\n",
    )
    print(f"{time.process_time() - started:.0f} CPU s")
    if arguments.readme:
        story = (__doc__ or "").split("\n\n", 2)[2].replace("\n", " ")
        text = (
            f"{story}\n\n{arguments.companies} companies, {arguments.companies * N_REPS:,} rep-seasons per row; ± is "
            f"the 95 % interval over companies.\n\n{markdown(met)}\n\nSpread of the true odds among equally skilled "
            f"reps:\n\n{markdown(spreads)}\n\nNo skill differences, {arguments.companies // 4} companies:\n\n"
            f"{markdown(met_alike)}\n\nWhere it does not hold: leads of a territory that are better or worse (± 30 %) "
            "in a way that nobody sees. Poor and rich are here those with bad and good leads; last year's revenue "
            f"knows what the number of leads does not.\n\n{markdown(met_hidden)}\n\n{markdown(spreads_hidden)}"
        )
        heading = (
            "## Targets: met as stated, and fair\n\n`python benchmarks/targets_fair.py --readme benchmarks/README.md`"
        )
        replace_section(arguments.readme, MARK, heading, text)


if __name__ == "__main__":
    main()
