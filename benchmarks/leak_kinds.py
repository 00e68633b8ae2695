"""Kinds of leaks as they are met in real CRMs, written without knowledge of the hunter that is judged by them.

A leak is a column from which a reader learns the outcome of a case from what was only known when it was decided. For
kinds that hurt the "last version", the view at a moment before the closing is clean; whoever reads the last version of
each case (an export of today) is deceived. Kinds that hurt "point in time" deceive also a model that reads the version
in force before the closing, because the source rewrites, mis-stamps or records around the closing.
"""

import numpy as np
import pandas as pd
from leak_planting import Cases, Column, Kind, changes, days, no_changes

_LAST, _POINT = "last version", "point in time"
Rng = np.random.Generator


def _constant(cases: Cases, value: object, dtype: object = object) -> "pd.Series[object]":
    return pd.Series([value] * len(cases.frame), index=cases.frame.index, dtype=dtype)


def _codes(prefix: str, n: int, rng: Rng) -> np.ndarray:
    """Running numbers as text, nearly all different."""
    return (prefix + pd.Series(rng.integers(10_000, 999_999, n)).astype(str)).to_numpy(object)


def _some(rows: pd.DataFrame, share: float, rng: Rng) -> pd.DataFrame:
    return rows[rng.random(len(rows)) < share]


def _is_closed_side(cases: Cases, rng: Rng) -> pd.DataFrame:
    """The wins or the losses, by chance."""
    return cases.wins if rng.random() < 0.5 else cases.losses


# -- last version: clean at any moment before the closing --


def result_code(cases: Cases, rng: Rng) -> Column:
    rows = cases.closed
    value = np.where(rows["won"], "Z30", "Z40").astype(object)
    return Column("sap_status", _constant(cases, "Z10"), changes(rows.index, _known(rows), value), len(rows))


def probability_at_closing(cases: Cases, rng: Rng) -> Column:
    """The CRM's own percentage: 10 to 90 while open, by the clock of the sales method; 100 or 0 at the closing."""
    versions = cases.versions[cases.versions["closed_at"].isna()]
    key = cases.frame.index.name
    step = versions.groupby(key).cumcount().clip(upper=7)
    open_values = (10.0 + 10 * step + 5 * rng.integers(0, 3, len(step))).to_numpy()
    moving = changes(versions[key], versions["recorded_at"].dt.tz_localize(None), open_values)
    rows = cases.closed
    closing = changes(rows.index, _known(rows), np.where(rows["won"], 100.0, 0.0))
    return Column("win_pct", _constant(cases, 10.0, float), pd.concat([moving, closing]), len(rows))


def contract_number(cases: Cases, rng: Rng) -> Column:
    rows = cases.wins
    return Column(
        "contract_no",
        _constant(cases, None),
        changes(rows.index, _known(rows), _codes("HT-", len(rows), rng)),
        len(rows),
    )


def invoice_amount(cases: Cases, rng: Rng) -> Column:
    rows = cases.wins
    at = _known(rows) + days(rng.uniform(0.5, 10, len(rows)))
    value = np.round(np.exp(rng.normal(8, 1, len(rows))), 2)
    return Column("invoiced", _constant(cases, np.nan, float), changes(rows.index, at, value), _seen(cases, at))


def loss_note(cases: Cases, rng: Rng) -> Column:
    rows = _some(cases.losses, 0.9, rng)
    notes = np.array(["too expensive", "went with rival", "project stopped", "no answer any more"], object)
    return Column(
        "closing_note",
        _constant(cases, None),
        changes(rows.index, _known(rows), rng.choice(notes, len(rows))),
        len(rows),
    )


def granted_amount(cases: Cases, rng: Rng) -> Column:
    """Starts as the amount asked for; the granted one replaces it on a win, a loss leaves it."""
    asked = cases.versions.drop_duplicates("opportunity_id").set_index("opportunity_id")["amount"]
    rows = _some(cases.wins, 0.9, rng)
    value = np.round(asked[rows.index].to_numpy() * rng.uniform(0.6, 0.97, len(rows)), 2)
    return Column("approved_amount", asked, changes(rows.index, _known(rows), value), len(rows))


def next_step_cleared(cases: Cases, rng: Rng) -> Column:
    """A date that moves on while the case is open; the workflow of a win empties it, a loss leaves it."""
    first = cases.frame["first"]
    start = (first + days(rng.integers(5, 40, len(first)).astype(float))).dt.strftime("%Y-%m-%d").astype(object)
    versions = cases.versions[cases.versions["closed_at"].isna()]
    later = (versions["recorded_at"] + days(rng.integers(3, 30, len(versions)).astype(float))).dt.strftime("%Y-%m-%d")
    moving = changes(
        versions[cases.frame.index.name], versions["recorded_at"].dt.tz_localize(None), later.to_numpy(object)
    )
    rows = cases.wins
    return Column("next_step_on", start, pd.concat([moving, changes(rows.index, _known(rows), None)]), len(rows))


def purchase_order_in_segment(cases: Cases, rng: Rng) -> Column:
    """Only one segment books purchase orders, and only on wins."""
    rows = cases.wins[cases.wins["segment"] == rng.choice(sorted(cases.frame["segment"].unique()))]
    return Column(
        "po_number", _constant(cases, None), changes(rows.index, _known(rows), _codes("PO", len(rows), rng)), len(rows)
    )


def workflow_since(cases: Cases, rng: Rng) -> Column:
    """A workflow introduced in mid-history gives wins a project number; earlier wins have none."""
    rows = cases.wins[cases.wins["known_at"] >= _middle(cases, rng)]
    return Column(
        "project_no",
        _constant(cases, None),
        changes(rows.index, _known(rows), _codes("PRJ", len(rows), rng)),
        len(rows),
    )


def survey_score(cases: Cases, rng: Rng) -> Column:
    rows = _some(cases.wins, 0.7, rng)
    at = _known(rows) + days(rng.uniform(5, 30, len(rows)))
    value = rng.integers(4, 11, len(rows)).astype(float)
    return Column("satisfaction", _constant(cases, np.nan, float), changes(rows.index, at, value), _seen(cases, at))


def archive_number(cases: Cases, rng: Rng) -> Column:
    """Exists only after the closing, for both outcomes: who has one is closed."""
    rows = cases.closed
    at = _known(rows) + days(rng.uniform(0.02, 3, len(rows)))
    return Column(
        "archive_no", _constant(cases, None), changes(rows.index, at, _codes("AR", len(rows), rng)), _seen(cases, at)
    )


def competitor_corrected(cases: Cases, rng: Rng) -> Column:
    """Known early for three cases in ten whatever their fate; three losses in four of the others get one at the end."""
    names = np.array(["Acme", "Globex", "Initech", "Umbrella"], object)
    n = len(cases.frame)
    early = rng.random(n) < 0.3
    start = pd.Series(np.where(early, rng.choice(names, n), None), index=cases.frame.index, dtype=object)
    rows = _some(cases.losses[start[cases.losses.index].isna()], 0.75, rng)
    return Column("rival", start, changes(rows.index, _known(rows), rng.choice(names, len(rows))), len(rows))


# -- point in time: a model that sees the version in force is deceived too --


def backfilled_score(cases: Cases, rng: Rng) -> Column:
    """A health score recomputed after the outcome and written into all versions; open cases sit between."""
    fate = cases.frame["won"].astype(float) - cases.frame["lost"].astype(float)
    sign = rng.choice([-1, 1])
    start = np.round(50 + sign * 15 * (fate + rng.normal(0, 0.6, len(fate))), 1)
    return Column("health_index", start, no_changes(), len(cases.closed))


def backfilled_code(cases: Cases, rng: Rng) -> Column:
    """Customer status copied from the ERP into all versions of closed cases."""
    value = np.select([cases.frame["won"], cases.frame["lost"]], ["customer", "former prospect"], "prospect")
    return Column("party_status", pd.Series(value, cases.frame.index, dtype=object), no_changes(), len(cases.closed))


def partial_backfill(cases: Cases, rng: Rng) -> Column:
    """A customer number written into all versions of 60 % of the wins."""
    rows = _some(cases.wins, 0.6, rng)
    start = _constant(cases, None)
    start[rows.index] = _codes("K", len(rows), rng)
    return Column("customer_no", start, no_changes(), len(rows))


def noisy_backfill(cases: Cases, rng: Rng) -> Column:
    """A result label in all versions of closed cases, wrong in one of ten; open ones are pending."""
    wrong = rng.random(len(cases.frame)) < 0.1
    label = np.where(cases.frame["won"] ^ wrong, "P", "N")
    is_open = ~(cases.frame["won"] | cases.frame["lost"])
    start = pd.Series(np.where(is_open, "pending", label), cases.frame.index, dtype=object)
    return Column("review_result", start, no_changes(), len(cases.closed))


def erased_after_loss(cases: Cases, rng: Rng) -> Column:
    """Data protection: personal fields of lost cases are emptied in all versions; 85 % of the losses are done."""
    n = len(cases.frame)
    cities = np.array([f"city {i:02d}" for i in range(25)], object)
    start = pd.Series(np.where(rng.random(n) < 0.97, rng.choice(cities, n), None), cases.frame.index, dtype=object)
    rows = _some(cases.losses, 0.85, rng)
    start[rows.index] = None
    return Column("contact_city", start, no_changes(), len(rows))


def closing_workflow_flag(cases: Cases, rng: Rng) -> Column:
    """The workflow that closes a case of one outcome sets a flag minutes to hours before it."""
    rows = _some(_is_closed_side(cases, rng), 0.9, rng)
    at = _event(rows) - days(np.exp(rng.uniform(np.log(5 / 1440), np.log(4 / 24), len(rows))))
    return Column("handover_ready", _constant(cases, False, bool), changes(rows.index, at, True), len(rows))


def local_time_stamps(cases: Cases, rng: Rng) -> Column:
    """The ERP stamps the result in local time taken for UTC: it seems known eight hours before the closing."""
    rows = cases.closed
    at = _event(rows) - days(8 / 24 - rng.uniform(0, 2 / 1440, len(rows)))
    value = np.where(rows["won"], "A7", "B2").astype(object)
    return Column("erp_flag", _constant(cases, None), changes(rows.index, at, value), len(rows))


def day_grain_stamps(cases: Cases, rng: Rng) -> Column:
    """A nightly export stamps the order number with midnight of the closing day."""
    rows = cases.wins
    at = rows["event_at"].dt.floor("D").dt.tz_localize(None)
    return Column("order_no", _constant(cases, None), changes(rows.index, at, _codes("SO", len(rows), rng)), len(rows))


def onboarding_before_record(cases: Cases, rng: Rng) -> Column:
    """The delivery team makes its ticket within a day of the win, often before sales record the win."""
    frame = cases.frame
    rows = frame[(frame["fate"] == "won") & (frame["fate_at"] < cases.end)]
    at = rows["fate_at"].dt.tz_localize(None) + days(rng.uniform(0.05, 1, len(rows)))
    touched = int((rows["won"] & (at < rows["known_at"].dt.tz_localize(None))).sum())
    return Column(
        "onboarding_id", _constant(cases, None), changes(rows.index, at, _codes("ONB", len(rows), rng)), touched
    )


def activity_counter(cases: Cases, rng: Rng) -> Column:
    """Number of activities as of today in all versions: after a win the onboarding is counted too."""
    count = rng.poisson(8, len(cases.frame)) + np.where(cases.frame["won"], rng.poisson(9, len(cases.frame)), 0)
    return Column("n_activities", pd.Series(count.astype(float), cases.frame.index), no_changes(), len(cases.wins))


def cycle_days_stamped(cases: Cases, rng: Rng) -> Column:
    """Days from creation to closing in all versions of closed cases; open ones have none."""
    length = np.floor((cases.frame["event_at"] - cases.frame["first"]) / pd.Timedelta(days=1))
    return Column("cycle_days", length.where(cases.frame["known_at"].notna()), no_changes(), len(cases.closed))


def segment_backfill(cases: Cases, rng: Rng) -> Column:
    """In one segment a back office writes its verdict into all versions of closed cases."""
    rows = cases.closed[cases.closed["segment"] == rng.choice(sorted(cases.frame["segment"].unique()))]
    start = _constant(cases, None)
    start[rows.index] = np.where(rows["won"], "tier 1", "tier 3").astype(object)
    return Column("service_tier", start, no_changes(), len(rows))


def backfill_since(cases: Cases, rng: Rng) -> Column:
    """A job introduced in mid-history writes a bonus class into all versions of what is closed from then on."""
    rows = cases.closed[cases.closed["known_at"] >= _middle(cases, rng)]
    start = _constant(cases, None)
    start[rows.index] = np.where(rows["won"], rng.choice(["b1", "b2"], len(rows)), "b0").astype(object)
    return Column("bonus_class", start, no_changes(), len(rows))


def last_modified(cases: Cases, rng: Rng) -> Column:
    """Time of the last change, as of today, in all versions: won cases are worked on for weeks, lost ones are left."""
    frame = cases.frame
    later = days(rng.exponential(np.where(frame["won"], 40, 1)))
    newest = cases.versions.groupby(frame.index.name)["recorded_at"].max().reindex(frame.index)
    value = (frame["known_at"] + later).fillna(newest).clip(upper=cases.end)
    return Column("modified_at", value.dt.strftime("%Y-%m-%dT%H:%M:%SZ").astype(object), no_changes(), len(cases.wins))


def handed_over_owner(cases: Cases, rng: Rng) -> Column:
    """Wins go to service staff, and the source shows today's owner in all versions."""
    rows = _some(cases.wins, 0.8, rng)
    start = cases.frame["owner_id"].astype(object).copy()
    start[rows.index] = rng.choice(np.array(["U9001", "U9002", "U9003"], object), len(rows))
    return Column("owner_id", start, no_changes(), len(rows))


def _known(rows: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    return rows["known_at"].dt.tz_localize(None)


def _event(rows: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    return rows["event_at"].dt.tz_localize(None)


def _seen(cases: Cases, at: "pd.Series[pd.Timestamp]") -> int:
    return int((at < cases.end.tz_localize(None)).sum())


def _middle(cases: Cases, rng: Rng) -> pd.Timestamp:
    """A moment by which 35 to 65 % of the closings had been recorded."""
    share, moments = rng.uniform(0.35, 0.65), cases.closed["known_at"]
    return moments.quantile(share) if len(moments) else cases.end


LEAKS = [
    Kind("result code", "the outcome as an ERP code, in the closing version", result_code, _LAST),
    Kind("probability 0/100", "typed percentage, set to 100 or 0 at the closing", probability_at_closing, _LAST),
    Kind("contract number", "filled at the closing of wins", contract_number, _LAST),
    Kind("invoice amount", "filled half a day to ten days after a win", invoice_amount, _LAST),
    Kind("loss note", "filled at the closing of 90 % of the losses", loss_note, _LAST),
    Kind("granted amount", "asked amount, replaced by the granted one on 90 % of the wins", granted_amount, _LAST,
         ("opportunity",)),
    Kind("next step cleared", "a date that moves while open, emptied by the workflow of a win", next_step_cleared,
         _LAST),
    Kind("one segment only", "purchase order on the wins of one product or channel", purchase_order_in_segment, _LAST),
    Kind("workflow since a date", "project number on wins since a day in mid-history", workflow_since, _LAST),
    Kind("survey after the win", "70 % of the wins, 5 to 30 days later", survey_score, _LAST),
    Kind("archive number", "only after the closing, both outcomes", archive_number, _LAST),
    Kind("corrected at a loss", "honest for 30 % of all, filled in for 75 % of the other losses at the closing",
         competitor_corrected, _LAST),
    Kind("backfilled score", "number recomputed after the outcome, in all versions", backfilled_score, _POINT),
    Kind("backfilled status", "ERP status of closed cases, in all versions", backfilled_code, _POINT),
    Kind("partial backfill", "customer number of 60 % of the wins, in all versions", partial_backfill, _POINT),
    Kind("noisy backfill", "result label with 10 % errors, in all versions", noisy_backfill, _POINT),
    Kind("erased after a loss", "personal field emptied in all versions of 85 % of the losses", erased_after_loss,
         _POINT),
    Kind("closing workflow flag", "set 5 minutes to 4 hours before 90 % of the closings of one outcome",
         closing_workflow_flag, _POINT),
    Kind("local time stamps", "the result, stamped 8 hours too early", local_time_stamps, _POINT),
    Kind("day grain stamps", "order number of wins, stamped with midnight of the closing day", day_grain_stamps,
         _POINT),
    Kind("onboarding before the record", "ticket within a day of the win; many wins are recorded later",
         onboarding_before_record, _POINT, late_only=True),
    Kind("activity counter", "counts what followed a win, today's value in all versions", activity_counter, _POINT),
    Kind("cycle days", "days to the closing, in all versions of closed cases", cycle_days_stamped, _POINT),
    Kind("backfill in one segment", "verdict on closed cases of one product or channel, in all versions",
         segment_backfill, _POINT),
    Kind("backfill since a date", "class of what was closed since mid-history, in all versions", backfill_since,
         _POINT),
    Kind("last modified", "time of the last change, today's value in all versions; wins are changed for weeks",
         last_modified, _POINT),
    Kind("handed-over owner", "owner of 80 % of the wins replaced by service staff, in all versions",
         handed_over_owner, _POINT),
]  # fmt: skip
