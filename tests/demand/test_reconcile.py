"""Reconciliation against the textbook's dense formulas, and the laws it must keep."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from forecast.demand import Hierarchy, reconcile
from forecast.demand.reconcile import METHODS, align, reconcile_bottom, shrinkage
from forecast.errors import InvalidInput

MINT = ("mint_ols", "mint_struct", "mint_var", "mint_shrink")


def crossed(n_bottom=12, n_a=3, n_b=3, seed=0):
    """Total, two crossed columns and their product, over series in random groups."""
    rng = np.random.default_rng(seed)
    static = pd.DataFrame(
        {
            "unique_id": [f"s{i}" for i in range(n_bottom)],
            "a": rng.integers(0, n_a, n_bottom),
            "b": rng.integers(0, n_b, n_bottom),
        }
    )
    return Hierarchy.of(static, [(), ("a",), ("b",), ("a", "b")])


def make_errors(hierarchy, n_occasions=9, seed=1):
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.5, 2, (hierarchy.n_nodes, 1)) * np.sqrt(hierarchy.n_leaves)[:, None]
    return spread * rng.normal(size=(hierarchy.n_nodes, n_occasions))


def dense_covariance(method, hierarchy, errors):
    """W as the papers write it; λ by loops over pairs (Schäfer & Strimmer 2005)."""
    if method == "mint_ols":
        return np.eye(hierarchy.n_nodes)
    if method == "mint_struct":
        return np.diag(hierarchy.summing.toarray().sum(axis=1))
    covariance = errors @ errors.T / errors.shape[1]
    variance = np.diag(covariance)
    if method == "mint_var":
        return np.diag(variance)
    share = shrinkage_by_loops(errors / np.sqrt(variance)[:, None])
    return share * np.diag(variance) + (1 - share) * covariance


def shrinkage_by_loops(scaled):
    n_nodes, n = scaled.shape
    noise = signal = 0.0
    for i in range(n_nodes):
        for j in range(n_nodes):
            if i != j:
                products = scaled[i] * scaled[j]
                noise += ((products - products.mean()) ** 2).sum() / (n * (n - 1))
                signal += products.mean() ** 2
    return noise / signal


@pytest.mark.parametrize("method", MINT)
def test_mint_equals_the_dense_formula(method):
    hierarchy = crossed()
    errors, base = make_errors(hierarchy), np.random.default_rng(2).normal(10, 4, (hierarchy.n_nodes, 5))
    s = hierarchy.summing.toarray()
    inverse = np.linalg.inv(dense_covariance(method, hierarchy, errors))

    bottom = reconcile_bottom(base, hierarchy, method=method, errors=errors)

    np.testing.assert_allclose(bottom, np.linalg.solve(s.T @ inverse @ s, s.T @ inverse @ base), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("method", MINT)
def test_non_negative_mint_equals_dense_non_negative_least_squares(method):
    hierarchy = crossed(seed=3)
    errors, base = make_errors(hierarchy), np.random.default_rng(4).normal(1, 5, (hierarchy.n_nodes, 6))
    root = np.linalg.cholesky(np.linalg.inv(dense_covariance(method, hierarchy, errors))).T
    expected = np.column_stack([nnls(root @ hierarchy.summing.toarray(), root @ column)[0] for column in base.T])

    bottom = reconcile_bottom(base, hierarchy, method=method, errors=errors, non_negative=True)

    assert (expected == 0).any()
    np.testing.assert_allclose(bottom, expected, atol=1e-5)


def test_mint_ols_of_two_series_equals_the_hand_computation():
    # Total 9, parts 2 and 4: the gap of 3 is shared by three nodes in equal parts.
    hierarchy = Hierarchy.of(pd.DataFrame({"unique_id": ["a", "b"]}), [()])

    result = reconcile(table(hierarchy, [[9.0], [2.0], [4.0]]), hierarchy, method="mint_ols")

    np.testing.assert_allclose(result["mean"], [8.0, 3.0, 5.0])


def test_mint_var_moves_the_node_that_errs_most():
    # Variances 1 (total), 1 and 2: gap 3 is shared by them as 1 : 1 : 2.
    hierarchy = Hierarchy.of(pd.DataFrame({"unique_id": ["a", "b"]}), [()])
    errors = np.array([[1.0, -1.0], [-1.0, 1.0], [np.sqrt(2), np.sqrt(2)]])

    bottom = reconcile_bottom([[9.0], [2.0], [4.0]], hierarchy, method="mint_var", errors=errors)

    np.testing.assert_allclose(bottom[:, 0], [2.75, 5.5])


@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 10_000),
    n_bottom=st.integers(1, 25),
    n_groups=st.integers(1, 5),
    method=st.sampled_from(METHODS),
)
def test_reconciled_nodes_add_up_for_any_method(seed, n_bottom, n_groups, method):
    hierarchy = crossed(n_bottom, n_groups, n_groups, seed)
    base = np.random.default_rng(seed).gamma(0.3, 100, (hierarchy.n_nodes, 3))

    result = reconcile(
        table(hierarchy, base), hierarchy, method=method, errors=error_table(hierarchy, make_errors(hierarchy))
    )
    nodes = result["mean"].to_numpy().reshape(hierarchy.n_nodes, 3)

    assert (nodes >= 0).all()
    np.testing.assert_allclose(nodes, hierarchy.add_up(nodes[hierarchy.n_upper :]), rtol=0, atol=1e-9 * nodes.max())


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10_000), n_bottom=st.integers(1, 25), method=st.sampled_from(("bottom_up", *MINT)))
def test_coherent_forecasts_stay_as_they_are(seed, n_bottom, method):
    hierarchy = crossed(n_bottom, seed=seed)
    bottom = np.random.default_rng(seed).normal(5, 20, (n_bottom, 2))

    result = reconcile_bottom(hierarchy.add_up(bottom), hierarchy, method=method, errors=make_errors(hierarchy))

    np.testing.assert_allclose(result, bottom, atol=1e-8)


@pytest.mark.parametrize("method", MINT)
def test_mint_is_unbiased(method):
    # S P S = S: each column of S is a coherent forecast.
    hierarchy = crossed()

    p_times_s = reconcile_bottom(hierarchy.summing.toarray(), hierarchy, method=method, errors=make_errors(hierarchy))

    np.testing.assert_allclose(p_times_s, np.eye(hierarchy.n_bottom), atol=1e-9)


def test_bottom_up_equals_the_sums_whatever_the_upper_nodes_say():
    hierarchy = crossed()
    base = np.random.default_rng(0).normal(size=(hierarchy.n_nodes, 2))

    result = reconcile(table(hierarchy, base), hierarchy)

    np.testing.assert_allclose(result["mean"], hierarchy.add_up(base[hierarchy.n_upper :]).ravel())


def test_forecasts_of_the_bottom_alone_are_added_up_by_any_unbiased_method():
    hierarchy = crossed()
    base = np.full((hierarchy.n_nodes, 2), np.nan)
    base[hierarchy.n_upper :] = np.random.default_rng(0).gamma(1, size=(hierarchy.n_bottom, 2))
    expected = hierarchy.add_up(base[hierarchy.n_upper :])

    for method in ("bottom_up", *MINT):
        bottom = reconcile_bottom(base, hierarchy, method=method, errors=make_errors(hierarchy))
        np.testing.assert_allclose(hierarchy.add_up(bottom), expected)


def test_node_without_a_forecast_has_no_say():
    hierarchy = crossed()
    base = np.random.default_rng(0).normal(10, 3, (hierarchy.n_nodes, 2))
    known = np.arange(hierarchy.n_nodes) != 2
    s = hierarchy.summing.toarray()[known]
    expected = np.linalg.solve(s.T @ s, s.T @ base[known])
    base[2] = np.nan

    np.testing.assert_allclose(reconcile_bottom(base, hierarchy, method="mint_ols"), expected)


def test_top_down_keeps_the_total_and_the_shares():
    hierarchy = Hierarchy.of(pd.DataFrame({"unique_id": ["a", "b", "c"], "g": [1, 1, 2]}), [(), ("g",)])
    base = [[100.0], [0.0], [0.0], [1.0], [3.0], [0.0]]

    assert reconcile_bottom(base, hierarchy, method="top_down")[:, 0].tolist() == [25.0, 75.0, 0.0]
    base[1], base[2] = [8.0], [5.0]
    # From the groups; the second's parts are all 0 and share alike.
    by_group = reconcile_bottom(base, hierarchy, method="top_down", top_level=("g",))
    assert by_group[:, 0].tolist() == [2.0, 6.0, 5.0]


def test_non_negative_mint_keeps_the_total_closer_than_a_cut():
    # The total and the first series are negative together: OLS on the free ones is total 3 -> (6 + 0) by hand.
    hierarchy = Hierarchy.of(pd.DataFrame({"unique_id": ["a", "b"]}), [()])
    base = [[3.0], [0.0], [9.0]]

    free = reconcile_bottom(base, hierarchy, method="mint_ols")
    kept = reconcile_bottom(base, hierarchy, method="mint_ols", non_negative=True)

    np.testing.assert_allclose(free[:, 0], [-2.0, 7.0])
    np.testing.assert_allclose(kept[:, 0], [0.0, 6.0])  # a cut would leave (0, 7), a total of 7


def test_align_follows_the_trusted_node():
    hierarchy = Hierarchy.of(pd.DataFrame({"unique_id": ["a", "b"]}), [()])

    bottom = align([[12.0], [2.0], [4.0]], hierarchy, [1e-9, 1.0, 2.0])

    np.testing.assert_allclose(bottom[:, 0], [4.0, 8.0], rtol=1e-6)


def test_shrinkage_equals_the_sums_over_pairs():
    hierarchy = crossed()
    errors = make_errors(hierarchy) + np.random.default_rng(0).normal(0, 2, 9)
    scaled = errors / np.sqrt((errors**2).mean(axis=1))[:, None]

    assert 0.01 < shrinkage_by_loops(scaled) < 0.99
    assert shrinkage(scaled) == pytest.approx(shrinkage_by_loops(scaled))


def test_errors_of_some_occasions_only_keep_the_variances():
    hierarchy = crossed()
    errors = make_errors(hierarchy, 40)
    errors[-3:, :30] = np.nan
    errors[1] = np.nan

    bottom = reconcile_bottom(
        np.random.default_rng(0).normal(10, 3, (hierarchy.n_nodes, 2)), hierarchy, method="mint_shrink", errors=errors
    )

    assert np.isfinite(bottom).all()


def test_node_that_never_erred_is_kept():
    hierarchy = Hierarchy.of(pd.DataFrame({"unique_id": ["dead", "b"]}), [()])
    errors = np.array([[1.0, -2.0], [0.0, 0.0], [1.0, 2.0]])

    bottom = reconcile_bottom([[9.0], [0.0], [4.0]], hierarchy, method="mint_var", errors=errors)

    np.testing.assert_allclose(bottom[:, 0], [0.0, 6.5], atol=1e-4)


def table(hierarchy, base):
    base = np.asarray(base)
    steps = base.shape[1]
    return pd.DataFrame(
        {
            "unique_id": np.repeat(hierarchy.nodes, steps),
            "ds": np.tile(pd.date_range("2025-01-01", periods=steps), hierarchy.n_nodes),
            "mean": base.ravel(),
        }
    ).sample(frac=1, random_state=0)


def error_table(hierarchy, errors):
    return table(hierarchy, errors).rename(columns={"mean": "error"})


def test_result_has_every_node_and_period_in_order_and_leaves_its_input_alone():
    hierarchy = crossed()
    forecasts = table(hierarchy, np.ones((hierarchy.n_nodes, 2)))
    before = forecasts.copy()

    result = reconcile(forecasts, hierarchy, method="mint_struct")

    pd.testing.assert_frame_equal(forecasts, before)
    assert result.columns.tolist() == ["unique_id", "level", "ds", "mean"]
    assert result["unique_id"].tolist() == np.repeat(hierarchy.nodes, 2).tolist()
    assert result["level"].iloc[0] == "total"
    assert result["ds"].tolist()[:2] == [pd.Timestamp("2025-01-01"), pd.Timestamp("2025-01-02")]


@pytest.mark.parametrize(
    ("spoil", "options", "message"),
    [
        (lambda t: t[t["unique_id"] != "s3"], {}, r"1 of 12 bottom series have no forecast \(first: 's3'\)"),
        (lambda t: t.iloc[1:], {}, r"some periods only"),
        (lambda t: pd.concat([t, t.iloc[:1]]), {}, r"1 rows repeat"),
        (lambda t: t.assign(mean=np.nan), {}, r"`mean` must be finite, 54 of 54"),
        (lambda t: t.drop(columns="mean"), {}, r"missing columns \['mean'\]"),
        (lambda t: t.iloc[:0], {}, r"no rows"),
        (lambda t: t.assign(unique_id="x"), {}, r"no nodes of the hierarchy.*'x'"),
        (lambda t: t, {"method": "mint_var"}, r"'mint_var' needs `errors`"),
        (lambda t: t, {"method": "best"}, r"one of \['bottom_up'.*got 'best'"),
        (lambda t: t, {"method": "top_down", "top_level": ("c",)}, r"`top_level` must be one of.*\('c',\)"),
        (lambda t: t[t["unique_id"] != "total"], {"method": "top_down"}, r"'total' has none"),
    ],
)  # fmt: skip
def test_reconcile_says_what_is_wrong(spoil, options, message):
    hierarchy = crossed()

    with pytest.raises(InvalidInput, match=message):
        reconcile(spoil(table(hierarchy, np.ones((hierarchy.n_nodes, 2)))), hierarchy, **options)
