"""Scores when nothing has been learned yet: a stated weak prior, the same for all, with a wide interval."""

from datetime import timedelta

import pandas as pd
from scipy.stats import beta

from forecast.conversion.scorer import CLOSE_DATES, GRADE_ODDS, grade_limits
from forecast.explain.render import PRIOR_ONLY
from forecast.settings import Settings

#: Wins and losses that the prior is worth: a guess of one in four, worth two cases.
PRIOR_WINS, PRIOR_LOSSES = 0.5, 1.5
PRIOR_RATE = PRIOR_WINS / (PRIOR_WINS + PRIOR_LOSSES)


def score_by_prior(entity: str, spine: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Scores of the rows of a spine, in the form of `ConversionScorer.score`.

    The probability is 0.25 within the wanted horizon and proportionally less within shorter ones; ``low`` and ``high``
    are the central 80 % of the Beta(0.5, 1.5) distribution, 0.006 and 0.649. Wins are spread evenly over the horizon;
    slip and amounts are unknown. The only reason says so.
    """
    low, high = (round(float(value), 9) for value in beta.ppf([0.1, 0.9], PRIOR_WINS, PRIOR_LOSSES))
    horizon = settings.conversion_horizon_days
    scores = pd.DataFrame({"entity": entity, "entity_id": spine["entity_id"], "as_of": spine["as_of"]})
    scores = scores.assign(probability=PRIOR_RATE, low=low, high=high)
    for days in settings.horizons_days:
        scores[f"p_{days}d"] = round(PRIOR_RATE * min(days / horizon, 1.0), 9)
    for name, share in CLOSE_DATES.items():
        day = spine["as_of"] + timedelta(days=horizon * share)
        scores[name] = day.dt.tz_convert(settings.zone).dt.date
    limits = grade_limits(PRIOR_RATE)
    return scores.assign(
        **dict.fromkeys(("slip_probability", "amount_if_won", "amount_low", "amount_high"), float("nan")),
        percentile=50.0,
        grade=next(grade for grade in GRADE_ODDS if limits[grade] <= PRIOR_RATE),
        base=PRIOR_RATE,
        reasons=pd.Series([[_REASON]] * len(spine), index=spine.index, dtype=object),
    )


_REASON = {
    "code": PRIOR_ONLY,
    "points": 0.0,
    "evidence": {"feature": "", "value": "", "n": 0, "rate": PRIOR_RATE},
}
