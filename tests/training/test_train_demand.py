from contextlib import contextmanager
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.history import connect_tables
from forecast.settings import Settings
from forecast.usecases.demand import backtest_demand, forecast_demand, served_demand
from forecast.usecases.demand_run import run_demand
from forecast.usecases.evidence import kept_table
from training.train_demand import train_demand

AS_OF = datetime(2024, 5, 20, tzinfo=UTC)
CLOCK = FixedClock(AS_OF)
SETTINGS = Settings(demand_frequency="D", demand_horizon=7)
N_SERIES = 20
#: Fewer trees and fewer statistical members than the model's own, which take minutes.
LIGHT = {"num_iterations": 60, "budget": 0.5}


class FrameLake:
    """A lake of frames, without files."""

    def __init__(self, tables):
        self.tables = tables

    def head(self):
        return 1

    @contextmanager
    def connect(self, batch=None):
        yield connect_tables(self.tables, batch=batch)


def demand(n_series=N_SERIES, n_days=140, *, signal=True, seed=0):
    """Sales with a weekly pattern, or without any."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2024-01-01", periods=n_days, freq="D")
    pattern = 1 + 0.8 * np.sin(2 * np.pi * np.arange(n_days) / 7) if signal else np.ones(n_days)
    size = rng.gamma(2, 6, (n_series, 1)) if signal else np.zeros((n_series, 1))
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{index:02d}" for index in range(n_series)], n_days),
            "date": np.tile(days, n_series),
            "quantity": rng.poisson(size * pattern).ravel().astype(float),
            "recorded_at": np.tile(days + pd.Timedelta(hours=22), n_series),
        }
    )


def migrated(folder):
    made = SqlStore(f"sqlite:///{folder / 'store.db'}", clock=CLOCK)
    made.migrate()
    return made


@pytest.fixture
def store(tmp_path):
    return migrated(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A first training: lake, registry, store and what was said; later trainings in it promote nothing."""
    lake, registry = FrameLake({"demand": demand()}), InMemoryRegistry()
    store = migrated(tmp_path_factory.mktemp("trained"))
    (result,) = train_demand(lake, registry, store, SETTINGS, CLOCK, as_of=AS_OF, params=LIGHT)
    return lake, registry, store, result


@pytest.mark.slow
def test_first_champion_is_the_best_naive_and_a_better_model_follows(trained):
    lake, registry, store, result = trained

    assert [version.tags["kind"] for version in registry.versions("demand")] == ["seasonal_naive", "combined"]
    assert result.decision.promote, result.decision.reason
    assert registry.champions == {"demand": "2"}
    losses = result.metrics.set_index("model")["rmsse"]
    assert losses["combined"] < losses["seasonal_naive"]
    assert {"ets", "naive"} <= set(losses.index)
    run = registry.runs["demand/2"]
    assert {
        *("card.md", "classes.csv", "evaluation.csv", "folds.csv", "features.csv", "steps.csv", "reconciliation.csv"),
        *("fans.png", "leaderboard.png", "pit.png", "steps.png"),
    } == set(run["artifacts"])

    card = registry.files("demand", "2")["card.md"].decode()
    assert "| bottom_up |" in card

    classes = kept_table(registry.files("demand", "2"), "classes.csv")
    assert {"combined", "naive"} <= set(classes["model"])
    assert classes.loc[classes["model"] == "combined", "n_series"].sum() == N_SERIES

    forecast = forecast_demand(lake, registry, store, SETTINGS, AS_OF)
    assert list(forecast.columns) == ["unique_id", "ds", "cutoff", "model_version", "mean", "q0.1", "q0.5", "q0.9"]
    assert set(forecast["model_version"]) == {"demand/2"}
    assert set(forecast["cutoff"]) == {pd.Timestamp("2024-05-19")}
    assert len(forecast) == N_SERIES * 7
    assert len(forecast_demand(lake, registry, store, SETTINGS, AS_OF, horizon=2)) == N_SERIES * 2
    with pytest.raises(InvalidInput, match="between 1 and 7, the horizon of demand/2, got 8"):
        forecast_demand(lake, registry, store, SETTINGS, AS_OF, horizon=8)

    # sums of what is served are those of its series, by the method that the training chose
    run = run_demand(lake, served_demand(lake, registry, store, SETTINGS, AS_OF))
    total = run.nodes.set_index("level").loc["total"]
    assert total["mean"] == pytest.approx(forecast["mean"].sum(), abs=1e-6)
    assert run.about.reconciliation == registry.runs["demand/2"]["params"]["reconciliation"]
    assert f"- Sums of total: {run.about.reconciliation}: " in card

    # the same again brings nothing new; another parameter is judged against the champion
    (again,) = train_demand(lake, registry, store, SETTINGS, CLOCK, as_of=AS_OF, params=LIGHT)
    assert not again.decision.promote
    assert again.decision.reason.startswith("Nothing is new since demand/2")
    worse = LIGHT | {"num_iterations": 1, "learning_rate": 0.01}
    (stunted,) = train_demand(lake, registry, store, SETTINGS, CLOCK, as_of=AS_OF, params=worse)
    assert not stunted.decision.promote, stunted.decision.reason
    assert registry.champions == {"demand": "2"}


def test_without_a_champion_the_seasonal_naive_forecasts(store):
    forecast = forecast_demand(FrameLake({"demand": demand()}), InMemoryRegistry(), store, SETTINGS, AS_OF, horizon=3)

    assert set(forecast["model_version"]) == {"seasonal_naive"}
    assert len(forecast) == N_SERIES * 3


@pytest.mark.slow
def test_nothing_beats_a_naive_that_is_never_wrong(store):
    registry, lake = InMemoryRegistry(), FrameLake({"demand": demand(signal=False)})

    (result,) = train_demand(lake, registry, store, SETTINGS, CLOCK, as_of=AS_OF)

    assert not result.decision.promote
    assert "made no error" in result.decision.reason


@pytest.mark.slow
def test_later_rows_change_neither_forecast_nor_champion_of_a_day(trained):
    lake, registry, store, _ = trained
    before = forecast_demand(lake, registry, store, SETTINGS, AS_OF)

    late = demand(seed=9).assign(recorded_at=pd.Timestamp("2024-05-20 00:00:01"), quantity=999.0)
    after = forecast_demand(FrameLake({"demand": pd.concat([demand(), late])}), registry, store, SETTINGS, AS_OF)

    pd.testing.assert_frame_equal(before, after)


@pytest.mark.slow
def test_backtest_compares_with_baselines():
    lake = FrameLake({"demand": demand(n_series=5)})

    found = backtest_demand(lake, SETTINGS, AS_OF, n_folds=2, by="class")

    assert found.predictions["cutoff"].nunique() == 2
    models = ["combined", "ets", "naive", "seasonal_naive"]
    assert found.scores["model"].tolist() == models
    assert found.by_group["model"].tolist() == models * found.by_group["class"].nunique()
    assert found.by_group.groupby("model")["n_series"].sum().tolist() == [5] * 4
    assert found.plot().startswith(b"\x89PNG")
    with pytest.raises(InvalidInput, match=r"one of \['step', 'class'\], got 'colour'"):
        backtest_demand(lake, SETTINGS, AS_OF, by="colour")


def test_bad_training_input_is_named(store):
    registry = InMemoryRegistry()
    with pytest.raises(InvalidInput, match=r"\['colour'\] are unknown"):
        train_demand(FrameLake({}), registry, store, SETTINGS, CLOCK, params={"colour": 1})
    with pytest.raises(NotEnoughHistory, match="No sale in a complete period"):
        train_demand(FrameLake({}), registry, store, SETTINGS, CLOCK)
    with pytest.raises(NotEnoughHistory, match=r"at least 21 complete periods.*has 10"):
        train_demand(FrameLake({"demand": demand(n_days=10)}), registry, store, SETTINGS, CLOCK)
    assert registry.versions() == []
