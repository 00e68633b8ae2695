"""Figures of points: what is drawn where, and that it is an image."""

import io

import numpy as np
import pandas as pd
from matplotlib.image import imread

from forecast.attribution.figures import beeswarm, swarm_offsets, value_ranks, waterfall

TEXTS = {"base_label": "Base", "total_label": "Total", "x_label": "x"}


def pixels(image: bytes) -> np.ndarray:
    return (255 * imread(io.BytesIO(image), format="png")[..., :3]).round().astype(int)


def count(image: bytes, colour: tuple[int, int, int]) -> int:
    return int((pixels(image) == colour).all(axis=-1).sum())


def test_waterfall_draws_what_raises_in_blue_and_what_lowers_in_orange() -> None:
    image = waterfall(["up", "down"], [0.2, -0.1], base=0.3, **TEXTS)

    blue, orange = count(image, (0x00, 0x72, 0xB2)), count(image, (0xD5, 0x5E, 0x00))
    assert 1.9 < blue / orange < 2.1  # areas are to scale


def test_waterfall_of_a_score_without_reasons_is_its_base() -> None:
    image = waterfall([], [], base=0.3, **TEXTS)

    assert pixels(image).shape[1] == 1020
    assert count(image, (0x00, 0x72, 0xB2)) == 0


def test_waterfall_is_the_same_image_again() -> None:
    assert waterfall(["a"], [0.1], base=0.2, **TEXTS) == waterfall(["a"], [0.1], base=0.2, **TEXTS)


def test_waterfall_draws_a_name_that_no_font_has() -> None:
    assert waterfall(["\U0001f600 报价"], [0.1], base=0.2, **TEXTS).startswith(b"\x89PNG")


def test_swarm_parts_equal_values_and_leaves_single_ones_in_the_middle() -> None:
    offsets = swarm_offsets(np.array([0.0, 0.0, 0.0, 5.0]), width=0.1)

    assert offsets.tolist() == [0.0, 1 / 8, -1 / 8, 0.0]
    assert np.abs(swarm_offsets(np.zeros(1000), width=0.1)).max() == 1.0


def test_value_ranks_run_from_0_to_1_and_texts_have_none() -> None:
    ranks = value_ranks(pd.DataFrame({"n": [3.0, 1.0, np.nan, 2.0], "t": list("abcd")}))

    np.testing.assert_array_equal(ranks["n"], [1.0, 0.0, np.nan, 0.5])
    assert ranks["t"].isna().all()


def test_beeswarm_draws_dots_without_order_in_grey() -> None:
    points = pd.DataFrame({"a": np.linspace(-0.1, 0.1, 50)})
    ranks = pd.DataFrame({"a": np.full(50, np.nan)})

    image = beeswarm(points, ranks, labels=["a"], x_label="x", colour_label="c", low_high=("low", "high"))

    assert count(image, (153, 153, 153)) > 100
