"""The outlook of territories: what a period can bring whoever works them, for targets of equal difficulty."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from forecast.conversion import ConversionScorer, window_labels
from forecast.features import open_entities
from forecast.history import in_force, set_aside, stored_columns
from forecast.outlook import UNASSIGNED, Outlook, win_probability_within
from forecast.outlook.ledger import MEMORY_DAYS, Ledger, read_ledger
from forecast.outlook.outlook import digits_of
from forecast.schema import DUCKDB_TYPES
from forecast.settings import Settings
from forecast.targets.arrivals import (
    N_CLASSES,
    ORDERS,
    amounts_by_class,
    read_arrivals,
    read_classes,
    read_days_there,
)
from forecast.targets.territory import (
    Potential,
    arrival_rates,
    expected_new_wins,
    fit_spread,
    match_company,
    territory_paths,
)
from forecast.usecases.prior import score_by_prior
from forecast.usecases.snapshots import take_snapshots

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Columns of opportunities in which reps say how a deal stands.
TYPED = ("expected_close_date", "forecast_category", "lost_reason", "name", "stage")
#: The only thing that the chance of an open opportunity depends on, and its limits in days.
AGE = "age"
AGE_DAYS = (7, 14, 30, 60, 90, 180, 365)
#: Steps between the past moments at which it is counted what was both created and won later.
_STEP_DAYS = 7
#: Past windows that the spread of results is learned from, at most.
_MAX_WINDOWS = 24


def territory_outlook(con: DuckDBPyConnection, made: Outlook, scores: pd.DataFrame, settings: Settings) -> Outlook:
    """An outlook with paths that know the territories and not the persons.

    What is booked stays. Open opportunities are won at the company's rate for their age; what arrives comes at the
    territory's own rate (leads, opportunities without a lead, ordering accounts) and is won as in the whole company;
    amounts are the company's, by size of account. The company's own paths stay those of the outlook: its shocks, season
    and growth are everybody's. Nothing is read that a rep can type to please a forecast: no expected close, category or
    stage; what is asked counts in the company's paths, and for no single territory.

    Parameters
    ----------
    con : DuckDB connection
        With the histories that the outlook was made from.
    made : Outlook
        By owner, made with these scores.
    scores : DataFrame
        As `untyped_scores` gives them.

    Returns
    -------
    Outlook
        Unchanged for activities, and where nobody has anything to work with.
    """
    if made.by != "owner" or made.measure == "activities" or not made.owners:
        return made
    history = _History.read(con, made, scores, settings)
    potential = history.potential()
    rest = territory_paths(potential, n_paths=len(made.paths), random_state=settings.random_state)
    if rest.sum() <= 0:
        return made
    booked, scale = np.asarray(made.parts["booked"], dtype=float), 10 ** digits_of(made.currency)
    rest = match_company(rest, made.company_paths - booked.sum())
    paths = np.rint((booked + rest) * scale) / scale
    return replace(made, paths=paths, parts=_parts(booked, rest.mean(axis=0), potential, scale))


def hide_typed(con: DuckDBPyConnection) -> None:
    """Empty what reps type to say how a deal stands, in every version: no reader of this connection can see it."""
    kinds = stored_columns("opportunities")
    empty = ", ".join(f"CAST(NULL AS {DUCKDB_TYPES[kinds[name]]}) AS {name}" for name in TYPED)
    typed = set_aside(con, "opportunities")
    con.execute(f"CREATE TEMP TABLE opportunities AS SELECT * REPLACE ({empty}) FROM {typed}")


def untyped_scores(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> pd.DataFrame:
    """Scores of the open opportunities by nothing but their age: no owner, and nothing that a rep can type.

    The shrunken group rate of the whole company, by days since creation.
    """
    spine = open_entities(con, "opportunity", as_of)
    snapshots = take_snapshots(con, "opportunity", as_of, settings)
    known = window_labels(snapshots.outcomes, snapshots.horizon_days, snapshots.end).notna()
    if spine.empty or not known.any():
        return score_by_prior("opportunity", spine, settings)
    scorer = ConversionScorer(
        "opportunity",
        snapshots.horizon_days,
        settings.horizons_days,
        kind="group_rate",
        group=(AGE,),
        random_state=settings.random_state,
    ).fit(_ages(con, snapshots.spine, as_of), snapshots.outcomes, cutoff=snapshots.end)
    return scorer.score(_ages(con, spine, as_of), zone=settings.zone)


def _ages(con: DuckDBPyConnection, spine: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """The only feature: days since creation, in bands."""
    created = con.execute(
        f"SELECT opportunity_id, created_at FROM {in_force('opportunities', as_of, with_removed=True)}"
    ).df()
    at = pd.to_datetime(spine["entity_id"].map(created.set_index("opportunity_id")["created_at"]), utc=True)
    days = ((spine["as_of"] - at) / pd.Timedelta(days=1)).to_numpy(dtype=float)
    band = np.searchsorted(AGE_DAYS, days, side="right")  # unknown ones last
    return spine[["entity_id", "as_of"]].assign(**{AGE: [f"age {code}" for code in band.tolist()]})


class _History:
    """What the potential is read from: wins and open deals with owner and class, in days from ``as_of``."""

    def __init__(self, made: Outlook, ledger: Ledger, settings: Settings, classes: "pd.Series[int]") -> None:
        self.owners = made.owners
        self.ledger = ledger
        self.from_days, self.to_days = (
            (moment - made.as_of).total_seconds() / 86_400
            for moment in (made.period.start(settings.zone), made.period.end(settings.zone))
        )
        self.from_days = max(self.from_days, 0.0)
        now = pd.Timestamp(made.as_of).tz_convert("UTC").tz_localize(None)
        won, orders = ledger.won, ledger.orders
        self.owner = self._codes(pd.concat([won["owner_id"], orders["owner_id"]]))
        self.code: Codes = np.append(_class_of(won["opportunity_id"], classes), np.full(len(orders), ORDERS))
        self.created = _days(now, pd.concat([won["created_at"], orders["ordered_at"]]))
        self.closed = _days(now, pd.concat([won["closed_at"], orders["ordered_at"]]))
        self.amount = np.append(won["amount"].to_numpy(dtype=float), orders["amount"].to_numpy(dtype=float))
        self.history_days = max(float(_days(now, pd.Series([ledger.first]))[0] * -1), 1.0) if ledger.first else 1.0
        self.open_owner = self._codes(ledger.open["owner_id"])
        self.open_code = _class_of(ledger.open["entity_id"], classes)
        horizons = settings.horizons_days
        within = ledger.open[[f"p_{days}d" for days in horizons]].to_numpy(dtype=float)
        before, until = (win_probability_within(within, horizons, days) for days in (self.from_days, self.to_days))
        self.chance = np.clip(until - before, 0, 1)

    @classmethod
    def read(cls, con: DuckDBPyConnection, made: Outlook, scores: pd.DataFrame, settings: Settings) -> "_History":
        ledger = read_ledger(con, scores, made.as_of, settings, made.measure)
        history = cls(made, ledger, settings, read_classes(con, made.as_of))
        history.arrivals = read_arrivals(con, made.owners, made.as_of)
        history.days_there = read_days_there(con, made.owners, made.as_of)
        return history

    arrivals: Codes
    days_there: Floats

    @property
    def length(self) -> float:
        """Days ahead in which something can be won."""
        return max(self.to_days - self.from_days, 1e-9)

    def potential(self) -> Potential:
        """What the territories have to work with in the span ahead."""
        ahead = self.to_days > 0
        remembered = min(self.history_days, MEMORY_DAYS)
        exposure = np.minimum(self.days_there, remembered) / self.length
        rates = arrival_rates(self.arrivals, exposure)
        shape = (len(self.owners), N_CLASSES)
        open_deals, open_wins = np.zeros(shape, dtype=np.int64), np.zeros(shape)
        mine = self.open_owner >= 0
        np.add.at(open_deals, (self.open_owner[mine], self.open_code[mine]), 1 if ahead else 0)
        np.add.at(open_wins, (self.open_owner[mine], self.open_code[mine]), self.chance[mine] if ahead else 0.0)
        new_wins = expected_new_wins(rates, self._company_wins() if ahead else np.zeros(N_CLASSES), self._is_active())
        recent = self.closed >= -MEMORY_DAYS
        spread = fit_spread(*self._windows(rates.mean), rates.relative_variance)
        return Potential(
            open_deals=open_deals,
            open_wins=open_wins,
            new_wins=new_wins,
            amounts=amounts_by_class(self.code[recent], self.amount[recent]),
            variance=spread.owner + rates.relative_variance,
            common=spread.common,
        )

    def _company_wins(self) -> Floats:
        """Mean number of wins, by class, of what was created after a past moment and won in such a span ahead of it."""
        last = -self.to_days
        first = max(-min(self.history_days, MEMORY_DAYS + self.to_days), last - MEMORY_DAYS)
        starts = np.arange(last, first - 1e-9, -_STEP_DAYS) if first <= last else np.array([-self.history_days])
        inside = (self.created >= starts[:, None]) & (self.closed < starts[:, None] + self.to_days)
        inside &= self.closed >= starts[:, None] + self.from_days
        return np.asarray(np.bincount(self.code, inside.sum(axis=0) / len(starts), N_CLASSES), dtype=float)

    def _windows(self, rate: Floats) -> tuple[Codes, Floats]:
        """Wins of each owner in past windows as long as the span, and the potential that they had in each."""
        n = int(np.clip(min(self.history_days, 2 * MEMORY_DAYS) // self.length, 1, _MAX_WINDOWS))
        window = np.floor(-self.closed / self.length).astype(np.int64)
        used = (window >= 0) & (window < n) & (self.owner >= 0)
        wins = np.zeros((n, len(self.owners)), dtype=np.int64)
        np.add.at(wins, (window[used], self.owner[used]), 1)
        of_class = np.bincount(self.code[used], minlength=N_CLASSES)
        total = rate.sum(axis=0)
        value = np.divide(of_class, total, out=np.zeros(N_CLASSES), where=total > 0)
        there = self.days_there >= (np.arange(n)[:, None] + 1) * self.length
        return wins, (rate @ value) * there

    def _is_active(self) -> NDArray[np.bool_]:
        left = set(self.ledger.users.loc[~self.ledger.users["is_active"].astype(bool), "user_id"])
        return np.array([owner not in left and owner != UNASSIGNED for owner in self.owners], dtype=bool)

    def _codes(self, owner_id: pd.Series) -> Codes:
        names = owner_id.astype(object).where(owner_id.notna(), UNASSIGNED)
        return np.asarray(pd.Index(self.owners, dtype=object).get_indexer(pd.Index(names)), dtype=np.int64)


def _class_of(opportunity_id: pd.Series, classes: "pd.Series[int]") -> Codes:
    return np.asarray(opportunity_id.map(classes).fillna(ORDERS - 1), dtype=np.int64)


def _days(now: pd.Timestamp, moments: pd.Series) -> Floats:
    days = np.asarray((pd.to_datetime(moments) - now) / pd.Timedelta(days=1), dtype=float)
    return np.asarray(np.nan_to_num(days, nan=-1e9))  # a moment that is not known lies long ago


def _parts(booked: Floats, rest: Floats, potential: Potential, scale: int) -> dict[str, Floats]:
    """Means by part: the rest is split as open, arriving and repeat are expected to bring it."""
    value = np.array([pool.mean() if len(pool) else 0.0 for pool in potential.amounts])
    of_part = {
        "open": potential.open_wins @ value,
        "arriving": potential.new_wins[:, :ORDERS] @ value[:ORDERS],
        "repeat": potential.new_wins[:, ORDERS:] @ value[ORDERS:],
    }
    whole = sum(of_part.values())
    parts = {
        name: np.rint(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0) * rest * scale) / scale
        for name, part in of_part.items()
    }
    return {"booked": booked} | parts
