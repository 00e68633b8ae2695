"""Scores of what events touched are those of a whole scoring, and each is shown once."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from forecast.adapters.store_connection import records
from forecast.datasets import make_company
from forecast.features import open_entities
from forecast.usecases.event_worker import Consumer
from forecast.usecases.events import Event
from forecast.usecases.rescore_touched import TouchedScorer
from forecast.usecases.touched import touched_since
from forecast.workspace import Workspace

pytestmark = pytest.mark.slow

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Clock:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


@dataclass
class Company:
    """A scored workspace with its worker, and what is open in it."""

    workspace: Workspace
    clock: Clock
    consumer: Consumer
    leads: list[str]
    deals: list[str]

    def __post_init__(self) -> None:
        self.worker = self.workspace.event_worker()

    def happens(self, *rows: tuple[str, dict[str, Any]]) -> None:
        """These events come in a minute, and the worker takes a turn."""
        self.clock.moment += timedelta(minutes=1)
        events = [
            Event(f"{self.clock.moment}:{i}".replace(" ", ""), *row, self.clock.moment) for i, row in enumerate(rows)
        ]
        self.workspace.accept_events(events)
        assert self.worker.turn(self.consumer).dead == ()

    def fresh(self) -> pd.DataFrame:
        """The latest scores as of now."""
        now = self.clock.moment
        return self.workspace.store.latest_scores(after=now).sort_values(["entity", "entity_id"], ignore_index=True)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    folder, clock = tmp_path_factory.mktemp("rescored"), Clock()
    made = make_company(n_opportunities=100, n_leads=200, n_accounts=40, months=12, start=date(2025, 1, 1))
    workspace = Workspace.init(folder / "workspace", clock, reporting_currency="EUR")
    workspace.ingest(made.write(folder / "export"))
    with workspace.event_queue.consuming(threading.Event()) as consumer, workspace.lake.connect() as con:
        assert consumer is not None
        leads, deals = (open_entities(con, kind, NOW)["entity_id"].tolist() for kind in ("lead", "opportunity"))
        company = Company(workspace, clock, consumer, leads, deals)
        company.worker.turn(consumer)  # nothing was ever scored: everything is
        yield company


def call(number: int, **about: str) -> tuple[str, dict[str, Any]]:
    return "interactions", {"interaction_id": f"X{number}", "at": "2026-01-01T11:00:00Z", "channel": "phone", **about}


def test_touched_scores_are_those_of_scoring_everything(company: Company) -> None:
    lead, deal, other = company.leads[0], company.deals[0], company.leads[1]
    account = company.workspace.table("leads").set_index("lead_id")["account_id"][other]
    new = {"lead_id": "NEW", "created_at": "2026-01-01T11:59:00Z", "channel": "web", "owner_id": "U000001"}

    company.happens(
        ("opportunities", {"opportunity_id": deal, "stage": "negotiation", "amount": 99}),
        call(1, lead_id=lead, direction="in"),
        ("accounts", {"account_id": account, "industry": "retail"}),
        ("leads", new),
    )

    fresh, state = company.fresh(), company.workspace.store.score_state("lead")
    assert state is not None
    assert {lead, deal, other, "NEW"} <= set(fresh["entity_id"])
    whole = company.workspace.score(state.as_of, batch=state.batch)
    same = whole.merge(fresh[["entity", "entity_id"]]).drop(columns="percentile")
    assert records(fresh[same.columns]) == records(same)  # to the last bit
    history = company.workspace.lake.scores(as_of=state.as_of)
    assert sorted(history["entity_id"]) == sorted(fresh["entity_id"])


def test_what_closes_leaves_the_scores_and_its_owner_hears_of_it(company: Company) -> None:
    store, lead = company.workspace.store, company.leads[2]
    owner = company.workspace.table("leads").set_index("lead_id")["owner_id"][lead]
    since = store.last_change()

    company.happens(("leads", {"lead_id": lead, "status": "lost", "closed_at": "2026-01-01T11:00:00Z"}))

    assert lead not in set(store.latest_scores("lead")["entity_id"])
    told = {change.entity_id: change.what for change in store.score_changes(since, owner_ids=[owner]).changes}
    assert told[lead] == "gone"


def test_a_row_that_changes_hands_is_gone_for_one_and_scored_for_the_other(company: Company) -> None:
    store, lead = company.workspace.store, company.leads[3]
    before = company.workspace.table("leads").set_index("lead_id")["owner_id"][lead]
    after = "U000002" if before != "U000002" else "U000003"
    since = store.last_change()

    company.happens(("leads", {"lead_id": lead, "owner_id": after}))

    told = [
        {change.what for change in store.score_changes(since, owner_ids=[owner]).changes if change.entity_id == lead}
        for owner in (before, after, "U999999")
    ]
    assert told == [{"gone"}, {"scored"}, set()]


def test_a_turn_without_news_scores_nothing(company: Company) -> None:
    company.happens(call(2, lead_id=company.leads[0]))
    since = company.workspace.store.last_change()

    company.clock.moment += timedelta(minutes=1)
    company.worker.turn(company.consumer)

    assert company.workspace.store.last_change() == since


def test_a_new_worker_scores_what_the_killed_one_had_stored_and_not_scored(company: Company) -> None:
    workspace, since = company.workspace, company.workspace.store.last_change()
    company.clock.moment += timedelta(minutes=1)
    workspace.accept_events([Event("kill", *call(3, lead_id=company.leads[4]), company.clock.moment)])
    company.worker.flush(company.consumer)  # and dies

    wiring = (workspace.lake, workspace.registry, workspace.store, workspace.settings, workspace.clock)
    successor = TouchedScorer(*wiring)
    n_scored = successor()

    told = [change.entity_id for change in workspace.store.score_changes(since).changes]
    assert n_scored == len(told) > 0
    assert company.leads[4] in told
    assert successor() == 0


def test_a_score_that_was_shown_and_not_yet_in_the_history_gets_there(company: Company, monkeypatch: Any) -> None:
    workspace = company.workspace
    monkeypatch.setattr(workspace.lake, "append_scores", lambda scores: None)  # killed before it
    company.happens(call(4, lead_id=company.leads[5]))
    shown = company.fresh()
    monkeypatch.undo()
    assert len(shown)
    assert workspace.lake.scores(as_of=shown["as_of"].iloc[0]).empty

    company.worker = workspace.event_worker()
    company.worker.turn(company.consumer)

    history = workspace.lake.scores(as_of=shown["as_of"].iloc[0])
    assert sorted(history["entity_id"]) == sorted(shown["entity_id"])


def test_rows_about_others_touch_nothing(company: Company) -> None:
    head = company.workspace.lake.head()
    company.happens(("fx_rates", {"currency": "USD", "date": "2026-01-01", "rate": 0.9}))

    with company.workspace.lake.connect() as con:
        touched = touched_since(con, {"lead": head}, company.clock.moment + timedelta(seconds=1))["lead"]

    assert (touched.open_ids, touched.closed_ids) == ((), ())
