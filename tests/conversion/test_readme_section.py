"""The marked sections of the benchmarks' README."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def sections(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_script("readme_section")


def test_section_is_replaced_in_its_place_and_all_else_stays(sections: ModuleType, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    sections.replace_section(readme, "one", "## One", "old")
    sections.replace_section(readme, "two", "## Two", "2")

    sections.replace_section(readme, "one", "## One", "new")

    assert readme.read_text(encoding="utf-8") == (
        "# Benchmarks\n\n<!-- one -->\n## One\n\nnew\n<!-- /one -->\n\n<!-- two -->\n## Two\n\n2\n<!-- /two -->\n"
    )


def test_table_has_a_line_per_row(sections: ModuleType) -> None:
    frame = pd.DataFrame({"set": ["bank", "coil"], "log loss": [".517", ".204"]})

    assert sections.markdown(frame) == "| set | log loss |\n| --- | --- |\n| bank | .517 |\n| coil | .204 |"
