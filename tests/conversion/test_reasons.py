"""Reasons: grouped, exact after rounding, with evidence counted over entities."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecast.conversion.alike import AlikeCases
from forecast.conversion.reasons import escaped, number_texts, reason_code, tabulate_reasons

X = pd.DataFrame(
    {
        "stage__current": ["new", "new", "offer", "offer", "offer", None] * 5,
        "interactions__phone__count_30d": [0.0, 1, 2, 3, 4, np.nan] * 5,
        "interactions__phone__count_7d": [0.0, 0, 1, 1, 2, np.nan] * 5,
    }
)
Y = np.array([0, 0, 1, 0, 1, 1] * 5)
ENTITIES = np.repeat(np.arange(5), 6)


@pytest.mark.parametrize(
    ("feature", "code"),
    [
        ("interactions__phone__count_30d", "interactions.phone"),
        ("interactions__kind_demo__days_since_last", "interactions.kind_demo"),
        ("stage__current", "stage.current"),
        ("stage__pace", "stage.time"),
        ("owner__win_rate_365d", "owner.record"),
        ("owner__open", "owner.workload"),
        ("attributes__amount", "attributes.amount"),
        ("attributes__account__industry", "attributes.account.industry"),
        ("attributes__campaign__category", "attributes.campaign"),
        ("changes__amount__increases", "changes.amount"),
        ("colour", "attributes.colour"),
    ],
)
def test_code_of_a_feature(feature: str, code: str) -> None:
    assert reason_code(feature) == code


def test_published_points_add_up_after_rounding() -> None:
    rng = np.random.default_rng(0)
    points = pd.DataFrame(rng.normal(0, 0.1, (6, 4)), columns=[*X.columns, "remainder"])
    base = 0.123456789
    probability = np.round(base + points.sum(axis=1).to_numpy(), 9)

    alike = AlikeCases.fit(X, Y, ENTITIES)
    reasons = tabulate_reasons(points, X[:6], alike, base=base, probability=probability).lists()

    for listed, p in zip(reasons, probability, strict=True):
        assert [reason["code"] for reason in listed][-1] == "remainder"
        assert {reason["code"] for reason in listed} == {"stage.current", "interactions.phone", "remainder"}
        assert abs(base + sum(reason["points"] for reason in listed) - p) < 1e-12


def test_evidence_is_of_the_leading_feature_of_the_reason() -> None:
    points = pd.DataFrame([[0.0, 0.01, -0.05, 0.0]], columns=[*X.columns, "remainder"])
    alike, probability = AlikeCases.fit(X, Y, ENTITIES), np.array([0.16])
    (listed,) = tabulate_reasons(points, X[2:3], alike, base=0.2, probability=probability).lists()

    assert listed[0]["code"] == "interactions.phone"
    assert listed[0]["points"] == pytest.approx(-0.04)
    assert listed[0]["evidence"]["feature"] == "interactions__phone__count_7d"
    assert listed[0]["evidence"]["value"] == "1"
    assert [reason["code"] for reason in listed] == ["interactions.phone", "remainder"]  # no points, no reason


def test_a_feature_that_never_varied_shows_its_value_and_claims_no_cases_alike() -> None:
    table = pd.DataFrame({"stage__current": ["new"] * 4, "x": [1.0, 2, 3, 4]})
    alike = AlikeCases.fit(table, np.array([0, 1, 0, 1]), np.arange(4))
    points = pd.DataFrame({"stage__current": [0.1] * 4, "remainder": [0.0] * 4})

    reasons = tabulate_reasons(points, table, alike, base=0.5, probability=np.full(4, 0.6)).lists()

    assert reasons[0][0]["evidence"] == {"feature": "stage__current", "value": "new", "n": 0, "rate": 0.0}


def test_texts_are_the_lists_as_compact_json() -> None:
    rng = np.random.default_rng(0)
    odd = X[:6].assign(
        stage__current=['new "one"', "back\\slash", "报价\n", "new", None, "offer"], x=[0, 1e-7, 1, 2, 3, 4]
    )
    points = pd.DataFrame(rng.normal(0, [0.1, 1e-6, 1e-8, 0, 0], (6, 5)), columns=[*odd.columns, "remainder"])
    probability = np.round(0.2 + points.sum(axis=1).to_numpy(), 9)

    table = tabulate_reasons(points, odd, AlikeCases.fit(odd, Y[:6], ENTITIES[:6]), base=0.2, probability=probability)

    expected = [json.dumps(one, ensure_ascii=False, sort_keys=True, separators=(",", ":")) for one in table.lists()]
    assert table.texts().tolist() == expected


@given(arrays(np.float64, st.integers(0, 20), elements=st.floats(-1, 1).map(lambda x: round(x, 9))))
def test_number_texts_are_those_of_python(values: np.ndarray) -> None:
    assert number_texts(values).to_pylist() == [repr(value) for value in values.tolist()]


@given(st.lists(st.text()))
def test_escaped_texts_are_those_of_json(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    expected = [json.dumps(text, ensure_ascii=False)[1:-1] for text in texts]

    assert escaped(np.array(texts, dtype=object)).to_pylist() == expected
