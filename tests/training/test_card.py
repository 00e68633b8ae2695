"""The model card's sentences."""

import math

import pytest

from training.card import world_moved


def test_card_says_how_far_the_world_moved() -> None:
    said = world_moved({"observed": 140.0, "expected": 107.4, "shift": math.log(1.25)}, 60)

    assert "last 60 days 140 were won where the past would have 107" in said
    assert said.endswith("multiplied by 1.25.")


@pytest.mark.parametrize("anchor", [None, {"observed": 0.0, "expected": 0.0, "shift": 0.0}])
def test_card_says_so_when_nothing_was_measured(anchor: object) -> None:
    assert world_moved(anchor, 60) == "How far the world moved was not measured."
