"""``/``: everybody begins where they work."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from api.pages.navigation import home
from api.pages.site import PageOf

router = APIRouter()


@router.get("/")
def begin(page: PageOf) -> RedirectResponse:
    """To the first page of the role."""
    return RedirectResponse(home(page.view.caller), 303)
