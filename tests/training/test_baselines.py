import numpy as np
import pandas as pd
import pytest

from training.baselines import fit_lightgbm, fit_logistic

RNG = np.random.default_rng(0)
X = pd.DataFrame(
    {
        "a {b}: 漢": np.where(RNG.random(500) < 0.2, np.nan, RNG.normal(size=500)),
        "stage": pd.Series(RNG.choice(["new", "old"], 500), dtype=object).where(RNG.random(500) < 0.9),
        "never": np.full(500, np.nan),
    }
)
Y = (X["stage"] == "new").to_numpy().astype(float)


@pytest.mark.parametrize("fit", [fit_lightgbm, fit_logistic])
def test_baseline_learns_from_texts_and_missing_values(fit) -> None:
    p = fit(X, Y)(X)

    assert p[Y == 1].min() > p[Y == 0].max()


@pytest.mark.parametrize("fit", [fit_lightgbm, fit_logistic])
def test_baseline_predicts_texts_it_never_saw(fit) -> None:
    p = fit(X, Y)(X.assign(stage="unheard of"))

    assert np.isfinite(p).all()
