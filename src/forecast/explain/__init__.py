"""Reasons for people: stable codes, evidence, texts in English and Chinese."""

from forecast.explain.labels import LABELS, LANGUAGES, PATTERNS, label
from forecast.explain.next_step import render_next_step
from forecast.explain.render import ShownReasons, nothing_told, render, rendered, shown_reasons, told_reasons

__all__ = [
    "LABELS",
    "LANGUAGES",
    "PATTERNS",
    "ShownReasons",
    "label",
    "nothing_told",
    "render",
    "render_next_step",
    "rendered",
    "shown_reasons",
    "told_reasons",
]
