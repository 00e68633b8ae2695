"""What every part of the demo does and shows alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forecast.datasets import bundled_folder, mapping_path
from forecast.terminal import Terminal
from forecast.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


def ingest(workspace: Workspace, name: str, terminal: Terminal, progress: Any) -> None:
    """Bring in a bundled data set."""
    progress(f"ingest {name}")
    result = workspace.ingest(mapping_path(name), data=bundled_folder(name))
    terminal.table(result.to_frame())


def show_training(result: Any, terminal: Terminal) -> None:
    """How a trained model did, and whether it was promoted."""
    from forecast.evaluation.series_backtest import DETAILS

    terminal.table(result.metrics.drop(columns=DETAILS, errors="ignore"), title=f"{result.model.label}, on later time")
    terminal.say(f"{'Promoted' if result.decision.promote else 'Not promoted'}: {result.decision.reason}")
    terminal.say(f"MLflow run {result.model.run_id}")


def whole(frame: pd.DataFrame) -> dict[str, str]:
    """Numbers without decimals."""
    return {str(name): ",.0f" for name in frame.columns if frame[name].dtype.kind == "f"}
