"""The files of ``deploy/`` against the command line and the settings: what they name must be there."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml

from forecast.cli import app
from forecast.settings import Settings, load_settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
#: Read by the tests of this project, by compose itself, or by a script, and no settings of a workspace.
NO_SETTINGS = {"FORECAST_VERSION", "FORECAST_PORT", "FORECAST_API_WORKERS", "FORECAST_NIGHTLY_AT", "FORECAST_WORKSPACE"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file, its variables left as they are."""
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def _commands(compose: dict[str, Any]) -> dict[str, list[str]]:
    return {name: service["command"] for name, service in compose["services"].items() if "command" in service}


def _parse(arguments: list[str]) -> None:
    """As the command line would; wrong names of commands and options raise."""
    command: click.Command = typer.main.get_command(app)
    context = None
    while True:
        context = command.make_context(command.name or "forecast", list(arguments), parent=context)
        if not isinstance(command, click.Group):
            return
        _, found, arguments = command.resolve_command(context, [*context.protected_args, *context.args])
        assert found is not None
        command = found


@pytest.mark.parametrize("service", ["migrate", "api", "worker"])
def test_commands_of_containers_are_ours(compose: dict[str, Any], service: str) -> None:
    program, *arguments = [re.sub(r"\$\{\w+:-(.*)\}", r"\1", word) for word in _commands(compose)[service]]

    assert program == "forecast"
    _parse(arguments)


@pytest.mark.parametrize("service", ["mlflow", "scheduler"])
def test_scripts_of_containers_are_shell(compose: dict[str, Any], service: str) -> None:
    shell, option, script = _commands(compose)[service]

    assert (shell, option) == ("sh", "-c")
    assert subprocess.run(["sh", "-n", "-c", script.replace("$$", "$")], check=False).returncode == 0
    for line in re.findall(r"^\s*forecast (.*?)(?: \|\|.*)?$", script, re.MULTILINE):
        _parse(line.split())


def test_every_variable_is_a_setting(compose: dict[str, Any]) -> None:
    text = (DEPLOY / "compose.yaml").read_text() + (DEPLOY / "env.example").read_text()
    named = set(re.findall(r"\bFORECAST_[A-Z_]+\b", text + (DEPLOY / "Containerfile").read_text()))

    settings = {f"FORECAST_{name.upper()}" for name in Settings.model_fields}

    assert named - NO_SETTINGS <= settings
    values = {name: str(value) for name, value in compose["x-forecast"]["environment"].items() if "$" not in str(value)}
    assert Settings(**{name.removeprefix("FORECAST_").lower(): value for name, value in values.items()}).expects_worker


def test_whatever_a_service_names_is_defined(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", [])) <= set(compose["services"]), name
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(compose["volumes"]), name
        assert {config["source"] for config in service.get("configs", [])} <= set(compose["configs"]), name


def test_image_copies_what_is_there() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()

    copied = [word for line in re.findall(r"^COPY (?!--from)(.*)", text, re.MULTILINE) for word in line.split()[:-1]]

    assert all((ROOT / path).exists() for path in copied)
    assert {f"!{path.removeprefix('./')}" for path in copied} <= set(ignored)
    assert "USER forecast" in text


def test_secrets_are_made_once_and_read_by_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(DEPLOY / "make-secrets.sh", tmp_path)
    for _ in range(2):
        subprocess.run(["sh", str(tmp_path / "make-secrets.sh")], check=True, capture_output=True)
    monkeypatch.setenv("FORECAST_SECRETS_DIR", str(tmp_path / "secrets"))

    password = (tmp_path / "secrets" / "postgres_password").read_text()

    assert re.fullmatch(r"[0-9a-f]{48}", password)
    assert load_settings(tmp_path).store_url == f"postgresql://forecast:{password}@postgres/forecast"
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
