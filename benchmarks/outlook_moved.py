"""Whether what moved adds up, in cents, on every pair of days of a simulated quarter.

    python benchmarks/outlook_moved.py [--step 1] [--readme benchmarks/README.md]

The quarter has everything that can happen: wins, losses, slips, new prices, hand-overs, reopened, merged and deleted
deals, people who change teams, accounts that change hands, orders, daily exchange rates, and a second batch that
corrects deals, orders and rates of days long gone; a second model serves from the middle on. Both ends of each pair
are compared, for the company, each team and each rep, with the outlook itself. Probabilities are made up here: the law
must hold whatever a model says.

Beside it the usual account of a pipeline: what was won, what was lost, what is new; how much does it leave unexplained?
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from readme_section import markdown, replace_section

from forecast.datasets import make_company
from forecast.history import connect_tables, in_force
from forecast.outlook import simulate
from forecast.outlook.book import Book, read_book
from forecast.outlook.moved import STEPS, Moved, what_moved
from forecast.periods import parse_period
from forecast.settings import Settings

MARK = "outlook-moved"
QUARTER = parse_period("2025Q3")
SETTINGS = Settings(revenue_from="both")
FIRST = datetime(2025, 7, 1, tzinfo=UTC)
N_DAYS = 92
#: The second model serves from this day on.
NEW_MODEL_DAY = 45
WITHIN = ["p_30d", "p_60d", "p_90d"]


def eventful_tables(seed: int = 0, n_opportunities: int = 120) -> dict[str, pd.DataFrame]:
    """A simulated company in which more happens than in most, and a second batch that corrects the first."""
    company = make_company(
        n_reps=6,
        n_accounts=40,
        n_opportunities=n_opportunities,
        n_leads=20,
        months=10,
        start=date(2024, 12, 1),
        deletions=0.05,
        merges=0.05,
        random_state=seed,
    )
    rng = np.random.default_rng([seed, 1])
    tables = {name: table.assign(batch=1) for name, table in company.tables.items()}
    users = tables["users"]["user_id"].to_numpy(dtype=object)
    happens = {
        "opportunities": [
            (1, 25, lambda rows: {"owner_id": rng.choice(users, len(rows))}),
            (1, 15, lambda rows: {"amount": rows["amount"] * rng.uniform(0.5, 2, len(rows))}),
            (1, 8, lambda rows: {"outcome": None, "closed_at": pd.NaT}),
            (1, 4, lambda rows: {"merged_into": rng.permutation(rows["opportunity_id"].to_numpy(dtype=object))}),
            (2, 20, lambda rows: {"amount": rows["amount"] * rng.uniform(0.5, 2, len(rows))}),
            (2, 15, lambda rows: {"owner_id": rng.choice(users, len(rows))}),
            (2, 10, lambda rows: {"outcome": "won", "closed_at": rows["recorded_at"]}),
            (2, 5, lambda rows: {"deleted_at": rows["recorded_at"]}),
            (2, 5, lambda rows: {"amount": np.nan}),
        ],
        "accounts": [(1, 10, lambda rows: {"owner_id": rng.choice(users, len(rows))})],
        "users": [(1, 4, lambda rows: {"team_id": rng.choice(["T000000", "T000001", None], len(rows))})],
        "order_lines": [(2, 20, lambda rows: {"quantity": rows["quantity"] + 1})],
        "fx_rates": [(2, 20, lambda rows: {"rate": rows["rate"] * rng.uniform(0.9, 1.1, len(rows))})],
    }
    keys = {"fx_rates": ["currency", "date"], "order_lines": ["order_id", "line"]}
    for name, events in happens.items():
        key = keys.get(name, [tables[name].columns[0]])
        for batch, n, change in events:
            tables[name] = pd.concat(
                [tables[name], _versions(tables[name], key, batch, n, change, rng)], ignore_index=True
            )
    return tables


def _versions(table: pd.DataFrame, key: list[str], batch: int, n: int, change, rng: np.random.Generator):
    """New versions of up to ``n`` rows at random moments of the quarter."""
    at = pd.Timestamp(FIRST) + pd.to_timedelta(rng.uniform(0, N_DAYS, n), unit="D").round("s")
    known = table.sort_values("recorded_at", kind="stable")
    ids = known[key].drop_duplicates().sample(n=min(n, known[key].drop_duplicates().shape[0]), random_state=rng)
    asked = ids.assign(at=at[: len(ids)].astype("datetime64[us, UTC]"))
    rows = known.merge(asked, on=key)
    rows = rows[rows["recorded_at"] < rows["at"]].groupby(key, as_index=False).last()
    rows = rows.assign(recorded_at=rows["at"], batch=batch).drop(columns="at")
    changes = {name: pd.Series(value, index=rows.index) for name, value in change(rows).items()}
    return rows.assign(**changes).reindex(columns=table.columns.union(list(changes), sort=False))


def made_up_scores(ids: Sequence[str], day: int, model: int, asked: "pd.Series[float] | None" = None) -> pd.DataFrame:
    """Chances that differ by opportunity, day and model; half of the amounts are expected lower than asked."""
    number = pd.Series(list(ids), dtype=object).str[1:].astype(float).to_numpy()
    p = (0.5 + 0.5 * np.sin(7 * number + day / (3 + number % 5))) ** (1 + 0.3 * model)
    amount = np.full(len(number), np.nan) if asked is None else asked.to_numpy(dtype=float)
    said = pd.DataFrame(dict(zip(WITHIN, (0.4 * p, 0.7 * p, 0.9 * p), strict=True)))
    return said.assign(
        entity="opportunity", entity_id=list(ids), amount_if_won=np.where(number % 2, 0.9 * amount, np.nan)
    )


def rescore(changes: pd.DataFrame) -> pd.DataFrame:
    """What would have been said had the changes been known: anything."""
    said = made_up_scores(changes.index, 10 * len(changes.columns), 1, changes.get("amount"))
    return said.set_index("entity_id")[[*WITHIN, "amount_if_won"]]


@dataclass(frozen=True)
class Day:
    """The books of one day: as it was told then, and by the later batch with each of the two models."""

    told: Book
    corrected: tuple[Book, Book]
    model: int

    @cached_property
    def means_told(self) -> "pd.Series[int]":
        """Of the outlook as it was told."""
        return _means(self.told)

    @cached_property
    def means_now(self) -> "pd.Series[int]":
        """Of the outlook by the later batch."""
        return _means(self.corrected[self.model])


def read_days(days: Sequence[int], seed: int = 0) -> dict[int, Day]:
    """The books of some days of the quarter."""
    tables = eventful_tables(seed)
    first, later = (connect_tables(tables, batch=batch) for batch in (1, 2))
    with first, later:
        return {
            day: Day(
                _book(first, day, int(day >= NEW_MODEL_DAY)),
                (_book(later, day, 0), _book(later, day, 1)),
                int(day >= NEW_MODEL_DAY),
            )
            for day in days
        }


def _book(con, day: int, model: int) -> Book:
    as_of = FIRST + timedelta(days=day)
    live = con.execute(
        f"SELECT opportunity_id, CAST(amount AS DOUBLE) AS amount FROM {in_force('opportunities', as_of)} "
        "WHERE outcome IS NULL AND closed_at IS NULL ORDER BY opportunity_id"
    ).df()
    scores = made_up_scores(live["opportunity_id"], day, model, live["amount"])
    return read_book(con, simulate(con, scores, QUARTER, as_of, SETTINGS, n_paths=10), scores, SETTINGS)


def moved_between(earlier: Day, later: Day) -> Moved:
    """What moved between two days."""
    return what_moved(
        earlier.told,
        earlier.corrected[earlier.model],
        earlier.corrected[later.model],
        later.corrected[later.model],
        rescore,
    )


def worst_gap(moved: Moved, earlier: Day, later: Day) -> int:
    """Largest difference in cents: of both ends from the outlooks, of each line's steps from its change, and of each
    step of reps, and of teams that are in no other, from the company's."""
    lines = moved.to_frame()
    cents = np.rint(lines[["before", *STEPS, "after"]].to_numpy() * 100).astype(np.int64)
    gaps = [cents[:, :-1].sum(axis=1) - cents[:, -1]]
    nodes = pd.MultiIndex.from_frame(lines[["level", "id"]])
    for column, outlook in ((0, earlier.means_told), (-1, later.means_now)):
        assert outlook.index.isin(nodes).all(), "a line of the outlook is missing"
        gaps.append(cents[:, column] - outlook.reindex(nodes, fill_value=0).to_numpy())
    top = (lines["level"] == "team") & lines["id"].isin(["R-north", "R-south", "(no team)"])
    chosen = [mask.to_numpy() for mask in (lines["level"] == "rep", top) if mask.any()]
    gaps += [cents[mask].sum(axis=0) - cents[0] for mask in chosen]
    return int(max(np.abs(gap).max() for gap in gaps))


def _means(book: Book) -> "pd.Series[int]":
    """Means of an outlook in cents, by level and id."""
    mean = book.outlook.to_frame(()).set_index(["level", "id"])["mean"]
    return (mean * 100).round().astype(np.int64)


def unexplained(moved: Moved) -> tuple[float, float]:
    """Change of the company, and what won, lost and new alone leave of it."""
    value = moved.entries.groupby("step")["value"].sum() / 100
    change = float(value.sum())
    return change, change - float(value.reindex(["won", "lost", "new"]).sum())


def main() -> None:
    """Run every pair and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--step", type=int, default=1, help="days between the days that are paired")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readme", type=Path)
    asked = parser.parse_args()
    started = time.process_time()
    days = read_days(range(0, N_DAYS, asked.step), asked.seed)
    pairs = [(early, late) for early in days for late in days if early <= late]
    worst, rest, used = 0, [], dict.fromkeys(STEPS, 0)
    for early, late in pairs:
        moved = moved_between(days[early], days[late])
        worst = max(worst, worst_gap(moved, days[early], days[late]))
        rest.append(unexplained(moved))
        for step in moved.entries["step"].unique():
            used[step] += 1
    change, left = np.abs(np.array(rest)).T
    table = pd.DataFrame(
        [
            ["pairs of days", f"{len(pairs):,}"],
            ["largest gap of any line or step, steps of what moved", f"{worst} cents"],
            ["left unexplained by won + lost + new, mean over pairs", f"{left.mean():,.0f} EUR"],
            ["change to explain, mean over pairs", f"{change.mean():,.0f} EUR"],
            ["pairs in which each step moved something, fewest", f"{min(used.values()):,} ({min(used, key=used.get)})"],
            ["CPU seconds", f"{time.process_time() - started:,.0f}"],
        ],
        columns=["", "found"],
    )
    text = markdown(table)
    print(text)
    if asked.readme:
        heading = (
            "## What moved, on every pair of days of a simulated quarter\n\n`python benchmarks/outlook_moved.py"
            f"{f' --step {asked.step}' if asked.step > 1 else ''} --readme benchmarks/README.md`"
        )
        replace_section(asked.readme, MARK, heading, text)


if __name__ == "__main__":
    main()
