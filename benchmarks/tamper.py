"""What a rep can do to scores without doing anything, on a simulated company and on real loans.

    python benchmarks/tamper.py [--data DIR] [--workspace DIR] [--readme benchmarks/README.md]

A model is trained on what was known at a cutoff; the cases open then are scored as they are, and again after 20 empty
activities each, 20 invented ones, and typed fields (`training/tamper.py`). The log loss of the loans is that of the
scores at the cutoff, against what came true.
"""

import argparse
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from loans_conversion import DATA, END, workspace_for
from readme_section import markdown, replace_section

from forecast.conversion import window_labels
from forecast.datasets import make_company
from forecast.evaluation.metrics.classification import log_losses
from forecast.features import build_features, open_entities, outcomes
from forecast.history import connect_tables
from forecast.settings import Settings
from forecast.usecases.champion import new_scorer, with_columns
from forecast.usecases.snapshots import take_snapshots
from training.tamper import ANY, INVENTED, TYPED, tamper_effects

#: Horizon in days, and the day scored.
CUTOFFS = ((30, "2011-11-15"), (30, "2011-12-01"), (14, "2011-12-08"))


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with events.parquet")
    parser.add_argument("--workspace", type=Path, help="where the workspaces are made; default a temporary folder")
    parser.add_argument("--readme", type=Path, help="file whose section of this benchmark is replaced")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        lines = list(run(given.workspace or Path(temporary), given.data))
    text = f"Change of the probability in percentage points.\n\n{markdown(pd.DataFrame(lines).astype(str))}"
    print(text)
    if given.readme:
        title = "## Tampering: what 20 empty activities do\n\n`python benchmarks/tamper.py`"
        replace_section(given.readme, "tamper", title, text)


def run(folder: Path, data: Path) -> Iterator[dict[str, object]]:
    """Lines of the table: the company, then the loans at each cutoff."""
    yield from company()
    for horizon, day in CUTOFFS:
        yield from loans(folder, data, horizon, day)


def company() -> Iterator[dict[str, object]]:
    """A simulated company of 1,500 opportunities, 60 days before its end."""
    simulated, settings = make_company(n_opportunities=1500, n_accounts=500, random_state=3), Settings()
    con, cutoff = connect_tables(simulated.tables), simulated.end - timedelta(days=60)
    snapshots = take_snapshots(con, "opportunity", cutoff, settings)
    features = build_features(con, snapshots.spine, "opportunity")
    scorer = new_scorer(snapshots, settings, kind="blend").fit(features, snapshots.outcomes, cutoff=snapshots.end)
    spine = open_entities(con, "opportunity", cutoff)
    effects = tamper_effects(connect_tables(simulated.tables), scorer, spine, zone=settings.zone)
    yield from lines("make_company", "", effects)


def loans(folder: Path, data: Path, horizon: int, day: str) -> Iterator[dict[str, object]]:
    """Open applications of one day."""
    workspace = workspace_for(folder, data, horizon)
    as_of, end, zone = workspace.moment(day), workspace.moment(END), workspace.settings.zone
    with workspace.lake.connect() as con, workspace.lake.connect() as other:
        snapshots = take_snapshots(con, "opportunity", as_of, workspace.settings)
        features = build_features(con, snapshots.spine, "opportunity", zone=zone)
        scorer = new_scorer(snapshots, workspace.settings, kind="blend")
        scorer.fit(features, snapshots.outcomes, cutoff=snapshots.end)
        spine = open_entities(con, "opportunity", as_of)
        names = [str(name) for name in scorer.model_.feature_names_in_]
        p = scorer.win_probability(with_columns(build_features(con, spine, "opportunity", zone=zone), names))
        y = window_labels(outcomes(con, spine, "opportunity", end), horizon, end).to_numpy(dtype=float)
        known = ~np.isnan(y)
        loss = f"{log_losses(y[known], p[known]).mean():.4f}"
        yield from lines(f"loans {day}, {horizon} days", loss, tamper_effects(other, scorer, spine, zone=zone))


def lines(name: str, loss: str, effects: pd.DataFrame) -> Iterator[dict[str, object]]:
    """The attacks that stand for the others."""
    for row in effects[effects["attack"].isin([ANY, INVENTED, TYPED])].to_dict("records"):
        sizes = {key: f"{100 * row[key]:.1f}" for key in ("median", "p90", "max", "max_up")}
        yield {"data": name, "log loss": loss, "attack": row["attack"], "cases": row["n_cases"], **sizes}


if __name__ == "__main__":
    main()
