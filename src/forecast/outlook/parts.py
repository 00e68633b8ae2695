"""Paths of the parts of an outlook that are not certain yet: what is open, and what is to come."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.outlook.amounts import Amounts
from forecast.outlook.draws import keys_of, uniform_at, uniforms
from forecast.outlook.outlook import digits_of
from forecast.outlook.people import People
from forecast.outlook.shocks import ShockDraws, draw_factors, odds_under_shocks
from forecast.outlook.streams import Span, Stream
from forecast.outlook.units import Units

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: So many cells of paths and deals at a time.
_CHUNK = 4_000_000


def open_paths(
    opened: pd.DataFrame,
    chance: Floats,
    amounts: Amounts,
    people: People,
    shocks: ShockDraws,
    units: Units,
    random_state: int,
    reached: Floats,
) -> Floats:
    """Whether each open opportunity is won in each path, when, and for how much.

    Parameters
    ----------
    opened : DataFrame
        ``entity_id``, ``owner_id`` and the columns of units.
    chance : array of shape (n_deals,)
        P(won in the span ahead).
    amounts : Amounts
    people : People
    shocks : ShockDraws
    units : Units
    random_state : int
    reached : array of shape (n_ends, n_deals)
        Share of each chance that is due by each end of a step; 1 by the last.

    Returns
    -------
    array of shape (n_ends, n_paths, n_units)
        Whole smallest units of each step; whether and for how much does not depend on the steps.
    """
    owner = people.codes(opened["owner_id"])
    hazard = odds_under_shocks(chance, owner, shocks)
    ids = opened["entity_id"].to_numpy(dtype=object)
    wins, sizes = keys_of(ids, "won", random_state), keys_of(ids, "amount", random_state)
    unit = units.codes(opened)
    total = np.zeros((len(reached), units.n_paths, len(units.names)))
    possible = np.flatnonzero(chance > 0)
    for chunk in np.array_split(possible, max(1, -(-len(possible) * units.n_paths // _CHUNK))):
        if not len(chunk):
            continue
        p = -np.expm1(-hazard[chunk] * shocks.multiplier[:, owner[chunk]])
        drawn = uniforms(wins[chunk], units.n_paths)
        path, place = np.nonzero(drawn < p)
        deal = chunk[place]
        # What decides that a deal is won also says when: given a win, it is uniform again.
        step = _steps(drawn[path, place] / p[path, place], reached[:, deal] if len(reached) > 1 else reached)
        total += units.sums_by_step(
            step, path, unit[deal], amounts.draw(deal, uniform_at(sizes[deal], path)), len(total)
        )
    return total


def _steps(share: Floats, reached: Floats) -> Codes:
    """The first step by whose end each share has been reached."""
    step = np.zeros(len(share), dtype=np.int64)
    for end in reached[:-1]:
        step += share >= end
    return step


def coming_paths(
    stream: Stream,
    people: People,
    shocks: ShockDraws,
    units: Units,
    rows: pd.DataFrame,
    seed: tuple[int, int],
    span: Span,
    ends_days: Floats,
    *,
    uncertain: bool,
) -> Floats:
    """Paths of wins yet to come; each is like a row of the past, for whoever is its owner now.

    Their mean amount is known from so many past wins only: a factor on all amounts of a path, and one on an owner's.

    Parameters
    ----------
    stream : Stream
    people : People
    shocks : ShockDraws
    units : Units
    rows : DataFrame
        The rows behind the past wins of the stream: ``amount`` and the columns of units.
    seed : tuple of the random state and the number of the part
    span : Span
    ends_days : array of shape (n_ends,)
        Ends of the steps in which wins are told, in days from ``as_of``; the last is the end of the span.
    uncertain : bool
        False takes the mean amount as known.

    Returns
    -------
    array of shape (n_ends, n_paths, n_units)
        Whole smallest units of each step.
    """
    drawn = stream.draw(people, shocks.multiplier, np.random.default_rng(seed))
    code = drawn.owner if units.by == "owner" else units.codes(rows)[drawn.event]
    amount = rows["amount"].to_numpy(dtype=float)
    common, own = stream.amount_variances(amount)
    factor = draw_factors(
        people.owners, common * uncertain, own * uncertain, n_paths=units.n_paths, random_state=seed[0]
    )
    # Another stream of random numbers: when wins come must not change how many and for how much.
    step = stream.steps(drawn.event, span, ends_days, np.random.default_rng((*seed, 1)))
    sums = units.sums_by_step(step, drawn.path, code, drawn.amounts(amount, factor), len(ends_days))
    if drawn.rest is not None:
        means = drawn.means(amount, code, len(units.names)) * 10 ** digits_of(units.currency)
        rest = np.rint((drawn.rest * factor) @ means)
        by_then = np.cumsum(np.bincount(step, minlength=len(ends_days))) / max(len(step), 1)
        sums += np.diff(np.rint(rest * by_then[:, None, None]), axis=0, prepend=0)
    return sums
