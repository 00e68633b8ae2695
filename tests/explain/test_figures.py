"""Figures of reasons in both languages."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.ft2font import FT2Font
from matplotlib.image import imread

from forecast.errors import InvalidInput
from forecast.explain.figures import reasons_beeswarm, score_waterfall
from forecast.explain.labels import LABELS
from forecast.fonts import CHINESE_FAMILIES, FOLDER, chinese_family

REASONS = [
    {"code": f"attributes.f{i}", "points": points, "evidence": {"feature": f"f{i}", "value": "3", "n": 9, "rate": 0.5}}
    for i, points in enumerate([0.1, 0.09, -0.08, 0.07, 0.06, 0.05, 0.04, -0.03])
]


def height(image: bytes) -> int:
    return int(imread(io.BytesIO(image), format="png").shape[0])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_waterfall_has_a_line_for_each_shown_reason_the_rest_the_base_and_the_probability(lang: str) -> None:
    small = {"code": "attributes.small", "points": -0.003, "evidence": {}}  # below 0.02 * 0.2 * 0.8
    image = score_waterfall([*REASONS, small], base=0.2, lang=lang)  # six raise, five of them shown; two lower

    assert height(image) == int(120 * (1.4 + 0.34 * (5 + 2 + 1 + 2)))


def test_beeswarm_shows_the_most_important_reasons() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(3000, 4)), columns=list("abcd")).assign(colour="red")
    points = (X[list("abcd")] * [0.1, 0.0, 0.01, 0.02]).assign(colour=0.0, remainder=0.5)

    image = reasons_beeswarm(points, X, n_shown=3)

    assert height(image) == int(120 * (1.6 + 0.42 * 3))


def test_chinese_has_its_own_picture_on_every_machine() -> None:
    drawn = {lang: score_waterfall(REASONS, base=0.2, lang=lang) for lang in ("en", "zh")}

    assert drawn["en"] != drawn["zh"]
    assert chinese_family() in CHINESE_FAMILIES
    with pytest.raises(InvalidInput, match=r"\['en', 'zh'\], got 'de'"):
        score_waterfall(REASONS, base=0.2, lang="de")


def test_the_bundled_font_has_the_characters_of_every_label() -> None:
    characters = set(FT2Font(FOLDER / "DroidSansFallbackFull.ttf").get_charmap())

    missing = {c for text in LABELS.values() for c in text.zh if ord(c) > 0x2000 and ord(c) not in characters}
    assert missing == set()
