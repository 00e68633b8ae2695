"""The house keeps its shape: what an import costs, what is named, how long files are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = [path for room in ("src", "training", "api") for path in sorted((ROOT / room).rglob("*.py"))]

#: Modules over 500 lines, each with its reason.
LONG_MODULES: dict[str, str] = {}


def test_importing_forecast_loads_nothing_heavy() -> None:
    heavy = {"pandas", "numpy", "duckdb", "lightgbm", "mlflow", "sklearn", "shap", "sqlalchemy", "fastapi", "deltalake"}
    code = "import sys, forecast; print(' '.join(sorted(set(m.split('.')[0] for m in sys.modules))))"

    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )

    assert loaded & heavy == set()


def test_every_module_has_a_docstring_and_no_vague_name() -> None:
    vague = {"utils.py", "helpers.py", "common.py", "misc.py", "manager.py"}

    assert [path.name for path in CODE if path.name in vague] == []
    assert [str(path) for path in CODE if path.read_text(encoding="utf-8").lstrip()[:3] not in ('"""', "")] == []


def test_modules_over_500_lines_are_named_with_their_reason() -> None:
    long = {str(path.relative_to(ROOT)) for path in CODE if len(path.read_text(encoding="utf-8").splitlines()) > 500}

    assert long == set(LONG_MODULES)


def test_tracked_files_name_no_package_registry_and_no_machine_path() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    here = re.escape(f"{ROOT}/")
    pattern = re.compile(rf"files\.pythonhosted\.org|--index-url|^registry = |{here}", re.MULTILINE)

    texts = {
        name: (ROOT / name).read_bytes().decode("utf-8", "ignore")
        for name in listed.stdout.split("\0")
        if name and (ROOT / name).is_file() and not name.endswith((".parquet", ".png"))
    }

    own = "tests/test_architecture.py"
    assert [name for name, text in texts.items() if name != own and pattern.search(text)] == []


def test_library_code_takes_time_and_chance_from_its_caller() -> None:
    forbidden = re.compile(r"datetime\.now\(|np\.random\.seed|time\.time\(\)|date\.today\(")
    rooms = [path for path in CODE if "adapters" not in path.parts]

    assert [str(path) for path in rooms if forbidden.search(path.read_text(encoding="utf-8"))] == []


def test_nothing_is_unpickled() -> None:
    unsafe = re.compile(r"import pickle|pickle\.load|joblib\.load|cloudpickle|allow_pickle=True")

    assert [str(path) for path in CODE if unsafe.search(path.read_text(encoding="utf-8"))] == []
