"""The whole: it adds up, repeats to the byte, and sees nothing of the future."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from forecast.datasets import Company
from forecast.explain.definitions import is_defined
from forecast.history import connect_tables
from forecast.performance import CLAIM_LEVEL, WIN, measure
from forecast.periods import parse_period
from forecast.settings import Settings

QUARTER = parse_period("2025Q4")


def measured(tables, as_of, **options):
    with connect_tables(tables, **options) as con:
        return measure(con, QUARTER, as_of, Settings())


@pytest.fixture(scope="module")
def as_of(company: Company):
    return company.end - timedelta(days=20)


@pytest.fixture(scope="module")
def performance(company: Company, as_of):
    return measured(company.tables, as_of)


def test_lines_are_the_company_its_teams_and_its_people(performance):
    table = performance.to_frame()

    assert table["level"].tolist() == ["company"] + ["team"] * 4 + ["user"] * 8
    assert table.set_index("id").loc["R-north", "name"] == "Region north"
    assert not table.duplicated(["level", "id"]).any()


def test_people_add_up_to_teams_and_the_company(performance):
    table = performance.to_frame().set_index("id")
    people = table[table["level"] == "user"]
    team = people.loc[["U000001", "U000003", "U000005", "U000007"]]

    for figure in ("revenue", "won", "lost", "contacts", "inquiries", "csat_n", "target", "wins", "expected_wins",
                   "wins_above", "won_amount", "amount_above"):  # fmt: skip
        assert people[figure].sum() == pytest.approx(table.loc["company", figure])
        assert team[figure].sum() == pytest.approx(table.loc["T000001", figure])
        assert table.loc["T000001", figure] == table.loc["R-south", figure]
    assert table.loc["T000001", "attainment"] == pytest.approx(team["revenue"].sum() / team["target"].sum())


def test_every_column_is_defined(performance):
    columns = performance.to_frame().columns.difference(["level", "id", "name"])

    assert [name for name in columns if not is_defined(name)] == []


def test_steps_have_the_whole_first_and_claims_at_the_stated_level_only(performance):
    steps = performance.steps

    assert steps["step"].iloc[0] == WIN
    sure = steps[["p_ahead", "p_behind"]].max(axis=1) >= CLAIM_LEVEL
    assert (sure == (steps["claim"] != "")).all()


def test_suggestions_come_from_claims_of_the_same_line(performance):
    for level, name in performance.people_of:
        own = performance.steps[(performance.steps["level"] == level) & (performance.steps["id"] == name)]
        claimed = own[(own["claim"] != "") & (own["step"] != WIN)]["step"]
        assert sorted(one["step"] for one in performance.suggestions(level, name)) == sorted(claimed)


@pytest.mark.slow
def test_the_same_question_has_the_same_bytes_whatever_the_order_of_rows(company: Company, performance, as_of):
    shuffled = {name: rows.sample(frac=1, random_state=3) for name, rows in company.tables.items()}

    again = measured(shuffled, as_of)

    assert again.to_frame().to_csv() == performance.to_frame().to_csv()
    assert again.steps.to_csv() == performance.steps.to_csv()
    people = ["U000001", "U000002"]
    assert_frame_equal(again.comparisons(people), performance.comparisons(people), check_exact=True)


@pytest.mark.slow
def test_what_became_known_later_changes_nothing(company: Company, performance, as_of):
    rng = np.random.default_rng(0)
    perturbed = {}
    for name, rows in company.tables.items():
        future = rows[rows["recorded_at"] >= as_of]
        changed = future[rng.random(len(future)) < 0.6].copy()
        for column in changed.columns.difference(["recorded_at"]):
            changed[column] = rng.permutation(changed[column].to_numpy())
        past = rows[rows["recorded_at"] < as_of]
        late = past.sample(frac=0.2, random_state=1).assign(recorded_at=pd.Timestamp(as_of) + pd.Timedelta(days=1))
        for column in ("outcome", "owner_id", "amount", "team_id", "score"):
            if column in late:
                late[column] = rng.permutation(late[column].to_numpy())
        parts = [part.astype(object) for part in (past, changed, late) if len(part)]
        perturbed[name] = pd.concat(parts, ignore_index=True)

    again = measured(perturbed, as_of)

    assert_frame_equal(again.to_frame(), performance.to_frame(), check_exact=True)
    assert_frame_equal(again.steps, performance.steps, check_exact=True)


@pytest.mark.slow
def test_later_batches_are_invisible(company: Company, performance, as_of):
    tables = {name: rows.assign(batch=1, row=np.arange(len(rows))) for name, rows in company.tables.items()}
    deals = tables["opportunities"]
    rewritten = deals.assign(batch=2, outcome="lost", owner_id="U000000")
    tables["opportunities"] = pd.concat([deals, rewritten], ignore_index=True)

    found = measured(tables, as_of, batch=1)

    assert_frame_equal(found.to_frame(), performance.to_frame(), check_exact=True)


def test_an_empty_company_has_figures_of_nothing():
    found = measured({}, pd.Timestamp("2025-12-01", tz="UTC").to_pydatetime())

    assert found.to_frame().empty
    assert found.steps.empty
    assert found.comparisons(["ann"]).empty
    assert found.suggestions("user", "ann") == []
