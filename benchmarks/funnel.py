"""Funnels whose truth is known: are shares unbiased while cases are open, do ranges cover, are alarms rarely false?

    python benchmarks/funnel.py [--seeds 400] [--readme benchmarks/README.md]

Three kinds of simulated funnel:
- `funnel_markov`: constant hazards within a quarter, so that every share, the whole funnel and the worth of a better
  quarter are known exactly;
- `make_company`, read from its version histories like any company: deals differ in ways that nobody sees, and the fate
  of the open ones is known because the simulation goes on.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from funnel_markov import HAZARDS, QUARTER_DAYS, STAGES, Truth, simulate
from readme_section import markdown, replace_section

from forecast.datasets import make_company
from forecast.datasets.deals import ADVANCE, BACK, NEVER, WIN
from forecast.datasets.deals import STAGES as COMPANY_STAGES
from forecast.funnel import Visits, bottlenecks, calendar_spans, read_visits, stage_changes, stage_table, whole_table
from forecast.funnel.changes import ALPHA
from forecast.funnel.pace import CONVERTS, DROPS
from forecast.history import connect_tables

UTC = ZoneInfo("UTC")
N_DEALS, N_DAYS = 600, 150.0
#: Spread of the quarters' multiples when the pace of stages really varies.
SPREAD = 0.25


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--readme", type=Path)
    asked = parser.parse_args(argv)
    started = time.process_time()
    parts = [
        ("Constant hazards, followed for {:.0f} days".format(N_DAYS), markov_shares(asked.seeds)),
        ("`make_company`, read from its histories", company_shares(max(asked.seeds // 10, 3))),
        ("Alarms of a change", alarms(asked.seeds)),
        ("Worth of the best quarter", worth(asked.seeds)),
    ]
    text = [f"{asked.seeds} seeds, {time.process_time() - started:,.0f} s of one core. {ABOUT}"]
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
            rows.append(_judged(row["stage"], row, exact, made_of="conversion"))
            for days in (30, 90):
                rows.append(_judged(f"{row['stage']} within {days} days", {**row, "conversion": row[f"within_{days}d"],
                                    "low": np.nan}, truth.shares(place, days)[:2].sum()))  # fmt: skip
        (whole,) = whole_table(made, (30, 60, 90)).to_dict("records")
        rows.append(_judged("whole funnel", whole, truth.won_within(whole["followed_days"])))
    note = (
        f"{N_DEALS} deals a seed; {np.mean(censored):.0%} of them open at the end. Coverage is that of 80 % intervals."
    )
    return note, _summary(rows)


def company_shares(n_seeds: int) -> tuple[str, pd.DataFrame]:
    """Shares of stages that were entered by the end, against what really became of those stays later."""
    rows, censored = [], []
    for seed in range(n_seeds):
        company = make_company(n_opportunities=1500, n_leads=50, n_accounts=200, months=18, censoring=0.4, deletions=0.0,
                               random_state=seed)  # fmt: skip
        with connect_tables(company.tables) as con:
            visits = read_visits(con, company.end, zone=UTC, reporting_currency="EUR", stages=COMPANY_STAGES)
        stays = visits.frame[visits.frame["entity"] == "opportunity"]
        censored.append((stays.drop_duplicates("case_id", keep="last")["ending"] == "").mean())
        fates = _true_fates(company, stays)
        for row in stage_table(visits, (90,)).to_dict("records"):
            if row["stage"] not in COMPANY_STAGES:
                continue
            at = (stays["stage"] == row["stage"]).to_numpy()
            moved = fates["forward"][at] & (fates["days"][at] <= row["followed_days"])
            rows.append(_judged(row["stage"], row, float(moved.mean())))
        whole = whole_table(visits, (90,))
        line = whole[whole["entry"] == "opportunity"].to_dict("records")[0]
        deals = company.deals
        age = deals.closed - deals.created
        won = deals.won & (deals.closed != NEVER) & (age <= line["followed_days"])
        rows.append(_judged("whole funnel", line, float(won.mean())))
    note = (
        f"{n_seeds} companies of 1,500 deals; {np.mean(censored):.0%} open at the end. The truth is what became of these "
        "very cases within the same time: an interval for a rate is wider than needed here, coverage is not judged. The "
        "seasons of wins, unseen quality and returning deals are all in it, so independence of censoring is not given."
    )
    return note, _summary(rows).drop(columns="coverage")


def _true_fates(company: object, stays: pd.DataFrame) -> dict[str, np.ndarray]:
    """What ended each stay in truth, and after how many days, also after the company's last day."""
    deals = company.deals  # type: ignore[attr-defined]
    moves = pd.DataFrame({"deal": deals.transitions.deal, "day": deals.transitions.day, "kind": deals.transitions.kind})
    moves = moves.sort_values(["deal", "day"], kind="stable")
    moves["visit"] = moves.groupby("deal").cumcount() + 1
    number = stays["case_id"].str.removeprefix("O").astype(int)
    own = stays.assign(deal=number, visit=stays.groupby("case_id").cumcount() + 1)
    known = own.merge(moves, on=["deal", "visit"], how="left")
    entered = (own["entered"] - pd.Timestamp(company.first_day)).dt.total_seconds().to_numpy() / 86400  # type: ignore[attr-defined]
    days = np.where(known["kind"].isna(), np.inf, known["day"] + 0.72 - entered)
    return {
        "forward": known["kind"].isin([ADVANCE, WIN]).to_numpy() & ~(known["kind"] == BACK).to_numpy(),
        "days": days,
    }


def _judged(name: str, row: dict[str, float], exact: float, made_of: str = "conversion") -> dict[str, object]:
    return {
        "what": name,
        "truth": exact,
        "estimate": row[made_of],
        "entered": row["naive_of_entered"],
        "ended": row["naive_of_ended"],
        "covered": np.nan if not np.isfinite(row["low"]) else float(row["low"] <= exact <= row["high"]),
    }


def _summary(rows: list[dict[str, object]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows).dropna(subset=["estimate"])
    lines = []
    for name, group in frame.groupby("what", sort=False):
        truth = group["truth"].mean()
        error = group["estimate"] - group["truth"]
        twice = 2 * error.std() / np.sqrt(len(error))
        is_horizon = "within" in str(name)
        naive = [group[kind].sub(group["truth"]).mean() / truth for kind in ("entered", "ended")]
        covered = group["covered"].mean()
        lines.append(
            {
                "share": name,
                "truth": f"{truth:.3f}",
                "bias": f"{error.mean():+.4f} ± {twice:.4f}",
                "relative bias": f"{error.mean() / truth:+.1%}",
                "naive of entered": "" if is_horizon else f"{naive[0]:+.1%}",
                "naive of ended": "" if is_horizon else f"{naive[1]:+.1%}",
                "coverage": "" if np.isnan(covered) else f"{covered:.1%} ± {_twice(covered, len(group)):.1%}",
            }
        )
    return pd.DataFrame(lines)


def alarms(n_seeds: int) -> tuple[str, pd.DataFrame]:
    """How often something is called a change: where nothing changed, and where something did."""
    dropped = np.ones((8, 3, 2))
    dropped[6:, 1, 0] = 0.6
    wobbling = Truth()
    lines = []
    cases: list[tuple[str, Callable[[int], Truth], bool]] = [
        ("nothing changes", lambda seed: Truth(), False),
        (f"paces wobble from quarter to quarter (spread {SPREAD})", lambda seed: _wobbling(seed, SPREAD), False),
        ("`offer` converts at 0.6 of the pace in the last half year", lambda seed: Truth(factors=dropped), True),
    ]
    for name, truth_of, is_change in cases:
        found, at, ratio = 0, [], []
        for seed in range(n_seeds):
            made = simulate(truth_of(seed), 1500, 730.0, np.random.default_rng([seed, 1]))
            table = stage_changes(made, _spans(made, "month"))
            hits = table[table["is_alarm"]]
            if is_change:
                hits = hits[(hits["stage"] == "offer") & (hits["way"] == "converts")]
                at += list(hits["since"])
                ratio += list(hits["factor"])
            found += len(hits) > 0
        share = found / n_seeds
        line = {"funnel": name, "looks with an alarm": f"{share:.1%} ± {_twice(share, n_seeds):.1%}"}
        said = f"{np.median(ratio):.2f}" if ratio else ""
        near = np.mean([abs(_months(since) - _months("2024-07")) <= 2 for since in at]) if at else np.nan
        lines.append(
            line | {"median factor told": said, "month within two of the true one": f"{near:.0%}" if at else ""}
        )
    del wobbling
    monthly = _monthly_looks(max(n_seeds // 4, 3))
    lines.append({"funnel": "nothing changes, twelve looks a year, any alarm",
                  "looks with an alarm": f"{monthly:.1%} ± {_twice(monthly, max(n_seeds // 4, 3)):.1%}",
                  "median factor told": "", "month within two of the true one": ""})  # fmt: skip
    note = (
        f"1,500 deals over two years, three stages, two ways out of each; stated chance of any false alarm at one look: at "
        f"most {ALPHA:.0%}. The scan looks for a change in the last twelve months."
    )
    return note, pd.DataFrame(lines)


def _monthly_looks(n_seeds: int) -> float:
    """Share of unchanged funnels that raise any alarm in a year of monthly looks."""
    any_alarm = 0
    for seed in range(n_seeds):
        made = simulate(Truth(), 1500, 730.0, np.random.default_rng([seed, 2]))
        looks = [730.0 - 30.4 * back for back in range(12)]
        any_alarm += any(
            stage_changes(cut := _as_known(made, day), _spans(cut, "month"))["is_alarm"].any() for day in looks
        )
    return any_alarm / n_seeds


def _as_known(made: Visits, day: float) -> Visits:
    """The stays as they were known on an earlier day."""
    from dataclasses import replace
    from datetime import timedelta

    start = made.frame["born"].min().normalize()
    limit = start + pd.Timedelta(days=day)
    frame = made.frame[made.frame["entered"] < limit]
    room = (limit - frame["entered"]).dt.total_seconds() / 86400
    cut = frame["days"] > room
    frame = frame.assign(days=frame["days"].mask(cut, room), ending=frame["ending"].mask(cut, ""),
                         next_position=frame["next_position"].mask(cut, -1))  # fmt: skip
    return replace(made, frame=frame.reset_index(drop=True), end=made.end - timedelta(days=730.0 - day))


def worth(n_seeds: int) -> tuple[str, pd.DataFrame]:
    """Value of the best quarter's pace against the true one, for the stages and quarters that were named."""
    lines = []
    for name, spread in (("paces do not change", 0.0), (f"paces vary (spread {SPREAD})", SPREAD)):
        rows = []
        for seed in range(n_seeds):
            truth = _wobbling(seed, spread)
            made = simulate(truth, 2500, 8 * QUARTER_DAYS, np.random.default_rng([seed, 3]))
            table = bottlenecks(made, _quarters(made), n_draws=300)
            rows += [_value(line, truth, place) for place, line in enumerate(table.to_dict("records"))]
        frame = pd.DataFrame(rows)
        judged = frame[frame["best"] != frame["now"]].dropna(subset=["value"])
        inside = ((judged["low"] <= judged["truth"]) & (judged["truth"] <= judged["high"])).mean()
        told = frame[frame["told"]]
        false = (told["truth"] <= 0).mean() if len(told) else np.nan
        luck = (judged["naive"] - judged["truth"]).mean()
        lines.append(
            {
                "funnel": name,
                "true value": f"{judged['truth'].mean():,.0f}",
                "told": f"{judged['value'].mean():,.0f}",
                "luckiest quarter, unshrunk": f"{judged['naive'].mean():,.0f}",
                "80 % interval covers": f"{inside:.1%} ± {_twice(inside, len(judged)):.1%}",
                "bottlenecks told": f"{len(told) / n_seeds:.1%} of looks",
                "of them without any true gain": "" if np.isnan(false) else f"{false:.1%}",
            }
        )
        del luck
    note = (
        "2,500 deals over eight quarters, 1,000 a win. True value: the true hazards of the quarter that was named best in "
        "place of those of the present one, the other stages at their mean, times the expected arrivals of a quarter. "
        "Luckiest quarter: the highest share advanced or won of those that ended in a quarter, taken at its word."
    )
    return note, pd.DataFrame(lines)


def _value(line: dict[str, object], truth: Truth, place: int) -> dict[str, object]:
    """The true worth of the named quarter, and what the luckiest quarter would promise."""
    hazards = truth.by_quarter(8)
    quarter = {f"{2023 + k // 4}Q{k % 4 + 1}": k for k in range(8)}
    if line["best"] is None or line["best"] != line["best"]:
        return {"now": "", "best": "", "value": np.nan, "low": np.nan, "high": np.nan, "truth": 0.0, "naive": np.nan,
                "told": False}  # fmt: skip
    usual = hazards.mean(axis=0)
    wins = []
    for label in (line["best"], line["now"]):
        changed = usual.copy()
        changed[place] = hazards[quarter[str(label)], place]
        wins.append(truth.win_chance(changed)[0])
    arrivals = 2500 / 8
    return {
        "now": line["now"], "best": line["best"], "value": line["value"], "low": line["value_low"],
        "high": line["value_high"], "truth": (wins[0] - wins[1]) * arrivals * 1000.0, "told": bool(line["is_bottleneck"]),
        "naive": line["naive"] if "naive" in line else np.nan,
    }  # fmt: skip


def _wobbling(seed: int, spread: float) -> Truth:
    """Multiples of each quarter, stage and way out, gamma distributed around 1."""
    if spread == 0:
        return Truth()
    rng = np.random.default_rng([seed, 4])
    shape = spread**-2
    return Truth(factors=rng.gamma(shape, 1 / shape, (8, len(HAZARDS), max(CONVERTS, DROPS) + 1)))


def _spans(made: Visits, kind: str) -> object:
    return calendar_spans(made.frame["entered"].min(), made.end, kind=kind, zone=UTC)


def _quarters(made: Visits) -> object:
    """Spans at which the simulated hazards change, named like quarters."""
    from forecast.funnel.pace import Spans

    start = np.datetime64("2023-01-01", "us")
    edges = start + np.round(QUARTER_DAYS * np.arange(9) * 86400e6).astype("timedelta64[us]")
    return Spans(tuple(f"{2023 + k // 4}Q{k % 4 + 1}" for k in range(8)), edges)


def _months(label: str) -> int:
    return 12 * int(label[:4]) + int(label[5:])


def _twice(share: float, n: int) -> float:
    return 2 * float(np.sqrt(max(share * (1 - share), 1e-12) / max(n, 1)))


if __name__ == "__main__":
    main()
