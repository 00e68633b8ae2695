"""Tables of what a leak hunter said of planted leaks and honest columns."""

import pandas as pd
from leak_honest import HONEST
from leak_kinds import LEAKS
from scipy.stats import beta

MARK = "leak-hunter"
HEADING = "## Leak hunter: planted leaks out, honest columns kept\n\n`python benchmarks/leak_hunter.py`"
EXPLAINED = (
    'A leak that hurts the "last version" deceives whoever reads the last version of each case (an export of today), '
    'while the view as of a moment before the closing is clean; one that hurts "point in time" deceives also a model '
    "that reads the version in force before the closing, because the source rewrites, mis-stamps or records around it. "
    "Not planted, since no data could tell them from honest columns: an amount replaced in all versions by one of the "
    "same distribution, and a label of closed cases in all versions where open ones carry a random label of the same "
    "mix."
)


def failures(judged: pd.DataFrame) -> pd.DataFrame:
    """Leaks that stayed and honest columns that are out."""
    return judged[judged["is_leak"] != (judged["verdict"] == "leak")]


def clopper_pearson(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share."""
    tail = (1 - level) / 2
    low = beta.ppf(tail, k, n - k + 1) if k else 0.0
    high = beta.ppf(1 - tail, k + 1, n - k) if k < n else 1.0
    return float(low), float(high)


def report(judged: pd.DataFrame, n_companies: int, seed: int, seconds: float) -> str:
    """Tables per kind, totals with their intervals, and every failure."""
    leaks, honest = judged[judged["is_leak"]], judged[~judged["is_leak"]]
    out = honest["verdict"] == "leak"
    is_planted = honest["kind"] != "column of the CRM"
    lines = [
        f"{n_companies} companies of 400 to 1,500 opportunities and 500 to 1,500 leads, seeds {seed} to "
        f"{seed + n_companies - 1}, {seconds:.0f} s on one core with their simulation; "
        f"{leaks.groupby(['seed', 'entity'])['seconds'].first().mean():.2f} s per hunt. {EXPLAINED}",
        "",
        f"- Planted leaks out: {_share((leaks['verdict'] == 'leak').sum(), len(leaks))}.",
        f"- Honest columns out: {_share(out.sum(), len(honest))}; of the planted ones "
        f"{_share((out & is_planted).sum(), is_planted.sum())}.",
        f"- Honest columns called suspicious, which are kept: {(honest['verdict'] == 'suspicious').sum()}.",
        "",
        "### Planted leaks",
        "",
        _table_of_leaks(leaks),
        "",
        "### Honest columns",
        "",
        _table_of_honest(honest),
    ]
    bad = failures(judged)
    if len(bad):
        lines += ["", "### Failures", "", _table_of_failures(bad)]
    return "\n".join(lines)


def _table_of_failures(bad: pd.DataFrame) -> str:
    """One line per kind and entity, with the seeds of its companies and the evidence given for the first."""
    rows: list[list[object]] = []
    for (is_leak, kind, column, entity), these in bad.groupby(["is_leak", "kind", "column", "entity"], sort=False):
        seeds = ", ".join(str(seed) for seed in these["seed"])
        what = "leak stayed" if is_leak else "honest out"
        rows.append([what, kind, column, entity, seeds, as_cell(these["evidence"].iloc[0])])
    rows.sort(key=lambda row: [str(value) for value in row[:4]])
    return markdown(["what", "kind", "column", "entity", "seeds", "evidence given for the first"], rows)


def _table_of_leaks(leaks: pd.DataFrame) -> str:
    rows = []
    for kind in LEAKS:
        these = leaks[leaks["kind"] == kind.name]
        verdicts = these["verdict"].value_counts()
        rows.append(
            [kind.name, kind.what, kind.hurts, len(these), verdicts.get("leak", 0), verdicts.get("suspicious", 0)]
        )
    return markdown(["kind", "what it is", "hurts", "planted", "out", "only suspicious"], rows)


def _table_of_honest(honest: pd.DataFrame) -> str:
    rows = []
    for name, what in [(k.name, k.what) for k in HONEST] + [
        ("column of the CRM", "columns of the simulated CRM itself")
    ]:
        verdicts = honest.loc[honest["kind"] == name, "verdict"].value_counts()
        n = int((honest["kind"] == name).sum())
        rows.append([name, what, n, verdicts.get("leak", 0), verdicts.get("suspicious", 0)])
    return markdown(["kind", "what it is", "columns", "out", "suspicious, kept"], rows)


def _share(k: int, n: int) -> str:
    low, high = clopper_pearson(int(k), int(n))
    return f"{k} of {n} ({k / max(n, 1):.1%}, 95 % interval {low:.1%} to {high:.1%})"


def as_cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def markdown(head: list[str], rows: list[list[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(value) for value in line) + " |" for line in lines)
