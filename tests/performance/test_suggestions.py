import numpy as np
import pandas as pd
import pytest

from forecast.performance import WIN, Pieces, judge, suggest
from forecast.performance.steps import ANSWER, CONVERT
from forecast.performance.suggestions import AHEAD, BEHIND, CODES, kind_of_step

PEOPLE = ("ann", "bob", "cat", "dan")


def step_of(*won):
    """A step in which each person had 40 cases in each of four windows, half of them expected to succeed."""
    rows = [(person, window, i < won[person]) for person in range(4) for window in range(4) for i in range(40)]
    person, window, succeeded = (np.array(column) for column in zip(*rows, strict=True))
    pieces = Pieces(np.arange(len(rows)), person, window, np.full(len(rows), 0.5), succeeded)
    return judge(pieces, PEOPLE, period=(2, 3))


@pytest.fixture(scope="module")
def steps():
    return {
        WIN: step_of(20, 20, 20, 20),
        CONVERT: step_of(8, 20, 20, 34),
        "advance.offer": step_of(6, 26, 34, 12),
        "close.offer": step_of(20, 20, 20, 20),
        ANSWER: step_of(34, 20, 20, 8),
    }


def suggestions(steps, person, visible=PEOPLE):
    lines = pd.concat([above.lines({("user", person): [person]}).assign(step=step) for step, above in steps.items()])
    return suggest(lines, steps, person=person, visible=visible)


def test_suggestions_follow_from_the_steps_in_which_somebody_is_behind_or_ahead(steps):
    found = [(one["code"], one["step"]) for one in suggestions(steps, "ann")]

    assert found == [("advance_stage", "advance.offer"), ("qualify_leads", CONVERT), (AHEAD, ANSWER)]  # worst first


def test_nothing_is_suggested_where_nothing_can_be_claimed(steps):
    assert suggestions({"close.offer": steps["close.offer"]}, "ann") == []
    assert suggestions({WIN: steps[CONVERT]}, "ann") == []  # the whole names no step to work on


def test_evidence_is_that_of_the_step(steps):
    evidence = suggestions(steps, "ann")[0]["evidence"]
    line = steps["advance.offer"].lines({("user", "ann"): ["ann"]}).iloc[0]

    assert (evidence["n_cases"], evidence["successes"], evidence["expected"]) == (80, 12, 40)
    assert evidence["p"] == line["p_behind"] >= 0.9
    assert evidence["above"] == line["above"] < 0


def test_only_visible_colleagues_who_are_ahead_are_named(steps):
    def named(visible):
        return suggestions(steps, "ann", visible)[0]["evidence"]["learn_from"]

    assert set(named(PEOPLE)) >= {"bob", "cat"}
    assert named(["ann", "bob"]) == ["bob"]
    assert named(["ann"]) == named([]) == []


def test_a_team_learns_from_nobody_by_name(steps):
    lines = steps["advance.offer"].lines({("team", "T"): ["ann", "dan"]}).assign(step="advance.offer")

    (found,) = suggest(lines, steps, person=None, visible=PEOPLE)

    assert found["code"] == "advance_stage"
    assert found["evidence"]["learn_from"] == []


def test_every_kind_of_step_has_its_suggestion(steps):
    assert {kind_of_step(step) for step in steps} - {WIN} <= set(BEHIND)
    assert set(CODES) == {*BEHIND.values(), AHEAD}
