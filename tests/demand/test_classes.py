import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecast.demand.classes import CLASSES, classify, has_ended, kinds_of_demand
from forecast.evaluation.metrics import is_seasonal


def kinds(rows, season_length=1):
    return classify(np.asarray(rows, dtype=float), season_length)["class"].tolist()


def aligned(*rows):
    """Rows of different length, NaN before the shorter ones."""
    width = max(map(len, rows))
    return np.array([[np.nan] * (width - len(row)) + list(row) for row in rows], dtype=float)


def test_classify_follows_the_bounds_of_syntetos_and_boylan():
    # By hand: sizes 1, 1, 1, 9 have mean 3 and squares that sum to 48, so CV² = 4 × 48 / 15 / 9 and 2 × 48 / 7 / 9.
    smooth = [5.0] * 16
    erratic = [1.0, 1.0, 1.0, 9.0] * 4
    intermittent = [5.0, 0.0] * 7 + [0.0, 5.0]
    lumpy = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 9.0, 0.0] * 2

    table = classify(aligned(smooth, erratic, intermittent, lumpy), 1)

    assert table["class"].tolist() == ["smooth", "erratic", "intermittent", "lumpy"]
    np.testing.assert_allclose(table["adi"], [1, 1, 16 / 8, 15 / 8])
    np.testing.assert_allclose(table["cv2"], [0, 192 / 15 / 9, 0, 96 / 7 / 9], atol=1e-12)


def test_classify_takes_the_sample_variance_of_the_sizes():
    sizes = np.array([2.0, 3.0, 7.0, 1.0, 4.0, 4.0, 6.0, 2.0])

    table = classify(sizes[None], 1)

    np.testing.assert_allclose(table["cv2"], sizes.var(ddof=1) / sizes.mean() ** 2)


def test_classify_names_empty_ended_and_young_before_the_kind_of_demand():
    empty = np.zeros(60)
    ended = np.r_[np.full(40, 3.0), np.zeros(20)]
    young = [3.0, 4.0, 3.0]

    assert kinds(aligned(empty, ended, young), 7) == ["empty", "ended", "young"]


def test_kinds_of_demand_tell_how_a_young_series_sells():
    rows = aligned([3.0, 4.0, 3.0], [3.0, 0.0, 4.0], [1.0, 30.0, 1.0], [0.0, 1.0, 0.0, 30.0], [0.0] * 60, [3.0] * 60)

    kinds = kinds_of_demand(classify(rows, 7)).tolist()

    assert kinds == ["smooth", "intermittent", "erratic", "lumpy", "empty", "smooth"]


def test_classify_counts_the_periods_since_the_first_sale_only():
    late = [0.0] * 30 + [5.0] * 30

    table = classify(aligned(late), 1)

    assert table["class"].tolist() == ["smooth"]
    assert table["adi"].tolist() == [1.0]


def test_classify_skips_what_is_unknown():
    gaps = np.where(np.arange(40) % 2 == 0, 5.0, np.nan)

    table = classify(gaps[None], 1)

    assert table["class"].tolist() == ["smooth"]
    assert table["n_known"].tolist() == [20]


@pytest.mark.parametrize("gap", [1, 5, 12])
def test_a_series_has_not_ended_while_its_silence_is_usual(gap):
    series = ([4.0] + [0.0] * gap) * 20

    assert has_ended(np.array([series]), 7).tolist() == [False]
    assert has_ended(np.array([series + [0.0] * 10 * (gap + 1)]), 7).tolist() == [True]


def test_a_closed_shop_has_not_ended_after_three_days():
    assert has_ended(np.array([[5.0] * 60 + [0.0] * 3]), 7).tolist() == [False]


def test_a_single_sale_never_ends():
    assert has_ended(np.array([[1.0] + [0.0] * 60]), 7).tolist() == [False]


def test_seasonal_test_finds_the_season_and_little_else():
    rng = np.random.default_rng(0)
    noise = rng.normal(10, 1, (500, 120))
    season = noise + 2 * np.sin(2 * np.pi * np.arange(120) / 12)

    assert is_seasonal(season, 12).mean() > 0.99
    # 10 % two-sided on white noise, and a little less for the correlations before it
    assert 0.04 < is_seasonal(noise, 12).mean() < 0.12


def test_seasonal_test_agrees_with_the_published_formula():
    rng = np.random.default_rng(1)
    rows = rng.normal(0, 1, (40, 30)) + np.sin(2 * np.pi * np.arange(30) / 4) * rng.uniform(0, 1.5, (40, 1))

    expected = []
    for row in rows:  # SeasonalityTest of the M4 code, line by line
        acf = [np.sum((row[lag:] - row.mean()) * (row[: len(row) - lag] - row.mean())) for lag in range(5)]
        r = np.array(acf[1:]) / acf[0]
        limit = 1.645 / np.sqrt(30) * np.sqrt(np.cumsum(np.r_[1, 2 * r**2]))
        expected.append(bool(abs(r[3]) > limit[3]))

    assert is_seasonal(rows, 4).tolist() == expected
    assert 0 < sum(expected) < 40


def test_a_constant_or_short_series_has_no_season():
    assert is_seasonal(np.full((1, 60), 0.1), 7).tolist() == [False]
    assert is_seasonal(np.array([[1.0, 9.0] * 2]), 2).tolist() == [False]


@settings(max_examples=30, deadline=None)
@given(
    values=arrays(float, (4, 25), elements=st.sampled_from([0.0, 0.0, 1.0, 5.0, -2.0, 1e12, np.nan])),
    factor=st.sampled_from([1e-6, 0.5, 1e6]),
)
def test_classify_ignores_the_unit_and_the_order_of_series(values, factor):
    table = classify(values, 4)

    assert set(table["class"]) <= set(CLASSES)
    assert classify(values * factor, 4)["class"].tolist() == table["class"].tolist()
    assert classify(values[::-1], 4)["class"].tolist() == table["class"].tolist()[::-1]
