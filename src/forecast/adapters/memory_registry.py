"""A model registry without a server: for tests, and for trying things out without a trace."""

from collections.abc import Mapping, Sequence
from typing import Any

from forecast.errors import UnknownModel
from forecast.ports import ModelVersion


class InMemoryRegistry:
    """Keeps what is registered for as long as the process lives. Implements ``ports.ModelRegistry``."""

    def __init__(self) -> None:
        self.champions: dict[str, str] = {}
        self.runs: dict[str, Mapping[str, Any]] = {}
        self._models: dict[tuple[str, str], tuple[ModelVersion, dict[str, bytes]]] = {}

    def check(self) -> None:
        """Nothing can be gone."""

    def register(self, name: str, files: Mapping[str, bytes], run: Mapping[str, Any]) -> ModelVersion:
        """Keep the model as the next version of its name."""
        version = ModelVersion(
            name=name,
            version=str(len(self.versions(name)) + 1),
            cutoff=run["cutoff"],
            batch=run["batch"],
            run_id=f"run-{len(self._models) + 1}",
            metrics=dict(run.get("metrics", {})),
            tags={key: str(value) for key, value in run.get("tags", {}).items()},
        )
        self._models[name, version.version] = (version, dict(files))
        self.runs[version.label] = run
        return version

    def files(self, name: str, version: str) -> dict[str, bytes]:
        """The files as registered."""
        return dict(self._model(name, version)[1])

    def version(self, name: str, version: str) -> ModelVersion:
        """One registered version."""
        return self._model(name, version)[0]

    def versions(self, name: str | None = None) -> Sequence[ModelVersion]:
        """Registered versions, oldest first."""
        return [version for (of, _), (version, _) in self._models.items() if name in (None, of)]

    def set_champion(self, name: str, version: str) -> None:
        """Note the alias."""
        self._model(name, version)
        self.champions[name] = version

    def _model(self, name: str, version: str) -> tuple[ModelVersion, dict[str, bytes]]:
        try:
            return self._models[name, version]
        except KeyError:
            raise UnknownModel(f"There is no model {name}/{version}; `forecast models list` shows them.") from None
