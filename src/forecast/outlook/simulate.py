"""Simulate the revenue of a period from what was known at a moment."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from forecast.errors import InvalidInput
from forecast.history import sql_moment
from forecast.outlook.amounts import amounts_if_won
from forecast.outlook.calibration import Opened
from forecast.outlook.course import Grid, course_table
from forecast.outlook.deals import expected_minor, mean_if_won
from forecast.outlook.ledger import Ledger, read_ledger, split_booked
from forecast.outlook.origins import past_origins, read_snapshots
from forecast.outlook.outlook import PARTS, Outlook, digits_of
from forecast.outlook.parts import coming_paths, open_paths
from forecast.outlook.people import People, read_people
from forecast.outlook.season import Season
from forecast.outlook.shocks import ShockDraws, draw_shocks
from forecast.outlook.streams import Span, Stream, learn_stream, past_events
from forecast.outlook.timing import Window
from forecast.outlook.units import COLUMNS, Units
from forecast.periods import Period
from forecast.settings import Settings

Floats = NDArray[np.float64]


def simulate(
    con: DuckDBPyConnection,
    scores: pd.DataFrame,
    period: Period,
    as_of: datetime,
    settings: Settings,
    *,
    n_paths: int = 2000,
    random_state: int = 0,
    by: str = "owner",
    measure: str = "revenue",
    common_shocks: bool = True,
    weekly: bool = False,
) -> Outlook:
    """Joint paths of what each owner brings in a period, from what was known at ``as_of``.

    The sum of four parts: *booked* (won in the period so far; known), *open* (each scored opportunity is won in the
    rest of the period with its probability, for an amount that varies as amounts of past wins did), *arriving*
    (opportunities that are yet to be created and won: number and speed as each owner's in the past, shrunk to team and
    company) and *repeat* (orders still to come, likewise). Which of opportunities and orders count is the setting
    ``revenue_from``.

    Shocks with mean 1 hit company, team and owner at once: the odds of what is open, and the number of what arrives
    and is ordered again. Their sizes are read from past origins, by what came beside what was to be expected there.

    Parameters
    ----------
    con : DuckDB connection
        With the histories of the canonical tables.
    scores : DataFrame
        ``entity``, ``entity_id`` and the probabilities ``p_30d``, ``p_60d``, ``p_90d`` (by the settings' horizons) of
        the opportunities open at ``as_of``; perhaps ``amount_if_won``, ``amount_low``, ``amount_high``.
    period : Period
        Past, present or future.
    as_of : datetime, UTC-aware
    settings : Settings
    n_paths : int
    random_state : int
        The same state and the same knowledge give the same paths, bit for bit.
    by : {"owner", "region", "category"}
        What the columns of the paths are. The company's paths are the same whatever it is.
    measure : {"revenue", "margin", "wins", "units", "activities"}
        See `read_ledger`.
    common_shocks : bool
        False leaves only chance between deals: ranges of sums are then too narrow. For comparison.
    weekly : bool
        Tell also how it adds up week by week (``course``), from the same paths.

    Raises
    ------
    DataUnavailable
        If an amount in a foreign currency has no rate.
    InvalidInput
        If ``n_paths`` is below 1, ``by`` or ``measure`` is unknown, or the scores lack a column.
    """
    _check(scores, settings, n_paths, by)
    ledger = read_ledger(con, scores, as_of, settings, measure)
    booked = pd.concat([frame for frame in split_booked(ledger, period, as_of, settings) if len(frame)] or [_nothing()])
    people = read_people(con, ledger, booked, as_of)
    span = _span(period, as_of, settings, ledger)
    opened, ratios = _opened(con, as_of, span, people, settings, measure)
    deals, deal_rows = _deals_stream(con, ledger, opened, people, span, as_of, common_shocks)
    past, order_rows = past_events(
        ledger.orders, "ordered_at", "ordered_at", np.full(len(ledger.orders), np.nan), people, _naive(as_of)
    )
    orders = learn_stream(past, None, people, span, shrink=False, common_shocks=common_shocks)
    rows = [ledger.open, ledger.won, ledger.orders, booked]
    units = Units.of(by, people.owners, rows, n_paths, ledger.currency)
    grid = Grid.of(period, as_of, settings.zone, n_paths * len(units.names))
    ends = grid.ends_days(as_of) if weekly and grid.ahead else np.array([span.to_days])

    shocks = _shocks(deals, people, n_paths, random_state, common_shocks)
    amounts = amounts_if_won(ledger.open, scores, ledger.won if len(ledger.won) else ledger.open, ratios)
    window = _window(settings, span, deals.season)
    within = ledger.open[_within(settings)].to_numpy(dtype=float)
    chance, reached = window.chance(within), window.reached(within, deals.season.clock(ends).tolist())
    mean = mean_if_won(amounts)
    value = expected_minor(chance, mean, ledger.currency)
    open_deals = pd.DataFrame({"entity_id": ledger.open["entity_id"], "chance": chance, "mean": mean, "value": value})
    seeds = (random_state, 1), (random_state, 2)
    ahead = {
        "open": open_paths(ledger.open, chance, amounts, people, shocks, units, random_state, reached),
        # One stream of random numbers for each part: a deal more must not change what arrives.
        "arriving": coming_paths(
            deals, people, shocks, units, deal_rows, seeds[0], span, ends, uncertain=common_shocks
        ),
    }
    shocks = _shocks(orders, people, n_paths, random_state, common_shocks)
    ahead["repeat"] = coming_paths(
        orders, people, shocks, units, order_rows, seeds[1], span, ends, uncertain=common_shocks
    )
    sums = {part: paths.sum(axis=0) for part, paths in ahead.items()} | {"booked": _booked(units, booked)}
    means = {part: np.rint(paths.mean(axis=0)) for part, paths in sums.items()}
    means["open"] = np.bincount(units.codes(ledger.open), value, len(units.names)).astype(float)  # without noise
    made = replace(_outlook(period, as_of, units, people, ledger, sums, means), open_deals=open_deals, window=window)
    if not weekly:
        return made
    due = np.array([np.bincount(units.codes(ledger.open), value * share, len(units.names)) for share in reached])
    coming = [np.rint(ahead[part].cumsum(axis=0).mean(axis=1)) for part in ("arriving", "repeat")]
    paths = ahead["open"] + ahead["arriving"] + ahead["repeat"]
    return replace(made, course=course_table(made, grid, units, booked, paths, np.rint(due) + coming[0] + coming[1]))


def _booked(units: Units, booked: pd.DataFrame) -> Floats:
    """What every unit has booked, the same in all paths."""
    return units.sums(
        np.zeros(len(booked), dtype=np.int64), units.codes(booked), booked["amount"].to_numpy(dtype=float), n_paths=1
    )


def _check(scores: pd.DataFrame, settings: Settings, n_paths: int, by: str) -> None:
    missing = [name for name in ("entity", "entity_id", *_within(settings)) if name not in scores]
    if missing:
        raise InvalidInput(f"The scores are missing columns {missing}; there are {sorted(map(str, scores.columns))}.")
    if n_paths < 1:
        raise InvalidInput(f"`n_paths` must be at least 1, got {n_paths}.")
    if by not in COLUMNS:
        raise InvalidInput(f"`by` must be one of {', '.join(COLUMNS)}, got {by!r}.")


def _within(settings: Settings) -> list[str]:
    return [f"p_{days}d" for days in settings.horizons_days]


def _span(period: Period, as_of: datetime, settings: Settings, ledger: Ledger) -> Span:
    start, end = (
        (moment - as_of).total_seconds() / 86_400 for moment in (period.start(settings.zone), period.end(settings.zone))
    )
    history = 0.0 if ledger.first is None else float((_naive(as_of) - ledger.first) / pd.Timedelta(days=1))
    return Span(max(start, 0.0), end, max(history, 0.0), as_of.astimezone(settings.zone).date())


def _opened(
    con: DuckDBPyConnection, as_of: datetime, span: Span, people: People, settings: Settings, measure: str
) -> tuple[Opened | None, Floats]:
    """Opportunities open at past origins, and what past wins brought over what was asked."""
    if (settings.revenue_from == "orders" and measure != "wins") or measure in ("units", "activities"):
        return None, np.ones(0)
    rows = read_snapshots(con, as_of, past_origins(span.from_days, span.to_days, span.history_days))
    opened = Opened.from_frame(rows, people.codes(rows["owner_id"]), people.codes(rows["won_owner_id"]))
    return opened, np.ones(0) if measure == "wins" else rows["ratio"].to_numpy(dtype=float)


def _deals_stream(
    con: DuckDBPyConnection,
    ledger: Ledger,
    opened: Opened | None,
    people: People,
    span: Span,
    as_of: datetime,
    common_shocks: bool,
) -> tuple[Stream, pd.DataFrame]:
    now = sql_moment(as_of)
    known = con.execute(
        f"SELECT opportunity_id, date_diff('second', {now}, min(known_from)) / 86400.0 AS days FROM opportunities "
        f"WHERE outcome = 'won' AND known_from < {now} GROUP BY opportunity_id"
    ).df()
    days = known.set_index("opportunity_id")["days"].reindex(ledger.won["opportunity_id"]).to_numpy(dtype=float)
    past, rows = past_events(ledger.won, "created_at", "closed_at", days, people, _naive(as_of))
    return learn_stream(past, opened, people, span, shrink=True, common_shocks=common_shocks), rows


def _shocks(stream: Stream, people: People, n_paths: int, random_state: int, common_shocks: bool) -> ShockDraws:
    return draw_shocks(
        stream.sizes,
        people.owners,
        people.teams,
        law_variance=stream.law_variance if common_shocks else 0.0,
        owner_variance=stream.owner_variance * common_shocks,
        n_paths=n_paths,
        random_state=random_state,
    )


def _window(settings: Settings, span: Span, season: Season) -> Window:
    """The span ahead by the clock of the season."""
    days = [*settings.horizons_days, max(span.from_days, 0.0), max(span.to_days, 0.0)]
    *horizons, begin, end = (float(season.clock(float(day))) for day in days)
    return Window(tuple(horizons), begin, end)


def _outlook(
    period: Period,
    as_of: datetime,
    units: Units,
    people: People,
    ledger: Ledger,
    sums: dict[str, Floats],
    means: dict[str, Floats],
) -> Outlook:
    scale = 10 ** digits_of(ledger.currency)
    names = ledger.teams.set_index("team_id")["name"].dropna()
    by_owner = units.by == "owner"
    total = sums["booked"] + sums["open"] + sums["arriving"] + sums["repeat"]
    return Outlook(
        period=period,
        as_of=as_of,
        currency=ledger.currency,
        owners=tuple(units.names),
        teams=tuple(people.teams) if by_owner else ("",) * len(units.names),
        parts={part: means[part] / scale for part in PARTS},
        paths=total / scale,
        team_names={str(team): str(name) for team, name in names.items()},
        team_parents=people.parents if by_owner else {},
        by=units.by,
        measure=ledger.measure,
    )


def _nothing() -> pd.DataFrame:
    return pd.DataFrame({"owner_id": [], "region": [], "category": [], "amount": [], "at": []}, dtype=object).astype(
        {"amount": float, "at": "datetime64[us]"}
    )


def _naive(moment: datetime) -> pd.Timestamp:
    return pd.Timestamp(moment).tz_convert("UTC").tz_localize(None)
