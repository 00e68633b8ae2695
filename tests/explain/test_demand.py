import numpy as np
import pandas as pd
import pytest

from forecast.demand.explanation import PARTS
from forecast.explain.demand import (
    NEW_BY_LEVEL,
    OUT_OF_RANGE,
    WHAT_IF_CAVEAT,
    amount,
    forecast_sentence,
    new_item_sentence,
    part_label,
)
from forecast.explain.demand_figures import effects_plot, parts_plot

TOTALS = {"level": 100.0, "trend": 0.01, "season": -20.0, "driver.list_price": 40.0}


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("part", [*PARTS, "driver.list_price"])
def test_every_part_has_a_name_in_every_language(part: str, lang: str) -> None:
    assert any("\u4e00" <= letter <= "\u9fff" for letter in part_label(part, lang)) == (lang == "zh")


def test_a_forecast_is_told_by_its_largest_parts() -> None:
    assert forecast_sentence(TOTALS, 4) == ("120 over 4 periods: Usual level 100, Driver “list price” +40, Season −20.")
    assert (
        forecast_sentence(TOTALS, 4, "zh") == "未来 4 期合计 120：通常水平 100，驱动因素“list price” +40，季节性 −20。"
    )


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (12.34, "12.3"), (3.0, "3"), (-0.256, "−0.26"), (0, "0")]
)
def test_amounts_show_what_matters(value: float, text: str) -> None:
    assert amount(value) == text


def test_a_new_item_says_what_it_rests_on() -> None:
    assert new_item_sentence("launches", 12, ["brand"]) == (
        "From the first periods of 12 series that were launched before (alike in brand)."
    )
    assert "7" in new_item_sentence("level", 7, [], "zh")
    assert NEW_BY_LEVEL.en.startswith("From what {n} series sell now")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_caveat_says_that_a_forecast_is_no_effect(lang: str) -> None:
    assert {"en": "not the effect of a price", "zh": "并不是价格本身的效果"}[lang] in WHAT_IF_CAVEAT.in_language(lang)
    assert "3" in OUT_OF_RANGE.in_language(lang).format(n=3, of=7)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_parts_and_effects_are_drawn(lang: str) -> None:
    points = [
        {
            "ds": f"2024-01-0{day}",
            "mean": 11.0,
            "parts": [{"part": "level", "points": 12.0}, {"part": "season", "points": -1.0}],
        }
        for day in range(1, 8)
    ]
    effects = pd.DataFrame(
        {
            "driver": ["price", "price", "shelf", "shelf"],
            "value": [0.9, 1.1, 0.0, 1.0],
            "is_relative": [True, True, False, False],
            "category": [None, None, "front", "$ back"],
            "mean": [12.0, 8.0, 10.0, 9.0],
            "difference": np.zeros(4),
        }
    )

    images = [parts_plot(points, title="A/$1", lang=lang), effects_plot(effects, lang=lang)]

    assert all(image.startswith(b"\x89PNG") for image in images)
