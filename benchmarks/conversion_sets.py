"""The real sets on which conversion models are compared, cut as the published comparison cuts them.

Rows are in the order of time, 60 / 20 / 20: what is tuned or chosen is chosen on the middle fifth, models are fitted on
the first four fifths, and the last fifth is read once. Sets without time are split at random, stratified, with
``random_state=0``; `coil2000-caravan` in its official parts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

DATA = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True)
class ConversionSet:
    """One table with its outcome and its parts.

    Attributes
    ----------
    X : DataFrame of shape (n, k)
        Only what was known when the case could first be scored.
    y : array of shape (n,), 0.0 or 1.0
    time : array of shape (n,) or None
        Days, or the position of the row where only the order is known; ascending.
    train, valid, test : arrays of row positions
        ``train`` and ``valid`` together fit the model that ``test`` judges.
    """

    name: str
    X: pd.DataFrame
    y: np.ndarray
    time: np.ndarray | None
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Rows that may be fitted on before the test part is read."""
        return np.concatenate([self.train, self.valid])


def load_set(name: str, data: Path = DATA) -> ConversionSet:
    """One set of `SETS` by name."""
    return SETS[name](data)


def in_time(name: str, X: pd.DataFrame, y: np.ndarray, time: np.ndarray) -> ConversionSet:
    """Rows that are already in the order of time, 60 / 20 / 20."""
    first, second = int(0.6 * len(X)), int(0.8 * len(X))
    rows = np.arange(len(X))
    return ConversionSet(name, X, y, time, rows[:first], rows[first:second], rows[second:])


def bank(data: Path) -> ConversionSet:
    """`bank-additional-full` in the order of time, without ``duration``, which is known only after the call."""
    table = pd.read_parquet(data / "bank-marketing" / "bank-additional-full.parquet")
    y = table["y"].astype(str).isin(["yes", "True", "1"]).to_numpy(dtype=float)
    return in_time("bank", table.drop(columns=["y", "duration"]), y, np.arange(len(table), dtype=float))


def olist(data: Path) -> ConversionSet:
    """Marketing-qualified leads: landing page, origin and day of the first contact; won if among the closed deals."""
    folder = data / "olist-funnel"
    leads = pd.read_csv(folder / "olist_marketing_qualified_leads_dataset.csv", parse_dates=["first_contact_date"])
    deals = pd.read_csv(folder / "olist_closed_deals_dataset.csv")
    leads = leads.sort_values("first_contact_date", kind="stable", ignore_index=True)
    y = leads["mql_id"].isin(deals["mql_id"]).to_numpy(dtype=float)
    days = (leads["first_contact_date"] - pd.Timestamp(0)).dt.days.to_numpy(dtype=float)
    return in_time("olist", leads.drop(columns="mql_id"), y, days)


def crm_sales(data: Path) -> ConversionSet:
    """Closed deals of a fictitious company by day of engagement, with what was known then: there is no signal."""
    folder = data / "crm-sales-opportunities"
    deals = pd.read_csv(folder / "sales_pipeline.csv", parse_dates=["engage_date"])
    deals = deals[deals["deal_stage"].isin(["Won", "Lost"])].sort_values("engage_date", kind="stable")
    deals["product"] = deals["product"].replace("GTXPro", "GTX Pro")
    table = (
        deals.merge(pd.read_csv(folder / "accounts.csv"), on="account", how="left")
        .merge(pd.read_csv(folder / "products.csv"), on="product", how="left")
        .merge(pd.read_csv(folder / "sales_teams.csv"), on="sales_agent", how="left")
    )
    y = (table["deal_stage"] == "Won").to_numpy(dtype=float)
    days = (table["engage_date"] - pd.Timestamp(0)).dt.days.to_numpy(dtype=float)
    static = table.drop(columns=["opportunity_id", "deal_stage", "engage_date", "close_date", "close_value"])
    return in_time("crm-sales", static, y, days)


def shoppers(data: Path) -> ConversionSet:
    """Sessions of a web shop; the set has months but no order in time."""
    table = pd.read_parquet(data / "online-shoppers" / "online_shoppers_intention.parquet")
    y = table["Revenue"].to_numpy(dtype=float)
    rows = np.arange(len(table))
    known, test = train_test_split(rows, test_size=0.2, stratify=y, random_state=0)
    train, valid = train_test_split(known, test_size=0.25, stratify=y[known], random_state=0)
    return ConversionSet("shoppers", table.drop(columns="Revenue"), y, None, train, valid, test)


def coil(data: Path) -> ConversionSet:
    """The insurance company's caravan policies, official train and evaluation parts."""
    folder = data / "coil2000-caravan"
    parts = [pd.read_parquet(folder / f"{name}.parquet") for name in ("ticdata2000", "ticeval2000_with_targets")]
    table = pd.concat(parts, ignore_index=True)
    y = table["CARAVAN"].to_numpy(dtype=float)
    known, test = np.arange(len(parts[0])), np.arange(len(parts[0]), len(table))
    train, valid = train_test_split(known, test_size=0.25, stratify=y[known], random_state=0)
    return ConversionSet("coil", table.drop(columns="CARAVAN"), y, None, train, valid, test)


SETS: dict[str, Callable[[Path], ConversionSet]] = {
    "bank": bank,
    "coil": coil,
    "crm-sales": crm_sales,
    "olist": olist,
    "shoppers": shoppers,
}
