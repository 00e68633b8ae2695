"""What users know already: weighted pipeline, the reps' own categories, last year with growth."""

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.history import in_force, sql_moment
from forecast.outlook.ledger import counts_deals
from forecast.outlook.outlook import UNASSIGNED
from forecast.outlook.revenue import Revenue, naive, read_revenue
from forecast.outlook.units import COLUMNS
from forecast.periods import Period
from forecast.settings import Settings

#: Columns of `baselines`, in the order in which they are shown.
BASELINES = ("weighted_pipeline", "category_commit", "category_best", "last_year")

#: Categories that a rep calls certain, and those that may come on top; compared without case and punctuation.
COMMIT, BEST_CASE = ("commit", "committed", "closed"), ("bestcase", "upside", "mostlikely", "probable")

#: Growth is learned from at least this many days that were known a year before, and believed within these factors.
MIN_GROWTH_DAYS, MAX_GROWTH = 28, 3.0
#: Where no year before is known, the daily mean of this many periods stands for it.
PERIODS_IN_MEAN = 3
_YEAR = timedelta(days=364)  # whole weeks: a Monday meets a Monday


def baselines(
    con: DuckDBPyConnection,
    period: Period,
    as_of: datetime,
    settings: Settings,
    *,
    by: str = "owner",
    measure: str = "revenue",
) -> pd.DataFrame:
    """Revenue of a period by the rules that a company uses without a model, from what was known at ``as_of``.

    Of another measure the same rules: an open opportunity stands for its margin, or for one win.

    Each is what is booked so far, and

    - ``weighted_pipeline``: the amounts of open opportunities expected in the period, each by the share of decided
      opportunities that were ever in its stage and won. One without an expected date is expected the median cycle of
      wins after it was created, or now if that is past.
    - ``category_commit``: open opportunities that their rep calls commit, expected in the period by the rep's date;
      ``category_best``: those, and what is called best case.
    - ``last_year``: what the rest of the same period brought a year ago, times the company's growth over the past
      year; where the year before is not known, the daily mean of the last three periods.

    Parameters
    ----------
    con : DuckDB connection
        With the histories of the canonical tables.
    period : Period
    as_of : datetime, UTC-aware
    settings : Settings
    by : {"owner", "region", "category"}
    measure : {"revenue", "margin", "wins", "units", "activities"}
        See `forecast.outlook.ledger.read_ledger`.

    Returns
    -------
    DataFrame
        Index ``owner_id`` (``region``, ``category``), sorted; columns `BASELINES`, money in the reporting currency. NaN
        in every row where a rule has nothing to go by: opportunities do not count, none was ever decided, none has a
        category.

    Raises
    ------
    DataUnavailable
        If an amount has no exchange rate.
    InvalidInput
        If there is no such measure.
    """
    revenue = read_revenue(con, as_of, settings, measure)
    booked = revenue.between(period.start(settings.zone), period.end(settings.zone), by)
    columns = {"last_year": _last_year(revenue, period, as_of, settings, by)}
    if counts_deals(measure, settings):
        columns |= _pipeline(con, _open_deals(con, revenue.open, as_of, COLUMNS[by]), period, as_of, settings)
    known = {name: column for name, column in columns.items() if column is not None}
    frame = pd.DataFrame(known, dtype=float).reindex(columns=list(BASELINES))
    frame = frame.reindex(frame.index.union(booked.index)).sort_index()
    said = list(known)
    frame[said] = frame[said].fillna(0.0).add(booked.reindex(frame.index).fillna(0.0), axis=0)
    return frame.rename_axis(COLUMNS[by])


def last_year(period: Period) -> tuple[date, date]:
    """First and last day of the same period a year before: of a week, 52 weeks before."""
    if period.days <= 7:
        return period.first - _YEAR, period.last - _YEAR
    after = period.last + timedelta(days=1)  # the first of a month, as ``first`` is: both exist every year
    return period.first.replace(year=period.first.year - 1), after.replace(year=after.year - 1) - timedelta(days=1)


def _pipeline(
    con: DuckDBPyConnection, deals: pd.DataFrame, period: Period, as_of: datetime, settings: Settings
) -> dict[str, pd.Series | None]:
    """Weighted pipeline and categories of open deals, without what is booked."""
    rates, rate, cycle = _stage_rates(con, as_of)
    today = pd.Timestamp(as_of.astimezone(settings.zone).date())
    stated = pd.to_datetime(deals["expected_close_date"])
    by_cycle = (deals["created_at"] + pd.Timedelta(days=cycle)).dt.normalize()
    due = stated.fillna(by_cycle.where(by_cycle > today, today))
    first, last = pd.Timestamp(period.first), pd.Timestamp(period.last)
    weight = deals["stage"].map(rates).fillna(rate)
    label = deals["forecast_category"].str.lower().str.replace(r"[^a-z]", "", regex=True)
    said = stated.between(first, last)

    def by_unit(amount: pd.Series) -> pd.Series:
        return amount.groupby(deals["unit"]).sum()

    has_category = bool(label.notna().any())
    return {
        "weighted_pipeline": None if np.isnan(rate) else by_unit(deals["amount"] * weight * due.between(first, last)),
        "category_commit": by_unit(deals["amount"] * (said & label.isin(COMMIT))) if has_category else None,
        "category_best": by_unit(deals["amount"] * (said & label.isin(COMMIT + BEST_CASE))) if has_category else None,
    }


def _open_deals(con: DuckDBPyConnection, live: pd.DataFrame, as_of: datetime, unit: str) -> pd.DataFrame:
    """Open opportunities of a ledger with what their reps say; an unknown amount counts nothing, as in a CRM."""
    said = con.execute(
        "SELECT opportunity_id AS entity_id, stage, coalesce(created_at, TIMESTAMP '1970-01-01') AS created_at, "
        f"expected_close_date, forecast_category FROM {in_force('opportunities', as_of)} "
        "WHERE outcome IS NULL AND closed_at IS NULL"
    ).df()
    deals = live[["entity_id", unit, "asked"]].rename(columns={unit: "unit", "asked": "amount"})
    deals = deals.merge(said, on="entity_id", how="left", validate="one_to_one")
    units = deals["unit"].astype(object)
    return deals.assign(unit=units.where(units.notna(), UNASSIGNED), amount=deals["amount"].fillna(0.0)).astype(
        dict.fromkeys(("unit", "stage", "forecast_category"), "object")
    )


def _stage_rates(con: DuckDBPyConnection, as_of: datetime) -> tuple[dict[str, float], float, float]:
    """Win rate by stage ever passed, win rate of all (NaN while none is decided), median days to a win (0 for none)."""
    ended = f"(SELECT * FROM {in_force('opportunities', as_of)} WHERE outcome IN ('won', 'lost'))"
    row = con.execute(
        "SELECT avg(CAST(outcome = 'won' AS DOUBLE)), median(epoch(closed_at) - epoch(created_at)) "
        f"FILTER (outcome = 'won') / 86400 FROM {ended}"
    ).fetchone()
    rate, cycle = row or (None, None)
    rates = con.execute(
        f"""
        SELECT passed.stage, avg(CAST(ended.outcome = 'won' AS DOUBLE))
        FROM (SELECT DISTINCT opportunity_id, stage FROM opportunities WHERE known_from < {sql_moment(as_of)}
              AND known_from < known_to AND outcome IS NULL AND closed_at IS NULL AND stage IS NOT NULL) AS passed
        JOIN {ended} AS ended USING (opportunity_id) GROUP BY passed.stage
        """
    ).fetchall()
    return dict(rates), float("nan") if rate is None else float(rate), max(float(cycle or 0), 0.0)


def _last_year(revenue: Revenue, period: Period, as_of: datetime, settings: Settings, by: str) -> pd.Series | None:
    """What is left of the period, by last year or by the last periods; None while no revenue is known."""
    start, end = period.start(settings.zone), period.end(settings.zone)
    if revenue.first is None or revenue.rows.empty:
        return None
    first_before, last_before = last_year(period)
    before = Period("", first_before, last_before)
    start_before, end_before = before.start(settings.zone), before.end(settings.zone)
    if revenue.first <= naive(start_before):
        passed = max(as_of - start, timedelta())
        return revenue.between(start_before + passed, end_before, by) * growth(revenue, as_of)
    history = (naive(as_of) - revenue.first) / pd.Timedelta(days=1)
    days = min(PERIODS_IN_MEAN * period.days, history)
    left = max((end - max(start, as_of)) / timedelta(days=1), 0.0)
    return revenue.between(as_of - timedelta(days=days), as_of, by) * (left / days if days > 0 else 0.0)


def growth(revenue: Revenue, as_of: datetime) -> float:
    """The company's revenue of up to a year before ``as_of`` over that of the same days a year earlier.

    1 where less than four weeks are known on both sides, or nothing came in then; at most 3 and at least 1/3.
    """
    if revenue.first is None:
        return 1.0
    known = naive(as_of) - revenue.first - _YEAR
    span = min(known, pd.Timedelta(_YEAR)).to_pytimedelta()
    if span < timedelta(days=MIN_GROWTH_DAYS):
        return 1.0
    now = float(revenue.between(as_of - span, as_of).sum())
    then = float(revenue.between(as_of - _YEAR - span, as_of - _YEAR).sum())
    return float(np.clip(now / then, 1 / MAX_GROWTH, MAX_GROWTH)) if then > 0 else 1.0
