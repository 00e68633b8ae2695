"""What the columns of an outlook are: owners, regions or categories; and exact sums over them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.outlook.outlook import UNASSIGNED, digits_of

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Column of the ledger's rows that names the unit.
COLUMNS = {"owner": "owner_id", "region": "region", "category": "category"}


@dataclass(frozen=True)
class Units:
    """Columns of the paths.

    Attributes
    ----------
    by : {"owner", "region", "category"}
    names : list of str
        Sorted.
    n_paths : int
    currency : str
    """

    by: str
    names: list[str]
    n_paths: int
    currency: str

    @classmethod
    def of(cls, by: str, owners: list[str], rows: Sequence[pd.DataFrame], n_paths: int, currency: str) -> "Units":
        """The owners, or every region or category that the rows name."""
        if by == "owner":
            return cls(by, owners, n_paths, currency)
        found = pd.concat([frame[COLUMNS[by]].astype(object) for frame in rows])
        return cls(by, sorted({_name(value) for value in found.unique()}), n_paths, currency)

    def codes(self, rows: pd.DataFrame) -> Codes:
        """Number of each row's unit; -1 for an owner who is not remembered."""
        column = rows[COLUMNS[self.by]].astype(object)
        names = column.where(column.notna(), UNASSIGNED).astype(str)
        return np.asarray(pd.Index(self.names, dtype=object).get_indexer(pd.Index(names)), dtype=np.int64)

    def sums(self, path: Codes, code: Codes, amount: Floats, n_paths: int | None = None) -> Floats:
        """Sums in whole smallest units, shape (n_paths, n_units).

        Each amount is rounded by itself, so that sums are exact and the company's do not depend on the units.
        """
        shape = self.n_paths if n_paths is None else n_paths, len(self.names)
        whole = np.rint(amount * 10 ** digits_of(self.currency))
        known = code >= 0
        cells = np.bincount(path[known] * shape[1] + code[known], whole[known], shape[0] * shape[1])
        return np.asarray(cells, dtype=float).reshape(shape)

    def sums_by_step(self, step: Codes, path: Codes, code: Codes, amount: Floats, n_steps: int) -> Floats:
        """The same for each step, shape (n_steps, n_paths, n_units)."""
        cells = self.sums(step * self.n_paths + path, code, amount, n_paths=n_steps * self.n_paths)
        return cells.reshape(n_steps, self.n_paths, len(self.names))


def _name(value: str | float | None) -> str:
    return UNASSIGNED if pd.isna(value) else str(value)
