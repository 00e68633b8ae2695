"""The shrunken group rate."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from forecast.conversion import GroupRateModel
from forecast.conversion.group_rate import shrinkage_strength
from forecast.errors import InvalidInput


def groups_of(sizes: dict[str, tuple[int, int]]) -> tuple[pd.DataFrame, np.ndarray]:
    """Cases of each group: {name: (won, not won)}."""
    stages = [name for name, (won, lost) in sizes.items() for _ in range(won + lost)]
    y = [label for won, lost in sizes.values() for label in [1] * won + [0] * lost]
    return pd.DataFrame({"stage": stages}), np.array(y)


X, Y = groups_of({"early": (20, 180), "late": (120, 80), "rare": (2, 0)})


def test_without_columns_it_is_the_smoothed_overall_rate() -> None:
    model = GroupRateModel().fit(X, Y)

    assert_allclose(model.base_, (142 + 0.5) / (402 + 1))
    assert_allclose(model.predict_proba(X)[:, 1], model.base_)


def test_rates_lie_between_the_group_and_the_overall_rate() -> None:
    p = dict(zip(X["stage"], GroupRateModel(["stage"]).fit(X, Y).predict_proba(X)[:, 1], strict=True))

    assert 0.10 < p["early"] < 0.15
    assert 0.55 < p["late"] < 0.60
    assert 0.36 < p["rare"] < 0.75  # two wins of two prove little


def test_groups_that_do_not_differ_are_shrunk_almost_wholly() -> None:
    n = np.full(30, 40.0)
    alike = shrinkage_strength(np.full(30, 8.0), n, np.full(30, 0.2))
    different = shrinkage_strength(np.tile([2.0, 30.0], 15), n, np.full(30, 0.4))

    assert alike > 300
    assert different < 10


def test_levels_nest() -> None:
    table = X.assign(source=np.where(np.arange(len(X)) % 2, "web", "fair"))
    model = GroupRateModel(["source", "stage"]).fit(table, Y)

    unseen = pd.DataFrame({"source": ["web", "new"], "stage": ["unheard", "early"]})
    web = 1 / (1 + np.exp(-model.rates_[("web",)][0]))

    assert_allclose(model.predict_proba(unseen)[:, 1], [web, model.base_])


def test_snapshots_of_one_entity_count_as_one_case() -> None:
    many = pd.concat([X] * 5, ignore_index=True)
    entities = np.tile(np.arange(len(X)), 5)

    once = GroupRateModel(["stage"]).fit(X, Y).predict_proba(X)
    repeated = GroupRateModel(["stage"]).fit(many, np.tile(Y, 5), groups=entities).predict_proba(X)

    assert_allclose(repeated, once, rtol=1e-9)


def test_interval_is_wider_with_fewer_cases_and_widest_without() -> None:
    model = GroupRateModel(["stage"]).fit(X, Y)
    low, high = model.interval(pd.DataFrame({"stage": ["late", "rare", "unheard"]}))

    assert (np.diff(high - low) > 0).all(), high - low
    assert high[2] - low[2] > 0.3


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 1)), min_size=1, max_size=60))
def test_contributions_and_base_give_the_probability(rows: list[tuple[str, str, int]]) -> None:
    table = pd.DataFrame(rows, columns=["one", "two", "y"])
    model = GroupRateModel(["one", "two"]).fit(table, table["y"])

    points, base = model.explain(table)

    p = model.predict_proba(table)[:, 1]
    assert ((p > 0) & (p < 1)).all()
    assert_allclose(base + points.sum(axis=1), p, atol=1e-12)


def test_stored_model_predicts_the_same() -> None:
    model = GroupRateModel(["stage"]).fit(X, Y)
    restored = GroupRateModel.from_state(model.to_state())

    assert_allclose(restored.predict_proba(X), model.predict_proba(X), rtol=0)
    assert restored.interval(X)[0].tolist() == model.interval(X)[0].tolist()


def test_missing_group_column_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"missing \['stage'\]"):
        GroupRateModel(["stage"]).fit(pd.DataFrame({"other": [1, 2]}), [0, 1])
