import pandas as pd
import pytest

from forecast.funnel.order import stage_order


def visits(*ways: str) -> pd.DataFrame:
    """One deal per way, a letter per stage."""
    rows = [(number, stage, day) for number, way in enumerate(ways) for day, stage in enumerate(way)]
    frame = pd.DataFrame(rows, columns=["case_id", "stage", "day"])
    return frame.assign(entered=pd.Timestamp("2025-01-01") + pd.to_timedelta(frame["day"], unit="D"))


@pytest.mark.parametrize(
    ("ways", "declared", "expected"),
    [
        (["zyx", "zx", "yx"], [], "zyx"),  # learned from who came first
        (["zyx", "zyxy", "zxy"], [], "zyx"),  # most deals decide, returns do not count
        (["ab"], ["b", "a", "c"], "ba"),  # a declaration wins, stages that never occur are left out
        (["anb", "anb", "nab"], ["a", "b"], "anb"),  # an undeclared stage stands before what comes after it
        (["abn"], ["a", "b"], "abn"),
        (["a", "b"], [], "ab"),  # nothing to learn from: by name
    ],
)
def test_order(ways: list[str], declared: list[str], expected: str) -> None:
    assert "".join(stage_order(visits(*ways), declared)) == expected
