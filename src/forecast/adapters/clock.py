"""The only place that asks the system for the time."""

from dataclasses import dataclass
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment, UTC-aware."""
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that stands still until it is set: for tests, demos and replays.

    Examples
    --------
    >>> clock = FixedClock(datetime(2026, 3, 1, tzinfo=UTC))
    >>> clock.now().isoformat()
    '2026-03-01T00:00:00+00:00'
    """

    moment: datetime

    def now(self) -> datetime:
        """The moment it was set to."""
        return self.moment
