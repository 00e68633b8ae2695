"""Overrides, forecast against actual, accuracy and the record, as each role sees them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from forecast.reports.catalogue import COMPARING, MEASURES, SUBJECTS
from forecast.reports.dimensions import TIME
from forecast.workspace import Workspace

ClientOf = Callable[..., TestClient]

pytestmark = pytest.mark.slow  # two nights and many outlooks: half a minute in all

#: U000001 is a rep of team T000001, which U000009 manages; U000000 is a rep of another team.
REP, MANAGER, TEAM, STRANGER = "U000001", "U000009", "T000001", "U000000"
PERIOD = "2025-10"
NIGHTS = [datetime(2025, 10, 2, 1, tzinfo=UTC), datetime(2025, 10, 15, 1, tzinfo=UTC)]
SAID = {"period": PERIOD, "reason": "the tender was moved"}


@pytest.fixture(scope="module")
def kept(make_workspace: Callable[..., Workspace], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two nights of October, with overrides made in between."""
    workspace = make_workspace(tmp_path_factory.mktemp("kept"), n=60)
    present = workspace.clock.now()
    for night in NIGHTS:
        workspace.clock.moment = night
        workspace.nightly()
        for level, node in (("company", "company"), ("team", TEAM), ("rep", REP), ("rep", STRANGER)):
            workspace.override(PERIOD, level, node, 1000.0, author="ann", reason="a feeling")
    workspace.clock.moment = present
    return workspace


@pytest.fixture(scope="module")
def client(kept: Workspace, clients_of: Callable[[Workspace], ClientOf]) -> ClientOf:
    return clients_of(kept)


def lines(client: TestClient, path: str, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/v1/outlook{path}", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["lines"]
    return found


def test_forecast_against_actual_shows_the_last_snapshot_before_a_day(client: ClientOf, kept: Workspace) -> None:
    admin = client("admin")

    first = lines(admin, "/against-actual", period=PERIOD, day="2025-10-10")
    last = lines(admin, "/against-actual", period=PERIOD)

    assert {line["as_of"] for line in first} == {"2025-10-02T00:00:00+00:00"}
    assert {line["as_of"] for line in last} == {"2025-10-15T00:00:00+00:00"}
    by_id = {line["id"]: line for line in last}
    came = kept.outlook(PERIOD, kept.clock.now()).to_frame(()).set_index("id")["booked"]
    assert by_id["company"]["actual"] == pytest.approx(came["company"])
    assert by_id[TEAM]["error"] == pytest.approx(by_id[TEAM]["mean"] - by_id[TEAM]["actual"])
    assert by_id["company"]["override"] == 1000
    assert all(line["is_public"] for line in last)


def test_one_line_is_shown_over_all_days(client: ClientOf) -> None:
    found = lines(client("admin"), "/against-actual", period=PERIOD, id=TEAM)

    assert [line["as_of"][:10] for line in found] == ["2025-10-02", "2025-10-15"]
    assert [line["override"] for line in found] == [None, 1000]


def test_roles_see_their_own_lines_and_reps_no_override(client: ClientOf) -> None:
    every = {line["id"]: line for line in lines(client("admin"), "/against-actual", period=PERIOD)}
    rep = lines(client("rep", REP), "/against-actual", period=PERIOD)
    manager = lines(client("manager", MANAGER), "/against-actual", period=PERIOD)

    assert rep == [every[REP] | {"override": None}]
    assert {line["id"] for line in manager} == {TEAM, *(f"U00000{n}" for n in (1, 3, 5, 7))} & set(every)
    assert lines(client("rep", REP), "/against-actual", period=PERIOD, id=STRANGER) == []


def test_accuracy_and_record(client: ClientOf, kept: Workspace) -> None:
    answer = client("admin").get("/v1/outlook/accuracy").json()
    of_rep = client("rep", REP).get("/v1/outlook/accuracy").json()

    record = {(line["level"], line["horizon"]): line for line in answer["record"]}
    # October from both nights is one case; November from either is one too, and so is the fourth quarter.
    assert {key: line["of"] for key, line in record.items() if key[0] == "company"} == {
        ("company", "8-31"): 1, ("company", "32-92"): 2
    }  # fmt: skip
    assert answer["record"] == of_rep["record"]
    assert {line["id"] for line in of_rep["lines"]} == {REP}
    assert "override" in {line["forecaster"] for line in answer["lines"]}
    assert "override" not in {line["forecaster"] for line in of_rep["lines"]}
    model = next(line for line in answer["lines"] if (line["id"], line["forecaster"]) == ("company", "model"))
    stored = kept.outlook_accuracy(kept.clock.now())
    assert model["bias"] == pytest.approx(stored.query("id == 'company' and forecaster == 'model'")["bias"].iloc[0])


@pytest.mark.parametrize("path", ["/against-actual", "/accuracy"])
def test_what_is_kept_of_regions_and_categories_is_for_who_sees_everything(client: ClientOf, path: str) -> None:
    asked = {"period": PERIOD} if path == "/against-actual" else {}

    def levels(role: str, user: str | None = None) -> set[str]:
        return {line["level"] for line in lines(client(role, user), path, **asked)}

    assert levels("admin") == {"company", "team", "rep", "region", "category"}
    assert levels("manager", MANAGER) == {"team", "rep"}
    assert levels("rep", REP) == {"rep"}
    of_region = lines(client("admin"), path, **asked, level="region")
    assert {line["id"] for line in of_region} >= {"north", "south"}
    for node in ("north", "south"):
        assert lines(client("manager", MANAGER), path, **asked, id=node) == []


def test_a_range_by_region_stands_beside_its_record_and_baselines(client: ClientOf, kept: Workspace) -> None:
    asked = {"period": "2025-12", "as_of": "2025-12-05"}

    found = [line for line in lines(client("admin"), "", **asked, by="region") if line["level"] == "region"]

    record = kept.outlook_record("2025-12-05").set_index(["level", "horizon"])
    assert len(found) >= 2
    assert {(line["came_true"], line["of"]) for line in found} == {
        tuple(record.loc[("region", "8-31"), ["came_true", "of"]])
    }
    assert all(line["weighted_pipeline"] is not None and line["override"] is None for line in found)


def test_no_measure_is_mixed_into_another(client: ClientOf) -> None:
    found = client("admin").get("/v1/outlook/against-actual", params={"period": PERIOD, "measure": "wins"}).json()

    assert (found["measure"], found["currency"], found["lines"]) == ("wins", "", [])
    assert client("admin").get("/v1/outlook/accuracy", params={"measure": "wins"}).json()["record"] == []


def test_page_of_accuracy_shows_every_level_with_or_without_an_override(client: ClientOf) -> None:
    asked = {"headers": {"Accept": "text/html"}}

    whole = client("admin").get("/forecast/accuracy?lang=en", **asked)
    chinese = client("admin").get("/forecast/accuracy?lang=zh", **asked)
    of_rep = client("rep", REP).get("/forecast/accuracy?lang=en", **asked)

    assert (whole.status_code, chinese.status_code, of_rep.status_code) == (200, 200, 200)
    assert all(f">{name}<" in whole.text for name in ("Company", "Teams", "Persons", "Regions", "Categories"))
    assert all(f">{name}<" in chinese.text for name in ("公司", "团队", "人员", "地区", "产品类别"))
    assert "north" in whole.text
    assert "Weighted pipeline" in whole.text
    assert "north" not in of_rep.text.split("<main", 1)[1]
    assert ">Override<" not in of_rep.text


@pytest.mark.parametrize("subject", ["accuracy", "snapshots"])
def test_reports_of_kept_outlooks_tell_of_own_people_what_an_admin_is_told(client: ClientOf, subject: str) -> None:
    measures = [one.name for one in MEASURES.values() if one.subject == subject]
    sections = [
        {"measures": [one for one in measures if one not in COMPARING or not TIME & known], "dimensions": sorted(known)}
        for known in map(set, SUBJECTS[subject].dimensions)
    ]

    def made(role: str, user: str | None = None) -> list[dict[str, Any]]:
        caller = client(role, user)
        assert caller.put("/v1/reports/kept", json={"spec": {"title": "Kept", "sections": sections}}).is_success
        answer = caller.get("/v1/reports/kept", params={"period": PERIOD})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["tables"])

    everybody = made("admin")
    for role, user, own in (
        ("rep", REP, {REP}),
        ("manager", MANAGER, {TEAM, "U000001", "U000003", "U000005", "U000007"}),
    ):
        for seen, whole in zip(made(role, user), everybody, strict=True):
            node = next((name for name in ("rep", "team") if name in seen["dimensions"]), None)
            if node is not None:
                assert seen["rows"] == [row for row in whole["rows"] if row[node] in own], (role, seen["dimensions"])
    shown = {row[node] for table in everybody for row in table["rows"] for node in ("rep", "team") if node in row}
    assert {REP, TEAM, STRANGER} <= shown


def test_outlook_shows_baselines_the_override_and_the_record(client: ClientOf) -> None:
    admin, rep = client("admin"), client("rep", REP)
    asked = {"period": PERIOD, "as_of": "2025-10-20"}

    every = {line["id"]: line for line in lines(admin, "", **asked)}
    (own,) = lines(rep, "", **asked)

    assert every["company"]["override"] == 1000
    assert every["company"]["weighted_pipeline"] >= every["company"]["booked"]
    assert every["company"]["category_best"] >= every["company"]["category_commit"]
    assert (every["company"]["stated"], every["company"]["came_true"]) == (0.8, None)
    assert own == every[REP] | {"override": None}


def test_manager_overrides_own_teams_and_people_with_author_and_audit(client: ClientOf, kept: Workspace) -> None:
    manager = client("manager", MANAGER)

    made = manager.post("/v1/outlook/overrides", json=SAID | {"level": "rep", "id": REP, "amount": 55.5})

    assert made.status_code == 201, made.text
    assert {name: made.json()[name] for name in ("amount", "currency", "author", "reason")} == {
        "amount": 55.5, "currency": "EUR", "author": MANAGER, "reason": "the tender was moved"
    }  # fmt: skip
    seen = manager.get("/v1/outlook/overrides", params={"period": PERIOD}).json()["overrides"]
    assert seen[-1] == made.json()
    assert {row["id"] for row in seen} == {TEAM, REP}
    assert "override outlook" in set(kept.store.audit_log()["action"])
    now = {line["id"]: line for line in lines(client("admin"), "", period=PERIOD)}
    assert now[REP]["override"] == 55.5


@pytest.mark.parametrize(
    ("role", "user", "level", "node"),
    [
        ("manager", MANAGER, "company", "company"),
        ("manager", MANAGER, "rep", STRANGER),
        ("manager", MANAGER, "team", "no such team"),
        ("rep", REP, "rep", REP),
        ("engineer", None, "company", "company"),
    ],
)
def test_nobody_overrides_what_is_not_theirs(
    client: ClientOf, kept: Workspace, role: str, user: str | None, level: str, node: str
) -> None:
    before = len(kept.overrides())

    answer = client(role, user).post("/v1/outlook/overrides", json=SAID | {"level": level, "id": node, "amount": 1})

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert len(kept.overrides()) == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"period": "soon"}, "A period must look like"),
        ({"level": "region"}, "body.level"),
        ({"id": "T-none", "level": "team"}, "There is no team 'T-none'"),
        ({"amount": "much"}, "body.amount"),
        ({"amount": 1e15}, "body.amount"),
        ({"reason": ""}, "body.reason"),
        ({"reason": " "}, "needs a `reason`"),
        ({"author": "somebody else"}, "body.author"),
    ],
)
def test_wrong_override_is_explained(client: ClientOf, change: dict[str, Any], named: str) -> None:
    body = SAID | {"level": "company", "id": "company", "amount": 1} | change

    answer = client("admin").post("/v1/outlook/overrides", json=body)

    assert answer.status_code == 422
    assert named in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "asked", "named"),
    [
        ("against-actual", {}, "query.period: Field required"),
        ("against-actual", {"period": "soon"}, "A period must look like"),
        ("against-actual", {"period": PERIOD, "day": "yesterday"}, "A date must look like"),
        ("accuracy", {"as_of": "2030-01-01"}, "must not lie ahead"),
        ("accuracy", {"period": PERIOD}, "query.period"),
        ("overrides", {}, "query.period: Field required"),
    ],
)
def test_wrong_query_is_explained(client: ClientOf, path: str, asked: dict[str, str], named: str) -> None:
    answer = client("admin").get(f"/v1/outlook/{path}", params=asked)

    assert answer.status_code == 422
    assert named in answer.json()["detail"]


def test_answers_are_the_same_bytes_after_more_was_saved(client: ClientOf, kept: Workspace) -> None:
    asked = {"period": PERIOD, "as_of": "2025-11-15"}
    before = client("admin").get("/v1/outlook/against-actual", params=asked).content

    present = kept.clock.now()
    kept.clock.moment = present - timedelta(minutes=1)
    kept.nightly("2025-10-20")  # made up for in January: not known in November
    kept.clock.moment = present

    assert client("admin").get("/v1/outlook/against-actual", params=asked).content == before
    later = lines(client("admin"), "/against-actual", period=PERIOD, day="2025-10-31")
    assert {(line["as_of"][:10], line["is_public"]) for line in later} == {("2025-10-20", False)}
