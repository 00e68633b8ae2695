"""The gate: when a challenger takes the champion's place. Pure; age never promotes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.evaluation.bootstrap import bootstrap_means, cluster_codes

#: Log loss, in nats per case, by which a challenger of the champion's own kind may be worse and still replace it:
#: a thousandth of a nat is below what anybody can notice in a ranking or a sum.
MARGIN = 0.001

#: Fewer distinct entities than this decide nothing.
MIN_CLUSTERS = 20

Array = Any


@dataclass(frozen=True)
class Decision:
    """Whether to promote, why in one sentence, and the numbers behind it."""

    promote: bool
    reason: str
    numbers: Mapping[str, float]


def decide(
    champion_losses: Array,
    challenger_losses: Array,
    clusters: Array,
    *,
    floor: bool,
    miscalibration: tuple[float, float] = (0.0, 0.0),
    leaking: Sequence[str] = (),
    margin: float = MARGIN,
    level: float = 95.0,
    n_segments: int = 1,
    random_state: int = 0,
) -> Decision:
    """Compare two models on rows later than both models' training.

    - A challenger whose features leak is never promoted.
    - Against the floor (the shrunken group rate) it must be *better*: the one-sided upper bound of its mean difference
      in loss lies below 0. Without a signal the group rate stays.
    - Against an earlier champion of its own kind it must be *not worse by the margin*: the bound lies below ``margin``.
    - Its calibration must not be worse than the champion's by more than the margin and chance.

    Parameters
    ----------
    champion_losses, challenger_losses : arrays of shape (n,)
        Log loss of each row.
    clusters : array of shape (n,)
        Entity of each row; whole entities are drawn.
    floor : bool
        Whether the champion is the group rate.
    miscalibration : (champion, challenger)
        `miscalibration_loss` of both on these rows, nats.
    leaking : sequence of str
        Features that changed when the future was changed.
    margin : float
        Nats per row.
    level : float in (0, 100)
        Percent, of the one-sided bound; divided among ``n_segments`` (Bonferroni).

    Returns
    -------
    Decision
        ``numbers``: ``difference`` (challenger - champion, negative is better), ``upper_bound``, ``margin``,
        ``champion_log_loss``, ``challenger_log_loss``, ``champion_miscalibration``, ``challenger_miscalibration``,
        ``n_rows``, ``n_entities``.
    """
    if leaking:
        return Decision(False, f"Refused: features use the future: {sorted(leaking)[:5]}.", {})
    champion, challenger = np.asarray(champion_losses, dtype=float), np.asarray(challenger_losses, dtype=float)
    n_clusters = cluster_codes(clusters, len(challenger))[1]
    if n_clusters < MIN_CLUSTERS:
        numbers = {"n_rows": float(len(challenger)), "n_entities": float(n_clusters)}
        return Decision(False, f"Too few cases to decide: {n_clusters}, at least {MIN_CLUSTERS} are needed.", numbers)
    draws = bootstrap_means(challenger - champion, clusters, random_state=random_state)
    bound = float(np.percentile(draws, 100 - (100 - level) / n_segments))
    numbers = {
        "difference": float((challenger - champion).mean()),
        "upper_bound": bound,
        "margin": 0.0 if floor else margin,
        "champion_log_loss": float(champion.mean()),
        "challenger_log_loss": float(challenger.mean()),
        "champion_miscalibration": miscalibration[0],
        "challenger_miscalibration": miscalibration[1],
        "n_rows": float(len(challenger)),
        "n_entities": float(n_clusters),
    }
    difference = f"{numbers['difference']:+.4f} nats per case, at most {bound:+.4f} at {level:g} %"
    if not bound < numbers["margin"]:
        wanted = "better than the group rate" if floor else f"within {margin:g} of the champion"
        return Decision(False, f"Not shown to be {wanted}: log loss {difference}.", numbers)
    # A calibrated model shows about 1/n of miscalibration by chance; three times that is beyond it (chi2, 95 %).
    allowed = miscalibration[0] + margin + 3.0 / n_clusters
    if miscalibration[1] > allowed:
        text = (
            f"Calibration is worse: {miscalibration[1]:.4f} nats lost against {miscalibration[0]:.4f} of the champion."
        )
        return Decision(False, text, numbers)
    return Decision(True, f"{'Better' if bound < 0 else 'Not worse'}: log loss {difference}.", numbers)
