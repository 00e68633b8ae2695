import numpy as np
import pandas as pd
import pytest

from forecast.outlook import Outlook
from forecast.periods import parse_period
from forecast.targets.attainment import attainment_table
from forecast.targets.pace import Course


@pytest.fixture
def outlook():
    rng = np.random.default_rng(0)
    booked = np.array([60.0, 10.0, 0.0])
    rest = rng.gamma(2, 20, (1000, 3)).round(2)
    parts = {"booked": booked, "open": np.array([30.0, 20.0, 5.0])}
    parts |= {"arriving": rest.mean(axis=0).round(2) - parts["open"], "repeat": np.zeros(3)}
    return Outlook(
        parse_period("2026Q1"),
        pd.Timestamp("2026-02-15", tz="UTC"),
        "EUR",
        ("ada", "bob", "cem"),
        ("north", "north", "south"),
        parts,
        booked + rest,
    )


TARGETS = {
    ("company", "company"): 200.0, ("team", "north"): 150.0, ("user", "ada"): 100.0, ("user", "bob"): 50.0,
    ("user", "zoe"): 10.0,
}  # fmt: skip
COURSE = Course(0.4, np.array([0.5, 0.3, 0.4]), 6)


def test_attainment_by_hand(outlook):
    table = attainment_table(outlook, TARGETS, COURSE, np.array([80.0, 0.0, 0.0])).set_index("owner_id")

    ada = table.loc["ada"]
    assert (ada["booked"], ada["attainment"], ada["remaining"]) == (60, 0.6, 40)
    assert (ada["usual_share"], ada["pace"]) == (0.5, 1.2)
    assert (ada["pipeline_coverage"], ada["weighted_coverage"]) == (2.0, 0.75)
    assert ada["odds"] == (outlook.paths[:, 0] >= 100).mean()
    company = table.loc["company"]
    assert (company["booked"], company["attainment"], company["pace"]) == (70, 0.35, pytest.approx(0.875))
    assert company["odds"] == (np.round(outlook.paths.sum(axis=1), 2) >= 200).mean()
    assert table.loc["north", "booked"] == 70


def test_only_who_has_a_target_is_shown(outlook):
    table = attainment_table(outlook, TARGETS, COURSE, np.zeros(3))

    assert set(table["owner_id"]) == {"company", "north", "ada", "bob", "zoe"}


def test_who_has_a_target_and_no_outlook_stands_at_nothing(outlook):
    zoe = attainment_table(outlook, TARGETS, COURSE, np.zeros(3)).set_index("owner_id").loc["zoe"]

    assert (zoe["booked"], zoe["odds"], zoe["expected"]) == (0, 0, 0)


def test_ratios_are_missing_where_they_divide_by_nothing(outlook):
    table = attainment_table(outlook, {("user", "ada"): 60.0, ("user", "cem"): 0.0}, COURSE, np.zeros(3))

    assert table["pipeline_coverage"].isna().all()
    assert table.set_index("owner_id").loc["cem", ["attainment", "pace"]].isna().all()
    assert (table["odds"] == 1).all()
