"""What was forecast for past periods against what came: snapshots, the public record, accuracy."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from forecast.outlook.accuracy import accuracy
from forecast.outlook.ledger import measure_currency
from forecast.outlook.record import LEVELS, PUBLIC_WITHIN, came_true, horizon_of
from forecast.outlook.revenue import read_revenue, read_teams, to_nodes
from forecast.periods import Period, parse_period
from forecast.ports import Lake, Store
from forecast.settings import Settings

#: Columns of a snapshot that are text; all others but its key are numbers.
_TEXT = ("measure", "level", "id", "currency", "period", "model_version")
_KEY = ("as_of", "batch", "saved_at")
#: What identifies one saving of all lines of a period.
_SNAPSHOT = ("period", "as_of", "batch", "model_version")


def actuals(
    lake: Lake,
    settings: Settings,
    periods: list[Period],
    known_at: datetime,
    *,
    batch: int | None = None,
    measure: str = "revenue",
    by: Sequence[str] = ("owner", "region", "category"),
) -> pd.DataFrame:
    """Revenue of periods that are over, per rep, team, company, region and category, as known at a moment.

    A period is over once its last day and the settings' ``reporting_delay_days`` have passed. Revenue belongs to who
    owns it as known at ``known_at``, and to the team that this person was in when the period ended.

    Returns
    -------
    DataFrame
        ``period``, ``level``, ``id``, ``actual``; nothing of periods that are not over.
    """
    measure_currency(measure, settings)  # refuses what is no measure
    delay = timedelta(days=settings.reporting_delay_days)
    over = [period for period in periods if period.end(settings.zone) + delay <= known_at]
    frames = [pd.DataFrame(columns=["period", "level", "id", "actual"])]
    if over:
        with lake.connect(batch) as con:
            revenue = read_revenue(con, known_at, settings, measure)
            for period in over:
                start, end = period.start(settings.zone), period.end(settings.zone)
                by_owner = revenue.between(start, end).rename("actual").to_frame()
                nodes = to_nodes(by_owner, read_teams(con, end, known_at))
                company = pd.DataFrame({"level": ["company"], "id": ["company"], "actual": [0.0]})
                frames.append((nodes if len(nodes) else company).assign(period=period.label))
                for level in [name for name in by if name != "owner"]:
                    sums = revenue.between(start, end, level)
                    frames.append(
                        pd.DataFrame({"level": level, "id": sums.index, "actual": sums.array, "period": period.label})
                    )
    found = pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
    return found[["period", "level", "id", "actual"]]


def with_actuals(forecasts: pd.DataFrame, came: pd.DataFrame) -> pd.DataFrame:
    """Forecasts with ``actual``: 0 for a node to which nothing came in a period that is over, missing in others."""
    joined = forecasts.merge(came, on=["period", "level", "id"], how="left", validate="many_to_one")
    is_over = joined["period"].isin(came["period"])
    return joined.assign(actual=joined["actual"].astype(float).where(~is_over | joined["actual"].notna(), 0.0))


def forecast_against_actual(
    lake: Lake,
    store: Store,
    settings: Settings,
    known_at: datetime,
    *,
    period: Period | None = None,
    day: datetime | None = None,
    batch: int | None = None,
    measure: str = "revenue",
) -> pd.DataFrame:
    """Kept outlooks beside what came, as known at a moment.

    Parameters
    ----------
    known_at : datetime, UTC-aware
        Snapshots saved later do not count, and actuals are those known then.
    period : Period, optional
        Only of this one.
    day : datetime, optional
        Only the last snapshot of each period whose ``as_of`` is not after this moment.
    batch : int, optional
        For the actuals, later batches are invisible.
    measure : str
        One of `forecast.outlook.ledger.MEASURES`.

    Returns
    -------
    DataFrame
        ``period``, ``as_of``, ``batch``, ``model_version``, ``level``, ``id``, ``saved_at``, the numbers of the
        snapshot (parts, ``mean``, quantiles, baselines, ``override``), ``days_ahead`` (from ``as_of`` to the end of
        the period), ``is_public`` (saved within a day of its ``as_of``), ``actual`` (missing until the period is
        over), ``error`` (mean − actual: positive when too high). Sorted by period, ``as_of``, batch, level and id.
    """
    kept = store.snapshots(None if period is None else period.label, measure=measure, before=known_at)
    kept = kept[kept["as_of"] <= min(known_at, day or known_at)] if len(kept) else kept
    if day is not None and len(kept):
        last = kept[["period", "as_of", "batch"]].drop_duplicates().sort_values(["period", "as_of", "batch"])
        kept = kept.merge(last.drop_duplicates("period", keep="last"), on=["period", "as_of", "batch"])
    return _judged(lake, settings, kept, known_at, batch, measure)


def earlier_forecasts(
    store: Store, settings: Settings, period: Period, node: tuple[str, str], before: datetime
) -> pd.DataFrame:
    """What was forecast of one node of a period as of moments before one, whenever it was kept.

    Parameters
    ----------
    node : (level, id)
    before : datetime, UTC-aware

    Returns
    -------
    DataFrame
        ``as_of``, ``mean``, ``q0.1``, ``q0.9``, ``is_public`` (saved within a day of its ``as_of``); of each moment
        the one that was kept last.
    """
    kept = store.snapshots(period.label, node=node)
    columns = ["as_of", "mean", "q0.1", "q0.9", "is_public"]
    if kept.empty:
        return pd.DataFrame(columns=columns)
    kept = _timed(kept, settings).sort_values(["as_of", "saved_at"], kind="stable")
    kept = kept[kept["as_of"] < before].drop_duplicates("as_of", keep="last")
    return kept.reindex(columns=columns).astype(dict.fromkeys(columns[1:4], float)).reset_index(drop=True)


def _judged(
    lake: Lake, settings: Settings, kept: pd.DataFrame, known_at: datetime, batch: int | None, measure: str
) -> pd.DataFrame:
    """Rows of the store as numbers, with what came."""
    numbers = [name for name in kept.columns if name not in (*_TEXT, *_KEY)]
    kept = _timed(kept.assign(**{name: pd.to_numeric(kept[name]).astype(float) for name in numbers}), settings)
    absent = [name for name in ("mean", "q0.1", "q0.9") if name not in kept]
    kept = kept.assign(**dict.fromkeys(absent, np.nan)) if absent else kept
    periods = [_period(label, settings) for label in sorted(set(kept["period"]))]
    judged = with_actuals(kept, actuals(lake, settings, periods, known_at, batch=batch, measure=measure))
    judged["error"] = judged["mean"] - judged["actual"]
    rank = judged["level"].map({level: at for at, level in enumerate(LEVELS)})
    keys = [*_SNAPSHOT, "_rank", "id"]
    return judged.assign(_rank=rank).sort_values(keys, kind="stable", ignore_index=True).drop(columns="_rank")


def _timed(kept: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Rows of the store with ``days_ahead`` and ``is_public``."""
    ends = {label: _period(label, settings).end(settings.zone) for label in set(kept["period"])}
    as_of, saved, end = (
        pd.to_datetime(moments, utc=True).dt.as_unit("us")
        for moments in (kept["as_of"], kept["saved_at"], kept["period"].map(ends))
    )
    ahead = np.asarray((end - as_of) / np.timedelta64(1, "D"), dtype=float)
    return kept.assign(as_of=as_of, saved_at=saved, days_ahead=ahead, is_public=saved - as_of <= PUBLIC_WITHIN)


def _period(label: str, settings: Settings) -> Period:
    return parse_period(label, fiscal_year_start=settings.fiscal_year_start)


def _cases(
    lake: Lake,
    store: Store,
    settings: Settings,
    known_at: datetime,
    batch: int | None,
    measure: str,
    *,
    with_backdated: bool,
) -> pd.DataFrame:
    """Of each period that is over, its first and last snapshot at each horizon, beside what came.

    These are few of very many rows: ranges are judged by the first, overrides often come later.
    """
    moments = _timed(store.snapshot_moments(measure=measure, before=known_at), settings)
    over = [label for label in set(moments["period"]) if _period(label, settings).end(settings.zone) <= known_at]
    moments = moments[(moments["is_public"].astype(bool) | with_backdated) & moments["period"].isin(over)]
    moments = moments.assign(horizon=horizon_of(moments["days_ahead"])).sort_values([*_SNAPSHOT], kind="stable")
    chosen = pd.concat([moments.drop_duplicates(["period", "horizon"], keep=keep) for keep in ("first", "last")])
    chosen = chosen.loc[chosen["horizon"].notna(), [*_SNAPSHOT]].drop_duplicates()
    days = [one.to_pydatetime() for one in chosen["as_of"].drop_duplicates()]
    kept = store.snapshots(measure=measure, before=known_at, as_of=days)
    judged = _judged(lake, settings, kept, known_at, batch, measure)
    return judged.merge(chosen, on=[*_SNAPSHOT])


def outlook_record(
    lake: Lake,
    store: Store,
    settings: Settings,
    known_at: datetime,
    *,
    batch: int | None = None,
    measure: str = "revenue",
) -> pd.DataFrame:
    """How often stated 80 % ranges came true by level and horizon, of public snapshots of periods that were over.

    Returns
    -------
    DataFrame
        As `forecast.outlook.record.came_true` gives it; empty while nothing has come due.
    """
    return came_true(_cases(lake, store, settings, known_at, batch, measure, with_backdated=False))


def outlook_accuracy(
    lake: Lake,
    store: Store,
    settings: Settings,
    known_at: datetime,
    *,
    batch: int | None = None,
    measure: str = "revenue",
    with_backdated: bool = False,
) -> pd.DataFrame:
    """Errors of model, baselines and overrides per node and horizon, of public snapshots of periods that were over.

    Parameters
    ----------
    with_backdated : bool
        Count also snapshots that were saved later than a day after their ``as_of``.

    Returns
    -------
    DataFrame
        As `forecast.outlook.accuracy.accuracy` gives it; empty while nothing has come due.
    """
    return accuracy(_cases(lake, store, settings, known_at, batch, measure, with_backdated=with_backdated))
