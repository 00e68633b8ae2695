"""Paths of the parts of an outlook that are not certain yet: what is open, and what is to come."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.outlook.amounts import Amounts
from forecast.outlook.draws import keys_of, uniform_at, uniforms
from forecast.outlook.outlook import digits_of
from forecast.outlook.people import People
from forecast.outlook.shocks import ShockDraws, draw_factors, odds_under_shocks
from forecast.outlook.streams import Stream
from forecast.outlook.units import Units

Floats = NDArray[np.float64]

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
) -> Floats:
    """Whether each open opportunity is won in each path, and for how much.

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

    Returns
    -------
    array of shape (n_paths, n_units)
        Whole smallest units.
    """
    owner = people.codes(opened["owner_id"])
    hazard = odds_under_shocks(chance, owner, shocks)
    ids = opened["entity_id"].to_numpy(dtype=object)
    wins, sizes = keys_of(ids, "won", random_state), keys_of(ids, "amount", random_state)
    unit = units.codes(opened)
    total = np.zeros((units.n_paths, len(units.names)))
    possible = np.flatnonzero(chance > 0)
    for chunk in np.array_split(possible, max(1, -(-len(possible) * units.n_paths // _CHUNK))):
        if not len(chunk):
            continue
        p = -np.expm1(-hazard[chunk] * shocks.multiplier[:, owner[chunk]])
        path, place = np.nonzero(uniforms(wins[chunk], units.n_paths) < p)
        deal = chunk[place]
        total += units.sums(path, unit[deal], amounts.draw(deal, uniform_at(sizes[deal], path)))
    return total


def coming_paths(
    stream: Stream,
    people: People,
    shocks: ShockDraws,
    units: Units,
    rows: pd.DataFrame,
    seed: tuple[int, int],
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
    uncertain : bool
        False takes the mean amount as known.

    Returns
    -------
    array of shape (n_paths, n_units)
        Whole smallest units.
    """
    drawn = stream.draw(people, shocks.multiplier, np.random.default_rng(seed))
    code = drawn.owner if units.by == "owner" else units.codes(rows)[drawn.event]
    amount = rows["amount"].to_numpy(dtype=float)
    common, own = stream.amount_variances(amount)
    factor = draw_factors(
        people.owners, common * uncertain, own * uncertain, n_paths=units.n_paths, random_state=seed[0]
    )
    sums = units.sums(drawn.path, code, drawn.amounts(amount, factor))
    if drawn.rest is not None:
        means = drawn.means(amount, code, len(units.names)) * 10 ** digits_of(units.currency)
        sums += np.rint((drawn.rest * factor) @ means)
    return sums
