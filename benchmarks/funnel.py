"""Funnels whose truth is known: are shares unbiased while cases are open, do ranges cover, are alarms rarely false?

    python benchmarks/funnel.py [--seeds 100] [--readme benchmarks/README.md]

Two kinds of simulated funnel:
- `funnel_markov`: constant hazards within a quarter, so that every share, the whole funnel and the worth of a better
  quarter are known exactly;
- `make_company`, read from its version histories like any company: deals differ in ways that nobody sees, and the fate
  of the open ones is known because the simulation goes on.
"""

import argparse
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from funnel_findings import alarms, twice, worth
from funnel_markov import STAGES, Truth, simulate
from readme_section import markdown, replace_section

from forecast.datasets import Company, make_company
from forecast.datasets.deals import ADVANCE, BACK, NEVER, WIN
from forecast.datasets.deals import STAGES as COMPANY_STAGES
from forecast.funnel import read_visits, stage_table, whole_table
from forecast.history import connect_tables

UTC = ZoneInfo("UTC")
N_DEALS, N_DAYS = 600, 105.0
#: Fates of simulated companies are known for a year after their end, so that longer shares have no truth.
WITHIN = 300


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--readme", type=Path)
    asked = parser.parse_args(argv)
    started = time.process_time()
    parts = [
        (f"Constant hazards, followed for {N_DAYS:.0f} days", markov_shares(5 * asked.seeds)),
        ("`make_company`, read from its histories", company_shares(12 * max(asked.seeds // 50, 1))),
        ("Alarms of a change", alarms(asked.seeds)),
        ("Worth of the best quarter", worth(asked.seeds)),
    ]
    text = [f"{asked.seeds} seeds unless said otherwise, {time.process_time() - started:,.0f} s of one core. {ABOUT}"]
    for heading, (note, table) in parts:
        print(f"\n{heading}\n{note}\n{table.to_string(index=False)}", flush=True)
        text += [f"### {heading}", note, markdown(table.astype(str))]
    if asked.readme:
        replace_section(asked.readme, "funnel", "## Funnel: open deals allowed for\n\n`python benchmarks/funnel.py`",
                        "\n\n".join(text))  # fmt: skip


ABOUT = (
    "Bias: mean of estimate less truth over the seeds, with twice its standard error; relative bias is over the truth. "
    "Naive of entered: moved on over all that entered. Naive of ended: over those that ended."
)


def markov_shares(n_seeds: int) -> tuple[str, pd.DataFrame]:
    """Shares of each stage and of the whole, at the horizon that the follow-up supports."""
    truth, rows, censored = Truth(), [], []
    for seed in range(n_seeds):
        made = simulate(truth, N_DEALS, N_DAYS, np.random.default_rng(seed))
        last = made.frame.drop_duplicates("case_id", keep="last")
        censored.append((last["ending"] == "").mean())
        for row in stage_table(made, (30, 60, 90)).to_dict("records"):
            place = STAGES.index(row["stage"])
            exact = truth.shares(place, row["followed_days"])[:2].sum()
            rows.append(_judged(row["stage"], row, exact, made_of="converted"))
            within = {days: {**row, "converted": row[f"within_{days}d"], "converted_low": np.nan} for days in (30,)}
            rows += [
                _judged(f"{row['stage']} within {days} days", line, truth.shares(place, days)[:2].sum())
                for days, line in within.items()
            ]
        (whole,) = whole_table(made, (30, 60, 90)).to_dict("records")
        rows.append(_judged("whole funnel", whole, truth.won_within(whole["followed_days"])))
    note = (
        f"{n_seeds} seeds of {N_DEALS} deals; {np.mean(censored):.0%} open at the end. Coverage is that of 80 % "
        "intervals."
    )
    return note, _summary(rows)


def company_shares(n_seeds: int) -> tuple[str, pd.DataFrame]:
    """Shares of stages that were entered by the end, against what really became of those stays later."""
    rows, censored = [], []
    for seed in range(n_seeds):
        months = 13 + seed % 12  # the end lies in every month: what comes later has its own season
        company = make_company(
            n_opportunities=1500, n_leads=50, n_accounts=200, months=months, deletions=0.0, random_state=seed
        )
        with connect_tables(company.tables) as con:
            visits = read_visits(con, company.end, zone=UTC, reporting_currency="EUR", stages=COMPANY_STAGES)
        stays = visits.frame[visits.frame["entity"] == "opportunity"]
        censored.append((stays.drop_duplicates("case_id", keep="last")["ending"] == "").mean())
        fates = _true_fates(company, stays)
        for line in stage_table(visits, (WITHIN,)).to_dict("records"):
            row, limit = _within(line)
            if row["stage"] not in COMPANY_STAGES:
                continue
            at = (stays["stage"] == row["stage"]).to_numpy()
            moved = fates["forward"][at] & (fates["days"][at] <= limit)
            rows.append(_judged(row["stage"], row, float(moved.mean())))
        whole = whole_table(visits, (WITHIN,))
        line, limit = _within(whole[whole["entry"] == "opportunity"].to_dict("records")[0])
        deals = company.deals
        age = deals.closed - deals.created
        won = deals.won & (deals.closed != NEVER) & (age <= limit)
        rows.append(_judged("whole funnel", line, float(won.mean())))
    note = (
        f"{n_seeds} companies of 1,500 deals whose histories end in every month; {np.mean(censored):.0%} of the deals "
        f"open then. The truth is what became of these very cases within the same time, at most {WITHIN} days: an "
        "interval for a rate is wider than needed here, coverage is not judged. Seasons of wins, unseen quality and "
        "returning deals are all in it, so that independence of censoring is not given."
    )
    return note, _summary(rows).drop(columns="coverage")


def _within(row: dict[str, float]) -> tuple[dict[str, float], float]:
    """A row with its share within `WITHIN` days, or within its follow-up where that is shorter, and those days."""
    if row["followed_days"] < WITHIN:
        return row, row["followed_days"]
    return {**row, "converted": row[f"within_{WITHIN}d"]}, float(WITHIN)


def _true_fates(company: Company, stays: pd.DataFrame) -> dict[str, np.ndarray]:
    """What ended each stay in truth, and after how many days, also after the company's last day."""
    deals = company.deals
    moves = pd.DataFrame({"deal": deals.transitions.deal, "day": deals.transitions.day, "kind": deals.transitions.kind})
    moves = moves.sort_values(["deal", "day"], kind="stable")
    moves["visit"] = moves.groupby("deal").cumcount() + 1
    number = stays["case_id"].str.removeprefix("O").astype(int)
    own = stays.assign(deal=number, visit=stays.groupby("case_id").cumcount() + 1)
    known = own.merge(moves, on=["deal", "visit"], how="left")
    entered = (own["entered"] - pd.Timestamp(company.first_day)).dt.total_seconds().to_numpy() / 86400
    days = np.where(known["kind"].isna(), np.inf, known["day"] + 0.72 - entered)
    return {
        "forward": known["kind"].isin([ADVANCE, WIN]).to_numpy() & ~(known["kind"] == BACK).to_numpy(),
        "days": days,
    }


def _judged(name: str, row: dict[str, float], exact: float, made_of: str = "converted") -> dict[str, object]:
    return {
        "what": name,
        "truth": exact,
        "estimate": row[made_of],
        "entered": row["naive_of_entered"],
        "ended": row["naive_of_ended"],
        "covered": np.nan
        if not np.isfinite(row["converted_low"])
        else float(row["converted_low"] <= exact <= row["converted_high"]),
    }


def _summary(rows: list[dict[str, object]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows).dropna(subset=["estimate"])
    lines = []
    for name, group in frame.groupby("what", sort=False):
        truth = group["truth"].mean()
        error = group["estimate"] - group["truth"]
        spread = 2 * error.std() / np.sqrt(len(error))
        is_horizon = "within" in str(name)
        naive = [group[kind].sub(group["truth"]).mean() / truth for kind in ("entered", "ended")]
        covered = group["covered"].mean()
        lines.append(
            {
                "share": name,
                "truth": f"{truth:.3f}",
                "bias": f"{error.mean():+.4f} ± {spread:.4f}",
                "relative bias": f"{error.mean() / truth:+.1%}",
                "naive of entered": "" if is_horizon else f"{naive[0]:+.1%}",
                "naive of ended": "" if is_horizon else f"{naive[1]:+.1%}",
                "coverage": "" if np.isnan(covered) else f"{covered:.1%} ± {twice(covered, len(group)):.1%}",
            }
        )
    return pd.DataFrame(lines)


if __name__ == "__main__":
    main()
