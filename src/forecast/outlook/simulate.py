"""Simulate the revenue of a period from what was known at a moment."""

from datetime import datetime

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from forecast.errors import InvalidInput
from forecast.money import minor_digits, to_minor
from forecast.outlook.arrivals import Arrivals, resample_arrivals
from forecast.outlook.ledger import MEMORY_DAYS, Ledger, read_ledger, split_booked
from forecast.outlook.outlook import UNASSIGNED, Outlook
from forecast.outlook.timing import win_probability_within
from forecast.periods import Period
from forecast.settings import Settings

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Fewer known amounts of a product than this and the company's stand in for one that is missing.
_MIN_AMOUNTS = 5
_CHUNK = 4_000_000


def simulate(
    con: DuckDBPyConnection,
    scores: pd.DataFrame,
    period: Period,
    as_of: datetime,
    settings: Settings,
    *,
    n_paths: int = 2000,
    random_state: int = 0,
) -> Outlook:
    """Joint paths of each owner's revenue in a period, from what was known at ``as_of``.

    Revenue is the sum of four parts: *booked* (won in the period so far; known), *open* (each scored opportunity is
    won in the period with its probability, for its amount), *arriving* (opportunities that are yet to be created and
    won, as in past windows of the same length) and *repeat* (orders still to come, likewise). Which of opportunities
    and orders are revenue is the setting ``revenue_from``.

    Open opportunities are won independently of each other here; what a market does to all of them at once is not yet
    in the paths, so that ranges of large sums are too narrow.

    Parameters
    ----------
    con : DuckDB connection
        With the histories of the canonical tables.
    scores : DataFrame
        ``entity``, ``entity_id`` and the probabilities ``p_30d``, ``p_60d``, ``p_90d`` (by the settings' horizons) of
        the opportunities open at ``as_of``.
    period : Period
        Past, present or future.
    as_of : datetime, UTC-aware
    settings : Settings
    n_paths : int
    random_state : int
        The same state and the same knowledge give the same paths, bit for bit.

    Raises
    ------
    DataUnavailable
        If an amount in a foreign currency has no rate.
    InvalidInput
        If ``n_paths`` is below 1 or the scores lack a column.
    """
    within = [f"p_{days}d" for days in settings.horizons_days]
    missing = [name for name in ("entity", "entity_id", *within) if name not in scores]
    if missing:
        raise InvalidInput(f"The scores are missing columns {missing}; there are {sorted(map(str, scores.columns))}.")
    if n_paths < 1:
        raise InvalidInput(f"`n_paths` must be at least 1, got {n_paths}.")
    ledger = read_ledger(con, scores, as_of, settings)
    deals, orders = split_booked(ledger, period, as_of, settings)
    rows = pd.concat([frame for frame in (deals, orders) if len(frame)] or [deals])
    owners = _owners(ledger, rows, as_of)
    # One stream for each part: a deal more must not change what arrives.
    streams = [np.random.default_rng([random_state, part]) for part in range(3)]
    days = [
        (moment - as_of).total_seconds() / 86_400 for moment in (period.start(settings.zone), period.end(settings.zone))
    ]
    from_days, to_days = max(days[0], 0.0), days[1]
    booked = _sum_by(rows, owners)
    is_active = _is_active(ledger, owners, as_of)
    arriving, repeat = (
        resample_arrivals(
            past,
            history_days=_history_days(ledger, as_of),
            from_days=from_days,
            to_days=to_days,
            is_active=is_active,
            shrink=shrink,
            n_paths=n_paths,
            rng=rng,
        )
        for past, shrink, rng in (
            (_events(ledger.won, "created_at", "closed_at", owners, as_of), True, streams[1]),
            (_events(ledger.orders, "ordered_at", "ordered_at", owners, as_of), False, streams[2]),
        )
    )
    probability = _chances(ledger.open[within].to_numpy(dtype=float), settings.horizons_days, from_days, to_days)
    opened = _open_paths(ledger, probability, owners, n_paths, streams[0])
    return _outlook(period, as_of, settings.reporting_currency, owners, ledger, booked, opened, arriving, repeat)


def _chances(p_within: Floats, horizons: tuple[int, ...], from_days: float, to_days: float) -> Floats:
    """P(won in the span ahead)."""
    before = win_probability_within(p_within, horizons, from_days)
    return np.asarray(np.clip(win_probability_within(p_within, horizons, to_days) - before, 0, 1))


def _open_paths(
    ledger: Ledger, probability: Floats, owners: list[str], n_paths: int, rng: np.random.Generator
) -> Floats:
    """A Bernoulli draw for each open opportunity and path.

    Missing amounts are drawn from past wins; while there are none, from the other open opportunities.
    """
    paths = np.zeros((n_paths, len(owners)))
    codes = _codes(ledger.open["owner_id"], owners)
    amount = ledger.open["amount"].to_numpy(dtype=float)
    values, start, length = _amount_pools(ledger.won if len(ledger.won) else ledger.open, ledger.open["product_id"])
    order = np.argsort(codes, kind="stable")
    for chunk in np.array_split(order, max(1, -(-len(order) * n_paths // _CHUNK))):
        if not len(chunk):
            continue
        won = rng.random((n_paths, len(chunk))) < probability[chunk]
        drawn = values[start[chunk] + (rng.random(won.shape) * length[chunk]).astype(np.int64)]
        revenue = won * np.where(np.isnan(amount[chunk]), drawn, np.nan_to_num(amount[chunk]))
        first = np.flatnonzero(np.diff(codes[chunk], prepend=-1))
        paths[:, codes[chunk][first]] += np.add.reduceat(revenue, first, axis=1)
    return paths


def _amount_pools(like: pd.DataFrame, product_id: pd.Series) -> tuple[Floats, Codes, Codes]:
    """Amounts of opportunities alike, and which run of them stands for each opportunity: its product's, else all.

    Returns the amounts (the company's, then those of each product with enough of them) with start and length of the
    run of each opportunity. Without any known amount everything is 0.
    """
    known = like.loc[like["amount"].notna(), ["product_id", "amount"]]
    company = known["amount"].to_numpy(dtype=float) if len(known) else np.zeros(1)
    counts = known["product_id"].value_counts().sort_index()
    counts = counts[counts >= _MIN_AMOUNTS]
    own = known[known["product_id"].isin(counts.index)].sort_values("product_id", kind="stable")
    starts = len(company) + np.concatenate([[0], np.cumsum(counts.to_numpy())]).astype(np.int64)
    place = pd.Index(counts.index).get_indexer(pd.Index(product_id))
    start = np.where(place >= 0, starts[place], 0)
    length = np.where(place >= 0, np.append(counts.to_numpy(), 0)[place], len(company))
    return np.concatenate([company, own["amount"].to_numpy(dtype=float)]), start, length.astype(np.int64)


def _owners(ledger: Ledger, booked: pd.DataFrame, as_of: datetime) -> list[str]:
    """Everybody who owns an open opportunity, or earned revenue in the period or in the time that is remembered."""
    since = _naive(as_of) - pd.Timedelta(days=MEMORY_DAYS)
    recent = [booked["owner_id"], ledger.won.loc[ledger.won["closed_at"] >= since, "owner_id"]]
    recent += [ledger.orders.loc[ledger.orders["ordered_at"] >= since, "owner_id"], ledger.open["owner_id"]]
    return sorted({UNASSIGNED if pd.isna(owner) else str(owner) for owner in pd.concat(recent)})


def _codes(owner_id: pd.Series, owners: list[str]) -> Codes:
    """Index of each row's owner; -1 for one that is not remembered."""
    return np.asarray(pd.Index(owners).get_indexer(pd.Index(owner_id.fillna(UNASSIGNED))), dtype=np.int64)


def _sum_by(rows: pd.DataFrame, owners: list[str]) -> Floats:
    codes = _codes(rows["owner_id"], owners)
    return np.bincount(codes, rows["amount"].to_numpy(dtype=float), len(owners)).astype(float)


def _events(rows: pd.DataFrame, created: str, closed: str, owners: list[str], as_of: datetime) -> Arrivals:
    """Past revenue as days before ``as_of``; only what is remembered."""
    now, codes = _naive(as_of), _codes(rows["owner_id"], owners)
    used = (codes >= 0) & rows["amount"].notna().to_numpy() & rows[created].notna().to_numpy()
    kept = rows[used]
    return Arrivals(
        codes[used],
        _days_from(now, kept[created]),
        _days_from(now, kept[closed]),
        kept["amount"].to_numpy(dtype=float),
    )


def _days_from(now: pd.Timestamp, moments: pd.Series) -> Floats:
    return np.asarray((moments - now) / pd.Timedelta(days=1), dtype=float)


def _is_active(ledger: Ledger, owners: list[str], as_of: datetime) -> NDArray[np.bool_]:
    """Who can still win something: not known to have left, and somebody."""
    left = set(ledger.users.loc[~ledger.users["is_active"].astype(bool), "user_id"])
    return np.array([owner not in left and owner != UNASSIGNED for owner in owners], dtype=bool)


def _history_days(ledger: Ledger, as_of: datetime) -> float:
    return 0.0 if ledger.first is None else float((_naive(as_of) - ledger.first) / pd.Timedelta(days=1))


def _outlook(
    period: Period,
    as_of: datetime,
    currency: str,
    owners: list[str],
    ledger: Ledger,
    booked: Floats,
    opened: Floats,
    arriving: Floats,
    repeat: Floats,
) -> Outlook:
    scale = 10 ** minor_digits(currency)
    team_of = ledger.users.set_index("user_id")["team_id"]
    names = ledger.teams.set_index("team_id")["name"].dropna()
    parts = {"booked": booked, "open": opened.mean(axis=0), "arriving": arriving.mean(axis=0)}
    parts["repeat"] = repeat.mean(axis=0)
    return Outlook(
        period=period,
        as_of=as_of,
        currency=currency,
        owners=tuple(owners),
        teams=tuple(str(team) if pd.notna(team := team_of.get(owner)) else "" for owner in owners),
        parts={part: to_minor(mean, currency) / scale for part, mean in parts.items()},
        paths=to_minor(booked + opened + arriving + repeat, currency) / scale,
        team_names={str(team): str(name) for team, name in names.items()},
    )


def _naive(moment: datetime) -> pd.Timestamp:
    return pd.Timestamp(moment).tz_convert("UTC").tz_localize(None)
