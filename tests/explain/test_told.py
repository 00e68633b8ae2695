"""Decisions, findings and refusals in Chinese: those that the code really gives."""

from datetime import UTC, datetime

import numpy as np
import pytest

from forecast.errors import DataUnavailable, InvalidInput
from forecast.evaluation.promotion import decide
from forecast.explain.told import _FORMS, _pattern, told, told_rules
from forecast.periods import parse_period
from forecast.usecases.readiness import worker_lives

RNG = np.random.default_rng(0)
CLUSTERS = np.arange(400)
LOSSES = RNG.uniform(0.3, 0.5, 400)

DECISIONS = {
    "leaking": decide(LOSSES, LOSSES, CLUSTERS, floor=True, miscalibration=(0.0, 0.0), leaking=["a", "b"]),
    "few": decide(LOSSES[:3], LOSSES[:3], CLUSTERS[:3], floor=True, miscalibration=(0.0, 0.0)),
    "no better": decide(LOSSES, LOSSES + 0.01, CLUSTERS, floor=True, miscalibration=(0.0, 0.0)),
    "no better than the champion": decide(LOSSES, LOSSES + 0.01, CLUSTERS, floor=False, miscalibration=(0.0, 0.0)),
    "better": decide(LOSSES, LOSSES - 0.05, CLUSTERS, floor=True, miscalibration=(0.0, 0.0)),
    "not worse": decide(LOSSES, LOSSES + 0.0001, CLUSTERS, floor=False, miscalibration=(0.0, 0.0)),
    "miscalibrated": decide(LOSSES, LOSSES - 0.05, CLUSTERS, floor=True, miscalibration=(0.0, 0.5)),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_every_decision_of_the_gate_is_told_in_chinese(name: str) -> None:
    reason = DECISIONS[name].reason

    assert told(reason, "zh").lang == "zh", reason
    assert told(f"{reason} On later time.", "zh").lang == "zh", reason
    assert told(reason, "en") == (reason, "en")


def test_findings_about_the_worker_are_told_in_chinese() -> None:
    with pytest.raises(DataUnavailable) as never:
        worker_lives({}, datetime(2026, 1, 1, tzinfo=UTC))

    assert told(str(never.value), "zh").lang == "zh", str(never.value)


def test_refusal_keeps_the_value_that_came() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_period("soon")

    assert told(str(refused.value), "zh").lang == "zh"
    assert "soon" in told(str(refused.value), "zh").text
    assert "FY2026 或 2026-W07" in told(str(refused.value), "zh").text


def test_broken_rules_of_a_form_are_told_one_by_one() -> None:
    line = "body.reason: Field required; query.limit: Input should be greater than or equal to 1."

    assert told_rules(line, "zh") == ("body.reason：必填；query.limit：不能小于 1。", "zh")
    assert told_rules(line, "en") == (line, "en")


def test_sentence_of_no_known_form_stays_and_says_its_language() -> None:
    assert told_rules("The disk caught fire; run.", "zh") == ("The disk caught fire; run.", "en")


@pytest.mark.parametrize(("english", "chinese"), _FORMS)
def test_forms_have_the_same_names_and_find_themselves(english: str, chinese: str) -> None:
    names = set(_pattern(english).groupindex)

    assert set(_pattern(chinese).groupindex) <= names
    assert _pattern(english).fullmatch(english.format(**dict.fromkeys(names, "x 1.5; (y)")))
