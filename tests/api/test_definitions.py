"""The definitions over HTTP, and that every number of an answer has one."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel

from api.demand_schemas import WhatIfPoint
from api.funnel_schemas import FunnelBottleneck, FunnelChange, FunnelReason, FunnelStage, FunnelWhole
from api.performance_schemas import PerformanceLine
from api.records_schemas import AccuracyLine, AgainstLine, RecordLine
from api.schemas import DemandPoint, OutlookLine, ScoredEntity
from api.target_schemas import AttainmentLine, ProposedTarget, TargetProposalBody
from forecast.explain.definitions import is_defined

ClientOf = Callable[..., TestClient]

#: Fields that name or describe, and are no numbers of ours.
NAMES = {
    "level", "id", "name", "parent", "owner_kind", "measure", "currency", "stage", "period", "lines", "ds", "held",
    "title", "account_id", "account_name", "created_at", "expected_close_date", "without_last_target", "segment",
    "entry", "since", "way", "about", "next_cursor",
}  # fmt: skip


def test_definitions_come_in_the_language_asked_for(admin: TestClient) -> None:
    chinese = admin.get("/v1/definitions", params={"lang": "zh"})
    preferred = admin.get("/v1/definitions", headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    english = admin.get("/v1/definitions")

    titles = [
        {item["name"]: item["title"] for item in answer.json()["items"]} for answer in (english, chinese, preferred)
    ]
    assert [title["probability"] for title in titles] == ["Win probability", "成交概率", "成交概率"]
    assert chinese.headers["Content-Language"] == "zh"


def test_every_role_may_read_them_and_a_misspelt_parameter_is_named(client: ClientOf) -> None:
    assert client("engineer").get("/v1/definitions").status_code == 200
    answer = client("engineer").get("/v1/definitions", params={"language": "zh"})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert "language" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        ScoredEntity, OutlookLine, AgainstLine, AccuracyLine, RecordLine, ProposedTarget, TargetProposalBody,
        AttainmentLine, FunnelStage, FunnelWhole, FunnelBottleneck, FunnelChange, FunnelReason, PerformanceLine,
        DemandPoint, WhatIfPoint,
    ],
)  # fmt: skip
def test_every_number_of_an_answer_is_defined(body: type[BaseModel]) -> None:
    columns = {field.alias or name for name, field in body.model_fields.items()} - NAMES

    assert {name for name in columns if not is_defined(name)} == set()
