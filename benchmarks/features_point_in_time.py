"""How long mining every feature family takes, and its window counts beside the same counts by a join in SQL.

    python benchmarks/features_point_in_time.py [--opportunities 20000] [--interactions 500000] [--step-days 7]

One simulated year, one core. The two ways must give the same counts; seconds are of the processor.
"""

import argparse
import resource
import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.features import FAMILIES, build_features, snapshot_spine
from forecast.features.interactions import WINDOWS_DAYS
from forecast.features.spine import Spine, create_spine, states
from forecast.history import connect_tables

YEAR = pd.Timestamp("2023-01-01", tz="UTC")


def days(values: np.ndarray) -> pd.TimedeltaIndex:
    return pd.to_timedelta(values, unit="D")


def make_tables(n_opportunities: int, n_interactions: int, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Opportunities of five versions each, with interactions spread over their lives."""
    created, life = rng.uniform(0, 365, n_opportunities), rng.exponential(30, n_opportunities)
    cases = pd.DataFrame(
        {
            "opportunity_id": [f"O{i}" for i in range(n_opportunities)],
            "account_id": [f"A{i}" for i in rng.integers(0, n_opportunities // 7 + 1, n_opportunities)],
            "owner_id": [f"U{i}" for i in rng.integers(0, 60, n_opportunities)],
            "amount": rng.integers(100, 10_000, n_opportunities),
            "created_at": YEAR + days(created),
            "attributes": [f'{{"seats": {i % 7}, "tier": "t{i % 5}"}}' for i in range(n_opportunities)],
        }
    )
    versions = [
        cases.assign(stage=f"stage {k}", recorded_at=cases["created_at"] + days(life * k / 4)) for k in range(4)
    ]
    closed_at = cases["created_at"] + days(life)
    outcome = rng.choice(["won", "lost"], n_opportunities)
    versions.append(cases.assign(stage="closed", recorded_at=closed_at, closed_at=closed_at, outcome=outcome))

    case = rng.integers(0, n_opportunities, n_interactions)
    at = YEAR + days(created[case] + life[case] * rng.random(n_interactions))
    interactions = pd.DataFrame(
        {
            "interaction_id": [f"I{i}" for i in range(n_interactions)],
            "at": at,
            "recorded_at": at,
            "opportunity_id": cases["opportunity_id"].to_numpy()[case],
            "account_id": cases["account_id"].to_numpy()[case],
            "channel": rng.choice(["phone", "email", "web"], n_interactions),
            "kind": rng.choice(["call", "demo", "offer", "question"], n_interactions),
            "direction": rng.choice(["in", "out"], n_interactions),
            "result": rng.choice(["answered", "unanswered"], n_interactions),
        }
    )
    return {"opportunities": pd.concat(versions, ignore_index=True), "interactions": interactions}


def count_by_join(con: DuckDBPyConnection, spine: Spine) -> pd.DataFrame:
    """The same counts, of the case per channel and of its account, by joining every pair in SQL: the peer."""
    joined = 'i."at" < s.as_of AND i.known_from < s.as_of AND s.as_of <= i.known_to'

    def counts(name: str, condition: str) -> str:
        return ", ".join(
            f'count(*) FILTER ({condition} AND i."at" >= s.as_of - INTERVAL {window} DAY) '
            f"AS interactions__{name}__count_{window}d"
            for window in WINDOWS_DAYS
        )

    channels = ", ".join(counts(channel, f"channel = '{channel}'") for channel in ("phone", "email", "web"))
    of_case = con.sql(
        f"SELECT s.row, {channels} FROM {spine} s LEFT JOIN interactions i ON i.opportunity_id = s.entity_id "
        f"AND {joined} GROUP BY s.row ORDER BY s.row"
    ).df()
    of_account = con.sql(
        f"SELECT s.row, {counts('account', 'i.account_id IS NOT NULL')} FROM {states(spine, 'opportunity')} s "
        f"LEFT JOIN interactions i ON i.account_id = s.account_id AND {joined} GROUP BY s.row ORDER BY s.row"
    ).df()
    return of_case.drop(columns="row").join(of_account.drop(columns="row"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--opportunities", type=int, default=20_000)
    parser.add_argument("--interactions", type=int, default=500_000)
    parser.add_argument("--step-days", type=int, default=7)
    asked = parser.parse_args()

    tables = make_tables(asked.opportunities, asked.interactions, np.random.default_rng(0))
    con = connect_tables(tables)
    con.execute("SET threads = 1")
    last = datetime(2024, 1, 1, tzinfo=UTC)
    spine = snapshot_spine(
        con, "opportunity", first=YEAR.to_pydatetime(), cutoff=last, step_days=asked.step_days, zone=UTC
    )
    print(f"{len(spine):,} spine rows, {asked.interactions:,} interactions")

    whole = time.process_time()
    mined = {}
    for family in FAMILIES:
        start = time.process_time()
        mined[family] = build_features(con, spine, "opportunity", [family])
        print(f"{family:14s}{time.process_time() - start:7.2f} s {mined[family].shape[1] - 2:4d} features")
    print(f"{'together':14s}{time.process_time() - whole:7.2f} s")

    start = time.process_time()
    joined = count_by_join(con, create_spine(con, spine, "opportunity"))
    print(f"{'SQL join':14s}{time.process_time() - start:7.2f} s {joined.shape[1]:4d} of the interaction counts")
    assert (mined["interactions"][list(joined)].to_numpy() == joined.to_numpy()).all(), "the two ways disagree"
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
