"""ConversionModel: contracts, laws, and what it is worth against its members and peers."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone

from forecast.conversion import ConversionModel
from forecast.errors import InvalidInput
from forecast.evaluation.metrics import calibration_line, log_loss


def simulated(n: int, *, signal: float = 1.0, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """A table with every kind of column, outcomes and their true probabilities; rows are in the order of time."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    source = rng.choice(["web", "fair", "partner"], n)
    X = pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, x),
            "visits": rng.poisson(2, n),
            "amount": rng.lognormal(8, 1.5, n),
            "source": pd.Series(source, dtype="category"),
            "city": rng.choice([f"city {i}" for i in range(80)], n),
            "demo": rng.random(n) < 0.3,
            "seen_at": pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.arange(n), unit="h"),
            "note": None,
            "one": 1,
        }
    )
    z = -1.2 + signal * (x + 1.5 * (source == "fair") * (X["visits"] > 2) + 0.8 * X["demo"]).to_numpy()
    p = expit(z)
    return X, (rng.random(n) < p).astype(int), p


X, Y, P = simulated(3000)
TIME = np.arange(3000)


@pytest.fixture(scope="module")
def model() -> ConversionModel:
    return ConversionModel(max_trees=150).fit(X[:2000], Y[:2000], time=TIME[:2000])


def test_probabilities_are_near_the_truth_and_calibrated(model: ConversionModel) -> None:
    p = model.predict_proba(X[2000:])[:, 1]

    base = log_loss(Y[2000:], np.full(1000, Y[:2000].mean()))
    truth = log_loss(Y[2000:], P[2000:])
    assert log_loss(Y[2000:], p) < truth + 0.2 * (base - truth)
    low, high = calibration_line(Y[2000:], p).slope_interval()
    assert low < 1 < high


def test_contributions_and_base_give_the_probability(model: ConversionModel) -> None:
    points, base = model.explain(X[2000:])

    assert points.columns.tolist() == ["x", "visits", "amount", "source", "city", "demo", "seen_at", "remainder"]
    assert_allclose(base + points.sum(axis=1), model.predict_proba(X[2000:])[:, 1], atol=1e-12)
    assert_allclose(base, model.predict_proba(X[:2000])[:, 1].mean(), atol=1e-12)


def test_one_row_and_many_rows_get_the_same_score(model: ConversionModel) -> None:
    one = model.predict_proba(X[2500:2501])
    assert_allclose(one, model.predict_proba(X[2000:])[500:501], rtol=1e-12)


def test_stored_model_predicts_the_same_bits(model: ConversionModel) -> None:
    restored = ConversionModel.from_files(model.to_files())

    assert_array_equal(restored.predict_proba(X), model.predict_proba(X))
    assert_array_equal(restored.interval(X)[1], model.interval(X)[1])
    assert restored.to_files() == model.to_files()


def test_model_of_an_earlier_version_is_refused_in_one_line() -> None:
    with pytest.raises(InvalidInput, match=r"earlier version of forecast.*train again\.$"):
        ConversionModel.from_files({"conversion.json": b'{"strength": 0.1}'})


def test_second_fit_is_the_same(model: ConversionModel) -> None:
    again = clone(model).fit(X[:2000], Y[:2000], time=TIME[:2000])

    assert again.to_files() == model.to_files()


def test_later_rows_change_nothing_before_them(model: ConversionModel) -> None:
    """What is scored beside a row, before or after, does not matter to it."""
    other = X[2000:].assign(amount=1e12, source="elsewhere")
    beside = pd.concat([X[2000:2100], other], ignore_index=True)

    assert_allclose(model.predict_proba(beside)[:100], model.predict_proba(X[2000:2100]), rtol=1e-12)


def test_more_columns_and_their_order_do_not_matter(model: ConversionModel) -> None:
    shuffled = X[list(reversed(X.columns))].assign(extra="?")

    assert_array_equal(model.predict_proba(shuffled), model.predict_proba(X))


def test_unseen_levels_missing_values_and_other_dtypes_are_scored(model: ConversionModel) -> None:
    odd = X[:4].assign(
        source=pd.array(["new", None, "fair", "web"], dtype="string"),
        x=[None, 1, 2.0, np.inf],
        seen_at="2026-01-01",
        demo=[None, True, 0, 1.0],
    )

    p = model.predict_proba(odd)

    assert np.isfinite(p).all()
    assert_allclose(p.sum(axis=1), 1.0)


def test_missing_columns_are_named_in_one_line(model: ConversionModel) -> None:
    with pytest.raises(InvalidInput, match=r"expects 7 columns, the table has 7; missing \['x', 'visits'\]\.$"):
        model.predict_proba(X.drop(columns=["x", "visits"]))


def test_empty_tables_are_refused(model: ConversionModel) -> None:
    with pytest.raises(InvalidInput, match="empty frame"):
        model.predict_proba(X[:0])
    with pytest.raises(InvalidInput, match="empty frame"):
        ConversionModel().fit(X[:0], Y[:0])


@pytest.mark.parametrize("outcome", [0, 1])
def test_one_class_gives_the_smoothed_base_rate(outcome: int) -> None:
    model = ConversionModel().fit(X[:50], np.full(50, outcome))

    assert_allclose(model.predict_proba(X[:3])[:, 1], (50 * outcome + 0.5) / 51)
    points, base = model.explain(X[:3])
    assert_allclose(base + points.sum(axis=1), (50 * outcome + 0.5) / 51)
    low, high = model.interval(X[:3])
    assert (low < high).all()


@pytest.mark.parametrize("n", [1, 2, 3, 12, 40])
def test_few_rows_give_a_cautious_probability(n: int) -> None:
    model = ConversionModel().fit(X[:n], Y[:n], time=TIME[:n])

    p = model.predict_proba(X[:100])[:, 1]
    assert np.isfinite(p).all()
    assert ((p > 0.02) & (p < 0.98)).all(), (p.min(), p.max())
    points, base = model.explain(X[:100])
    assert_allclose(base + points.sum(axis=1), p, atol=1e-12)


@pytest.mark.slow
def test_without_signal_it_stays_within_half_a_percent_of_the_base_rate() -> None:
    X0, y0, _ = simulated(3000, signal=0.0, seed=3)
    base = log_loss(y0[2000:], np.full(1000, y0[:2000].mean()))

    for time in (TIME[:2000], None):
        model = ConversionModel().fit(X0[:2000], y0[:2000], time=time)
        assert log_loss(y0[2000:], model.predict_proba(X0[2000:])[:, 1]) < 1.005 * base


def test_shuffled_labels_teach_nothing() -> None:
    shuffled = np.random.default_rng(0).permutation(Y[:2000])
    model = ConversionModel().fit(X[:2000], shuffled, time=TIME[:2000])

    assert np.std(model.predict_proba(X[2000:])[:, 1]) < 0.05


@pytest.mark.slow
def test_repeated_snapshots_stay_together_in_shuffled_folds() -> None:
    """Five copies of each row of noise: without groups the copy in the other fold gives every outcome away."""
    entities, excess = np.tile(np.arange(300), 5), []
    fresh, y, _ = simulated(2000, signal=0.0, seed=6)
    for seed in (5, 10, 11, 12):
        X0, y0, _ = simulated(300, signal=0.0, seed=seed)
        copies = pd.concat([X0] * 5, ignore_index=True)
        model = ConversionModel().fit(copies, np.tile(y0, 5), groups=entities)
        base = log_loss(y, np.full(2000, y0.mean()))
        excess.append(log_loss(y, model.predict_proba(fresh)[:, 1]) - base)

    assert np.mean(excess) < 0.01, excess


def test_segment_values_shift_the_rate_and_may_be_absent_at_scoring() -> None:
    segment = np.where(np.arange(2000) % 4 == 0, "inbound", "cold")
    y = np.where(segment == "inbound", 1, Y[:2000] * (np.arange(2000) % 3 == 0))
    model = ConversionModel(max_trees=20).fit(X[:2000][["visits"]], y, segment=segment)

    with_segment = X[:4][["visits"]].assign(segment=["inbound", "cold", "new", None])
    p = model.predict_proba(with_segment)[:, 1]

    assert p[0] > 0.5 > p[1]
    assert np.isfinite(model.predict_proba(X[:4][["visits"]])).all()
    assert "segment" in model.explain(with_segment)[0].columns


def test_segment_may_name_columns() -> None:
    model = ConversionModel(max_trees=20).fit(X[:1000], Y[:1000], segment="source")

    assert model.group_rate_.feature_names_in_.tolist() == ["source"]
    with pytest.raises(InvalidInput, match="`segment` must name columns of X or have 1000 values, got 'region'"):
        ConversionModel().fit(X[:1000], Y[:1000], segment="region")


def test_unusable_arguments_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"one value per row of X, got 2 for 3 rows"):
        ConversionModel().fit(X[:3], [0, 1])
    with pytest.raises(InvalidInput, match=r"`y` must be 0 or 1, got 'won' in 1 rows"):
        ConversionModel().fit(X[:3], [0, 1, "won"])
    with pytest.raises(InvalidInput, match=r"`y` must be 0 or 1, got nan"):
        ConversionModel().fit(X[:3], [0, 1, np.nan])
    with pytest.raises(InvalidInput, match=r"`n_folds` must be at least 2, got 1"):
        ConversionModel(n_folds=1).fit(X[:3], [0, 1, 1])
    with pytest.raises(InvalidInput, match=r"`time`.*got 2 for 3 rows"):
        ConversionModel().fit(X[:3], [0, 1, 1], time=[1, 2])


@pytest.mark.parametrize("y", [Y[:400].astype(bool), pd.Series(Y[:400], index=np.arange(400) + 7), Y[:400].tolist()])
def test_outcomes_may_be_booleans_lists_or_series_of_any_index(y: object) -> None:
    expected = ConversionModel(max_trees=10).fit(X[:400], Y[:400]).predict_proba(X[:5])

    assert_array_equal(ConversionModel(max_trees=10).fit(X[:400], y).predict_proba(X[:5]), expected)


@pytest.mark.parametrize("seed", [0, 3])
def test_members_are_chosen_by_what_they_tell_apart_where_a_level_follows(seed: int) -> None:
    """Wins fell in the last two fifths, and a line is the truth: by log loss alone it had better say less than it knows
    there, since all of it is said too high."""
    rng = np.random.default_rng(seed)
    time = np.arange(3000.0)
    X = pd.DataFrame(rng.normal(size=(3000, 6)), columns=list("abcdef"))
    y = (rng.random(3000) < expit(X.sum(axis=1) + np.where(time < 1800, 0.5, -3.5))).astype(float)

    plain, anchored = (
        ConversionModel(max_trees=20, strengths=(0.01, 0.1, 1.0), anchored=given).fit(X, y, time=time)
        for given in (False, True)
    )

    assert anchored.strengths_["linear_recent"] > 1.05 * plain.strengths_["linear_recent"]
    lines = [m.weights_["linear"] + m.weights_["linear_recent"] for m in (plain, anchored)]
    assert lines[1] > lines[0] + 0.05, lines
