"""The course of a period: it ends where the outlook stands, and begins with what came."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from forecast.history import connect_tables
from forecast.outlook import Outlook, simulate
from forecast.outlook.course import Grid
from forecast.periods import Period, parse_period
from forecast.settings import Settings

QUANTILES = ["mean", "q0.1", "q0.5", "q0.9"]
AS_OF = datetime(2024, 6, 11, tzinfo=UTC)
JUNE, MAY, JULY = (parse_period(f"2024-{month}") for month in ("06", "05", "07"))
USERS = pd.DataFrame(
    {"user_id": ["ada", "bob", "cyd"], "team_id": ["t1", "t1", "t2"], "recorded_at": pd.Timestamp("2020-01-01")}
)


def _deals(*rows: tuple[str, str, float, str, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["opportunity_id", "owner_id", "amount", "created_at", "closed_at"])
    frame["created_at"], frame["closed_at"] = pd.to_datetime(frame["created_at"]), pd.to_datetime(frame["closed_at"])
    known = frame["closed_at"].fillna(frame["created_at"]) + pd.Timedelta(minutes=1)
    outcome = frame["closed_at"].notna().map({True: "won", False: None})
    return frame.assign(currency="EUR", outcome=outcome, recorded_at=known)


def _simulate(
    deals: pd.DataFrame, period: Period = JUNE, *, n_paths: int = 300, weekly: bool = True, **chances: float
) -> Outlook:
    con = connect_tables({"opportunities": deals, "users": USERS})
    scores = pd.DataFrame({"entity_id": list(chances), "entity": "opportunity"})
    scores = scores.assign(**{f"p_{days}d": list(chances.values()) for days in (30, 60, 90)})
    return simulate(con, scores, period, AS_OF, Settings(), n_paths=n_paths, weekly=weekly)


def _company() -> pd.DataFrame:
    """Ada and Bob win by turns, one deal every third day for a year; two wins of June, two deals still open."""
    days = pd.date_range("2023-06-01", "2024-05-28", freq="3D")
    past = [
        (f"h{place}", ("ada", "bob")[place % 2], 100.0 + place, f"{day - pd.Timedelta(days=7):%F}", f"{day:%F}")
        for place, day in enumerate(days)
    ]
    booked = ("b1", "ada", 70.0, "2024-05-01", "2024-06-02"), ("b2", "bob", 30.0, "2024-05-01", "2024-06-10")
    return _deals(*past, *booked, ("x", "ada", 33.33, "2024-06-01", None), ("y", "cyd", 7.77, "2024-06-01", None))


@pytest.fixture(scope="module")
def made() -> Outlook:
    return _simulate(_company(), x=0.31, y=0.77)


def test_the_last_point_of_every_line_is_its_outlook_exactly(made: Outlook) -> None:
    last = made.course.groupby(["level", "id"]).tail(1).set_index(["level", "id"])[QUANTILES]

    pd.testing.assert_frame_equal(last, made.to_frame().set_index(["level", "id"])[QUANTILES], check_exact=True)
    assert set(made.course.groupby(["level", "id"])["at"].max()) == {pd.Timestamp("2024-07-01", tz="UTC")}


def test_telling_the_course_changes_no_path(made: Outlook) -> None:
    plain = _simulate(_company(), x=0.31, y=0.77, weekly=False)

    np.testing.assert_array_equal(plain.paths, made.paths)
    assert plain.course.empty


def test_the_past_is_what_was_booked_by_then(made: Outlook) -> None:
    company = made.course[(made.course["level"] == "company") & made.course["is_past"]]

    assert [f"{at:%m-%d}" for at in company["at"]] == ["06-01", "06-03", "06-10", "06-11"]
    assert company["mean"].tolist() == [0.0, 70.0, 70.0, 100.0]
    assert company["q0.9"].isna().all()


def test_the_range_never_falls_and_widens_from_what_is_booked(made: Outlook) -> None:
    ahead = made.course[~made.course["is_past"]]

    for _, line in ahead.groupby(["level", "id"]):
        assert (line[QUANTILES].diff().iloc[1:] >= 0).all(axis=None)
    first = ahead[ahead["level"] == "company"].iloc[0]
    assert 100 <= first["q0.1"] <= first["q0.9"]


def test_an_open_deal_comes_in_step_with_its_chance_over_time() -> None:
    """Due evenly over 30 days, so two thirds of the 20 days left of June's chance are due by 2024-06-24, 13 days on."""
    made = _simulate(_deals(("x", "ada", 100.0, "2024-06-01", None)), n_paths=4000, x=0.9)

    ada = made.course[(made.course["id"] == "ada") & ~made.course["is_past"]]
    assert [f"{at:%m-%d}" for at in ada["at"]] == ["06-17", "06-24", "07-01"]
    np.testing.assert_allclose(ada["mean"], 60 * np.array([6, 13, 20]) / 20, atol=0.01)


def test_weeks_begin_on_mondays_and_short_periods_go_by_day() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    quarter = Grid.of(parse_period("2024Q2"), datetime(2024, 5, 1, 9, tzinfo=UTC), zone)
    week = Grid.of(parse_period("2024-W20"), datetime(2024, 1, 1, tzinfo=UTC), zone)

    marks = [*quarter.past, *quarter.ahead]
    assert {moment.astimezone(zone).weekday() for moment in marks[1:-1]} == {0, 2}  # the second is as_of itself
    assert marks == sorted(marks)
    assert (week.past, len(week.ahead)) == ((), 8)
    assert week.ahead[1] - week.ahead[0] == timedelta(days=1)


def test_a_period_that_is_over_has_no_range_and_one_to_come_no_past() -> None:
    over, ahead = (_simulate(_company(), period, n_paths=50, x=0.5, y=0.5).course for period in (MAY, JULY))

    assert over["is_past"].all()
    assert not ahead["is_past"].any()
    assert ahead.iloc[0]["mean"] == 0


def test_many_owners_get_a_coarser_grid() -> None:
    quarter = parse_period("2024Q2")

    fine, coarse = (Grid.of(quarter, AS_OF, ZoneInfo("UTC"), cells) for cells in (1000, 10_000_000))

    assert len([*fine.past, *fine.ahead]) > 2 * len([*coarse.past, *coarse.ahead])
    assert coarse.ahead[-1] == fine.ahead[-1] == datetime(2024, 7, 1, tzinfo=UTC)
