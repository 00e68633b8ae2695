"""The live record: probabilities that were given in the past, against what came."""

from typing import Any

import pandas as pd

from forecast.evaluation.breakdown import breakdown, by_month
from forecast.evaluation.reliability import reliability_curve

#: Row over all months.
ALL = "all"


def live_record(given: pd.DataFrame, *, level: float = 95.0) -> pd.DataFrame:
    """How often what was given came true, by the month in which it was given, and over all.

    Parameters
    ----------
    given : DataFrame
        ``entity_id``, ``as_of`` (moment), ``probability``, ``came`` (1.0 or 0.0); one row per score whose time is over.
    level : float in (0, 100)
        Percent, of the interval; it counts cases, not scores.

    Returns
    -------
    DataFrame
        ``month`` (``all`` first, then the latest first), ``n_scores``, ``n_cases``, ``expected`` and ``came`` (sums),
        ``said`` and ``rate`` (means), ``gap`` (rate less said) with ``gap_low`` and ``gap_high``, ``verdict`` as of
        `forecast.evaluation.breakdown.breakdown`.
    """
    columns = [
        "month",
        "n_scores",
        "n_cases",
        "expected",
        "came",
        "said",
        "rate",
        "gap",
        "gap_low",
        "gap_high",
        "verdict",
    ]
    if given.empty:
        return pd.DataFrame(columns=columns)
    months = by_month(given["as_of"])
    parts = [_parted(given, pd.Series(ALL, index=given.index), level), _parted(given, months, level).iloc[::-1]]
    return pd.concat(parts, ignore_index=True)[columns]


def live_curve(given: pd.DataFrame, *, n_bins: int = 10) -> pd.DataFrame:
    """`reliability_curve` of the scores that were given."""
    return reliability_curve(
        given["came"].to_numpy(), given["probability"].to_numpy(), clusters=given["entity_id"].to_numpy(), n_bins=n_bins
    )


def _parted(given: pd.DataFrame, by: "pd.Series[Any]", level: float) -> pd.DataFrame:
    came, said = given["came"].to_numpy(dtype=float), given["probability"].to_numpy(dtype=float)
    table = breakdown(came, said, by, clusters=given["entity_id"].to_numpy(), level=level)
    table = table.rename(
        columns={
            "group": "month", "n_rows": "n_scores", "n_entities": "n_cases", "win_rate": "rate",
            "mean_probability": "said",
        }
    )  # fmt: skip
    expected, came_sum = table["said"] * table["n_scores"], table["rate"] * table["n_scores"]
    return table.assign(expected=expected.round(6), came=came_sum.round(6))
