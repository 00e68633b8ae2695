"""Which periods are known: the last one may be cut short, some are missing, some were never on sale."""

from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.demand.classes import is_unusual_silence
from forecast.demand.grid import Positions, TimeGrid
from forecast.demand.recipe import recipe_of
from forecast.demand.repair.report import Repair
from forecast.demand.repair.rows import Flags, Rows
from forecast.errors import InvalidInput

Gaps = Literal["unknown", "zero"]

#: Days since 1970-01-01, which was a Thursday, that leave this remainder by 7 are Mondays.
_MONDAY = 4
#: Known periods before the last one that its total is compared with.
_COMPARED = {"h": 48, "D": 14, "Q": 8, "Y": 5}
#: Steps that a coarser frequency leaves on a finer grid: (shortest, longest, its name).
_COARSER = {
    "h": ((24, 24, "day"), (168, 168, "week")),
    "D": ((7, 7, "week"), (28, 31, "month"), (90, 92, "quarter"), (365, 366, "year")),
    "W": ((13, 13, "quarter"), (52, 53, "year")),
    "M": ((3, 3, "quarter"), (12, 12, "year")),
    "Q": ((4, 4, "year"),),
}
#: So many values in a row at a coarser step are no coincidence.
_MIN_COARSE = 6


def drop_partial(rows: Rows, now: datetime | pd.Timestamp | None) -> tuple[Rows, list[Repair]]:
    """Without the periods that were not over at ``now``.

    Weeks that do not begin on a Monday may be named by their first or their last day: they are dropped when they were
    not over either way, and reported when it depends.
    """
    if now is None or rows.grid.unit == "i" or not len(rows):
        return rows, []
    moment = _wall_now(now, rows.grid)
    earliest, latest = _ends(rows.grid, rows.positions)
    running = earliest > moment
    report = rows.found("partial_period", f"periods that were not over at {now}", "dropped", running)
    open_ = ~running & (latest > moment)
    report += rows.found("maybe_partial_period", f"weeks that may not have been over at {now}", "reported only", open_)
    return rows.take(~running), report


def report_partial(rows: Rows) -> list[Repair]:
    """The last period if its total is under half of the least one before it."""
    known = ~np.isnan(rows.y)
    if not known.any() or rows.y[known].min() < 0 or rows.grid.unit == "i":
        return []
    last = int(rows.positions.max())
    n_compared = _COMPARED.get(rows.grid.unit, 13)
    place = last - rows.positions
    recent = known & (place <= n_compared)
    n_seen = np.bincount(rows.codes[recent], minlength=len(rows.ids))
    throughout = recent & (n_seen[rows.codes] == n_compared + 1)
    if not throughout.any():
        return []
    totals = np.bincount(place[throughout], weights=rows.y[throughout], minlength=n_compared + 1)
    if totals[0] >= 0.5 * totals[1:].min():
        return []
    found = f"the last period ({rows.moment(last)}) has less than half of the least before it: it may not be over"
    return rows.found("maybe_partial_period", found, "reported only; `now` would tell", throughout & (place == 0))


def refuse_mixed_frequencies(rows: Rows) -> None:
    """Refuse series that are observed at a coarser frequency than the panel's.

    Raises
    ------
    InvalidInput
        If a series of at least six values has them all a day, week, month, quarter or year apart on a finer grid.
    """
    if rows.grid.unit not in _COARSER or len(rows) < _MIN_COARSE:
        return
    starts, ends = rows.ends()
    step = np.r_[np.diff(rows.positions), 0]
    step[ends] = 0
    long = ends - starts + 1 >= _MIN_COARSE
    if not long.any() or step.max() <= 1:
        return
    low, high = step.copy(), step
    low[ends], high[ends] = np.iinfo(np.int64).max, 0
    shortest, longest = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
    for least, most, name in _COARSER[rows.grid.unit]:
        coarse = np.flatnonzero(long & (shortest >= least) & (longest <= most))
        if len(coarse):
            raise InvalidInput(
                f"{len(coarse)} of {len(starts)} series have one value a {name} though `freq` has unit "
                f"{rows.grid.unit!r} (first: {rows.ids[rows.codes[starts[coarse[0]]]]!r}); bring all to one frequency, "
                "or say gaps='zero' if there was nothing between."
            )


def fill_gaps(rows: Rows, gaps: Gaps) -> tuple[Rows, list[Repair]]:
    """Periods without a row between a series' first one and its last: left out, or 0.

    With zeros a series goes on to the end of the panel: no row then means that nothing was sold.
    """
    starts, ends = rows.ends()
    first, last = rows.positions[starts], rows.positions[ends]
    if gaps == "zero":
        last = np.full_like(last, rows.positions.max())
    n_missing = (last - first + 1) - (ends - starts + 1)
    codes = rows.codes[starts[n_missing > 0]]
    n_rows = int(n_missing.sum())
    if gaps == "unknown":
        return rows, rows.found_series("gaps", "periods without a row", "left unknown, not 0", codes, n_rows)
    report = rows.found_series("gaps", "periods without a row", "taken as 0", codes, n_rows)
    return (_with_zeros(rows, rows.codes[starts], first, last) if n_rows else rows), report


def _with_zeros(rows: Rows, codes: Positions, first: Positions, last: Positions) -> Rows:
    span = last - first + 1
    if span.sum() > 500_000_000:
        raise InvalidInput(f"Filling gaps with 0 would make {int(span.sum()):,} rows: too many; check `freq` and `ds`.")
    offset = np.cumsum(span) - span
    y = np.zeros(int(span.sum()))
    begin = np.zeros(int(codes.max()) + 1, dtype=np.int64)
    begin[codes] = offset - first
    y[begin[rows.codes] + rows.positions] = rows.y
    positions = np.arange(len(y)) - np.repeat(offset - first, span)
    return Rows(rows.ids, np.repeat(codes, span), positions, y, rows.grid)


def report_lives(rows: Rows) -> list[Repair]:
    """Series that end before the panel does, that have long zeros before their first sale, or after their last."""
    starts, ends = rows.ends()
    report: list[Repair] = []
    early = rows.positions[ends] < rows.positions.max()
    n_rows = int((rows.positions.max() - rows.positions[ends]).sum())
    done = "each is forecast from its own end"
    report += rows.found_series("ends_early", "series end before the panel", done, rows.codes[starts[early]], n_rows)
    known = ~np.isnan(rows.y)
    sold = np.flatnonzero(known & (rows.y != 0))
    if not len(sold):
        return report
    sold_codes = rows.codes[sold]
    first_sale = np.flatnonzero(np.r_[True, np.diff(sold_codes) != 0])
    codes = sold_codes[first_sale]
    first, last = sold[first_sale], sold[np.r_[first_sale[1:], len(sold)] - 1]
    n_sales = np.diff(np.r_[first_sale, len(sold)])
    seen = np.cumsum(known)
    begin, end = starts[np.searchsorted(rows.codes[starts], codes)], ends[np.searchsorted(rows.codes[starts], codes)]
    gaps = np.r_[np.diff(seen[sold]) - 1, 0]
    gaps[np.r_[first_sale[1:], len(sold)] - 1] = 0  # from one series to the next
    longest = np.maximum.reduceat(gaps, first_sale)
    season_length = recipe_of(rows.grid.unit).season_length
    for rule, found, silent in (
        ("not_started", "long zeros before the first sale, as if not yet on sale", seen[first] - seen[begin]),
        ("ended", "long zeros after the last sale, as if sales had ended", seen[end] - seen[last]),
    ):
        if rule == "not_started":
            silent = silent - 1 + known[begin]  # the first row itself counts when it is known
        unusual = is_unusual_silence(silent, n_sales, seen[last] - seen[first], longest, season_length)
        n_rows = int(silent[unusual].sum())
        report += rows.found_series(rule, found, "reported only, zeros are kept", codes[unusual], n_rows)
    return report


def _ends(grid: TimeGrid, positions: Positions) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """The earliest and the latest moment at which each period may be over, in wall time."""
    begin, day = grid.days(positions), np.timedelta64(1, "D")
    if grid.unit == "W" and grid.anchor != _MONDAY:
        return begin + day, begin + 7 * day
    end = begin + day if grid.at_end else grid.days(positions + 1)
    return end, end


def _wall_now(now: datetime | pd.Timestamp, grid: TimeGrid) -> np.datetime64:
    """``now`` on the clock of the panel: UTC for hours with a zone, else its wall, where it is without a zone."""
    moment, zone = pd.Timestamp(now), getattr(grid.dtype, "tz", None)
    if zone is not None:
        moment = moment.tz_localize(zone) if moment.tzinfo is None else moment.tz_convert(zone)
        moment = moment.tz_convert("UTC") if grid.unit == "h" else moment
    return moment.tz_localize(None).to_datetime64()


def is_trailing(rows: Rows, flags: Flags) -> Flags:
    """Flagged rows behind which their series has no other row, for sorted rows."""
    plain = np.where(flags, -1, np.arange(len(rows)))
    starts, ends = rows.ends()
    last_plain = np.maximum.reduceat(plain, starts)
    return np.asarray(flags & (np.arange(len(rows)) > np.repeat(last_plain, ends - starts + 1)))


def begin_with_a_value(rows: Rows) -> Rows:
    """Without the rows before the first known value of each series, for sorted rows."""
    known = ~np.isnan(rows.y)
    if known.all():
        return rows
    starts, ends = rows.ends()
    index = np.arange(len(rows))
    first = np.minimum.reduceat(np.where(known, index, len(rows)), starts)
    return rows.take(index >= np.repeat(first, ends - starts + 1))
