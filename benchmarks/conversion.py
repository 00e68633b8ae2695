"""Conversion on real sets: ours with its defaults beside what others would use, on the same rows.

    python benchmarks/conversion.py [--data DIR] [--peers-cache DIR] [--readme benchmarks/README.md]
    python benchmarks/conversion.py --valid-only --cached-peers --peers-cache DIR     # while developing

The peers run in an environment of their own, `.venv-peers`, made from `requirements-peers.txt` when it is not there, or
any given by ``--peers-python``. Their predictions are kept in the cache: ours may change, they need no second fit.
Every run that reads a test part appends what it saw to `test_reads.csv`; ``--valid-only`` reads none.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from conversion_parts import (
    SMALL_SET,
    SMALL_SIZES,
    fingerprint,
    parts_of,
    small_parts,
    small_samples,
    steps,
)
from conversion_peers import N_DRAWS, PEERS, cpu_seconds, is_fresh, stored
from conversion_sets import DATA, SETS, ConversionSet, load_set
from conversion_tables import (
    BASE,
    OURS,
    Judged,
    SmallSamples,
    drift_table,
    gates,
    metrics,
    set_table,
    skill_table,
    small_gates,
    small_table,
)
from readme_section import markdown, replace_section

from forecast.conversion import ConversionModel
from forecast.evaluation.metrics.classification import log_losses

HERE = Path(__file__).parent
MARK = "conversion"
READS = HERE / "test_reads.csv"
COLUMNS = ["date", "commit", "set", "part", "model", "log_loss", "auc", "ece", "slope", "slope_low", "slope_high"]
Fit = Callable[[pd.DataFrame, np.ndarray, np.ndarray | None], Callable[[pd.DataFrame], np.ndarray]]


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with a folder per set")
    parser.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--peers-cache", type=Path, help="folder of the peers' predictions; default a temporary one")
    parser.add_argument("--peers-python", type=Path, help="interpreter with requirements-peers.txt")
    parser.add_argument("--cached-peers", action="store_true", help="fit no peer; compare with what the cache holds")
    parser.add_argument("--valid-only", action="store_true", help="judge on the validation parts; read no test part")
    parser.add_argument("--draws", type=int, default=N_DRAWS, help="small samples per size; 0 leaves them out")
    parser.add_argument("--sizes", nargs="*", type=int, choices=SMALL_SIZES, default=SMALL_SIZES, help="their rows")
    parser.add_argument("--readme", type=Path, help="file whose section of this benchmark is replaced")
    given = parser.parse_args()
    if given.readme and given.cached_peers and not given.peers_cache:
        parser.error("`--readme` with `--cached-peers` needs `--peers-cache`: the section shows ours beside the peers.")
    with tempfile.TemporaryDirectory() as temporary:
        cache = given.peers_cache or Path(temporary)
        if not given.cached_peers:
            fit_peers(given.peers_python or own_python(), cache, given)
        text = report(given, cache)
    print(text)
    if given.readme:
        replace_section(given.readme, MARK, HOW, text)


def own_python() -> Path:
    """The interpreter of `.venv-peers`, made when it is not there."""
    folder = HERE.parent / ".venv-peers"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", HERE / "requirements-peers.txt"], check=True)
    return python


def fit_peers(python: Path, cache: Path, given: argparse.Namespace) -> None:
    """Fit the peers that the cache lacks."""
    kind = "valid" if given.valid_only else "test"
    parts = ["valid", "valid-walk"] if given.valid_only else ["valid", "valid-walk", "test", "test-walk"]
    command = [python, HERE / "conversion_peers.py", "--cache", cache, "--data", given.data, "--sets", *given.sets]
    subprocess.run([*command, "--parts", *parts, "--small-parts", *([kind] if given.draws else [])], check=True)


def report(given: argparse.Namespace, cache: Path) -> str:
    """The tables as Markdown."""
    sets = {name: load_set(name, given.data) for name in given.sets}
    judged = [part for data in sets.values() for part in all_parts(data, cache, given.valid_only)]
    found = {(part.name, part.part): part for part in judged}
    shown = [part for part in judged if given.valid_only or part.part.startswith("test")]
    lines = []
    sections = []
    for part in shown:
        valid = found[part.name, part.part.replace("test", "valid")]
        sections.append(f"#### {title(part)}\n\n{markdown(set_table(None if given.valid_only else valid, part))}")
        lines += gates(valid, part) if part.is_gate else []
    text = [f"### Is it as good as the best? ({'validation' if given.valid_only else 'test'} parts)"]
    samples = list(small(load_set(SMALL_SET, given.data), cache, given)) if given.draws else []
    if lines or samples:
        text.append(markdown(pd.DataFrame([*lines, *small_gates(samples)])))
    known = {
        name: data.y[data.train if given.valid_only else data.known]
        for name, data in sets.items()
        if data.time is not None
    }
    if known:
        text.append(f"#### How much the sets with time move before the judged part\n\n{markdown(drift_table(known))}")
    for kind, title_ in ((True, "bank refitted before each tenth"), (False, "every set fitted once")):
        chosen = [part for part in shown if part.is_walk == (kind and part.name == "bank")]
        if chosen and (kind is False or any(part.is_walk for part in chosen)):
            text.append(f"#### Mean skill, {title_}\n\n{markdown(skill_table(chosen))}")
    if samples:
        text.append(
            f"#### Few rows: {SMALL_SET}, log loss (less the sample's own rate, 95 % over {given.draws} draws)\n\n"
            + markdown(small_table(samples))
        )
    if not given.valid_only:
        log_reads(shown, samples)
    return "\n\n".join([*text, *sections, versions_used(cache)])


def title(part: Judged) -> str:
    refits = "refitted before each tenth" if part.is_walk else "fitted once"
    return f"{part.name}, {part.part.split('-')[0]}, {refits}: {len(part.y):,} rows, {part.y.mean():.1%} won"


def all_parts(data: ConversionSet, cache: Path, valid_only: bool) -> Iterator[Judged]:
    """Predictions of ours, the base rate and the cached peers in every part of a set."""
    mark = fingerprint(data)
    for part in parts_of(data):
        if valid_only and part.startswith("test"):
            continue
        rows = np.concatenate([step.judged for step in steps(data, part)])
        p: dict[str, np.ndarray] = {}
        seconds: dict[str, tuple[float, float]] = {}
        p[OURS], seconds[OURS] = predicted(data, part, fit_ours)
        p[BASE], _ = predicted(data, part, fit_base)
        for peer in PEERS:
            path = stored(cache, data.name, part, peer)
            if is_fresh(path, mark):
                p[peer] = pd.read_parquet(path).set_index("row")["p"].loc[rows].to_numpy()
                facts = json.loads(path.with_suffix(".json").read_text())
                seconds[peer] = facts["seconds"], facts["cpu_seconds"]
        print(f"{data.name}, {part}: fitted in {seconds[OURS][0]:.1f} s", file=sys.stderr, flush=True)
        yield Judged(data.name, part, data.y[rows], p, seconds)


def fit_ours(X: pd.DataFrame, y: np.ndarray, time: np.ndarray | None) -> Callable[[pd.DataFrame], np.ndarray]:
    """Ours: one call, its defaults."""
    model = ConversionModel().fit(X, y, time=time)
    return lambda new: model.predict_proba(new)[:, 1]


def fit_base(X: pd.DataFrame, y: np.ndarray, time: np.ndarray | None) -> Callable[[pd.DataFrame], np.ndarray]:
    """The share of known rows that were won."""
    return lambda new: np.full(len(new), y.mean())


def predicted(data: ConversionSet, part: str, fit: Fit) -> tuple[np.ndarray, tuple[float, float]]:
    """Probabilities of the judged rows; mean wall and CPU seconds of a fit."""
    taken, p = [], []
    for step in steps(data, part):
        started, used = time.perf_counter(), cpu_seconds()
        moments = None if data.time is None else data.time[step.fitted]
        predict = fit(data.X.iloc[step.fitted].reset_index(drop=True), data.y[step.fitted], moments)
        taken.append((time.perf_counter() - started, cpu_seconds() - used))
        p.append(predict(data.X.iloc[step.judged].reset_index(drop=True)))
    clock, cpu = np.mean(taken, axis=0)
    return np.concatenate(p), (float(clock), float(cpu))


def small(data: ConversionSet, cache: Path, given: argparse.Namespace) -> Iterator[SmallSamples]:
    """Losses on a fixed part of the set after fits on few rows drawn at random."""
    kind, mark = "valid" if given.valid_only else "test", fingerprint(data)
    judged = small_parts(data)[kind]
    X, y = data.X.iloc[judged].reset_index(drop=True), data.y[judged]

    def loss(fit: Fit, rows: np.ndarray) -> float:
        predict = fit(data.X.iloc[rows].reset_index(drop=True), data.y[rows], None)
        return float(log_losses(y, predict(X)).mean())

    for size in given.sizes:
        drawn = list(small_samples(data, kind, size, given.draws))
        frame = pd.DataFrame({OURS: [loss(fit_ours, rows) for rows in drawn]})
        frame[BASE] = [loss(fit_base, rows) for rows in drawn]
        for peer in PEERS:
            path = stored(cache, f"small-{size}", kind, peer)
            if is_fresh(path, mark):
                theirs = pd.read_parquet(path).iloc[:, : len(drawn)]
                frame[peer] = pd.Series([float(log_losses(y, p).mean()) for _, p in theirs.items()])
        print(f"{size} rows: done", file=sys.stderr, flush=True)
        yield SmallSamples(size, frame)


def versions_used(cache: Path) -> str:
    """Which versions the cached predictions come from."""
    found = [json.loads(path.read_text()) for path in sorted(cache.glob("*.json"))]
    pairs = sorted({f"{name} {number}" for facts in found for name, number in facts["versions"].items()})
    threads = sorted({str(facts["threads"]) for facts in found})
    peers = f"Peers: {', '.join(pairs)}, on {' or '.join(threads)} threads (AutoGluon on 2)." if pairs else "No peers."
    return f"{peers} Ours: {os.environ.get('OMP_NUM_THREADS') or os.cpu_count()} threads."


def log_reads(parts: list[Judged], samples: list[SmallSamples]) -> None:
    """Append what was seen of the test parts; a peer's line once, since its predictions are the same each time."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, check=False
    ).stdout.strip()
    before = list(csv.DictReader(READS.open(encoding="utf-8"))) if READS.exists() else []
    seen = {(row["set"], row["part"], row["model"], row["log_loss"]) for row in before}
    rows = [
        {"set": part.name, "part": part.part, "model": model} | {k: f"{v:.5f}" for k, v in metrics(part, model).items()}
        for part in parts
        for model in part.models
    ]
    rows += [
        {"set": f"{SMALL_SET}, {sample.size} rows", "part": "test", "model": model, "log_loss": f"{loss:.5f}"}
        for sample in samples
        for model, loss in sample.losses.mean().items()
    ]
    new = [row for row in rows if row["model"].startswith(OURS) or tuple(row[k] for k in COLUMNS[2:6]) not in seen]
    stamp = {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "commit": commit or "unknown"}
    with READS.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        if not before:
            writer.writeheader()
        writer.writerows(stamp | row for row in new)


HOW = """## Conversion: on real sets, beside what others would use

`python benchmarks/conversion.py --readme benchmarks/README.md`, while developing with `--valid-only`: no test part is
read.

Rows in the order of time are cut 60 / 20 / 20 into train, valid and test; sets without time are split at random,
stratified; `coil` in its official parts. Ours is `ConversionModel().fit(X, y, time=...)`, one call with its defaults,
which were chosen on train and valid alone. What is judged on valid was fitted on train, what is judged on test on train
and valid. `bank` is also judged as it would be used: fitted again before each tenth of the judged part on everything
known by then, the base rate too. The best peer is the one of least log loss on valid. ECE in ten bins of equal mass;
*by chance* is what probabilities that are exactly right show on as many rows, on average and, in brackets, in all but 1
of 20 tables: an ECE below the latter is no sign of a wrong probability. Where the world moves, one more thing adds to
it that no model can know: by how much the level of the judged part differs from the last one known. Each read of a test
part is in `test_reads.csv`.

How each peer was validated:

- **logistic** (scaled numbers, dummies), **naive Bayes** (Gaussian for numbers, Bernoulli for dummies), **LightGBM**
  and **CatBoost** are fitted on all known rows at their defaults, with nothing held out;
- **HistGradientBoosting** at its defaults stops early on a random tenth when there are over 10,000 rows;
- **LightGBM, Optuna + Platt** is tuned in 50 trials and calibrated on the latest quarter of what it may know (valid,
  before test; a stratified quarter of train where there is no time), then fitted on all of it. Before valid is judged
  it is tuned within train. In the walk its parameters are found once, its calibration each time;
- **AutoGluon** medium, by log loss, draws its own random holdout; without its neural networks, which need torch.

Few rows: the same draws for all methods, at random, with two won at least, from rows that are judged nowhere; judged
on 10,000 fixed rows, stratified (their rate of wins is the set's); AutoGluon on the first 10 draws only, Optuna not at
all. Times are of one fit, the mean in the walk."""


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
