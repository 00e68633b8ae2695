"""Demand on real panels: ours with its defaults beside what others would use, from the same origins.

    python benchmarks/demand.py [--data DIR] [--sets ...] [--peers-cache DIR] [--readme benchmarks/README.md]
    python benchmarks/demand.py --ranges --readme benchmarks/README.md     # competition sets, ranges from three origins
    python benchmarks/demand.py --validate --cached-peers --peers-cache DIR [--sample N]     # while developing

The peers run in an environment of their own, `.venv-peers-demand`, made from `requirements-demand-peers.txt` when it is
not there, or any given by ``--peers-python``; their forecasts are kept in the cache. Ours runs in a process of its own
for each origin; with ``--ours-cache`` its forecasts are kept while the code of `forecast.demand` stays the same.
Every run that reads a test part appends what it saw to `demand_test_reads.csv`; ``--validate`` reads none.
"""

import argparse
import csv
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
import warnings
from ast import literal_eval
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from demand_peers import COLUMNS, PEERS, QUANTILES, is_fresh, stored
from demand_scores import OURS, PUBLISHED, Judged, judge, scores
from demand_sets import DATA, SETS, Task, is_competition, load_task, published_forecasts
from demand_tables import HOW, HOW_RANGES, range_report, report
from readme_section import replace_section

import forecast.demand
from forecast.demand import DemandForecaster

HERE = Path(__file__).parent
READS = HERE / "demand_test_reads.csv"
MARK, RANGES = "demand", "demand-ranges"
LOGGED = ("owa", "mase", "smape", "rmsse", "bias", "wape", "pinball")


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with a folder per set")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), help="default all")
    parser.add_argument("--ranges", action="store_true", help="ranges of competition sets from three origins alone")
    parser.add_argument("--validate", action="store_true", help="judge within the training parts; read no test part")
    parser.add_argument("--sample", type=int, help="with --validate: only so many series, fixed at random")
    parser.add_argument("--with", dest="options", nargs="+", default=[], help="with --validate: name=value for ours")
    parser.add_argument("--peers-cache", type=Path, help="folder of the peers' forecasts; default a temporary one")
    parser.add_argument("--peers-python", type=Path, help="interpreter with requirements-demand-peers.txt")
    parser.add_argument("--cached-peers", action="store_true", help="run no peer; compare with what the cache holds")
    parser.add_argument("--ours-cache", type=Path, help="folder of our forecasts")
    parser.add_argument("--readme", type=Path, help="file whose section of this benchmark is replaced")
    parser.add_argument("--ours-into", type=Path, help=argparse.SUPPRESS)  # what this script calls itself with
    parser.add_argument("--fold", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if (given.sample or given.options) and not (given.validate or given.ours_into):
        parser.error("--sample and --with go with --validate")
    if given.ranges and given.validate:
        parser.error("--ranges reads the test parts, --validate does not")
    given.sets = given.sets or [name for name in SETS if not given.ranges or is_competition(name)]
    if given.ours_into:
        run_ours(given)
        return
    with tempfile.TemporaryDirectory() as temporary:
        cache = given.peers_cache or Path(temporary) / "peers"
        if not given.cached_peers:
            run_peers(given.peers_python or own_python(), cache, given)
        ours = given.ours_cache or Path(temporary) / "ours"
        ours.mkdir(parents=True, exist_ok=True)
        judged, commits = zip(*(judged_task(name, cache, ours, given) for name in given.sets), strict=True)
    tables = range_report(list(judged)) if given.ranges else report(list(judged), given.data)
    text = tables + "\n\n" + made_at(dict(zip(given.sets, commits, strict=True)))
    print(text)
    if not given.validate:
        log_reads(list(judged))
    if given.readme:
        replace_section(given.readme, *((RANGES, HOW_RANGES) if given.ranges else (MARK, HOW)), text)


def own_python() -> Path:
    """The interpreter of `.venv-peers-demand`, made when it is not there."""
    folder = HERE.parent / ".venv-peers-demand"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", HERE / "requirements-demand-peers.txt"], check=True)
    return python


def run_peers(python: Path, cache: Path, given: argparse.Namespace) -> None:
    """Forecast with the peers what the cache lacks."""
    command = [python, HERE / "demand_peers.py", "--cache", cache, "--data", given.data, "--sets", *given.sets]
    subprocess.run([*command, "--parts", part_of(given)], check=True)


def part_of(given: argparse.Namespace) -> str:
    """Which part of the sets is forecast."""
    return "valid" if given.validate else "origins" if given.ranges else "test"


def task_of(name: str, given: argparse.Namespace) -> Task:
    """The set as it is forecast by ours."""
    task = load_task(name, given.data, part_of(given))
    return task.sample(given.sample) if given.sample else task


def run_ours(given: argparse.Namespace) -> None:
    """One origin: one call with defaults, the quantiles that the peers are asked for too."""
    task = task_of(given.sets[0], given)
    fold = task.folds[given.fold]
    options = {name: _literal(value) for name, _, value in (option.partition("=") for option in given.options)}
    if task.season_length is not None:
        options = {"season_length": task.season_length} | options
    started, used = time.perf_counter(), sum(os.times()[:4])
    forecaster = DemandForecaster(task.freq, task.horizon, QUANTILES, **options)
    found = forecaster.fit(fold.past, fold.static, fold.drivers).predict()
    facts = {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": sum(os.times()[:4]) - used,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "n_series": fold.past["unique_id"].nunique(),
        "commit": commit(),
    }
    given.ours_into.with_suffix(".json").write_text(json.dumps(facts))
    found.to_parquet(given.ours_into, index=False)


def _literal(text: str) -> Any:
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def ours_of(task: Task, number: int, folder: Path, given: argparse.Namespace) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Our forecasts from one origin, from the folder or by a process of its own."""
    mark = hashlib.sha256((task.folds[number].fingerprint() + source_hash() + repr(given.options)).encode()).hexdigest()
    path = folder / f"{task.name}.{task.part}.{number}.{mark[:12]}.parquet"
    if not path.exists():
        arguments: list[Any] = ["--data", given.data, "--sets", task.name, "--fold", number, "--ours-into", path]
        arguments += ["--validate"] if given.validate else ["--ranges"] if given.ranges else []
        arguments += ["--sample", given.sample] if given.sample else []
        arguments += ["--with", *given.options] if given.options else []
        subprocess.run([sys.executable, __file__, *map(str, arguments)], check=True)
    facts = json.loads(path.with_suffix(".json").read_text())
    print(f"{task.name}, {task.folds[number].origin}: {facts['seconds']:.1f} s", file=sys.stderr, flush=True)
    return pd.read_parquet(path), facts


def source_hash() -> str:
    """Of the code that forecasts."""
    found = hashlib.sha256()
    for path in sorted(Path(forecast.demand.__file__).parent.rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


def judged_task(name: str, cache: Path, ours: Path, given: argparse.Namespace) -> tuple[Judged, list[str]]:
    """All forecasts of one set beside what came true; and the commits at which ours were made."""
    task = task_of(name, given)
    whole = load_task(name, given.data, task.part) if given.sample else task
    runs = [ours_of(task, number, ours, given) for number in range(len(task.folds))]
    frames: dict[str, list[pd.DataFrame | None]] = {OURS: [frame for frame, _ in runs]}
    facts = {OURS: _total([fact for _, fact in runs])}
    for peer in PEERS:
        paths = [stored(cache, task, fold.origin, peer) for fold in task.folds]
        if all(is_fresh(path, fold.fingerprint()) for path, fold in zip(paths, whole.folds, strict=True)):
            frames[peer] = [pd.read_parquet(path) for path in paths]
            facts[peer] = _total([json.loads(path.with_suffix(".json").read_text()) for path in paths])
    for method, frame in published_forecasts(task, given.data).items():
        frames[method + PUBLISHED] = [frame.reindex(columns=["unique_id", "ds", "mean", *COLUMNS])]
    return judge(task, frames, facts), sorted({str(fact.get("commit", "unknown")) for _, fact in runs})


def made_at(commits: dict[str, list[str]]) -> str:
    """Sentence that says at which commits our forecasts of each set were made."""
    distinct = sorted({one for of_set in commits.values() for one in of_set})
    sets = {one: ", ".join(f"`{name}`" for name, of_set in commits.items() if one in of_set) for one in distinct}
    return "Our forecasts were made at " + "; ".join(f"commit {one} ({names})" for one, names in sets.items()) + "."


def commit() -> str:
    """The last commit that changed the code that forecasts, and whether it was changed since."""
    code = Path(forecast.demand.__file__).parent
    last, changes = (
        subprocess.run(["git", *command, "--", code], cwd=HERE, capture_output=True, text=True, check=False).stdout
        for command in (["log", "-1", "--format=%h"], ["status", "--porcelain"])
    )
    return (last.strip() or "unknown") + ("-dirty" if changes else "")


def _total(facts: list[dict[str, Any]]) -> dict[str, float]:
    result = {key: float(sum(fact[key] for fact in facts)) for key in ("seconds", "cpu_seconds", "n_series")}
    return result | {"peak_gb": float(max(fact["peak_gb"] for fact in facts))}


def log_reads(judged: list[Judged]) -> None:
    """Append what was seen of the test parts; a peer's line once, since its forecasts are the same each time."""
    before = list(csv.DictReader(READS.open(encoding="utf-8"))) if READS.exists() else []
    seen = {(row["set"], row["model"], row["n_rows"], row["rmsse"]) for row in before}
    stamp = {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "commit": commit()}
    new = []
    for part in judged:
        for rows in part.samples:
            for model in part.models(rows):
                found = {name: f"{value:.5f}" for name, value in scores(part, model, rows).items() if name in LOGGED}
                set_ = part.task.name + (", three origins" if part.task.part == "origins" else "")
                row = {"set": set_, "model": model, "n_rows": str(int(rows.sum())), **found}
                if model == OURS or (row["set"], model, row["n_rows"], row["rmsse"]) not in seen:
                    new.append(stamp | row)
    with READS.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["date", "commit", "set", "model", "n_rows", *LOGGED], lineterminator="\n")
        if not before:
            writer.writeheader()
        writer.writerows(new)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
