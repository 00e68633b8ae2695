"""What moved from lake, store and registry: the same outlooks at both ends, models and batches told apart, replay."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.datasets import make_company
from forecast.errors import InvalidInput
from forecast.features import open_entities
from forecast.history import in_force
from forecast.outlook.moved import STEPS, Moved
from forecast.periods import parse_period
from forecast.settings import Settings
from forecast.usecases.champion import GATE, GROUP_RATE, fit_group_rate
from forecast.usecases.models import enthrone
from forecast.usecases.outlook import outlook
from forecast.usecases.rescore import Rescorer
from forecast.usecases.score import choose_scorer, joined_scores, score, score_spine
from forecast.usecases.what_moved import what_moved

pytestmark = pytest.mark.slow

FROM, TO = datetime(2025, 8, 11, tzinfo=UTC), datetime(2025, 9, 1, tzinfo=UTC)
QUARTER = parse_period("2025Q3")
SETTINGS = Settings(revenue_from="both", conversion_horizon_days=30)


class Desk:
    """A lake of frames, a store and a registry, with champions."""

    def __init__(self, lake: Any, folder: Path) -> None:
        self.lake, self.registry = lake, InMemoryRegistry()
        clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.store = SqlStore(f"sqlite:///{folder / 'store.db'}", clock)
        self.store.migrate()
        self.clock = clock

    def crown(self, cutoff: datetime) -> None:
        """The group rate of what was known before a moment becomes the next champion."""
        with self.lake.connect(1) as con:
            scorer = fit_group_rate(con, "opportunity", cutoff, SETTINGS)
        assert scorer is not None
        version = self.registry.register(
            "conversion_opportunity", scorer.to_files(), {"cutoff": cutoff, "batch": 1, "metrics": {}}
        )
        enthrone(self.registry, self.store, self.clock, version, reason="test", author=GATE)

    def moved(self, from_as_of: datetime = FROM, to_as_of: datetime = TO, **batches: int) -> Moved:
        return what_moved(self.lake, self.registry, self.store, SETTINGS, QUARTER, from_as_of, to_as_of, **batches)

    def means(self, as_of: datetime, batch: int) -> "pd.Series[float]":
        made = outlook(self.lake, self.registry, self.store, SETTINGS, QUARTER, as_of, batch=batch)
        return made.to_frame(()).set_index(["level", "id"])["mean"]


def backfill(tables: dict[str, pd.DataFrame], before: datetime, batch: int) -> dict[str, pd.DataFrame]:
    """A batch that says what had been true a week before a moment: every third open opportunity asked for double."""
    deals = tables["opportunities"]
    at = pd.Timestamp(before) - pd.Timedelta(days=7)
    known = deals[deals["recorded_at"] < at].groupby("opportunity_id", as_index=False).last()
    known = known[known["outcome"].isna()].iloc[::3]
    later = known.assign(amount=2 * known["amount"], recorded_at=at, batch=batch, row=np.arange(len(known)))
    return tables | {"opportunities": pd.concat([deals, later], ignore_index=True)}


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    company = make_company(
        n_reps=5, n_opportunities=120, n_leads=1, n_accounts=30, months=9, start=date(2025, 1, 1), random_state=2
    )
    used = ("accounts", "opportunities", "orders", "order_lines", "products", "users", "teams", "fx_rates")
    made = {name: company.tables[name].assign(batch=1, row=np.arange(len(company.tables[name]))) for name in used}
    return backfill(made, FROM, 2)


@pytest.fixture(scope="module")
def desk(tables: dict[str, pd.DataFrame], frame_lake: Any, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The champion of the later day is another one than that of the earlier day."""
    desk = Desk(frame_lake(tables), tmp_path_factory.mktemp("moved"))
    desk.crown(FROM - timedelta(days=40))
    desk.crown(TO - timedelta(days=3))
    return desk


@pytest.fixture(scope="module")
def moved(desk: Desk) -> Moved:
    return desk.moved(from_batch=1, to_batch=2)


def test_both_ends_are_the_outlooks_of_their_day_and_batch(desk: Desk, moved: Moved) -> None:
    lines = moved.to_frame().set_index(["level", "id"])

    for column, means in (("before", desk.means(FROM, 1)), ("after", desk.means(TO, 2))):
        assert set(means.index) <= set(lines.index)
        pd.testing.assert_series_equal(
            lines[column], means.reindex(lines.index, fill_value=0.0), check_names=False, check_exact=True
        )
    cents = (lines[["before", *STEPS, "after"]] * 100).round().astype(int)
    assert (cents["before"] + cents[list(STEPS)].sum(axis=1) == cents["after"]).all()


def test_batch_and_model_have_steps_of_their_own(desk: Desk, moved: Moved) -> None:
    line = moved.to_frame().iloc[0]
    of_corrected = desk.moved(to_as_of=FROM, from_batch=1, to_batch=2).to_frame().iloc[0]

    assert set(of_corrected.index[of_corrected.eq(0)]) == {step for step in STEPS if step != "corrected_data"}
    assert (
        line["corrected_data"]
        == of_corrected["corrected_data"]
        == round(desk.means(FROM, 2)["company", "company"] - desk.means(FROM, 1)["company", "company"], 2)
    )
    assert line["model"] != 0
    assert set(moved.deals("corrected_data")["what"]) == {""}


def test_without_a_batch_no_data_count_as_corrected(desk: Desk) -> None:
    assert desk.moved(to_as_of=FROM).entries.empty


def test_replay_gives_the_same_after_a_later_batch_and_a_newer_champion(
    tables: dict[str, pd.DataFrame], frame_lake: Any, moved: Moved, tmp_path: Path
) -> None:
    later = Desk(frame_lake(backfill(backfill(tables, FROM, 3), TO, 4)), tmp_path)
    later.crown(FROM - timedelta(days=40))
    later.crown(TO - timedelta(days=3))
    later.crown(TO + timedelta(days=3))

    again = later.moved(from_batch=1, to_batch=2)

    assert again.to_frame().to_json() == moved.to_frame().to_json()
    assert again.deals().to_json() == moved.deals().to_json()
    assert later.moved(from_batch=1).to_frame().to_json() != moved.to_frame().to_json()


def test_moments_and_batches_must_be_in_order(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match="earlier moment must not be after the later one, got 2025-09-01"):
        desk.moved(TO, FROM)
    with pytest.raises(InvalidInput, match="`from_batch` must not be after `to_batch`, got 2 and 1"):
        desk.moved(from_batch=2, to_batch=1)
    with pytest.raises(InvalidInput, match="2020-01-01"):
        desk.moved(datetime(2020, 1, 1, tzinfo=UTC))


def test_a_company_of_orders_alone_moves_by_repeat_demand_and_time(
    tables: dict[str, pd.DataFrame], frame_lake: Any, tmp_path: Path
) -> None:
    kept = {name: table for name, table in tables.items() if name != "opportunities"}
    desk = Desk(frame_lake(kept), tmp_path)
    settings = Settings(revenue_from="orders")

    told = what_moved(desk.lake, desk.registry, desk.store, settings, QUARTER, FROM, TO)

    assert set(told.entries["step"]) == {"repeat_demand", "exchange_rates"}
    after = outlook(desk.lake, desk.registry, desk.store, settings, QUARTER, TO).to_frame(())["mean"].iloc[0]
    assert told.to_frame()["after"].iloc[0] == after


def test_rescoring_is_scoring_as_if_the_change_had_been_recorded(desk: Desk, tables: dict[str, pd.DataFrame]) -> None:
    """The oracle: the change as a row of the lake, a microsecond before, and the usual scores."""
    with desk.lake.connect(1) as con:
        open_ids = score(desk.lake, desk.registry, desk.store, SETTINGS, FROM, batch=1, entity="opportunity")
        ids = open_ids["entity_id"].tolist()[:12]
        changes = pd.DataFrame({"stage": ["negotiation"] * 6 + ["qualification"] * 6}, index=ids)
        chosen = choose_scorer(con, desk.registry, desk.store, SETTINGS, "opportunity", FROM, GROUP_RATE)
        assert chosen is not None
        rescorer = Rescorer(con, lambda: chosen, FROM, SETTINGS, 1)
        first, second = rescorer(changes.iloc[:6]), rescorer(changes.iloc[4:])
    deals = tables["opportunities"]
    known = deals[(deals["batch"] == 1) & (deals["recorded_at"] < pd.Timestamp(FROM))]
    known = known.groupby("opportunity_id", as_index=False).last()
    rows = known[known["opportunity_id"].isin(ids)].set_index("opportunity_id")
    rows = rows.assign(stage=changes["stage"], recorded_at=pd.Timestamp(FROM) - pd.Timedelta(microseconds=1))
    recorded = tables | {"opportunities": pd.concat([deals, rows.reset_index()], ignore_index=True)}
    oracle = _scores_with(recorded, chosen, desk, ids)
    pd.testing.assert_frame_equal(first, oracle.loc[first.index], check_names=False)
    pd.testing.assert_frame_equal(second, oracle.loc[second.index], check_names=False)
    assert first.index.tolist() == sorted(ids[:6])
    before = open_ids.set_index("entity_id").loc[first.index, "p_30d"]
    assert (first["p_30d"] != before).any()


def test_rescoring_takes_away_amount_date_and_owner(desk: Desk) -> None:
    with desk.lake.connect(1) as con:
        chosen = choose_scorer(con, desk.registry, desk.store, SETTINGS, "opportunity", FROM, GROUP_RATE)
        assert chosen is not None
        ids = open_entities(con, "opportunity", FROM)["entity_id"].tolist()[:3]
        nothing = {"amount": np.nan, "currency": None, "expected_close_date": pd.NaT, "owner_id": None}

        said = Rescorer(con, lambda: chosen, FROM, SETTINGS, 1)(pd.DataFrame(nothing, index=ids))

        rows = con.execute(
            f"SELECT amount, currency, expected_close_date, owner_id FROM {in_force('opportunities', FROM)} "
            "WHERE opportunity_id IN (SELECT unnest(?))",
            [ids],
        ).fetchall()
    assert rows == [(None, None, None, None)] * 3
    assert said.index.tolist() == ids
    assert said["p_30d"].notna().all()


def _scores_with(tables: dict[str, pd.DataFrame], chosen: Any, desk: Desk, ids: list[str]) -> pd.DataFrame:
    with type(desk.lake)(tables).connect(1) as con:
        spine = open_entities(con, "opportunity", FROM)
        spine = spine[spine["entity_id"].isin(ids)].reset_index(drop=True)
        scores = joined_scores([score_spine(con, spine, "opportunity", chosen, SETTINGS, 1)], SETTINGS)
    return scores.set_index("entity_id")[["p_30d", "p_60d", "p_90d", "amount_if_won"]].astype(float)
