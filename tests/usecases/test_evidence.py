"""What stays with a model is read back by month and segment."""

import numpy as np
import pytest

from forecast.usecases.evidence import RELIABILITY, kept_predictions, reliability_of


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """400 cases of two months; in the north twice as much came as was said."""
    n = 400
    rng = np.random.default_rng(0)
    region = np.where(np.arange(n) % 2 == 0, "north", "south")
    y = (rng.random(n) < np.where(region == "north", 0.6, 0.3)).astype(float)
    moments = np.where(np.arange(n) < 200, np.datetime64("2026-01-10"), np.datetime64("2026-02-10"))
    rows = kept_predictions(np.arange(n), moments, y, np.full(n, 0.3), np.full(n, 0.4), {"region": region})
    return {RELIABILITY: rows}


def test_groups_are_months_unless_a_segment_is_asked_for(files: dict[str, bytes]) -> None:
    months, regions = reliability_of(files), reliability_of(files, "region")

    assert months is not None
    assert regions is not None
    assert months.ways == ("month", "region")
    assert months.groups["group"].tolist() == ["2026-01", "2026-02"]
    assert regions.groups.set_index("group")["verdict"].to_dict() == {
        "north": "more than expected", "south": "as expected"
    }  # fmt: skip


def test_curve_is_of_the_group_that_is_asked_for(files: dict[str, bytes]) -> None:
    north, every = reliability_of(files, "region", "north"), reliability_of(files, "region", "nowhere")

    assert north is not None
    assert every is not None
    assert (north.curve["n"].sum(), every.curve["n"].sum()) == (200, 400)
    assert (north.group, every.group) == ("north", "")


def test_what_was_never_kept_is_none() -> None:
    assert reliability_of({"card.md": b""}) is None
