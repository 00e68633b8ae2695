"""The rows of a panel once read: codes, positions and numbers, sorted."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.demand.grid import Positions, TimeGrid
from forecast.demand.repair.report import Repair

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Observations, one array element each, sorted by series and position.

    Attributes
    ----------
    ids : array of shape (n_series,)
        ``unique_id``, sorted by its text.
    codes : int array of shape (n_rows,)
        Index in ``ids``.
    positions : int array of shape (n_rows,)
        On ``grid``.
    y : array of shape (n_rows,)
        NaN where unknown.
    grid : TimeGrid
    """

    ids: NDArray[np.object_]
    codes: Positions
    positions: Positions
    y: Floats
    grid: TimeGrid

    def __len__(self) -> int:
        return len(self.y)

    @property
    def keys(self) -> Positions:
        """One number per (series, position), ascending with both."""
        if not len(self):
            return self.codes
        low = int(self.positions.min())
        return np.asarray(self.codes * (int(self.positions.max()) - low + 1) + self.positions - low)

    def take(self, which: Flags | Positions) -> "Rows":
        """These rows only; series stay known even when they have none left."""
        return replace(self, codes=self.codes[which], positions=self.positions[which], y=self.y[which])

    def sorted(self) -> "Rows":
        """Sorted by series and position, rows of one key in their order."""
        keys = self.keys
        return self if (np.diff(keys) >= 0).all() else self.take(np.argsort(keys, kind="stable"))

    def ends(self) -> tuple[Positions, Positions]:
        """Index of the first and the last row of each series that has rows, for sorted rows."""
        starts = np.flatnonzero(np.r_[True, np.diff(self.codes) != 0])
        return starts, np.r_[starts[1:] - 1, len(self) - 1]

    def where(self, index: int) -> str:
        """Series and moment of a row, for a person."""
        return f"{self.ids[self.codes[index]]!r} at {self.moment(int(self.positions[index]))}"

    def moment(self, position: int) -> str:
        """Moment of a position, for a person."""
        return str(self.grid.moments(np.array([position])).iloc[0])

    def found(self, rule: str, found: str, done: str, concerned: Flags) -> list[Repair]:
        """A finding about these rows; none when there are none."""
        n_rows = int(concerned.sum())
        if not n_rows:
            return []
        n_series = len(np.unique(self.codes[concerned]))
        return [Repair(rule, found, done, n_rows, n_series, self.where(int(np.argmax(concerned))))]

    def found_series(self, rule: str, found: str, done: str, codes: Positions, n_rows: int) -> list[Repair]:
        """A finding about these series, sorted; none when there are none."""
        return [Repair(rule, found, done, n_rows, len(codes), repr(self.ids[codes[0]]))] if len(codes) else []

    def to_frame(self) -> pd.DataFrame:
        """``unique_id``, ``ds``, ``y``."""
        ids = pd.Series(self.ids[self.codes]).infer_objects()
        return pd.DataFrame({"unique_id": ids, "ds": self.grid.moments(self.positions), "y": self.y})
