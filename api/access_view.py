"""Who may use the service and who did, as one caller may see it: what `api.view` is for numbers."""

from datetime import datetime
from typing import Annotated

import pandas as pd
from fastapi import Depends

from api.auth import authenticate, service_of
from api.queries import Order
from api.rights import Caller, require
from api.service import Service
from forecast.adapters.store_logins import Login


class AccessView:
    """Audit log and logins for one caller. Every method raises `NotAllowed` when its role has no part in it."""

    def __init__(self, service: Service, caller: Caller) -> None:
        self._service = service
        self.caller = caller

    def moment(self, text: str | None) -> datetime | None:
        """The moment that a request names, if any."""
        return None if text is None else self._service.workspace.moment(text)

    def audit_log(
        self, *, since: datetime | None, actor: str | None, order: Order, beyond: int | None, limit: int
    ) -> pd.DataFrame:
        """Lines of the audit log behind an id, in this order of time."""
        require(self.caller, "audit")
        store = self._service.workspace.store
        if order == "asc":
            return store.audit_log(since=since, actor=actor, after_id=beyond, first=limit)
        return store.audit_log(since=since, actor=actor, before_id=beyond, last=limit).iloc[::-1]

    def logins(self) -> list[Login]:
        """Everybody who may log in, or might once."""
        require(self.caller, "users")
        return self._service.workspace.store.logins()


def access_view_of(
    service: Annotated[Service, Depends(service_of)], caller: Annotated[Caller, Depends(authenticate)]
) -> AccessView:
    """The view of the caller of this request."""
    return AccessView(service, caller)


AccessViewOf = Annotated[AccessView, Depends(access_view_of)]
