"""Bodies of the audit log and of the list of users."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.queries import ListQuery, Order
from api.schemas import AsOf, Text


class AuditQuery(BaseModel):
    """Which lines of the audit log."""

    model_config = ConfigDict(extra="forbid")

    since: AsOf | None = Field(default=None, description="Only lines from this moment on.")
    actor: Text | None = Field(default=None, description="Only of this key or login, such as `key 7`.")
    order: Order = Field(default="desc", description="`desc`: the newest first.")
    limit: int = Field(default=100, ge=1, le=1000, description="Lines per page.")
    cursor: int | None = Field(default=None, ge=1, le=2**53, description="`next_cursor` of the page before.")


class AuditLineBody(BaseModel):
    """One read or change."""

    id: int
    at: datetime
    actor: str = Field(description="`key 7`, `login 3`, `command line` or the name of a part of the service.")
    role: str | None
    action: str = Field(description="What was done: the route, or the change by name; `refused: …` was not allowed.")
    subject: str = Field(description="To what, by ids only.")
    request_id: str | None = Field(description="`X-Request-ID` of the answer.")


class AuditPage(BaseModel):
    """Lines of the audit log in order of time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "id": 4711,
                            "at": "2026-03-31T09:00:00Z",
                            "actor": "login 3",
                            "role": "rep",
                            "action": "GET /v1/leads/{lead_id}/explanation",
                            "subject": "lead_id=L-17",
                            "request_id": "7b4d0c93a13f4625b4c993e8510ff2db",
                        }
                    ],
                    "next_cursor": 4711,
                }
            ]
        }
    )

    items: list[AuditLineBody]
    next_cursor: int | None = Field(description="For the page after this one; null on the last.")


class UsersQuery(ListQuery):
    """Which people."""

    role: list[Text] = Field(default=[], max_length=5, description="Only of these roles.")
    disabled: bool | None = Field(default=None, description="Only who may not log in any more, or only who may.")
    q: Text | None = Field(default=None, description="Only whose name or `user_id` contains this.")
    sort: Literal["name", "id", "role", "created_at", "last_login_at"] = "name"


class User(BaseModel):
    """Somebody who may log in to the pages, or might once."""

    id: int
    name: str
    role: str
    user_id: str | None = Field(description="The CRM user whose rows are shown.")
    created_at: datetime
    disabled_at: datetime | None
    last_login_at: datetime | None


class UserList(BaseModel):
    """Everybody who may log in to the pages."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "id": 3,
                            "name": "ann",
                            "role": "rep",
                            "user_id": "U7",
                            "created_at": "2026-01-05T08:00:00Z",
                            "disabled_at": None,
                            "last_login_at": "2026-03-31T08:58:12Z",
                        }
                    ]
                }
            ]
        }
    )

    items: list[User]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")
