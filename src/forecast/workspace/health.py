"""Whether a workspace can serve, and how fresh it is."""

from __future__ import annotations

import shutil
from functools import cached_property
from typing import TYPE_CHECKING

from forecast.workspace.events import EventCalls

if TYPE_CHECKING:
    from forecast.usecases.readiness import Check
    from forecast.usecases.vital_signs import VitalSigns


class HealthCalls(EventCalls):
    """What operators ask."""

    @cached_property
    def _loaded(self) -> set[str]:
        """Models that were found loadable."""
        return set()

    def readiness(self) -> list[Check]:
        """Whether store, lake, models, disk and an expected worker allow to serve; raises nothing."""
        from forecast.usecases.readiness import check_all, serving_tests

        free = shutil.disk_usage(self.path).free
        wiring = (self.lake, self.registry, self.store, self.settings)
        return check_all(serving_tests(*wiring, self.clock.now(), free, self._loaded))

    def vital_signs(self) -> VitalSigns:
        """How fresh data, scores, nights and models are."""
        from forecast.usecases.vital_signs import vital_signs

        lake, now = self.lake, self.clock.now()
        return vital_signs(lake.head(), lake.committed_at(), self.event_backlog(), self.registry, self.store, now)
