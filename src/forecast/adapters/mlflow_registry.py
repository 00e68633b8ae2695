"""MLflow: the record of every training run and the registry of models. The only file that imports ``mlflow``.

The import takes seconds, so it waits until something has to be written or a model is not in the local copy.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import distributions
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from forecast.adapters.mlflow_loader import IDENTITY_FILE
from forecast.adapters.model_cache import ModelCache
from forecast.errors import DataUnavailable, UnknownModel
from forecast.ports import ModelVersion

CHAMPION = "champion"

#: What a model needs to be loaded elsewhere, pinned to what is installed here.
_REQUIREMENTS = ("forecast", "lightgbm", "numpy", "pandas", "scikit-learn", "scipy")

#: Set before MLflow is imported; what the operator has set stays. A server that is gone is noticed in seconds.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_UV_AUTO_DETECT": "false",  # else it stores the pyproject.toml and uv.lock of the current folder
    "GIT_PYTHON_REFRESH": "quiet",
}

_ITS_OWN_WARNINGS = (
    ".*Any type hint is inferred as AnyType",  # a type hint of its own, at import
    ".*``noload`` loader strategy is deprecated",  # its use of SQLAlchemy 2.1
    ".*An input example was not provided",  # the signature is given instead: an example would run the model
)

_log = logging.getLogger(__name__)


class MlflowRegistry:
    """Implements ``ports.ModelRegistry`` on an MLflow tracking server or its SQLite backend.

    Parameters
    ----------
    tracking_uri : str
        MLflow's own notation. Empty: the environment variable ``MLFLOW_TRACKING_URI``, else SQLite in ``folder``.
    folder : Path
        Holds the local copies of models, and the database and artefacts when there is no server.
    prefix : str
        Put before registered model names and experiments, when several workspaces share one server.
    """

    def __init__(self, tracking_uri: str, folder: Path, *, prefix: str = "") -> None:
        self.folder = folder.resolve()
        default = f"sqlite:///{self.folder / 'mlflow.db'}"
        self.tracking_uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", "") or default
        self.prefix = prefix
        # Version numbers are the server's: copies of two servers must not mix.
        place = "local" if self.tracking_uri == default else hashlib.sha256(self.tracking_uri.encode()).hexdigest()[:8]
        self._cache = ModelCache(self.folder / "copies" / (place + (f"-{prefix}" if prefix else "")))

    def check(self) -> None:
        """Raise `DataUnavailable` unless a training run could be logged now."""
        with self._server():
            self._client.search_registered_models(max_results=1)

    def register(self, name: str, files: Mapping[str, bytes], run: Mapping[str, Any]) -> ModelVersion:
        """Log a training run with its model files and register the model (see ``ports.ModelRegistry``)."""
        tags = {key: str(value) for key, value in run.get("tags", {}).items()} | _code_version()
        about = {"cutoff": run["cutoff"].astimezone(UTC).isoformat(), "batch": str(run["batch"])}
        metrics = {key: float(value) for key, value in run.get("metrics", {}).items() if value == value}  # no NaN
        with self._server():
            run_id = self._log_run(name, run, metrics, tags | about)
            try:
                source, model_id = self._log_model(name, files, run, run_id)
                made = self._create_version(name, source, run_id, model_id, tags | about)
            except BaseException:
                self._client.set_terminated(run_id, "FAILED")
                raise
            self._client.set_terminated(run_id, "FINISHED")
        version = ModelVersion(name, str(made.version), run["cutoff"], int(run["batch"]), run_id, metrics, tags)
        self._cache.save(version, files)
        return version

    def files(self, name: str, version: str) -> dict[str, bytes]:
        """The files of a registered model, from the local copy when there is one.

        Raises
        ------
        UnknownModel
            If there is no such version.
        DataUnavailable
            If there is no copy and the server is gone.
        """
        kept = self._cache.files(name, version)
        if kept is not None:
            return kept
        about = self.version(name, version)
        with self._server(), tempfile.TemporaryDirectory() as folder:
            uri = self._client.get_model_version_download_uri(self.prefix + name, version)
            home = Path(self._mlflow.artifacts.download_artifacts(uri, dst_path=folder, tracking_uri=self.tracking_uri))
            data = home / "data"
            found = {file.name: file.read_bytes() for file in sorted(data.rglob("*")) if file.is_file()}
        found.pop(IDENTITY_FILE, None)
        self._cache.save(about, found)
        return found

    def version(self, name: str, version: str) -> ModelVersion:
        """One registered version.

        Raises
        ------
        UnknownModel
            If there is no such version.
        DataUnavailable
            If there is no copy and the server is gone.
        """
        kept = self._cache.version(name, version)
        if kept is not None:
            return kept
        with self._server(missing=f"There is no model {name}/{version}; `forecast models list` shows them."):
            found = self._read_version(self._client.get_model_version(self.prefix + name, version))
        self._cache.save(found)
        return found

    def versions(self, name: str | None = None) -> Sequence[ModelVersion]:
        """Registered versions, by name and then oldest first; those known locally when the server is gone."""
        wanted = "" if name is None else f"name='{self.prefix}{name}'"
        try:
            with self._server():
                page = self._client.search_model_versions(wanted, max_results=1000)
                listed = list(page)
                while page.token:
                    page = self._client.search_model_versions(wanted, max_results=1000, page_token=page.token)
                    listed += page
                ours = [made for made in listed if made.name.startswith(self.prefix) and "cutoff" in made.tags]
                for made in ours:
                    kept = self._cache.version(made.name.removeprefix(self.prefix), str(made.version))
                    if kept is None:
                        self._cache.save(self._read_version(made))
        except DataUnavailable as error:
            _log.warning("%s Going on with the local copies.", error)
        return self._cache.versions(name)

    def set_champion(self, name: str, version: str) -> None:
        """Point the registry alias ``champion`` at a version."""
        with self._server(missing=f"There is no model {name}/{version}; `forecast models list` shows them."):
            self._client.set_registered_model_alias(self.prefix + name, CHAMPION, version)

    @cached_property
    def _mlflow(self) -> Any:
        for key, value in _ENVIRONMENT.items():
            os.environ.setdefault(key, value)
        with _without_its_own_warnings():
            import mlflow
            import mlflow.pyfunc

        for noisy in ("mlflow", "alembic", "urllib3.connectionpool"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        return mlflow

    @cached_property
    def _client(self) -> Any:
        if self.tracking_uri.startswith("sqlite:///"):
            Path(self.tracking_uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        return self._mlflow.MlflowClient(tracking_uri=self.tracking_uri, registry_uri=self.tracking_uri)

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(self.prefix + name)
        if found is not None:
            return str(found.experiment_id)
        local = self.tracking_uri.startswith("sqlite:///")
        place = (self.folder / "artifacts" / name).as_uri() if local else None
        return str(self._client.create_experiment(self.prefix + name, artifact_location=place))

    def _log_run(self, name: str, run: Mapping[str, Any], metrics: Mapping[str, float], tags: Mapping[str, str]) -> str:
        entities = self._mlflow.entities
        made = self._client.create_run(self._experiment(name), tags=dict(tags))
        run_id = str(made.info.run_id)
        now_ms = made.info.start_time
        self._client.log_batch(
            run_id,
            metrics=[entities.Metric(key, value, now_ms, 0) for key, value in metrics.items()],
            params=[entities.Param(key, str(value)[:6000]) for key, value in run.get("params", {}).items()],
        )
        with tempfile.TemporaryDirectory() as folder:
            for artifact, content in (run.get("artifacts", {}) | {"environment.json": _environment()}).items():
                (Path(folder) / artifact).write_bytes(content)
            self._client.log_artifacts(run_id, folder)
        return run_id

    def _log_model(self, name: str, files: Mapping[str, bytes], run: Mapping[str, Any], run_id: str) -> tuple[str, str]:
        """The files as an MLflow model of our own loader: no pickle, readable without this package."""
        mlflow = self._mlflow
        model = self._client.create_logged_model(self._experiment(name), name=name, source_run_id=run_id)
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            data.mkdir()
            for file, content in files.items():
                (data / file).write_bytes(content)
            (data / IDENTITY_FILE).write_text(json.dumps({"name": name}), encoding="utf-8")
            signature = None
            if run.get("example") is not None:
                signature = mlflow.models.infer_signature(run["example"], run.get("prediction"))
            mlflow.pyfunc.save_model(
                Path(folder) / "model",
                loader_module="forecast.adapters.mlflow_loader",
                data_path=str(data),
                signature=signature,
                pip_requirements=[f"{package}=={package_version(package)}" for package in _REQUIREMENTS],
                mlflow_model=mlflow.models.Model(
                    artifact_path=model.artifact_location,
                    run_id=run_id,
                    model_uuid=model.model_id,
                    model_id=model.model_id,
                ),
            )
            self._client.log_model_artifacts(model.model_id, str(Path(folder) / "model"))
        self._client.finalize_logged_model(model.model_id, "READY")
        output = mlflow.entities.LoggedModelOutput(model.model_id, step=0)
        self._client.log_outputs(run_id, [output])
        # Not "models:/<id>": MLflow would look that up at the process's own tracking address.
        return str(model.artifact_location), str(model.model_id)

    def _create_version(self, name: str, source: str, run_id: str, model_id: str, tags: Mapping[str, str]) -> Any:
        full_name = self.prefix + name
        if not self._client.search_registered_models(f"name='{full_name}'"):
            self._client.create_registered_model(full_name)
        return self._client.create_model_version(full_name, source, run_id, tags=dict(tags), model_id=model_id)

    def _read_version(self, made: Any) -> ModelVersion:
        tags = dict(made.tags)
        cutoff, batch = datetime.fromisoformat(tags.pop("cutoff")), int(tags.pop("batch"))
        metrics = dict(self._client.get_run(made.run_id).data.metrics)
        return ModelVersion(
            made.name.removeprefix(self.prefix), str(made.version), cutoff, batch, made.run_id, metrics, tags
        )

    @contextmanager
    def _server(self, missing: str = "") -> Iterator[None]:
        """Turn MLflow's errors into ours."""
        mlflow = self._mlflow
        try:
            with _without_its_own_warnings():
                yield
        except (mlflow.MlflowException, OSError) as error:
            if missing and getattr(error, "error_code", "") in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise UnknownModel(missing) from None
            where = _shown(self.tracking_uri)
            raise DataUnavailable(f"The model registry at {where} cannot be used: {_reason(error)}.") from None


def _reason(error: Exception) -> str:
    """The first line; without the address, which may hold a password."""
    text = str(error).strip()
    if "Max retries exceeded" in text or "timed out" in text:
        return "it does not answer"
    return text.splitlines()[0][:200].rstrip(".") if text else type(error).__name__


@contextmanager
def _without_its_own_warnings() -> Iterator[None]:
    """Silence what MLflow 3.17 warns of in its own code."""
    with warnings.catch_warnings():
        for message in _ITS_OWN_WARNINGS:
            warnings.filterwarnings("ignore", message)
        yield


def _environment() -> bytes:
    """Versions of everything that is installed, as JSON."""
    installed = {distribution.name: distribution.version for distribution in distributions()}
    return json.dumps({"python": platform.python_version(), "packages": installed}, indent=1, sort_keys=True).encode()


def _code_version() -> dict[str, str]:
    """The commit of a checkout; an installed package has its version among the packages."""
    head = Path(__file__).parents[3] / ".git" / "HEAD"
    if not head.is_file():
        return {}
    target = head.read_text(encoding="utf-8").strip()
    branch = head.parent / target.removeprefix("ref: ")
    if target.startswith("ref: "):
        target = branch.read_text(encoding="utf-8").strip() if branch.is_file() else ""
    return {"git_commit": target} if target else {}


def _shown(uri: str) -> str:
    """The address without a password."""
    scheme, separator, rest = uri.partition("://")
    return scheme + separator + rest.rpartition("@")[2]
