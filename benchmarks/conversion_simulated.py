"""Do scores come true? Judged by the true win probabilities of simulated companies, on the deals open at their end.

    python benchmarks/conversion_simulated.py [--seeds 0 1 2] [--deals 16700] [--part scores|switch] [--readme FILE]

*Scores*: 40 % of the deals are still open at the end (16,700 deals leave about 10,000 closed ones); defaults, horizon
90 days. Slope and calibration error (ten bins of equal mass) are taken against true probabilities, so that they hold
no noise of outcomes; the mean said stands beside the mean true.

*Switch*: the hazard of a win changes for good on one day of the 18th month. The model is refitted every fourth week
with what was known then, and judged on all that is open on that day. Wins since the switch are those of all at risk.
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from readme_section import markdown, replace_section

from forecast.conversion import ConversionScorer
from forecast.datasets import make_company
from forecast.evaluation.metrics import calibration_error, calibration_line, roc_auc_score
from forecast.features import build_features, open_entities, outcomes, snapshot_spine
from forecast.history import connect_tables
from forecast.usecases.snapshots import censored

#: Mark and heading of each part's section.
SECTIONS = {
    "scores": (
        "conversion-simulated",
        "## Simulated company: scores against the truth\n\n"
        "`python benchmarks/conversion_simulated.py --part scores`: open deals at the end of two years, 40 % censored.",
    ),
    "switch": (
        "conversion-switch",
        "## Simulated company: after a switch of the log hazard of a win\n\n"
        "`python benchmarks/conversion_simulated.py --part switch`",
    ),
}
HORIZON = 90
WITHIN = (7, 30, 90)
STEP_DAYS = 28
SWITCH_DAY = 540
SWITCHES = (-0.7, 0.7)
#: Weeks after the switch at which a model is refitted and judged.
WEEKS = (0, 4, 8, 12, 16, 20, 24)


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--deals", type=int, default=16_700, help="opportunities of a company of the first table")
    parser.add_argument("--switch-deals", type=int, default=4_000, help="opportunities of a company of the second")
    parser.add_argument("--weeks", type=int, nargs="+", default=WEEKS, help="after the switch: refit and judge then")
    parser.add_argument(
        "--part", choices=["scores", "switch"], help="only one of the two tables, each of its own section"
    )
    parser.add_argument("--readme", type=Path, help="file whose section of this benchmark is replaced")
    given = parser.parse_args()
    for part in [given.part] if given.part else list(SECTIONS):
        rows: list[dict[str, str]] = []
        for seed in given.seeds:  # a company takes minutes: what is known is written after each
            if part == "scores":
                rows += judge_scores(seed, given.deals)
            else:
                rows += judge_switches(seed, given.switch_deals, given.weeks)
            text = markdown(pd.DataFrame(rows))
            if given.readme:
                replace_section(given.readme, *SECTIONS[part], text)
        print(text, flush=True)


def judge_scores(seed: int, n_deals: int) -> Iterator[dict[str, str]]:
    """One row per horizon."""
    company = make_company(
        n_opportunities=n_deals, n_accounts=n_deals // 5, n_leads=n_deals // 4, n_reps=20, random_state=seed
    )
    con = connect_tables(company.tables)
    cutoff, first = company.end, company.end - timedelta(days=730)
    spine = snapshot_spine(con, "opportunity", first=first, cutoff=cutoff, step_days=STEP_DAYS, zone=UTC)
    features, known = build_features(con, spine, "opportunity"), outcomes(con, spine, "opportunity", cutoff)
    began = perf_counter()
    scorer = ConversionScorer("opportunity", HORIZON, WITHIN).fit(features, known, cutoff=cutoff)
    seconds = perf_counter() - began
    at_risk = open_entities(con, "opportunity", cutoff)
    ids = at_risk["entity_id"].to_numpy()
    scores = scorer.score(build_features(con, at_risk, "opportunity"))
    for days in WITHIN:
        yield {
            "seed": str(seed),
            "closed": f"{int((company.deals.closed < len(company.deals.process.season) - 365).sum()):,}",
            "snapshots": f"{len(spine):,}",
            "fit, s": f"{seconds:.0f}",
        } | judged(scores[f"p_{days}d"].to_numpy(), company.win_probability(ids, cutoff, days), days)


def judge_switches(seed: int, n_deals: int, weeks: Sequence[int]) -> Iterator[dict[str, str]]:
    """The rows of each switch."""
    for switch in SWITCHES:
        yield from judge_switch(switch, seed, n_deals, weeks)


def judge_switch(switch: float, seed: int, n_deals: int, weeks: Sequence[int]) -> Iterator[dict[str, str]]:
    """One row per refit."""
    company = make_company(
        n_opportunities=n_deals, n_leads=500, switch=switch, switch_day=SWITCH_DAY, deletions=0.0, random_state=seed
    )
    con = connect_tables(company.tables)
    switched = datetime.combine(company.first_day, datetime.min.time(), UTC) + timedelta(days=SWITCH_DAY)
    cutoffs = [moment for week in weeks if (moment := switched + timedelta(weeks=week)) <= company.end]
    grid = snapshot_spine(
        con,
        "opportunity",
        first=switched - timedelta(days=SWITCH_DAY),
        cutoff=cutoffs[-1],
        step_days=STEP_DAYS,
        zone=UTC,
    )
    features = build_features(con, grid, "opportunity")
    closed_on = company.deals.closed[company.deals.won]
    for cutoff in cutoffs:
        past = grid[grid["as_of"] < cutoff]
        known = censored(outcomes(con, past, "opportunity", cutoff), cutoff)
        mine = features.merge(known[["entity_id", "as_of"]], on=["entity_id", "as_of"])
        scorer = ConversionScorer("opportunity", 60, (60,)).fit(mine, known, cutoff=cutoff)
        at_risk = open_entities(con, "opportunity", cutoff)
        scores = scorer.score(build_features(con, at_risk, "opportunity"))
        day = SWITCH_DAY + (cutoff - switched).days
        wins = int(((closed_on >= SWITCH_DAY) & (closed_on < day)).sum())
        truth = company.win_probability(at_risk["entity_id"].to_numpy(), cutoff, 60)
        yield {
            "seed": str(seed),
            "switch": f"{switch:+.1f}",
            "weeks since": str((cutoff - switched).days // 7),
            "wins since": str(wins),
            "shift": f"{scorer.metadata_['anchor']['shift']:+.2f}",
        } | judged(scores["probability"].to_numpy(), truth, 60)


def judged(said: np.ndarray, truth: np.ndarray, days: int) -> dict[str, str]:
    """How what was said compares with true probabilities; deals a day old have none and are left out."""
    known = ~np.isnan(truth)
    said, truth = said[known], truth[known]
    y, p = np.repeat([1.0, 0.0], len(said)), np.tile(said, 2)
    weight = np.concatenate([truth, 1 - truth])
    line = calibration_line(y, p, sample_weight=weight)
    return {
        "days": str(days),
        "open": f"{len(said):,}",
        "mean said": f"{said.mean():.4f}",
        "mean true": f"{truth.mean():.4f}",
        "slope": f"{line.slope:.2f}",
        "ECE": f"{calibration_error(y, p, sample_weight=weight):.4f}",
        "AUC": f"{roc_auc_score(y, p, sample_weight=weight):.3f}",
        "AUC of truth": f"{roc_auc_score(y, np.tile(truth, 2), sample_weight=weight):.3f}",
    }


if __name__ == "__main__":
    main()
