"""Pictures are PNG images and the same ones each time; what they show is looked at by people."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from forecast.evaluation.breakdown import breakdown
from forecast.evaluation.metrics import decision_curve, gains_curve
from forecast.evaluation.plots import decision_plot, gains_plot, monthly_plot
from forecast.evaluation.reliability import reliability_curve, reliability_plot

Y = np.array([0, 1, 0, 1, 1, 0])
P = np.array([0.1, 0.8, 0.3, 0.6, 0.4, 0.2])


def gains() -> bytes:
    return gains_plot({"model": gains_curve(Y, P)}, title="leads")


def decision() -> bytes:
    return decision_plot({"model": decision_curve(Y, P)}, title="leads")


def months() -> bytes:
    return monthly_plot(breakdown(Y, P, pd.Series(["2025-01", "2025-02"]).repeat(3)), title="leads")


def reliability() -> bytes:
    return reliability_plot(reliability_curve(Y, P, n_bins=2), predictions=P, title="leads")


def nobody_won() -> bytes:
    return decision_plot({"model": decision_curve(0 * Y, P)})


@pytest.mark.parametrize("draw", [gains, decision, months, reliability, nobody_won])
def test_plot_is_the_same_png_each_time(draw: Callable[[], bytes]) -> None:
    image = draw()

    assert image.startswith(b"\x89PNG")
    assert image == draw()
