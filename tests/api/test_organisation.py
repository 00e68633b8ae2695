import pandas as pd

from api.auth import Caller
from api.organisation import Organisation
from api.rights import Rights

TEAMS = pd.DataFrame(
    [
        ("north", None, "mia"),
        ("north-a", "north", "max"),
        ("north-a-1", "north-a", None),
        ("south", None, "sue"),
    ],
    columns=["team_id", "parent_team_id", "manager_id"],
)
USERS = pd.DataFrame(
    [("ann", "north-a"), ("ben", "north-a-1"), ("cid", "south"), ("mia", "north"), ("dan", None)],
    columns=["user_id", "team_id"],
)
ORGANISATION = Organisation.of(USERS, TEAMS)


def _owners(role: str, user_id: str | None) -> frozenset[str] | None:
    return Rights.of(Caller("key", role, user_id), ORGANISATION).owners


def test_manager_manages_all_teams_below() -> None:
    assert ORGANISATION.managed_by("mia") == {"north", "north-a", "north-a-1"}
    assert ORGANISATION.managed_by("max") == {"north-a", "north-a-1"}
    assert ORGANISATION.managed_by("ann") == set()


def test_teams_in_a_circle_end() -> None:
    teams = pd.DataFrame([("a", "b", "eve"), ("b", "a", None)], columns=["team_id", "parent_team_id", "manager_id"])

    assert Organisation.of(USERS, teams).managed_by("eve") == {"a", "b"}


def test_rights_follow_the_role() -> None:
    assert _owners("rep", "ann") == {"ann"}
    assert _owners("manager", "mia") == {"mia", "ann", "ben"}
    assert _owners("manager", "max") == {"max", "ann", "ben"}
    assert _owners("manager", "sue") == {"sue", "cid"}
    assert _owners("engineer", "ann") == set()
    assert _owners("admin", None) is None


def test_rep_sees_no_more_for_managing_a_team() -> None:
    assert _owners("rep", "mia") == {"mia"}


def test_key_without_a_user_sees_nothing() -> None:
    assert _owners("rep", None) == set()
    assert _owners("manager", None) == set()


def test_rows_without_an_owner_are_for_admins() -> None:
    rows = pd.DataFrame({"owner_id": ["ann", None, "cid"], "n": [1, 2, 3]})

    assert Rights.of(Caller("key", "rep", "ann"), ORGANISATION).rows(rows)["n"].tolist() == [1]
    assert Rights.of(Caller("key", "manager", "mia"), ORGANISATION).rows(rows)["n"].tolist() == [1]
    assert Rights.of(Caller("key", "admin", None), ORGANISATION).rows(rows)["n"].tolist() == [1, 2, 3]
