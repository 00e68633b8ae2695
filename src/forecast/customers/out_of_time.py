"""Fitting the corrections on past windows, and what they said of windows that were judged later."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.customers.blend import Blend, fit_blend, level_shift
from forecast.customers.book import OrderBook
from forecast.customers.line import Standardiser
from forecast.customers.mining import Mined, Population, mine
from forecast.customers.target import (
    MEMBERS,
    TARGETS,
    Corrections,
    fit_corrections,
    standardised,
    target_values,
)
from forecast.customers.windows import Window, judging_windows, training_windows
from forecast.errors import NotEnoughHistory


@dataclass(frozen=True)
class Fitted:
    """What was learned from orders before one moment.

    ``unit`` is the amount of an ordinary order; ``level_spread`` says how much the level of each target moved between
    the windows beyond what the process expected, on the scale of its link: a standard deviation.
    """

    population: Population
    standardiser: Standardiser
    corrections: dict[str, Corrections]
    unit: float
    horizon_days: int
    level_spread: dict[str, float]
    n_rows: int

    def members(self, mined: Mined, target: str) -> np.ndarray:
        """What each member says of each account on the scale of the target's link, shape (n, 4)."""
        offset = offsets(mined, self.unit)[target]
        stretch = offset - offsets(mined, self.unit, self.horizon_days)[target]
        columns = self.standardiser(mined.features)
        return self.corrections[target].members(mined.features, columns, offset, stretch)


def offsets(mined: Mined, unit: float, horizon_days: int | None = None) -> dict[str, np.ndarray]:
    """What the process says, by target, on the scale of its link; spend in units of an ordinary order."""
    expected = mined.expected(horizon_days)
    expected["spend"] = expected["spend"] / unit
    return {target.name: target.offset(expected[target.name]) for target in TARGETS}


def fit_before(
    book: OrderBook, end: int, horizon_days: int, *, random_state: int, cutoffs: list[int] | None = None
) -> Fitted:
    """Learn from what was ordered before the day ``end``; later orders are not read.

    Each window's level is put right before its rows teach: corrections say who departs from what the process expects,
    not when the world did, which no feature of an account knows.

    Raises
    ------
    NotEnoughHistory
        If the history is too short, or no account ordered twice.
    """
    known = book.before(end)
    if not len(known.day):
        raise NotEnoughHistory("No orders are known, so that there is nothing to learn from.")
    windows = training_windows(int(known.day.min()), end, horizon_days, cutoffs)
    population = Population.fit(known, end)
    unit = float(known.amount.mean()) or 1.0
    mined = [mine(known, window.cutoff, window.horizon_days, population) for window in windows]
    came = [_came(known, window, each, unit) for window, each in zip(windows, mined, strict=True)]
    features = pd.concat([each.features for each in mined], ignore_index=True)
    weight = _once_per_account(mined, book.n_accounts)
    said, whole = [offsets(each, unit) for each in mined], [offsets(each, unit, horizon_days) for each in mined]
    levels = {
        target.name: np.array(
            [
                level_shift(values[target.name], z[target.name], target.link)
                for values, z in zip(came, said, strict=True)
            ]
        )
        for target in TARGETS
    }
    standardiser, columns = standardised(features)
    corrections = {}
    for target in TARGETS:
        name = target.name
        levelled = [z[name] + level for z, level in zip(said, levels[name], strict=True)]
        corrections[name] = fit_corrections(
            features,
            columns,
            np.concatenate([values[name] for values in came]),
            np.concatenate(levelled),
            np.concatenate([z - all_[name] for z, all_ in zip(levelled, whole, strict=True)]),
            weight,
            target,
            random_state,
        )
    spread = {name: float(found.std()) for name, found in levels.items()}
    return Fitted(population, standardiser, corrections, unit, horizon_days, spread, len(features))


def judge(book: OrderBook, end: int, horizon_days: int, *, random_state: int) -> dict[str, Blend]:
    """Weights of the members and calibration of each target, from windows before ``end`` that none had seen."""
    known = book.before(end)
    rows: list[tuple[Window, Mined, Fitted]] = []
    for window in judging_windows(int(known.day.min()), end, horizon_days):
        try:
            fitted = fit_before(known, window.cutoff, horizon_days, random_state=random_state)
        except NotEnoughHistory:  # the young part of a history may hold no second order
            continue
        rows.append((window, mine(known, window.cutoff, window.horizon_days, fitted.population), fitted))
    if not rows:
        return {target.name: Blend.equal(len(MEMBERS)) for target in TARGETS}
    weight = _once_per_account([mined for _, mined, _ in rows], book.n_accounts)
    is_latest = np.repeat([i == len(rows) - 1 for i in range(len(rows))], [len(mined.active) for _, mined, _ in rows])
    came = [_came(known, window, mined, fitted.unit) for window, mined, fitted in rows]
    blends = {}
    for target in TARGETS:
        z = np.concatenate([fitted.members(mined, target.name) for _, mined, fitted in rows])
        y = np.concatenate([values[target.name] for values in came])
        blends[target.name] = fit_blend(z, y, weight, is_latest, target.link, rows[-1][2].level_spread[target.name])
    return blends


def _came(known: OrderBook, window: Window, mined: Mined, unit: float) -> dict[str, np.ndarray]:
    orders, spend = known.labels(window.cutoff, window.horizon_days)
    return target_values(orders[mined.active].astype(float), spend[mined.active], unit)


def _once_per_account(mined: list[Mined], n_accounts: int) -> np.ndarray:
    """Weight of each row: all rows of an account are worth one together."""
    active = np.concatenate([each.active for each in mined])
    return np.asarray(1 / np.bincount(active, minlength=n_accounts)[active])
