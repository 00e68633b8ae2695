"""The shrunken group rate: what is known about a case's group, honest with few cases. The first champion."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaln, expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin

from forecast.attribution import probability_points
from forecast.conversion.checks import SEGMENT_COLUMN, check_training, names_of, with_segment
from forecast.conversion.encoding import as_texts, check_columns, named_columns
from forecast.conversion.interval import beta_interval

#: Prior strengths that the marginal likelihood chooses from, in cases; the prior on their logarithm favours about 50.
STRENGTHS = np.geomspace(2, 2000, 25)
STRENGTH_CENTRE, STRENGTH_LOG_SD = 50.0, 1.5

MISSING = "(missing)"
REMAINDER = "remainder"


class GroupRateModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Win rate of a case's group, shrunk to the group above it, down from the overall rate.

    ``columns`` nest: with ``("source", "stage")`` the rate of a stage within a source is shrunk to the rate of the
    source, which is shrunk to the overall rate. Each level's strength of shrinkage maximises the beta-binomial marginal
    likelihood of its groups' counts [1]_. Several rows of one entity count as one case.

    Parameters
    ----------
    columns : sequence of str
        Grouping columns, coarsest first; none gives the overall rate. ``segment`` of `fit` goes before them.

    Attributes
    ----------
    feature_names_in_ : array of str
        The grouping columns.
    base_ : float
        Overall rate, smoothed by half a win and half a loss.
    rates_ : dict of group -> (log-odds, cases)
        Groups are tuples of texts, one per level; ``cases`` are the observations that the rate is worth.
    strengths_ : list of float
        Per level, cases that the rate above is worth.

    References
    ----------
    .. [1] Gelman et al. (2013), Bayesian Data Analysis, chapter 5.
    """

    def __init__(self, columns: Sequence[str] = ()) -> None:
        self.columns = columns

    def fit(
        self, X: pd.DataFrame, y: Any, *, time: Any = None, segment: Any = None, groups: Any = None
    ) -> "GroupRateModel":
        """Learn the rates.

        Parameters
        ----------
        X : DataFrame of shape (n, k)
        y : array-like of shape (n,), 0 or 1; one class only is allowed
        time : ignored
            Takes part for the common signature.
        segment : str, list of str or array-like of shape (n,), optional
            Column names of X, or values, of the coarsest groups.
        groups : array-like of shape (n,), optional
            Entity of each row.

        Raises
        ------
        InvalidInput
            If X is empty or lacks a grouping column, or lengths or values are wrong.
        """
        X, outcomes, codes = check_training(X, y, groups)
        X, segments, self.segment_given_ = with_segment(X, segment)
        levels = list(dict.fromkeys([*segments, *names_of(self.columns)]))
        check_columns(X, levels)
        self.feature_names_in_ = np.array(levels, dtype=object)
        self.classes_ = np.array([0, 1])
        counts = pd.DataFrame({name: _group_texts(X[name]) for name in levels}).assign(won=outcomes, entity=codes)
        n_cases = float(counts["entity"].nunique())
        self.base_ = float((outcomes.mean() * n_cases + 0.5) / (n_cases + 1))
        self.rates_: dict[tuple[str, ...], tuple[float, float]] = {(): (float(logit(self.base_)), n_cases + 1)}
        self.strengths_: list[float] = []
        for depth in range(1, len(levels) + 1):
            self._fit_level(counts, levels[:depth])
        return self

    def _fit_level(self, counts: pd.DataFrame, keys: list[str]) -> None:
        table = counts.groupby(keys, sort=True).agg(rate=("won", "mean"), cases=("entity", "nunique"))
        groups = [key if isinstance(key, tuple) else (key,) for key in table.index]
        parents = expit(np.array([self.rates_[group[:-1]][0] for group in groups]))
        n, wins = table["cases"].to_numpy(dtype=float), (table["rate"] * table["cases"]).to_numpy(dtype=float)
        strength = shrinkage_strength(wins, n, parents)
        rates = (wins + strength * parents) / (n + strength)
        # The rate above is itself known only so well: its share of the variance is added to the group's own.
        above = np.array([self.rates_[group[:-1]][1] for group in groups])
        cases = 1 / (1 / (n + strength + 1) + (strength / (n + strength)) ** 2 / (above + 1)) - 1
        self.strengths_.append(strength)
        self.rates_ |= {
            group: (float(z), float(cases)) for group, z, cases in zip(groups, logit(rates), cases, strict=True)
        }

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Probabilities of shape (n, 2): lost or open, won."""
        p = expit(self.log_odds(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """1 where winning is more likely than not."""
        return (self.log_odds(X) > 0).astype(int)

    def log_odds(self, X: pd.DataFrame) -> np.ndarray:
        """Log-odds of shape (n,)."""
        return self._path(X)[0][:, -1]

    def log_odds_contributions(self, X: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, float]:
        """What each grouping column adds to the base rate's log-odds ``z0``: (contributions, z, z0)."""
        path, _ = self._path(X)
        parts = pd.DataFrame(np.diff(path, axis=1), columns=self.feature_names_in_, index=X.index)
        return parts.assign(**{REMAINDER: 0.0}), path[:, -1], float(path[0, 0])

    def explain(self, X: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        """Contributions in probability, one column per grouping column and the remainder, and the base rate."""
        phi, z, z0 = self.log_odds_contributions(X)
        return pd.DataFrame(probability_points(phi.to_numpy(), z, z0), columns=phi.columns, index=phi.index), self.base_

    def interval(self, X: pd.DataFrame, *, level: float = 80.0) -> tuple[np.ndarray, np.ndarray]:
        """Central interval of the group's win rate, ``level`` in percent; wide for groups never seen."""
        path, cases = self._path(X)
        return beta_interval(expit(path[:, -1]), cases, level=level)

    def _path(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Log-odds from the overall rate down to the group, shape (n, depth + 1), and the cases behind the last."""
        X = named_columns(X)
        names = list(self.feature_names_in_)
        if self.segment_given_ and SEGMENT_COLUMN not in X.columns:
            X = X.assign(**{SEGMENT_COLUMN: None})
        check_columns(X, names)
        z0, cases0 = self.rates_[()]
        path = np.full((len(X), len(names) + 1), z0)
        cases = np.full(len(X), cases0)
        keys = pd.DataFrame({name: _group_texts(X[name]) for name in names}, index=X.index)
        for depth in range(1, len(names) + 1):
            codes, groups = pd.MultiIndex.from_frame(keys.iloc[:, :depth]).factorize()
            known = [self.rates_.get(tuple(group)) for group in groups]
            rates = np.array([np.nan if rate is None else rate[0] for rate in known])[codes]
            weights = np.array([0.0 if rate is None else rate[1] for rate in known])[codes]
            path[:, depth] = np.where(np.isnan(rates), path[:, depth - 1], rates)
            # A group never seen may lie anywhere its siblings do.
            unseen = 1 / (1 / (self.strengths_[depth - 1] + 1) + 1 / (cases + 1)) - 1
            cases = np.where(np.isnan(rates), unseen, weights)
        return path, cases

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "columns": names_of(self.columns),
            "names": list(self.feature_names_in_),
            "segment_given": self.segment_given_,
            "base": self.base_,
            "strengths": self.strengths_,
            "rates": [[list(group), z, cases] for group, (z, cases) in self.rates_.items()],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "GroupRateModel":
        """The fitted model that `to_state` described."""
        model = cls(state["columns"])
        model.feature_names_in_ = np.array(state["names"], dtype=object)
        model.classes_ = np.array([0, 1])
        model.segment_given_ = bool(state["segment_given"])
        model.base_ = float(state["base"])
        model.strengths_ = list(state["strengths"])
        model.rates_ = {tuple(group): (float(z), float(cases)) for group, z, cases in state["rates"]}
        return model


def _group_texts(values: pd.Series) -> pd.Series:
    texts = as_texts(values)
    return texts.where(texts.notna(), MISSING)


def shrinkage_strength(wins: np.ndarray, n: np.ndarray, prior_rates: np.ndarray) -> float:
    """Cases that the prior is worth: the strength of greatest beta-binomial marginal likelihood on a grid.

    Parameters
    ----------
    wins, n : arrays of shape (n_groups,)
        Won and all cases of each group; need not be whole.
    prior_rates : array of shape (n_groups,)
        Rate of the group above.

    Returns
    -------
    float
        One of `STRENGTHS`; large when groups do not differ.
    """
    a = STRENGTHS[:, None] * prior_rates
    b = STRENGTHS[:, None] * (1 - prior_rates)
    likelihood = (betaln(wins + a, n - wins + b) - betaln(a, b)).sum(axis=1)
    prior = -0.5 * (np.log(STRENGTHS / STRENGTH_CENTRE) / STRENGTH_LOG_SD) ** 2
    return float(STRENGTHS[np.argmax(likelihood + prior)])
