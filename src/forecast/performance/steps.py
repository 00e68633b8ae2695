"""The funnel step by step, each judged in the same way: what was expected of others' cases alike, and what came."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from forecast.history import sql_moment
from forecast.performance.above import Above, Worth, judge
from forecast.performance.case_features import features_at_hand_over, without_proxies
from forecast.performance.cases import create_holdings, create_stage_holdings, stage_order
from forecast.performance.expectation import Pieces, Spells, expect, expect_share
from forecast.performance.follow_up import ANSWER_HOURS, FIRST_CONTACT_HOURS
from forecast.performance.kpis import Spans
from forecast.performance.revenue import convert_counted
from forecast.periods import period_of
from forecast.settings import Settings

Floats = NDArray[np.float64]

#: All of a deal, from when the person got it to the win: the result that counts.
WIN = "win"
#: Steps beside the stages: a lead becomes an opportunity, a new case is taken up, an inquiry is answered.
CONVERT, TAKE_UP, ANSWER = "convert", "take_up", "answer"
#: Beginning of the code of a stage's step: on to a later stage, and from the last one to the win.
ADVANCE, CLOSE = "advance.", "close."
#: Quarters of history from which the spreads are learned, at least.
N_QUARTERS = 8
#: Below so many successes of the whole company nothing can be expected of anybody.
MIN_SUCCESSES = 5
_DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Windows:
    """Quarters of the past, also parted at the limits of the period.

    Attributes
    ----------
    limits : array of shape (n_windows + 1,)
        In days since 1970.
    period : (int, int)
        First and last window of the period.
    """

    limits: Floats
    period: tuple[int, int]

    @classmethod
    def of(cls, spans: Spans, as_of: datetime, settings: Settings) -> "Windows":
        """Windows up to ``as_of`` that reach eight quarters back, and four before the period."""
        start, end = spans.now
        zone, moments = settings.zone, {start, end, as_of}
        earliest = min(as_of - timedelta(days=91 * N_QUARTERS), start - timedelta(days=364))
        day = as_of.astimezone(zone).date()
        while True:
            quarter = period_of(day, kind="quarter", fiscal_year_start=settings.fiscal_year_start)
            moments.add(min(quarter.start(zone), as_of))
            if quarter.start(zone) <= earliest:
                break
            day = quarter.first - timedelta(days=1)
        limits = np.array([_days(moment) for moment in sorted(moments)])
        first, last = (int(np.searchsorted(limits, _days(moment))) for moment in (start, end))
        return cls(limits, (first, last - 1))


def _days(moment: datetime) -> float:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(days=1)


@dataclass(frozen=True)
class Judged:
    """Everything that was judged.

    Attributes
    ----------
    steps : mapping of step code to Above
        `WIN` first, then the steps in the order of the funnel; a step without enough successes is not there.
    proxies : tuple of str
        Features that stood for a person and were left out.
    """

    steps: Mapping[str, Above]
    proxies: tuple[str, ...]


def judge_steps(con: DuckDBPyConnection, spans: Spans, as_of: datetime, settings: Settings) -> Judged:
    """Judge the whole and each step of the funnel in a period.

    Parameters
    ----------
    con : DuckDB connection
        After `forecast.performance.kpis.create_facts`.
    spans : Spans
    as_of : datetime, UTC-aware
    settings : Settings
    """
    windows = Windows.of(spans, as_of, settings)
    judged: dict[str, Above] = {}
    proxies: set[str] = set()

    def add(step: str, held: pd.DataFrame, X: pd.DataFrame, *, money: bool = False) -> None:
        found = _judge_held(held, X, windows, settings, money=money)
        if found is not None:
            judged[step] = found

    create_holdings(con, "opportunity", as_of, into="deal_holdings")
    deals = _with_money(con, as_of, settings)
    X, left_out = _features(con, "opportunity", deals, settings)
    proxies.update(left_out)
    add(WIN, deals, X, money=True)
    create_holdings(con, "lead", as_of, into="lead_holdings")
    leads = con.sql("SELECT * FROM lead_holdings ORDER BY case_id, got_at").df()
    lead_X, left_out = _features(con, "lead", leads, settings)
    proxies.update(left_out)
    add(CONVERT, leads, lead_X)
    stages = stage_order(con, as_of)
    if stages:
        create_stage_holdings(con, as_of, stages, holdings="deal_holdings")
        steps = con.sql("SELECT * FROM stage_holdings ORDER BY step, case_id, got_at").df()
        row_of = pd.MultiIndex.from_frame(deals[["case_id", "got_at"]])
        for number, stage in enumerate(stages):
            held = steps[steps["step"] == number].reset_index(drop=True)
            rows = row_of.get_indexer(pd.MultiIndex.from_frame(held[["case_id", "held_from"]]))
            code = (CLOSE if number == len(stages) - 1 else ADVANCE) + stage
            add(code, held, X.iloc[rows].reset_index(drop=True))
    for step, at_once in ((TAKE_UP, _taken_up(con, as_of)), (ANSWER, _answered(con, as_of))):
        found = _judge_at_once(at_once, windows, settings)
        if found is not None:
            judged[step] = found
    return Judged(judged, tuple(sorted(proxies)))


def _with_money(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> pd.DataFrame:
    """Holdings of deals with what was asked when the person got them and what they brought, in one currency.

    Both at the rate of the day of closing, or of today: exchange rates are nobody's merit.
    """
    for name, amount in (("_won_money", "h.amount"), ("_asked_money", "v.amount")):
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE _known AS SELECT h.case_id, h.got_at, {amount} AS amount, v.currency, "
            f"coalesce(h.ended_at, {sql_moment(as_of)}) AS counted_at FROM deal_holdings h JOIN opportunities v "
            "ON v.opportunity_id = h.case_id AND v.known_from = h.got_at AND v.known_from < v.known_to"
        )
        convert_counted(con, into=name, as_of=as_of, settings=settings)
    frame: pd.DataFrame = con.sql(
        "SELECT h.* EXCLUDE (amount), CAST(w.amount AS DOUBLE) AS amount, CAST(a.amount AS DOUBLE) AS asked "
        "FROM deal_holdings h LEFT JOIN _won_money w USING (case_id, got_at) "
        "LEFT JOIN _asked_money a USING (case_id, got_at) ORDER BY case_id, got_at"
    ).df()
    con.execute("DROP TABLE _won_money; DROP TABLE _asked_money")
    return frame


def _features(
    con: DuckDBPyConnection, entity: str, held: pd.DataFrame, settings: Settings
) -> tuple[pd.DataFrame, list[str]]:
    """Features in the order of the holdings, without those that stand for a person."""
    if held.empty:
        return pd.DataFrame(index=held.index), []
    features = features_at_hand_over(con, entity, held, settings.zone)
    keys = pd.MultiIndex.from_frame(held[["case_id", "got_at"]])
    rows = pd.MultiIndex.from_frame(features[["case_id", "got_at"]]).get_indexer(keys)
    X = features.drop(columns=["case_id", "got_at"]).iloc[rows].reset_index(drop=True)
    return without_proxies(X, held["owner_id"])


def _judge_held(
    held: pd.DataFrame, X: pd.DataFrame, windows: Windows, settings: Settings, *, money: bool
) -> Above | None:
    person, people = pd.factorize(held["owner_id"], sort=True)
    succeeded = (held["event"] == "won").to_numpy()
    if len(people) < 2 or succeeded.sum() < MIN_SUCCESSES:
        return None
    spells = Spells(
        person=person.astype(np.int64),
        case=pd.factorize(held["case_id"])[0].astype(np.int64),
        start=_in_days(held["got_at"]),
        until=_in_days(held["until"]),
        ended=np.where(held["ended_at"].isna(), np.inf, _in_days(held["ended_at"])),
        succeeded=succeeded,
    )
    pieces = expect(spells, X, windows.limits)
    worth = _worth(held, spells) if money else None
    return _judge_pieces(pieces, [str(name) for name in people], windows, settings, worth)


def _judge_pieces(
    pieces: Pieces, people: list[str], windows: Windows, settings: Settings, worth: Worth | None = None
) -> Above | None:
    first, last = windows.period
    inside = (pieces.window >= first) & (pieces.window <= last)
    if not inside.any() or last < first:
        return None
    return judge(pieces, people, period=windows.period, worth=worth, random_state=settings.random_state)


def _in_days(moments: "pd.Series[pd.Timestamp]") -> Floats:
    """Days since 1970; whatever for a missing moment."""
    return np.asarray(moments.astype("datetime64[us]").astype("int64").to_numpy() / _DAY_US)


def _worth(held: pd.DataFrame, spells: Spells) -> Worth:
    """What a success is expected to bring: what was asked at the ratio of won to asked of everybody else's wins."""
    asked, amount = held["asked"].to_numpy(dtype=float), held["amount"].fillna(0.0).to_numpy(dtype=float)
    told = np.isfinite(asked) & (asked > 0)
    won = spells.succeeded

    def others(values: Floats, rows: NDArray[np.bool_]) -> Floats:
        own = np.bincount(spells.person[rows], values[rows], spells.n_people)
        return np.asarray((own.sum() - own)[spells.person])

    below = others(np.nan_to_num(asked), won & told)
    ratio = np.where(below > 0, others(amount, won & told) / np.where(below > 0, below, 1.0), 1.0)
    n_others = others(np.ones(len(won)), won)
    mean = np.where(n_others > 0, others(amount, won) / np.where(n_others > 0, n_others, 1.0), 0.0)
    return Worth(np.where(told, np.nan_to_num(asked) * ratio, mean), amount)


def _taken_up(con: DuckDBPyConnection, as_of: datetime) -> pd.DataFrame:
    """Cases that somebody got at least two days ago, and whether anybody contacted the customer within that time."""
    limit = f"{sql_moment(as_of)} - INTERVAL {FIRST_CONTACT_HOURS} HOUR"
    in_time = f"h.got_at + INTERVAL {FIRST_CONTACT_HOURS} HOUR"
    frame: pd.DataFrame = con.sql(
        f"""
        WITH cases AS (
            SELECT 'o' || case_id AS thread, owner_id, got_at, ended_at FROM deal_holdings
            UNION ALL SELECT 'l' || case_id, owner_id, got_at, ended_at FROM lead_holdings
        ), out AS (
            SELECT DISTINCT thread, happened_at FROM contacts
            WHERE is_done AND direction IS DISTINCT FROM 'in' AND thread IS NOT NULL
        )
        SELECT h.owner_id, h.got_at AS happened_at, h.thread[1] || isodow(h.got_at) AS kind,
            out.happened_at IS NOT NULL AND out.happened_at <= {in_time} AS succeeded
        FROM (SELECT * FROM cases WHERE got_at <= {limit} AND (ended_at IS NULL OR ended_at > got_at
              + INTERVAL {FIRST_CONTACT_HOURS} HOUR)) h
        ASOF LEFT JOIN out ON h.thread = out.thread AND h.got_at <= out.happened_at
        ORDER BY h.thread, h.got_at
        """
    ).df()
    return frame


def _answered(con: DuckDBPyConnection, as_of: datetime) -> pd.DataFrame:
    """Inquiries at least a day old, and whether they were answered within that time."""
    frame: pd.DataFrame = con.sql(
        f"""
        SELECT owner_id, happened_at, channel || isodow(happened_at) AS kind,
            answered_at IS NOT NULL AND answered_at <= happened_at + INTERVAL {ANSWER_HOURS} HOUR AS succeeded
        FROM inquiries WHERE owner_id <> '' AND happened_at <= {sql_moment(as_of)} - INTERVAL {ANSWER_HOURS} HOUR
        ORDER BY owner_id, happened_at, channel, answered_at
        """
    ).df()
    return frame


def _judge_at_once(rows: pd.DataFrame, windows: Windows, settings: Settings) -> Above | None:
    """Judge cases whose outcome is known at once, by the share of everybody else's of the same kind and quarter."""
    at = _in_days(rows["happened_at"])
    rows = rows[(at >= windows.limits[0]) & (at < windows.limits[-1])].reset_index(drop=True)
    succeeded = rows["succeeded"].to_numpy(dtype=bool)
    person, people = pd.factorize(rows["owner_id"], sort=True)
    if len(people) < 2 or succeeded.sum() < MIN_SUCCESSES:
        return None
    window = np.searchsorted(windows.limits, _in_days(rows["happened_at"]), side="right") - 1
    kind = pd.factorize(rows["kind"], sort=True)[0].astype(np.int64)
    expected = expect_share(person.astype(np.int64), kind, window.astype(np.int64), succeeded, len(people))
    pieces = Pieces(np.arange(len(rows)), person.astype(np.int64), window.astype(np.int64), expected, succeeded)
    return _judge_pieces(pieces, [str(name) for name in people], windows, settings)
