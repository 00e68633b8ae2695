"""The record of regions, categories and other measures than revenue, on a small company checked by hand."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.errors import InvalidInput
from forecast.periods import parse_period
from forecast.settings import Settings
from forecast.usecases.nightly import Night, measures_kept, save_outlooks
from forecast.usecases.outlook import outlook
from forecast.usecases.outlook_lines import outlook_lines
from forecast.usecases.outlook_record import forecast_against_actual, outlook_accuracy, outlook_record

pytestmark = pytest.mark.slow

JUNE = parse_period("2024-06")
NIGHT = datetime(2024, 6, 11, tzinfo=UTC)
LATER = datetime(2024, 7, 5, tzinfo=UTC)
SETTINGS = Settings(outlook_periods=("month",), outlook_measures=("wins", "units"))
KNOWN = pd.Timestamp("2023-01-01")


def tables() -> dict[str, pd.DataFrame]:
    """Each month ada wins 100 with tools in the north on the 20th, bob 10 with something in the south on the 5th."""
    months = pd.date_range("2023-06-01", "2024-06-01", freq="MS")
    of_ada = pd.DataFrame({"closed_at": months + pd.Timedelta(days=19)}).assign(
        owner_id="ada", account_id="a", product_id="p", amount=100.0
    )
    of_bob = pd.DataFrame({"closed_at": months + pd.Timedelta(days=4)}).assign(
        owner_id="bob", account_id="b", product_id=None, amount=10.0
    )
    wins = pd.concat([of_ada, of_bob], ignore_index=True)
    wins = wins.assign(
        opportunity_id=[f"o{number}" for number in range(len(wins))],
        created_at=wins["closed_at"] - pd.Timedelta(days=14),
        stage="offer",
        currency="EUR",
    )
    opened = wins.assign(closed_at=pd.NaT, outcome=None, recorded_at=wins["created_at"])
    return {
        "opportunities": pd.concat([opened, wins.assign(outcome="won", recorded_at=wins["closed_at"])]),
        "users": pd.DataFrame({"user_id": ["ada", "bob"], "team_id": "t1", "recorded_at": KNOWN}),
        "teams": pd.DataFrame({"team_id": ["t1"], "name": ["North"], "recorded_at": KNOWN}),
        "accounts": pd.DataFrame({"account_id": ["a", "b"], "region": ["north", "south"], "recorded_at": KNOWN}),
        "products": pd.DataFrame({"product_id": ["p"], "category": ["tools"], "recorded_at": KNOWN}),
    }  # fmt: skip


@pytest.fixture(scope="module")
def lake(frame_lake):
    return frame_lake(tables())


@pytest.fixture(scope="module")
def kept(lake, tmp_path_factory):
    """One night, of revenue and wins; there are no units. Tests only read."""
    store = SqlStore(
        f"sqlite:///{tmp_path_factory.mktemp('kept') / 'store.db'}", FixedClock(NIGHT + timedelta(hours=3))
    )
    store.migrate()
    store.told = save_outlooks(Night(lake, InMemoryRegistry(), store, SETTINGS, NIGHT, 1))
    return store


def test_the_night_keeps_regions_and_categories_and_says_what_it_has_nothing_of(kept):
    nodes = kept.snapshots("2024-06")[["level", "id"]]
    wins = kept.snapshots("2024-06", measure="wins")

    both = {("company", "company"), ("team", "t1"), ("rep", "ada"), ("rep", "bob"), ("region", "north"),
            ("region", "south"), ("category", "tools"), ("category", "(unassigned)")}  # fmt: skip
    assert set(nodes.itertuples(index=False, name=None)) == both
    assert set(wins[["level", "id"]].itertuples(index=False, name=None)) == both
    assert kept.snapshots(measure="units").empty
    assert "nothing known for units of 2024-06, units of 2024-07" in kept.told


@pytest.mark.parametrize(("measure", "of_ada", "of_bob"), [("revenue", 100.0, 10.0), ("wins", 1.0, 1.0)])
def test_what_came_is_told_by_region_and_category(lake, kept, measure, of_ada, of_bob):
    found = forecast_against_actual(lake, kept, SETTINGS, LATER, period=JUNE, measure=measure)
    found = found.set_index(["level", "id"])

    assert found["actual"].to_dict() == {
        ("company", "company"): of_ada + of_bob, ("team", "t1"): of_ada + of_bob,
        ("rep", "ada"): of_ada, ("rep", "bob"): of_bob, ("region", "north"): of_ada, ("region", "south"): of_bob,
        ("category", "tools"): of_ada, ("category", "(unassigned)"): of_bob,
    }  # fmt: skip
    # Bob's win is booked; ada's deal is open in the only stage, which was always won, and due in two weeks.
    assert found.loc[("region", "south"), ["booked", "weighted_pipeline"]].tolist() == [of_bob, of_bob]
    assert found.loc[("region", "north"), ["booked", "weighted_pipeline"]].tolist() == [0.0, of_ada]
    assert found.loc[("category", "tools"), "weighted_pipeline"] == of_ada
    assert found.loc[("company", "company"), "weighted_pipeline"] == of_ada + of_bob
    np.testing.assert_allclose(found["error"], found["mean"] - found["actual"])


@pytest.mark.parametrize("measure", ["revenue", "wins"])
def test_each_level_has_its_record(lake, kept, measure):
    judged = forecast_against_actual(lake, kept, SETTINGS, LATER, period=JUNE, measure=measure)
    held = judged["actual"].between(judged["q0.1"], judged["q0.9"]).groupby(judged["level"]).agg(["sum", "size"])

    found = outlook_record(lake, kept, SETTINGS, LATER, measure=measure).set_index("level")

    assert found.index.tolist() == ["company", "team", "rep", "region", "category"]
    assert found["of"].to_dict() == {"company": 1, "team": 1, "rep": 2, "region": 2, "category": 2}
    assert found["came_true"].to_dict() == held["sum"].to_dict()
    accuracy = outlook_accuracy(lake, kept, SETTINGS, LATER, measure=measure)
    assert set(accuracy.loc[accuracy["level"] == "region", "forecaster"]) == {"model", "weighted_pipeline", "last_year"}


@pytest.mark.parametrize(("by", "measure"), [("region", "revenue"), ("category", "revenue"), ("region", "wins")])
def test_the_record_and_the_baselines_stand_beside_every_range(lake, kept, by, measure):
    as_of = datetime(2024, 7, 11, tzinfo=UTC)
    made = outlook(lake, InMemoryRegistry(), kept, SETTINGS, parse_period("2024-07"), as_of, by=by, measure=measure)

    found = outlook_lines(lake, kept, SETTINGS, made).set_index("level")

    record = outlook_record(lake, kept, SETTINGS, as_of, measure=measure).set_index(["level", "horizon"])
    for level, n in (("company", 1), (by, 2)):
        assert set(found.loc[[level], "of"]) == {n}
        assert set(found.loc[[level], "came_true"]) == {record.loc[(level, "8-31"), "came_true"]}
    assert found["last_year"].notna().all()
    np.testing.assert_allclose(found.loc[by, "last_year"].sum(), found.loc["company", "last_year"])
    assert found["override"].isna().all()


def test_a_company_that_tells_no_regions_apart_keeps_none(frame_lake, tmp_path):
    bare = {name: frame for name, frame in tables().items() if name not in ("accounts", "products")}
    store = SqlStore(f"sqlite:///{tmp_path / 'store.db'}", FixedClock(NIGHT + timedelta(hours=3)))
    store.migrate()

    save_outlooks(Night(frame_lake(bare), InMemoryRegistry(), store, Settings(outlook_periods=("month",)), NIGHT, 1))

    assert set(store.snapshots()["level"]) == {"company", "team", "rep"}


def test_measures_of_targets_are_kept_without_being_named(kept):
    kept.approve_targets(
        "2024-09",
        pd.DataFrame([{"owner_kind": "user", "owner_id": "ada", "measure": "wins", "amount": 3, "currency": ""}]),
        author="mia",
    )

    assert measures_kept(kept, Settings(), parse_period("2024-09")) == ["revenue", "wins"]
    assert measures_kept(kept, Settings(), JUNE) == ["revenue"]
    assert measures_kept(kept, SETTINGS, parse_period("2024-09")) == ["revenue", "wins", "units"]


def test_the_record_of_no_measure_is_refused(lake, kept):
    with pytest.raises(InvalidInput, match="`measure` must be one of revenue, margin, wins, units, activities"):
        forecast_against_actual(lake, kept, SETTINGS, LATER, measure="luck")
