"""Which rows every model of the conversion comparison is fitted on, and which it is judged on.

Imported by both sides: ours runs in the project's environment, the peers in theirs.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from conversion_sets import ConversionSet
from sklearn.model_selection import train_test_split

#: `valid`: fitted on train, judged on valid. `test`: fitted on train and valid, judged on test, which is thereby read.
#: `-walk`: the judged part in tenths, before each of which the model is fitted again on everything known by then.
PARTS = ("valid", "valid-walk", "test", "test-walk")
#: Sets whose world moves so much that one fit is no use.
WALKED = ("bank",)
N_BLOCKS = 10
#: A model that tunes or calibrates on held-out rows does so on this share of what it may know, the latest rows.
HELD_OUT = 0.25

SMALL_SET = "bank"
SMALL_SIZES = (20, 50, 100, 400)
SMALL_JUDGED = 10_000
MIN_WON = 2


@dataclass(frozen=True)
class Step:
    """One fit: row positions it may know, which of these (as positions within `fitted`) to tune on, which to judge."""

    fitted: np.ndarray
    held_out: np.ndarray
    judged: np.ndarray


def parts_of(data: ConversionSet) -> tuple[str, ...]:
    """The parts in which this set is judged."""
    return PARTS if data.name in WALKED else ("valid", "test")


def steps(data: ConversionSet, part: str) -> list[Step]:
    """The fits of a part, oldest first."""
    known, judged = (data.train, data.valid) if part.startswith("valid") else (data.known, data.test)
    if not part.endswith("-walk"):
        return [Step(known, held_out(data, known), judged)]
    blocks = np.array_split(judged, N_BLOCKS)
    before = [np.concatenate([known, *blocks[:number]]) for number in range(N_BLOCKS)]
    return [Step(rows, held_out(data, rows), block) for rows, block in zip(before, blocks, strict=True)]


def held_out(data: ConversionSet, fitted: np.ndarray) -> np.ndarray:
    """The latest quarter of the known rows; `valid` before the test part, a stratified quarter without time."""
    positions = np.arange(len(fitted))
    if np.array_equal(fitted, data.known):
        return positions[len(data.train) :]
    if data.time is not None:
        return positions[int((1 - HELD_OUT) * len(fitted)) :]
    return train_test_split(positions, test_size=HELD_OUT, stratify=data.y[fitted], random_state=0)[1]


def small_parts(data: ConversionSet) -> dict[str, np.ndarray]:
    """Rows that small samples are judged on, 10,000 each, stratified: `valid` and `test`; the others are the `pool`."""
    rows, judged = train_test_split(np.arange(len(data.X)), test_size=2 * SMALL_JUDGED, stratify=data.y, random_state=0)
    valid, test = train_test_split(judged, test_size=SMALL_JUDGED, stratify=data.y[judged], random_state=0)
    return {"pool": rows, "valid": valid, "test": test}


def small_samples(data: ConversionSet, part: str, size: int, n_draws: int) -> Iterator[np.ndarray]:
    """Rows of each draw, at random from those judged in no part, drawn again until two are won; the same for all."""
    pool = small_parts(data)["pool"]
    rng = np.random.default_rng([size, part == "test"])
    for _ in range(n_draws):
        rows = rng.choice(pool, size, replace=False)
        while data.y[rows].sum() < MIN_WON:
            rows = rng.choice(pool, size, replace=False)
        yield rows


def fingerprint(data: ConversionSet) -> str:
    """Short hash of the table, the outcomes and the parts: predictions made on other rows or columns are stale."""
    found = hashlib.sha256(" ".join(map(str, data.X.columns)).encode())
    found.update(pd.util.hash_pandas_object(data.X, index=False).to_numpy().tobytes())
    for values in (data.y, data.train, data.valid, data.test):
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()[:16]
