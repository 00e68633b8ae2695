import logging

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient

from api.access_log import AccessLog
from api.errors import register_handlers
from forecast.errors import (
    DataUnavailable,
    ForecastError,
    InvalidInput,
    LeakageDetected,
    NotAllowed,
    NotEnoughHistory,
    UnknownEntity,
    UnknownModel,
)


class Derived(InvalidInput):
    """A finer error than the table names."""


class Unmeasured:
    """Metrics that keep nothing."""

    def observe(self, *measured: object) -> None:
        """Nothing."""


def _answering(error: Exception) -> TestClient:
    app = FastAPI()
    app.add_middleware(AccessLog, metrics=Unmeasured(), in_person=lambda request, answer: answer)
    register_handlers(app, in_person=lambda request, answer: answer)

    @app.get("/things/{thing_id}")
    def broken(thing_id: str) -> None:
        raise error

    return TestClient(app)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidInput("`x` must be 1, got 2."), 422, "invalid_input"),
        (Derived("`x` must be 1, got 2."), 422, "invalid_input"),
        (NotEnoughHistory("Too little."), 422, "not_enough_history"),
        (UnknownModel("No such model."), 404, "unknown_model"),
        (UnknownEntity("No such lead."), 404, "unknown_entity"),
        (NotAllowed("Not with this key."), 403, "not_allowed"),
    ],
)
def test_callers_mistakes_are_explained(error: ForecastError, status: int, code: str) -> None:
    answer = _answering(error).get("/things/1")

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json()["status"], answer.json()["code"], answer.json()["detail"]) == (status, code, str(error))


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DataUnavailable("postgresql://db.internal is gone"), 503, "data_unavailable"),
        (LeakageDetected("Feature secret saw the future"), 500, "leakage_detected"),
        (ForecastError("secret"), 500, "internal_error"),
        (KeyError("secret"), 500, "internal_error"),
        (ValueError("secret\ncustomer"), 500, "internal_error"),
    ],
)
def test_own_mistakes_are_not_spread(error: Exception, status: int, code: str) -> None:
    answer = _answering(error).get("/things/1")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "secret" not in answer.text
    assert "internal is gone" not in answer.text
    assert "Traceback" not in answer.text


def test_log_names_the_place_but_no_data(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="forecast.api"):
        _answering(ValueError("Ms Miller owes 12,000")).get("/things/lead-17?owner_id=U7")

    failure, access = caplog.records
    assert failure.getMessage().startswith("ValueError at ")
    assert "test_errors.py" in failure.getMessage()
    assert (access.method, access.route, access.status) == ("GET", "/things/{thing_id}", 500)
    assert not any(word in str(vars(failure)) + str(vars(access)) for word in ("Miller", "lead-17", "U7"))


def test_detail_is_one_short_line() -> None:
    answer = _answering(InvalidInput("first\n  second\t" + "x" * 2000)).get("/things/1")

    detail = answer.json()["detail"]
    assert detail.startswith("first second x")
    assert len(detail) == 500


def test_unknown_address_and_wrong_method_have_the_same_form() -> None:
    client = _answering(InvalidInput("never"))

    assert client.get("/nothing").json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "not_found",
        "detail": "There is nothing at this address; GET /openapi.json lists what there is.",
    }
    assert client.post("/things/1").json()["code"] == "method_not_allowed"


def test_headers_of_http_errors_are_kept() -> None:
    answer = _answering(HTTPException(401, "No key.", {"WWW-Authenticate": "Bearer"})).get("/things/1")

    assert answer.headers["WWW-Authenticate"] == "Bearer"
