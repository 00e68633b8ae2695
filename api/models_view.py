"""Models as one caller may see them: versions, evidence, the live record, and who serves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from api.rights import Caller, require
from forecast.errors import UnknownModel
from forecast.ports import Promotion

if TYPE_CHECKING:
    from api.service import Service, Snapshot
    from forecast.usecases.evidence import Reliability


class ModelsView:
    """What engineers and admins may see of models, and how they change who serves."""

    def __init__(self, service: "Service", caller: Caller) -> None:
        self._service = service
        self._caller = caller

    def versions(self) -> pd.DataFrame:
        """Registered models, by name and then oldest first."""
        require(self._caller, "models")
        return self._service.watch.versions()

    def version(self, model: str) -> Mapping[str, object]:
        """The line of one version, ``name/3``.

        Raises
        ------
        UnknownModel
            If there is none.
        """
        found = self.versions()
        line = found[found["name"] + "/" + found["version"] == model]
        if line.empty:
            raise UnknownModel(f"There is no model {model}; `forecast models list` shows them.")
        row: Mapping[str, object] = {str(name): value for name, value in line.iloc[0].items()}
        return row

    def ledger(self, name: str | None = None) -> list[Promotion]:
        """Who served from when and why, the latest first."""
        require(self._caller, "models")
        return list(reversed(self._service.workspace.store.promotions(name)))

    def files(self, model: str) -> dict[str, bytes]:
        """The files of a version: card, evaluation, importance."""
        require(self._caller, "models")
        return self._service.watch.files(model)

    def reliability(self, model: str, by: str, group: str) -> "Reliability | None":
        """How right a version was on later time, by month or segment; None where that was not kept."""
        require(self._caller, "models")
        return self._service.watch.reliability(model, by, group)

    def given(self, entity: str, horizon_days: int, snapshot: "Snapshot") -> pd.DataFrame:
        """Scores of the past with what came: of all cases together, no row leaves the service."""
        require(self._caller, "models")
        return self._service.watch.given(entity, horizon_days, snapshot)

    def outlook_record(self, snapshot: "Snapshot") -> pd.DataFrame:
        """How often stated ranges of the outlook came true."""
        require(self._caller, "models")
        return self._service.records(snapshot)[0]

    def promote(self, model: str, reason: str) -> None:
        """Make a version the champion by hand."""
        require(self._caller, "promotion")
        self._service.workspace.promote(model, author=self._author, reason=reason)

    def rollback(self, name: str, reason: str) -> str:
        """Return to the champion before the present one; returns its label."""
        require(self._caller, "promotion")
        return self._service.workspace.rollback(name, author=self._author, reason=reason)

    @property
    def _author(self) -> str:
        return self._caller.user_id or self._caller.name
