"""What moves the scores of a registered model: importance of features and reasons, and the swarm of their points."""

import pandas as pd

from forecast.attribution.importance import importance, summed_by
from forecast.conversion import ConversionScorer
from forecast.conversion.group_rate import REMAINDER
from forecast.conversion.reasons import reason_code
from forecast.explain.figures import reasons_beeswarm
from forecast.usecases.champion import with_columns

#: Latest snapshots explained; more change no rank.
MAX_ROWS = 1_000


def importance_artifacts(scorer: ConversionScorer, features: pd.DataFrame) -> dict[str, bytes]:
    """Files by name: ``importance.csv`` of reasons and features, and ``beeswarm.png`` of the strongest reasons.

    They describe the model and are no merit: the cases may be among those it learned from.

    Parameters
    ----------
    scorer : ConversionScorer
        Fitted.
    features : DataFrame
        ``as_of`` and the features of snapshots; the latest ones are explained, in points of probability before the
        anchor moves them.
    """
    latest = features.sort_values("as_of", kind="stable", ignore_index=True).tail(MAX_ROWS).reset_index(drop=True)
    X = with_columns(latest, [str(name) for name in scorer.model_.feature_names_in_])
    points = scorer.model_.explain(X)[0]
    known = points.drop(columns=REMAINDER, errors="ignore")
    tables = {"reason": importance(summed_by(known, reason_code)), "feature": importance(known)}
    table = pd.concat([found.assign(of=of) for of, found in tables.items()], ignore_index=True)
    return {
        "importance.csv": table[["of", "name", "mean_abs_points", "share"]].to_csv(index=False).encode(),
        "beeswarm.png": reasons_beeswarm(points, X),
    }
