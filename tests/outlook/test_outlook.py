from datetime import UTC, datetime

import numpy as np
import pytest

from forecast.outlook import Outlook
from forecast.periods import parse_period

PATHS = np.arange(12.0).reshape(3, 4) + 0.07


def made(teams, parents, **fields):
    means = PATHS.mean(axis=0)
    parts = {"booked": means.round(2), **{part: np.zeros(4) for part in ("open", "arriving", "repeat")}}
    return Outlook(
        period=parse_period("2024-06"), as_of=datetime(2024, 6, 1, tzinfo=UTC), currency="EUR",
        owners=("a", "b", "c", "d"), teams=teams, parts=parts, paths=PATHS, team_parents=parents, **fields,
    )  # fmt: skip


def test_teams_add_up_to_the_teams_above_and_these_to_the_company():
    outlook = made(("t1", "t2", "t3", ""), {"t1": "north", "t2": "north", "north": "world", "t3": "world"})

    frame = outlook.to_frame().set_index("id")

    assert frame.index.tolist() == [
        "company", "(no team)", "world", "north", "t1", "t2", "t3", "a", "b", "c", "d",
    ]  # fmt: skip
    assert frame["parent"].tolist() == [
        "", "company", "company", "world", "north", "north", "world", "t1", "t2", "t3", "(no team)",
    ]  # fmt: skip
    for parent in ("company", "world", "north"):
        below = frame.loc[frame["parent"] == parent, "mean"].sum()
        assert below == pytest.approx(frame.loc[parent, "mean"])
    np.testing.assert_allclose(outlook.team_paths()["north"], PATHS[:, :2].sum(axis=1))
    assert frame.loc["north", "q0.5"] == pytest.approx(np.median(PATHS[:, :2].sum(axis=1)))


def test_without_teams_owners_add_up_to_the_company():
    frame = made(("",) * 4, {}).to_frame()

    assert frame["level"].tolist() == ["company", "rep", "rep", "rep", "rep"]
    assert frame["parent"].tolist() == ["", *["company"] * 4]


def test_teams_in_a_circle_are_shown_once_each():
    frame = made(("t1", "t2", "t1", "t2"), {"t1": "t2", "t2": "t1"}).to_frame()

    assert (frame["level"] == "rep").sum() == 4
    assert frame["id"].is_unique


def test_regions_are_a_level_of_their_own_and_counts_have_no_currency():
    frame = made(("",) * 4, {}, by="region").to_frame()

    assert frame["level"].tolist() == ["company", *["region"] * 4]
