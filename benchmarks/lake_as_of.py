"""How long one as-of reading of a million opportunity versions takes, beside pandas on one parquet file.

    python benchmarks/lake_as_of.py [--ids 200000] [--versions 5] [--batches 20]

Each contender reads in a process of its own, so that its peak memory is its own; the best of three readings counts.
Writes to a temporary folder only.
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forecast.adapters.lake import DeltaLake
from forecast.history import in_force

AS_OF = datetime(2021, 9, 1, tzinfo=UTC)
DAY = 86_400_000_000  # microseconds
FIRST = int(datetime(2020, 9, 13, tzinfo=UTC).timestamp()) * 1_000_000


def make_versions(n_ids: int, n_versions: int, rng: np.random.Generator) -> pa.Table:
    """Opportunities created over 700 days, each changed every few days, in no order."""
    n = n_ids * n_versions
    ids = np.repeat(np.arange(n_ids), n_versions)
    created = np.repeat(FIRST + rng.integers(0, 700 * DAY, n_ids), n_versions)
    waits = rng.integers(DAY, 30 * DAY, (n_ids, n_versions))
    recorded = created + np.cumsum(waits, axis=1).ravel()
    order = rng.permutation(n)
    moment = pa.timestamp("us", tz="UTC")

    def text(prefix: str, numbers: np.ndarray, suffix: str = "") -> pa.Array:
        return pa.array(np.char.add(np.char.add(prefix, numbers.astype(str)), suffix))

    return pa.table(
        {
            "opportunity_id": text("006A", ids[order]),
            "account_id": text("001A", ids[order] % 50_000),
            "owner_id": text("u", rng.integers(0, 200, n)),
            "name": text("Deal ", ids[order]),
            "stage": pa.array(np.array(["new", "demo", "offer", "negotiation"])[rng.integers(0, 4, n)]),
            "amount": pa.array(rng.integers(100, 100_000, n)).cast(pa.decimal128(23, 4)).cast(pa.decimal128(18, 4)),
            "currency": pa.repeat("EUR", n),
            "created_at": pa.array(created[order]).cast(moment),
            "recorded_at": pa.array(recorded[order]).cast(moment),
            "source": pa.repeat("benchmark", n),
            "attributes": text('{"score": ', rng.integers(0, 1000, n), "}"),
        }
    )


def write(folder: Path, versions: pa.Table, n_batches: int) -> None:
    lake = DeltaLake(folder / "lake")
    size = -(-len(versions) // n_batches)
    for start in range(0, len(versions), size):
        with lake.writing() as writer:
            writer.append("opportunities", versions.slice(start, size))
            writer.note_attributes("opportunities", {"score": "number"})
            writer.commit({"source": "benchmark"})
    pq.write_table(versions, folder / "versions.parquet", compression="zstd")


def read_table(folder: Path) -> int:
    return len(DeltaLake(folder / "lake").table("opportunities", as_of=AS_OF))


def read_history(folder: Path) -> int:
    with DeltaLake(folder / "lake").connect(tables=["opportunities"]) as con:
        return len(con.execute(f"FROM {in_force('opportunities', AS_OF)}").df())


def read_view(folder: Path) -> int:
    with DeltaLake(folder / "lake").connect(tables=()) as con:
        return len(con.execute(f"FROM {in_force('opportunities', AS_OF)}").df())


def read_pandas(folder: Path) -> int:
    versions = pd.read_parquet(folder / "versions.parquet")
    known = versions[versions["recorded_at"] < AS_OF].sort_values("recorded_at", kind="stable")
    return len(known.groupby("opportunity_id").tail(1).sort_values("opportunity_id"))


LAKE = {
    "lake.table(as_of)": read_table,
    "lake.connect, history as view": read_view,
    "lake.connect, history in memory": read_history,
}
PANDAS = {"pandas read_parquet, groupby tail": read_pandas}


def measure(read: Callable[[Path], int], folder: Path) -> tuple[float, float, int, float]:
    """Seconds passed and seconds computed (on all cores) of the best of three, rows, peak memory in MB."""
    times = []
    for _ in range(3):
        started, computed = time.perf_counter(), time.process_time()
        rows = read(folder)
        times.append((time.perf_counter() - started, time.process_time() - computed))
    # not ru_maxrss, which a process inherits from the one that started it
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return (*min(times), rows, int(peak.split()[1]) / 1024)


def report(contenders: dict[str, Callable[[Path], int]], folder: Path, note: str = "") -> None:
    for name, read in contenders.items():
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, computed, rows, memory = pool.apply(measure, (read, folder))
        print(f"{name + note:44}{seconds:9.2f}{computed:9.2f}{rows:10,}{memory:9.0f}")


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ids", type=int, default=200_000)
    parser.add_argument("--versions", type=int, default=5)
    parser.add_argument("--batches", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        write(Path(folder), make_versions(given.ids, given.versions, np.random.default_rng(0)), given.batches)
        print(
            f"{given.ids * given.versions:,} versions of {given.ids:,} opportunities in {given.batches} batches,",
            end=" ",
        )
        print(f"made and written in {time.perf_counter() - started:.1f} s; as of {AS_OF:%Y-%m-%d}")
        print(f"{'reading':44}{'seconds':>9}{'CPU s':>9}{'rows':>10}{'peak MB':>9}")
        report(PANDAS | LAKE, Path(folder))
        DeltaLake(Path(folder) / "lake").compact()
        report(LAKE, Path(folder), ", compacted")


if __name__ == "__main__":
    main()
