"""Crossed hierarchies: names, sums and what is refused."""

import numpy as np
import pandas as pd
import pytest

from forecast.demand.hierarchy import Hierarchy
from forecast.errors import InvalidInput


def static():
    return pd.DataFrame(
        {
            "unique_id": ["CA_1|F1", "CA_1|H1", "TX_1|F1"],
            "state": ["CA", "CA", "TX"],
            "category": ["FOODS", "HOBBIES", "FOODS"],
        }
    )


def test_nodes_have_readable_names_level_by_level_with_the_bottom_last():
    hierarchy = Hierarchy.of(static(), [(), ("state",), ("category",), ("state", "category")])

    assert hierarchy.nodes.tolist() == [
        "total", "state=CA", "state=TX", "category=FOODS", "category=HOBBIES",
        "state=CA/category=FOODS", "state=CA/category=HOBBIES", "state=TX/category=FOODS",
        "CA_1|F1", "CA_1|H1", "TX_1|F1",
    ]  # fmt: skip
    assert hierarchy.level_of.tolist() == [0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4]
    assert [hierarchy.level_name(level) for level in range(5)] == [
        "total", "state", "category", "state/category", "unique_id"
    ]  # fmt: skip


def test_crossed_levels_sum_their_series():
    hierarchy = Hierarchy.of(static(), [(), ("state",), ("category",)])

    sums = hierarchy.add_up([[1.0], [10.0], [100.0]])

    assert sums[:, 0].tolist() == [111.0, 11.0, 100.0, 101.0, 10.0, 1.0, 10.0, 100.0]


def test_bottom_keeps_its_order_and_numbers_become_text():
    hierarchy = Hierarchy.of(pd.DataFrame({"unique_id": [7, 3]}), [()])

    assert hierarchy.bottom.tolist() == ["7", "3"]
    assert hierarchy.positions(pd.Series([3, 7])).tolist() == [2, 1]


@pytest.mark.parametrize(
    ("change", "levels", "message"),
    [
        ({}, [("region",)], r"missing columns \['region'\]"),
        ({"state": ["CA", None, "TX"]}, [("state",)], r"\['state'\] are empty"),
        ({"unique_id": ["a", "a", "b"]}, [()], r"1 series repeat.*'a'"),
        ({}, [(), ()], r"level occurs twice"),
        ({"unique_id": ["total", "a", "b"]}, [()], r"share a name.*'total'"),
        ({"state": ["x/category=y", "x", "z"], "category": ["y", "y/category=y", "z"]}, [("state", "category")],
         r"Two groups of level \('state', 'category'\) get one name"),
    ],
)  # fmt: skip
def test_hierarchy_refuses_what_would_make_nodes_unclear(change, levels, message):
    with pytest.raises(InvalidInput, match=message):
        Hierarchy.of(static().assign(**change), levels)


def test_hierarchy_refuses_no_series_and_unknown_nodes():
    with pytest.raises(InvalidInput, match="at least one bottom series"):
        Hierarchy.of(static().iloc[:0], [()])
    with pytest.raises(InvalidInput, match=r"1 of the names are no nodes.*'state=NY'"):
        Hierarchy.of(static(), [("state",)]).positions(pd.Series(["state=CA", "state=NY"]))
    with pytest.raises(InvalidInput, match="each of 3 series, got 2"):
        Hierarchy.of(static(), [()]).add_up(np.ones((2, 1)))


def test_sums_equal_a_group_by_at_every_level():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.integers(0, 4, (200, 3)), columns=["a", "b", "c"]).assign(unique_id=np.arange(200))
    levels = [("a",), ("b",), ("c", "a"), ("a", "b", "c")]
    values = rng.normal(size=200)
    hierarchy = Hierarchy.of(table, levels)

    sums = hierarchy.add_up(values[:, None])[:, 0]

    for number, level in enumerate(levels):
        grouped = table.assign(y=values).groupby(list(level))["y"].sum().sort_index()
        np.testing.assert_allclose(sums[hierarchy.level_of == number], grouped)
