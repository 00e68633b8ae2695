"""The naive forecast of customers: each goes on at the rate of its own past."""

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd

from forecast.customers.book import Moment, OrderBook, day_number

OWN_RATE_FILE = "own_rate.json"


class OwnPastRate:
    """Repeat orders ÷ age × horizon, at the account's mean amount; buys by a Poisson process of that rate.

    It learns nothing: what every model must beat.

    Parameters
    ----------
    horizon_days : int
    smoothing : float
        Orders that are added to what ``p_buys`` goes by, over one more horizon: one that has ordered once may come
        back. 0 leaves the past as it was.
    """

    def __init__(self, horizon_days: int, *, smoothing: float = 0.0) -> None:
        self.horizon_days = horizon_days
        self.smoothing = smoothing

    def predict(self, orders: pd.DataFrame, as_of: Moment) -> pd.DataFrame:
        """``account_id``, ``p_buys``, ``orders``, ``spend`` of every account that had ordered before ``as_of``."""
        book = OrderBook.read(orders)
        cutoff = day_number(as_of)
        known = book.before(cutoff)
        active, history = known.history(cutoff)
        days = 7 * history.age + 1
        expected = history.repeats / days * self.horizon_days
        more = self.horizon_days * (self.smoothing > 0)
        chance = (history.repeats + self.smoothing) / (days + more) * self.horizon_days
        mean = known.total(known.amount)[active] / (history.repeats + 1)
        return pd.DataFrame(
            {
                "account_id": book.accounts[active],
                "p_buys": -np.expm1(-chance),
                "orders": expected,
                "spend": expected * mean,
            }
        )

    def to_files(self) -> dict[str, bytes]:
        """All that is needed to use it again."""
        return {OWN_RATE_FILE: json.dumps({"horizon_days": self.horizon_days, "smoothing": self.smoothing}).encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "OwnPastRate":
        """What `to_files` described."""
        return cls(**json.loads(files[OWN_RATE_FILE]))
