"""What a served process writes into its log, and what it never writes."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.logging import configure_logging

#: What must not be in any line: personal values that a request may bring.
SENTINELS = ("Sentinella", "sentinella@person.example", "+49-555-SENTINEL")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log of a served process, as JSON lines."""
    root, shown = logging.getLogger(), warnings.showwarning
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging("json", stream)
    yield stream
    logging.captureWarnings(False)
    root.handlers, warnings.showwarning = handlers, shown
    root.setLevel(level)


def _lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_request_is_one_line_without_ids_or_parameters(log: io.StringIO, admin: TestClient) -> None:
    asked = {"as_of": "2025-12-01", "model": "Sentinella/1"}
    answer = admin.get("/v1/leads/L-17/explanation", params=asked, headers={"X-Request-ID": "call-0000-17"})

    line = _lines(log)[-1]
    assert line.pop("ms") >= 0
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("caller").startswith("key ")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "forecast.api.access",
        "method": "GET",
        "request_id": "call-0000-17",
        "role": "admin",
        "route": "/v1/leads/{lead_id}/explanation",
        "status": answer.status_code,
    }
    assert answer.headers["X-Request-ID"] == "call-0000-17"


@pytest.mark.parametrize("given", ["", "short", "Ms Sentinella of Acme", "x" * 65, 'a"}\\n{"event": "b'])
def test_insane_request_id_is_replaced(admin: TestClient, given: str) -> None:
    answer = admin.get("/health/live", headers={"X-Request-ID": given})

    assert len(answer.headers["X-Request-ID"]) == 32
    assert answer.headers["X-Request-ID"] != given


def test_libraries_say_where_but_not_what(log: io.StringIO) -> None:
    logging.getLogger("sqlalchemy.engine").error("INSERT %s", "Sentinella")
    logging.getLogger("py.warnings").warning("%s", "data.py:3: UserWarning: Sentinella owes 12,000")

    first, second = _lines(log)
    assert first["event"].startswith("message withheld, from ")
    assert "test_logging.py:" in first["event"]
    assert second["logger"] == "py.warnings"
    assert "Sentinella" not in log.getvalue()


@pytest.mark.parametrize("name", ["py.warnings", "sqlalchemy.engine"])
def test_what_a_library_diverted_before_comes_here_only(log: io.StringIO, name: str) -> None:
    elsewhere = io.StringIO()
    logger = logging.getLogger(name)
    logger.disabled, logger.propagate, logger.handlers = True, False, [logging.StreamHandler(elsewhere)]
    logger.setLevel(logging.ERROR)
    configure_logging("json", log)

    logger.warning("%s", "INSERT Sentinella 12,000")

    (line,) = _lines(log)
    assert line["logger"] == name
    assert "Sentinella" not in log.getvalue() + elsewhere.getvalue()


def test_exception_is_its_class_and_its_place(log: io.StringIO) -> None:
    try:
        raise ValueError("Sentinella")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")

    line = _lines(log)[0]
    assert line["event"].startswith("ValueError at ")
    assert "test_exception_is_its_class_and_its_place" in line["event"]
    assert "Sentinella" not in log.getvalue()


@pytest.mark.slow
def test_no_route_writes_what_it_was_sent(
    log: io.StringIO, app: FastAPI, admin: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, email, phone = SENTINELS
    monkeypatch.setattr(app.state.stopping, "is_set", True)  # endless streams end at once
    logging.getLogger().setLevel(logging.DEBUG)
    body = {"record": {"email": email}, "entity": name, "id": phone, "name": name, "table": email, "row": {"x": name}}

    n_routes = 0
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            n_routes += 1
            asked = {"q": name, "as_of": email, "period": phone, "owner_id": name, "cursor": email}
            asked["model"] = f"{name}/1"
            filled = path.replace("{", f"{name}-").replace("}", "")
            admin.request(method, filled, params=asked, json=body, headers={"X-Request-ID": f"{name} {phone}"})

    assert sum(line["event"] == "request" for line in _lines(log)) == n_routes
    assert not any(value in log.getvalue() for value in SENTINELS)


def test_terminal_gets_columns_instead_of_json() -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    root = logging.getLogger()
    handlers, level, screen = root.handlers, root.level, Screen()
    configure_logging("auto", screen)
    logging.getLogger("forecast.api").warning("not ready")
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(False)

    assert "not ready" in screen.getvalue()
    assert not screen.getvalue().startswith("{")
