import numpy as np
import pandas as pd
import pytest

from forecast.customers import CustomerModel, OwnPastRate
from forecast.customers.book import OrderBook, day_number
from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.evaluation.metrics import log_losses, roc_auc_score

AS_OF, HORIZON = "2023-11-26", 90


@pytest.fixture(scope="module")
def predicted(model: CustomerModel, simulated_orders: pd.DataFrame) -> pd.DataFrame:
    return model.predict(simulated_orders)


@pytest.fixture(scope="module")
def came(simulated_orders: pd.DataFrame, predicted: pd.DataFrame) -> np.ndarray:
    book = OrderBook.read(simulated_orders)
    orders = book.labels(day_number(AS_OF), HORIZON)[0]
    return np.asarray(orders[pd.Index(book.accounts).get_indexer(pd.Index(predicted["account_id"]))], dtype=float)


def test_model_beats_the_own_past_rate_and_tells_the_level(
    simulated_orders: pd.DataFrame, predicted: pd.DataFrame, came: np.ndarray
) -> None:
    naive = OwnPastRate(HORIZON, smoothing=0.5).predict(simulated_orders, AS_OF)
    buys = (came > 0).astype(float)

    assert log_losses(buys, predicted["p_buys"]).mean() < log_losses(buys, naive["p_buys"]).mean() - 0.02
    assert roc_auc_score(buys, predicted["p_buys"]) > roc_auc_score(buys, naive["p_buys"])
    assert ((predicted["orders"] - came) ** 2).mean() < ((naive["orders"] - came) ** 2).mean()
    assert predicted["orders"].sum() == pytest.approx(came.sum(), rel=0.2)
    assert predicted["p_buys"].mean() == pytest.approx(buys.mean(), rel=0.2)


def test_those_flagged_as_gone_buy_less_than_half_as_often(predicted: pd.DataFrame, came: np.ndarray) -> None:
    gone = predicted["churned"].to_numpy()

    assert gone.mean() > 0.05
    assert (came[gone] > 0).mean() < 0.5 * (came[~gone] > 0).mean()


def test_predictions_agree_with_each_other(predicted: pd.DataFrame) -> None:
    assert predicted["p_buys"].between(0, 1).all()
    assert (predicted["orders"] >= predicted["p_buys"] - 1e-12).all()
    for name in ("orders", "spend"):
        assert (predicted[f"{name}_low"] <= predicted[f"{name}_high"]).all()
    assert predicted["next_category_probability"].between(0.5, 1).all()  # the likelier of two
    assert not predicted.isna().any().any()


def test_category_is_that_of_the_account(simulated_orders: pd.DataFrame, predicted: pd.DataFrame) -> None:
    own = simulated_orders.drop_duplicates("account_id").set_index("account_id")["category"]

    assert (predicted["next_category"].to_numpy() == own[predicted["account_id"]].to_numpy()).mean() > 0.99


@pytest.mark.slow
def test_nothing_from_the_cutoff_on_changes_fit_or_prediction(
    simulated_orders: pd.DataFrame, model: CustomerModel, predicted: pd.DataFrame
) -> None:
    late = simulated_orders["ordered_at"] >= AS_OF
    changed = simulated_orders.assign(
        amount=simulated_orders["amount"].where(~late, -500.0),
        category=simulated_orders["category"].where(~late, "gifts"),
    )

    again = CustomerModel(HORIZON).fit(changed, as_of=AS_OF)

    assert again.to_files() == model.to_files()
    pd.testing.assert_frame_equal(again.predict(changed), predicted)


def test_stored_model_says_the_same(
    simulated_orders: pd.DataFrame, model: CustomerModel, predicted: pd.DataFrame
) -> None:
    loaded = CustomerModel.from_files(model.to_files())

    pd.testing.assert_frame_equal(loaded.predict(simulated_orders), predicted)
    assert loaded.to_files() == model.to_files()


def test_an_account_is_foretold_the_same_without_the_others(
    simulated_orders: pd.DataFrame, model: CustomerModel, predicted: pd.DataFrame
) -> None:
    few = simulated_orders[simulated_orders["account_id"].isin(["A00003", "A00004"])]

    alone = model.predict(few)

    beside = predicted[predicted["account_id"].isin(["A00003", "A00004"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, beside)


@pytest.mark.slow
def test_orders_without_category_and_quantity_do(simulated_orders: pd.DataFrame) -> None:
    bare = simulated_orders[simulated_orders["account_id"] < "A00300"][["account_id", "ordered_at", "amount"]]

    found = CustomerModel(400).fit(bare).predict(bare)

    assert found["next_category"].isna().all()
    assert not found.drop(columns=["next_category", "next_category_probability"]).isna().any().any()


@pytest.mark.parametrize("horizon", [0, 1097, 30.0, True])
def test_fit_fails_for_an_impossible_horizon(simulated_orders: pd.DataFrame, horizon: int) -> None:
    with pytest.raises(InvalidInput, match=rf"`horizon_days` must be .* between 1 and 1096, got {horizon!r}"):
        CustomerModel(horizon).fit(simulated_orders)


def test_fit_fails_without_history_and_predict_without_fit(simulated_orders: pd.DataFrame) -> None:
    with pytest.raises(NotEnoughHistory, match="over at least 28 days, got 20"):
        CustomerModel(30).fit(simulated_orders, as_of="2023-01-21")
    with pytest.raises(NotEnoughHistory, match="No orders are known"):
        CustomerModel(30).fit(simulated_orders.iloc[:0])
    with pytest.raises(InvalidInput, match="not fitted"):
        CustomerModel(30).predict(simulated_orders)
