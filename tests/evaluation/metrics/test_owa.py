"""Oracles: M4's published figures of Naive2 and of the seasonal naive, statsmodels, values by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.seasonal import seasonal_decompose
from statsmodels.tsa.stattools import acf

from forecast.errors import InvalidInput
from forecast.evaluation.metrics.owa import is_seasonal, naive2, owa, seasonal_index
from forecast.evaluation.metrics.series import mase_by_series, smape_by_series


def monthly(n_series: int = 5, n_times: int = 60, strength: float = 0.4) -> np.ndarray:
    rng = np.random.default_rng(2)
    season = 1 + strength * np.sin(2 * np.pi * np.arange(n_times) / 12)
    return rng.uniform(50, 500, (n_series, 1)) * season * rng.normal(1, 0.05, (n_series, n_times))


@pytest.mark.parametrize("season_length", [4, 5, 12])
def test_seasonal_index_is_that_of_classical_decomposition(season_length):
    values = monthly(n_times=5 * season_length + 3)

    index = seasonal_index(values, season_length)

    for row, series in enumerate(values):
        seasonal = seasonal_decompose(series, model="multiplicative", period=season_length).seasonal
        np.testing.assert_allclose(index[row], seasonal[-season_length:], rtol=1e-9)


def test_test_of_seasonality_is_that_of_m4():
    values = np.vstack([monthly(strength=strength, n_series=20) for strength in (0.0, 0.05, 0.07, 0.4)])

    expected = []
    for series in values:  # R: |acf[m]| > 1.645 / sqrt(n) * sqrt(1 + 2 * sum(acf[1 .. m - 1]^2))
        r = acf(series, nlags=12, fft=False)[1:]
        expected.append(abs(r[-1]) > 1.645 / np.sqrt(len(series)) * np.sqrt(1 + 2 * (r[:-1] ** 2).sum()))
    assert 0.2 < np.mean(expected) < 0.8
    np.testing.assert_array_equal(is_seasonal(values, 12), expected)
    assert not is_seasonal(values[:, -35:], 12).any()  # shorter than three seasons
    assert not is_seasonal(np.full((1, 60), 7.1), 12).any()
    assert not is_seasonal(np.full((1, 60), np.nan), 12).any()


def test_naive2_repeats_the_last_value_of_a_series_without_season():
    np.testing.assert_array_equal(naive2([[1, 2, 5.0]], 3, 1), [[5, 5, 5]])
    np.testing.assert_array_equal(naive2([[1, 2, 5.0]], 3, 12), [[5, 5, 5]])


def test_naive2_continues_an_exact_season_beyond_its_length():
    pattern = np.array([0.5, 1.0, 1.5, 1.0])
    values = 10 * np.tile(pattern, 6)[None, :]

    np.testing.assert_allclose(naive2(values, 6, 4), [10 * np.resize(pattern, 6)])
    # as before with an unknown start, and when the series ends within the season
    shifted = np.hstack([np.full((1, 3), np.nan), values[:, :-1]])
    np.testing.assert_allclose(naive2(shifted, 6, 4), [10 * np.resize(np.roll(pattern, 1), 6)])


def test_naive2_takes_no_index_from_values_that_are_not_positive():
    values = np.tile([0.0, 4.0], 10)[None, :]

    assert is_seasonal(values, 2).all()
    np.testing.assert_array_equal(naive2(values, 3, 2), [[4, 4, 4]])


def test_owa_of_naive2_is_1_and_weighs_both_metrics_by_half():
    values = monthly()
    past, actual = values[:, :-6], values[:, -6:]
    floor = naive2(past, 6, 12)

    assert owa(actual, floor, past, season_length=12) == 1.0
    forecast = 1.1 * actual
    shares = [
        smape_by_series(actual, forecast).mean() / smape_by_series(actual, floor).mean(),
        mase_by_series(actual, forecast, past, season_length=12).mean()
        / mase_by_series(actual, floor, past, season_length=12).mean(),
    ]
    assert owa(actual, forecast, past, season_length=12) == pytest.approx(np.mean(shares))


def test_bad_input_is_named():
    with pytest.raises(InvalidInput, match="1 of 2 are unknown"):
        naive2([[1, 2], [1, np.nan]], 3, 1)
    with pytest.raises(InvalidInput, match="got 0 and 1"):
        naive2([[1, 2]], 0, 1)


def read_m4(folder: Path, frequency: str, part: str) -> np.ndarray:
    """One row per series, aligned at the end."""
    long = pd.read_parquet(folder / "m4" / f"m4_{frequency}_{part}.parquet").astype({"series": str})
    size = long.groupby("series")["t"].transform("max")
    row, ids = pd.factorize(long["series"], sort=True)
    wide = np.full((len(ids), int(size.max())), np.nan)
    wide[row, (long["t"] - size - 1).to_numpy()] = long["y"]
    return wide


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(("frequency", "season_length"), [("hourly", 24), ("yearly", 1)])
def test_naive2_has_the_errors_that_m4_published(shared_data, frequency, season_length):
    past, actual = (read_m4(shared_data, frequency, part) for part in ("train", "test"))
    published = pd.read_csv(shared_data / "reference-results" / "m4_point_by_frequency.csv").set_index("submission")

    name, horizon = frequency.capitalize(), actual.shape[1]
    forecast = naive2(past, horizon, season_length)
    repeated = past[:, -season_length:][:, np.arange(horizon) % season_length]

    # published with three digits, the relative one follows from them
    smape, scaled = (published.loc["Naive2", f"{metric}_{name}"] for metric in ("sMAPE", "MASE"))
    assert smape_by_series(actual, forecast).mean() == pytest.approx(float(smape), abs=5.1e-4)
    assert mase_by_series(actual, forecast, past, season_length=season_length).mean() == pytest.approx(
        float(scaled), abs=5.1e-4
    )
    expected = float(published.loc["sNaive", f"OWA_{name}"])
    assert owa(actual, repeated, past, season_length=season_length) == pytest.approx(expected, abs=2e-4)
