"""Errors on pages: the same rules and words as the API's, as a page that says what to do."""

import json
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from api.pages.site import EmptyWorkspace, Site


def register_page_handlers(app: FastAPI) -> None:
    """Explain an empty workspace."""

    def on_empty_workspace(request: Request, error: Exception) -> Response:
        return Site(request, request.app.state.service).render("welcome.html")

    app.add_exception_handler(EmptyWorkspace, on_empty_workspace)


def in_person(request: Request, problem: JSONResponse) -> Response:
    """A problem as a page, or its line alone where htmx asked for a part of one; programs get it as it is."""
    if not _is_page(request):
        return problem
    if problem.status_code == 401:
        return _to_login(request)
    site = Site(request, request.app.state.service)
    shown = {"status": problem.status_code, "detail": json.loads(bytes(problem.body))["detail"]}
    answer = site.render("error_part.html" if site.is_partial else "error.html", shown, status=problem.status_code)
    for name in ("Connection", "Retry-After", "WWW-Authenticate"):
        if name in problem.headers:
            answer.headers[name] = problem.headers[name]
    return answer


def _to_login(request: Request) -> Response:
    """To the login, and back here from there; a part of a page cannot go there, so htmx takes the whole page along."""
    if request.headers.get("HX-Request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    address = f"/login?next={quote(back, safe='')}" if request.method == "GET" and back != "/" else "/login"
    return RedirectResponse(address, 303)


def _is_page(request: Request) -> bool:
    programs = request.url.path.startswith(("/v1/", "/health", "/openapi", "/metrics"))
    return not programs and "text/html" in request.headers.get("Accept", "")
