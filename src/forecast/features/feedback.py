"""How content the account said it was: answers to surveys and reviews, on a common scale from 0 to 1."""

import numpy as np
from duckdb import DuckDBPyConnection, DuckDBPyRelation

from forecast.features.links import account_groups
from forecast.features.spine import DAY_US, Spine
from forecast.features.stabbing import NOTHING, Moments, ratio

#: Scores are added as whole parts of this.
_PARTS = 1_000_000

#: Name after the family, kind, effort; see `forecast.features.describe`.
DESCRIBED = (("count(_365d)?|days_since_last|last_score|mean_score", "number", "hard"),)


def build(con: DuckDBPyConnection, spine: Spine) -> DuckDBPyRelation:
    """Feedback of each spine row's account that was known at ``as_of``.

    ``count``, ``count_365d``, ``days_since_last``; ``last_score`` and ``mean_score``: score over the scale's maximum;
    a score without a scale is counted but not averaged.

    Returns
    -------
    relation
        ``entity_id``, ``as_of``, ``feedback__…``.
    """
    rows = spine.rows
    moments = Moments(account_groups(con, spine), rows.as_of)
    facts = con.sql(
        f"""
        SELECT l.code, epoch_us(f."at") AS said_at, epoch_us(greatest(f.known_from, l.link_from)) AS known_from,
            epoch_us(f.known_to) AS known_to,
            TRY_CAST(round({_PARTS} * f.score / nullif(f.scale_max, 0)) AS BIGINT) AS parts,
            parts IS NOT NULL AS is_scored, coalesce(parts, 0) AS score
        FROM feedback f JOIN _account_links l ON f.account_id = l.id
        WHERE f.deleted_at IS NULL AND f.known_from < f.known_to
        ORDER BY said_at, f.feedback_id
        """
    ).fetchnumpy()
    code, said_at, known_from, known_to, score = (
        np.asarray(facts[name], dtype=np.int64) for name in ("code", "said_at", "known_from", "known_to", "score")
    )
    start = np.maximum(said_at, known_from)
    ever = moments.reach(code, start, known_to)
    last_year = moments.reach(code, start, np.minimum(known_to, said_at + 365 * DAY_US))
    scored = np.asarray(facts["is_scored"], dtype=bool)
    last = moments.latest(ever, np.arange(len(score)), scored)  # rows are in order of time
    count_scored = moments.total(ever, where=scored)
    features = {
        "feedback__count": moments.total(ever),
        "feedback__count_365d": moments.total(last_year),
        "feedback__days_since_last": rows.days_since(moments.latest(ever, said_at)),
        "feedback__last_score": np.where(last == NOTHING, np.nan, np.append(score, 0)[np.maximum(last, -1)] / _PARTS),
        "feedback__mean_score": ratio(moments.total(ever, score, scored), count_scored * _PARTS),
    }
    return rows.relation(con, features)
