"""Figures of reasons in both languages."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from forecast.attribution.figures import chinese_family
from forecast.errors import InvalidInput
from forecast.explain.figures import NO_FONT, drawable_language, reasons_beeswarm, score_waterfall

REASONS = [
    {"code": f"attributes.f{i}", "points": points, "evidence": {"feature": f"f{i}", "value": "3", "n": 9, "rate": 0.5}}
    for i, points in enumerate([0.1, 0.09, -0.08, 0.07, 0.06, 0.05, 0.04, -0.03])
]


def height(image: bytes) -> int:
    return int(imread(io.BytesIO(image), format="png").shape[0])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_waterfall_has_a_line_for_each_shown_reason_the_rest_the_base_and_the_probability(lang: str) -> None:
    image = score_waterfall(REASONS, base=0.2, lang=lang)  # six raise, five of them shown; two lower

    assert height(image) == int(120 * (1.4 + 0.34 * (5 + 2 + 1 + 2)))


def test_beeswarm_shows_the_most_important_reasons() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(3000, 4)), columns=list("abcd")).assign(colour="red")
    points = (X[list("abcd")] * [0.1, 0.0, 0.01, 0.02]).assign(colour=0.0, remainder=0.5)

    image = reasons_beeswarm(points, X, n_shown=3)

    assert height(image) == int(120 * (1.6 + 0.42 * 3))


def test_chinese_is_drawn_where_a_font_has_it_and_english_says_so_elsewhere() -> None:
    assert drawable_language("zh") == (("zh", "") if chinese_family() else ("en", NO_FONT))
    assert drawable_language("en") == ("en", "")
    with pytest.raises(InvalidInput, match=r"\['en', 'zh'\], got 'de'"):
        score_waterfall(REASONS, base=0.2, lang="de")
