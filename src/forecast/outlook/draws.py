"""Random numbers that belong to a name: the same deal gets the same draws whoever else is there."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15


def keys_of(names: Sequence[str] | NDArray[np.object_], stream: str, random_state: int) -> Keys:
    """A key for each name, different in each stream and for each state.

    Parameters
    ----------
    names : sequence of str, length n
    stream : str
        What the draws are for, at most 16 characters.
    random_state : int

    Returns
    -------
    uint64 array of shape (n,)
    """
    hashed = pd.util.hash_array(np.asarray(names, dtype=object), hash_key=stream.ljust(16), categorize=False)
    return _mixed(np.asarray(hashed, dtype=np.uint64) ^ np.uint64(random_state % 2**64))


def uniforms(keys: Keys, n_paths: int) -> Floats:
    """Uniform draws on (0, 1), one column for each key.

    A column depends on its key alone. Each is the output of a SplitMix64 generator [1]_ that starts at the key.

    Returns
    -------
    array of shape (n_paths, n_keys)

    References
    ----------
    .. [1] Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators. OOPSLA 2014.
    """
    steps = (np.arange(1, n_paths + 1, dtype=np.uint64) * np.uint64(_GOLDEN))[:, None]
    bits = _mixed(keys[None, :] + steps) >> np.uint64(11)
    return np.asarray((bits.astype(np.float64) + 0.5) * 2.0**-53)


def uniform_at(keys: Keys, path: NDArray[np.int64]) -> Floats:
    """The draws of `uniforms` at single places: of each key in its path, shape (n,)."""
    bits = _mixed(keys + (path + 1).astype(np.uint64) * np.uint64(_GOLDEN)) >> np.uint64(11)
    return np.asarray((bits.astype(np.float64) + 0.5) * 2.0**-53)


def stratified(key: Keys, n_paths: int) -> Floats:
    """One draw from each of ``n_paths`` equal strata of (0, 1), in random order, shape (n_paths,).

    Means of what all paths share are then almost exact.
    """
    order = np.argsort(uniforms(key[:1], n_paths)[:, 0], kind="stable")
    ranks = np.empty(n_paths)
    ranks[order] = np.arange(n_paths)
    return np.asarray((ranks + 0.5) / n_paths)


def normals(uniform: Floats) -> Floats:
    """Standard normal quantiles of uniform draws."""
    return np.asarray(ndtri(uniform))


def _mixed(state: Keys) -> Keys:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(state ^ (state >> np.uint64(31)), dtype=np.uint64)
