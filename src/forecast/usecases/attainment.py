"""Where the targets of a period stand at a moment: attainment, pace, coverage and odds."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from forecast.errors import InvalidInput
from forecast.features import open_entities
from forecast.history import in_force
from forecast.outlook import UNASSIGNED, Outlook
from forecast.outlook.ledger import Ledger, read_ledger
from forecast.ports import Lake, Store
from forecast.settings import Settings
from forecast.targets.attainment import attainment_table
from forecast.targets.pace import Course, usual_course
from forecast.usecases.target_history import previous_periods, targets_in_force

Floats = NDArray[np.float64]

#: Past periods from which the usual course is learned, at most.
_MAX_PERIODS = 12


@dataclass(frozen=True)
class Attainment:
    """Where targets stand.

    Attributes
    ----------
    table : DataFrame
        See `forecast.targets.attainment.attainment_table`.
    version : int or None
        Of the targets; None for those that came from the CRM.
    n_past_periods : int
        From how many past periods the usual course was learned.
    """

    table: pd.DataFrame
    version: int | None
    n_past_periods: int


def attainment(
    lake: Lake,
    store: Store,
    settings: Settings,
    outlook: Outlook,
    *,
    version: int | None = None,
    batch: int | None = None,
) -> Attainment:
    """Attainment, pace, coverage and odds of the targets that are in force at the moment of an outlook.

    Parameters
    ----------
    outlook : Outlook
        Of the period and the measure, by owner.
    version : int, optional
        These targets, whenever they were approved; default the last version in force at the outlook's ``as_of``.

    Raises
    ------
    InvalidInput
        If no targets were in force, or there is no such version.
    """
    batch = lake.head() if batch is None else batch
    period, as_of = outlook.period, outlook.as_of
    held = targets_in_force(lake, store, period, as_of, outlook.measure, version=version, batch=batch)
    if held is None:
        raise InvalidInput(
            f"No {outlook.measure} targets of {period.label} were in force at {as_of:%Y-%m-%d %H:%M:%SZ}; approve some "
            "with `forecast targets approve`, or name the `version` of later ones."
        )
    with lake.connect(batch) as con:
        ledger = read_ledger(con, _all_open(con, as_of, settings), as_of, settings, outlook.measure)
        pipeline = due_pipeline(con, ledger, outlook)
    course = learn_course(ledger, outlook, settings)
    return Attainment(attainment_table(outlook, held.amounts, course, pipeline), held.version, course.n_periods)


def learn_course(ledger: Ledger, outlook: Outlook, settings: Settings) -> Course:
    """The usual course of the period up to the outlook's moment, from complete past periods of the same kind."""
    zone, as_of = settings.zone, outlook.as_of
    start, end = outlook.period.start(zone), outlook.period.end(zone)
    share_elapsed = float(np.clip((as_of - start) / (end - start), 0, 1))
    won, orders = ledger.won, ledger.orders
    booked_at = pd.to_datetime(pd.concat([won["closed_at"], orders["ordered_at"]]), utc=True)
    owner_id = pd.concat([won["owner_id"].astype(object), orders["owner_id"].astype(object)])
    amount = np.nan_to_num(np.append(won["amount"].to_numpy(dtype=float), orders["amount"].to_numpy(dtype=float)))
    first = None if ledger.first is None else pd.Timestamp(ledger.first, tz="UTC")
    past = [
        one
        for one in previous_periods(outlook.period, _MAX_PERIODS, fiscal_year_start=settings.fiscal_year_start)
        if first is not None and first <= one.start(zone) and one.end(zone) <= as_of
    ]
    elapsed = np.full(len(booked_at), np.nan)
    for one in past:
        at = ((booked_at - one.start(zone)) / (one.end(zone) - one.start(zone))).to_numpy(dtype=float)
        elapsed = np.where((at >= 0) & (at < 1), at, elapsed)
    used = ~np.isnan(elapsed)
    owner = _codes(owner_id, outlook)
    return usual_course(
        elapsed[used],
        owner[used],
        amount[used],
        share_elapsed=share_elapsed,
        n_periods=len(past),
        n_owners=len(outlook.owners),
    )


def due_pipeline(con: DuckDBPyConnection, ledger: Ledger, outlook: Outlook) -> Floats:
    """Amount of the open opportunities of each owner that are expected, by the rep, to close by the period's end.

    Missing for everybody where no open opportunity says when it is expected to close.
    """
    said = con.execute(
        f"SELECT opportunity_id, expected_close_date <= $1 AS is_due FROM {in_force('opportunities', outlook.as_of)} "
        "WHERE expected_close_date IS NOT NULL",
        [outlook.period.last],
    ).df()
    if not ledger.open["entity_id"].isin(said["opportunity_id"]).any():
        return np.full(len(outlook.owners), np.nan)
    rows = ledger.open[ledger.open["entity_id"].isin(said.loc[said["is_due"], "opportunity_id"])]
    owner, amount = (
        _codes(rows["owner_id"].astype(object), outlook),
        np.nan_to_num(rows["amount"].to_numpy(dtype=float)),
    )
    known = owner >= 0
    return np.asarray(np.bincount(owner[known], amount[known], len(outlook.owners)), dtype=float)


def _all_open(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> pd.DataFrame:
    """Scores that say nothing, so that the ledger lists every open opportunity at the amount asked."""
    spine = open_entities(con, "opportunity", as_of)
    return spine[["entity_id"]].assign(entity="opportunity", **{f"p_{days}d": 0.0 for days in settings.horizons_days})


def _codes(owner_id: pd.Series, outlook: Outlook) -> NDArray[np.int64]:
    names = owner_id.where(owner_id.notna(), UNASSIGNED)
    return np.asarray(pd.Index(outlook.owners, dtype=object).get_indexer(pd.Index(names)), dtype=np.int64)
