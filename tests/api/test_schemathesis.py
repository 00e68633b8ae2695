"""Requests made from the OpenAPI document, valid and broken ones: no failure of the service, nothing undocumented."""

from collections.abc import Callable
from types import ModuleType

import pytest

from api.app import create_app
from forecast.workspace import Workspace


@pytest.mark.slow
def test_any_request_is_answered_as_documented(
    own_workspace: Workspace, benchmark_script: Callable[[str], ModuleType]
) -> None:
    fuzz = benchmark_script("fuzz_api").fuzz
    own_workspace.score(save=True)
    app = create_app(own_workspace)

    sent, denied = fuzz(app, own_workspace.store.create_key("fuzz", "admin"), cases=240)

    app.state.audit.flush()
    assert sent >= 200
    assert denied == []
