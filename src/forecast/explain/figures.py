"""Figures of reasons with texts in English and Chinese: one score as a waterfall, many as a swarm."""

from collections.abc import Sequence

import pandas as pd

from forecast.attribution.figures import beeswarm, value_ranks, waterfall
from forecast.attribution.importance import importance, summed_by
from forecast.conversion.group_rate import REMAINDER
from forecast.conversion.reasons import reason_code
from forecast.explain.labels import Text, label
from forecast.explain.render import Reason, render, shown_reasons

#: Longer labels are cut.
MAX_LABEL = 58

#: Reasons in a swarm, and cases drawn: more dots hide each other.
N_SWARM, MAX_CASES = 12, 2000

BASE = Text("Base rate", "基准成交率")
PROBABILITY = Text("Probability", "成交概率")
X_ONE = Text("probability in %; the bars add up", "概率（%）；各条相加等于成交概率")
X_MANY = Text("points (percentage points of probability)", "对成交概率的影响（百分点）")
VALUE = Text("rank of the value (grey: no order)", "数值的名次（灰色：无顺序）")
LOW, HIGH = Text("lowest", "最低"), Text("highest", "最高")


def score_waterfall(reasons: Sequence[Reason], *, base: float, lang: str = "en") -> bytes:
    """One score from base rate to probability: the five strongest told reasons for, five against, and the rest.

    Parameters
    ----------
    reasons : sequence of reasons, all of one score
        ``code``, ``points``, ``evidence``; with ``base`` the points give the probability.
    base : float
        The published base rate.
    lang : {"en", "zh"}

    Returns
    -------
    bytes
        PNG.
    """
    shown = shown_reasons(reasons, base=base)
    listed = [*shown.raising, *shown.lowering]
    labels = [_short(render({**reason, "evidence": _without_cases(reason)}, lang)) for reason in listed]
    return waterfall(
        [*labels, label("rest", lang)],
        [*(float(reason["points"]) for reason in listed), shown.rest],
        base=base,
        base_label=BASE.in_language(lang),
        total_label=PROBABILITY.in_language(lang),
        x_label=X_ONE.in_language(lang),
    )


def reasons_beeswarm(points: pd.DataFrame, X: pd.DataFrame, *, lang: str = "en", n_shown: int = N_SWARM) -> bytes:
    """Points of the most important reasons over many cases, coloured by the rank of the value.

    The value of a reason is that of its feature with the most points on average. Of more than 2,000 cases an even
    sample is drawn.

    Parameters
    ----------
    points : DataFrame of shape (n, k + 1)
        Points of probability per feature, and ``remainder``, as `ConversionModel.explain` gives them.
    X : DataFrame
        The feature table of the same rows.
    lang : {"en", "zh"}
    n_shown : int
        Reasons drawn.

    Returns
    -------
    bytes
        PNG.
    """
    step = max(1, -(-len(points) // MAX_CASES))
    features = points.drop(columns=REMAINDER, errors="ignore").iloc[::step]
    by_reason = summed_by(features, reason_code)
    strongest = importance(by_reason)["name"].head(n_shown).tolist()
    leading = importance(features).assign(code=lambda table: table["name"].map(reason_code))
    names = leading.drop_duplicates("code").set_index("code")["name"][strongest]
    ranks = value_ranks(X.iloc[::step].reindex(columns=names.tolist()))
    return beeswarm(
        by_reason[strongest],
        ranks,
        labels=[_short(label(code, lang)) for code in strongest],
        x_label=X_MANY.in_language(lang),
        colour_label=VALUE.in_language(lang),
        low_high=(LOW.in_language(lang), HIGH.in_language(lang)),
    )


def _without_cases(reason: Reason) -> dict[str, object]:
    return {**(reason.get("evidence") or {}), "n": 0}


def _short(text: str) -> str:
    # A dollar sign would begin a formula.
    text = text.replace("$", r"\$")
    return text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1] + "…"
