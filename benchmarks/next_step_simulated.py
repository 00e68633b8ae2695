"""Effects of actions against a truth that is known: intervals, refusals, and the policy that follows them.

    python benchmarks/next_step_simulated.py [--runs N] [--companies N] [--readme benchmarks/README.md]

0 runs, or 0 companies, leave that part and its section of the README alone.

A small simulator gives cases with a non-linear habit (who gets the action) and a non-linear outcome that share causes,
all of them observed, and an effect that differs from case to case. Because all causes are observed by construction,
the model is told so (``hidden_strength=0``); how often its default would refuse is reported beside. The last part goes
the whole way with `make_company`: real feature mining, actions drawn by lot (confounding 0) or by hidden quality.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from readme_section import markdown, replace_section
from scipy.special import expit

from forecast.conversion.next_step import NextStepModel
from forecast.conversion.uplift import EffectModel
from forecast.datasets import Company, make_company
from forecast.datasets.deals import DEMO, Events
from forecast.features import build_features, outcomes, snapshot_spine
from forecast.features.actions import window_actions
from forecast.history import connect_tables

TITLE = "## Next step: effects against a known truth\n\n`python benchmarks/next_step_simulated.py`"
N_CASES, N_POLICY, SHARE_ACTED = 3000, 4000, 0.3
#: Factor on the log-odds of the habit: with overlap, and so sure of itself that there is none.
WITH_OVERLAP, WITHOUT_OVERLAP = 1.0, 8.0
HORIZON = 60


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--companies", type=int, default=4, help="per strength of confounding")
    parser.add_argument("--readme", type=Path, help="file whose section of this benchmark is replaced")
    given = parser.parse_args()
    for n, part, mark, title in (
        (given.runs, against_truth, "next-step-simulated", TITLE),
        (
            given.companies,
            through_mining,
            "next-step-mined",
            TITLE.replace("truth\n", "truth, through feature mining\n"),
        ),
    ):
        if n:
            text = "\n\n".join(part(n))
            print(text, flush=True)
            if given.readme:
                replace_section(given.readme, mark, title, text)


@dataclass(frozen=True)
class Cases:
    """Simulated cases; ``p`` is the chance without the action, ``effect`` what the action adds to it."""

    X: pd.DataFrame
    treated: np.ndarray
    won: np.ndarray
    p: np.ndarray
    effect: np.ndarray


def simulate(n: int, rng: np.random.Generator, habit: float) -> Cases:
    """Cases of six numbers and one category."""
    x, sector = rng.normal(size=(n, 6)), rng.integers(0, 4, n)
    shared = 0.6 * x[:, 0] + 0.5 * np.sin(2 * x[:, 1]) + 0.4 * (x[:, 2] > 0.5) - 0.3 * x[:, 0] * x[:, 1]
    chance = expit(-0.7 + habit * (shared + 0.2 * (sector == 1)))
    base = -1.2 + 0.7 * x[:, 0] + 0.5 * np.abs(x[:, 1]) - 0.6 * x[:, 3] + 0.4 * (sector == 2) + 0.5 * (x[:, 2] > 0.5)
    lift = 0.35 + 0.5 * np.tanh(x[:, 3]) - 0.4 * (x[:, 0] > 0.8)
    without, with_it = expit(base), expit(base + lift)
    treated = rng.random(n) < chance
    won = rng.random(n) < np.where(treated, with_it, without)
    X = pd.DataFrame(x, columns=[f"x{i}" for i in range(6)]).assign(sector=np.array(list("abcd"), object)[sector])
    return Cases(X, treated, won, without, with_it - without)


def against_truth(n_runs: int) -> Iterator[str]:
    """Coverage, refusals and policy."""
    runs = pd.DataFrame([one_run(seed) for seed in range(n_runs)])
    refused = [
        EffectModel(hidden_strength=0).fit(*learned(simulate(N_CASES, np.random.default_rng(seed), WITHOUT_OVERLAP)))
        for seed in range(max(n_runs // 5, 1))
    ]
    unknown = pd.Series([model.reason_ for model in refused])
    rows = {
        "runs, cases each": f"{n_runs}, {N_CASES:,}",
        "95 % intervals of the average effect that hold the truth": _share(runs["covered"]),
        "… of the difference of rates, unadjusted": _share(runs["plain_covered"]),
        "mean error of the effect, points": f"{100 * runs['error'].mean():+.2f}",
        "… of the difference of rates, unadjusted, points": f"{100 * runs['plain'].mean():+.2f}",
        "mean width of the interval, points": f"{100 * runs['width'].mean():.1f}",
        "95 % intervals of the groups of similar effect that hold the truth": (
            f"{runs['groups_covered'].sum() / runs['groups'].sum():.1%} of {int(runs['groups'].sum())}"
        ),
        "called unknown, all causes known to be observed": _share(runs["reason"] != ""),
        "called unknown by default (hidden causes allowed for)": _share(runs["habit"]),
        f"without overlap: called unknown ({len(refused)} runs)": f"{_share(unknown != '')}: "
        + ", ".join(f"{reason} {count}" for reason, count in unknown[unknown != ""].value_counts().items()),
    }
    table = pd.DataFrame({"with overlap": list(rows), "": list(rows.values())})
    yield f"### Intervals and refusals\n\n{markdown(table)}"
    yield policy_table(runs)


def learned(cases: Cases) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """What a model may see."""
    return cases.X, cases.treated, cases.won


def one_run(seed: int) -> dict[str, object]:
    """One data set with overlap: the estimate against the truth of the rows it speaks of, and the policy."""
    rng = np.random.default_rng(seed)
    cases = simulate(N_CASES, rng, WITH_OVERLAP)
    model = EffectModel(hidden_strength=0, random_state=seed).fit(*learned(cases))
    estimate, hidden = model.estimate_, model.sensitivity_
    assert estimate is not None
    assert hidden is not None
    truth = cases.effect[model.kept_].mean()
    t = cases.treated
    plain = cases.won[t].mean() - cases.won[~t].mean()
    half = 1.96 * np.sqrt(cases.won[t].var() / t.sum() + cases.won[~t].var() / (~t).sum())
    groups = model.group_effects(cases.X[model.kept_]).assign(truth=cases.effect[model.kept_])
    by_group = groups.groupby("effect")[["low", "high", "truth"]].mean()
    fresh = simulate(N_POLICY, rng, WITH_OVERLAP)
    n_acted = int(SHARE_ACTED * N_POLICY)
    usual = np.where(fresh.treated, fresh.p + fresh.effect, fresh.p)  # the score that a model of the habit would learn
    return {
        "covered": estimate.low <= truth <= estimate.high,
        "plain_covered": abs(plain - cases.effect.mean()) <= half,
        "error": estimate.mean - truth,
        "plain": plain - cases.effect.mean(),
        "width": estimate.high - estimate.low,
        "groups": len(by_group),
        "groups_covered": int(((by_group["low"] <= by_group["truth"]) & (by_group["truth"] <= by_group["high"])).sum()),
        "reason": model.reason_,
        "habit": 0 < max(estimate.low, -estimate.high) <= 2 * hidden.bias,
        "effect first": won_by(fresh, model.predict(fresh.X), n_acted),
        "highest score first": won_by(fresh, usual, n_acted),
        "by chance": n_acted * fresh.effect.mean(),
        "true effect first": won_by(fresh, fresh.effect, n_acted),
    }


def won_by(cases: Cases, order: np.ndarray, n_acted: int) -> float:
    """Expected further wins when the action goes to the first so many."""
    return float(cases.effect[np.argsort(-order, kind="stable")[:n_acted]].sum())


def policy_table(runs: pd.DataFrame) -> str:
    """Further wins of each order at the same number of actions."""
    n = len(runs)
    lines = []
    for name in ("effect first", "highest score first", "by chance", "true effect first"):
        gap = runs["effect first"] - runs[name]
        half = 1.96 * gap.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
        less = (
            ""
            if name == "effect first"
            else f"{gap.mean():+.1f} ({gap.mean() - half:+.1f} to {gap.mean() + half:+.1f})"
        )
        lines.append({"order": name, "further wins": f"{runs[name].mean():.1f}", "effect first less this": less})
    head = (
        f"### The policy: the action for {int(SHARE_ACTED * N_POLICY):,} of {N_POLICY:,} fresh cases\n\n"
        "Expected further wins against nobody getting it, by the true effects. The score is the true win probability "
        "under present habits: no model ranks better by score."
    )
    return f"{head}\n\n{markdown(pd.DataFrame(lines))}"


def _share(values: pd.Series) -> str:
    return f"{values.mean():.1%}"


def through_mining(n_companies: int) -> Iterator[str]:
    """Effects found in simulated companies, next to the simulator's own."""
    lines = []
    for confounding in (0.0, 1.5):
        for seed in range(n_companies):
            company = make_company(
                n_opportunities=3000, n_leads=300, months=24, confounding=confounding, random_state=seed
            )
            found, truth = company_effects(company)
            line = {"confounding": f"{confounding:g}", "company": str(seed), "demo, true": f"{100 * truth:+.1f}"}
            for action in ("kind_demo", "kind_newsletter"):
                row = found.loc[action]
                told = "known" if row["known"] else f"unknown ({row['reason']})"
                line[f"{action.removeprefix('kind_')}, found"] = (
                    f"{100 * row['effect']:+.1f} ({100 * row['low']:+.1f} to {100 * row['high']:+.1f}), {told}"
                )
            lines.append(line)
    head = (
        f"### Points on P(won within {HORIZON} days)\n\n"
        "A demo raises the log hazard of a win by 0.7, a newsletter does nothing. With confounding 1.5 hidden quality "
        "decides who gets a demo. True: mean over snapshots without an earlier demo of the win probability with a "
        "demo at once less that with demos as usual, given the hidden quality."
    )
    yield f"{head}\n\n{markdown(pd.DataFrame(lines))}"


def company_effects(company: Company) -> tuple[pd.DataFrame, float]:
    """The effects table of `NextStepModel` by action, and the true effect of a demo."""
    con, cutoff = connect_tables(company.tables), company.end
    first = cutoff - timedelta(days=730)
    spine = snapshot_spine(con, "opportunity", first=first, cutoff=cutoff, step_days=14, zone=UTC)
    features = build_features(con, spine, "opportunity")
    known = outcomes(con, spine, "opportunity", cutoff)
    actions = window_actions(con, spine, "opportunity", cutoff=cutoff)
    model = NextStepModel(HORIZON).fit(features, known, actions, cutoff=cutoff)
    followed = features["as_of"] <= pd.Timestamp(cutoff) - pd.Timedelta(days=HORIZON)
    asked = features[(features["interactions__kind_demo__count"] == 0) & followed].iloc[::10]
    return model.effects_.set_index("action"), true_demo_effect(company, asked)


def true_demo_effect(company: Company, asked: pd.DataFrame) -> float:
    """Mean of P(win | a demo now) - P(win | demos as usual), given the hidden quality."""
    contacts, n = company.deals.contacts, len(company.deals.created)
    others = contacts.kind != DEMO
    without = Events(contacts.deal[others], contacts.day[others], contacts.kind[others])
    first_workday = np.full(n, np.flatnonzero(company.deals.process.season)[0])
    order = np.argsort(np.concatenate([first_workday, without.day]), kind="stable")
    with_demo = Events(
        np.concatenate([np.arange(n), without.deal])[order],
        np.concatenate([first_workday, without.day])[order],
        np.concatenate([np.full(n, DEMO), without.kind])[order],
    )
    ids, moments = asked["entity_id"].to_numpy(), asked["as_of"].to_numpy()
    chances = [
        replace(company, deals=replace(company.deals, contacts=events)).win_probability(
            ids, moments, HORIZON, quality_known=True
        )
        for events in (with_demo, without)
    ]
    return float(np.nanmean(chances[0] - chances[1]))


if __name__ == "__main__":
    main()
