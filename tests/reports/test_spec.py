"""Definitions: what they take, what they refuse and in which words."""

from typing import Any

import pytest

from forecast.adapters.report_specs import READY, ready_report
from forecast.errors import InvalidInput
from forecast.reports import parse_spec, to_yaml
from forecast.reports.catalogue import MEASURES, SUBJECTS
from forecast.reports.dimensions import DIMENSIONS

SECTION: dict[str, Any] = {"measures": ["revenue"], "dimensions": ["team"]}


def test_report_of_one_section_may_leave_its_brackets_out() -> None:
    short = parse_spec("title: Wins\nmeasures: [won]\ndimensions: [team]\nperiod: last month\n")

    section = {"measures": ["won"], "dimensions": ["team"]}
    assert short == parse_spec({"title": {"en": "Wins", "zh": "Wins"}, "period": "last month", "sections": [section]})


@pytest.mark.parametrize("name", READY)
def test_ready_report_says_the_same_after_writing_and_reading(name: str) -> None:
    spec = ready_report(name)

    assert parse_spec(to_yaml(spec)) == spec
    texts = [spec.title, spec.about, *(one.title for one in spec.sections), *(one.text for one in spec.sections)]
    assert all(text.en != text.zh for text in texts if text is not None)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"measures": ["revenu"]}, r"measures has no 'revenu'; there are revenue, "),
        ({"measures": ["revenue", "revenue"]}, "must not name one twice, got revenue, revenue"),
        ({"dimensions": ["stage"]}, r"revenue cannot be told by stage; it can by \{account, "),
        ({"measures": ["outlook"], "dimensions": ["team", "region"]}, "outlook cannot be told by team, region"),
        ({"measures": ["entered"], "dimensions": []}, "needs stage"),
        ({"measures": ["growth"], "dimensions": ["month"]}, "growth compare one period with an earlier one"),
        ({"sort": "-won"}, "sort must be a measure or dimension of the section.*got '-won'"),
        ({"limit": 0}, "limit: Input should be greater than or equal to 1, got '0'"),
        ({"colour": "red"}, r"sections.0.colour: Extra inputs are not permitted, got 'red'"),
        ({"chart": {"kind": "pie"}}, "chart.kind: Input should be 'bar', 'line', 'stacked' or 'range', got 'pie'"),
        ({"filters": {"stage": ["offer"]}}, "section 1: revenue cannot be filtered by stage; it can by account"),
        ({"dimensions": [], "chart": {}}, "a chart needs a dimension"),
    ],
)
def test_broken_rule_is_named_with_its_field_and_what_came(broken: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_spec({"title": "t", "sections": [SECTION | broken]})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("title: [", "is no YAML"),
        ("[" * 15_000, "nest at most 10 levels"),
        ("- " * 9_000, "nest at most 10 levels"),
        ("title: &a t\nmeasures: [*a]", "no aliases"),
        ("- a", "must be a mapping with a title and measures, got list"),
        ("x" * 20_001, "at most 20,000 characters, got 20,001"),
        ("title: t", "sections: Field required"),
        ("title: t\nperiod: yesterday\nmeasures: [won]", "A period must look like.*got 'yesterday'"),
    ],
)
def test_what_is_no_definition_is_refused(content: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_spec(content)


def test_every_measure_has_its_words_in_both_languages_and_a_subject() -> None:
    for measure in MEASURES.values():
        assert measure.subject in SUBJECTS
        for text in (measure.title, measure.meaning):
            assert text.en
            assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh), measure.name


def test_every_subject_is_told_by_known_dimensions() -> None:
    for subject in SUBJECTS.values():
        assert frozenset().union(*subject.dimensions) | subject.required | subject.filters <= set(DIMENSIONS)


def test_averages_and_shares_name_the_count_behind_them() -> None:
    of_parts = {"revenue_share", "outlook_low", "outlook_high"}
    means = [
        m for m in MEASURES.values() if m.unit in ("share", "days", "hours", "score", "points") and m.total != "sum"
    ]

    assert [measure.name for measure in means if not measure.count and measure.name not in of_parts] == []
