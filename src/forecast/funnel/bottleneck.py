"""The bottleneck in money: what the return of a stage to its own best quarter would bring."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaln

from forecast.funnel.chain import transition_draws, win_chances
from forecast.funnel.pace import CONVERTS, DROPS, Pace, Spans, stage_pace
from forecast.funnel.stages import stage_limits
from forecast.funnel.visits import Visits
from forecast.history import naive_utc

Floats = NDArray[np.float64]

#: A quarter with fewer expected moves forward is neither "now" nor "best".
MIN_EXPECTED = 5.0
#: Chance, by the posterior, that a stage named as the bottleneck is none, over all stages together: a stage is named
#: from a probability of 1 - this / n_stages on. With it the 80 % interval of the value lies above 0.
FALSE_CLAIM = 0.1
#: Arrivals are those of the last days.
_RECENT_DAYS = 365
_QUARTER_DAYS = 365.25 / 4
#: Spread of a stage's pace between quarters that is thought possible, and how likely beforehand: half-normal. No stage
#: is perfectly steady: with spreads down to 0 thought possible, intervals were found too narrow where paces do vary.
_SPREADS = np.linspace(0.05, 1.0, 60)
_USUAL_SPREAD = 1.0


@dataclass(frozen=True)
class Drawn:
    """Draws of what the whole funnel does.

    ``rows`` (n_draws, n_stages, n_stages + 2), ``arrivals`` (n_draws, n_stages) per quarter, ``amount`` (n_draws,).
    """

    rows: Floats
    arrivals: Floats
    amount: Floats


def bottlenecks(
    visits: Visits, spans: Spans, *, n_draws: int = 400, level: float = 80.0, random_state: int = 0
) -> pd.DataFrame:
    """For each stage what its own best quarter's pace would bring a quarter, against its present one.

    In each quarter the hazards forward and out are multiples of the usual ones; the multiples of a stage vary around 1
    by a spread that is learned from all its quarters, so that a quarter is believed to have been good only as far as
    its number of cases supports (gamma-Poisson shrinkage, the spread integrated out [1]_). The best quarter is the
    one with the highest conversion after that. Its pace put in place of the present one, the funnel solved again, times
    the arrivals of a quarter and the mean won amount gives the value. The interval joins draws of the multiples with a
    Bayesian bootstrap of whole cases [2]_.

    Parameters
    ----------
    visits : Visits
    spans : Spans
        Quarters; the last one is "now".
    n_draws : int
    level : float in (0, 100)
        Of the intervals, percent.
    random_state : int

    Returns
    -------
    DataFrame
        One row per stage, in order: ``stage``, ``now`` and ``best`` (labels of quarters), ``n_now`` (moves forward and
        out in the present quarter), ``conversion_now``, ``conversion_best``, ``conversion_gain`` with
        ``conversion_gain_low`` and ``conversion_gain_high``, ``extra_wins`` a quarter, ``value`` with ``value_low``
        and ``value_high`` (reporting currency a quarter; missing without won amounts), ``p_gain``: probability that
        the best quarter's pace wins more than the present one, ``is_bottleneck``: the stage with the highest value
        among those with ``p_gain`` of at least 1 - `FALSE_CLAIM` / n_stages. Missing where there are too few cases or
        quarters; ``best`` = ``now`` and zeros where the present quarter is the best.

    References
    ----------
    .. [1] Clayton & Kaldor (1987), Empirical Bayes estimates of age-standardized relative risks. Biometrics 43.
    .. [2] Rubin (1981), The Bayesian bootstrap. Annals of Statistics 9.
    """
    rng = np.random.default_rng(random_state)
    n_stages = len(visits.stages)
    drawn = _draw_funnel(visits, n_stages, n_draws, rng)
    lines = []
    for place, stage in enumerate(visits.stages):
        frame = visits.frame[visits.frame["position"] == place]
        line = _line(stage_pace(frame, spans), spans, place, drawn, level, rng) if len(frame) else {}
        lines.append({"stage": stage, **line})
    columns = [
        "stage", "now", "best", "n_now", "conversion_now", "conversion_best", "conversion_gain", "conversion_gain_low",
        "conversion_gain_high", "extra_wins", "value", "value_low", "value_high", "p_gain",
    ]  # fmt: skip
    table = pd.DataFrame(lines, columns=columns)
    worth = table["value"].fillna(table["extra_wins"]).where(table["p_gain"] >= 1 - FALSE_CLAIM / max(n_stages, 1))
    return table.assign(is_bottleneck=(worth == worth.max()) & worth.notna())


def _line(
    pace: Pace, spans: Spans, place: int, drawn: Drawn, level: float, rng: np.random.Generator
) -> dict[str, object]:
    """One stage's present and best quarter, and what lies between them."""
    enough = pace.expected[:, CONVERTS] >= MIN_EXPECTED
    n_draws = len(drawn.rows)
    multiples = [factor_draws(pace.observed[:, k], pace.expected[:, k], n_draws, rng) for k in (CONVERTS, DROPS)]
    forward, out = pace.conversion(*multiples)
    if not enough[-1] or enough.sum() < 2:
        return {"now": spans.labels[-1]}
    typical = np.where(enough, forward.mean(axis=0), -np.inf)
    best, now = int(np.argmax(typical)), len(enough) - 1
    gain = forward[:, best] - forward[:, now]
    wins = [win_chances(_with_row(drawn.rows, place, forward[:, k], out[:, k])) for k in (best, now)]
    extra = ((wins[0] - wins[1]) * drawn.arrivals).sum(axis=1)
    value = extra * drawn.amount
    line: dict[str, object] = {"now": spans.labels[now], "best": spans.labels[best]}
    line |= {"n_now": int(pace.observed[now].sum()), "extra_wins": float(extra.mean())}
    line |= {
        "conversion_now": float(typical[now]),
        "conversion_best": float(typical[best]),
        "conversion_gain": float(gain.mean()),
    }
    line |= {"value": float(value.mean()), "p_gain": 0.0 if best == now else float((extra > 0).mean())}
    tails = [(100 - level) / 2, (100 + level) / 2]
    for name, draws in (("conversion_gain", gain), ("value", value)):
        low, high = np.percentile(draws, tails) if np.isfinite(draws).all() else (np.nan, np.nan)
        line |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return line


def factor_draws(observed: Floats, expected: Floats, n_draws: int, rng: np.random.Generator) -> Floats:
    """Draws of the true factor of each span on the usual hazard, given observed and expected endings.

    The factors are gamma distributed around 1 with an unknown spread, endings are Poisson given them.

    Parameters
    ----------
    observed, expected : arrays of shape (n_spans,)
    n_draws : int
    rng : Generator

    Returns
    -------
    array of shape (n_draws, n_spans)
    """
    shape = _SPREADS[:, None] ** -2
    fit = (
        gammaln(shape + observed)
        - gammaln(shape)
        + shape * np.log(shape)
        - (shape + observed) * np.log(shape + expected)
    )
    log_weight = fit.sum(axis=1) - 0.5 * (_SPREADS / _USUAL_SPREAD) ** 2
    weight = np.exp(log_weight - log_weight.max())
    spread = rng.choice(_SPREADS, size=n_draws, p=weight / weight.sum())
    prior = spread[:, None] ** -2
    return np.asarray(rng.gamma(prior + observed) / (prior + expected))


def _with_row(rows: Floats, place: int, forward: Floats, out: Floats) -> Floats:
    """The funnel with other shares forward and out of one stage, to the same places in the same proportions."""
    n_stages = rows.shape[1]
    ahead = np.append(np.arange(n_stages) > place, [True, False])
    row = rows[:, place]
    parts = []
    for mask, share in ((ahead, forward), (~ahead, out)):
        total = (row * mask).sum(axis=1, keepdims=True)
        parts.append(np.divide(row * mask, total, out=np.zeros_like(row), where=total > 0) * share[:, None])
    changed = rows.copy()
    changed[:, place] = parts[0] + parts[1]
    return changed


def _draw_funnel(visits: Visits, n_stages: int, n_draws: int, rng: np.random.Generator) -> Drawn:
    """Bayesian bootstrap of whole cases, in blocks that fit into memory."""
    frame, won = visits.frame, visits.won[visits.won["amount"].notna()]
    case, names = pd.factorize(frame["case_id"])
    of_won = pd.Index(names).get_indexer(pd.Index(won["case_id"]))
    won, of_won = won[of_won >= 0], of_won[of_won >= 0]
    limits = stage_limits(frame, n_stages)
    end = pd.Timestamp(naive_utc(visits.end))
    watched = min(_RECENT_DAYS, max((end - frame["born"].min()).days, 1)) if len(frame) else _RECENT_DAYS
    starts = ((frame["visit"] == 1) & (frame["born"] >= end - pd.Timedelta(days=watched))).to_numpy()
    first = (frame["position"].to_numpy()[starts, None] == np.arange(n_stages)).astype(float)
    parts = []
    block = int(np.clip(4_000_000 // max(len(frame), 1), 1, n_draws))
    for done in range(0, n_draws, block):
        weight = rng.exponential(size=(len(names), min(block, n_draws - done)))
        of_stay = weight[case]
        rows = transition_draws(frame, n_stages, limits, of_stay)
        arrivals = of_stay[starts].T @ first * (_QUARTER_DAYS / watched)
        paid = weight[of_won]
        amount = (
            (won["amount"].to_numpy(dtype=float) @ paid) / paid.sum(axis=0)
            if len(won)
            else np.full(paid.shape[1], np.nan)
        )
        parts.append((rows, arrivals, amount))
    rows, arrivals, amounts = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Drawn(rows, arrivals, amounts)
