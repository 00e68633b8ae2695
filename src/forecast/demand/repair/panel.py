"""The order in which a panel is checked and repaired."""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from forecast.demand.grid import parse_frequency
from forecast.demand.repair.duplicates import one_row_each
from forecast.demand.repair.periods import (
    Gaps,
    begin_with_a_value,
    drop_partial,
    fill_gaps,
    is_trailing,
    refuse_mixed_frequencies,
    report_lives,
    report_partial,
)
from forecast.demand.repair.report import RULES, Repair, Report
from forecast.demand.repair.rows import Flags, Rows
from forecast.demand.repair.stock import out_of_stock, out_of_stock_rows
from forecast.demand.repair.times import place_rows
from forecast.demand.repair.values import read_ids, read_values
from forecast.errors import InvalidInput, NotEnoughHistory


@dataclass(frozen=True)
class RepairedPanel:
    """A panel that keeps the rules, and what was done to it.

    Attributes
    ----------
    panel : DataFrame
        ``unique_id``, ``ds`` (on the grid of the frequency), ``y`` (NaN where unknown); sorted, one row per series and
        period.
    report : tuple of Repair
        Findings in the order of `RULES`; empty when there was nothing to say.
    """

    panel: pd.DataFrame
    report: Report


def repair_panel(
    panel: pd.DataFrame,
    freq: str | int,
    *,
    drivers: pd.DataFrame | None = None,
    now: datetime | pd.Timestamp | None = None,
    gaps: Gaps = "unknown",
    aggregate: bool = False,
) -> RepairedPanel:
    """Check a panel, repair what can be repaired in one way only, and say so.

    Dropped: copies of rows, rows without a value at the end of a series, periods not over at ``now``. Moved: moments
    beside the grid (a day stamped 13:05, month ends among month starts) when no two of a series meet. Read: numbers
    stored as text. Averaged: the hour that the end of summer time doubles. Made unknown: periods without stock in
    which nothing was sold. Reported only: gaps, negative values, a last period that looks cut short, series that end
    early, that have long zeros before their first sale or after their last one.

    Parameters
    ----------
    panel : DataFrame
        ``unique_id``, ``ds``, ``y``; optionally ``in_stock`` or ``stock``, 0 for periods without stock.
    freq : str or int
        See `parse_frequency`.
    drivers : DataFrame, optional
        Looked through for ``in_stock`` or ``stock`` only.
    now : datetime, optional
        The moment up to which the panel is complete. Without a zone it is on the panel's own clock.
    gaps : {"unknown", "zero"}
        What a period without a row means. "zero": nothing was sold, up to the end of the panel.
    aggregate : bool
        Rows of one series and period are parts of its value and are summed.

    Raises
    ------
    InvalidInput
        If the panel breaks a rule that allows more than one repair; one line that names the first case.
    NotEnoughHistory
        If no value is left.
    """
    rows, report = repair_rows(panel, freq, drivers=drivers, now=now, gaps=gaps, aggregate=aggregate)
    return RepairedPanel(rows.to_frame(), report)


def repair_rows(
    panel: pd.DataFrame,
    freq: str | int,
    *,
    drivers: pd.DataFrame | None = None,
    now: datetime | pd.Timestamp | None = None,
    gaps: Gaps = "unknown",
    aggregate: bool = False,
) -> tuple[Rows, Report]:
    """As `repair_panel`, with codes and positions instead of a frame."""
    _check_form(panel, freq, gaps)
    raw, report, no_stock = _read(panel, freq, aggregate=aggregate)
    no_stock |= out_of_stock(raw, drivers)
    stock_keys = raw.take(no_stock)
    rows, found = one_row_each(raw.sorted(), aggregate=aggregate)
    report += found
    rows, found = drop_partial(rows, now)
    report += found
    rows, found = _drop_unknown_ends(rows, stock_keys)
    report += found
    if not len(rows):
        raise NotEnoughHistory(f"The panel has no known value of `y` ({len(panel)} rows); give at least one.")
    if gaps == "unknown":
        refuse_mixed_frequencies(rows)
    rows, found = fill_gaps(rows, gaps)
    report += found
    rows, found = _forget_stock_outs(rows, stock_keys, drivers)
    report += found + ([] if now is not None else report_partial(rows)) + report_lives(rows)
    rows, found = _without_empty_series(rows)
    report += found
    return begin_with_a_value(rows), tuple(sorted(report, key=lambda one: RULES.index(one.rule)))


def _check_form(panel: pd.DataFrame, freq: str | int, gaps: Gaps) -> None:
    if not isinstance(panel, pd.DataFrame):
        raise InvalidInput(f"The panel must be a pandas DataFrame, got {type(panel).__name__}.")
    missing = [name for name in ("unique_id", "ds", "y") if name not in panel]
    if missing:
        raise InvalidInput(f"The panel is missing columns {missing}; there are {sorted(map(str, panel.columns))}.")
    twice = panel.columns[panel.columns.duplicated()]
    if len(twice):
        raise InvalidInput(f"The panel has column {twice[0]!r} twice.")
    if panel.empty:
        raise InvalidInput("The panel has no rows; give at least one observation.")
    if gaps not in ("unknown", "zero"):
        raise InvalidInput(f"`gaps` must be 'unknown' or 'zero', got {gaps!r}.")
    parse_frequency(freq)


def _read(panel: pd.DataFrame, freq: str | int, *, aggregate: bool) -> tuple[Rows, list[Repair], Flags]:
    """Rows in their order, findings, and which of them say that there was no stock."""
    codes, ids, found_ids = read_ids(panel["unique_id"])
    values, found_values = read_values(panel["y"], codes, ids, panel["ds"])
    grid, positions, found_times = place_rows(panel["ds"], freq, codes, aggregate=aggregate)
    rows = Rows(ids, codes, positions, values, grid)
    report = [*found_values, *found_ids]
    for found in found_times:
        report += rows.found(*found)
    return rows, report, out_of_stock_rows(panel)


def _drop_unknown_ends(rows: Rows, stock_keys: Rows) -> tuple[Rows, list[Repair]]:
    """Without rows that know nothing at the end of a series, unless it was out of stock; series without a value go."""
    unknown = np.isnan(rows.y)
    if not unknown.any():
        return rows, []
    known_codes = np.unique(rows.codes[~unknown])
    lost = ~np.isin(rows.codes, known_codes)
    report = rows.found("no_values", "series without any known value", "left out", lost)
    rows, unknown = rows.take(~lost), unknown[~lost]
    if not unknown.any():
        return rows, report
    end = rows.positions[~unknown].max()
    future = is_trailing(rows, unknown & ~(_listed(rows, stock_keys) & (rows.positions <= end)))
    report += rows.found("unknown_values", "rows without a value at the end of a series", "dropped", future)
    inner = unknown & ~future
    report += rows.found("unknown_values", "rows without a value", "left unknown, not 0", inner)
    return rows.take(~future), report


def _forget_stock_outs(rows: Rows, stock_keys: Rows, drivers: pd.DataFrame | None) -> tuple[Rows, list[Repair]]:
    """Zeros of periods without stock become unknown."""
    empty = (_listed(rows, stock_keys) | out_of_stock(rows, drivers)) & (rows.y == 0)
    if not empty.any():
        return rows, []
    report = rows.found("stock_out", "nothing sold and nothing in stock", "made unknown, not 0", empty)
    return replace(rows, y=np.where(empty, np.nan, rows.y)), report


def _listed(rows: Rows, others: Rows) -> Flags:
    """Which rows have the series and position of one of the others."""
    if not len(others):
        return np.zeros(len(rows), dtype=bool)
    low = min(int(rows.positions.min()), int(others.positions.min()))
    width = max(int(rows.positions.max()), int(others.positions.max())) - low + 1
    mine, theirs = rows.codes * width + rows.positions - low, others.codes * width + others.positions - low
    return np.isin(mine, theirs)


def _without_empty_series(rows: Rows) -> tuple[Rows, list[Repair]]:
    """Series without a known value are none."""
    known = np.zeros(len(rows.ids), dtype=bool)
    known[rows.codes[~np.isnan(rows.y)]] = True
    if not known.any():
        raise NotEnoughHistory("No value of `y` is known outside of periods without stock; give at least one.")
    if known.all():
        return rows, []
    lost = ~known[rows.codes]
    report = rows.found("no_values", "series that were never in stock", "left out", lost)
    kept = rows.take(~lost)
    return replace(kept, ids=rows.ids[known], codes=(np.cumsum(known) - 1)[kept.codes]), report
