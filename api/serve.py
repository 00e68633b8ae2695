"""Running the API with uvicorn: one process, or several that share nothing but lake and store."""

import os
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from forecast.workspace import Workspace

#: How worker processes, which import this module anew, learn which workspace they serve.
WORKSPACE_VARIABLE = "FORECAST_SERVED_WORKSPACE"


def serve(workspace: str | Path, *, host: str = "127.0.0.1", port: int = 8000, workers: int = 1) -> None:
    """Serve the workspace in this folder until interrupted.

    Parameters
    ----------
    workspace : path
    host, port
        Where to listen; 127.0.0.1 is reachable from this machine only.
    workers : int
        Processes, at least 1.
    """
    os.environ[WORKSPACE_VARIABLE] = str(Path(workspace).resolve())
    uvicorn.run(
        "api.serve:served_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,  # it would write ids and parameters; `api.access_log` does not
        server_header=False,
    )


def served_app() -> FastAPI:
    """The application of the workspace that `serve` was called with."""
    return create_app(Workspace(os.environ[WORKSPACE_VARIABLE]))
