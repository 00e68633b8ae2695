from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecast.performance import CLAIM_LEVEL, Pieces, judge
from forecast.performance.above import Worth, claimed

PEOPLE = ("ann", "bob", "cat", "dan")


@pytest.fixture(scope="module")
def above():
    """Four people with 40 cases in each of four windows, half of them expected; ann wins 34, dan 6, the others 20."""
    won = {0: 34, 1: 20, 2: 20, 3: 6}
    rows = [(person, window, i < won[person]) for person in range(4) for window in range(4) for i in range(40)]
    person, window, succeeded = (np.array(column) for column in zip(*rows, strict=True))
    pieces = Pieces(np.arange(len(rows)), person, window, np.full(len(rows), 0.5), succeeded)
    worth = Worth(np.full(len(rows), 10.0), np.full(len(rows), 12.0))
    return judge(pieces, PEOPLE, period=(2, 3), worth=worth)


def groups(**people):
    return {("team", name): members for name, members in people.items()} | {("user", one): [one] for one in PEOPLE}


def test_lines_count_the_period_only(above):
    line = above.lines(groups()).set_index("id").loc["ann"]

    assert (line["n_cases"], line["successes"], line["expected"]) == (80, 68, 40.0)
    assert line["difference"] == 28.0
    assert (line["amount"], line["expected_amount"]) == (68 * 12.0, 400.0)


def test_what_is_claimed_of_each_follows_the_stated_level(above):
    lines = above.lines(groups()).set_index("id")

    assert lines["claim"].to_dict() == {"ann": "ahead", "bob": "", "cat": "", "dan": "behind"}
    assert (lines["p_ahead"] + lines["p_behind"] <= 1 + 1e-9).all()
    assert ((lines["p_ahead"] >= CLAIM_LEVEL) == (lines["claim"] == "ahead")).all()
    assert (lines["low"] <= lines["above"]).all()
    assert (lines["above"] <= lines["high"]).all()


def test_what_lasts_is_less_than_the_difference(above):
    lines = above.lines(groups()).set_index("id")

    assert 0 < lines.loc["ann", "above"] < lines.loc["ann", "difference"]
    assert lines.loc["dan", "difference"] < lines.loc["dan", "above"] < 0
    assert lines.loc["ann", "pace"] > 1
    assert lines.loc["dan", "pace"] < 1
    assert_allclose(lines["amount_above"], 10 * lines["above"])


def test_a_team_is_the_sum_of_its_people(above):
    lines = above.lines(groups(north=["ann", "bob"], everybody=PEOPLE)).set_index("id")

    for name, members in (("north", ["ann", "bob"]), ("everybody", list(PEOPLE))):
        for figure in ("n_cases", "successes", "expected", "above", "amount", "amount_above"):
            assert lines.loc[name, figure] == pytest.approx(lines.loc[members, figure].sum())
    assert lines.loc["north", "high"] < lines.loc[["ann", "bob"], "high"].sum()  # ranges do not add


def test_a_team_without_cases_has_no_line(above):
    assert "empty" not in above.lines(groups(empty=["zoe"]))["id"].tolist()


def test_the_company_is_not_compared_with_itself(above):
    line = above.lines({("company", "company"): PEOPLE}).iloc[0]

    assert line["expected"] == 160.0
    assert np.isnan(line["p_ahead"])
    assert line["claim"] == ""


def test_unseen_differences_that_undo_a_claim_are_told(above):
    lines = above.lines(groups()).set_index("id")

    factors = above.skill.factors[:, above.people.index("ann")]
    assert lines.loc["ann", "unseen"] == pytest.approx(np.exp(np.quantile(factors, 0.1)))
    assert lines.loc["ann", "unseen"] > 1
    assert lines.loc["dan", "unseen"] > 1
    assert np.isnan(lines.loc["bob", "unseen"])


def test_people_are_compared_by_the_probability_that_one_is_ahead(above):
    pairs = above.comparisons(["dan", "ann", "bob", "nobody"]).set_index(["id", "other_id"])

    assert len(pairs) == 6
    assert pairs.loc[("ann", "dan"), "p_ahead"] == above.ahead("ann", "dan") > 0.99
    assert pairs.loc[("ann", "dan"), "claim"] == "ahead"
    assert pairs.loc[("dan", "ann"), "claim"] == "behind"
    assert above.ahead("ann", "bob") + above.ahead("bob", "ann") <= 1
    assert above.comparisons([]).empty


def test_one_person_is_compared_with_the_others_alone(above):
    own = above.comparisons(PEOPLE, of="bob")

    every = above.comparisons(PEOPLE)
    pd.testing.assert_frame_equal(own, every[every["id"] == "bob"].reset_index(drop=True))
    assert above.comparisons(PEOPLE, of="nobody").empty


def test_equal_people_are_not_claimed_to_differ(above):
    pairs = above.comparisons(["bob", "cat"])

    assert pairs["claim"].tolist() == ["", ""]
    assert_allclose(pairs["p_ahead"], 0.5, atol=0.1)


def test_nothing_is_claimed_where_others_do_not_explain_what_came(above):
    unfit = replace(above, expected=2 * above.expected)

    assert above.fits
    assert not unfit.fits
    assert set(unfit.lines(groups())["claim"]) == set(unfit.comparisons(PEOPLE)["claim"]) == {""}


@pytest.mark.parametrize(
    ("ahead", "behind", "claim"),
    [(CLAIM_LEVEL, 0.0, "ahead"), (0.0, CLAIM_LEVEL, "behind"), (0.89, 0.11, ""), (0.4, 0.4, "")],
)
def test_nothing_is_claimed_below_the_stated_probability(ahead, behind, claim):
    assert claimed(ahead, behind) == claim
