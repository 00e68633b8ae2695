import numpy as np
import pytest

from forecast.evaluation.metrics.classification import miscalibration_loss


def test_a_constant_forecast_is_as_miscalibrated_as_its_rate_is_wrong() -> None:
    y = [0, 0, 1, 1]

    # Half won, 10 % were said: -(ln .1 + ln .9) / 2 before, ln 2 after.
    assert miscalibration_loss(y, [0.1] * 4) == pytest.approx(-(np.log(0.1) + np.log(0.9)) / 2 - np.log(2))
    assert miscalibration_loss(y, [0.5] * 4) == pytest.approx(0.0, abs=1e-12)
