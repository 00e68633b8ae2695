"""What happened between us and them: counts, recency, trends, answers and plans, of the case and of its account.

An interaction counts from the later of ``at`` and ``recorded_at`` on. One that still lies ahead, or that has a
``due_at`` not after its ``at`` and no ``result``, is a plan: planned until it is due, then overdue. It belongs to a
case by ``opportunity_id``, else by the ``lead_id`` that became the opportunity; to an account by ``account_id``.

What we log counts when something shows that it took place: time spent, or a result other than "unanswered". Else it is
empty and only lengthens the unanswered streak, which ends at five: a rep must not raise a score by logging contacts
that never were. Where a company's CRM does not record results and durations (judged on its first 100 contacts), nobody
can tell, and everything counts.
"""

from functools import cached_property
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection, DuckDBPyRelation
from numpy.typing import NDArray

from forecast.features.columns import first_values, slug
from forecast.features.links import account_groups, case_groups
from forecast.features.spine import DAY_US, Spine, SpineRows, fetch
from forecast.features.stabbing import NOTHING, Ints, Mask, Moments, Reach, range_medians, ratio

WINDOWS_DAYS = (7, 30, 90, 365)
#: Kinds and results that get columns of their own, by when they became known.
MAX_KINDS, MAX_RESULTS = 20, 10
#: A longer streak says no more, and nobody can make it longer.
MAX_STREAK = 5
#: Results that say that nobody was reached.
UNANSWERED = (
    *("unanswered", "no answer", "no_answer", "not reached", "busy", "left message", "voicemail"),
    *("未接", "未接通", "无人接听", "未联系上", "占线"),
)
#: Contacts known first on which a company is judged, and the share of them with a result or a duration from which on an
#: empty one tells.
JUDGED_CONTACTS, MIN_RECORDED = 100, 0.5
HOUR_MS, HOUR_US = 3_600_000, 3_600_000_000

#: Name after the family, kind, effort; see `forecast.features.describe`. Whether the customer came is hard to fake.
DESCRIBED = (
    (r"(in|account_in|web)__(count(_\d+d)?|days_since_last)", "number", "hard"),
    (r"\w+?__(count(_\d+d)?|days_since_last)", "number", "activity"),
    ("all__(trend|hours(_30d)?)|in__response_hours_(mean|median)|out__unanswered_streak", "number", "activity"),
    ("plan__(overdue|planned|days_to_next)", "number", "activity"),
)


def build(con: DuckDBPyConnection, spine: Spine) -> DuckDBPyRelation:
    """Interaction features of each spine row.

    Per subject (``all``, ``in``, ``out``, each channel, ``kind_…``, ``result_…``, and ``account``, ``account_in``,
    ``account_out``): ``count_7d``, ``count_30d``, ``count_90d``, ``count_365d``, ``count`` and ``days_since_last``.
    Beside them ``hours_30d`` and ``hours`` spent, ``trend``,
    ``response_hours_mean`` and ``_median`` (from each inbound interaction to the next outbound
    one), ``unanswered_streak`` (outbound ones since the last answer), ``overdue``, ``planned``, ``days_to_next``.

    Returns
    -------
    relation
        ``entity_id``, ``as_of``, ``interactions__…``.
    """
    entity, rows, moment = spine.entity, spine.rows, spine.last_moment
    channels = first_values(con, "interactions", "channel", moment)
    kinds = first_values(con, "interactions", "kind", moment, limit=MAX_KINDS)
    results = first_values(con, "interactions", "result", moment, limit=MAX_RESULTS)

    tells_from = _tells_from(con)
    case = _Facts(con, Moments(case_groups(con, spine), rows.as_of), of_cases(entity), tells_from)
    features = _counts(case, rows, "all", None)
    for direction in ("in", "out"):
        features |= _counts(case, rows, direction, case.having("direction", [direction]))
    for column, prefix, values in (("channel", "", channels), ("kind", "kind_", kinds), ("result", "result_", results)):
        for name in sorted({slug(value) for value in values}):
            alike = [value for value in values if slug(value) == name]
            features |= _counts(case, rows, f"{prefix}{name}", case.having(column, alike))
    features["interactions__all__hours_30d"] = case.moments.total(case.recent[30], case.duration_ms) / HOUR_MS
    features["interactions__all__hours"] = case.moments.total(case.ever, case.duration_ms) / HOUR_MS
    features["interactions__all__trend"] = _trend(features)
    features |= _answers(case, rows)
    features |= _plans(case, rows)

    account = _Facts(con, Moments(account_groups(con, spine), rows.as_of), _OF_ACCOUNTS, tells_from)
    features |= _counts(account, rows, "account", None)
    for direction in ("in", "out"):
        features |= _counts(account, rows, f"account_{direction}", account.having("direction", [direction]))
    return rows.relation(con, features)


_OF_ACCOUNTS = (
    "(SELECT i.*, l.code, l.link_from, TIMESTAMP '9999-12-31' AS link_to "
    "FROM interactions i JOIN _account_links l ON i.account_id = l.id)"
)


def of_cases(entity: str) -> str:
    """SQL table expression: interactions with the ``code`` of the case they belong to, and since and until when."""
    linked = "SELECT i.*, l.code, l.link_from, l.link_to FROM interactions i JOIN _case_links l"
    by_lead = f"{linked} ON i.lead_id = l.id AND l.by = 'lead_id'"
    if entity == "lead":
        return f"({by_lead})"
    by_opportunity = f"{linked} ON i.opportunity_id = l.id AND l.by = 'opportunity_id'"
    return f"({by_opportunity} UNION ALL {by_lead} WHERE i.opportunity_id IS NULL)"


def _tells_from(con: DuckDBPyConnection) -> int:
    """From when on (microseconds) an empty contact tells: the contacts known first mostly say what came of them."""
    contacts = (
        "FROM interactions WHERE known_from < known_to AND direction IS DISTINCT FROM 'in' "
        "AND channel IS DISTINCT FROM 'web'"
    )
    # To find the moment first is to compare moments alone, of which most are out of question at once.
    first = f"SELECT max(known_from) FROM (SELECT known_from {contacts} ORDER BY known_from LIMIT {JUDGED_CONTACTS})"
    recorded, count, last = con.execute(
        "SELECT count(*) FILTER (result IS NOT NULL OR duration_s IS NOT NULL), count(*), max(epoch_us(known_from)) "
        f"FROM (SELECT result, duration_s, known_from {contacts} AND known_from <= ({first}) "
        f"ORDER BY known_from, interaction_id LIMIT {JUDGED_CONTACTS})"
    ).fetchall()[0]
    tells = count == JUDGED_CONTACTS and recorded >= MIN_RECORDED * count
    return int(last) if tells else int(np.iinfo(np.int64).max)


class _Facts:
    """Interactions of the groups of a spine, each with the moments at which it counts."""

    def __init__(self, con: DuckDBPyConnection, moments: Moments, linked: str, tells_from: int) -> None:
        frame = fetch(
            con,
            f"""
            SELECT code, epoch_us("at") AS happened_at, epoch_us(coalesce(due_at, "at")) AS due,
                epoch_us(greatest(known_from, link_from)) AS known_from, epoch_us(least(known_to, link_to)) AS known_to,
                coalesce("at" >= due_at AND result IS NULL, false) AS is_task, channel, kind, result, direction,
                coalesce(TRY_CAST(round(1000 * duration_s) AS BIGINT), 0) AS duration_ms
            FROM {linked} WHERE deleted_at IS NULL AND greatest(known_from, link_from) < least(known_to, link_to)
            ORDER BY code, happened_at, interaction_id
            """,
        )
        self.moments = moments
        self.at, self.due = frame["happened_at"].to_numpy(), frame["due"].to_numpy()
        self.duration_ms = frame["duration_ms"].to_numpy(dtype=np.int64)
        self.is_task = frame["is_task"].to_numpy(dtype=bool)
        self._code, self._frame = frame["code"].to_numpy(), frame
        self._known_from, self._known_to = frame["known_from"].to_numpy(), frame["known_to"].to_numpy()
        #: Until when each one counts; an empty one only while nobody can tell.
        self.counts_until = np.where(self._empty(), np.minimum(self._known_to, tells_from), self._known_to)

    def _empty(self) -> Mask:
        """Which ones we logged without anything that shows that they took place."""
        ours = ~self.having("direction", ["in"]) & ~self.having("channel", ["web"])
        result = self._frame["result"].str.strip().str.lower()
        reached = result.notna() & ~result.isin(["", *UNANSWERED])
        return ours & ~reached.to_numpy(dtype=bool) & (self.duration_ms <= 0)

    def having(self, column: str, values: list[str]) -> Mask:
        """Which interactions have one of the values."""
        return self._frame[column].isin(values).to_numpy(dtype=bool)

    @cached_property
    def logged(self) -> Reach:
        """The moments at which each one has been logged and has happened, empty or not."""
        return self._reach(np.maximum(self._known_from, self.at), self._done_until(self._known_to))

    @cached_property
    def ever(self) -> Reach:
        """The moments at which each one has happened; none for a task still to do."""
        return self._happened(self._known_to)

    @cached_property
    def recent(self) -> dict[int, Reach]:
        """The moments at which each one has happened within the last so many days."""
        ends = {days: np.minimum(self._known_to, self.at + days * DAY_US) for days in WINDOWS_DAYS}
        return {days: self._happened(end) for days, end in ends.items()}

    def _happened(self, end: Ints) -> Reach:
        start = np.maximum(self._known_from, self.at)
        return self._reach(start, self._done_until(np.minimum(end, self.counts_until)))

    def _done_until(self, end: Ints) -> Ints:
        return np.asarray(np.where(self.is_task, self._known_from, end))

    def planned(self) -> Reach:
        """The moments at which each one lies ahead and is not past due."""
        ahead = np.where(self.is_task, self.due, np.minimum(self.at, self.due))
        return self._reach(self._known_from, np.minimum(self._known_to, ahead))

    def overdue(self) -> Reach:
        """The moments at which each one is past due and not done."""
        end = np.where(self.is_task, self._known_to, np.minimum(self._known_to, self.at))
        return self._reach(np.maximum(self._known_from, self.due), end)

    def _reach(self, start: Ints, end: Ints) -> Reach:
        return self.moments.reach(self._code, start, end)


def _counts(facts: _Facts, rows: SpineRows, subject: str, where: Mask | None) -> dict[str, Any]:
    """Counts per window and recency of one subject."""
    name = f"interactions__{subject}"
    counts = {f"{name}__count_{days}d": facts.moments.total(reach, where=where) for days, reach in facts.recent.items()}
    return {
        **counts,
        f"{name}__count": facts.moments.total(facts.ever, where=where),
        f"{name}__days_since_last": rows.days_since(facts.moments.latest(facts.ever, facts.at, where)),
    }


def _trend(features: dict[str, Any]) -> NDArray[np.float64]:
    """Rate of the last 30 days over that of the 60 days before, each with one interaction more than counted."""
    last = features["interactions__all__count_30d"]
    before = features["interactions__all__count_90d"] - last
    return ratio(2 * (last + 1), before + 2)


def _answers(facts: _Facts, rows: SpineRows) -> dict[str, Any]:
    """How fast we answered, and how often in a row we were not answered.

    Works on every (spine row, interaction with a direction or an answer) pair, sorted by row and time.
    """
    inbound, outbound = facts.having("direction", ["in"]), facts.having("direction", ["out"])
    answer = inbound | facts.having("result", ["answered"])
    stop = np.where(outbound | answer, facts.logged.stop, facts.logged.first)
    row, fact = facts.moments.pairs(Reach(facts.logged.first, stop))
    n = len(facts.moments)

    following = _next_of_row(row, outbound[fact] & (rows.as_of[row] <= facts.counts_until[fact]))
    asked = np.flatnonzero(inbound[fact] & (following >= 0))
    asked = asked[np.argsort(row[asked], kind="stable")]  # pairs come by group and time, medians go by row
    gap = facts.at[fact[following[asked]]] - facts.at[fact[asked]]
    total = np.zeros(n, dtype=np.int64)
    np.add.at(total, row[asked], gap)
    count = np.bincount(row[asked], minlength=n)
    stop = np.cumsum(count)

    unanswered = outbound[fact] & ~answer[fact] & (_next_of_row(row, answer[fact]) < 0)
    return {
        "interactions__in__response_hours_mean": ratio(total, count * HOUR_US),
        "interactions__in__response_hours_median": range_medians(gap, stop - count, stop) / HOUR_US,
        "interactions__out__unanswered_streak": np.minimum(np.bincount(row[unanswered], minlength=n), MAX_STREAK),
    }


def _next_of_row(row: Ints, where: Mask) -> Ints:
    """Position of the next pair (or this one) of the same row that fulfils a condition, else -1."""
    none = len(row)
    position = np.minimum.accumulate(np.where(where, np.arange(none), none)[::-1])[::-1]
    same = (position < none) & (row[np.minimum(position, none - 1)] == row)
    return np.where(same, position, -1)


def _plans(facts: _Facts, rows: SpineRows) -> dict[str, Any]:
    """What lies ahead and what should have been done."""
    planned = facts.planned()
    next_due = facts.moments.latest(planned, -facts.due)  # the earliest, as the latest of the negatives
    return {
        "interactions__plan__overdue": facts.moments.total(facts.overdue()),
        "interactions__plan__planned": facts.moments.total(planned),
        "interactions__plan__days_to_next": -rows.days_since(np.where(next_due == NOTHING, NOTHING, -next_due)),
    }
