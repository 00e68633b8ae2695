"""What every part of a workspace rests on: its folder, settings, clock, lake, store and registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from forecast.errors import InvalidInput
from forecast.periods import Period, parse_moment, parse_period, start_of_day
from forecast.ports import Clock
from forecast.settings import SETTINGS_FILE, Settings, load_settings

if TYPE_CHECKING:
    from forecast.adapters.lake import DeltaLake
    from forecast.adapters.mlflow_registry import MlflowRegistry
    from forecast.adapters.store import SqlStore

#: A day (its first moment in the workspace's zone), a moment, or text of either.
AsOf = datetime | date | str | None
Progress = Callable[[str], None]


class WorkspaceBase:
    """One company's settings, clock, lake, store and models."""

    def __init__(self, path: str | Path, clock: Clock | None = None) -> None:
        self.path = Path(path)
        if not (self.path / SETTINGS_FILE).is_file():
            raise InvalidInput(
                f"{self.path} is no workspace: it has no {SETTINGS_FILE}; make one with `forecast init {self.path}`."
            )
        self.settings: Settings = load_settings(self.path)
        if clock is None:
            from forecast.adapters.clock import SystemClock

            clock = SystemClock()
        self.clock: Clock = clock

    @classmethod
    def init(cls, path: str | Path, clock: Clock | None = None, **settings: Any) -> Self:
        """Make a workspace folder with these settings; an existing one is only opened.

        Raises
        ------
        InvalidInput
            If a setting is unknown or out of range.
        """
        folder = Path(path)
        file = folder / SETTINGS_FILE
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(_settings_text(settings), encoding="utf-8")
            try:
                load_settings(folder)
            except InvalidInput:
                file.unlink()
                raise
        workspace = cls(folder, clock)
        workspace.store.migrate()
        return workspace

    @cached_property
    def lake(self) -> DeltaLake:
        """The history."""
        from forecast.adapters.lake import DeltaLake

        return DeltaLake(self.path / "lake")

    @cached_property
    def store(self) -> SqlStore:
        """What people see and change."""
        from forecast.adapters.store import SqlStore

        return SqlStore(self.settings.store_url or f"sqlite:///{self.path.resolve() / 'store.db'}", clock=self.clock)

    @cached_property
    def registry(self) -> MlflowRegistry:
        """Registered models."""
        from forecast.adapters.mlflow_registry import MlflowRegistry

        return MlflowRegistry(self.settings.tracking_uri, folder=self.path / "models")

    def moment(self, as_of: AsOf) -> datetime:
        """The moment in UTC that ``as_of`` names; now when it is None.

        Raises
        ------
        InvalidInput
            If it is no date.
        """
        if as_of is None:
            return self.clock.now()
        if isinstance(as_of, str):
            return parse_moment(as_of, self.settings.zone)
        if isinstance(as_of, datetime):
            return parse_moment(as_of.isoformat(), self.settings.zone)
        return start_of_day(as_of, self.settings.zone)

    def period(self, text: str) -> Period:
        """The period of that name, by the fiscal year of the settings."""
        return parse_period(text, fiscal_year_start=self.settings.fiscal_year_start)


def _settings_text(settings: Mapping[str, Any]) -> str:
    """TOML of the given settings; strings, numbers and lists of numbers only."""
    lines = ["# Settings of this workspace; each can be overridden by FORECAST_<NAME> in the environment."]
    for name, value in settings.items():
        text = (
            f'"{value}"' if isinstance(value, str) else str(list(value) if isinstance(value, tuple) else value).lower()
        )
        lines.append(f"{name} = {text}")
    return "\n".join(lines) + "\n"
