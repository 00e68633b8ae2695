"""What a user installs: the built wheel with exactly the locked packages, in an empty environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the executables of an environment that holds the wheel and what it needs, nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    uv = Path(sys.executable).with_name("uv")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist", cwd=ROOT)
    run(uv, "venv", "--no-config", "--python", sys.executable, folder / "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    install = (uv, "pip", "install", "--no-config", "--system-certs", "--quiet", "--python", python, "--no-deps")
    run(*install, "--require-hashes", "-r", ROOT / "requirements.lock", cwd=folder)
    run(*install, next((folder / "dist").glob("*.whl")), cwd=folder)
    return folder / "env" / "bin"


@pytest.mark.slow
def test_the_wheel_carries_its_packages_models_mappings_and_data(installed: Path, tmp_path: Path) -> None:
    code = """
import api, forecast, training
from forecast.adapters.model_specs import load_model_spec
from forecast.datasets import bundled_folder, mapping_path
assert "site-packages" in forecast.__file__ and "site-packages" in training.__file__ and "site-packages" in api.__file__
assert any(bundled_folder("online-retail").iterdir())
print(load_model_spec("conversion_opportunity").name, mapping_path("online-retail").name)
"""

    assert run(installed / "python", "-c", code, cwd=tmp_path) == "conversion_opportunity online-retail.yaml\n"


@pytest.mark.slow
def test_the_wheel_s_command_brings_in_data_and_scores_it(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("lead_id,created_at,channel\n007,2026-01-05,web\n008,2026-01-06,phone\n")
    (tmp_path / "leads.yaml").write_text(
        "source: file\n"
        "inputs: {leads: {file: leads.csv}}\n"
        "tables:\n  leads: select lead_id, created_at, channel from leads\n"
        "at_creation: {leads: [channel]}\n"
    )

    run(installed / "forecast", "init", "company", cwd=tmp_path)
    run(installed / "forecast", "ingest", "leads.yaml", "-w", "company", cwd=tmp_path)
    shown = run(installed / "forecast", "score", "--as-of", "2026-02-01", "-w", "company", "--json", cwd=tmp_path)

    assert '"007"' in shown
    assert '"008"' in shown
