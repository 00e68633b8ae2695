"""What was known of a case when a person got it, and nothing that stands for the person."""

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.features import build_features, describe, feature_columns

#: Families that describe the case and its customer. Results of the owner, of the account with the owner and of the
#: owner's customers are left out: they are what the person did before.
FAMILIES = ("attributes", "calendar", "purchases", "stage")
#: Also left out: what a rep guesses about the outcome, moves of a case before (a rep's work), and the date.
LEFT_OUT = (
    "attributes__forecast_category",
    *(f"calendar__{name}" for name in ("weekday", "day_of_month", "month", "days_to_month_end", "days_to_quarter_end")),
    *(f"stage__{name}" for name in ("previous", "changes", "moves_back", "pace", "days_in")),
)
#: A category whose cases lie with fewer people than this, on average, stands for the person.
MIN_PEOPLE = 3.0
#: Up to so many values a number is judged like a category.
_FEW_VALUES = 50


def features_at_hand_over(con: DuckDBPyConnection, entity: str, held: pd.DataFrame, zone: ZoneInfo) -> pd.DataFrame:
    """Features of cases at the moment when somebody got them.

    Parameters
    ----------
    held : DataFrame
        ``case_id``, ``got_at`` (TIMESTAMP, UTC), each pair once.

    Returns
    -------
    DataFrame
        ``case_id``, ``got_at``, then features.
    """
    # A version counts strictly after its own moment: the one that gave the case to the person must be seen.
    just_after = pd.to_datetime(held["got_at"], utc=True) + pd.Timedelta(microseconds=1)
    spine = pd.DataFrame({"entity_id": held["case_id"].to_numpy(), "as_of": just_after.to_numpy()})
    spine["as_of"] = pd.to_datetime(spine["as_of"], utc=True)
    features = build_features(con, spine, entity, FAMILIES, zone=zone)
    kept = [name for name in feature_columns(features) if name not in LEFT_OUT and describe(name).effort != "activity"]
    got_at = (features["as_of"] - pd.Timedelta(microseconds=1)).dt.tz_localize(None).astype("datetime64[us]")
    return pd.concat(
        [features[["entity_id"]].rename(columns={"entity_id": "case_id"}), got_at.rename("got_at"), features[kept]],
        axis=1,
    )


def without_proxies(X: pd.DataFrame, person: "pd.Series[str]") -> tuple[pd.DataFrame, list[str]]:
    """Features without those that stand for the person, and the names of those.

    A value belongs to ``1 / Σ share²`` people in effect, by their shares of its cases; a feature with few values stands
    for the person when the mean of that over cases is below three (in a company of few: nearer to one than to all).

    Parameters
    ----------
    X : DataFrame of shape (n, k)
    person : Series of shape (n,)

    Returns
    -------
    DataFrame, list of str
    """
    least = min(MIN_PEOPLE, (1 + _effective(person, pd.Series(0, index=person.index))) / 2)
    proxies = [
        str(name)
        for name in X
        if (X[name].dtype == object or X[name].nunique() <= _FEW_VALUES) and _effective(person, X[name]) < least
    ]
    return X.drop(columns=proxies), proxies


def _effective(person: "pd.Series[str]", value: "pd.Series[str]") -> float:
    """Mean over cases of the effective number of people that share the case's value."""
    codes = pd.factorize(value, use_na_sentinel=False)[0]
    people = pd.factorize(person)[0]
    cells = np.bincount(codes * (people.max() + 1) + people, minlength=(codes.max() + 1) * (people.max() + 1))
    table = cells.reshape(codes.max() + 1, people.max() + 1).astype(float)
    total = table.sum(axis=1)
    effective = total**2 / np.maximum((table**2).sum(axis=1), 1)
    return float((effective * total).sum() / total.sum())
