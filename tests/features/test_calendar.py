from zoneinfo import ZoneInfo

import pandas as pd

from forecast.features import build_features
from forecast.history import connect_tables

DEAL = {"opportunity_id": "O1", "created_at": "2024-01-01", "recorded_at": "2024-01-01"}


def test_calendar_by_hand(ask):
    features = ask("calendar", "opportunity", [("O1", "2024-02-27 12:00")], opportunities=[DEAL])

    assert features.iloc[0, 2:].to_dict() == {
        "calendar__age_days": 57.5,
        "calendar__weekday": 2.0,
        "calendar__day_of_month": 27.0,
        "calendar__month": 2.0,
        "calendar__days_to_month_end": 2.0,
        "calendar__days_to_quarter_end": 33.0,
    }


def test_the_day_is_that_of_the_workspace():
    con = connect_tables({"opportunities": pd.DataFrame([DEAL])})
    spine = pd.DataFrame({"entity_id": ["O1"], "as_of": pd.to_datetime(["2024-03-31T16:00Z"])})

    features = build_features(con, spine, "opportunity", ["calendar"], zone=ZoneInfo("Asia/Shanghai"))

    assert features[["calendar__month", "calendar__day_of_month"]].iloc[0].tolist() == [4.0, 1.0]
