"""Odds of attainment: how often the paths reach given targets, for owners and for any sum of them."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from forecast.errors import InvalidInput
from forecast.targets.units import Floats, path_units, target_units


def attainment_odds(paths: ArrayLike, targets: ArrayLike, *, currency: str = "EUR") -> Floats:
    """P(X_i >= t_i) of each owner: the share of paths on which the owner reaches the target.

    Revenue is counted in the smallest unit of the currency, as the books do.

    Parameters
    ----------
    paths : array of shape (n_paths, n_owners)
        Joint sample paths of the revenue of the period, in ``currency``.
    targets : array of shape (n_owners,)

    Returns
    -------
    array of shape (n_owners,)
        In [0, 1].

    Raises
    ------
    InvalidInput
        If shapes do not fit or a value is not finite.

    Examples
    --------
    >>> attainment_odds([[0, 5], [10, 6], [10, 7], [20, 8]], [10, 8]).tolist()
    [0.75, 0.25]
    """
    units = path_units(paths, currency)
    share: Floats = (units >= target_units(targets, units.shape[1], currency)).mean(axis=0)
    return share


def attainment_odds_by_group(
    paths: ArrayLike, targets: ArrayLike, groups: Sequence[Hashable], *, currency: str = "EUR"
) -> dict[Hashable, float]:
    """Odds that the owners of each group together reach the sum of their targets.

    Paths are added within each path, so that what owners share (a bad month for all) stays shared.

    Parameters
    ----------
    paths : array of shape (n_paths, n_owners)
    targets : array of shape (n_owners,)
    groups : sequence of length n_owners
        Group of each owner, for example the team.
    """
    units = path_units(paths, currency)
    goals = target_units(targets, units.shape[1], currency)
    if len(groups) != len(goals):
        raise InvalidInput(f"There must be one group for each of {len(goals)} owners, got {len(groups)}.")
    names = list(dict.fromkeys(groups))
    code_of = {name: code for code, name in enumerate(names)}
    codes = np.array([code_of[name] for name in groups])
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(names)))
    sums = np.add.reduceat(units[:, order], starts, axis=1)
    return dict(zip(names, (sums >= np.add.reduceat(goals[order], starts)).mean(axis=0).tolist(), strict=True))
