"""Whole forecasts of demand that nights made: parquet files, read one series at a time."""

import json
import shutil
import tempfile
from dataclasses import asdict
from datetime import datetime
from functools import cached_property
from pathlib import Path

import pandas as pd

from forecast.history import open_connection
from forecast.usecases.demand_run import DemandFrames, RunAbout

_ABOUT = "about.json"
#: Rows that are read to find one series.
_ROW_GROUP = 20_000
#: Older runs are forgotten: the same (as_of, batch, model) makes the same again.
_KEPT = 3


class DemandRuns:
    """One folder per run; a reader sees a whole run or none.

    Parameters
    ----------
    folder : path
        Made when the first is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, as_of: datetime, batch: int, model_version: str) -> bool:
        """Whether this very run is kept."""
        return (self._folder / _name(as_of, batch, model_version)).exists()

    def keep(self, run: DemandFrames) -> bool:
        """Keep a run; False when it was kept before."""
        about = run.about
        home = self._folder / _name(about.as_of, about.batch, about.model_version)
        if home.exists():
            return False
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".run-", dir=self._folder))
        for name in ("series", "nodes", "forecasts", "panel"):
            frame: pd.DataFrame = getattr(run, name)
            if name in ("forecasts", "panel"):
                frame = frame.sort_values(["unique_id", "ds"], kind="stable")
            frame.to_parquet(draft / f"{name}.parquet", index=False, row_group_size=_ROW_GROUP)
        said = asdict(about) | {"as_of": about.as_of.isoformat()}
        (draft / _ABOUT).write_text(json.dumps(said), encoding="utf-8")
        draft.rename(home)
        for old in self._runs()[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return True

    def latest(self) -> "KeptRun | None":
        """The last run; None when none was ever kept."""
        runs = self._runs()
        return KeptRun(runs[-1]) if runs else None

    def _runs(self) -> list[Path]:
        """Folders of the runs, oldest first."""
        return sorted(path.parent for path in self._folder.glob(f"[!.]*/{_ABOUT}"))


class KeptRun:
    """A run on the disk; implements `forecast.usecases.demand_run.DemandRun`.

    Parameters
    ----------
    folder : path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def about(self) -> RunAbout:
        """What it is of."""
        said = json.loads((self.folder / _ABOUT).read_text(encoding="utf-8"))
        return RunAbout(**said | {"as_of": datetime.fromisoformat(said["as_of"])})

    @cached_property
    def series(self) -> pd.DataFrame:
        """One row per series."""
        return pd.read_parquet(self.folder / "series.parquet")

    @cached_property
    def nodes(self) -> pd.DataFrame:
        """Sums of series."""
        return pd.read_parquet(self.folder / "nodes.parquet")

    def forecast(self, unique_id: str) -> pd.DataFrame:
        """Forecast of one series."""
        return self._of(unique_id, "forecasts")

    def history(self, unique_id: str) -> pd.DataFrame:
        """What was known of one series."""
        return self._of(unique_id, "panel")

    def _of(self, unique_id: str, name: str) -> pd.DataFrame:
        with open_connection() as con:
            found: pd.DataFrame = con.execute(
                "SELECT * EXCLUDE (unique_id) FROM read_parquet(?) WHERE unique_id = ? ORDER BY ds",
                [str(self.folder / f"{name}.parquet"), unique_id],
            ).df()
        return found


def _name(as_of: datetime, batch: int, model_version: str) -> str:
    """A name that sorts by moment, then by batch."""
    return f"{as_of:%Y%m%dT%H%M%S%f}-{batch:09d}-{model_version.replace('/', '-')}"
