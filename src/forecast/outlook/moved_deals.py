"""How each opportunity and order moved between two moments, one thing at a time."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.outlook.book import Book, at_rates, earlier_rates
from forecast.outlook.deals import expected_minor
from forecast.outlook.timing import Window

Floats = NDArray[np.float64]
Units = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: What the opportunities in a frame would have scored at the earlier moment had this been known too. The frame has
#: new values of columns, on the id; the answer ``p_…d`` and ``amount_if_won`` in the own currency, on the id.
Rescore = Callable[[pd.DataFrame], pd.DataFrame]

#: Columns of what one step did to one opportunity; ``opportunity_id`` is missing where it was none.
ENTRIES = ("step", "what", "opportunity_id", "owner_id", "value")


def direct(step: str, before: Book, after: Book) -> list[pd.DataFrame]:
    """Entries of everything that differs between two books, as one step."""
    ids = before.deals.index.union(after.deals.index)
    old, new = (book.deals.reindex(ids) for book in (before, after))
    chain = _Chain(ids, _whole(old["value"]), old["owner_id"].fillna(new["owner_id"]).to_numpy(dtype=object))
    chain.move(step, "", _whole(new["value"]), new["owner_id"].fillna(old["owner_id"]).to_numpy(dtype=object))
    orders = [book.orders.groupby("owner_id")["value"].sum() for book in (before, after)]
    return [*chain.entries, _rest(step, "orders", *orders), *to_come(step, ("arriving", "repeat"), before, after)]


def to_come(step: str, parts: tuple[str, ...], before: Book, after: Book) -> list[pd.DataFrame]:
    """Entries of the change of what is not there yet."""
    return [_rest(step, part, before.to_come[part], after.to_come[part]) for part in parts]


def moves(before: Book, after: Book, rescore: Rescore) -> list[pd.DataFrame]:
    """Entries that lead from one book to a later one of the same batch and model.

    See `forecast.outlook.moved` for what each step is.

    Parameters
    ----------
    before, after : Book
    rescore : callable
        Asked once for each of dates, prices and owners that changed; later changes come on top of earlier ones.
    """
    currency = after.outlook.currency
    rates = earlier_rates(before.rates, after.rates)
    deals = at_old_rates(after.deals, rates, after.rates, currency, after.window)
    orders = at_old_rates(after.orders, rates, after.rates, currency, None)
    found = _deal_moves(before, after, deals, rescore)
    found += _order_moves(before.orders, orders)
    found += to_come("time_passed", ("arriving",), before, after)
    found += to_come("repeat_demand", ("repeat",), before, after)
    fx = _Chain(deals.index, deals["value"].to_numpy(), deals["owner_id"].to_numpy(dtype=object))
    fx.move("exchange_rates", "", after.deals["value"].to_numpy(), fx.owner)
    by_owner = [frame.groupby("owner_id")["value"].sum() for frame in (orders, after.orders)]
    return [*found, *fx.entries, _rest("exchange_rates", "orders", *by_owner)]


def at_old_rates(
    rows: pd.DataFrame, old: pd.DataFrame, new: pd.DataFrame, currency: str, window: Window | None
) -> pd.DataFrame:
    """Opportunities (with their window) or orders as they would count at other exchange rates."""
    factor = at_rates(rows, old, currency) / at_rates(rows, new, currency)
    columns = ["mean", "asked"] if "mean" in rows else ["amount"]
    known = np.isfinite(factor) & rows[columns[-1]].notna().to_numpy()  # an amount of others is in no currency
    factor = np.where(known, factor, 1.0)
    scaled = rows.assign(**{name: rows[name] * factor for name in columns})
    value = expected_minor(_chance(rows, window), scaled[columns[0]].to_numpy(dtype=float), currency)
    return scaled.assign(value=np.where(factor == 1, rows["value"], value))


class _Chain:
    """Opportunities that move step by step; what each step did is kept as entries."""

    def __init__(self, ids: pd.Index, value: Units, owner: NDArray[np.object_]) -> None:
        self.ids = ids
        self.value = value.copy()
        self.owner = owner.copy()
        self.entries: list[pd.DataFrame] = []

    def move(self, step: str, what: str, value: Units, owner: NDArray[np.object_], where: Mask | None = None) -> None:
        """Go to a new value and owner, where the mask holds."""
        where = np.ones(len(self.ids), dtype=bool) if where is None else where
        to_other = where & (owner != self.owner)
        same = where & ~to_other
        for mask, who, change in (
            (same, self.owner, value - self.value),
            (to_other, self.owner, -self.value),
            (to_other, owner, value),
        ):
            used = mask & (change != 0)
            if used.any():
                self.entries.append(_entries(step, what, self.ids[used], who[used], change[used]))
        self.value[where], self.owner[where] = value[where], owner[where]

    def set(self, step: str, what: str, where: Mask, value: Units) -> None:
        """Go to a new value, where the mask holds; owners stay."""
        self.move(step, what, value, self.owner, where)


class _Pairs:
    """The same opportunities at two moments, and how they differ."""

    def __init__(self, before: Book, after: Book, deals: pd.DataFrame) -> None:
        self.ids = before.deals.index.union(deals.index)
        self.old, self.new = before.deals.reindex(self.ids), deals.reindex(self.ids)
        self.old_facts, self.new_facts = (book.facts.reindex(self.ids) for book in (before, after))
        self.was, self.now = _state(self.old, self.old_facts), _state(self.new, self.new_facts)
        self.old_value, self.value = _whole(self.old["value"]), _whole(self.new["value"])
        old_owner, new_owner = (frame["owner_id"].astype(object) for frame in (self.old, self.new))
        self.old_owner = old_owner.fillna(new_owner).to_numpy(dtype=object)
        self.owner = new_owner.fillna(old_owner).to_numpy(dtype=object)

    def is_(self, was: str, now: str) -> Mask:
        """Which went from one of these states to one of those; states are parted by blanks."""
        return np.isin(self.was, was.split()) & np.isin(self.now, now.split())

    def differs(self, *columns: str) -> Mask:
        """Whose facts differ in a column."""
        found = np.zeros(len(self.ids), dtype=bool)
        for column in columns:
            old, new = (facts[column] for facts in (self.old_facts, self.new_facts))
            found |= ~((old == new) | (old.isna() & new.isna())).to_numpy(dtype=bool)
        return found


def _deal_moves(before: Book, after: Book, deals: pd.DataFrame, rescore: Rescore) -> list[pd.DataFrame]:
    pairs = _Pairs(before, after, deals)
    chain = _Chain(pairs.ids, pairs.old_value, pairs.old_owner)
    zero, value = np.zeros(len(pairs.ids), dtype=np.int64), pairs.value
    priced = pairs.differs("amount", "currency")
    asked = pairs.old["asked"].to_numpy(dtype=float)
    as_asked = expected_minor(np.ones(len(asked)), asked, after.outlook.currency)
    at_first = np.where(priced & np.isfinite(asked), as_asked, value)

    chain.set("won", "won", pairs.is_("open", "won"), at_first)
    chain.set("won", "outside", pairs.is_("open", "outside"), zero)
    chain.set("won", "reopened", pairs.is_("won", "open"), value)
    chain.set("won", "won", pairs.is_("lost closed", "won"), value)
    for what in ("lost", "closed", "deleted", "merged", "unknown"):
        chain.set("lost", what, pairs.is_("open won", what), zero)
    chain.set("new", "new", pairs.is_("unknown", "open won"), value)
    chain.set("new", "reopened", pairs.is_("lost closed outside", "open"), value)
    chain.set("new", "restored", pairs.is_("deleted merged", "open won"), value)
    chain.set("slipped", "outside", pairs.is_("won", "outside"), zero)
    chain.set("slipped", "inside", pairs.is_("outside", "won"), value)

    still, law = pairs.is_("open", "open"), _Law(pairs, before.window, after.outlook.currency)
    slipped = still & pairs.differs("expected_close_date")
    law.rescore(slipped, ["expected_close_date"], rescore)
    chain.set("slipped", "date", slipped, law.value())
    chain.set("repriced", "amount", pairs.is_("open won", "won"), value)
    law.reprice(still & priced)
    law.rescore(still & priced, ["amount", "currency"], rescore)
    chain.set("repriced", "amount", still & priced, law.value())
    handed = still & (pairs.old_owner != pairs.owner)
    law.rescore(handed, ["owner_id"], rescore)
    chain.move("owner_changed", "owner", np.where(handed, law.value(), chain.value), pairs.owner)
    chain.set("probability", "probability", still, law.as_now())
    chain.set("time_passed", "time", np.ones(len(value), dtype=bool), value)
    return chain.entries


class _Law:
    """Chance and amount of what stays open, as it would have been at the earlier moment."""

    def __init__(self, pairs: _Pairs, window: Window, currency: str) -> None:
        self.pairs, self.window, self.currency = pairs, window, currency
        self.within = [name for name in pairs.old if str(name).startswith("p_")]
        self.p = np.nan_to_num(pairs.old[self.within].to_numpy(dtype=float))
        self.asked, self.mean = (pairs.old[name].to_numpy(dtype=float).copy() for name in ("asked", "mean"))
        self.there = pairs.old_facts["amount"].to_numpy(dtype=float)  # asked in the own currency

    def value(self) -> Units:
        """Expected in the window of the earlier moment."""
        return expected_minor(self.window.chance(self.p), self.mean, self.currency)

    def reprice(self, where: Mask) -> None:
        """Take the new amount asked; the mean follows as the ratio of the two was."""
        new_asked, new_mean = (self.pairs.new[name].to_numpy(dtype=float) for name in ("asked", "mean"))
        usual = np.divide(self.mean, self.asked, out=np.full(len(self.mean), np.nan), where=self.asked > 0)
        mean = np.where(np.isfinite(usual * new_asked), usual * new_asked, new_mean)
        self.asked, self.mean = np.where(where, new_asked, self.asked), np.where(where, mean, self.mean)
        self.there = np.where(where, self.pairs.new_facts["amount"].to_numpy(dtype=float), self.there)

    def rescore(self, where: Mask, columns: list[str], rescore: Rescore) -> None:
        """Ask for the scores that the changed columns would have given."""
        if not where.any():
            return
        changes = self.pairs.new_facts.loc[where, columns]
        said = rescore(changes).reindex(self.pairs.ids)
        p = said[self.within].to_numpy(dtype=float)
        scored = where & np.isfinite(p).all(axis=1)
        self.p[scored] = p[scored]
        if "amount_if_won" not in said:
            return
        ratio = np.divide(
            said["amount_if_won"].to_numpy(dtype=float),
            self.there,
            out=np.full(len(self.there), np.nan),
            where=self.there > 0,
        )
        mean = self.asked * ratio
        self.mean = np.where(scored & np.isfinite(mean), mean, self.mean)

    def as_now(self) -> Units:
        """Expected by today's probabilities and amounts, had no time passed."""
        self.p = np.nan_to_num(self.pairs.new[self.within].to_numpy(dtype=float))
        self.mean = self.pairs.new["mean"].to_numpy(dtype=float)
        return self.value()


def _order_moves(before: pd.DataFrame, after: pd.DataFrame) -> list[pd.DataFrame]:
    """Entries of orders by owner: who owns one now, and all that came, went or changed."""
    keys = before.index.union(after.index)
    old, new = before.reindex(keys), after.reindex(keys)
    both = (old["owner_id"].notna() & new["owner_id"].notna()).to_numpy(dtype=bool)
    first = old["owner_id"].fillna(new["owner_id"]).to_numpy(dtype=object)
    last = new["owner_id"].fillna(old["owner_id"]).to_numpy(dtype=object)
    chain = _Chain(keys, _whole(old["value"]), first)
    chain.move("owner_changed", "orders", chain.value, last, both)
    chain.move("repeat_demand", "orders", _whole(new["value"]), last)
    nothing = pd.Series(dtype=np.int64)
    return [
        _rest(str(step), "orders", nothing, rows.groupby("owner_id")["value"].sum())
        for entries in chain.entries
        for step, rows in entries.groupby("step")
    ]


def _rest(step: str, what: str, before: "pd.Series[int]", after: "pd.Series[int]") -> pd.DataFrame:
    """Entries of the change of sums by owner."""
    change = after.sub(before, fill_value=0)
    change = change[change != 0].sort_index()
    return _entries(step, what, None, change.index.to_numpy(dtype=object), np.asarray(change, dtype=np.int64))


def _entries(step: str, what: str, ids: pd.Index | None, owner: NDArray[np.object_], value: Units) -> pd.DataFrame:
    names = ids.to_numpy(dtype=object) if ids is not None else np.full(len(owner), None, dtype=object)
    columns = (step, what, names, owner, value)
    return pd.DataFrame(dict(zip(ENTRIES, columns, strict=True)), index=range(len(owner)))


def _state(deals: pd.DataFrame, facts: pd.DataFrame) -> NDArray[np.str_]:
    """``open`` and ``won`` count; ``outside`` is won, but not in the period; else the fact, or ``unknown``.

    What is open and cannot be scored does not count and is as good as unknown.
    """
    fact = facts["state"].astype(object).where(facts["state"].notna(), "unknown")
    fact = fact.replace({"won": "outside", "open": "unknown"})
    return np.asarray(deals["kind"].astype(object).where(deals["kind"].notna(), fact), dtype=str)


def _chance(rows: pd.DataFrame, window: Window | None) -> Floats:
    """Of what is open its chance, of the rest 1."""
    if window is None:
        return np.ones(len(rows))
    within = [name for name in rows if str(name).startswith("p_")]
    chance = window.chance(np.nan_to_num(rows[within].to_numpy(dtype=float)))
    return np.where(rows["kind"] == "open", chance, 1.0)


def _whole(values: "pd.Series[float]") -> Units:
    return np.asarray(values.fillna(0), dtype=np.int64)
