"""How much, how big and how long a request may be, and what browsers are told; each edge on a small application."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from api.errors import register_handlers
from api.security import BodyLimit, RateLimit, SecurityHeaders, Timeout, harden, protect_browsers
from forecast.settings import Settings


def _app(middleware: Any = None, **options: Any) -> FastAPI:
    app = FastAPI()
    register_handlers(app, lambda request, problem: problem)
    if middleware is not None:
        app.add_middleware(middleware, **options)

    @app.get("/numbers")
    @app.get("/health")
    def numbers() -> int:
        return 7

    @app.post("/numbers")
    async def take(request: Request) -> int:
        return len(await request.body())

    @app.get("/own")
    def own() -> Response:
        return Response("x", headers={"Content-Security-Policy": "script-src 'self'", "ETag": '"1"'})

    @app.get("/slow")
    def slow() -> int:
        time.sleep(0.3)
        return 7

    @app.get("/stream")
    def stream() -> StreamingResponse:
        def parts() -> Iterator[str]:
            yield "first "
            time.sleep(0.2)
            yield "last"

        return StreamingResponse(parts())

    return app


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_caller_who_asks_too_often_waits_and_others_do_not() -> None:
    client = TestClient(_app(RateLimit, per_minute=3))

    statuses = [client.get("/numbers", headers=_bearer("a")).status_code for _ in range(4)]
    refused = client.get("/numbers", headers=_bearer("a"))

    assert statuses == [200, 200, 200, 429]
    assert (refused.json()["code"], refused.headers["Retry-After"]) == ("too_many_requests", "10")
    assert client.get("/numbers", headers=_bearer("b")).status_code == 200
    assert client.get("/numbers").status_code == 200


def test_many_keys_from_one_address_are_limited_together_but_health_is_not() -> None:
    client = TestClient(_app(RateLimit, per_minute=2))

    statuses = [client.get("/numbers", headers=_bearer(str(number))).status_code for number in range(21)]

    assert statuses == [200] * 20 + [429]
    assert client.get("/health", headers=_bearer("0")).status_code == 200


@pytest.mark.parametrize("in_pieces", [False, True])
def test_body_that_is_too_big_is_refused_whether_it_says_so_or_not(in_pieces: bool) -> None:
    client = TestClient(_app(BodyLimit, max_bytes=1000))

    def post(size: int) -> Any:
        body = b"x" * size
        return client.post("/numbers", content=iter([body[:500], body[500:]]) if in_pieces else body)

    assert post(1000).json() == 1000
    refused = post(1001)
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
    assert "at most 1,000 bytes" in refused.json()["detail"]


def test_answer_that_does_not_begin_in_time_is_given_up_and_one_that_has_begun_is_not() -> None:
    client = TestClient(_app(Timeout, seconds=0.1))

    late = client.get("/slow")

    assert (late.status_code, late.json()["code"]) == (504, "timeout")
    assert "within 0.1 s" in late.json()["detail"]
    assert client.get("/stream").text == "first last"
    assert client.get("/numbers").status_code == 200


def test_every_answer_tells_browsers_what_not_to_do() -> None:
    client = TestClient(_app(SecurityHeaders), base_url="https://forecast.example")

    for path in ("/numbers", "/nothing", "/slow"):
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Strict-Transport-Security"] == "max-age=31536000"


def test_headers_that_an_answer_brings_itself_stay() -> None:
    headers = TestClient(_app(SecurityHeaders)).get("/own").headers

    assert headers["Content-Security-Policy"] == "script-src 'self'"
    assert headers["Cache-Control"] == "private, no-cache"  # it has an ETag: it may be kept and asked for again
    assert "Strict-Transport-Security" not in headers


def _hardened(**settings: Any) -> TestClient:
    app = _app()
    harden(app, Settings(**settings), lambda request, problem: problem)
    protect_browsers(app, Settings(**settings))
    return TestClient(app)


def test_only_configured_sites_may_frame_and_ask() -> None:
    crm = "https://crm.example"
    closed, opened = _hardened(), _hardened(cors_origins=(crm,), frame_ancestors=(crm,))

    def allowed(client: TestClient, origin: str) -> str | None:
        return client.get("/numbers", headers={"Origin": origin}).headers.get("Access-Control-Allow-Origin")

    assert allowed(closed, crm) is None
    assert [allowed(opened, origin) for origin in (crm, "https://evil.example")] == [crm, None]
    assert "Access-Control-Allow-Credentials" not in opened.get("/numbers", headers={"Origin": crm}).headers
    assert opened.get("/numbers").headers["Content-Security-Policy"].endswith(f"frame-ancestors {crm}")


@pytest.mark.parametrize("origin", ["*", "crm.example", "https://crm.example/path", "https://a; script-src *", "null"])
def test_what_is_no_origin_is_no_setting(origin: str) -> None:
    with pytest.raises(ValueError, match="must be origins such as"):
        Settings(frame_ancestors=(origin,))


def test_no_limit_of_requests_where_the_setting_is_zero() -> None:
    client = _hardened(requests_per_minute=0)

    assert {client.get("/numbers").status_code for _ in range(30)} == {200}
