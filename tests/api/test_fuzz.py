"""Whatever a request says, the answer is a result or a problem, never a failure of the service."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

TEXT = st.text(max_size=20) | st.sampled_from(["", "0", "-1", "NaN", "1e999", "null", "2025-12-01", "%", "\x00", "'"])
MOMENTS = st.sampled_from(
    ["2025-12-01", "2025-06-30T12:00:00Z", "2025-12-01T00:00:00+14:00", "2025-01-01", "1970-01-01", "2025-W01-1", "24"]
)
QUERY = st.fixed_dictionaries(
    {},
    optional={
        "as_of": MOMENTS | TEXT,
        "batch": st.sampled_from(["1", "2", "0", "+1", "1.0", "1_0"]) | TEXT,
        "model": st.sampled_from(["group_rate", "1", "conversion_lead", "conversion_lead/x", "/", "/1"]) | TEXT,
        "owner_id": st.just("U000001") | TEXT,
        "team_id": st.just("R-north") | TEXT,
        "stage": st.just("proposal") | TEXT,
        "sort": st.sampled_from(["probability", "expected_value"]) | TEXT,
        "limit": st.integers(-5, 205).map(str) | TEXT,
        "cursor": TEXT,
        "lang": st.sampled_from(["en", "zh"]) | TEXT,
    },
)
VALUE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | MOMENTS | st.just([1])
OPPORTUNITY = ["stage", "amount", "currency", "created_at", "expected_close_date", "closed_at", "outcome", "product_id"]
REFERENCES = ["owner_id", "account_id", "opportunity_id", "lead_id"]
SYSTEM = ["attributes", "batch", "recorded_at", "row", "deleted_at", "known_from"]
FIELD = st.sampled_from([*OPPORTUNITY, *REFERENCES, *SYSTEM, "status"]) | st.text(max_size=10)
RECORD = st.dictionaries(FIELD, VALUE, max_size=6)

pytestmark = pytest.mark.slow


def _check(answer: Any, *expected: int) -> None:
    assert answer.status_code in expected, (answer.status_code, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "\n" not in answer.json()["detail"]


@settings(max_examples=60, deadline=None)
@given(noun=st.sampled_from(["leads", "opportunities"]), query=QUERY)
def test_lists_answer_any_query(admin: TestClient, noun: str, query: dict[str, str]) -> None:
    _check(admin.get(f"/v1/{noun}", params=query), 200, 404, 422)


@settings(max_examples=60, deadline=None)
@given(entity_id=st.text(min_size=1, max_size=20), query=QUERY)
def test_explanations_answer_any_id(admin: TestClient, entity_id: str, query: dict[str, str]) -> None:
    _check(admin.get(f"/v1/leads/{quote(entity_id, safe='')}/explanation", params=query), 404, 422)


@settings(max_examples=25, deadline=None)
@given(entity=st.sampled_from(["lead", "opportunity"]), record=RECORD, as_of=MOMENTS)
def test_scoring_answers_any_record(admin: TestClient, entity: str, record: dict[str, Any], as_of: str) -> None:
    body = json.dumps({"entity": entity, "record": record, "as_of": as_of})
    _check(
        admin.post("/v1/scores", content=body.encode(), headers={"Content-Type": "application/json"}),
        200,
        400,
        404,
        422,
    )
