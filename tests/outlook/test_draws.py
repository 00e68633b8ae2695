import numpy as np
from scipy.stats import kstest

from forecast.outlook.draws import keys_of, normals, stratified, uniform_at, uniforms

NAMES = [f"deal {number}" for number in range(200)]


def test_draws_of_a_name_do_not_depend_on_the_others():
    many, one = (uniforms(keys_of(names, "won", 0), 50) for names in (NAMES, NAMES[7:8]))

    np.testing.assert_array_equal(many[:, 7], one[:, 0])


def test_draws_differ_by_stream_and_state():
    one, other, third = (uniforms(keys_of(NAMES, *which), 10) for which in (("won", 0), ("amount", 0), ("won", 1)))

    assert not np.isclose(one, other).any()
    assert not np.isclose(one, third).any()


def test_draws_are_uniform_and_independent_over_paths_and_names():
    drawn = uniforms(keys_of(NAMES, "won", 0), 500)

    assert kstest(drawn.ravel(), "uniform").pvalue > 0.01
    # 200 names, 500 paths: correlations of columns spread by 1 / sqrt(500) = .045
    between = np.corrcoef(drawn.T)[np.triu_indices(200, 1)]
    assert abs(between.std() - 0.045) < 0.003
    assert abs(np.corrcoef(drawn[:-1].ravel(), drawn[1:].ravel())[0, 1]) < 0.015


def test_single_places_are_those_of_the_table():
    keys = keys_of(NAMES, "won", 3)
    path, name = np.array([0, 4, 9, 4]), np.array([1, 150, 3, 3])

    np.testing.assert_array_equal(uniform_at(keys[name], path), uniforms(keys, 10)[path, name])


def test_stratified_draws_have_one_in_each_stratum():
    drawn = stratified(keys_of(["company"], "shock", 0), 1000)

    np.testing.assert_allclose(np.sort(drawn), (np.arange(1000) + 0.5) / 1000)
    assert abs(np.corrcoef(drawn, np.arange(1000))[0, 1]) < 0.1
    assert abs(normals(drawn).mean()) < 1e-9
