"""The MLflow registry: on its SQLite backend, and on a real server that is killed."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.mlflow_registry import MlflowRegistry
from forecast.adapters.model_cache import ModelCache
from forecast.conversion import ConversionScorer
from forecast.errors import DataUnavailable, UnknownModel
from forecast.ports import ModelVersion

pytestmark = pytest.mark.slow

CUTOFF = datetime(2026, 1, 1, tzinfo=UTC)
FILES = {"model.json": b'{"a": 1}', "booster.txt": b"tree\n", "card.md": "# 卡\n".encode()}
RUN = {
    "cutoff": CUTOFF,
    "batch": 3,
    "params": {"learning_rate": 0.1},
    "metrics": {"log_loss": 0.3, "undefined": float("nan")},
    "tags": {"entity": "lead"},
    "artifacts": {"reliability.png": b"\x89PNG"},
    "example": pd.DataFrame({"x": [1.0], "stage": ["new"]}),
    "prediction": pd.DataFrame({"probability": [0.5]}),
}
VERSION = ModelVersion("conversion_lead", "1", CUTOFF, 3, metrics={"log_loss": 0.3}, tags={"entity": "lead"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One database for the tests of this file: MLflow takes seconds to make one."""
    return tmp_path_factory.mktemp("registry")


@pytest.fixture
def registry(folder: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowRegistry:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return MlflowRegistry("", folder)


def test_registered_model_comes_back_byte_for_byte(registry: MlflowRegistry, folder: Path) -> None:
    version = registry.register("conversion_a", FILES, RUN)

    # As another machine would see it, without the local copy.
    (folder / "copies").rename(folder / "moved")
    other = MlflowRegistry("", folder)

    assert version.label == "conversion_a/1"
    assert other.files("conversion_a", "1") == FILES
    assert other.version("conversion_a", "1") == version
    assert version.metrics == {"log_loss": 0.3}


def test_run_holds_what_was_trained_and_how(registry: MlflowRegistry) -> None:
    version = registry.register("conversion_b", FILES, RUN)

    run = registry._client.get_run(version.run_id)

    assert run.data.params == {"learning_rate": "0.1"}
    assert run.data.tags["batch"] == "3"
    assert run.data.tags["cutoff"] == "2026-01-01T00:00:00+00:00"
    artifacts = [file.path for file in registry._client.list_artifacts(version.run_id)]
    assert artifacts == ["environment.json", "reliability.png"]
    assert run.info.status == "FINISHED"


def test_mlflow_itself_finds_the_model_and_its_signature(registry: MlflowRegistry) -> None:
    registry.register("conversion_c", FILES, RUN)
    registry.set_champion("conversion_c", "1")

    found = registry._client.get_model_version_by_alias("conversion_c", "champion")
    model = registry._mlflow.models.Model.load(found.source.removeprefix("file://"))

    assert model.signature.inputs.input_names() == ["x", "stage"]
    assert model.flavors["python_function"]["loader_module"] == "forecast.adapters.mlflow_loader"


def test_nothing_of_the_current_folder_is_stored(
    registry: MlflowRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "uv.lock").write_text("version = 1\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "private"\n')

    registry.register("conversion_d", FILES, RUN)

    assert sorted(file.name for file in tmp_path.iterdir()) == ["pyproject.toml", "uv.lock"]
    kept = registry.folder / "artifacts" / "conversion_d"
    assert not list(kept.rglob("uv.lock"))


def test_versions_are_listed_oldest_first(registry: MlflowRegistry) -> None:
    for _ in range(3):
        registry.register("conversion_e", FILES, RUN)

    assert [version.version for version in registry.versions("conversion_e")] == ["1", "2", "3"]
    assert {"conversion_e"} < {version.name for version in registry.versions()} | {"another"}


def test_prefix_keeps_two_companies_on_one_server_apart(registry: MlflowRegistry, folder: Path) -> None:
    acme, umbrella = (MlflowRegistry("", folder, prefix=f"{name}.") for name in ("acme", "umbrella"))

    acme.register("conversion_f", FILES, RUN)
    acme.register("conversion_f", FILES, RUN)

    assert umbrella.register("conversion_f", FILES, RUN).label == "conversion_f/1"
    assert len(acme.versions("conversion_f")) == 2
    assert [version.label for version in umbrella.versions()] == ["conversion_f/1"]


@pytest.mark.parametrize(("name", "version"), [("conversion_x", "9"), ("nothing", "1"), ("../copies", "1"), ("a", "x")])
def test_unknown_version_is_named(registry: MlflowRegistry, name: str, version: str) -> None:
    for ask in (registry.files, registry.version, registry.set_champion):
        with pytest.raises(UnknownModel, match=f"There is no model {name}/{version}; `forecast models list`"):
            ask(name, version)


def test_dead_server_is_noticed_in_one_line(tmp_path: Path) -> None:
    registry = MlflowRegistry("http://ann:secret@127.0.0.1:9", tmp_path)

    with pytest.raises(
        DataUnavailable, match=r"model registry at http://127\.0\.0\.1:9 cannot be used: it does not answer\."
    ) as caught:
        registry.check()

    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_environment_variable_names_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")

    assert MlflowRegistry("", tmp_path).tracking_uri == "http://tracking:5000"
    assert MlflowRegistry("http://other:5000", tmp_path).tracking_uri == "http://other:5000"


def test_copies_of_two_servers_do_not_mix(tmp_path: Path) -> None:
    one, other = (MlflowRegistry(f"http://127.0.0.1:9/{name}", tmp_path) for name in ("one", "other"))
    one._cache.save(VERSION, FILES)

    assert one.files("conversion_lead", "1") == FILES
    with pytest.raises(DataUnavailable):
        other.files("conversion_lead", "1")


def test_cache_never_changes_a_version(tmp_path: Path) -> None:
    cache = ModelCache(tmp_path)
    cache.save(VERSION)
    assert cache.files("conversion_lead", "1") is None

    cache.save(VERSION, FILES)
    cache.save(VERSION, {"model.json": b"other"})

    assert cache.files("conversion_lead", "1") == FILES
    assert cache.versions() == [VERSION]
    assert [file.name for file in (tmp_path / "conversion_lead" / "1").iterdir() if file.name.startswith(".")] == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A real tracking server, without the idle job workers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{tmp_path}/server.db",
        "--artifacts-destination",
        f"{tmp_path}/files",
    ]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{url}/health", timeout=1).close()
            break
        except OSError:
            time.sleep(0.5)
    yield url, process
    kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """The server and its workers, which are a process group of their own."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_scoring_goes_on_and_training_says_so_when_the_server_dies(
    server: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    url, process = server
    registry = MlflowRegistry(url, tmp_path / "workspace")
    fetched, made = registry.register("conversion_lead", FILES, RUN), registry.register("conversion_lead", FILES, RUN)
    registry.set_champion("conversion_lead", made.version)
    elsewhere = MlflowRegistry(url, tmp_path / "elsewhere")
    assert elsewhere.files("conversion_lead", fetched.version) == FILES
    assert [version.label for version in elsewhere.versions()] == ["conversion_lead/1", "conversion_lead/2"]

    kill(process)

    started = time.monotonic()
    assert elsewhere.files("conversion_lead", "1") == FILES
    assert registry.files("conversion_lead", "2") == FILES
    assert [version.label for version in elsewhere.versions()] == ["conversion_lead/1", "conversion_lead/2"]
    with pytest.raises(DataUnavailable, match="cannot be used"):
        elsewhere.files("conversion_lead", "2")
    with pytest.raises(DataUnavailable, match=f"The model registry at {url} cannot be used"):
        elsewhere.check()
    assert time.monotonic() - started < 30


def test_mlflow_loads_a_conversion_model_that_predicts_as_ours_does(registry: MlflowRegistry) -> None:
    rng = np.random.default_rng(0)
    moments = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.arange(200) // 4, unit="D")
    features = pd.DataFrame(
        {
            "entity_id": [f"L{number}" for number in range(200)],
            "as_of": moments,
            "stage__current": pd.Series(rng.choice(["new", "hot"], 200), dtype=object).where(rng.random(200) < 0.9),
            "stage__days_in": np.where(rng.random(200) < 0.1, np.nan, rng.exponential(10, 200)),
        }
    )
    event = np.where(features["stage__current"] == "hot", "won", "lost")
    outcomes = features[["entity_id", "as_of"]].assign(event=event, days=rng.uniform(1, 9, 200))
    scorer = ConversionScorer("lead", 10, params={"max_trees": 5, "n_folds": 2}).fit(features, outcomes, cutoff=CUTOFF)
    scores = scorer.score(features)[["probability", "low", "high", "p_30d", "p_60d", "p_90d"]]
    registry.register("conversion_lead", scorer.to_files(), RUN | {"example": features.head(), "prediction": scores})

    with registry._server():
        loaded = registry._mlflow.pyfunc.load_model(registry._client.get_model_version("conversion_lead", "1").source)

    # MLflow's moments have no zone.
    served = loaded.predict(features.assign(as_of=features["as_of"].dt.tz_localize(None)))
    pd.testing.assert_frame_equal(served, scores)
