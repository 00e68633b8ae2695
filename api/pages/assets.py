"""Scripts and styles: our own, and Plotly's script from its Python package; none from outside."""

import hashlib
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_STATIC = Path(__file__).parent / "static"
_PLOTLY = "plotly.min.js"


class Assets(StaticFiles):
    """The files under ``/static``; an address with a version may be kept by browsers for good."""

    def __init__(self) -> None:
        super().__init__(directory=_STATIC)

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """The file of an address below ``/static``."""
        if path == _PLOTLY:
            file = _file(path)
            return str(file), file.stat()
        return super().lookup_path(path)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """The file, with how long it may be kept."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        versioned = scope["query_string"].startswith(b"v=")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if versioned else "no-cache"
        return response


@cache
def asset(name: str) -> str:
    """Address of a script or style, which changes when the file does."""
    return f"/static/{name}?v={hashlib.blake2b(_file(name).read_bytes(), digest_size=6).hexdigest()}"


def _file(name: str) -> Path:
    if name != _PLOTLY:
        return _STATIC / name
    spec = find_spec("plotly")  # without importing it: that would take a second
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "package_data" / _PLOTLY
