from datetime import UTC, datetime

import numpy as np
import pandas as pd

from forecast.history import connect_tables
from forecast.outlook.ledger import read_ledger, split_booked
from forecast.outlook.outlook import UNASSIGNED
from forecast.outlook.people import read_people
from forecast.periods import parse_period
from forecast.settings import Settings

AS_OF = datetime(2024, 6, 11, tzinfo=UTC)


def test_owners_come_with_their_first_deal_and_go_when_they_leave():
    long_ago = pd.Timestamp("2020-01-01")
    users = pd.DataFrame({"user_id": ["ada", "bob", "cyd"], "team_id": ["t1", "t2", None], "recorded_at": long_ago})
    users["active_to"] = [pd.NaT, pd.Timestamp("2024-06-01"), pd.NaT]
    teams = pd.DataFrame({"team_id": ["t1", "t2"], "parent_team_id": ["top", None], "recorded_at": long_ago})
    deals = pd.DataFrame(
        {
            "opportunity_id": ["1", "2", "3", "4"],
            "owner_id": ["ada", "ada", "bob", None],
            "amount": 10.0,
            "currency": "EUR",
            "created_at": pd.to_datetime(["2024-05-12", "2024-05-22", "2024-01-03", "2024-01-03"]),
            "closed_at": pd.to_datetime("2024-06-02"),
            "outcome": "won",
            "recorded_at": pd.to_datetime("2024-06-02"),
        }
    )
    scores = pd.DataFrame(columns=["entity", "entity_id", "p_30d", "p_60d", "p_90d"])
    with connect_tables({"opportunities": deals, "users": users, "teams": teams}) as con:
        ledger = read_ledger(con, scores, AS_OF, Settings())
        booked, _ = split_booked(ledger, parse_period("2024-06"), AS_OF, Settings())
        people = read_people(con, ledger, booked, AS_OF)

    assert people.owners == [UNASSIGNED, "ada", "bob"]
    assert people.teams == ["", "t1", "t2"]
    assert people.parents == {"t1": "top"}
    np.testing.assert_allclose(people.first_days[1:], [-30, -160])
    assert people.is_there(0.0).tolist() == [False, True, False]
    assert people.is_there(-40.0).tolist() == [False, False, True]
    np.testing.assert_allclose(people.present(0.0, -300.0, 60.0)[1:], [0.5, 1.0])
