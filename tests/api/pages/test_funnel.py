"""The funnel's page: whose deals it counts, and the naive ratio beside the honest one."""

import re
from collections.abc import Callable
from html import unescape

from fastapi.testclient import TestClient

ClientOf = Callable[..., TestClient]
ASKED = {"as_of": "2025-12-15", "batch": "1"}
REP = "U000001"


def _words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_stages_are_those_of_the_api_for_this_caller(client: ClientOf) -> None:
    rep = client("rep", REP)
    table = rep.get("/v1/funnel", params=ASKED).json()["table"]

    words = _words(rep.get("/funnel", params=ASKED).text)

    assert sum(row["n_entered"] for row in table) < sum(
        row["n_entered"] for row in client("admin").get("/v1/funnel", params=ASKED).json()["table"]
    )
    for row in table:
        if row["converted"] is not None:
            assert f"{row['n_entered']} {row['n_open']} {row['converted']:.0%}" in words
            assert f"{row['naive_of_entered']:.0%}" in words


def test_segments_are_compared_stage_by_stage(client: ClientOf) -> None:
    page = client("admin").get("/funnel", params=ASKED | {"by": "team"})

    assert set(re.findall(r'<th scope="row">(T\d+)</th>', page.text)) == {"T000000", "T000001"}


def test_nothing_known_is_a_designed_page_and_not_an_error(client: ClientOf) -> None:
    page = client("admin").get("/funnel", params={"as_of": "2020-01-01"}, headers={"Accept-Language": "zh-CN"})

    assert page.status_code == 200
    assert "还没有漏斗数据" in page.text


def test_engineer_sees_no_funnel(client: ClientOf) -> None:
    assert client("engineer").get("/funnel", params=ASKED).status_code == 403
