"""The comparison of conversion models: nobody sees what is judged, and its figures are what they say."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score


@pytest.fixture(scope="module")
def parts(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_script("conversion_parts")


@pytest.fixture(scope="module")
def tables(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_script("conversion_tables")


@pytest.fixture(scope="module")
def peers(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_script("conversion_peers")


@pytest.fixture(scope="module")
def bank(benchmark_script):
    """A set named as the walked one, 30,000 rows in the order of time."""
    sets = benchmark_script("conversion_sets")
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=30_000), "city": rng.choice(["a", "b", None], 30_000)})
    y = (rng.random(30_000) < 0.1).astype(float)
    return sets.in_time("bank", X, y, np.arange(30_000.0))


@pytest.mark.parametrize("part", ["valid", "valid-walk", "test", "test-walk"])
def test_steps_fit_only_on_rows_before_those_judged(parts, bank, part):
    for step in parts.steps(bank, part):
        assert step.fitted.max() < step.judged.min()


@pytest.mark.parametrize("part", ["valid", "valid-walk", "test", "test-walk"])
def test_steps_judge_each_row_of_the_part_once(parts, bank, part):
    judged = np.concatenate([step.judged for step in parts.steps(bank, part)])

    assert judged.tolist() == (bank.valid if part.startswith("valid") else bank.test).tolist()


def test_held_out_rows_before_the_test_part_are_the_validation_rows(parts, bank):
    (step,) = parts.steps(bank, "test")

    assert step.fitted[step.held_out].tolist() == bank.valid.tolist()


def test_validation_steps_hold_no_test_row(parts, bank):
    seen = [np.concatenate([step.fitted, step.judged]) for step in parts.steps(bank, "valid-walk")]

    assert np.concatenate(seen).max() < bank.test.min()


def test_small_samples_share_no_row_with_either_judged_part_and_have_two_wins(parts, bank):
    judged = {*parts.small_parts(bank)["valid"], *parts.small_parts(bank)["test"]}
    samples = list(parts.small_samples(bank, "test", 20, 50))

    assert len(judged) == 20_000
    assert not judged & set(np.concatenate(samples))
    assert min(bank.y[rows].sum() for rows in samples) >= 2


def test_small_samples_are_the_same_for_every_model(parts, bank):
    first, second = (list(parts.small_samples(bank, "test", 50, 3)) for _ in range(2))

    assert np.array_equal(first, second)


def test_fingerprint_changes_with_a_value_and_with_a_part(parts, bank):
    other = bank.X.copy()
    other.loc[5, "x"] += 1
    changed = type(bank)("bank", other, bank.y, bank.time, bank.train, bank.valid, bank.test)
    moved = type(bank)("bank", bank.X, bank.y, bank.time, bank.train[1:], bank.valid, bank.test)

    assert len({parts.fingerprint(bank), parts.fingerprint(changed), parts.fingerprint(moved)}) == 3


@pytest.mark.parametrize("peer", ["logistic", "naive Bayes", "HistGradientBoosting", "LightGBM"])
def test_peer_finds_the_signal_in_rows_with_missing_and_unseen_values(peers, peer):
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"x": rng.normal(size=1000), "city": rng.choice(["a", "b", None], 1000)})
    X["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 1000), "D")
    y = (rng.random(1000) < 1 / (1 + np.exp(-2 * X["x"]))).astype(float).to_numpy()
    new = X.assign(city="never seen")

    p = peers.PEERS[peer]()(X[:800], y[:800], np.arange(600, 800))(new[800:])

    assert roc_auc_score(y[800:], p) > 0.75


def test_naive_bayes_counts_the_prior_once(peers):
    X = pd.DataFrame({"x": np.repeat([-1.0, 1.0], 100), "city": ["a"] * 200})
    y = np.tile([1.0, 0.0, 0.0, 0.0], 50)

    p = peers.fit_naive_bayes(X, y, np.arange(0))(X)

    np.testing.assert_allclose(p, 0.25, atol=0.01)


def judged(tables: ModuleType, name: str, part: str, ours: float) -> object:
    """400 rows, half won; the peer says 0.7 of what is won and 0.3 of what is not."""
    y = np.tile([1.0, 0.0], 200)
    said = {tables.OURS: ours, tables.BASE: 0.5, "peer": 0.7}
    return tables.Judged(name, part, y, {model: np.where(y == 1, p, 1 - p) for model, p in said.items()})


def test_skill_is_one_less_the_ratio_of_log_losses(tables):
    table = tables.skill_table([judged(tables, "olist", "test", 0.8)], n_draws=100).set_index("model")

    assert table.loc[tables.OURS, "mean skill"] == f"{1 - np.log(0.8) / np.log(0.5):.4f}"
    assert table.loc[tables.BASE, "mean skill"] == "0.0000"
    assert table.loc["peer", "ours less this (95 %)"].startswith(f"+{np.log(0.7 / 0.8) / np.log(0.5):.4f} (")


@pytest.mark.parametrize(("ours", "holds"), [(0.70, "yes"), (0.6965, "yes"), (0.69, "**no**")])
def test_gate_allows_one_percent_of_the_base_rates_loss(tables, ours, holds):
    rows = tables.gates(judged(tables, "olist", "valid", ours), judged(tables, "olist", "test", ours))

    assert next(row["holds"] for row in rows if row["line"] == "log loss beside peer") == holds


def test_gate_of_the_walked_set_fails_above_its_log_loss(tables):
    rows = tables.gates(judged(tables, "bank", "valid-walk", 0.58), judged(tables, "bank", "test-walk", 0.58))

    assert rows[0] == {
        "set": "bank, walk",
        "line": "log loss",
        "asked": "<= 0.532",
        "ours": "0.5447",
        "holds": "**no**",
    }


def test_small_gate_fails_when_the_upper_bound_is_above_the_samples_own_rate(tables):
    base = np.tile([0.35, 0.36], 50)
    losses = pd.DataFrame({tables.OURS: base + np.tile([0.02, -0.02], 50), tables.BASE: base})

    loss, difference = tables.small_gates([tables.SmallSamples(20, losses)])

    assert loss["holds"] == "**no**"
    assert difference["holds"] == "**no**"


def test_calibration_error_is_read_beside_that_of_chance(tables):
    """2,000 rows said .6 come .62: further off than .02 are 1 in 15 tables of the same size, said right."""
    y = np.repeat([1.0, 0.0], [1240, 760])
    p = np.full(2000, 0.6)

    rows = tables.gates(*[tables.Judged("olist", "test", y, {tables.OURS: p, tables.BASE: p})] * 2)

    assert next(row["holds"] for row in rows if row["line"] == "ECE beside chance") == "yes"
    assert tables.by_chance(p).startswith("0.00")


def test_drift_is_how_many_times_the_tenths_differ_more_than_chance(tables):
    """By hand: tenths of 100 rows with 40 or 60 won, said .5: surplus 10, variance 25, so 100 / 25."""
    y = np.concatenate([np.repeat([1.0, 0.0], [40, 60] if tenth % 2 else [60, 40]) for tenth in range(10)])

    (row,) = tables.drift_table({"olist": y}).to_dict("records")

    assert row == {"set": "olist", "won in each tenth": "40.0% to 60.0%", "times chance": "4"}
