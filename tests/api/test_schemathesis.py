"""Requests made from the OpenAPI document, valid and broken ones: no failure of the service, nothing undocumented."""

import runpy
from pathlib import Path

import pytest

from api.app import create_app
from forecast.workspace import Workspace

FUZZ = Path(__file__).parents[2] / "benchmarks" / "fuzz_api.py"


@pytest.mark.slow
def test_any_request_is_answered_as_documented(own_workspace: Workspace) -> None:
    fuzz = runpy.run_path(str(FUZZ))["fuzz"]
    own_workspace.score(save=True)
    app = create_app(own_workspace)

    sent, denied = fuzz(app, own_workspace.store.create_key("fuzz", "admin"), cases=240)

    app.state.audit.flush()
    assert sent >= 200
    assert denied == []
