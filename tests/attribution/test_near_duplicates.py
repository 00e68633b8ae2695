"""Columns whose ranks go together are one group."""

import numpy as np
import pandas as pd

from forecast.attribution import near_duplicates


def test_columns_whose_ranks_go_together_are_one_group() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000)
    table = pd.DataFrame(
        {
            "x": x,
            "other": rng.normal(size=1000),
            "like_x": np.exp(x + 0.1 * rng.normal(size=1000)),
            "against_x": -(x**3),
            "constant": 1.0,
            "text": np.where(x > 0, "high", "low"),
        }
    )

    assert near_duplicates(table) == {
        **{"x": "x", "like_x": "x", "against_x": "x"},
        **{"other": "other", "constant": "constant", "text": "text"},
    }


def test_missing_values_do_not_make_columns_alike() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000)
    holes = np.where(rng.random(1000) < 0.7, np.nan, x)

    assert near_duplicates(pd.DataFrame({"x": x, "holes": holes}))["holes"] == "holes"


def test_a_table_without_numbers_has_no_duplicates() -> None:
    assert near_duplicates(pd.DataFrame({"a": ["p", "q"]})) == {"a": "a"}
