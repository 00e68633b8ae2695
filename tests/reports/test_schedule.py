"""When reports are due, and which period they are about."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from forecast.errors import InvalidInput
from forecast.reports.period_rules import period_at
from forecast.reports.schedule import Schedule, check_name

SHANGHAI = ZoneInfo("Asia/Shanghai")
MADE = datetime(2026, 1, 1, tzinfo=UTC)


def schedule(**changed: Any) -> Schedule:
    usual = {
        "id": 1, "report": "sales-performance", "owner": "user u1", "form": "pdf", "lang": "zh", "period": "last month",
        "every": "month", "day": 2, "hour": 7, "recipients": ("ann",), "created_at": MADE,
    }  # fmt: skip
    return Schedule(**(usual | changed))


@pytest.mark.parametrize(
    ("changed", "now", "due"),
    [
        ({}, "2026-03-02T06:59", "2026-02-02T07:00"),
        ({}, "2026-03-02T07:00", "2026-03-02T07:00"),
        ({"every": "week", "day": 1}, "2026-03-04T12:00", "2026-03-02T07:00"),  # a Monday
        ({"every": "day", "day": 1}, "2026-03-04T06:00", "2026-03-03T07:00"),
        ({"every": "quarter", "day": 10}, "2026-04-09T12:00", "2026-01-10T07:00"),
    ],
)
def test_last_due_is_the_day_and_hour_of_the_company_s_zone(changed: dict[str, Any], now: str, due: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=SHANGHAI)

    found = schedule(**changed).last_due(moment, SHANGHAI, 1)

    assert found == datetime.fromisoformat(due).replace(tzinfo=SHANGHAI)


def test_what_was_due_before_the_schedule_was_made_is_not() -> None:
    assert schedule().last_due(datetime(2026, 1, 1, 12, tzinfo=UTC), SHANGHAI, 1) is None


@pytest.mark.parametrize(
    ("rule", "label"),
    [("last month", "2026-03"), ("this month", "2026-04"), ("last quarter", "2025Q4"), ("next year", "FY2027"),
     ("last week", "2026-W13"), ("2024Q1", "2024Q1")],
)  # fmt: skip
def test_rule_names_the_period_of_its_day(rule: str, label: str) -> None:
    # It is the first of April in Shanghai; the fiscal year began in April.
    moment = datetime(2026, 3, 31, 16, 30, tzinfo=UTC)

    assert period_at(rule, moment, SHANGHAI, 4).label == label


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"day": 29}, "`day` must be between 1 and 28 for every month, got 29"), ({"hour": 24}, "got 24"),
     ({"every": "year"}, "got 'year'"), ({"recipients": ()}, "1 to 100 logins, got 0"),
     ({"period": "soon"}, "got 'soon'")],
)  # fmt: skip
def test_schedule_refuses_what_never_comes(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        schedule(**changed)


def test_name_of_an_own_report_can_stand_in_an_address() -> None:
    assert check_name("q1-wins") == "q1-wins"
    for name in ("", "-a", "A", "a/b", "x" * 61, "销售"):
        with pytest.raises(InvalidInput, match="up to 60 of a-z, 0-9 and -"):
            check_name(name)
