import pytest

from forecast.errors import InvalidInput
from forecast.targets import Rule
from forecast.targets.constraints import Constraint, parse_constraint, ramp_factor, read_constraints, state_rules


def test_changes_become_amounts_on_the_last_target():
    rules, without = state_rules(
        [Constraint("ada", "min_change", -0.1), Constraint("ada", "max_change", 0.25)], ["ada"], {"ada": 333.33}, "EUR"
    )

    assert rules == [
        Rule("floor", "ada", 300.0, "-10.0% on 333.33 EUR"),
        Rule("ceiling", "ada", 416.66, "+25.0% on 333.33 EUR"),
    ]
    assert without == ()


def test_a_constraint_on_everybody_gives_way_to_one_on_a_name():
    rules, _ = state_rules([Constraint("*", "floor", 10), Constraint("bob", "floor", 5)], ["ada", "bob"], {}, "EUR")

    assert rules == [Rule("floor", "ada", 10), Rule("floor", "bob", 5)]


def test_who_has_no_last_target_is_told_and_left_free():
    assert state_rules([Constraint("*", "max_change", 0.1)], ["ada", "bob"], {"bob": 100}, "EUR") == (
        [Rule("ceiling", "bob", 110.0, "+10.0% on 100.00 EUR")],
        ("ada",),
    )


def test_rows_of_a_table_become_constraints():
    rows = [{"owner_id": "ada", "floor": "10", "ceiling": "", "ramp": None}, {"owner_id": "*", "max_change": 0.2}]

    assert read_constraints(rows) == [Constraint("ada", "floor", 10.0), Constraint("*", "max_change", 0.2)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"floor": 1}, "Constraint 1 has no `owner_id`"),
        ({"owner_id": "ada", "floor": "ten"}, "floor of ada must be a number, got 'ten'"),
        (
            {"owner_id": "ada", "cap": 1},
            "must be one of fixed, floor, ceiling, min_change, max_change, ramp, got 'cap'",
        ),
    ],
)
def test_a_wrong_table_is_named(row, message):
    with pytest.raises(InvalidInput, match=message):
        read_constraints([row])


def test_constraint_in_one_text():
    assert parse_constraint("fixed:a=b=12.5") == Constraint("a=b", "fixed", 12.5)


@pytest.mark.parametrize("text", ["", "floor", "floor:ada", "floor:=1", "cap:ada=1", "floor:ada=x"])
def test_constraint_in_another_form_fails(text):
    with pytest.raises(InvalidInput, match="must look like floor:U3=80000"):
        parse_constraint(text)


@pytest.mark.parametrize(("months", "factor"), [(3, 0.5), (12, 1.0), (-2, 1 / 12)])
def test_ramp_by_months(months, factor):
    assert ramp_factor(months, 6) == pytest.approx(factor)


def test_ramp_needs_months():
    with pytest.raises(InvalidInput, match="above 0, got 0"):
        ramp_factor(1, 0)
