"""How ranked lists can be filtered and sorted: one vocabulary for the stored list and for one that is computed."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Sort = Literal["probability", "expected_value", "amount", "expected_close_date", "percentile", "change"]

#: The column of each order. The percentile is the rank of the probability: both are one order.
SORT_COLUMNS: dict[str, str] = {
    "probability": "probability",
    "expected_value": "expected_value",
    "amount": "amount_reporting",
    "expected_close_date": "expected_close_date",
    "percentile": "probability",
    "change": "change",
}


@dataclass(frozen=True)
class RankedFilter:
    """Which rows of a ranked list; ranges include their first and leave out their last moment or day.

    Attributes
    ----------
    stages, grades : tuple of str
        Any of these; empty for all.
    min_probability : float, optional
    min_amount, max_amount : float, optional
        In the reporting currency, both included.
    closes_from, closes_before : date, optional
        Of the expected close date.
    created_from, created_before : datetime, optional
    """

    stages: tuple[str, ...] = ()
    grades: tuple[str, ...] = ()
    min_probability: float | None = None
    min_amount: float | None = None
    max_amount: float | None = None
    closes_from: date | None = None
    closes_before: date | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True)
class RankedPlace:
    """Where a page ended: the value sorted by (None: missing) and the id of its last row."""

    value: float | date | None
    entity_id: str
