"""Training end to end on leads whose channel tells their outcome."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import training.train_conversion
from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.model_specs import ModelSpec
from forecast.adapters.store import SqlStore
from forecast.conversion import ConversionScorer
from forecast.conversion.next_step import NextStepModel
from forecast.errors import DataUnavailable, InvalidInput, NotEnoughHistory
from forecast.settings import Settings
from forecast.usecases.champion import champion_at
from forecast.usecases.evidence import kept_reference, reliability_of
from training.result import TrainingResult
from training.split import LATER_TIME
from training.train_conversion import train_conversion

pytestmark = pytest.mark.slow

NOW = datetime(2025, 7, 20, tzinfo=UTC)
SETTINGS = Settings(conversion_horizon_days=14, horizons_days=(7, 14, 28))
FAST = {"max_trees": 40, "n_folds": 2}


@dataclass
class Place:
    """A lake, a registry and a store to train in."""

    lake: Any
    store: SqlStore
    registry: InMemoryRegistry
    clock: FixedClock

    def train(self, **changes: Any) -> list[TrainingResult]:
        given = {"params": FAST, "as_of": NOW} | changes
        return train_conversion(self.lake, self.registry, self.store, SETTINGS, self.clock, **given)


def place(lake: Any, folder: Path) -> Place:
    clock = FixedClock(NOW)
    store = SqlStore(f"sqlite:///{folder / 'store.db'}", clock)
    store.migrate()
    return Place(lake, store, InMemoryRegistry(), clock)


@pytest.fixture
def few_families(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train on what the leads of these tests differ in: the other families have nothing to say and take their time."""
    load = training.train_conversion.load_model_spec

    def load_with_few(name: str) -> ModelSpec:
        return replace(load(name), features=("attributes", "calendar", "stage"))

    monkeypatch.setattr(training.train_conversion, "load_model_spec", load_with_few)


@pytest.fixture(scope="module")
def trained(
    frame_lake: Any, lead_tables: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Place, TrainingResult, list[str]]]:
    here = place(frame_lake(lead_tables), tmp_path_factory.mktemp("trained"))
    said: list[str] = []
    (result,) = here.train(progress=said.append)
    yield here, result, said
    here.store.close()


def test_group_rate_is_the_first_champion_and_a_better_model_follows_it(trained: Any) -> None:
    here, result, _ = trained

    assert result.decision.promote, result.decision.reason
    ledger = here.store.promotions("conversion_lead")
    assert [(line.version, line.author) for line in ledger] == [("1", "gate"), ("2", "gate")]
    assert ledger[0].reason == "First champion: the shrunken group rate."
    assert ledger[1].reason.startswith("Better: log loss -")
    assert here.registry.champions == {"conversion_lead": "2"}
    assert champion_at(here.registry, here.store, "lead", NOW) == result.model


def test_metrics_compare_all_models_on_the_same_later_rows(trained: Any) -> None:
    _, result, _ = trained
    table = result.metrics.set_index("model")

    assert list(table.index) == ["group_rate", "lightgbm", "logistic", "challenger"]
    assert table["n_rows"].tolist() == [389.0] * 4
    assert table.loc["challenger", "log_loss"] < table.loc["group_rate", "log_loss"] - 0.1
    assert table.loc["challenger", "roc_auc"] > 0.85


def test_run_holds_everything_needed_to_judge_and_repeat_it(trained: Any) -> None:
    here, result, _ = trained
    run = here.registry.runs[result.model.label]

    assert (run["cutoff"], run["batch"]) == (NOW, 1)
    assert run["params"]["max_trees"] == 40
    assert run["params"]["scheme"] == LATER_TIME
    assert run["tags"]["entity"] == "lead"
    assert run["metrics"]["group_rate.log_loss"] > run["metrics"]["log_loss"]
    pictures = {"beeswarm.png", "decision.png", "gains.png", "months.png", "reliability.png"}
    tables = {"by_age.csv", "by_channel.csv", "by_month.csv", "decision.csv", "importance.csv", "reliability.csv"}
    kept = {"card.md", "evaluation.csv", "reference.json", "reliability.parquet"}
    assert set(run["artifacts"]) == kept | {"features.csv"} | pictures | tables
    assert all(run["artifacts"][name].startswith(b"\x89PNG") for name in pictures)
    card = here.registry.files("conversion_lead", "2")["card.md"].decode()
    assert "P(won within 14 days) of an open lead" in card
    assert "Known before 2025-07-20 00:00 UTC, batch 1" in card
    assert "It knows more than the group rate: log loss -0." in card
    assert run["metrics"]["calibration_error_floor"] > 0


def test_what_the_model_can_be_judged_by_later_stays_with_it(trained: Any) -> None:
    here, result, _ = trained
    files = here.registry.files("conversion_lead", result.model.version)

    reliability, reference = reliability_of(files, "channel"), kept_reference(files)

    assert reliability is not None
    assert reliability.ways == ("month", "channel", "age")
    metrics = here.registry.runs[result.model.label]["metrics"]
    assert reliability.groups["n_rows"].sum() == metrics["n_rows"]
    said = reliability.groups.set_index("group")["mean_probability"]
    assert said["referral"] > said["cold"]
    assert reference is not None
    assert set(reference["features"]["attributes__channel"]["categories"]) == {"cold", "referral"}
    assert result.model.tags["gate"] == "promoted"
    assert result.model.tags["gate_reason"] == result.decision.reason


def test_run_says_what_moves_the_scores_most(trained: Any) -> None:
    here, result, _ = trained
    first = here.registry.runs["conversion_lead/1"]["artifacts"]

    found = pd.read_csv(io.BytesIO(here.registry.runs[result.model.label]["artifacts"]["importance.csv"]))

    assert not {"beeswarm.png", "importance.csv"} & set(first)  # one rate for all: nothing moves it
    features = found[found["of"] == "feature"]
    assert features["name"].iloc[0] == "attributes__channel"  # it tells most of the outcome
    assert found.groupby("of")["share"].sum().to_numpy() == pytest.approx([1.0, 1.0])


def test_challenger_is_stored_with_its_next_steps_and_its_card_tells_them(trained: Any) -> None:
    here, _, _ = trained
    first, second = (here.registry.files("conversion_lead", version) for version in ("1", "2"))

    learned = NextStepModel.from_files(second)

    assert NextStepModel.from_files(first) is None  # the group rate learns no effects
    assert learned is not None
    assert (learned.horizon_days, learned.actions_) == (14, [])  # nobody logged anything
    card = second["card.md"].decode()
    assert "## Next steps\n\nNext step unknown: no step was recorded often enough to measure it." in card
    assert "## What a rep can fake\n\nNo case was open, or reps log no activities" in card


def test_registered_files_are_the_model(trained: Any) -> None:
    here, result, _ = trained

    scorer = ConversionScorer.from_files(here.registry.files("conversion_lead", result.model.version))

    assert (scorer.kind, scorer.horizon_days, scorer.horizons) == ("blend", 14, (7, 14, 28))
    assert scorer.metadata_["n_rows"] == result.n_rows


def test_progress_says_each_step(trained: Any) -> None:
    _, _, said = trained

    assert said[:5] == [
        "lead: what was open, and what became of it",
        "lead: features of 827 snapshots",
        "lead: leakage check",
        "lead: comparing on later time, 389 snapshots",
        "lead: refit on all 827 snapshots",
    ]


def test_training_again_gives_the_same_files(trained: Any, frame_lake: Any, tmp_path: Path) -> None:
    before, result, _ = trained
    tables = {name: frame.sample(frac=1, random_state=1) for name, frame in before.lake.tables.items()}

    again = place(frame_lake(tables), tmp_path)
    (repeated,) = again.train()

    assert again.registry.files("conversion_lead", "2") == before.registry.files("conversion_lead", "2")
    pd.testing.assert_frame_equal(repeated.metrics, result.metrics)
    again.store.close()


def test_same_data_and_parameters_are_not_promoted_again(trained: Any) -> None:
    here, _, _ = trained

    (again,) = here.train()

    assert not again.decision.promote
    assert again.decision.reason == "Nothing is new since conversion_lead/2: same data, same parameters."


def test_training_for_a_past_day_does_not_dethrone_the_champion_of_today(trained: Any) -> None:
    here, _, _ = trained
    past = datetime(2025, 6, 1, tzinfo=UTC)

    (result,) = here.train(as_of=past)

    assert champion_at(here.registry, here.store, "lead", NOW).version == "2"
    assert champion_at(here.registry, here.store, "lead", past).cutoff == past
    assert here.registry.champions == {"conversion_lead": "2"}
    assert result.model.cutoff == past


@pytest.mark.usefixtures("few_families")
def test_without_signal_the_group_rate_stays(
    frame_lake: Any, lead_tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    """One channel, and closings at a constant rate whatever the outcome: else a lead's age would tell it."""
    rng = np.random.default_rng(0)
    first = lead_tables["leads"].query("status == 'new'").assign(channel="web")
    ended = first["created_at"] + pd.to_timedelta(rng.exponential(15, len(first)), unit="D")
    won = rng.random(len(first)) < 0.5
    last = first.assign(status="done", closed_at=ended, converted_at=ended.where(won), recorded_at=ended)
    leads = pd.concat([first, last[ended < pd.Timestamp("2025-07-20", tz="UTC")]], ignore_index=True)
    here = place(frame_lake({"leads": leads.assign(row=range(len(leads)))}), tmp_path)

    (result,) = here.train()

    assert not result.decision.promote
    assert "Not shown to be better than the group rate" in result.decision.reason
    assert here.registry.champions == {"conversion_lead": "1"}
    here.store.close()


def no_wins(leads: pd.DataFrame) -> pd.DataFrame:
    return leads.assign(converted_at=pd.NaT)


def three_rows(leads: pd.DataFrame) -> pd.DataFrame:
    return leads[leads["lead_id"].isin(["L000", "L001", "L002"])]


def only_open(leads: pd.DataFrame) -> pd.DataFrame:
    return leads[leads["status"] == "new"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (no_wins, r"of \d+ lead cases known before 2025-07-20, 0 were won and \d+ were not within 7 days"),
        (
            three_rows,
            r"of [23] lead cases known before 2025-07-20, .* 20 of each are needed. Scores go on with the group rate",
        ),
        (only_open, r"of 294 lead cases known before 2025-07-20, 0 were won"),
        (lambda leads: leads.head(0), r"Nothing to train on: no lead and no opportunity .* before 2025-07-20"),
    ],
)
def test_too_little_history_is_one_line_that_says_what_there_is(
    frame_lake: Any, lead_tables: dict[str, pd.DataFrame], tmp_path: Path, change: Any, message: str
) -> None:
    here = place(frame_lake({"leads": change(lead_tables["leads"])}), tmp_path)

    with pytest.raises(NotEnoughHistory, match=message) as caught:
        here.train()

    assert "\n" not in str(caught.value)
    here.store.close()


def test_unknown_parameter_is_named(trained: Any) -> None:
    here, _, _ = trained

    with pytest.raises(InvalidInput, match=r"Parameters \['depth'\] are unknown; a conversion model has .*'max_trees'"):
        here.train(params={"depth": 3})


def test_dead_server_is_noticed_before_any_work(trained: Any, tmp_path: Path) -> None:
    class Dead(InMemoryRegistry):
        def check(self) -> None:
            raise DataUnavailable("The model registry at http://gone cannot be used: it does not answer.")

    here = Place(None, trained[0].store, Dead(), trained[0].clock)

    with pytest.raises(DataUnavailable, match="http://gone cannot be used"):
        here.train()


@pytest.mark.usefixtures("few_families")
def test_refit_of_the_champions_recipe_must_again_beat_the_group_rate(
    frame_lake: Any, lead_tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    here = place(frame_lake(lead_tables), tmp_path)
    here.train(as_of=datetime(2025, 7, 10, tzinfo=UTC))

    (refit,) = here.train()
    (changed,) = here.train(params=FAST | {"num_leaves": 4})

    assert "conversion_lead/2" not in set(refit.metrics["model"])
    assert refit.decision.numbers["margin"] == 0
    # Another recipe is compared with the champion's, on the same rows.
    assert refit.decision.promote
    assert refit.model.label in set(changed.metrics["model"])
    assert changed.decision.numbers["margin"] == 0.001
    here.store.close()


@pytest.mark.usefixtures("few_families")
def test_a_column_written_with_the_outcome_reaches_no_model_and_is_said_to_be_out(
    frame_lake: Any, lead_tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    leads = lead_tables["leads"]
    kind = leads["channel"].map({"referral": '"size": 2', "cold": '"size": 1'})
    note = leads["closed_at"].notna().map({True: ', "close_note": "done"', False: ""})
    index = leads["lead_id"].map(leads.groupby("lead_id")["converted_at"].first().notna()).map({True: 9, False: 1})
    attributes = "{" + kind + note + ', "index": ' + index.astype(str) + "}"
    here = place(frame_lake({"leads": leads.assign(attributes=attributes)}), tmp_path)

    here.train()

    scorer = ConversionScorer.from_files(here.registry.files("conversion_lead", "2"))
    names = [str(name) for name in scorer.model_.feature_names_in_ if "attributes__" in name]
    assert names == ["attributes__channel", "attributes__size"]
    log = here.store.audit_log()
    assert log.loc[log["action"] == "exclude", "subject"].str.extract(r"leads\.(\w+)")[0].tolist() == [
        "close_note",
        "index",
    ]
    card = here.registry.files("conversion_lead", "2")["card.md"].decode()
    assert "`leads.close_note`: never filled" in card
    here.store.close()
