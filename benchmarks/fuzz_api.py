"""Sends requests made from the OpenAPI document, valid and broken ones, and says which answers the document denies.

    python benchmarks/fuzz_api.py [--cases 10000] [--seed 0] [--readme FILE]

The service runs in this process on a simulated company that is scored; the key is an admin's. No answer may be 5xx or
have a status, media type or body that the document does not name. Writes to a temporary folder only; the request limit
and the request timeout are off.
"""

import argparse
import collections
import contextlib
import json
import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from readme_section import replace_section
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from forecast.adapters.clock import FixedClock
from forecast.datasets import make_company
from forecast.workspace import Workspace

HEADING = "## Requests made from the OpenAPI document\n\n`python benchmarks/fuzz_api.py`"

#: What an answer must keep, whatever was asked.
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

_MAX_ROUNDS = 5

#: Answered for as long as the client listens.
ENDLESS = "/v1/changes/stream"


@dataclass(frozen=True)
class Denied:
    """An answer that the document denies."""

    operation: str
    status: int
    problem: str
    request: str


def fuzz(app: FastAPI, key: str, *, cases: int, random_state: int = 0) -> tuple[int, list[Denied]]:
    """Send so many requests, about as many to each operation; gives how many it were, and what was denied.

    An operation without parameters has few requests to try: what it leaves is shared among the others by another round.
    """
    document = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [found.ok() for found in document.get_all_operations()]
    operations = [operation for operation in operations if operation.path != ENDLESS]
    denied: list[Denied] = []
    sent = 0
    for round_ in range(_MAX_ROUNDS):
        each = math.ceil((cases - sent) / len(operations) / len(GenerationMode))
        for number, operation in enumerate(operations if each > 0 else ()):
            done = f"round {round_ + 1}, {number + 1} of {len(operations)}: {operation.label}"
            print(f"{done}, {sent:,} sent, {len(denied):,} denied", flush=True)
            for mode in GenerationMode:
                for answer in _answers(operation, mode, key, each, random_state + round_):
                    sent += 1
                    denied += answer
    return sent, denied


def _answers(operation: Any, mode: GenerationMode, key: str, cases: int, random_state: int) -> Iterator[list[Denied]]:
    """For each request to one operation what was denied of its answer."""
    found: list[list[Denied]] = []

    @seed(random_state)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: schemathesis.Case) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {key}"}, timeout=600)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as failures:
            request = f"{case.method} {case.path} {case.path_parameters} {case.query} {case.body!r}"
            found.append(
                [
                    Denied(operation.label, answer.status_code, f"{one.title}: {one.message}"[:300], request[:400])
                    for one in failures.exceptions
                ]
            )
        else:
            found.append([])

    with contextlib.suppress(Unsatisfiable):  # nothing can be wrong where nothing can be given
        send()
    yield from found


def main() -> None:
    """Fuzz and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readme", type=Path, help="put the figures there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        company = make_company(n_opportunities=60, n_leads=60, n_accounts=30, months=12, start=date(2025, 1, 1))
        clock = FixedClock(datetime(2026, 1, 1, 12, tzinfo=UTC))
        limits: dict[str, Any] = {"requests_per_minute": 0, "request_timeout_s": 3600}
        workspace = Workspace.init(Path(folder) / "workspace", clock, reporting_currency="EUR", **limits)
        workspace.ingest(company.write(Path(folder) / "export"))
        workspace.score(save=True)
        app = create_app(workspace)
        started = time.perf_counter()
        sent, denied = fuzz(
            app, workspace.store.create_key("fuzz", "admin"), cases=asked.cases, random_state=asked.seed
        )
        app.state.audit.flush()
    print(f"{sent:,} requests in {time.perf_counter() - started:,.0f} s, {len(denied):,} answers denied")
    if asked.readme:
        text = (
            f"{sent:,} requests to every route of the API but the endless stream, valid and broken ones, by an admin's "
            f"key: {len(denied):,} answers that the document denies (5xx, or a status, media type or body that it does "
            "not name)."
        )
        replace_section(asked.readme, "fuzz", HEADING, text)
    kinds = collections.Counter((one.operation, one.status, one.problem[:120]) for one in denied)
    for (operation, status, problem), n in kinds.most_common():
        print(f"{n:6,}  {operation}  {status}  {problem}")
        print("        ", json.dumps(next(d.request for d in denied if (d.operation, d.status) == (operation, status))))


if __name__ == "__main__":
    main()
