"""What one action does to the chance of a win: doubly robust, with an interval, or "unknown" with the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from forecast.conversion.case_effects import CaseEffects, Effect, mean_effect
from forecast.conversion.checks import check_training
from forecast.conversion.design import Design, Inputs
from forecast.conversion.encoding import TableEncoder, named_columns
from forecast.conversion.nuisance import Blend, cross_fit, group_folds
from forecast.conversion.overlap import EDGES, Overlap, Sensitivity, diagnose, sensitivity
from forecast.errors import InvalidInput

#: Why an effect is not known; texts are in `forecast.explain.next_step`.
UNKNOWN_REASONS = ("few_cases", "few_wins", "no_overlap", "imbalance", "habit")

#: Distinct cases, and cases won, that each arm needs.
MIN_CASES, MIN_WINS = 30, 5

#: Beyond these the arms share too little ground: rows outside the edges, such rows with the action, and the part of
#: an arm that weighting leaves.
MAX_OUTSIDE, MAX_TREATED_OUTSIDE, MIN_EFFECTIVE_SHARE = 0.6, 0.25, 0.1


class EffectModel(BaseEstimator):  # type: ignore[misc]
    """Effect of one yes/no action on a yes/no outcome.

    The average effect is the mean of augmented inverse-propensity scores [1]_ whose two helpers, who gets the action
    and who wins, are cross-fitted [2]_: it is right when either of them is. Effects of single cases and of groups are
    those of `CaseEffects`: one odds ratio for all unless differences are shown.

    Nothing is claimed that rests on a hope: with too few cases, no overlap, arms that weighting cannot balance, or an
    effect that a hidden cause as strong as all observed ones would explain, ``effect_`` is ``"unknown"``.

    Parameters
    ----------
    n_folds : int
        At least 2.
    n_groups : int
        Most groups of cases, by size of the effect, that get an effect of their own.
    hidden_strength : float
        How strong a hidden cause of action and outcome is allowed for, in multiples of everything observed together:
        the more the features tell about who gets the action, the more will be hidden. An effect within that bias of
        0 is not told from a habit. 0 trusts that whatever decides about the action is in ``X``. Not used when the
        propensity is known.
    random_state : int

    Attributes
    ----------
    known_ : bool
    effect_ : Effect or "unknown"
    reason_ : str
        One of `UNKNOWN_REASONS`; empty when known.
    estimate_ : Effect or None
        The average effect over the rows kept, known or not; None when it could not be computed.
    case_effects_ : CaseEffects
    effects_ : list of Effect
        By group of cases, least effect first; one when no difference between cases is shown.
    kept_ : bool array of shape (n,)
        Rows with a propensity inside [0.05, 0.95]: those that the effect is about.
    scores_ : array of shape (n,)
        Doubly robust score of each row; NaN where not kept.
    overlap_ : Overlap or None
    sensitivity_ : Sensitivity or None
        None too when the propensity is known: then there is no hidden cause.

    References
    ----------
    .. [1] Robins, Rotnitzky & Zhao (1994), Estimation of regression coefficients when some regressors are not always
       observed. JASA 89.
    .. [2] Chernozhukov et al. (2018), Double/debiased machine learning. Econometrics Journal 21.
    """

    def __init__(
        self, *, n_folds: int = 5, n_groups: int = 4, hidden_strength: float = 2.0, random_state: int = 0
    ) -> None:
        self.n_folds = n_folds
        self.n_groups = n_groups
        self.hidden_strength = hidden_strength
        self.random_state = random_state

    def fit(
        self, X: pd.DataFrame, treated: Any, y: Any, *, propensity: Any = None, groups: Any = None
    ) -> "EffectModel":
        """Estimate the effect.

        Parameters
        ----------
        X : DataFrame of shape (n, k)
            What was known before the action, as it comes.
        treated : array-like of shape (n,)
            1 where the action was taken.
        y : array-like of shape (n,)
            1 where the case was won afterwards.
        propensity : float or array-like of shape (n,), optional
            Chance of the action, in (0, 1), where it was drawn by lot.
        groups : array-like of shape (n,), optional
            Case of each row: rows of one case share a fold and count as one in intervals.

        Raises
        ------
        InvalidInput
            If lengths differ, a value is neither 0 nor 1, or a propensity is not inside (0, 1).
        """
        self._check_parameters()
        X, won, codes = check_training(X, y, groups)
        _, action, _ = check_training(X, treated)
        t = action == 1
        chance = _checked_propensity(propensity, len(X))
        self.encoder_ = TableEncoder().fit(X)
        self.feature_names_in_ = np.array(self.encoder_.names, dtype=object)
        self.n_features_in_ = len(self.feature_names_in_)
        self.kept_, self.scores_ = np.zeros(len(X), dtype=bool), np.full(len(X), np.nan)
        self.estimate_: Effect | None = None
        self.overlap_: Overlap | None = None
        self.sensitivity_: Sensitivity | None = None
        self.effects_: list[Effect] = []
        self.reason_ = _too_few(t, won, codes) or self._estimate(X, t, won, codes, chance)
        self.known_ = not self.reason_
        self.effect_: Effect | Literal["unknown"] = self.estimate_ if self.estimate_ and self.known_ else "unknown"
        return self

    def _check_parameters(self) -> None:
        if self.n_folds < 2:
            raise InvalidInput(f"`n_folds` must be at least 2, got {self.n_folds}.")
        if self.n_groups < 1:
            raise InvalidInput(f"`n_groups` must be at least 1, got {self.n_groups}.")
        if self.hidden_strength < 0:
            raise InvalidInput(f"`hidden_strength` must not be negative, got {self.hidden_strength}.")

    def _estimate(
        self, X: pd.DataFrame, t: np.ndarray, y: np.ndarray, codes: np.ndarray, chance: np.ndarray | None
    ) -> str:
        """Fit everything; gives the reason why the effect is unknown, or an empty text."""
        self.propensity_: Blend | None = None
        inputs = self._first_inputs(X)
        fold = group_folds(codes, 2 * t.astype(int) + y.astype(int), self.n_folds, self.random_state)
        if chance is None:
            (e,), self.propensity_ = cross_fit(
                inputs, t.astype(float), fold, link="logit", random_state=self.random_state
            )
        else:
            e = chance
        kept = (e >= EDGES[0]) & (e <= EDGES[1]) if chance is None else np.ones(len(y), dtype=bool)
        self.overlap_ = diagnose(inputs.design, t, e, kept)
        if _too_few(t[kept], y[kept], codes[kept]):
            return "no_overlap"  # there were enough before: what is missing is common ground
        (_, p1, p0), outcome = cross_fit(
            inputs.with_action(t),
            y,
            fold,
            link="logit",
            at=[inputs.with_action(np.ones(len(t))), inputs.with_action(np.zeros(len(t)))],
            random_state=self.random_state,
        )
        residual, riesz = y - np.where(t, p1, p0), _riesz(t, e, kept)
        self.kept_ = kept
        self.scores_ = np.where(kept, p1 - p0 + riesz * residual, np.nan)
        self.estimate_ = mean_effect(
            self.scores_[kept], codes[kept], min(self.overlap_.ess_treated, self.overlap_.ess_control)
        )
        self.case_effects_ = CaseEffects.fit(
            inputs.rows(kept),
            self.scores_[kept],
            outcome=outcome,
            expected=(p1[kept], p0[kept]),
            codes=codes[kept],
            fold=fold[kept],
            n_groups=self.n_groups,
            random_state=self.random_state,
        )
        self.effects_ = self.case_effects_.effects
        if chance is None:
            self.sensitivity_ = sensitivity(
                max(self.estimate_.low, -self.estimate_.high),
                treated=t[kept],
                propensity=e[kept],
                y=y[kept],
                expected=np.where(t, p1, p0)[kept],
            )
        return self._verdict(self.overlap_, self.estimate_)

    def _first_inputs(self, X: pd.DataFrame) -> Inputs:
        matrix = self.encoder_.transform(X)
        self.design_ = Design.fit(matrix, self.encoder_.categories)
        return Inputs(matrix, self.design_.transform(matrix))

    def _verdict(self, overlap: Overlap, effect: Effect) -> str:
        """The first reason not to claim the effect, or an empty text."""
        shares = (overlap.ess_treated / overlap.n_treated, overlap.ess_control / overlap.n_control)
        if overlap.share_outside > MAX_OUTSIDE or overlap.share_treated_outside > MAX_TREATED_OUTSIDE:
            return "no_overlap"
        if min(shares) < MIN_EFFECTIVE_SHARE:
            return "no_overlap"
        if min(overlap.ess_treated, overlap.ess_control) < MIN_CASES:
            return "few_cases"
        if self.sensitivity_ is None:  # drawn by lot: nothing is hidden
            return ""
        if not overlap.is_balanced:
            return "imbalance"
        near_end = max(effect.low, -effect.high)
        return "habit" if 0 < near_end <= self.hidden_strength * self.sensitivity_.bias else ""

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Effect on each case, in probability, shape (n,); NaN when not even an estimate could be made.

        It orders cases; what it is worth on average is said by `group_effects`.
        """
        if self.estimate_ is None:
            return np.full(len(X), np.nan)
        return self.case_effects_.tau(self._inputs(X))

    def group_effects(self, X: pd.DataFrame) -> pd.DataFrame:
        """Effect among the comparable cases of each row: the group of similar effect it belongs to.

        Returns
        -------
        DataFrame
            ``tau`` (see `predict`), ``effect``, ``low``, ``high`` (probability), ``n`` (rows compared), in the order
            and with the index of ``X``; NaN and 0 when no estimate could be made.
        """
        tau = self.predict(X)
        if self.estimate_ is None:
            return pd.DataFrame({"tau": tau, "effect": np.nan, "low": np.nan, "high": np.nan, "n": 0}, index=X.index)
        group = self.case_effects_.group(tau)
        table = pd.DataFrame([asdict(effect) for effect in self.effects_]).rename(columns={"mean": "effect"})
        rows = table[["effect", "low", "high", "n"]].iloc[group].set_axis(X.index, axis=0)
        rows.insert(0, "tau", tau)
        return rows

    def propensity(self, X: pd.DataFrame) -> np.ndarray:
        """Chance that a case like each row gets the action, shape (n,); NaN when it was given or not estimated."""
        model = getattr(self, "propensity_", None)
        return np.full(len(X), np.nan) if model is None else model.predict(self._inputs(X))

    def _inputs(self, X: pd.DataFrame) -> Inputs:
        matrix = self.encoder_.transform(named_columns(X))
        return Inputs(matrix, self.design_.transform(matrix))

    def to_state(self) -> dict[str, Any]:
        """All that prediction needs, as plain JSON values; not the scores of the training rows."""
        state: dict[str, Any] = {
            "params": self.get_params(),
            "encoder": self.encoder_.to_state(),
            "reason": self.reason_,
            "estimate": asdict(self.estimate_) if self.estimate_ else None,
            "overlap": asdict(self.overlap_) if self.overlap_ else None,
            "sensitivity": asdict(self.sensitivity_) if self.sensitivity_ else None,
        }
        if self.estimate_ is None:
            return state
        return state | {
            "design": self.design_.to_state(),
            "propensity": self.propensity_.to_state() if self.propensity_ else None,
            "case_effects": self.case_effects_.to_state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "EffectModel":
        """The model that `to_state` described."""
        model = cls(**state["params"])
        model.encoder_ = TableEncoder.from_state(state["encoder"])
        model.feature_names_in_ = np.array(model.encoder_.names, dtype=object)
        model.n_features_in_ = len(model.feature_names_in_)
        model.reason_, model.known_ = state["reason"], not state["reason"]
        model.overlap_ = Overlap(**state["overlap"]) if state["overlap"] else None
        model.sensitivity_ = Sensitivity(**state["sensitivity"]) if state["sensitivity"] else None
        model.estimate_ = Effect(**state["estimate"]) if state["estimate"] else None
        model.effect_ = model.estimate_ if model.estimate_ and model.known_ else "unknown"
        model.effects_ = []
        if model.estimate_ is None:
            return model
        model.design_ = Design.from_state(state["design"])
        model.propensity_ = Blend.from_state(state["propensity"]) if state["propensity"] else None
        model.case_effects_ = CaseEffects.from_state(state["case_effects"])
        model.effects_ = model.case_effects_.effects
        return model


def _checked_propensity(propensity: Any, n: int) -> np.ndarray | None:
    if propensity is None:
        return None
    given = np.asarray(propensity, dtype=float)
    chance = np.full(n, given) if given.ndim == 0 else given
    if chance.shape != (n,) or not ((chance > 0) & (chance < 1)).all():
        raise InvalidInput(f"`propensity` must be one number or {n} numbers inside (0, 1).")
    return chance


def _too_few(t: np.ndarray, y: np.ndarray, codes: np.ndarray) -> str:
    """The reason why the arms are too small, or an empty text."""
    arms: Sequence[np.ndarray] = (t, ~t)
    if min(len(np.unique(codes[arm])) for arm in arms) < MIN_CASES:
        return "few_cases"
    if min(len(np.unique(codes[arm & (y == outcome)])) for arm in arms for outcome in (0, 1)) < MIN_WINS:
        return "few_wins"
    return ""


def _riesz(t: np.ndarray, e: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Inverse propensity weights with the sign of the arm, each arm's of mean 1 over the rows kept (Hájek)."""
    clipped = np.clip(e, EDGES[0] / 10, 1 - EDGES[0] / 10)
    by_arm = [np.where(t, 1 / clipped, 0.0), np.where(t, 0.0, 1 / (1 - clipped))]
    treated, control = (weight / weight[kept].mean() for weight in by_arm)
    return np.asarray(treated - control)
