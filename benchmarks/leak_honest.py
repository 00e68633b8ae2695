"""Kinds of honest columns that look suspicious: each value was known when its version was recorded.

Values that tell something of the fate are drawn given the true fate, for open cases the one that comes after the end.
For everything that can be seen this is the same as a trait that was there first and then decided the case.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from leak_planting import Cases, Column, Kind, changes, days, no_changes

Rng = np.random.Generator
_DAY = pd.Timedelta(days=1)


def strong_category(cases: Cases, rng: Rng) -> Column:
    """Nearly as telling as a leak: AUC about 0.85."""
    is_yes = rng.random(len(cases.frame)) < np.where(cases.frame["fate"] == "won", 0.82, 0.12)
    return Column("framework_contract", _text(cases, np.where(is_yes, "yes", "no")), no_changes())


def vendor_score(cases: Cases, rng: Rng) -> Column:
    """AUC about 0.76."""
    score = rng.normal(0, 1, len(cases.frame)) + (cases.frame["fate"] == "won")
    return Column("vendor_score", pd.Series(np.round(600 + 50 * score), cases.frame.index), no_changes())


def quote_number(cases: Cases, rng: Rng) -> Column:
    """Filled when the case reaches the stage ``proposal``: most wins have it, and few losses."""
    versions = cases.versions
    rows = versions[versions["stage"] == "proposal"].drop_duplicates("opportunity_id")
    value = ("Q" + pd.Series(rng.integers(10_000, 999_999, len(rows))).astype(str)).to_numpy(object)
    at = rows["recorded_at"].dt.tz_localize(None)
    return Column("quote_no", _text(cases, None), changes(rows["opportunity_id"], at, value))


def temperature(cases: Cases, rng: Rng) -> Column:
    """A rep's number of stars, typed anew every three weeks while the case is open; tells something of the fate."""
    rows = _repeated(cases, 21, rng, until=_closing(cases))
    lean = np.where(cases.frame["fate"].reindex(rows["case"]) == "won", 0.8, 0.0)
    rows["value"] = np.clip(np.rint(2.5 + lean + rng.normal(0, 1, len(rows))), 1, 5)
    return Column("stars", pd.Series(3.0, cases.frame.index), rows)


def external_id(cases: Cases, rng: Rng) -> Column:
    numbers = rng.permutation(len(cases.frame)) + 100_000
    return Column("external_id", _text(cases, ("X" + pd.Series(numbers).astype(str)).to_numpy(object)), no_changes())


def missing_at_random(cases: Cases, rng: Rng) -> Column:
    values = np.round(np.exp(rng.normal(3, 1, len(cases.frame))))
    return Column("employees", pd.Series(values, cases.frame.index).where(rng.random(len(values)) < 0.5), no_changes())


def price_list(cases: Cases, rng: Rng) -> Column:
    """Drifts: a new list every quarter, so that old cases (closed) and new ones (open) share few values."""
    return Column("price_list", cases.frame["first"].dt.strftime("%Y-%m").astype(object), no_changes())


def rising_level(cases: Cases, rng: Rng) -> Column:
    """Drifts: a number that grows with the date of creation."""
    age = (cases.frame["first"] - cases.frame["first"].min()) / _DAY
    return Column("list_price_index", np.round(100 + 0.1 * age + rng.normal(0, 3, len(age)), 1), no_changes())


def constant(cases: Cases, rng: Rng) -> Column:
    return Column("record_type", _text(cases, "standard"), no_changes())


def recomputed(cases: Cases, rng: Rng) -> Column:
    """A data-quality score, computed anew every two months by one law, before and after the closing alike."""
    rows = _repeated(cases, 60, rng, until=pd.Series(cases.end, cases.frame.index))
    rows["value"] = np.round(rng.beta(5, 2, len(rows)), 2)
    return Column("data_quality", pd.Series(np.round(rng.beta(5, 2, len(cases.frame)), 2), cases.frame.index), rows)


def audited(cases: Cases, rng: Rng) -> Column:
    """Known from creation; half of the closed cases of either outcome are corrected by a few percent afterwards."""
    start = pd.Series(np.round(np.exp(rng.normal(9, 1, len(cases.frame)))), cases.frame.index)
    rows = cases.closed[rng.random(len(cases.closed)) < 0.5]
    at = rows["known_at"].dt.tz_localize(None) + days(rng.uniform(0.5, 30, len(rows)))
    value = np.round(start[rows.index].to_numpy() * rng.uniform(0.95, 1.05, len(rows)))
    return Column("site_area", start, changes(rows.index, at, value))


def one_team(cases: Cases, rng: Rng) -> Column:
    """Filled at creation by half of the reps, and telling."""
    owners = sorted(cases.frame["owner_id"].dropna().unique())
    team = rng.choice(owners, max(len(owners) // 2, 1), replace=False)
    value = np.round(rng.normal(5, 2, len(cases.frame)) + 1.5 * (cases.frame["fate"] == "won"), 1)
    return Column("bant_points", value.where(cases.frame["owner_id"].isin(team)), no_changes())


def typed_probability(cases: Cases, rng: Rng) -> Column:
    """A rep's percentage that rises with each step and leans to the fate; the closing leaves it as it was."""
    versions = cases.versions[cases.versions["closed_at"].isna()]
    case = versions[cases.frame.index.name]
    lean = np.where(cases.frame["fate"].reindex(case) == "won", 10, -5)
    percent = 20 + 15 * versions.groupby(cases.frame.index.name).cumcount() + lean + rng.normal(0, 10, len(case))
    value = np.clip(np.rint(percent / 10) * 10, 0, 100).to_numpy()
    moving = changes(case, versions["recorded_at"].dt.tz_localize(None), value)
    return Column("rep_estimate", pd.Series(20.0, cases.frame.index), moving)


def since_a_date(cases: Cases, rng: Rng) -> Column:
    """A field of the form since a day in mid-history: filled at creation of all later cases."""
    filled = cases.frame["first"] >= cases.frame["first"].quantile(rng.uniform(0.3, 0.6))
    values = rng.choice(np.array(["inbound", "partner", "fair"], object), len(filled))
    return Column("origin_detail", _text(cases, np.where(filled, values, None)), no_changes())


def migrated(cases: Cases, rng: Rng) -> Column:
    """A migration in mid-history fills a new field in every case, open or closed; later ones have it from creation."""
    day = cases.frame["first"].quantile(rng.uniform(0.4, 0.7))
    values = rng.choice(np.array(["S", "M", "L"], object), len(cases.frame))
    is_old = (cases.frame["first"] < day).to_numpy()
    at = pd.Series(day.tz_localize(None) + days(rng.uniform(0, 0.1, is_old.sum())))
    return Column("size_class", _text(cases, np.where(is_old, None, values)),
                  changes(cases.frame.index[is_old], at, values[is_old]))  # fmt: skip


def retired(cases: Cases, rng: Rng) -> Column:
    """A field that the form lost on a day: old cases, nearly all closed by now, have it, new ones do not."""
    filled = cases.frame["first"] < cases.frame["first"].quantile(rng.uniform(0.4, 0.7))
    values = rng.choice(np.array(["r1", "r2", "r3", "r4"], object), len(filled))
    return Column("old_region", _text(cases, np.where(filled, values, None)), no_changes())


def next_meeting(cases: Cases, rng: Rng) -> Column:
    """A date that moves on while the case is open and is left alone at the closing."""
    rows = _repeated(cases, 30, rng, until=_closing(cases))
    rows["value"] = (rows["at"] + days(rng.uniform(2, 25, len(rows)))).dt.strftime("%Y-%m-%d").to_numpy(object)
    return Column("next_meeting_on", _text(cases, None), rows)


def verbal_agreement(cases: Cases, rng: Rng) -> Column:
    """Typed 3 to 30 days before the decision: in 60 % of the cases that are then won, in 12 % of the others."""
    return Column("verbal_ok", pd.Series(False, cases.frame.index),
                  _before_fate(cases, rng, won=0.6, lost=0.12, value=lambda n: np.full(n, True)))  # fmt: skip


def objection(cases: Cases, rng: Rng) -> Column:
    """Typed 3 to 30 days before the decision: in half of the cases that are then lost, in 15 % of the others."""
    names = np.array(["price", "timing", "features"], object)
    return Column("objection", _text(cases, None),
                  _before_fate(cases, rng, won=0.15, lost=0.5, value=lambda n: rng.choice(names, n)))  # fmt: skip


def qualified_later(cases: Cases, rng: Rng) -> Column:
    """Asked some weeks after creation, where the case is still open: who has it has lived long."""
    at = cases.frame["first"] + days(rng.exponential(20, len(cases.frame)))
    rows = cases.frame[at < _closing(cases)]
    value = np.round(rng.normal(50, 10, len(rows)) + 8 * (rows["fate"] == "won"))
    return Column("budget_k", pd.Series(np.nan, cases.frame.index),
                  changes(rows.index, at[rows.index].dt.tz_localize(None), value.to_numpy()))  # fmt: skip


def entered_late(cases: Cases, rng: Rng) -> Column:
    """A clerk types it some weeks after creation, whether the case is still open or not; it tells nothing."""
    at = cases.frame["first"] + days(rng.exponential(25, len(cases.frame)))
    values = rng.choice(np.array(["A", "B", "C"], object), len(cases.frame))
    return Column("paper_file", _text(cases, None), changes(cases.frame.index, at.dt.tz_localize(None), values))


def rare_flag(cases: Cases, rng: Rng) -> Column:
    """One case in fifty: sometimes all of them were won by chance."""
    return Column("vip", pd.Series(rng.random(len(cases.frame)) < 0.02, cases.frame.index), no_changes())


def campaign(cases: Cases, rng: Rng) -> Column:
    """Forty values with different win rates, known from creation."""
    effect = rng.normal(0, 1, 40)
    pull = np.exp(effect) / np.exp(effect).sum()
    n = len(cases.frame)
    name = np.where(cases.frame["fate"] == "won", rng.choice(40, n, p=pull), rng.choice(40, n))
    return Column("campaign", _text(cases, ("camp " + pd.Series(name).astype(str)).to_numpy(object)), no_changes())


def _text(cases: Cases, values: object) -> "pd.Series[object]":
    return pd.Series(values, index=cases.frame.index, dtype=object)


def _closing(cases: Cases) -> "pd.Series[pd.Timestamp]":
    """When a case was truly closed, or the end."""
    return cases.frame["fate_at"].fillna(cases.end).clip(upper=cases.end)


def _repeated(cases: Cases, mean_days: float, rng: Rng, *, until: "pd.Series[pd.Timestamp]") -> pd.DataFrame:
    """Moments of a Poisson process from the first version of each case until a moment."""
    span = ((until - cases.frame["first"]) / _DAY).clip(lower=0).to_numpy()
    n = rng.poisson(span / mean_days)
    which = np.repeat(np.arange(len(n)), n)
    at = cases.frame["first"].dt.tz_localize(None).to_numpy()[which] + days(span[which] * rng.random(len(which)))
    return changes(cases.frame.index[which], pd.Series(at), None)


def _before_fate(cases: Cases, rng: Rng, *, won: float, lost: float, value: Callable[[int], Any]) -> pd.DataFrame:
    frame = cases.frame[cases.frame["fate"] != ""]
    rows = frame[rng.random(len(frame)) < np.where(frame["fate"] == "won", won, lost)]
    at = rows["fate_at"].dt.tz_localize(None) - days(rng.uniform(3, 30, len(rows)))
    typed = changes(rows.index, at, value(len(rows)))
    # A case too short for it has none: known at creation of closed cases only, it would be no different from a leak.
    return typed[(at > rows["first"].dt.tz_localize(None)).to_numpy()]


HONEST = [
    Kind("strong predictor", "category known at creation, AUC about 0.85", strong_category),
    Kind("vendor score", "number known at creation, AUC about 0.76", vendor_score),
    Kind("quote number", "filled when a stage is reached that most wins and few losses reach", quote_number,
         entities=("opportunity",)),
    Kind("changes while open", "stars typed every three weeks, leaning to the fate", temperature),
    Kind("external id", "another value for every case", external_id),
    Kind("missing at random", "half of the values", missing_at_random),
    Kind("drifting category", "month of the price list", price_list),
    Kind("drifting number", "grows with the date of creation", rising_level),
    Kind("constant", "one value", constant),
    Kind("recomputed for all", "every two months, before and after the closing", recomputed),
    Kind("corrected after closing", "half of the closed cases of both outcomes, by a few percent", audited),
    Kind("one team only", "filled by half of the reps, telling", one_team),
    Kind("typed probability", "rises with the steps, leans to the fate, untouched by the closing", typed_probability),
    Kind("new field", "filled at creation since a day", since_a_date),
    Kind("migration", "filled on one day in all cases, open or closed", migrated),
    Kind("retired field", "filled at creation until a day", retired),
    Kind("next meeting", "date that moves while open", next_meeting),
    Kind("verbal agreement", "3 to 30 days before the decision, 60 % of wins, 12 % of others", verbal_agreement),
    Kind("objection", "3 to 30 days before the decision, 50 % of losses, 15 % of others", objection),
    Kind("asked later", "some weeks after creation where still open, telling", qualified_later),
    Kind("entered late", "by a clerk weeks after creation, before or after the closing, telling nothing", entered_late),
    Kind("rare flag", "2 % of the cases", rare_flag),
    Kind("campaign", "forty values with different win rates", campaign),
]  # fmt: skip
