"""Reports through the API: sums equal to those of other routes, own rows only, files, own reports, schedules, mail."""

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from fastapi.testclient import TestClient

from api.report_viewer import viewers
from forecast.workspace import Workspace

ClientOf = Callable[..., TestClient]
ASKED = {"period": "2025Q4", "as_of": "2025-12-15", "batch": 1}
#: A rep of team T000001, and the manager of the team.
REP, MANAGER, TEAM = "U000001", "U000009", "T000001"
REVENUE = {"title": "Revenue", "measures": ["revenue", "sales"], "dimensions": ["rep"]}


def keep(client: TestClient, spec: dict[str, Any], name: str = "mine") -> None:
    assert client.put(f"/v1/reports/{name}", json={"spec": spec}).status_code == 200


def made(client: TestClient, name: str = "mine", **asked: Any) -> dict[str, Any]:
    answer = client.get(f"/v1/reports/{name}", params=ASKED | asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def column(body: dict[str, Any], key: str, name: str, table: int = 0) -> dict[str, Any]:
    return {row[key]: row[name] for row in body["tables"][table]["rows"]}


def test_revenue_of_people_is_that_of_performance(admin: TestClient) -> None:
    keep(admin, REVENUE)
    lines = admin.get("/v1/performance", params=ASKED).json()["lines"]

    report = made(admin)

    of_people = {line["id"]: line["revenue"] for line in lines if line["level"] == "user" and line["revenue"]}
    (company,) = [line["revenue"] for line in lines if line["level"] == "company"]
    assert column(report, "rep", "revenue") == pytest.approx(of_people)
    assert report["tables"][0]["totals"]["revenue"] == pytest.approx(company)
    assert (report["as_of"], report["batch"], report["currency"]) == ("2025-12-15T00:00:00Z", 1, "EUR")


def test_outlook_of_people_and_company_is_that_of_the_outlook(admin: TestClient) -> None:
    keep(admin, {"title": "Outlook", "measures": ["outlook", "outlook_low"], "dimensions": ["rep"]})
    lines = admin.get("/v1/outlook", params=ASKED).json()["lines"]

    (table,) = made(admin)["tables"]

    told = {line["id"].replace("(unassigned)", ""): line["mean"] for line in lines if line["level"] == "rep"}
    (company,) = [line for line in lines if line["level"] == "company"]
    assert {row["rep"]: row["outlook"] for row in table["rows"]} == pytest.approx(told)
    assert table["totals"] == pytest.approx({"outlook": company["mean"], "outlook_low": company["q0.1"]})
    assert table["model_version"] == "group_rate"


def test_rep_and_manager_get_their_own_rows_and_sums(client: ClientOf, admin: TestClient) -> None:
    callers = {"rep": client("rep", REP), "manager": client("manager", MANAGER), "admin": admin}
    for caller in callers.values():
        keep(caller, REVENUE)

    seen = {role: column(made(caller), "rep", "revenue") for role, caller in callers.items()}

    assert set(seen["rep"]) == {REP}
    assert {REP} < set(seen["manager"]) < set(seen["admin"])
    assert seen["rep"][REP] == seen["manager"][REP] == seen["admin"][REP]
    totals = {role: made(caller)["tables"][0]["totals"]["revenue"] for role, caller in callers.items()}
    assert totals == pytest.approx({role: sum(rows.values()) for role, rows in seen.items()})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sales-performance", "customer-satisfaction", "market-analysis", "pipeline-health"])
def test_ready_report_of_a_rep_names_nobody_else(client: ClientOf, name: str) -> None:
    body = made(client("rep", REP), name)

    people = {row["rep"] for table in body["tables"] for row in table["rows"] if "rep" in row}
    teams = {row["team"] for table in body["tables"] for row in table["rows"] if "team" in row}
    assert people <= {REP}
    assert teams <= {""}
    assert body["n_people"] == 1
    assert sum(bool(table["rows"]) for table in body["tables"]) >= 4


def test_own_reports_are_their_owner_s_alone(client: ClientOf, admin: TestClient) -> None:
    rep = client("rep", REP)
    keep(rep, REVENUE, "only-mine")

    assert "only-mine" in [item["name"] for item in rep.get("/v1/reports").json()["items"] if not item["is_ready"]]
    assert "only-mine" not in [item["name"] for item in admin.get("/v1/reports").json()["items"]]
    assert admin.get("/v1/reports/only-mine").status_code == 404
    assert admin.delete("/v1/reports/only-mine").status_code == 404
    definition = rep.get("/v1/reports/only-mine/definition").json()
    assert rep.put("/v1/reports/again", json={"spec": definition["yaml"]}).json()["spec"] == definition["spec"]
    assert rep.delete("/v1/reports/only-mine").status_code == 204


@pytest.mark.parametrize(
    ("name", "spec", "words"),
    [
        ("mine", {"title": "t", "measures": ["won", "lots"]}, "measures has no 'lots'"),
        ("Mine!", REVENUE, "up to 60 of a-z"),
        ("sales-performance", REVENUE, "is a ready report"),
        ("mine", "[" * 500, "nest at most"),
    ],
)
def test_wrong_definition_is_refused_with_its_field(admin: TestClient, name: str, spec: Any, words: str) -> None:
    answer = admin.put(f"/v1/reports/{name}", json={"spec": spec})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert words in answer.json()["detail"]


def test_files_hold_the_same_sums(admin: TestClient) -> None:
    keep(admin, REVENUE)
    total = made(admin)["tables"][0]["totals"]["revenue"]

    book, text = (admin.get("/v1/reports/mine", params=ASKED | {"format": form}) for form in ("xlsx", "csv"))

    sheet = openpyxl.load_workbook(io.BytesIO(book.content), data_only=True).worksheets[1]
    rows = list(csv.reader(io.StringIO(text.content.decode("utf-8-sig"))))
    assert [cell.value for cell in sheet["B"]][-1] == total
    assert sum(float(row[1]) for row in rows[1:]) == pytest.approx(total)
    assert book.headers["content-disposition"] == 'attachment; filename="mine-2025Q4.xlsx"'
    assert text.headers["content-type"].startswith("text/csv")


def test_page_of_a_report_may_style_itself_and_no_more(admin: TestClient) -> None:
    keep(admin, REVENUE)

    answer = admin.get("/v1/reports/mine", params=ASKED | {"format": "html", "lang": "zh"})

    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert answer.headers["content-language"] == "zh"
    assert "收入（EUR）" in answer.text


def test_schedule_goes_to_logins_that_there_are(own_workspace: Workspace, clients_of: Any) -> None:
    client = clients_of(own_workspace)
    wanted = {"report": "market-analysis", "period": "last month", "every": "day", "hour": 7, "recipients": ["ann"]}
    operations = client("operations")

    refused = operations.post("/v1/report-schedules", json=wanted)
    own_workspace.store.add_login("ann", "rep", "a long enough password", user_id=REP)
    taken = operations.post("/v1/report-schedules", json=wanted)

    assert refused.status_code == 422
    assert "no login 'ann'" in refused.json()["detail"]
    assert taken.status_code == 201
    number = taken.json()["id"]
    assert operations.put(f"/v1/report-schedules/{number}", json={"is_active": False}).status_code == 204
    assert operations.get("/v1/report-schedules").json()["schedules"][0]["is_active"] is False
    assert operations.delete(f"/v1/report-schedules/{number}").status_code == 204
    assert client("rep", REP).get("/v1/report-schedules").status_code == 403


@pytest.mark.slow
def test_each_recipient_gets_the_own_rows_by_mail_once(own_workspace: Workspace, clients_of: Any, mailbox: Any) -> None:
    workspace = own_workspace
    vars(workspace)["settings"] = workspace.settings.model_copy(update=mailbox.settings)
    people = {"ann": ("rep", REP, "ann@example.com"), "max": ("manager", MANAGER, "max@example.com"),
              "nix": ("rep", REP, "nobody@example.com"), "eva": ("engineer", None, "eva@example.com")}  # fmt: skip
    for name, (role, user, address) in people.items():
        workspace.store.add_login(name, role, "a long enough password", user_id=user, email=address)
    admin = clients_of(workspace)("admin")
    spec = {"title": "Won", "sections": [{"measures": ["new_deals"], "dimensions": [by]} for by in ("rep", "team")]}
    keep(admin, spec, "won")
    asked = {
        "report": "won",
        "format": "csv",
        "period": "last quarter",
        "every": "day",
        "hour": 7,
        "recipients": [*people],
    }
    assert admin.post("/v1/report-schedules", json=asked).status_code == 201
    workspace.clock.moment += timedelta(days=1)

    first, again = (workspace.send_reports(viewers(workspace)) for _ in range(2))

    sent = {str(message["To"]): message for message in mailbox.taken}
    assert set(sent) == {"ann@example.com", "max@example.com"}
    assert first.set_index("recipient")["is_sent"].to_dict() == {"ann": True, "max": True, "nix": False, "eva": False}
    assert again["recipient"].tolist() == ["nix", "eva"]  # only what failed is tried again
    assert _people_in(sent["ann@example.com"]) <= {_name(workspace, REP)}
    assert len(_people_in(sent["max@example.com"])) > 1
    reasons = {one["recipient"]: one["reason"] for one in admin.get("/v1/report-schedules").json()["deliveries"]}
    assert "code 550" in reasons["nix"]
    assert "role engineer does not open reports" in reasons["eva"]


def _people_in(message: Any) -> set[str]:
    (attached,) = message.iter_attachments()
    archive = zipfile.ZipFile(io.BytesIO(attached.get_content()))
    rows = csv.reader(io.StringIO(archive.read(archive.namelist()[0]).decode("utf-8-sig")))
    return {row[0] for row in rows} - {"Sales rep"}


def _name(workspace: Workspace, user: str) -> str:
    return str(workspace.table("users").set_index("user_id").loc[user, "name"])
