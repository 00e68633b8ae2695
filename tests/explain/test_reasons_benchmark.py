"""The benchmark of reasons measures what people are told."""

from collections.abc import Callable
from types import ModuleType

import pandas as pd
import pytest


class Explained:
    """A model of base 0.5, where half a point is the least that is told, with points written out."""

    base_ = 0.5

    def __init__(self, *rows: list[float]) -> None:
        self.points = pd.DataFrame(rows, columns=list("abcd")).assign(remainder=0.2)

    def explain(self, X: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        return self.points, self.base_


@pytest.fixture(scope="module")
def reasons(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_script("reasons")


def test_kept_are_the_told_that_are_told_again_and_rows_told_nothing_count_neither_way(reasons: ModuleType) -> None:
    model = Explained([0.10, -0.05, 0.02, 0.01], [0.006, 0.004, 0.0, 0.0], [0.001, 0.001, 0.001, 0.001])
    refit = Explained([0.10, -0.05, 0.01, 0.02], [0.004, 0.006, 0.0, 0.0], [0.1, 0.1, 0.1, 0.1])

    found = reasons.told(model, [refit], pd.DataFrame(index=range(3)))

    # a and b of a, b and c stay in the first row; a is too small afterwards in the second, and still among its three.
    assert found == {"kept of the told": 0.5, "told": 1.7, "none told": 0.333, "points told": 0.959}
