"""Nightly snapshots, overrides and the record, on a small company whose numbers can be checked by hand."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.errors import InvalidInput
from forecast.history import connect_tables
from forecast.outlook.accuracy import quantile_columns
from forecast.outlook.baselines import BASELINES
from forecast.periods import parse_period
from forecast.settings import Settings
from forecast.usecases.nightly import STEPS, Night, nightly, periods_ahead
from forecast.usecases.outlook import outlook
from forecast.usecases.outlook_lines import check_override, outlook_lines
from forecast.usecases.outlook_record import forecast_against_actual, outlook_accuracy, outlook_record

pytestmark = pytest.mark.slow

JUNE = parse_period("2024-06")
NIGHT = datetime(2024, 6, 11, tzinfo=UTC)
LATER = datetime(2024, 8, 2, tzinfo=UTC)
SETTINGS = Settings(outlook_periods=("month",))
TEAMS = pd.DataFrame({"team_id": ["t1"], "name": ["North"], "recorded_at": pd.Timestamp("2023-01-01")})
USERS = pd.DataFrame({"user_id": ["ada", "bob"], "team_id": "t1", "recorded_at": pd.Timestamp("2023-01-01")})


def deals() -> pd.DataFrame:
    """A win of 100 for ada each month on the 20th, of 10 for bob on the 5th, each engaged two weeks before."""
    months = pd.date_range("2023-06-01", "2024-07-01", freq="MS")
    wins = pd.concat(
        [
            pd.DataFrame({"owner_id": "ada", "amount": 100.0, "closed_at": months + pd.Timedelta(days=19)}),
            pd.DataFrame({"owner_id": "bob", "amount": 10.0, "closed_at": months + pd.Timedelta(days=4)}),
        ],
        ignore_index=True,
    )
    wins = wins.assign(
        opportunity_id=[f"o{number}" for number in range(len(wins))],
        created_at=wins["closed_at"] - pd.Timedelta(days=14),
        stage="offer",
        currency="EUR",
    )
    opened = wins.assign(closed_at=pd.NaT, outcome=None, recorded_at=wins["created_at"])
    return pd.concat([opened, wins.assign(outcome="won", recorded_at=wins["closed_at"])], ignore_index=True)


class OneConnection:
    """A lake of frames that are registered once: readers leave no table behind."""

    def __init__(self, lake):
        self.lake, self.con = lake, connect_tables(lake.tables)

    def __getattr__(self, name):
        return getattr(self.lake, name)

    @contextmanager
    def connect(self, batch=None):
        self.con.execute("SELECT 1").fetchall()  # ends what the last reader left unread
        yield self.con


@pytest.fixture(scope="module")
def lake(frame_lake):
    return OneConnection(frame_lake({"opportunities": deals(), "users": USERS, "teams": TEAMS}))


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    store = SqlStore(f"sqlite:///{tmp_path / 'store.db'}", FixedClock(NIGHT + timedelta(hours=3)))
    store.migrate()
    return store


def night(lake, store, as_of=NIGHT, batch=1) -> Night:
    return Night(lake, InMemoryRegistry(), store, SETTINGS, as_of, batch)


def test_nightly_keeps_every_level_with_what_stands_beside(lake, store):
    done = nightly(night(lake, store))

    assert done["step"].tolist() == [name for name, _ in STEPS]
    assert done["is_done"].all()
    kept = store.snapshots("2024-06")
    assert set(zip(kept["level"], kept["id"], strict=True)) == {
        ("company", "company"), ("team", "t1"), ("rep", "ada"), ("rep", "bob")
    }  # fmt: skip
    assert {"booked", "open", "arriving", "repeat", "mean", "override", *BASELINES, *quantile_columns()} < set(kept)
    assert not {"name", "override_reason"} & set(kept)
    assert set(store.snapshots()["period"]) == {"2024-06", "2024-07"}


def test_nightly_done_again_changes_nothing(lake, store):
    nightly(night(lake, store))
    before = store.snapshots(), store.latest_scores()

    store.clock = FixedClock(NIGHT + timedelta(hours=9))
    done = nightly(night(lake, store))

    pd.testing.assert_frame_equal(store.snapshots(), before[0])
    pd.testing.assert_frame_equal(store.latest_scores(), before[1])
    assert done["result"].tolist()[1] == "kept already 2024-06, 2024-07"


def test_nightly_leaves_out_what_it_has_no_data_for(frame_lake, store):
    leads = pd.DataFrame(
        {"lead_id": ["l1"], "created_at": pd.Timestamp("2024-06-01"), "recorded_at": pd.Timestamp("2024-06-01")}
    )

    done = nightly(night(frame_lake({"leads": leads}), store))

    assert done.set_index("step")["is_done"].to_dict() == {
        "scores": True,
        "outlooks": False,
        "demand": True,
        "reports": True,
    }
    assert "there is no revenue to look ahead to" in done["result"].iloc[1]


def test_periods_ahead_follow_the_settings():
    settings = Settings(outlook_periods=("week", "quarter"), fiscal_year_start=4, timezone="America/New_York")

    # In New York it is still 30 June.
    found = periods_ahead(datetime(2024, 7, 1, 2, tzinfo=UTC), settings)

    assert [period.label for period in found] == ["2024-W26", "2024-W27", "2024Q1", "2024Q2"]


@pytest.fixture(scope="module")
def kept(lake, tmp_path_factory):
    """Three nights with overrides of June, and one night of July that was made up for in August. Tests only read."""
    store = SqlStore(f"sqlite:///{tmp_path_factory.mktemp('kept') / 'store.db'}", FixedClock(NIGHT - timedelta(days=9)))
    store.migrate()
    store.save_override("2024-06", "rep", "ada", 80.0, "EUR", author="mia", reason="holiday")
    store.save_override("2024-06", "company", "company", 130.0, "EUR", author="mia", reason="a feeling")
    for day in range(3):
        store.clock = FixedClock(NIGHT + timedelta(days=day, hours=3))
        nightly(night(lake, store, NIGHT + timedelta(days=day)))
    store.clock = FixedClock(LATER)
    nightly(night(lake, store, datetime(2024, 7, 3, tzinfo=UTC)))
    return store


def test_forecast_against_actual_by_hand(lake, kept):
    found = forecast_against_actual(lake, kept, SETTINGS, LATER, period=JUNE, day=NIGHT).set_index(["level", "id"])

    assert found["actual"].to_dict() == {
        ("company", "company"): 110.0, ("team", "t1"): 110.0, ("rep", "ada"): 100.0, ("rep", "bob"): 10.0
    }  # fmt: skip
    np.testing.assert_allclose(found["error"], found["mean"] - found["actual"])
    assert found.loc[("rep", "bob"), "booked"] == 10.0
    assert found.loc[("rep", "ada"), "override"] == 80.0
    assert np.isnan(found.loc[("rep", "bob"), "override"])
    # Ada's deal is open in the only stage, which was always won, and due two weeks after its creation.
    assert found.loc[("rep", "ada"), "weighted_pipeline"] == 100.0
    assert found["is_public"].all()
    np.testing.assert_allclose(found["days_ahead"], 20.0)


def test_actual_is_missing_until_the_period_is_over(lake, kept):
    early = forecast_against_actual(lake, kept, SETTINGS, datetime(2024, 6, 25, tzinfo=UTC), period=JUNE)

    assert early["actual"].isna().all()
    assert len(early) == 3 * 4


def test_a_past_day_shows_the_last_snapshot_before_it(lake, kept):
    found = forecast_against_actual(lake, kept, SETTINGS, LATER, period=JUNE, day=NIGHT + timedelta(days=1, hours=12))

    assert set(found["as_of"]) == {pd.Timestamp(NIGHT + timedelta(days=1))}
    assert len(forecast_against_actual(lake, kept, SETTINGS, LATER)) == 3 * 2 * 4


def test_knowledge_of_a_past_moment_holds_no_later_snapshot(lake, kept):
    found = forecast_against_actual(lake, kept, SETTINGS, NIGHT + timedelta(hours=3), period=JUNE)

    assert found.empty
    assert {"actual", "error", "days_ahead"} <= set(found.columns)


def test_record_counts_public_ranges_of_the_first_night_at_each_horizon(lake, kept):
    september = datetime(2024, 9, 1, tzinfo=UTC)

    found = outlook_record(lake, kept, SETTINGS, september)

    judged = forecast_against_actual(lake, kept, SETTINGS, september)
    first = judged[judged["as_of"] == pd.Timestamp(NIGHT)]
    held = first["actual"].between(first["q0.1"], first["q0.9"])
    assert found.groupby("level")["of"].sum().to_dict() == {"company": 2, "team": 2, "rep": 4}
    assert found["came_true"].sum() == held.sum()
    assert not judged.loc[judged["as_of"] > pd.Timestamp(NIGHT + timedelta(days=5)), "is_public"].any()


def test_record_is_empty_before_anything_came_due(lake, kept):
    assert outlook_record(lake, kept, SETTINGS, datetime(2024, 6, 30, tzinfo=UTC)).empty
    assert outlook_accuracy(lake, kept, SETTINGS, datetime(2024, 6, 30, tzinfo=UTC)).empty


def test_accuracy_is_that_of_the_first_snapshot_at_each_horizon(lake, kept):
    september = datetime(2024, 9, 1, tzinfo=UTC)

    found = outlook_accuracy(lake, kept, SETTINGS, datetime(2024, 7, 5, tzinfo=UTC))
    backdated = outlook_accuracy(lake, kept, SETTINGS, september, with_backdated=True)

    first = forecast_against_actual(lake, kept, SETTINGS, LATER, period=JUNE, day=NIGHT).set_index("level")
    company = found[found["level"] == "company"].set_index("forecaster")
    assert company["n"].to_dict() == {"model": 1, "weighted_pipeline": 1, "last_year": 1, "override": 1}
    np.testing.assert_allclose(company.loc["override", ["bias", "wape"]].astype(float), [20.0, 20 / 110], atol=1e-6)
    np.testing.assert_allclose(company.loc["model", "bias"], first.loc["company", "error"], atol=1e-6)
    assert backdated["n"].sum() > outlook_accuracy(lake, kept, SETTINGS, september)["n"].sum()


def lines_of(lake, store, as_of=NIGHT, **more):
    made = outlook(lake, InMemoryRegistry(), store, SETTINGS, JUNE, as_of)
    return outlook_lines(lake, store, SETTINGS, made, **more)


def test_lines_show_baselines_the_latest_override_and_the_record(lake, store):
    store.clock = FixedClock(NIGHT - timedelta(days=2))
    store.save_override("2024-06", "team", "t1", 90.0, "EUR", author="mia", reason="first")
    store.clock = FixedClock(NIGHT - timedelta(days=1))
    store.save_override("2024-06", "team", "t1", 95.0, "EUR", author="mia", reason="second")
    store.clock = FixedClock(NIGHT)
    store.save_override("2024-06", "team", "t1", 1.0, "EUR", author="mia", reason="not known yet")

    found = lines_of(lake, store).set_index(["level", "id"])

    team = found.loc[("team", "t1")]
    assert (team["override"], team["override_reason"]) == (95.0, "second")
    assert found["override"].notna().sum() == 1
    for name in ("weighted_pipeline", "last_year"):
        np.testing.assert_allclose(found.loc["rep", name].sum(), found.loc[("company", "company"), name])
    assert found[["category_commit", "came_true"]].isna().all(axis=None)
    assert (found["stated"] == 0.8).all()


def test_lines_are_the_same_bytes_after_more_is_known(lake, frame_lake, store):
    before = lines_of(lake, store)
    more = (
        deals().tail(1).assign(opportunity_id="new", amount=1e6, recorded_at=pd.Timestamp(NIGHT.replace(tzinfo=None)))
    )
    later = frame_lake({"opportunities": pd.concat([deals(), more]), "users": USERS, "teams": TEAMS})
    store.save_override("2024-06", "team", "t1", 1.0, "EUR", author="mia", reason="later")
    nightly(night(later, store))

    assert lines_of(later, store).to_json() == before.to_json()


@pytest.mark.parametrize(
    ("level", "node", "amount", "reason", "message"),
    [
        ("region", "t1", 1.0, "why", "`level` must be one of company, team, rep, got 'region'"),
        ("team", "t9", 1.0, "why", "There is no team 't9' among 1 known"),
        ("rep", "cyd", 1.0, "why", "There is no rep 'cyd' among 2 known"),
        ("company", "company", float("nan"), "why", "`amount` must be a number of EUR below 1e14, got nan"),
        ("company", "company", 1.0, "  ", "needs a `reason`"),
    ],
)
def test_wrong_override_is_refused(lake, level, node, amount, reason, message):
    with pytest.raises(InvalidInput, match=message):
        check_override(lake, SETTINGS, level, node, amount, reason)
