"""Every published number has a definition in every language."""

import re
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.errors import InvalidInput
from forecast.evaluation.breakdown import breakdown
from forecast.evaluation.evaluate import evaluate
from forecast.evaluation.metrics import decision_curve, gains_curve
from forecast.evaluation.series_backtest import series_scores
from forecast.explain.definitions import (
    PARTS,
    Definition,
    definition_records,
    definitions_html,
    definitions_markdown,
    definitions_page,
    is_defined,
)
from forecast.explain.labels import LANGUAGES, Text
from forecast.settings import Settings
from forecast.usecases.score import score

ENTRIES = [entry for part in PARTS for entry in part.entries]

Y, P = np.array([0, 1, 0, 1]), np.array([0.1, 0.8, 0.3, 0.6])


def undefined(columns: "pd.Index[str]") -> list[str]:
    return [name for name in columns if not is_defined(name)]


def test_every_column_of_the_evaluation_is_defined() -> None:
    assert undefined(evaluate(Y, {"one": P}).columns) == []
    assert undefined(breakdown(Y, P, pd.Series(["a", "b"] * 2)).columns) == []
    assert undefined(gains_curve(Y, P).columns) == []
    # "model", "all" and "none" are net benefits there.
    assert undefined(decision_curve(Y, P).columns) == []


def test_every_column_of_a_demand_backtest_is_defined() -> None:
    panel = pd.DataFrame({"unique_id": "a", "ds": range(6), "y": [1.0, 3, 2, 4, 3, 5]})
    rows = panel.tail(2).assign(cutoff=3, mean=3.0, naive=4.0, step=[1, 2], **{"q0.1": 1.0, "q0.5": 3.0, "q0.9": 5.0})

    for by in ("step", "class"):
        assert undefined(series_scores(rows.assign(**{"class": "smooth"}), panel, by=by).columns) == []


def test_every_column_of_a_score_and_of_its_reasons_is_defined(
    frame_lake: Any, lead_tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    now = datetime(2025, 7, 20, tzinfo=UTC)
    store = SqlStore(f"sqlite:///{tmp_path / 'store.db'}", FixedClock(now))
    store.migrate()

    scores = score(frame_lake(lead_tables), InMemoryRegistry(), store, Settings(), now)

    assert len(scores) > 0
    assert undefined(scores.columns) == []
    store.close()


def test_an_unknown_column_is_not_defined() -> None:
    assert undefined(pd.Index(["p_30d", "p_30", "luck", "log_loss_low"])) == ["p_30", "luck"]


def test_no_column_is_defined_twice() -> None:
    names = [name for entry in ENTRIES for name in entry.names]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_facet_is_there_in_every_language(entry: Definition) -> None:
    texts = {field.name: getattr(entry, field.name) for field in fields(entry)}

    for facet, text in texts.items():
        if isinstance(text, Text):
            assert min(len(text.en.strip()), len(text.zh.strip())) > 0, facet
            assert not re.search("[\u4e00-\u9fff]", text.en), facet
    assert re.search("[\u4e00-\u9fff]", entry.meaning.zh)
    # Code in backticks is the same in both languages.
    assert set(re.findall("`([^`]+)`", entry.meaning.en)) == set(re.findall("`([^`]+)`", entry.meaning.zh))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_pages_hold_every_title_and_column_and_name_no_outside_host(lang: str) -> None:
    html, markdown = definitions_html(PARTS, lang), definitions_markdown(PARTS, lang)

    for entry in ENTRIES:
        assert entry.title.in_language(lang) in html
        assert f"### {entry.title.in_language(lang)}" in markdown
        assert all(f"<code>{name}</code>" in html for name in entry.names)
    assert f'<html lang="{lang}">' in html
    assert "://" not in html
    assert "<script" not in html


def test_records_are_in_the_language_asked_for() -> None:
    (english, *_), (chinese, *_) = (
        [record for record in definition_records(PARTS, lang) if record["name"] == "probability"] for lang in LANGUAGES
    )

    assert (english["title"], chinese["title"]) == ("Win probability", "成交概率")
    assert english["formula"] == chinese["formula"] == "P(T <= H, won | x)"


def test_unknown_language_or_ending_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"Language must be one of .* got 'fr'"):
        definition_records(PARTS, "fr")
    with pytest.raises(InvalidInput, match=r"must end in \.html or \.md, got '\.pdf'"):
        definitions_page(PARTS, "en", ".pdf")
