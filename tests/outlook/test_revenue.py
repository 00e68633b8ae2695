from datetime import UTC, datetime

import numpy as np
import pandas as pd

from forecast.history import connect_tables
from forecast.outlook.outlook import UNASSIGNED
from forecast.outlook.revenue import Teams, read_revenue, read_teams, to_nodes
from forecast.settings import Settings

AS_OF = datetime(2024, 6, 11, tzinfo=UTC)


def test_nodes_add_up_to_teams_their_parents_and_the_company():
    by_owner = pd.DataFrame({"x": [1.0, 2.0, 4.0], "y": np.nan}, index=["ada", "bob", UNASSIGNED])

    found = to_nodes(by_owner, Teams({"ada": "t1", "bob": "t2"}, {"t1": "all", "t2": "all"}))

    assert found["level"].tolist() == ["company"] + ["team"] * 4 + ["rep"] * 3
    assert found.set_index("id")["x"].to_dict() == {
        "company": 7.0,
        "(no team)": 4.0,
        "all": 3.0,
        "t1": 1.0,
        "t2": 2.0,
        UNASSIGNED: 4.0,
        "ada": 1.0,
        "bob": 2.0,
    }
    assert found["y"].isna().all()


def test_nodes_have_no_team_where_nobody_has_one():
    assert to_nodes(pd.DataFrame({"x": [1.0]}, index=["ada"]), Teams())["level"].tolist() == ["company", "rep"]


def test_a_circle_of_teams_ends():
    assert Teams({"ada": "t1"}, {"t1": "t2", "t2": "t1"}).above("ada") == ["t1", "t2"]


def test_teams_are_those_of_the_moment_and_of_newcomers_those_known_later():
    users = pd.DataFrame(
        {
            "user_id": ["ada", "ada", "bob"],
            "team_id": ["t1", "t2", "t3"],
            "recorded_at": pd.to_datetime(["2024-01-01", "2024-06-20", "2024-07-01"]),
        }
    )
    with connect_tables({"users": users}) as con:
        found = read_teams(con, AS_OF, datetime(2024, 8, 1, tzinfo=UTC))

    assert found.of == {"ada": "t1", "bob": "t3"}


def test_revenue_counts_an_order_or_its_open_opportunity_but_not_both():
    deals = pd.DataFrame(
        {"opportunity_id": ["o1"], "created_at": pd.Timestamp("2024-05-01"), "recorded_at": pd.Timestamp("2024-05-01")}
    )
    at = pd.Timestamp("2024-06-01")
    orders = pd.DataFrame(
        {"order_id": ["x", "y"], "user_id": "ada", "opportunity_id": ["o1", None], "ordered_at": at, "recorded_at": at}
    )
    lines = pd.DataFrame(
        {"order_id": ["x", "y"], "line": 1, "quantity": 1, "unit_price": [10.0, 7.0], "currency": "EUR",
         "recorded_at": at}
    )  # fmt: skip
    tables = {"opportunities": deals, "orders": orders, "order_lines": lines}
    with connect_tables(tables) as con:
        found = read_revenue(con, AS_OF, Settings(revenue_from="both"))

    assert found.between(datetime(2024, 6, 1, tzinfo=UTC), AS_OF).to_dict() == {"ada": 7.0}
    assert found.between(datetime(2024, 6, 2, tzinfo=UTC), AS_OF).empty
