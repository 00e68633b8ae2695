"""Can the data tell an effect from a habit? Overlap, balance, and how strong a hidden cause would have to be."""

from dataclasses import dataclass

import numpy as np

#: Propensities outside carry no comparison: nearly nobody, or nearly everybody, like this got the action.
EDGES = (0.05, 0.95)

#: Standardised difference of means that still counts as balanced [Austin 2009].
MAX_DIFFERENCE = 0.1


@dataclass(frozen=True)
class Overlap:
    """How comparable cases with and without the action are.

    Attributes
    ----------
    share_outside : float in [0, 1]
        Rows whose propensity lies outside `EDGES`; the effect is not about them.
    share_treated_outside : float in [0, 1]
        The same of the rows with the action: above a quarter, those who get it have no counterpart.
    n_treated, n_control : int
        Rows kept.
    ess_treated, ess_control : float
        Effective sample sizes of the weighted arms, (sum w)^2 / sum w^2 [1]_.
    difference : float
        Largest absolute standardised difference of means after weighting, in standard deviations.
    difference_by_chance : float
        What three standard errors of such a difference are at these effective sizes.

    References
    ----------
    .. [1] Kish (1965), Survey Sampling. Trimming: Crump, Hotz, Imbens & Mitnik (2009), Dealing with limited overlap.
       Balance: Austin (2009), Balance diagnostics for comparing the distribution of baseline covariates.
    """

    share_outside: float
    share_treated_outside: float
    n_treated: int
    n_control: int
    ess_treated: float
    ess_control: float
    difference: float
    difference_by_chance: float

    @property
    def is_balanced(self) -> bool:
        """Whether the weighted arms look alike, as far as chance lets one see."""
        return self.difference <= MAX_DIFFERENCE + self.difference_by_chance


def diagnose(design: np.ndarray, treated: np.ndarray, propensity: np.ndarray, kept: np.ndarray) -> Overlap:
    """Overlap and balance.

    Parameters
    ----------
    design : array of shape (n, p)
    treated : bool array of shape (n,)
    propensity : array of shape (n,), in (0, 1)
    kept : bool array of shape (n,)
        Rows inside the edges.
    """
    x, t, e = design[kept], treated[kept], propensity[kept]
    weight = np.where(t, 1 / e, 1 / (1 - e))
    ess = (_effective(weight[t]), _effective(weight[~t]))
    difference = 0.0
    if t.any() and not t.all() and x.shape[1]:
        means = [np.average(x[arm], axis=0, weights=weight[arm]) for arm in (t, ~t)]
        spread = np.sqrt((x[t].var(axis=0) + x[~t].var(axis=0)) / 2)
        gaps = np.abs(means[0] - means[1])
        difference = float(np.max(np.divide(gaps, spread, out=np.zeros_like(gaps), where=spread > 1e-9)))
    chance = 3 * np.sqrt(sum(1 / max(size, 1.0) for size in ess))
    outside = float(1 - kept.mean()), float(1 - kept[treated].mean())
    return Overlap(*outside, int(t.sum()), int((~t).sum()), *ess, difference, float(chance))


def _effective(weight: np.ndarray) -> float:
    return float(weight.sum() ** 2 / (weight**2).sum()) if len(weight) else 0.0


@dataclass(frozen=True)
class Sensitivity:
    """How strong an unobserved cause of both action and outcome would have to be.

    Attributes
    ----------
    robustness : float in [0, 1]
        Share of the remaining variation of action and of outcome that a hidden cause must explain, each, to bring
        the near end of the interval to 0 (the robustness value [1]_); 0 when it is there already.
    bias : float
        Bias, in probability, by a hidden cause as strong as everything observed together. Near 0 when nothing observed
        tells who gets the action, as in an experiment.
    action_explained, outcome_explained : float in [0, 1]
        Share of the variation of action and of outcome that the features explain out of fold.

    References
    ----------
    .. [1] Cinelli & Hazlett (2020), Making sense of sensitivity. JRSS B 82; for doubly robust scores:
       Chernozhukov, Cinelli, Newey, Sharma & Syrgkanis (2022), Long story short: omitted variable bias in causal
       machine learning.
    """

    robustness: float
    bias: float
    action_explained: float
    outcome_explained: float


def sensitivity(
    near_end: float, *, treated: np.ndarray, propensity: np.ndarray, y: np.ndarray, expected: np.ndarray
) -> Sensitivity:
    """Robustness of an effect to a hidden cause, over the rows compared; arrays of shape (n,).

    The bias is at most ``S sqrt(r_y r_a / (1 - r_a))``, with S² the mean squared residual of the outcome times the
    mean squared inverse propensity weight, r_y the share of the residual that the hidden cause explains, and r_a that
    of the action.

    Parameters
    ----------
    near_end : float
        Distance from 0 to the end of the interval nearer to it; not positive when 0 lies inside.
    expected : array
        Outcome expected given action and features, out of fold, as ``propensity``.
    """
    t = treated.astype(float)
    riesz = np.where(treated, 1 / propensity, -1 / (1 - propensity))
    scale = float(np.sqrt(((y - expected) ** 2).mean() * (riesz**2).mean()))
    f = max(near_end, 0.0) / max(scale, 1e-12)
    robustness = (np.sqrt(f**4 + 4 * f**2) - f**2) / 2
    by_arm = np.where(treated, y[treated].mean(), y[~treated].mean())
    of_action = _explained(t, propensity, np.full(len(t), t.mean()))
    of_outcome = _explained(y, expected, by_arm)
    bias = scale * np.sqrt(of_outcome * of_action / max(1 - of_action, 1e-6))
    return Sensitivity(float(robustness), float(bias), of_action, of_outcome)


def _explained(y: np.ndarray, predicted: np.ndarray, plain: np.ndarray) -> float:
    """Share of the squared error of the plain prediction that the other takes away, at least 0."""
    before = float(((y - plain) ** 2).sum())
    return max(0.0, 1 - float(((y - predicted) ** 2).sum()) / before) if before > 0 else 0.0
