"""Win probabilities of consumer loans (BPI Challenge 2012), scored live week by week, beside what else one would try.

    python benchmarks/loans_conversion.py --data DIR [--workspace DIR] [--peers-cache DIR] [--readme FILE]

At each weekly cutoff the whole way is gone with what was known then: `train conversion`, the gate, `score`. The log
ends on 2011-12-31, so whether a case was won within 30 days is known for scores up to 2011-12-01, within 14 days for
scores up to 2011-12-17. The peers are fitted on the same snapshots and features, with labels known at the cutoff. With
``--peers-cache`` all peers of `conversion_peers.py` take part, in an environment of their own; what is in the folder is
not fitted again.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from conversion import log_reads, own_python
from conversion_peers import PEERS as ALL_PEERS
from conversion_peers import is_fresh, stored, table_fingerprint
from conversion_tables import Judged
from readme_section import markdown, replace_section

from forecast.conversion import window_labels
from forecast.datasets import mapping_path
from forecast.evaluation.bootstrap import bootstrap_metric, paired_difference
from forecast.evaluation.metrics.classification import calibration_slope, log_losses, roc_auc_score
from forecast.features import build_features, feature_columns, open_entities, outcomes
from forecast.usecases.champion import GROUP_RATE, with_columns
from forecast.usecases.snapshots import take_snapshots
from forecast.workspace import Workspace
from training.baselines import fit_lightgbm, fit_logistic

DATA = Path(__file__).parents[2] / "shared" / "data" / "loan-applications"
MARK = "loans-conversion"
HEADING = "## Loans: who will take the loan, scored week by week\n\n`python benchmarks/loans_conversion.py`"
END = "2012-01-01"
#: Horizon in days, and the days scored as of.
CUTOFFS = {30: ("2011-11-15", "2011-11-22", "2011-11-29", "2011-12-01"), 14: ("2011-12-01", "2011-12-08", "2011-12-15")}
OURS = "forecast (champion)"
PEERS = ["stage base rate", "LightGBM defaults", "logistic regression"]
#: Fitted in their own environment when asked for.
MORE_PEERS = [peer for peer in ALL_PEERS if peer not in ("logistic", "LightGBM")]
HERE = Path(__file__).parent


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with events.parquet")
    parser.add_argument("--workspace", type=Path, help="where the workspaces are made; default a temporary folder")
    parser.add_argument("--readme", type=Path, help="file whose section of this benchmark is replaced")
    parser.add_argument("--peers-cache", type=Path, help="folder of the predictions of all peers")
    parser.add_argument("--peers-python", type=Path, help="interpreter with requirements-peers.txt")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        text = "\n\n".join(run(given.workspace or Path(temporary), given))
    print(text)
    if given.readme:
        replace_section(given.readme, MARK, HEADING, text)


def run(folder: Path, given: argparse.Namespace) -> Iterator[str]:
    """One table per horizon."""
    for horizon, cutoffs in CUTOFFS.items():
        workspace = workspace_for(folder, given.data, horizon)
        rows = pd.concat([predictions(workspace, horizon, day, given) for day in cutoffs])
        said = {name: rows[name].to_numpy() for name in models_of(rows)}
        log_reads([Judged(f"loans, {horizon} days", "test", rows["y"].to_numpy(), said)], [])
        yield (
            f"### Won within {horizon} days, as of {', '.join(cutoffs)}\n\n"
            f"{len(rows):,} scores of {rows['entity_id'].nunique():,} open applications, "
            f"{rows['y'].mean():.1%} of them won; served by {', '.join(rows['model_version'].unique())}."
            f"\n\n{markdown(comparison(rows))}\n\n{beside_the_best(rows)}"
        )


def workspace_for(folder: Path, data: Path, horizon: int) -> Workspace:
    """A workspace with the log in it; made when it is not there."""
    workspace = Workspace.init(
        folder / f"loans-{horizon}d",
        timezone="Europe/Amsterdam",
        reporting_currency="EUR",
        conversion_horizon_days=horizon,
    )
    if workspace.lake.head() == 0:
        workspace.ingest(mapping_path("loan-applications"), data=data)
    return workspace


def predictions(workspace: Workspace, horizon: int, day: str, given: argparse.Namespace) -> pd.DataFrame:
    """What each model said on that day about every open application, and what came true."""
    as_of = workspace.moment(day)
    (result,) = workspace.train("conversion", as_of=day)
    assert result.horizon_days == horizon, result.horizon_days
    scores = workspace.score(day)
    rate = workspace.score(day, model=GROUP_RATE)
    zone = workspace.settings.zone
    with workspace.lake.connect() as con:
        spine = open_entities(con, "opportunity", as_of)
        snapshots = take_snapshots(con, "opportunity", as_of, workspace.settings)
        features = build_features(con, snapshots.spine, "opportunity", zone=zone)
        truth = outcomes(con, spine, "opportunity", workspace.moment(END))
        label = window_labels(snapshots.outcomes, horizon, snapshots.end)
        known = features.merge(snapshots.outcomes.assign(label=label).dropna(subset="label"), on=["entity_id", "as_of"])
        names = feature_columns(features)
        X = with_columns(build_features(con, spine, "opportunity", zone=zone), names)[names]
    y = window_labels(truth, horizon, workspace.moment(END))
    more = {}
    if given.peers_cache:
        rows = known.sort_values(["as_of", "entity_id"])
        won = rows[names].assign(won=rows["label"].to_numpy(dtype=float))
        more = more_peers(given.peers_cache / f"loans-{horizon}-{day}", won, X, given.peers_python)
    assert (spine["entity_id"].to_numpy() == scores["entity_id"].to_numpy()).all()
    return scores[["entity_id", "as_of", "model_version"]].assign(
        y=y.to_numpy(),
        **{
            OURS: scores["probability"].to_numpy(),
            PEERS[0]: rate["probability"].to_numpy(),
            PEERS[1]: fit_lightgbm(known[names], known["label"].to_numpy())(X),
            PEERS[2]: fit_logistic(known[names], known["label"].to_numpy())(X),
            **more,
        },
    )


def more_peers(folder: Path, known: pd.DataFrame, scored: pd.DataFrame, python: Path | None) -> dict[str, np.ndarray]:
    """Probabilities of the peers in their own environment, fitted where the folder has none for these rows."""
    folder.mkdir(parents=True, exist_ok=True)
    known.to_parquet(folder / "known.parquet", index=False)
    scored.to_parquet(folder / "scored.parquet", index=False)
    mark = table_fingerprint(folder)
    paths = {peer: stored(folder, "table", "test", peer) for peer in MORE_PEERS}
    if not all(is_fresh(path, mark) for path in paths.values()):
        command = [python or own_python(), HERE / "conversion_peers.py", "--tables", folder, "--peers", *MORE_PEERS]
        subprocess.run(command, check=True)
    return {peer: pd.read_parquet(path)["p"].to_numpy() for peer, path in paths.items()}


def comparison(rows: pd.DataFrame) -> pd.DataFrame:
    """Pooled metrics with 95 % intervals; applications are drawn, not rows. Differences are ours less the peer's."""
    y, ids = rows["y"].to_numpy(), rows["entity_id"].to_numpy()
    names = models_of(rows)
    auc = {name: roc_auc_score(y, rows[name]) for name in names}
    draws = {name: bootstrap_metric(roc_auc_score, y, rows[name], ids) for name in names}
    losses = {name: log_losses(y, rows[name]) for name in names}
    table = []
    for name in names:
        line = {
            "model": name,
            "log loss": f"{losses[name].mean():.4f}",
            "AUC": f"{auc[name]:.4f} ({interval(draws[name])})",
            "calibration slope": f"{calibration_slope(y, rows[name]):.2f}",
            "mean p": f"{rows[name].mean():.3f}",
        }
        if name != OURS:
            loss = paired_difference(losses[OURS], losses[name], ids)
            line["log loss, ours less this"] = f"{loss.mean:+.4f} ({loss.low:+.4f} to {loss.high:+.4f})"
            line["AUC, ours less this"] = f"{auc[OURS] - auc[name]:+.4f} ({interval(draws[OURS] - draws[name])})"
        table.append(line)
    return pd.DataFrame(table).fillna("")


def models_of(rows: pd.DataFrame) -> list[str]:
    """Ours, then the peers that were fitted."""
    return [name for name in [OURS, *PEERS, *MORE_PEERS] if name in rows]


def beside_the_best(rows: pd.DataFrame) -> str:
    """Ours beside the best peer in hindsight, which is stricter than one chosen beforehand."""
    y, peers = rows["y"].to_numpy(), [name for name in models_of(rows) if name not in (OURS, PEERS[0])]
    loss = {name: log_losses(y, rows[name]).mean() for name in models_of(rows)}
    best, ranking = min(peers, key=loss.__getitem__), {name: roc_auc_score(y, rows[name]) for name in [OURS, *peers]}
    ahead = max(peers, key=ranking.__getitem__)
    return (
        f"Best peers in hindsight: log loss {best}, ours {(loss[OURS] - loss[best]) / loss[PEERS[0]]:+.1%} of the base "
        f"rate's from it; AUC {ahead}, ours {ranking[OURS] - ranking[ahead]:+.4f} from it."
    )


def interval(draws: np.ndarray) -> str:
    """The central 95 % of bootstrap draws."""
    low, high = np.percentile(draws, [2.5, 97.5])
    return f"{low:.4f} to {high:.4f}"


if __name__ == "__main__":
    main()
