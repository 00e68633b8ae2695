"""What each account will do: buy again or not, how often, for how much, of what; from its orders alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from forecast.customers.blend import Blend
from forecast.customers.book import Moment, OrderBook, day_number
from forecast.customers.line import Standardiser
from forecast.customers.mining import Mined, Population, mine
from forecast.customers.next_category import NextCategory
from forecast.customers.order_value import OrderValue
from forecast.customers.out_of_time import Fitted, fit_before, judge
from forecast.customers.purchase_process import PurchaseProcess
from forecast.customers.ranges import order_quantiles, spend_quantiles
from forecast.customers.reasons import DECIMALS, Ordinary, contributions, reason_texts
from forecast.customers.target import TARGETS, Corrections
from forecast.errors import InvalidInput, NotEnoughHistory

#: File of a stored model.
MODEL_FILE = "customers.json"
#: The 80 % range.
_RANGE = np.array([0.1, 0.9])
_LONGEST = 1096


class CustomerModel:
    """P(buys within the horizon), orders, spend and next category of every account that ever ordered.

    A BG/NBD purchase process with Gamma-Gamma order values says what to expect of an account from how often, how
    lately and how long it has ordered; a ridge line and small LightGBM trees on mined features correct it, on the
    scale of log-odds or logarithms. What they add is learned at several past cutoffs from what came within the
    horizon, or within a shorter one where the history is short: the corrections are carried to the whole horizon, the
    process says how much longer it is. Trees that do without the process learn from recency, frequency, money and age
    beside them. Weights of the four and the calibration come from later windows.

    Parameters
    ----------
    horizon_days : int
        1 to 1096.
    random_state : int

    Attributes
    ----------
    end_ : int
        Day number from which on nothing was seen.
    fitted_ : Fitted
    blends_ : dict of target to Blend
    next_category_ : NextCategory or None
    ordinary_ : Ordinary
        The account that reasons compare with.
    feature_names_in_ : list of str
    """

    def __init__(self, horizon_days: int, *, random_state: int = 0) -> None:
        self.horizon_days = horizon_days
        self.random_state = random_state

    def fit(
        self, orders: pd.DataFrame, *, as_of: Moment | None = None, cutoffs: Sequence[Moment] | None = None
    ) -> "CustomerModel":
        """Learn from all that was ordered before ``as_of``.

        Parameters
        ----------
        orders : DataFrame
            ``account_id``, ``ordered_at`` (timestamps), ``amount`` (negative: sent back), and optionally ``quantity``
            and ``category``. Everything of an account on one day is one order.
        as_of : date, optional
            Everything before this day is known; default the day after the last order.
        cutoffs : list of dates, optional
            At which features are mined to learn from; by default five over the history.

        Raises
        ------
        NotEnoughHistory
            If orders span less than four weeks, or no account ordered twice.
        """
        _check_horizon(self.horizon_days)
        book = OrderBook.read(orders)
        if not len(book.day):
            raise NotEnoughHistory("No orders are known, so that there is nothing to learn from.")
        self.end_ = int(book.day.max()) + 1 if as_of is None else day_number(as_of)
        chosen = None if cutoffs is None else [day_number(cutoff) for cutoff in cutoffs]
        known = book.before(self.end_)
        self.fitted_ = fit_before(known, self.end_, self.horizon_days, random_state=self.random_state, cutoffs=chosen)
        self.blends_ = judge(known, self.end_, self.horizon_days, random_state=self.random_state)
        self.next_category_ = NextCategory.fit(known, self.end_)
        self.ordinary_ = Ordinary.of(known.history(self.end_)[1])
        self.feature_names_in_ = list(self.fitted_.standardiser.names)
        return self

    def predict(self, orders: pd.DataFrame, as_of: Moment | None = None) -> pd.DataFrame:
        """What is expected of every account that had ordered before ``as_of``, in the horizon from that day on.

        Parameters
        ----------
        orders : DataFrame
            As in `fit`; what was ordered on ``as_of`` or later is not read.
        as_of : date, optional
            Default the day from which on nothing was seen in training.

        Returns
        -------
        DataFrame
            By ``account_id``: ``p_buys``; ``orders`` and ``spend`` (means) with ``…_low`` and ``…_high`` (80 % ranges);
            ``next_category`` and its ``next_category_probability`` (of the next order, whenever it comes; missing
            without categories); ``p_alive`` (that it still is a customer: ``p_buys`` over what it would be if it were
            certain to be one) and ``churned`` (``p_alive`` below one half).
        """
        return self._predict(*self._mine(orders, as_of), as_of)

    def _predict(self, book: OrderBook, mined: Mined, as_of: Moment | None) -> pd.DataFrame:
        p_buys, mean, spend = (self._mean(mined, target.name) for target in TARGETS)
        orders_mean = np.maximum(mean, p_buys)
        weeks = self.horizon_days / 7
        shape = self.fitted_.population.process.r + mined.features["orders"].to_numpy() - 1
        counts = order_quantiles(p_buys, orders_mean, shape, _RANGE)
        spread = self.fitted_.population.value.spread(mined.features["orders"].to_numpy())
        money = spend_quantiles(p_buys, orders_mean, spend, shape, spread, _RANGE)
        there = 1 - (1 + weeks * mined.features["process_rate"].to_numpy() / shape) ** -shape
        p_alive = np.minimum(p_buys / np.maximum(there, 1e-12), 1.0)
        category, chance = self._next(book, mined, as_of)
        return pd.DataFrame(
            {
                "account_id": book.accounts[mined.active],
                "p_buys": p_buys,
                "orders": orders_mean,
                "orders_low": counts[:, 0],
                "orders_high": counts[:, 1],
                "spend": spend,
                "spend_low": money[:, 0],
                "spend_high": money[:, 1],
                "next_category": category,
                "next_category_probability": chance,
                "p_alive": p_alive,
                "churned": p_alive < 0.5,
            }
        )

    def explain(self, orders: pd.DataFrame, as_of: Moment | None = None) -> tuple[pd.DataFrame, float]:
        """Why each account has its ``p_buys``.

        Returns
        -------
        (points, base)
            ``points`` in the rows of `predict`, one column per reason and ``remainder``, in probability; each row plus
            ``base``, the probability of an account that is ordinary in everything, is its ``p_buys``.
        """
        _, mined = self._mine(orders, as_of)
        return self._explain(mined)

    def predict_with_reasons(self, orders: pd.DataFrame, as_of: Moment | None = None) -> pd.DataFrame:
        """`predict` rounded to 9 decimals, with ``base`` and ``reasons`` (JSON) that add up to ``p_buys``."""
        book, mined = self._mine(orders, as_of)
        found = self._predict(book, mined, as_of).round(DECIMALS)
        points, base = self._explain(mined)
        base = round(base, DECIMALS)
        texts = reason_texts(points, mined.features, found["p_buys"].to_numpy(), base)
        return found.assign(base=base, reasons=texts)

    def _explain(self, mined: Mined) -> tuple[pd.DataFrame, float]:
        return contributions(mined, self.ordinary_, self.fitted_, self.blends_["p_buys"])

    def to_files(self) -> dict[str, bytes]:
        """All that is needed to use the model again."""
        fitted = self.fitted_
        state = {
            "horizon_days": self.horizon_days,
            "random_state": self.random_state,
            "end": self.end_,
            "process": fitted.population.process.to_state(),
            "value": fitted.population.value.to_state(),
            "standardiser": fitted.standardiser.to_state(),
            "corrections": {name: each.to_state() for name, each in fitted.corrections.items()},
            "ordinary": asdict(self.ordinary_),
            "unit": fitted.unit,
            "level_spread": fitted.level_spread,
            "n_rows": fitted.n_rows,
            "blends": {name: blend.to_state() for name, blend in self.blends_.items()},
            "next_category": None if self.next_category_ is None else self.next_category_.to_state(),
        }
        return {MODEL_FILE: json.dumps(state, sort_keys=True).encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "CustomerModel":
        """The model that `to_files` described."""
        state = json.loads(files[MODEL_FILE])
        model = cls(state["horizon_days"], random_state=state["random_state"])
        model.end_ = state["end"]
        population = Population(PurchaseProcess.from_state(state["process"]), OrderValue.from_state(state["value"]))
        corrections = {name: Corrections.from_state(each) for name, each in state["corrections"].items()}
        standardiser = Standardiser.from_state(state["standardiser"])
        model.fitted_ = Fitted(
            population,
            standardiser,
            corrections,
            state["unit"],
            model.horizon_days,
            state["level_spread"],
            state["n_rows"],
        )
        model.blends_ = {name: Blend.from_state(each) for name, each in state["blends"].items()}
        model.ordinary_ = Ordinary(**state["ordinary"])
        following = state["next_category"]
        model.next_category_ = None if following is None else NextCategory.from_state(following)
        model.feature_names_in_ = list(standardiser.names)
        return model

    def _mine(self, orders: pd.DataFrame, as_of: Moment | None) -> tuple[OrderBook, Mined]:
        if not hasattr(self, "fitted_"):
            raise InvalidInput("This CustomerModel is not fitted; call `fit(orders)` first.")
        book = OrderBook.read(orders)
        return book, mine(book, self._day(as_of), self.horizon_days, self.fitted_.population)

    def _day(self, as_of: Moment | None) -> int:
        return self.end_ if as_of is None else day_number(as_of)

    def _mean(self, mined: Mined, name: str) -> np.ndarray:
        """Combined and calibrated mean of a target, shape (n,)."""
        target = next(target for target in TARGETS if target.name == name)
        mean = target.mean(self.blends_[name](self.fitted_.members(mined, name)))
        return mean * self.fitted_.unit if name == "spend" else mean

    def _next(self, book: OrderBook, mined: Mined, as_of: Moment | None) -> tuple[np.ndarray, np.ndarray]:
        """Likeliest category of each account's next order, and its probability."""
        n = len(mined.active)
        if self.next_category_ is None:
            return np.full(n, None), np.full(n, np.nan)
        p = self.next_category_.probabilities(book, self._day(as_of))
        best = p.argmax(axis=1)
        return np.array(self.next_category_.categories, dtype=object)[best], p[np.arange(n), best]


def _check_horizon(horizon_days: int) -> None:
    if isinstance(horizon_days, bool) or not isinstance(horizon_days, int) or not 1 <= horizon_days <= _LONGEST:
        raise InvalidInput(f"`horizon_days` must be a whole number between 1 and {_LONGEST}, got {horizon_days!r}.")
