from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from forecast.workspace import Workspace


@pytest.mark.parametrize(
    ("moment", "last", "batch"),
    [
        ("2025-02-15", 3, 1),
        ("2025-03-01T00:00:00Z", 3, 2),  # the very moment counts
        ("2026-01-01", 3, 3),
        ("2026-01-01", 2, 2),  # later batches are hidden
        ("2025-01-15", 3, 3),  # nothing was in yet: history came later
    ],
)
def test_the_batch_of_a_day_is_the_last_one_that_was_in(tmp_path: Path, moment: str, last: int, batch: int) -> None:
    workspace = Workspace.init(tmp_path / "company")
    committed = pd.to_datetime(["2025-02-01", "2025-03-01", "2025-04-01"], utc=True)
    commits = pd.DataFrame({"batch": [1, 2, 3], "committed_at": committed})
    workspace.__dict__["lake"] = SimpleNamespace(commits=lambda: commits)

    assert workspace.batch_at(workspace.moment(moment), last) == batch
