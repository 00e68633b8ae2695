"""Who may log in to the pages."""

from fastapi import APIRouter

from api.access_schemas import User, UserList
from api.access_view import AccessViewOf
from api.errors import documented

router = APIRouter(prefix="/users", tags=["access"])


@router.get("", responses=documented(), summary="People with a login")
def list_users(view: AccessViewOf) -> UserList:
    """Everybody who may log in, or might once; `forecast users` adds, changes and disables them."""
    return UserList(items=[User.model_validate(login, from_attributes=True) for login in view.logins()])
