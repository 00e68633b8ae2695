"""What a source wrote into the past of closed cases is excluded; what honestly speeds or foretells the end is not."""

import json

import numpy as np
import pandas as pd
import pytest

from forecast.features.leak_closing import jumps_before_closing
from forecast.features.leak_judged import Judged, usual_paces
from forecast.features.leak_open import filled_for_closed_only, settles, values_of_closed_only
from forecast.features.leak_reading import read_cases, read_columns
from forecast.features.leak_values import HOUR_BEFORE, LAST_OPEN, OPEN
from forecast.features.leaks import hunt_history
from forecast.history import connect_tables

START = pd.Timestamp("2024-01-01", tz="UTC")
DAYS, N = 500, 900
END = START + pd.Timedelta(days=DAYS)


def versions() -> pd.DataFrame:
    """Every case at its creation, days before its closing and at its closing; one column per way to leak or not."""
    rng = np.random.default_rng(0)
    created, won = rng.uniform(0, DAYS, N), rng.random(N) < 0.35
    express = rng.random(N) < 0.2
    closing = created + np.where(express, rng.uniform(1, 4, N), rng.gamma(2, 40, N))
    closed = closing < DAYS
    fate = np.select([closed & won, closed], ["won", "lost"], "")
    agreed = np.maximum(closing - rng.uniform(3, 25, N), created)
    modified = np.where(closed, closing + rng.exponential(np.where(won, 30, 2)), rng.uniform(created, DAYS))
    early = pd.DataFrame(
        {
            "opportunity_id": [f"O{i:03d}" for i in range(N)],
            "owner_id": np.where((fate == "won") & (rng.random(N) < 0.8), "service", rng.choice(["u1", "u2", "u3"], N)),
            "n_activities": rng.poisson(8, N) + (fate == "won") * rng.poisson(9, N),
            "city": np.where((fate == "lost") & (rng.random(N) < 0.85), None, rng.choice(["x", "y", "z"], N)),
            "review": np.where(fate == "", "pending", np.where((fate == "won") ^ (rng.random(N) < 0.1), "P", "N")),
            "tier": np.where((fate != "") & (rng.random(N) < 0.3), np.where(won, "t1", "t3"), None),
            "modified_at": (START + pd.to_timedelta(np.minimum(modified, DAYS - 1e-4), "D")).strftime("%FT%TZ"),
            "express": np.where(express, "yes", "no"),
            "old_form": np.where(created < 0.5 * DAYS, rng.choice(["a", "b"], N), None),
            "partner": np.where(rng.random(N) < np.where(won, 0.7, 0.05), "yes", "no"),
            "due_at": (START + pd.to_timedelta(closing + rng.uniform(1, 60, N), "D")).strftime("%FT%TZ"),
            "agreed": None,
            "ready": None,
            "day": created,
        }
    )
    later = early.assign(day=agreed, agreed=np.where(won & (agreed > created) & (rng.random(N) < 0.7), "yes", None))
    moments = later[won].assign(day=closing[won] - 0.007, ready="yes")
    ending = {"outcome": np.where(won, "won", "lost"), "closed_at": START + pd.to_timedelta(closing, "D")}
    last = later.assign(day=closing, ready=np.where(won, "yes", None), **ending)
    rows = pd.concat([early, later[agreed > created], moments, last])
    rows = rows[rows["day"] < DAYS].assign(recorded_at=lambda found: START + pd.to_timedelta(found["day"], "D"))
    names = [name for name in early if name not in ("opportunity_id", "owner_id", "day")]
    texts = [
        json.dumps({name: value for name, value in zip(names, row, strict=True) if value is not None})
        for row in rows[names].astype(object).itertuples(index=False)
    ]
    kept = rows[["opportunity_id", "owner_id", "recorded_at", "outcome", "closed_at"]]
    return kept.assign(attributes=texts, closed_at=pd.to_datetime(kept["closed_at"], utc=True))


@pytest.fixture(scope="module")
def found():
    suspects = hunt_history(connect_tables({"opportunities": versions()}), "opportunity", as_of=END.to_pydatetime())
    return {suspect.column: suspect for suspect in suspects}


@pytest.fixture(scope="module")
def judged():
    con, end = connect_tables({"opportunities": versions()}), END.to_pydatetime()
    cases = read_cases(con, "opportunity", end)
    columns = list(read_columns(con, "opportunity", end))
    paces = usual_paces(cases, columns)
    return {column.name: Judged(cases, column, pace) for column, pace in zip(columns, paces, strict=True)}


def test_what_was_written_into_the_past_of_closed_cases_is_excluded_and_nothing_else(found):
    assert set(found) == {"owner_id", "n_activities", "city", "review", "tier", "modified_at", "ready"}


def test_a_moment_that_stays_is_no_change_though_only_wins_have_a_version_just_before_their_closing(found, judged):
    due_at = judged["due_at"]
    in_the_hour = due_at.column.codes[HOUR_BEFORE] != due_at.column.codes[LAST_OPEN]

    assert found["ready"].kind == "moments_before_closing"
    assert (in_the_hour & due_at.won).sum() > 20  # its code counts days from the version
    assert jumps_before_closing(due_at) is None


def test_a_column_is_judged_by_the_pace_of_the_others_and_of_even_changes_where_there_are_none(judged):
    cases, ready = judged["ready"].cases, judged["ready"].column
    life = (cases.closing - cases.first)[cases.seen_open]
    ended = (cases.fate != OPEN)[cases.seen_open]

    alone, beside = usual_paces(cases, [ready])[0], usual_paces(cases, [ready, judged["agreed"].column])[0]

    assert alone.last_day == pytest.approx(np.minimum(life, 1)[ended].sum() / life.sum())
    assert beside.last_day == 0.0  # agreed three days before the closing or more
    assert beside.won > 0.8


@pytest.mark.parametrize(
    ("rule", "column"),
    [
        (filled_for_closed_only, "tier"),
        (values_of_closed_only, "owner_id"),
        (values_of_closed_only, "n_activities"),
        (values_of_closed_only, "city"),
        (values_of_closed_only, "review"),
    ],
)
def test_values_of_closed_cases_are_missed_in_the_open_ones_that_should_have_them(judged, rule, column):
    evidence = rule(judged[column])

    assert evidence["open_cases_with_it"] <= 0.15 * evidence["open_cases_due"]
    assert evidence["open_cases_due"] > 15
    assert evidence["closed_cases_with_it"] > 150


@pytest.mark.parametrize("column", ["express", "old_form", "partner", "agreed", "due_at"])
def test_no_value_is_missed_where_it_only_speeds_foretells_or_ends_a_case_or_is_used_no_more(judged, column):
    assert filled_for_closed_only(judged[column]) is None
    assert values_of_closed_only(judged[column]) is None
    assert settles(judged[column]) is None


def test_a_moment_after_the_closing_known_at_creation_is_no_plan_where_none_lies_ahead(found):
    assert found["modified_at"].kind == "holds_later_moment"
    assert found["modified_at"].evidence["cases_with_a_moment_ahead_of_now"] == 0
