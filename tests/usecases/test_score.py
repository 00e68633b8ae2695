"""Scores of simple leads, without a trained model and with one."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.conversion import ConversionScorer
from forecast.errors import InvalidInput, UnknownModel
from forecast.features import build_features
from forecast.settings import Settings
from forecast.usecases.champion import GATE, new_scorer
from forecast.usecases.models import enthrone
from forecast.usecases.score import score, score_record
from forecast.usecases.snapshots import take_snapshots

AS_OF = datetime(2025, 7, 20, tzinfo=UTC)
TRAINED = datetime(2025, 6, 20, tzinfo=UTC)
SETTINGS = Settings(conversion_horizon_days=14, horizons_days=(7, 14, 28))
COLUMNS = [
    *("entity", "entity_id", "owner_id", "as_of", "batch", "model_version", "probability", "low", "high"),
    *("p_7d", "p_14d", "p_28d", "predicted_close_date", "predicted_close_low", "predicted_close_high"),
    *(
        "slip_probability",
        "amount_if_won",
        "amount_low",
        "amount_high",
        "percentile",
        "grade",
        "base",
        "reasons",
        "backdated",
    ),
]


@dataclass
class Place:
    lake: Any
    store: SqlStore
    registry: InMemoryRegistry

    def score(self, as_of: datetime = AS_OF, **changes: Any) -> pd.DataFrame:
        return score(self.lake, self.registry, self.store, SETTINGS, as_of, **changes)

    def score_record(self, record: dict[str, Any], **changes: Any) -> dict[str, Any]:
        given = {"entity": "lead", "record": record, "as_of": AS_OF} | changes
        return score_record(self.lake, self.registry, self.store, SETTINGS, **given)


def place(lake: Any, folder: Path) -> Place:
    store = SqlStore(f"sqlite:///{folder / 'store.db'}", FixedClock(AS_OF))
    store.migrate()
    return Place(lake, store, InMemoryRegistry())


@pytest.fixture
def untrained(frame_lake: Any, lead_tables: dict[str, pd.DataFrame], tmp_path: Path) -> Iterator[Place]:
    here = place(frame_lake(lead_tables), tmp_path)
    yield here
    here.store.close()


@pytest.fixture(scope="module")
def trained(
    frame_lake: Any, lead_tables: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A small model with its cutoff on 2025-06-20 is the champion."""
    here = place(frame_lake(lead_tables), tmp_path_factory.mktemp("score"))
    with here.lake.connect() as con:
        snapshots = take_snapshots(con, "lead", TRAINED, SETTINGS)
        features = build_features(con, snapshots.spine, "lead")
    scorer = new_scorer(snapshots, SETTINGS, kind="blend", params={"max_trees": 20, "n_folds": 2})
    scorer.fit(features, snapshots.outcomes, cutoff=TRAINED)
    version = here.registry.register("conversion_lead", scorer.to_files(), {"cutoff": TRAINED, "batch": 1})
    enthrone(here.registry, here.store, here.store.clock, version, reason="test", author=GATE)
    yield here
    here.store.close()


def test_scores_have_the_columns_of_the_contract_one_row_per_open_lead(untrained: Place) -> None:
    scores = untrained.score()

    assert list(scores.columns) == COLUMNS
    leads = untrained.lake.tables["leads"]
    still_open = leads[~leads.duplicated("lead_id", keep=False)]
    assert scores["entity_id"].tolist() == sorted(still_open["lead_id"])
    assert set(scores["owner_id"]) == {"u1"}
    assert scores["as_of"].dtype == "datetime64[us, UTC]"


def test_without_a_champion_the_group_rate_of_what_was_known_serves(untrained: Place) -> None:
    scores = untrained.score()

    assert set(scores["model_version"]) == {"group_rate"}
    assert scores["probability"].between(0.2, 0.6).all()
    assert not scores["backdated"].any()


def test_with_no_outcome_known_the_prior_serves_and_says_so(untrained: Place) -> None:
    scores = untrained.score(datetime(2025, 1, 4, tzinfo=UTC))

    assert len(scores)
    assert scores["probability"].tolist() == [0.25] * len(scores)
    # The distribution function of Beta(0.5, 1.5) in closed form.
    shares = [(np.arcsin(x**0.5) + (x * (1 - x)) ** 0.5) * 2 / np.pi for x in scores[["low", "high"]].iloc[0]]
    np.testing.assert_allclose(shares, [0.1, 0.9], atol=1e-6)
    assert json.loads(scores["reasons"].iloc[0])[0]["code"] == "prior_only"
    assert scores["p_7d"].iloc[0] == 0.125


def test_scores_are_numbers_between_their_limits(trained: Place, untrained: Place) -> None:
    for scores in (trained.score(), untrained.score()):
        unknown = ["slip_probability", "amount_if_won", "amount_low", "amount_high"]  # a lead promises neither
        assert scores.drop(columns=unknown).notna().all().all()
        assert (scores["low"] <= scores["probability"]).all()
        assert (scores["probability"] <= scores["high"]).all()
        assert (scores["p_7d"] <= scores["p_14d"]).all()
        assert (scores["p_14d"] <= scores["p_28d"]).all()
        np.testing.assert_allclose(scores["p_14d"], scores["probability"], atol=1e-9)
        assert (scores["predicted_close_date"] >= date(2025, 7, 20)).all()


def test_base_and_all_reasons_add_up_to_the_probability(trained: Place) -> None:
    scores = trained.score()

    points = scores["reasons"].map(lambda text: sum(reason["points"] for reason in json.loads(text)))

    np.testing.assert_allclose(scores["base"] + points, scores["probability"], atol=1e-8)


def test_champion_serves_from_its_cutoff_on(trained: Place) -> None:
    before = trained.score(TRAINED - timedelta(days=1))
    after = trained.score(TRAINED + timedelta(days=1))

    assert set(before["model_version"]) == {"group_rate"}
    assert set(after["model_version"]) == {"conversion_lead/1"}
    assert not after["backdated"].any()


def test_score_of_a_past_day_by_a_later_model_is_marked(trained: Place) -> None:
    scores = trained.score(TRAINED - timedelta(days=1), model="conversion_lead/1")

    assert set(scores["model_version"]) == {"conversion_lead/1"}
    assert scores["backdated"].all()


def test_group_rate_can_be_asked_for_by_name(trained: Place) -> None:
    assert set(trained.score(model="group_rate")["model_version"]) == {"group_rate"}


def test_unknown_version_is_refused(trained: Place) -> None:
    with pytest.raises(UnknownModel, match="There is no model conversion_lead/9"):
        trained.score(model="conversion_lead/9")


def test_champion_ranks_referrals_above_cold_leads(trained: Place) -> None:
    scores = trained.score().merge(
        trained.lake.tables["leads"].drop_duplicates("lead_id"), left_on="entity_id", right_on="lead_id"
    )

    mean = scores.groupby("channel")["probability"].mean()
    assert mean["referral"] > 3 * mean["cold"]


def test_same_question_gives_the_same_frame_after_later_data(
    trained: Place, frame_lake: Any, lead_tables: dict[str, pd.DataFrame]
) -> None:
    asked = datetime(2025, 7, 1, tzinfo=UTC)
    before = trained.score(asked, batch=1)
    leads = lead_tables["leads"]
    later = leads.assign(channel="web", status="?", recorded_at=pd.Timestamp("2025-07-02", tz="UTC"), batch=2)
    backfill = leads.assign(channel="phone", recorded_at=pd.Timestamp("2025-06-30", tz="UTC"), batch=3)
    everything = pd.concat([leads, later, backfill]).sample(frac=1, random_state=0)

    again = Place(frame_lake({"leads": everything}), trained.store, trained.registry).score(asked, batch=1)

    pd.testing.assert_frame_equal(again, before, check_exact=True)


def test_saved_scores_are_the_latest_and_in_the_history(untrained: Place) -> None:
    scores = untrained.score(save=True)

    latest = untrained.store.latest_scores("lead").sort_values("entity_id", ignore_index=True)
    assert latest["probability"].tolist() == scores["probability"].tolist()
    assert latest["reasons"].tolist() == scores["reasons"].tolist()
    assert len(untrained.lake.saved) == 1


def test_saving_scores_of_one_models_kind_leaves_the_other_kind(trained: Place) -> None:
    deal = trained.score(save=True).iloc[[0]].assign(entity="opportunity", entity_id="O1")
    trained.store.save_scores(deal, "opportunity")

    trained.score(model="conversion_lead/1", save=True)

    assert trained.store.latest_scores("opportunity")["entity_id"].tolist() == ["O1"]


def test_as_of_before_all_data_names_the_first_moment(untrained: Place) -> None:
    with pytest.raises(InvalidInput, match=r"Nothing was known at 2024-01-01 .* first .* known at 2025-01-01"):
        untrained.score(datetime(2024, 1, 1, tzinfo=UTC))


def test_empty_lake_says_what_to_do(frame_lake: Any, untrained: Place) -> None:
    here = Place(frame_lake({}), untrained.store, untrained.registry)

    with pytest.raises(InvalidInput, match="no lead and no opportunity yet; bring some in with `forecast ingest"):
        here.score()


def test_nothing_open_gives_no_rows_with_all_columns(untrained: Place) -> None:
    scores = untrained.score(entity="opportunity")

    assert scores.empty
    assert list(scores.columns) == COLUMNS
    assert scores["probability"].dtype == float


def test_unknown_entity_is_refused(untrained: Place) -> None:
    with pytest.raises(InvalidInput, match=r"`entity` must be one of \['lead', 'opportunity'\], got 'deal'"):
        untrained.score(entity="deal")


# A posted record


def test_record_scores_like_the_same_version_in_the_lake(trained: Place) -> None:
    leads = trained.lake.tables["leads"]
    posted = leads["lead_id"] == "L299"
    just_before = pd.Timestamp(AS_OF) - timedelta(microseconds=1)
    with_it = {"leads": leads.assign(recorded_at=leads["recorded_at"].mask(posted, just_before))}
    without_it = {"leads": leads[~posted]}
    record = leads.loc[posted, ["lead_id", "owner_id", "channel", "status"]].iloc[0].to_dict()
    record["created_at"] = leads.loc[posted, "created_at"].iloc[0].isoformat()

    stored, alone = (Place(type(trained.lake)(t), trained.store, trained.registry) for t in (with_it, without_it))

    expected = stored.score().set_index("entity_id").loc["L299"]
    answer = alone.score_record(record)
    for name in ("owner_id", "probability", "low", "high", "p_7d", "base", "grade", "predicted_close_date"):
        assert answer[name] == expected[name], name
    assert answer["reasons"] == json.loads(expected["reasons"])


def test_record_of_a_known_lead_changes_only_what_is_given(trained: Place) -> None:
    stored = trained.score().set_index("entity_id")
    channel = trained.lake.tables["leads"].set_index("lead_id").loc["L299", "channel"]
    other = {"cold": "referral", "referral": "cold"}[channel]

    unchanged = trained.score_record({"lead_id": "L299"})
    changed = trained.score_record({"lead_id": "L299", "channel": other})

    assert unchanged["probability"] == stored.loc["L299", "probability"]
    assert abs(changed["probability"] - unchanged["probability"]) > 0.1


def test_record_without_id_is_new_and_stored_nowhere(trained: Place) -> None:
    posted = trained.score_record({"channel": "referral"})

    assert posted["entity_id"] == "(posted)"
    assert 0 < posted["probability"] < 1
    assert "(posted)" not in set(trained.score()["entity_id"])


def test_record_rank_is_among_the_saved_scores(untrained: Place) -> None:
    assert untrained.score_record({"channel": "cold"})["percentile"] is None

    untrained.score(save=True)

    assert 0 <= untrained.score_record({"channel": "cold"})["percentile"] <= 100


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"created_at": "yesterday"}, "`created_at` must be a moment such as .*, got 'yesterday'"),
        ({"created_at": "2030-01-01"}, "`created_at` must be before the moment of the score, got '2030-01-01'"),
        ({"owner_id": 7}, "`owner_id` must be a text, got 7"),
        ({"closed_at": "2025-07-01"}, "The lead is closed as given"),
    ],
)
def test_wrong_record_is_refused(untrained: Place, record: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        untrained.score_record(record)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"amount": -1}, "`amount` must be a number of at least 0, got -1"),
        ({"amount": float("nan")}, "`amount` must be a number"),
        ({"expected_close_date": "31.3."}, "`expected_close_date` must be a day such as 2026-03-31, got '31.3.'"),
        ({"outcome": "maybe"}, "`outcome` must be one of won, lost, got 'maybe'"),
    ],
)
def test_wrong_opportunity_is_refused(untrained: Place, record: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        untrained.score_record(record, entity="opportunity")


def test_opportunity_can_be_scored_where_none_is_known(untrained: Place) -> None:
    posted = untrained.score_record({"amount": 100, "segment": "new"}, entity="opportunity")

    assert posted["probability"] == 0.25
    assert posted["reasons"][0]["code"] == "prior_only"


def test_stored_files_score_as_before(trained: Place) -> None:
    files = trained.registry.files("conversion_lead", "1")

    assert ConversionScorer.from_files(files).to_files() == files
