"""Server-rendered pages for reps, managers and engineers; the same rights as the API, through the same `View`."""

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from api.pages.assets import Assets
from api.pages.errors import register_page_handlers
from api.pages.routes import (
    account,
    data,
    deals,
    demand,
    embed,
    forecast,
    funnel,
    home,
    leads,
    models,
    report_schedules,
    reports,
    targets,
    team,
)

#: Each has a ``router``; a page is walked by the browser tests as soon as it is here.
PAGES = (
    account,
    home,
    leads,
    deals,
    embed,
    forecast,
    targets,
    team,
    funnel,
    demand,
    models,
    data,
    reports,
    report_schedules,
)


def add_pages(app: FastAPI) -> None:
    """Serve the pages, their errors, and their scripts and styles, beside the API."""
    register_page_handlers(app)
    for page in PAGES:
        app.include_router(page.router, include_in_schema=False)
    # Only what is the same for everybody is compressed: a page holds secrets, and their length would show.
    app.mount("/static", GZipMiddleware(Assets(), minimum_size=1000), name="static")
