import pandas as pd

from forecast.history import connect_tables
from forecast.performance.members import create_members


def test_people_count_for_their_team_every_team_above_it_and_the_company(on_day):
    tables = {
        "users": pd.DataFrame(
            {"user_id": ["ann", "bob", "eve"], "team_id": ["north", "board", None], "recorded_at": on_day(0)}
        ),
        "teams": pd.DataFrame(
            {
                "team_id": ["north", "sales", "board"],
                "parent_team_id": ["sales", "board", None],
                "recorded_at": on_day(0),
            }
        ),
    }

    members = create_members(connect_tables(tables), on_day(9).to_pydatetime(), ["ann", "bob", "eve", "ex", ""])

    found = members.groupby(["level", "id"])["owner_id"].apply(list).to_dict()
    assert found == {
        ("company", "company"): ["", "ann", "bob", "eve", "ex"],
        ("team", "board"): ["ann", "bob"],
        ("team", "north"): ["ann"],
        ("team", "sales"): ["ann"],
        **{("user", name): [name] for name in ("ann", "bob", "eve", "ex")},
    }


def test_a_team_above_itself_counts_its_people_once(on_day):
    tables = {
        "users": pd.DataFrame({"user_id": ["ann"], "team_id": ["a"], "recorded_at": on_day(0)}),
        "teams": pd.DataFrame({"team_id": ["a", "b"], "parent_team_id": ["b", "a"], "recorded_at": on_day(0)}),
    }

    members = create_members(connect_tables(tables), on_day(9).to_pydatetime(), ["ann"])

    assert sorted(members[members["level"] == "team"]["id"]) == ["a", "b"]
