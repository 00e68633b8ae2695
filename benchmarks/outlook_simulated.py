"""Ranges of the outlook against the truth, in simulated companies under shocks that the model does not know.

    python benchmarks/outlook_simulated.py [--companies N] [--seed N] [--rows FILE] [--readme benchmarks/README.md]

Each company goes the way of the product: versions of its opportunities as a CRM records them, read as of a day of each
quarter; probabilities from what was known then (share won by stage and age); `forecast.outlook.simulate`. What is then
won in the quarter is compared with the range at rep, team and company level. Beside it the same paths without common
shocks, and last year's rest of the quarter times growth with the node's own errors as range.
"""

import argparse
import time
from datetime import UTC, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from outlook_companies import N_TEAMS, REPS_PER_TEAM, START, Companies, make_companies
from readme_section import markdown, replace_section

from forecast.history import connect_tables
from forecast.outlook import Outlook, simulate
from forecast.outlook.baselines import baselines
from forecast.outlook.calibration import group_chances
from forecast.outlook.origins import Origins, read_snapshots
from forecast.periods import parse_period
from forecast.settings import Settings

MARK = "outlook-simulated"
TITLE = "## Outlook: ranges against a known truth\n\n`python benchmarks/outlook_simulated.py`"
HISTORY_QUARTERS, N_QUARTERS = 8, 10
#: Days into the quarter at which it is forecast, in turn.
POSITIONS = (7, 28, 56)
#: Every so many quarters the paths without common shocks and last year are computed too.
COMPARED_EACH = 4
SHARES = (0.5, 0.8, 0.95)
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
SETTINGS = Settings()
N_PATHS = 1000
#: On so many companies of seed 0 the constants of the model were chosen: they are no part of the test.
SEEN = 60


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--companies", type=int, default=270)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=Path, help="file for one row per node and period; companies in it are kept")
    parser.add_argument("--readme", type=Path, help="file whose section of this benchmark is replaced")
    given = parser.parse_args()
    rows = run(given.companies, given.seed, given.rows, first=SEEN if given.seed == 0 else 0)
    text = report(rows)
    print(text)
    if given.readme:
        replace_section(given.readme, MARK, TITLE, text)


def run(n_companies: int, seed: int, kept: Path | None = None, *, first: int = 0, block: int = 20) -> pd.DataFrame:
    """Forecast and actual of every node and quarter of the companies from number ``first`` on.

    Blocks of companies that ``kept`` holds are not made again.
    """
    done = pd.read_parquet(kept) if kept is not None and kept.exists() else pd.DataFrame()
    have = set(done["company"]) if len(done) else set()
    for start in range(first, n_companies, block):
        n = min(block, n_companies - start)
        if start + n - 1 in have:
            continue
        companies = make_companies(n, _quarter(N_QUARTERS)[1], np.random.default_rng([seed, start]))
        found = [rows_of(companies, number, start + number) for number in range(n)]
        others = done[~done["company"].between(start, start + n - 1)] if len(done) else done
        done = pd.concat([others, *found], ignore_index=True)
        if kept is not None:
            done.to_parquet(kept)
    return done[done["company"].between(first, n_companies - 1)]


def rows_of(companies: Companies, company: int, name: int) -> pd.DataFrame:
    """All quarters of one company."""
    con = connect_tables(companies.tables(company))
    rng = np.random.default_rng([7, name])
    found = []
    for number in range(N_QUARTERS):
        first, last = _quarter(number)
        position = POSITIONS[(number + name) % len(POSITIONS)]
        day = first + position
        as_of = (START + timedelta(days=day)).to_pydatetime().replace(tzinfo=UTC)
        start = START.date() + timedelta(days=first)
        period = parse_period(f"{start.year}Q{(start.month + 2) // 3}")
        scores = plain_scores(con, as_of)
        began = time.process_time()
        made = simulate(con, scores, period, as_of, SETTINGS, n_paths=N_PATHS, random_state=name)
        seconds = time.process_time() - began
        alone = last_year = None
        if (number + name) % COMPARED_EACH == 0:
            alone = simulate(
                con, scores, period, as_of, SETTINGS, n_paths=N_PATHS, random_state=name, common_shocks=False
            )
            last_year = baselines(con, period, as_of, SETTINGS)["last_year"]
        actual = companies.won(company, first, last)
        found.append(
            _compare(made, alone, last_year, actual, rng).assign(
                company=name, quarter=number, position=position, family=companies.family[company], seconds=seconds
            )
        )
    con.close()
    return pd.concat(found, ignore_index=True)


def plain_scores(con: DuckDBPyConnection, as_of: pd.Timestamp) -> pd.DataFrame:
    """P(won within 30, 60, 90 days) of what is open: the share of those of the same stage and age, as known then."""
    history = (pd.Timestamp(as_of).tz_localize(None) - START).days
    days = -np.arange(0.0, min(history, 720), 28.0)
    rows = read_snapshots(con, as_of, Origins(days, 0.0, 0.0, 0, 1.0))
    begins, now = days[rows["origin"]], (rows["origin"] == 0).to_numpy()
    group, stage = rows["group"].to_numpy(), rows["stage_group"].to_numpy()
    scores = {"entity": "opportunity", "entity_id": rows.loc[now, "entity_id"].to_numpy()}
    for horizon in SETTINGS.horizons_days:
        past = begins + horizon <= 0
        won = (rows["won_days"] < begins + horizon).to_numpy()
        scores[f"p_{horizon}d"] = group_chances(group[past], stage[past], won[past], group[now], stage[now])
    return pd.DataFrame(scores)


def _quarter(number: int) -> tuple[int, int]:
    """First day of a quarter of the test and the day after it, in days from the start."""
    first = START + pd.DateOffset(months=3 * (HISTORY_QUARTERS + number))
    return (first - START).days, (first + pd.DateOffset(months=3) - START).days


def _compare(
    made: Outlook, alone: Outlook | None, last_year: pd.Series | None, actual: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """One row for each node: actual, quantiles and PIT, also without common shocks, and last year where compared."""
    reps = [f"r{number}" for number in range(N_TEAMS * REPS_PER_TEAM)]
    came = dict(zip(reps, actual, strict=True))
    y = np.array([came[owner] for owner in made.owners])
    base = None if last_year is None else last_year.reindex(list(made.owners)).fillna(0.0).to_numpy()
    rows = []
    for node in made.nodes():
        value, noise = float(y[node.members].sum()), float(rng.random())
        row = {"level": node.level, "node": node.id, "actual": value}
        row["last_year"] = np.nan if base is None else float(base[node.members].sum())
        for label, outlook in (("", made), ("alone_", alone)):
            if outlook is None:
                continue
            paths = outlook.summed(node.members)
            row |= {f"{label}pit": _pit(paths, value, noise), f"{label}mean": float(paths.mean())}
            for quantile in (*QUANTILES, 0.025, 0.975):
                row[f"{label}q{quantile:g}"] = float(np.quantile(paths, quantile))
        rows.append(row)
    return pd.DataFrame(rows)


def _pit(paths: np.ndarray, value: float, noise: float) -> float:
    """Randomised PIT: where paths equal the value, any place among them."""
    below, equal = (paths < value - 1e-6).sum(), (np.abs(paths - value) <= 1e-6).sum()
    return float((below + noise * (equal + 1)) / (len(paths) + 1))


def report(rows: pd.DataFrame) -> str:
    """Tables of coverage, of PIT, and of losses beside last year's."""
    n_companies, seconds = rows["company"].nunique(), rows.groupby(["company", "quarter"])["seconds"].first()
    text = (
        f"{n_companies} companies of {N_TEAMS} teams with {REPS_PER_TEAM} reps, {N_QUARTERS} quarters each, forecast "
        f"{', '.join(map(str, POSITIONS))} days into the quarter in turn; shocks of three families in turn (jumps of "
        "Student's t, regimes, waves with crashes) at company, team and rep level. A range covers when the randomised "
        "PIT lies in its middle part: the share is then the stated one for lumpy amounts too. In brackets the 95 % "
        "interval over the companies' quarters, since teams and reps of one err together. Companies are independent; "
        "quarters of one share its sizes of shocks. "
        "Without common shocks (every fourth quarter) only chance between deals is left. "
        "Constants of the model were chosen on other companies.\n\n"
    )
    text += markdown(_coverage(rows)) + "\n\n" + markdown(_histogram(rows)) + "\n\n" + markdown(_by_family(rows))
    text += "\n\n" + markdown(_losses(rows))
    text += (
        "\n\nLosses are means in units of the level's mean actual. Last year is the product's own baseline (booked so "
        "far, and the rest of the same quarter a year ago times growth); its 80 % range is as wide as its errors "
        "in all other quarters of the same node that are compared, later ones too, times the one factor of the level "
        f"that gives it the coverage of the outlook. An outlook takes {seconds.mean():.2f} s (CPU) here."
    )
    return text


def _coverage(rows: pd.DataFrame) -> pd.DataFrame:
    lines = []
    for level in ("rep", "team", "company"):
        part = rows[rows["level"] == level]
        for label, name in (("", "outlook"), ("alone_", "without common shocks")):
            used = part[part[f"{label}pit"].notna()]
            line = {"level": level, "paths": name, "n": f"{len(used):,}"}
            for share in SHARES:
                inside = (used[f"{label}pit"] - 0.5).abs() <= share / 2
                line[f"{share:.0%} range covers"] = _share(inside, used)
            line["mean / actual"] = f"{used[f'{label}mean'].sum() / used['actual'].sum():.3f}"
            lines.append(line)
    return pd.DataFrame(lines)


def _share(inside: pd.Series, rows: pd.DataFrame) -> str:
    """Share and its 95 % interval; nodes of one company and quarter err together, so that these are counted."""
    of_quarter = inside.groupby([rows["company"], rows["quarter"]]).agg(["sum", "size"])
    share, n = float(inside.mean()), len(of_quarter)
    surplus = of_quarter["sum"] - share * of_quarter["size"]
    error = np.sqrt((surplus**2).sum() * n / (n - 1)) / len(inside)
    return f"{share:.1%} ({share - 1.96 * error:.1%}–{share + 1.96 * error:.1%})"


def _histogram(rows: pd.DataFrame) -> pd.DataFrame:
    lines = []
    for level in ("rep", "team", "company"):
        part = rows.loc[rows["level"] == level, "pit"]
        counts = np.histogram(part, np.linspace(0, 1, 11))[0] / len(part)
        lines.append({"PIT": level} | {f"{k / 10:.1f}–{(k + 1) / 10:.1f}": f"{c:.1%}" for k, c in enumerate(counts)})
    return pd.DataFrame(lines)


def _by_family(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.assign(inside=(rows["pit"] - 0.5).abs() <= 0.4)
    lines = []
    for key, label in (("family", "shocks"), ("position", "days into the quarter")):
        for value, part in rows.groupby(key):
            line = {"80 % range": f"{label}: {value}"}
            for level in ("rep", "team", "company"):
                of_level = part[part["level"] == level]
                line[level] = _share(of_level["inside"], of_level)
            lines.append(line)
    return pd.DataFrame(lines)


def _losses(rows: pd.DataFrame) -> pd.DataFrame:
    lines = []
    for level in ("rep", "team", "company"):
        part = rows[(rows["level"] == level) & rows["last_year"].notna()]
        part = part[part.groupby(["company", "node"])["node"].transform("size") > 1]
        error = (part["actual"] - part["last_year"]) ** 2
        key = [part["company"], part["node"]]
        others = (error.groupby(key).transform("sum") - error) / (error.groupby(key).transform("size") - 1)
        spread, is_told = np.sqrt(others), others > 0  # a node without any error has no range to stretch
        part, error, spread = part[is_told], error[is_told], spread[is_told]
        unit = part["actual"].mean()
        covers = float((part["actual"].between(part["q0.1"], part["q0.9"])).mean())
        factor = float(np.quantile((error**0.5 / spread).to_numpy(), covers))
        ranges = {
            "outlook": (part["q0.1"], part["q0.9"], part["q0.5"]),
            "last year ± error": (
                (part["last_year"] - factor * spread).clip(lower=0), part["last_year"] + factor * spread,
                part["last_year"],
            ),
            "without common shocks": (part["alone_q0.1"], part["alone_q0.9"], part["alone_q0.5"]),
        }  # fmt: skip
        for name, (low, high, middle) in ranges.items():
            actual = part["actual"]
            outside = (low - actual).clip(lower=0) + (actual - high).clip(lower=0)
            lines.append(
                {
                    "level": level,
                    "range": name,
                    "covers (bounds included)": f"{actual.between(low, high).mean():.1%}",
                    "width": f"{(high - low).mean() / unit:.3f}",
                    "interval score, 80 %": f"{((high - low) + 2 / 0.2 * outside).mean() / unit:.3f}",
                    "pinball at 10, 50, 90 %": f"{_pinball(actual, low, middle, high) / unit:.4f}",
                }
            )
    return pd.DataFrame(lines)


def _pinball(actual: pd.Series, low: pd.Series, middle: pd.Series, high: pd.Series) -> float:
    losses = [
        np.maximum(q * (actual - bound), (q - 1) * (actual - bound)).mean()
        for q, bound in ((0.1, low), (0.5, middle), (0.9, high))
    ]
    return float(np.mean(losses))


if __name__ == "__main__":
    main()
