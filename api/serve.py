"""Running the API with uvicorn: one process, or several that share nothing but lake and store."""

import os
import signal
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.logging import configure_logging
from api.metrics import SHARED_FOLDER
from forecast.workspace import Workspace

#: How worker processes, which import this module anew, learn which workspace they serve.
WORKSPACE_VARIABLE = "FORECAST_SERVED_WORKSPACE"

#: A connection without a request is closed after this time; longer than the 60 s that proxies keep theirs.
_KEEP_ALIVE_S = 65

#: A process that does not answer its parent for so long hangs and is replaced. A busy one answers late, not never.
_HANGING_S = 60


def serve(workspace: str | Path, *, host: str = "127.0.0.1", port: int = 8000, workers: int = 1) -> None:
    """Serve the workspace in this folder until interrupted; open requests are then answered first.

    Parameters
    ----------
    workspace : path
    host, port
        Where to listen; 127.0.0.1 is reachable from this machine only.
    workers : int
        Processes, at least 1.
    """
    settings = Workspace(workspace).settings
    configure_logging(settings.log_format)
    os.environ[WORKSPACE_VARIABLE] = str(Path(workspace).resolve())
    # uvicorn raises the signal again when it has finished: what stands around this call shall end in order too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with tempfile.TemporaryDirectory(prefix="forecast-metrics-") if workers > 1 else nullcontext() as shared:
        if shared:
            os.environ[SHARED_FOLDER] = shared
        uvicorn.run(
            "api.serve:served_app",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            log_config=None,  # ours
            access_log=False,  # it would write ids and parameters; `api.access_log` does not
            server_header=False,
            ws="none",  # nothing here speaks it, and the refusal would write the address into the log
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies or None,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=settings.shutdown_grace_s,
            timeout_worker_healthcheck=_HANGING_S,
        )


def served_app() -> FastAPI:
    """The application of the workspace that `serve` was called with."""
    workspace = Workspace(os.environ[WORKSPACE_VARIABLE])
    configure_logging(workspace.settings.log_format)
    return create_app(workspace)
