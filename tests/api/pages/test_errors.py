"""What a person reads when the service refuses before any page is asked: too often, too much, too late."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from forecast.workspace import Workspace

HTML = {"Accept": "text/html", "Accept-Language": "zh-CN"}


@pytest.fixture
def limited(tmp_path: Path) -> Callable[..., TestClient]:
    """A function from settings to a client of a service without data."""

    def client(**settings: object) -> TestClient:
        workspace = Workspace.init(tmp_path / "limited", **settings)
        key = workspace.store.create_key("ann", "admin")
        app = create_app(workspace)

        @app.get("/slow")
        @app.get("/v1/slow")
        def slow() -> int:
            time.sleep(0.6)
            return 7

        return TestClient(app, headers={"Authorization": f"Bearer {key}"})

    return client


def _is_chinese_page(answer: object, status: int, heading: str) -> bool:
    text = getattr(answer, "text", "")
    return (
        getattr(answer, "status_code", 0) == status
        and '<html lang="zh-Hans"' in text
        and heading in text
        and "script-src 'self'" in getattr(answer, "headers", {})["Content-Security-Policy"]
    )


def test_too_many_requests_are_a_page_for_people_and_a_problem_for_programs(
    limited: Callable[..., TestClient],
) -> None:
    client = limited(requests_per_minute=1)
    client.get("/account", headers=HTML)

    page = client.get("/account", headers=HTML)
    problem = client.get("/v1/definitions")

    assert _is_chinese_page(page, 429, "请求过于频繁")
    assert "每分钟最多 1 次请求；请稍候。" in page.text
    assert page.headers["Retry-After"] == "10"
    assert (problem.status_code, problem.json()["code"]) == (429, "too_many_requests")


@pytest.mark.parametrize("is_stated", [True, False])
def test_too_big_a_form_is_a_page_for_people_and_a_problem_for_programs(
    limited: Callable[..., TestClient], is_stated: bool
) -> None:
    client = limited(max_body_bytes=1024)
    content: object = b"x" * 2000 if is_stated else iter([b"x" * 800] * 3)

    page = client.post("/login", content=content, headers=HTML | {"Content-Type": "application/x-www-form-urlencoded"})
    problem = client.post("/v1/events", content=b"x" * 2000)

    assert _is_chinese_page(page, 413, "一次提交的内容过多"), page.text
    assert "一次请求最多 1,024 字节" in page.text
    assert (problem.status_code, problem.json()["code"]) == (413, "body_too_large")


def test_late_answer_is_a_page_for_people_and_a_problem_for_programs(limited: Callable[..., TestClient]) -> None:
    client = limited(request_timeout_s=0.2)

    page = client.get("/slow", headers=HTML)
    part = client.get("/slow", headers=HTML | {"HX-Request": "true"})
    problem = client.get("/v1/slow")

    assert _is_chinese_page(page, 504, "本次计算时间较长")
    assert "<html" not in part.text
    assert "0.2 秒内没有结果" in part.text
    assert (problem.status_code, problem.json()["code"]) == (504, "timeout")
