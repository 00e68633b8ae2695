"""Reports of every measure by everything that it can be told by: own rows and own sums, in every file."""

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from forecast.reports.catalogue import COMPARING, MEASURES, OF_LAKE, SUBJECTS
from forecast.reports.dimensions import TIME
from forecast.workspace import Workspace
from tests.api.test_rights import MANAGER, REP, TEAM, owners_ever

ClientOf = Callable[..., TestClient]
ASKED: dict[str, str | int] = {"period": "2025Q4", "as_of": "2025-12-15", "batch": 1}
#: Who asks, whose rows they see, and which teams they see as a whole.
READERS = [("rep", REP, {REP}, set[str]()), ("manager", MANAGER, TEAM, {"T000001"})]
#: Subjects whose every number is a count or sum over rows with an owner.
COUNTED = [*sorted(OF_LAKE), "outlook", "customers"]
#: Subjects that say something of each person and team that no sum of rows is, and that this company has without kept
#: outlooks.
OF_PEOPLE = [
    name
    for name, subject in SUBJECTS.items()
    if name not in (*COUNTED, "accuracy", "snapshots") and any({"rep", "team"} & known for known in subject.dimensions)
]
#: What sums over everybody's rows, for an admin alone.
ALL_SUMS = {"outlook": {"region", "category"}}
#: What names people, teams, customers; in files of every format.
NAMING = [
    {"measures": ["revenue", "sales"], "dimensions": ["rep"]},
    {"measures": ["revenue", "growth"], "dimensions": ["team"]},
    {"measures": ["revenue", "won"], "dimensions": ["account"], "limit": 500},
    {"measures": ["open_deals", "pipeline", "weighted_pipeline"], "dimensions": ["account"], "limit": 500},
    {"measures": ["expected_buyers", "expected_spend"], "dimensions": ["account"], "limit": 500},
    {"measures": ["outlook", "outlook_low"], "dimensions": ["rep"]},
    {"measures": ["wins_above"], "dimensions": ["rep"]},
]


@pytest.fixture(scope="module")
def hidden(workspace: Workspace) -> Callable[[set[str]], set[str]]:
    """A function from owners to ids and names that belong to others alone."""
    had_by, called = owners_ever(workspace)

    def of(owners: set[str]) -> set[str]:
        ids = {key for key, had in had_by.items() if owners.isdisjoint(had)}
        return ids | {name for key, name in called if key in ids} - {name for key, name in called if key not in ids}

    return of


def _sections(name: str) -> list[dict[str, Any]]:
    """The measures of a subject, as a whole and by everything that it can be told by."""
    measures = [one.name for one in MEASURES.values() if one.subject == name]
    told_by = sorted({one for known in SUBJECTS[name].dimensions for one in known} - ALL_SUMS.get(name, set()))
    by = [
        {
            "measures": [one for one in measures if one not in COMPARING or dimension not in TIME],
            "dimensions": [dimension],
            "limit": 500,
        }
        for dimension in told_by
    ]
    return [{"measures": measures}, *by]


def _made(client: TestClient, sections: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    spec = {"title": "Rights", "sections": sections} | more
    kept = client.put("/v1/reports/rights", json={"spec": spec})
    assert kept.status_code == 200, kept.text
    answer = client.get("/v1/reports/rights", params=ASKED)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["tables"])


@pytest.mark.slow
@pytest.mark.parametrize(("role", "user_id", "owners", "teams"), READERS)
@pytest.mark.parametrize("subject", COUNTED)
def test_report_counts_what_an_admin_counts_of_these_owners(
    client: ClientOf, admin: TestClient, subject: str, role: str, user_id: str, owners: set[str], teams: set[str]
) -> None:
    sections = _sections(subject)

    seen = _made(client(role, user_id), sections)
    theirs = _made(admin, sections, filters={"rep": sorted(owners)})

    for table, expected in zip(seen, theirs, strict=True):
        assert table["totals"] == pytest.approx(expected["totals"]), table["dimensions"]
        if table["dimensions"] == ["team"]:
            assert {row["team"] for row in table["rows"]} <= {*teams, ""}
        else:
            assert table["rows"] == expected["rows"], table["dimensions"]
    assert any(table["rows"] for table in seen)


@pytest.mark.slow
@pytest.mark.parametrize(("role", "user_id", "owners", "teams"), READERS)
@pytest.mark.parametrize("subject", OF_PEOPLE)
def test_report_says_of_these_people_what_it_says_to_an_admin_and_nothing_of_others(
    client: ClientOf, admin: TestClient, subject: str, role: str, user_id: str, owners: set[str], teams: set[str]
) -> None:
    own = {"rep": owners, "team": teams}
    measures = [one.name for one in MEASURES.values() if one.subject == subject]
    by = [sorted(known) for known in SUBJECTS[subject].dimensions if not own.keys().isdisjoint(known)]
    sections = [
        {"measures": measures, "dimensions": [one, *set(known) - own.keys()], "limit": 500}
        for known in by
        for one in own.keys() & set(known)
    ]

    seen, everybody = _made(client(role, user_id), sections), _made(admin, sections)

    shown = {
        dimension: {row[dimension] for table in everybody for row in table["rows"] if dimension in row}
        for dimension in own
    }
    assert shown["rep"] & owners, "an admin sees these people"
    assert shown["rep"] - owners, "and others"
    for table, expected in zip(seen, everybody, strict=True):
        dimension = table["dimensions"][0]
        mine = [row for row in expected["rows"] if row[dimension] in own[dimension]]
        assert [row for row in table["rows"] if row[dimension]] == mine, (subject, dimension)


@pytest.mark.parametrize(("role", "user_id", "owners", "teams"), READERS)
def test_filter_on_others_leaves_nothing(
    client: ClientOf, role: str, user_id: str, owners: set[str], teams: set[str]
) -> None:
    caller = client(role, user_id)
    for filters in ({"rep": ["U000000"]}, {"team": ["T000000"]}, {"rep": ["U000000"], "team": ["T000001"]}):
        for table in _made(caller, NAMING[:6], filters=filters):
            assert [row for row in table["rows"] if row.get("rep", "") != ""] == []
            assert {value for value in table["totals"].values() if value} == set(), table["title"]


@pytest.mark.slow
@pytest.mark.parametrize(("role", "user_id", "owners", "teams"), READERS)
@pytest.mark.parametrize("form", ["html", "csv", "xlsx"])
def test_file_names_nobody_and_nothing_of_others(
    client: ClientOf,
    hidden: Callable[[set[str]], set[str]],
    form: str,
    role: str,
    user_id: str,
    owners: set[str],
    teams: set[str],
) -> None:
    caller = client(role, user_id)
    _made(caller, NAMING)

    for address in ("/v1/reports/rights?as_of=2025-12-15&batch=1", "/reports/rights/file?", "/reports/rights?"):
        answer = caller.get(f"{address}&period=2025Q4&format={form}")
        text = _text(answer.content)
        told = set(re.findall(r"[ALOU]\d{6}|(?:Company|User) \d+", text))

        assert answer.status_code == 200, address
        assert told, address
        assert told & hidden(owners) == set(), address
        assert {team for team in ("T000000", "R-north") if team in text} == set(), address


def _text(content: bytes) -> str:
    """What a file says: of an archive, what every member says."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return content.decode()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [archive.read(name) for name in archive.namelist()]
    return "\n".join(member.decode("utf-8", "replace") for member in members)
