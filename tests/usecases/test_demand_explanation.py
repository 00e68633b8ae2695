from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from forecast.demand import DemandForecaster, DemandPanel
from forecast.errors import InvalidInput, UnknownEntity
from forecast.explain.demand import WHAT_IF_CAVEAT
from forecast.usecases.demand import ServedDemand
from forecast.usecases.demand_explanation import explain_demand, new_item_demand, what_if_demand

N_DAYS, HORIZON = 90, 4


@pytest.fixture(scope="module")
def served() -> ServedDemand:
    """Daily sales of 40 items in two stores, ten more under a promotion, served as a company's are."""
    rng = np.random.default_rng(0)
    ids = [f"{'north' if index % 2 else 'south'}/i{index:02d}" for index in range(40)]
    days = pd.date_range("2024-01-01", periods=N_DAYS + HORIZON)
    frame = pd.DataFrame({"unique_id": np.repeat(ids, len(days)), "ds": np.tile(days, 40)})
    frame["promotion"] = (rng.random(len(frame)) < 0.2).astype(float)
    usual = np.where(frame["unique_id"].str.startswith("north"), 4, 8)
    panel = frame[["unique_id", "ds"]].assign(y=rng.poisson(usual + 10 * frame["promotion"]).astype(float))
    panel = panel[panel["ds"] < days[N_DAYS]]
    static = pd.DataFrame({"unique_id": ids, "key_1": [name.split("/")[0] for name in ids]})
    forecaster = DemandForecaster("D", HORIZON, model="lightgbm", n_windows=1, params={"num_iterations": 60})
    forecaster.fit(panel, static, frame)
    known = DemandPanel(panel, static, frame, "D", "quantity")
    return ServedDemand(forecaster, known, "demand/2", datetime(2024, 4, 1, tzinfo=UTC), 3)


def test_parts_of_every_period_add_up_to_the_forecast(served: ServedDemand) -> None:
    forecast = served.forecaster.predict()
    expected = forecast.loc[forecast["unique_id"] == "north/i01", "mean"]

    answer = explain_demand(served, "north/i01", lang="zh")

    assert [point["mean"] for point in answer["points"]] == pytest.approx(expected.tolist(), rel=1e-9)
    for point in answer["points"]:
        assert sum(part["points"] for part in point["parts"]) == pytest.approx(point["mean"], rel=1e-9)
    assert {"level", "driver.promotion"} <= {part["part"] for part in answer["points"][0]["parts"]}
    assert answer["text"].startswith("未来 4 期合计")
    assert (answer["cutoff"], answer["points"][0]["ds"]) == (date(2024, 3, 30), date(2024, 3, 31))
    assert (answer["model_version"], answer["batch"]) == ("demand/2", 3)


def test_a_promotion_throughout_brings_its_simulated_effect(served: ServedDemand) -> None:
    without = what_if_demand(served, "south/i02", ["promotion=0"])
    answer = what_if_demand(served, "south/i02", ["promotion=1"])

    assert answer["mean_if"] - without["mean_if"] == pytest.approx(10 * HORIZON, rel=0.15)
    assert answer["difference"] == pytest.approx(answer["mean_if"] - answer["mean"])
    assert answer["notes"] == [WHAT_IF_CAVEAT.en]


def test_what_was_never_seen_is_said(served: ServedDemand) -> None:
    answer = what_if_demand(served, "south/i02", ["promotion=7"], lang="zh")

    assert not any(point["in_range"] for point in answer["points"])
    assert answer["notes"][1] == "4 个时段中有 4 个时段的取值从未出现过：这些时段的预测只是猜测。"


def test_a_driver_times_one_changes_nothing(served: ServedDemand) -> None:
    assert what_if_demand(served, "south/i02", ["promotion=*1.0"])["difference"] == 0


def test_a_new_item_sells_as_its_siblings_do(served: ServedDemand) -> None:
    north = new_item_demand(served, ["key_1=north"])
    anywhere = new_item_demand(served, [], 2, lang="zh")

    assert (north["by"], north["n_siblings"], north["basis"]) == (["key_1"], 20, "level")
    assert north["points"][0]["mean"] == pytest.approx(4 + 0.2 * 10, rel=0.1)
    assert len(north["points"]) == HORIZON
    assert (anywhere["by"], anywhere["n_siblings"], len(anywhere["points"])) == ([], 40, 2)
    assert anywhere["text"].startswith("依据 40 个序列的当前销量")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["price=2"], r"a name of \['promotion'\], got 'price=2'"),
        (["promotion"], "got 'promotion'"),
        (["promotion=much"], "'promotion' must be a number, got 'much'"),
        (["promotion=*"], "'promotion' must be a number, got ''"),
        ([], r"must be of \['promotion'\], got none"),
    ],
)
def test_bad_changes_are_named(served: ServedDemand, changes: list[str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        what_if_demand(served, "south/i02", changes)


def test_unknown_series_and_attributes_are_named(served: ServedDemand) -> None:
    with pytest.raises(UnknownEntity, match="no series 'nothing'"):
        explain_demand(served, "nothing")
    with pytest.raises(UnknownEntity, match="no series 'nothing'"):
        what_if_demand(served, "nothing", [])
    with pytest.raises(InvalidInput, match=r"a name of \['key_1'\], got 'colour=red'"):
        new_item_demand(served, ["colour=red"])
