"""Performance of people and teams in a period, from the lake and the targets that were approved."""

from datetime import datetime
from typing import Protocol

import pandas as pd

from forecast.performance import Performance, measure
from forecast.periods import Period
from forecast.ports import Lake
from forecast.settings import Settings


class TargetStore(Protocol):
    """Where approved targets are."""

    def approved_targets(self, period: str | None = None) -> pd.DataFrame:
        """Every approved version of a period's targets."""
        ...


def performance(
    lake: Lake, store: TargetStore, settings: Settings, period: Period, as_of: datetime, *, batch: int | None = None
) -> Performance:
    """Figures and results above expectation of every person, team and the company.

    The same (as_of, batch) gives the same bytes whatever is ingested later; of approved targets those count that had
    been approved, and held, at ``as_of``.

    Parameters
    ----------
    period : Period
        Begun before ``as_of``.
    as_of : datetime, UTC-aware
    batch : int, optional
        Later batches are invisible; default the last one.

    Raises
    ------
    InvalidInput
        If the period had not begun.
    DataUnavailable
        If an amount in a foreign currency has no rate.
    """
    with lake.connect(lake.head() if batch is None else batch) as con:
        return measure(con, period, as_of, settings, store.approved_targets(period.label))
