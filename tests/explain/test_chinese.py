"""Chinese sentences have Chinese punctuation, whatever is put together of which parts."""

import importlib
import pkgutil
import re

import pytest

import forecast.explain
from forecast.explain.counterfactual import TOGETHER
from forecast.explain.labels import LABELS, PATTERNS, Text, label
from forecast.explain.next_step import ACTIONS, UNKNOWN, render_next_step
from forecast.explain.render import render

HAN = "[一-鿿“”（）]"

#: Half-width punctuation beside Chinese; between digits and Latin letters it stays.
HALF = re.compile(rf"(?<={HAN})\s*[:;,()?!]|[:;,()?!]\s*(?={HAN})")

STEP = {"effect": 0.042, "low": 0.01, "high": 0.074, "cost_minutes": 40.2, "n": 1204}


def _texts() -> dict[str, Text]:
    """Every text that a module of the room holds by name or in a table."""
    found: dict[str, Text] = {}
    for module in pkgutil.iter_modules(forecast.explain.__path__):
        for name, value in vars(importlib.import_module(f"forecast.explain.{module.name}")).items():
            held = value if isinstance(value, dict) else {"": value}
            found |= {f"{module.name}.{name}.{key}": text for key, text in held.items() if isinstance(text, Text)}
    return found


def test_every_chinese_text_has_full_width_punctuation() -> None:
    texts = _texts()

    assert len(texts) > 150
    assert not [f"{name}: {text.zh}" for name, text in texts.items() if HALF.search(text.zh)]


@pytest.mark.parametrize("code", [*LABELS, *(f"{beginning}x" for beginning in PATTERNS), "weather.rain_days"])
def test_rendered_reason_has_full_width_punctuation(code: str) -> None:
    evidence = {"feature": "interactions__phone__count_30d", "value": "3", "n": 1212, "rate": 0.15}

    assert not HALF.search(render({"code": code, "points": 0.04, "evidence": evidence}, "zh"))
    assert not HALF.search(label(code, "zh"))


@pytest.mark.parametrize("action", [*ACTIONS, "kind_tasting"])
def test_rendered_next_step_has_full_width_punctuation(action: str) -> None:
    assert not HALF.search(render_next_step(STEP | {"action": action}, "zh"))


@pytest.mark.parametrize("reason", UNKNOWN)
def test_unknown_next_step_has_full_width_punctuation(reason: str) -> None:
    assert not HALF.search(render_next_step({"reason": reason}, "zh"))


def test_parts_are_joined_by_full_width_punctuation() -> None:
    assert TOGETHER.zh == "，并且"
