from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidInput
from forecast.periods import parse_moment, parse_period, period_of, start_of_day, time_zone


@pytest.mark.parametrize(
    ("text", "fiscal_year_start", "first", "last"),
    [
        ("2026-02", 1, date(2026, 2, 1), date(2026, 2, 28)),
        ("2024-02", 1, date(2024, 2, 1), date(2024, 2, 29)),
        ("2026Q1", 1, date(2026, 1, 1), date(2026, 3, 31)),
        ("2026Q4", 4, date(2027, 1, 1), date(2027, 3, 31)),
        ("FY2026", 4, date(2026, 4, 1), date(2027, 3, 31)),
        ("2026-W01", 1, date(2025, 12, 29), date(2026, 1, 4)),
        ("2026-W53", 1, date(2026, 12, 28), date(2027, 1, 3)),
    ],
)
def test_parse_period_gives_its_first_and_last_day(text: str, fiscal_year_start: int, first: date, last: date) -> None:
    period = parse_period(text, fiscal_year_start=fiscal_year_start)

    assert (period.first, period.last) == (first, last)


@pytest.mark.parametrize("text", ["2026-13", "2026Q5", "2025-W53", "FY26", "", "March", "0000-01", "9999-12-31"])
def test_parse_period_fails_with_the_forms_it_knows(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"2026-03, 2026Q1, FY2026 or 2026-W07"):
        parse_period(text)


@given(
    day=st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    kind=st.sampled_from(["month", "quarter", "year", "week"]),
    fiscal_year_start=st.integers(1, 12),
)
def test_every_day_lies_in_its_period_and_periods_tile_time(day: date, kind: str, fiscal_year_start: int) -> None:
    period = period_of(day, kind=kind, fiscal_year_start=fiscal_year_start)
    following = period_of(period.last + timedelta(days=1), kind=kind, fiscal_year_start=fiscal_year_start)

    assert period.first <= day <= period.last
    assert following.first == period.last + timedelta(days=1)


def test_a_date_is_midnight_of_the_workspace_across_daylight_saving() -> None:
    amsterdam = ZoneInfo("Europe/Amsterdam")

    assert start_of_day(date(2026, 3, 29), amsterdam) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert start_of_day(date(2026, 3, 30), amsterdam) == datetime(2026, 3, 29, 22, tzinfo=UTC)


def test_parse_moment_reads_dates_and_moments() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")

    assert parse_moment("2026-03-31", shanghai) == datetime(2026, 3, 30, 16, tzinfo=UTC)
    assert parse_moment("2026-03-31T09:00", shanghai) == datetime(2026, 3, 31, 1, tzinfo=UTC)
    assert parse_moment("2026-03-31T09:00:00+02:00", shanghai) == datetime(2026, 3, 31, 7, tzinfo=UTC)


@pytest.mark.parametrize("text", ["31.03.2026", "2026-02-30", "yesterday", ""])
def test_parse_moment_fails_with_what_came(text: str) -> None:
    with pytest.raises(InvalidInput, match=rf"must look like 2026-03-31.*got '{text}'"):
        parse_moment(text, ZoneInfo("UTC"))


def test_time_zone_fails_with_the_name() -> None:
    with pytest.raises(InvalidInput, match=r"'Europe/Atlantis' is unknown"):
        time_zone("Europe/Atlantis")
