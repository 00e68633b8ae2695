from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.settings import Settings
from forecast.usecases.backtest import backtest_conversion

pytestmark = pytest.mark.slow

NOW = datetime(2025, 7, 20, tzinfo=UTC)
SETTINGS = Settings(conversion_horizon_days=14)


@pytest.fixture(scope="module")
def tested(frame_lake: Any, lead_tables: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    return backtest_conversion(frame_lake(lead_tables), SETTINGS, NOW, n_folds=2)


def test_every_prediction_is_made_before_its_moment(tested: Any) -> None:
    predictions, _ = tested

    assert (predictions["cutoff"] <= predictions["as_of"]).all()
    assert predictions["cutoff"].nunique() == 2
    assert not predictions.duplicated(["entity", "entity_id", "as_of"]).any()
    assert (predictions["as_of"] + pd.Timedelta(days=14) <= pd.Timestamp(NOW)).all()


def test_model_is_compared_with_the_group_rate_and_the_base_rate(tested: Any) -> None:
    _, metrics = tested
    table = metrics.set_index("model")

    assert metrics["entity"].unique().tolist() == ["lead"]
    assert list(table.index) == ["forecast", "group_rate", "base_rate"]
    assert table.loc["forecast", "log_loss"] < table.loc["base_rate", "log_loss"] - 0.1
    assert table.loc["base_rate", "skill"] == 0


def test_too_little_history_says_so(frame_lake: Any, lead_tables: dict[str, pd.DataFrame]) -> None:
    with pytest.raises(NotEnoughHistory, match="use a shorter horizon or more history"):
        backtest_conversion(frame_lake(lead_tables), SETTINGS, datetime(2025, 1, 10, tzinfo=UTC))


def test_number_of_folds_is_checked(frame_lake: Any, lead_tables: dict[str, pd.DataFrame]) -> None:
    with pytest.raises(InvalidInput, match="`n_folds` must be at least 1, got 0"):
        backtest_conversion(frame_lake(lead_tables), SETTINGS, NOW, n_folds=0)
