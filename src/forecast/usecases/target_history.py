"""Which targets hold: the approved version in force at a moment, else what the CRM had; and the last ones before."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

import pandas as pd

from forecast.errors import InvalidInput
from forecast.periods import Period, period_of
from forecast.ports import Lake, Store

KIND_OF_FORM = {r"\d{4}-\d{2}": "month", r"\d{4}Q\d": "quarter", r"FY\d{4}": "year", r"\d{4}-W\d{2}": "week"}

#: Other names that CRMs have for a measure.
_ALSO_CALLED = {"revenue": ("revenue", "bookings")}


@dataclass(frozen=True)
class HeldTargets:
    """Targets that hold.

    Attributes
    ----------
    amounts : dict of (owner_kind, owner_id) to amount
    version : int or None
        Of the approval; None for targets that came from the CRM.
    currency : str
    """

    amounts: dict[tuple[str, str], float]
    version: int | None
    currency: str


def targets_in_force(
    lake: Lake,
    store: Store,
    period: Period,
    as_of: datetime,
    measure: str,
    *,
    version: int | None = None,
    batch: int | None = None,
) -> HeldTargets | None:
    """The last version that was approved and in effect before ``as_of``, else the targets that the CRM had then.

    Parameters
    ----------
    version : int, optional
        This version, whenever it was approved.

    Returns
    -------
    HeldTargets or None
        None when there were no targets of the measure.

    Raises
    ------
    InvalidInput
        If there is no such version.
    """
    approved = store.approved_targets(period.label)
    approved = approved[approved["measure"] == measure]
    if version is not None:
        if not (approved["version"] == version).any():
            known = sorted(set(approved["version"].tolist()))
            raise InvalidInput(f"Targets of {period.label} have no version {version} of {measure}; there are {known}.")
        return _held(approved[approved["version"] == version], version)
    holds = approved[(approved["approved_at"] <= as_of) & (approved["effective_from"] <= as_of)]
    if len(holds):
        last = int(holds["version"].max())
        return _held(holds[holds["version"] == last], last)
    imported = lake.table("targets", as_of, batch)
    if imported.empty or not {"period", "measure", "owner_kind", "owner_id"} <= set(imported):
        return None
    names = _ALSO_CALLED.get(measure, (measure,))
    of_period = (imported["period"] == period.label) & imported["measure"].isin(names) & imported["amount"].notna()
    return _held(imported[of_period], None) if of_period.any() else None


@dataclass(frozen=True)
class ShownTargets:
    """Which targets of a period to show.

    Attributes
    ----------
    version : int or None
        Of the approval; None for targets that came from the CRM.
    is_later : bool
        Approved only after the moment that is looked at.
    """

    version: int | None
    is_later: bool = False


def targets_to_show(
    lake: Lake, store: Store, period: Period, as_of: datetime, measure: str, *, batch: int | None = None
) -> ShownTargets | None:
    """The targets in force at a moment; where none were, the last that were approved since; None without any."""
    held = targets_in_force(lake, store, period, as_of, measure, batch=batch)
    if held is not None:
        return ShownTargets(held.version)
    approved = store.approved_targets(period.label)
    later = approved.loc[approved["measure"] == measure, "version"]
    return ShownTargets(int(later.max()), is_later=True) if len(later) else None


def version_changes(approved: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Every approved target beside the one of the version before.

    Parameters
    ----------
    approved : DataFrame
        Approved versions of one period, as the store gives them.
    measure : str

    Returns
    -------
    DataFrame
        ``version``, ``author``, ``approved_at``, ``effective_from``, ``basis``, ``owner_kind``, ``owner_id``,
        ``amount``, ``before`` (missing in the first version and for who had none), ``change``. Latest version first.
    """
    of_measure = approved[approved["measure"] == measure].astype({"amount": float})
    versions = sorted(set(of_measure["version"].tolist()))
    earlier = of_measure[["version", "owner_kind", "owner_id", "amount"]].rename(columns={"amount": "before"})
    after = dict(pairwise(versions))
    earlier = earlier.assign(version=earlier["version"].map(after)).dropna(subset=["version"]).astype({"version": int})
    found = of_measure.merge(earlier, on=["version", "owner_kind", "owner_id"], how="left", validate="one_to_one")
    columns = ["version", "author", "approved_at", "effective_from", "basis", "owner_kind", "owner_id", "amount"]
    found = found.assign(change=(found["amount"] - found["before"]).round(4))[[*columns, "before", "change"]]
    return found.sort_values(["version", "owner_kind", "owner_id"], ascending=[False, True, True], ignore_index=True)


def last_targets(
    lake: Lake,
    store: Store,
    period: Period,
    as_of: datetime,
    measure: str,
    *,
    fiscal_year_start: int,
    batch: int | None = None,
) -> dict[str, float]:
    """What a change is of: the targets in force of the period itself, else of the period before; by owner or team."""
    before = previous_periods(period, 1, fiscal_year_start=fiscal_year_start)[0]
    for one in (period, before):
        held = targets_in_force(lake, store, one, as_of, measure, batch=batch)
        if held is not None:
            return {owner: amount for (kind, owner), amount in held.amounts.items() if kind != "company"}
    return {}


def previous_periods(period: Period, n: int, *, fiscal_year_start: int) -> list[Period]:
    """The periods of the same kind just before, latest first."""
    kind = next(kind for form, kind in KIND_OF_FORM.items() if re.fullmatch(form, period.label))
    found: list[Period] = []
    first: date = period.first
    for _ in range(n):
        one = period_of(first - timedelta(days=1), kind=kind, fiscal_year_start=fiscal_year_start)
        found.append(one)
        first = one.first
    return found


def _held(rows: pd.DataFrame, version: int | None) -> HeldTargets:
    keys = zip(rows["owner_kind"].astype(str), rows["owner_id"].astype(str), strict=True)
    amounts = dict(zip(keys, rows["amount"].astype(float).tolist(), strict=True))
    currency = rows["currency"].iloc[0]
    return HeldTargets(amounts, version, "" if pd.isna(currency) else str(currency))
