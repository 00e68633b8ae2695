"""Whether a workspace can serve, and how fresh it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
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

    def _serving_tests(self) -> dict[str, Callable[[], str]]:
        from forecast.usecases.readiness import serving_tests

        wiring = (self.lake, self.registry, self.store, self.settings)
        return serving_tests(*wiring, self.clock.now(), shutil.disk_usage(self.path).free, self._loaded)

    def readiness(self) -> list[Check]:
        """Whether store, lake, models, disk and an expected worker allow to serve; raises nothing."""
        from forecast.usecases.readiness import check_all

        return check_all(self._serving_tests())

    def examine(self) -> list[Check]:
        """The same with settings and nights, and what is in the lake."""
        from forecast.usecases.doctor import doctor_tests
        from forecast.usecases.readiness import check_all

        more = doctor_tests(self.settings, self.lake, self.store, self.clock.now())
        return check_all(self._serving_tests() | more)

    def vital_signs(self) -> VitalSigns:
        """How fresh data, scores, nights and models are."""
        from forecast.usecases.vital_signs import vital_signs

        lake, now = self.lake, self.clock.now()
        return vital_signs(lake.head(), lake.committed_at(), self.event_backlog(), self.registry, self.store, now)
