"""What the account bought: recency, frequency, money, category mix, and what was cancelled.

Money is in the orders' own currency: quantity × unit price less discount. Lines of a cancelled order count only where
their quantity is negative, which takes back an earlier order.
"""

from typing import Any

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection, DuckDBPyRelation

from forecast.features.columns import first_values, slug
from forecast.features.links import account_groups
from forecast.features.spine import DAY_US, Spine, SpineRows, fetch
from forecast.features.stabbing import NOTHING, Ints, Moments, Reach, ratio

WINDOWS_DAYS = (90, 365)
#: Product categories whose share gets a column, by when they became known.
MAX_CATEGORY_COLUMNS = 10
#: Money is added as whole parts of this.
_PARTS = 10_000
_CANCELLED = "coalesce(regexp_matches(lower(o.status), '^(cancel|void|return|refund)'), false)"

#: Name after the family, kind, effort; see `forecast.features.describe`.
DESCRIBED = (
    (r"orders__(count(_\d+d)?|days_since_(last|first)|days_between|cancelled_share)", "number", "hard"),
    (r"money__(total(_\d+d)?|per_order)", "number", "hard"),
    (r"categories__(count|top_share)|category_\w+__share", "number", "hard"),
)


def build(con: DuckDBPyConnection, spine: Spine) -> DuckDBPyRelation:
    """Purchases of each spine row's account that were known at ``as_of``.

    ``orders__count``, ``_90d``, ``_365d`` (cancelled ones left out), ``orders__days_since_last``,
    ``orders__days_since_first``, ``orders__days_between`` (mean); ``money__total``, ``_90d``, ``_365d``,
    ``money__per_order``; ``orders__cancelled_share``; ``categories__count``, ``categories__top_share`` and
    ``category_…__share``: shares of the money spent in categories with a positive sum.

    Returns
    -------
    relation
        ``entity_id``, ``as_of``, ``purchases__…``.
    """
    rows = spine.rows
    groups = account_groups(con, spine)
    moments = Moments(groups, rows.as_of)
    orders = _Facts(con, moments, _ORDERS)
    lines = _Facts(con, moments, _LINES)
    categories = first_values(con, "products", "category", spine.last_moment, limit=MAX_CATEGORY_COLUMNS)
    features = {
        **_orders(orders, rows),
        **_money(lines, orders),
        **_mix(fetch(con, _CATEGORY_LINES), groups, rows, categories),
    }
    return rows.relation(con, features)


_ORDERS = f"""
    SELECT l.code, epoch_us(o.ordered_at) AS ordered_at, epoch_us(greatest(o.known_from, l.link_from)) AS known_from,
        epoch_us(o.known_to) AS known_to, {_CANCELLED} AS is_cancelled, 0 AS money
    FROM orders o JOIN _account_links l ON o.account_id = l.id
    WHERE o.deleted_at IS NULL AND o.known_from < o.known_to
"""
_LINES = f"""
    SELECT l.code, epoch_us(o.ordered_at) AS ordered_at,
        epoch_us(greatest(o.known_from, n.known_from, l.link_from)) AS known_from,
        epoch_us(least(o.known_to, n.known_to)) AS known_to, {_CANCELLED} AS is_cancelled, n.product_id,
        coalesce(TRY_CAST(round({_PARTS} * CAST(n.quantity AS DOUBLE) * CAST(n.unit_price AS DOUBLE)
            * (1 - coalesce(n.discount_pct, 0) / 100)) AS BIGINT), 0) AS money
    FROM orders o JOIN _account_links l ON o.account_id = l.id JOIN order_lines n ON n.order_id = o.order_id
    WHERE o.deleted_at IS NULL AND n.deleted_at IS NULL AND n.quantity IS NOT NULL AND n.unit_price IS NOT NULL
        AND greatest(o.known_from, n.known_from) < least(o.known_to, n.known_to)
        AND (NOT {_CANCELLED} OR n.quantity < 0)
"""
_CATEGORY_LINES = f"""
    SELECT n.code, p.category, greatest(ordered_at, n.known_from, epoch_us(p.known_from)) AS start,
        least(n.known_to, epoch_us(p.known_to)) AS end, n.money
    FROM ({_LINES}) n JOIN products p ON p.product_id = n.product_id
    WHERE p.deleted_at IS NULL AND p.category <> '' AND p.known_from < p.known_to
    ORDER BY code, category
"""


class _Facts:
    """Orders or their lines, each with the moments at which it counts for the account of a spine row."""

    def __init__(self, con: DuckDBPyConnection, moments: Moments, query: str) -> None:
        frame = fetch(con, query)
        self.moments = moments
        self.at, self.money = frame["ordered_at"].to_numpy(), frame["money"].to_numpy(dtype=np.int64)
        self.is_cancelled = frame["is_cancelled"].to_numpy(dtype=bool)
        self._code, self._known_from, self._known_to = (
            frame[name].to_numpy() for name in ("code", "known_from", "known_to")
        )

    def reach(self, days: int | None = None) -> Reach:
        """The moments at which each one counts, within the last ``days``."""
        end = self._known_to if days is None else np.minimum(self._known_to, self.at + days * DAY_US)
        return self.moments.reach(self._code, np.maximum(self.at, self._known_from), end)


def _orders(orders: _Facts, rows: SpineRows) -> dict[str, Any]:
    """Frequency and recency."""
    done = ~orders.is_cancelled
    ever = orders.reach()
    count = orders.moments.total(ever, where=done)
    every = orders.moments.total(ever)
    last = orders.moments.latest(ever, orders.at, done)
    first = orders.moments.latest(ever, -orders.at, done)
    since_last = rows.days_since(last)
    since_first = rows.days_since(np.where(first == NOTHING, NOTHING, -first))
    return {
        "purchases__orders__count": count,
        **{
            f"purchases__orders__count_{days}d": orders.moments.total(orders.reach(days), where=done)
            for days in WINDOWS_DAYS
        },
        "purchases__orders__days_since_last": since_last,
        "purchases__orders__days_since_first": since_first,
        "purchases__orders__days_between": ratio(since_first - since_last, count - 1),
        "purchases__orders__cancelled_share": ratio(every - count, every),
    }


def _money(lines: _Facts, orders: _Facts) -> dict[str, Any]:
    """Spending, net of what was taken back."""
    total = lines.moments.total(lines.reach(), lines.money)
    count = orders.moments.total(orders.reach(), where=~orders.is_cancelled)
    return {
        "purchases__money__total": total / _PARTS,
        **{
            f"purchases__money__total_{days}d": lines.moments.total(lines.reach(days), lines.money) / _PARTS
            for days in WINDOWS_DAYS
        },
        "purchases__money__per_order": ratio(total, count * _PARTS),
    }


def _mix(lines: pd.DataFrame, groups: Ints, rows: SpineRows, columns: list[str]) -> dict[str, Any]:
    """Shares of the categories, over every (spine row, category of its account) pair."""
    pairs = lines[["code", "category"]].drop_duplicates(ignore_index=True)  # lines are sorted by both
    pair = pd.MultiIndex.from_frame(pairs).get_indexer(pd.MultiIndex.from_frame(lines[["code", "category"]]))
    first = np.searchsorted(pairs["code"].to_numpy(), groups, side="left")
    size = np.searchsorted(pairs["code"].to_numpy(), groups, side="right") - first
    row = np.repeat(np.arange(len(groups)), size)
    asked = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size) + np.repeat(first, size)

    moments = Moments(asked, rows.as_of[row])
    reach = moments.reach(pair, lines["start"].to_numpy(), lines["end"].to_numpy())
    money = np.maximum(moments.total(reach, lines["money"].to_numpy()), 0)
    n = len(groups)
    total, top = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    np.add.at(total, row, money)
    np.maximum.at(top, row, money)
    features = {
        "purchases__categories__count": np.bincount(row[money > 0], minlength=n),
        "purchases__categories__top_share": ratio(top, total),
    }
    name = pairs["category"].map(slug).to_numpy()[asked]
    for category in sorted({slug(value) for value in columns}):
        part, here = np.zeros(n, dtype=np.int64), name == category
        np.add.at(part, row[here], money[here])
        features[f"purchases__category_{category}__share"] = ratio(part, total)
    return features
