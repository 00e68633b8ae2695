"""Who may log in to the pages."""

from dataclasses import asdict
from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Query

from api.access_schemas import User, UserList, UsersQuery
from api.access_view import AccessViewOf
from api.errors import documented
from api.lists import Listing, containing, kept

router = APIRouter(prefix="/users", tags=["access"])


@router.get("", responses=documented(), summary="People with a login")
def list_users(view: AccessViewOf, query: Annotated[UsersQuery, Query()]) -> UserList:
    """Everybody who may log in, or might once; `forecast users` adds, changes and disables them."""
    found = pd.DataFrame([asdict(login) for login in view.logins()], columns=list(User.model_fields))
    for name in ("created_at", "last_login_at"):
        found[name] = pd.to_datetime(found[name], utc=True)
    found = kept(found.assign(disabled=found["disabled_at"].notna()), role=query.role, disabled=query.disabled)
    shown = Listing("users", query).page(containing(found, query.q, "name", "user_id"), ["id"])
    return UserList(items=[User.model_validate(row) for row in shown.rows], next_cursor=shown.next_cursor)
