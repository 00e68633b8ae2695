"""Leaks and honest look-alikes planted in simulated companies, and a hunter that must tell them apart.

    python benchmarks/leak_hunter.py [--companies 120] [--seed 1] [--data DIR] [--readme benchmarks/README.md]

Each company is simulated by `forecast.datasets.make_company`; columns drawn from `leak_kinds.py` and `leak_honest.py`
are added to the exports of its opportunities and leads; `hunt_history` then sees the canonical tables with their
versions and must call every planted leak a "leak" and no honest column. The kinds were written without reading the
hunter. Every kind comes about equally often; which fall together, and the company's size, pace and habits, is drawn
from the seed. A leak that would touch fewer than `MIN_TOUCHED` closed cases is not planted, another takes its place.

The second part gives `hunt_table` real bare tables and lists every column that it names.

Exits with 1 if a planted leak stays, an honest column is called a leak, or a known leak of a bare table is not named.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from leak_honest import HONEST
from leak_kinds import LEAKS
from leak_planting import TABLES, Cases, Column, Kind, cases_of, with_columns
from leak_report import HEADING, MARK, failures, report
from leak_tables import DATA, bare_report
from readme_section import replace_section

from forecast.datasets import Company, make_company
from forecast.datasets.records import canonical
from forecast.features.leaks import Suspect, hunt_history
from forecast.history import connect_tables

#: Planted per company: (leaks, honest columns).
PLANTED = {"opportunity": (4, 5), "lead": (2, 4)}
#: Closed cases that carry a planted leak, at least.
MIN_TOUCHED = 15
#: Columns of the simulated CRM itself that are honest.
BASE = {
    "opportunity": ("account_id", "owner_id", "product_id", "name", "amount", "currency", "created_at",
                    "expected_close_date", "lead_source", "seats", "has_competitor"),
    "lead": ("account_id", "owner_id", "channel", "created_at", "pages_viewed", "newsletter"),
}  # fmt: skip
# Not judged, since they are the outcome or are set by it in the simulated CRM: stage, status, outcome, closed_at,
# converted_at, lost_reason, forecast_category, opportunity_id of leads.
Hunter = Callable[..., list[Suspect]]
Decks = dict[tuple[str, int], Iterator[list[Kind]]]


@dataclass(frozen=True)
class Judged:
    """One column of one company: what it is, and what the hunter said of it ("leak", "suspicious" or "")."""

    seed: int
    entity: str
    kind: str
    column: str
    is_leak: bool
    verdict: str
    evidence: str
    touched: int = 0
    seconds: float = 0.0  # of the whole hunt


def main() -> int:
    """Run both parts, print and store the tables; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--companies", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1, help="of the first company; the others follow")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the real tables; left out when not there")
    parser.add_argument("--rows", type=Path, help="csv file for what was said of every column")
    parser.add_argument("--readme", type=Path, help="file whose section of this benchmark is replaced")
    given = parser.parse_args()
    began = time.perf_counter()
    judged = pd.DataFrame(list(judge_companies(given.companies, given.seed)))
    text = report(judged, given.companies, given.seed, time.perf_counter() - began)
    n_failed = len(failures(judged))
    if given.rows:
        judged.to_csv(given.rows, index=False)
    if given.data.is_dir():
        bare, n_missed = bare_report(given.data)
        text += "\n\n" + bare
        n_failed += n_missed
    print(text)
    if given.readme:
        replace_section(given.readme, MARK, HEADING, text)
    return int(n_failed > 0)


def judge_companies(n: int, first_seed: int = 1, hunter: Hunter = hunt_history) -> Iterator[Judged]:
    """Every judged column of ``n`` companies; each kind is dealt equally often over the companies."""
    decks = {(entity, part): _deck(entity, part, first_seed) for entity in PLANTED for part in (0, 1)}
    began = time.perf_counter()
    for number in range(n):
        seed = first_seed + number
        company, late = draw_company(seed)
        planted = [plant(company, entity, decks, seed, late) for entity in PLANTED]
        with connection(company, planted) as con:
            found = [row for table in planted for row in judge(con, table, company.end, seed, hunter)]
        yield from found
        bad = [row.kind for row in found if row.is_leak != (row.verdict == "leak")]
        print(
            f"{number + 1}/{n} seed {seed}: {len(company.truth['opportunities'])} opportunities, "
            f"{time.perf_counter() - began:.0f} s{', WRONG: ' + '; '.join(bad) if bad else ''}",
            file=sys.stderr,
            flush=True,
        )


def draw_company(seed: int) -> tuple[Company, float]:
    """A company whose size, pace and habits are drawn from the seed, and its share of late records."""
    rng = np.random.default_rng([seed, 1])
    late = float(rng.choice([0.0, 0.05, 0.4]))
    company = make_company(
        n_reps=int(rng.integers(4, 20)),
        n_opportunities=int(rng.integers(400, 1500)),
        n_leads=int(rng.integers(500, 1500)),
        months=int(rng.integers(9, 30)),
        start=date(2024, 1, 1),
        censoring=float(rng.uniform(0.2, 0.6)),
        late_records=late,
        drift=float(rng.choice([0.0, 0.0, 0.7])),
        signal=float(rng.choice([1.0, 1.0, 0.5, 0.0])),
        confounding=float(rng.choice([0.0, 1.0])),
        deletions=float(rng.choice([0.0, 0.02])),
        merges=float(rng.choice([0.0, 0.02])),
        random_state=seed,
    )
    return company, late


@dataclass(frozen=True)
class Planted:
    """The canonical rows of one table with its planted columns, and what they are."""

    cases: Cases
    rows: pd.DataFrame
    columns: list[tuple[Kind, Column]]


def plant(company: Company, entity: str, decks: Decks, seed: int, late: float) -> Planted:
    """Deal leaks and honest columns from the decks and plant them."""
    rng = np.random.default_rng([seed, 2, len(entity)])
    cases = cases_of(company, entity)
    columns: list[tuple[Kind, Column]] = []
    for part, n in enumerate(PLANTED[entity]):
        columns += _draw(cases, decks[entity, part], n, rng, may_be_late=late >= 0.3)
    export = with_columns(cases, [column for _, column in columns])
    return Planted(cases, canonical(TABLES[entity][0], export), columns)


def _deck(entity: str, part: int, seed: int) -> Iterator[list[Kind]]:
    """The pile of kinds still to be dealt; a shuffled full set is put under it whenever it runs short."""
    rng = np.random.default_rng([seed, 3, part, len(entity)])
    kinds = [kind for kind in (LEAKS, HONEST)[part] if entity in kind.entities]
    pile: list[Kind] = []
    while True:
        if len(pile) <= len(kinds):
            pile += [kinds[i] for i in rng.permutation(len(kinds))]
        yield pile


def _draw(
    cases: Cases, deck: Iterator[list[Kind]], n: int, rng: np.random.Generator, *, may_be_late: bool
) -> list[tuple[Kind, Column]]:
    """The next ``n`` kinds of the pile that fit this company; those that do not stay for the next."""
    drawn: list[tuple[Kind, Column]] = []
    pile = next(deck)
    at = 0
    while len(drawn) < n:
        kind = pile[at]
        taken = {column.name for _, column in drawn}
        column = kind.make(cases, rng) if may_be_late or not kind.late_only else None
        if column is None or column.name in taken or (kind.hurts and column.touched < MIN_TOUCHED):
            at += 1
            continue
        drawn.append((kind, column))
        pile.pop(at)
    return drawn


def connection(company: Company, planted: list[Planted]) -> DuckDBPyConnection:
    """The histories of a company with the planted tables in it."""
    names = ("accounts", "interactions", "users", "products")
    tables = {name: canonical(name, company.exports[name]) for name in names}
    return connect_tables(tables | {TABLES[table.cases.entity][0]: table.rows for table in planted})


def judge(con: DuckDBPyConnection, planted: Planted, as_of: datetime, seed: int, hunter: Hunter) -> Iterator[Judged]:
    """What the hunter says of every column that is known to be a leak or honest."""
    entity = planted.cases.entity
    said: dict[str, tuple[str, str]] = {}
    began = time.perf_counter()
    suspects = hunter(con, entity, as_of=as_of)
    seconds = time.perf_counter() - began
    for suspect in suspects:
        name = suspect.column.removeprefix("attributes.")
        if suspect.verdict == "leak" or name not in said:
            said[name] = (suspect.verdict, f"{suspect.kind}: {suspect.evidence}")
    names = {column.name: (kind, column) for kind, column in planted.columns}
    for name, (kind, column) in names.items():
        verdict, evidence = said.get(name, ("", ""))
        yield Judged(seed, entity, kind.name, name, bool(kind.hurts), verdict, evidence, column.touched, seconds)
    for name in BASE[entity]:
        if name not in names:
            yield Judged(seed, entity, "column of the CRM", name, False, *said.get(name, ("", "")))


if __name__ == "__main__":
    sys.exit(main())
