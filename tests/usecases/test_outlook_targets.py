from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.errors import NotEnoughHistory
from forecast.history import connect_tables
from forecast.outlook import Outlook
from forecast.periods import parse_period
from forecast.settings import Settings
from forecast.targets import TargetOutOfReach
from forecast.usecases.outlook import outlook
from forecast.usecases.targets import propose_targets

pytestmark = pytest.mark.slow


class FrameLake:
    """A lake of frames, without files."""

    def __init__(self, tables):
        self.tables = tables

    def head(self):
        return 1

    @contextmanager
    def connect(self, batch=None):
        yield connect_tables(self.tables, batch=batch)

    def table(self, name, as_of=None, batch=None):
        return self.tables.get(name, pd.DataFrame({"user_id": []}))


@pytest.fixture(scope="module")
def made(company, tmp_path_factory):
    store = SqlStore(
        f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.db'}", clock=FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    )
    store.migrate()
    as_of = company.end - timedelta(days=45)
    lake = FrameLake(company.tables)
    return outlook(lake, InMemoryRegistry(), store, Settings(), parse_period("2025Q4"), as_of)


def test_outlook_of_a_company_adds_up_and_is_uncertain(made):
    frame = made.to_frame()

    assert frame["level"].value_counts()["company"] == 1
    reps, company_row = frame[frame["level"] == "rep"], frame.iloc[0]
    for part in ("booked", "open", "arriving", "mean"):
        assert round(reps[part].sum(), 2) == company_row[part]
    assert company_row["booked"] > 0
    assert company_row["q0.1"] < company_row["mean"] < company_row["q0.9"]


def test_targets_default_to_even_odds_of_the_company(made):
    proposed = propose_targets(made)
    frame = proposed.to_frame()

    assert proposed.company_odds == pytest.approx(0.5, abs=0.01)
    users, teams = (frame[frame["owner_kind"] == kind] for kind in ("user", "team"))
    regions = teams[teams["owner_id"].str.startswith("R-")]  # the teams above the others
    assert round(users["amount"].sum(), 2) == round(regions["amount"].sum(), 2) == proposed.company_target
    assert round(teams["amount"].sum(), 2) == pytest.approx(2 * proposed.company_target)
    assert (proposed.proposal.odds >= proposed.ambition - 1e-12).all()
    assert frame["odds"].between(0, 1).all()


def test_targets_can_be_approved(made, tmp_path):
    store = SqlStore(f"sqlite:///{tmp_path / 'store.db'}", clock=FixedClock(datetime(2026, 1, 1, tzinfo=UTC)))
    store.migrate()

    assert store.approve_targets("2025Q4", propose_targets(made).to_frame(), author="cfo") == 1


def test_revenue_of_nobody_is_expected_and_not_proposed():
    paths = np.column_stack([np.full(100, 50.0), np.linspace(0, 100, 100), np.linspace(0, 200, 100)])
    parts = {name: np.zeros(3) for name in ("open", "arriving", "repeat")} | {"booked": paths.mean(axis=0)}
    made = Outlook(
        parse_period("2025Q4"),
        pd.Timestamp("2025-11-01", tz="UTC"),
        "EUR",
        ("(unassigned)", "ada", "bob"),
        ("", "", ""),
        parts,
        paths,
    )

    proposed = propose_targets(made, 200)

    assert proposed.proposal.targets.tolist() == [50.0, 50.0, 100.0]


def test_targets_name_what_is_out_of_reach(made):
    with pytest.raises(TargetOutOfReach, match="choose a target between"):
        propose_targets(made, 1e12)


def test_targets_need_somebody():
    empty = Outlook(parse_period("2025Q4"), pd.Timestamp("2025-11-01", tz="UTC"), "EUR", (), (), {}, np.zeros((10, 0)))

    with pytest.raises(NotEnoughHistory, match="2025Q4 as of 2025-11-01"):
        propose_targets(empty)
