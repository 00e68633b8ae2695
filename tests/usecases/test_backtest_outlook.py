"""Rolling origins of the outlook: cases and actuals by hand, no sight of the future, bad input."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.outlook.accuracy import quantile_columns
from forecast.settings import Settings
from forecast.usecases.backtest_outlook import OutlookBacktest, backtest_outlook

pytestmark = pytest.mark.slow
SETTINGS = Settings(revenue_from="orders", random_state=3)
NOW = datetime(2024, 8, 1, tzinfo=UTC)
USERS = pd.DataFrame({"user_id": ["ada", "bob"], "team_id": "t1", "recorded_at": pd.Timestamp("2022-01-01")})


def tables(until: str = "2024-07-31", seed: int = 0) -> dict[str, pd.DataFrame]:
    """An order of about 100 for ada each day, and of about 10 for bob each week."""
    days = pd.date_range("2023-01-01", until, freq="D") + pd.Timedelta(hours=12)
    rng = {owner: np.random.default_rng([seed, at]) for at, owner in enumerate(("ada", "bob"))}
    parts = [("ada", days, 100.0), ("bob", days[::7], 10.0)]
    orders = pd.concat(
        [
            pd.DataFrame({"order_id": [f"{owner}{day:%Y%m%d}" for day in at], "user_id": owner, "ordered_at": at,
                          "unit_price": np.round(size * rng[owner].uniform(0.5, 1.5, len(at)), 2)})
            for owner, at, size in parts
        ],
        ignore_index=True,
    ).assign(currency="EUR")  # fmt: skip
    orders["recorded_at"] = orders["ordered_at"]
    lines = orders[["order_id", "unit_price", "recorded_at"]].assign(line=1, quantity=1)
    return {"orders": orders.drop(columns="unit_price"), "order_lines": lines, "users": USERS}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> SqlStore:
    folder: Path = tmp_path_factory.mktemp("store")
    store = SqlStore(f"sqlite:///{folder / 'store.db'}", FixedClock(NOW))
    store.migrate()
    return store


def run(lake, store, as_of=NOW, **asked) -> OutlookBacktest:
    return backtest_outlook(lake, InMemoryRegistry(), store, SETTINGS, as_of, **asked)


@pytest.fixture(scope="module")
def found(frame_lake, store) -> OutlookBacktest:
    return run(frame_lake(tables()), store, n_folds=2, ahead=2)


def test_every_method_forecasts_every_case(found):
    cases = found.forecasts.groupby("model")[["period", "ahead", "level", "id"]].apply(
        lambda rows: sorted(map(tuple, rows.to_numpy()))
    )

    assert set(cases.index) == {"outlook", "ets", "last_year", "seasonal_naive"}  # no opportunities, no pipeline
    nodes = [("company", "company"), ("rep", "ada"), ("rep", "bob"), ("team", "t1")]
    folds = [("2024-06", 1), ("2024-07", 1), ("2024-07", 2)]
    assert all(found_cases == sorted((*fold, *node) for fold in folds for node in nodes) for found_cases in cases)


def test_actuals_are_what_came(found):
    came = tables()
    amounts = came["order_lines"].set_index("order_id")["unit_price"]
    july = came["orders"].query("ordered_at >= '2024-07-01' and user_id == 'ada'")

    rows = found.forecasts.query("period == '2024-07' and id == 'ada'")

    np.testing.assert_allclose(rows["actual"], amounts[july["order_id"]].sum())


def test_seasonal_naive_is_the_same_month_of_last_year(found):
    came = tables()
    amounts = came["order_lines"].set_index("order_id")["unit_price"]
    before = came["orders"].query("'2023-07-01' <= ordered_at < '2023-08-01' and user_id == 'ada'")

    rows = found.forecasts.query("model == 'seasonal_naive' and period == '2024-07' and id == 'ada'")

    np.testing.assert_allclose(rows["mean"], amounts[before["order_id"]].sum())


def test_methods_are_compared_on_the_same_cases(found):
    scores = found.scores()

    assert scores.groupby(["level", "ahead"])["n"].nunique().max() == 1
    assert scores.groupby(["level", "ahead"])["is_best"].sum().eq(1).all()
    near = scores.query("level == 'company' and ahead == 1").set_index("model")
    assert near.loc["outlook", "wape"] < 0.2


def test_forecasts_see_no_future(found, frame_lake, store):
    early = datetime(2024, 7, 1, tzinfo=UTC)
    other = tables("2024-12-31", seed=0)
    changed = tables("2024-12-31", seed=9)
    for name in ("orders", "order_lines"):  # the same past, another future
        past = other[name]["recorded_at"] < pd.Timestamp("2024-06-01")
        other[name] = pd.concat([other[name][past], changed[name][~past]], ignore_index=True)

    after = run(frame_lake(other), store, early, n_folds=1).forecasts
    before = found.forecasts.query("period == '2024-06'")

    columns = ["mean", *quantile_columns()]
    key = ["model", "level", "id"]
    pd.testing.assert_frame_equal(
        after.sort_values(key)[[*key, *columns]].reset_index(drop=True),
        before.sort_values(key)[[*key, *columns]].reset_index(drop=True),
    )
    assert not np.allclose(after["actual"], 0)


@pytest.mark.parametrize("asked", [{"kind": "day"}, {"n_folds": 0}, {"ahead": 0}])
def test_wrong_question_is_refused(frame_lake, store, asked):
    with pytest.raises(InvalidInput, match="`kind` must be one of week, month, quarter, year and `n_folds`"):
        run(frame_lake({}), store, **asked)


def test_too_short_a_history_says_so(frame_lake, store):
    with pytest.raises(NotEnoughHistory, match="No month with another one before it was over at 2023-02-10"):
        run(frame_lake(tables()), store, datetime(2023, 2, 10, tzinfo=UTC))
