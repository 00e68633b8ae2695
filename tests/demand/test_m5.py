"""M5: the metric against published figures, and the forecaster on a few stores; all stores in the benchmark."""

import pytest

#: Published with the weights and scales of d_1914 - d_1941.
SEASONAL_NAIVE_WRMSSE = 0.8697


@pytest.fixture(scope="module")
def m5(benchmark_script):
    return benchmark_script("m5_wrmsse")


@pytest.mark.shared
@pytest.mark.slow
def test_seasonal_naive_has_its_published_wrmsse(m5, shared_data):
    result = m5.run("seasonal_naive", shared_data / "m5", 1913)

    assert round(result["wrmsse"], 4) == SEASONAL_NAIVE_WRMSSE


@pytest.mark.shared
@pytest.mark.slow
def test_forecaster_beats_the_baselines_in_two_stores(m5, shared_data):
    stores = ["CA_3", "TX_2"]

    results = {
        model: m5.run(model, shared_data / "m5", 1913, stores, max_rows=150_000)
        for model in ("seasonal_naive", "seasonal_smoothing", "lightgbm")
    }

    wrmsse = {model: result["wrmsse"] for model, result in results.items()}
    assert wrmsse["lightgbm"] < 0.95 * wrmsse["seasonal_smoothing"] < wrmsse["seasonal_naive"], wrmsse
    assert abs(results["lightgbm"]["bias"]) < 0.06, results["lightgbm"]["bias"]
