"""Pictures are PNG images and the same ones each time; what they show is looked at by people."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from forecast.errors import InvalidInput
from forecast.evaluation.series_backtest import series_scores
from forecast.evaluation.series_plots import (
    backtest_plot,
    fan_plot,
    largest_series,
    leaderboard_plot,
    pit_plot,
    step_plot,
)

pytestmark = pytest.mark.slow

PANEL = pd.DataFrame({"unique_id": np.repeat(["a", "b"], 12), "ds": [*pd.date_range("2024", periods=12)] * 2})
PANEL["y"] = [*range(12), *[5.0] * 12]
ROWS = PANEL[PANEL["ds"] >= "2024-01-09"].reset_index(drop=True)
ROWS["cutoff"] = np.where(ROWS["ds"] < "2024-01-11", pd.Timestamp("2024-01-08"), pd.Timestamp("2024-01-10"))
ROWS = ROWS.assign(mean=ROWS["y"] + 1, naive=4.0, **{"q0.1": ROWS["y"] - 1, "q0.5": ROWS["y"], "q0.9": ROWS["y"] + 3})
POINTS = ROWS[["unique_id", "ds", "cutoff", "y", "mean", "naive"]]
SCORES = series_scores(ROWS, PANEL, n_draws=20)


def whole() -> bytes:
    return backtest_plot(SCORES, ROWS, PANEL, n_series=1)


def one_step_without_quantiles() -> bytes:
    return fan_plot(POINTS[POINTS["ds"] == POINTS["ds"].max()], PANEL)


def steps() -> bytes:
    return step_plot(series_scores(ROWS, PANEL, by="step", n_draws=0))


def pit() -> bytes:
    return pit_plot(ROWS)


def nothing_scaled() -> bytes:
    return leaderboard_plot(series_scores(POINTS, PANEL.assign(y=0.0), n_draws=0))


def whole_numbers_as_time() -> bytes:
    rows, panel = (frame.assign(ds=frame["ds"].dt.dayofyear) for frame in (ROWS, PANEL))
    return fan_plot(rows.assign(cutoff=ROWS["cutoff"].dt.dayofyear), panel)


@pytest.mark.parametrize(
    "draw",
    [whole, one_step_without_quantiles, steps, pit, nothing_scaled, whole_numbers_as_time],
)
def test_plot_is_the_same_png_each_time(draw: Callable[[], bytes]) -> None:
    image = draw()

    assert image.startswith(b"\x89PNG")
    assert image == draw()


def test_largest_series_come_first() -> None:
    assert largest_series(ROWS, 5) == ["a", "b"]
    assert largest_series(ROWS.assign(y=np.where(ROWS["unique_id"] == "a", 0, ROWS["y"])), 1) == ["b"]


def test_plots_name_what_they_lack() -> None:
    with pytest.raises(InvalidInput, match="no quantiles"):
        pit_plot(POINTS)
    with pytest.raises(InvalidInput, match="n_series = 0, 8 rows"):
        fan_plot(ROWS, PANEL, n_series=0)
