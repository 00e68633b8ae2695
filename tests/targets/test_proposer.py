import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import InvalidInput
from forecast.targets import ConstraintConflict, Proposer, Rule, TargetOutOfReach, propose

OWNERS = ("ada", "bob", "cem", "dan", "eve")
TEAMS = ("north", "north", "north", "south", "south")


def smooth_paths(n_paths=2000, n_owners=5, random_state=0):
    rng = np.random.default_rng(random_state)
    shock = rng.normal(0, 0.2, (n_paths, 1))
    return 1000 * np.arange(1, n_owners + 1) * np.exp(shock + rng.normal(0, 0.4, (n_paths, n_owners)))


@pytest.fixture(scope="module")
def proposer():
    return Proposer(smooth_paths(), owners=OWNERS, groups=TEAMS)


def holds(rule, proposal):
    """Whether a proposal keeps a rule, by its definition."""
    targets = dict(zip(OWNERS, proposal.targets, strict=True))
    if rule.node in OWNERS:
        amount = targets[rule.node]
    else:
        amount = round(sum(targets[owner] for owner, team in zip(OWNERS, TEAMS, strict=True) if team == rule.node), 2)
    return {
        "fixed": amount == rule.amount,
        "floor": amount >= rule.amount,
        "ceiling": amount <= rule.amount,
        "ramp": True,
    }[rule.kind]


amounts = st.integers(0, 8000).map(float)
rules = st.lists(
    st.one_of(
        st.builds(Rule, st.sampled_from(["fixed", "floor", "ceiling"]), st.sampled_from([*OWNERS, "north"]), amounts),
        st.builds(Rule, st.just("ramp"), st.sampled_from(OWNERS), st.sampled_from([0.25, 0.5])),
    ),
    max_size=6,
)


@given(rules=rules, total=st.integers(4000, 30_000).map(float))
@settings(max_examples=100, deadline=None)
def test_constraints_hold_and_targets_add_up_or_an_irreducible_conflict_is_named(rules, total):
    proposer = Proposer(smooth_paths(200), owners=OWNERS, groups=TEAMS)
    try:
        proposal = proposer.propose(total, rules)
    except ConstraintConflict as error:
        for left_out in error.conflict:
            proposer.propose(total, [rule for rule in error.conflict if rule is not left_out])
        with pytest.raises(ConstraintConflict):
            proposer.propose(total, error.conflict)
        return
    assert all(holds(rule, proposal) for rule in rules), proposal
    assert round(proposal.targets.sum() * 100) == round(total * 100)


@given(rules=rules, total=st.integers(6000, 20_000).map(float))
@settings(max_examples=60, deadline=None)
def test_the_free_share_one_ambition(rules, total):
    proposer = Proposer(smooth_paths(200), owners=OWNERS, groups=TEAMS)
    try:
        proposal = proposer.propose(total, rules)
    except TargetOutOfReach:
        return
    free = np.array(proposal.held) == ""
    assert np.all(proposal.odds_above[free] <= proposal.ambition + 1e-12)
    assert np.all(proposal.ambition <= proposal.odds[free] + 1e-12)


def test_floor_and_ceiling_bind_and_the_others_share_the_rest(proposer):
    proposal = proposer.propose(15_000, [Rule("floor", "ada", 2000), Rule("ceiling", "eve", 3000)])

    assert proposal.targets[0] == 2000
    assert proposal.targets[4] == 3000
    assert proposal.held == ("floor", "", "", "", "ceiling")
    np.testing.assert_allclose(proposal.odds[1:4], proposal.ambition, atol=1e-3)
    rest = propose(smooth_paths()[:, 1:4], 10_000)  # an oracle: what is left, shared by those who are left
    np.testing.assert_allclose(proposal.targets[1:4], rest.targets, atol=0.011)


def test_a_constraint_that_does_not_bind_changes_nothing(proposer):
    free = proposer.propose(15_000)

    bound = proposer.propose(15_000, [Rule("floor", "ada", 1), Rule("ceiling", "bob", 1e6), Rule("ramp", "cem", 1)])

    np.testing.assert_array_equal(bound.targets, free.targets)
    assert bound.held == ("",) * 5


def test_a_newcomer_gets_the_factor_of_a_full_target(proposer):
    proposal = proposer.propose(15_000, [Rule("ramp", "ada", 0.5)])

    full = proposer.propose_at(proposal.ambition)
    assert proposal.targets[0] == pytest.approx(full.targets[0] / 2, rel=2e-3)
    np.testing.assert_allclose(proposal.targets[1:], full.targets[1:], rtol=2e-3)
    assert proposal.held[0] == "ramp"


def test_a_team_with_a_ceiling_shares_it_at_odds_of_its_own(proposer):
    proposal = proposer.propose(15_000, [Rule("ceiling", "north", 4000)])

    assert round(proposal.targets[:3].sum(), 2) == 4000
    assert np.ptp(proposal.odds[:3]) <= 1e-3
    assert proposal.odds[0] > proposal.odds[3] + 0.05
    np.testing.assert_allclose(proposal.odds[3:], proposal.ambition, atol=1e-3)
    assert proposal.held == ("group", "group", "group", "", "")


def test_a_conflict_names_only_the_rules_that_are_in_it(proposer):
    rules = [
        Rule("ceiling", "bob", 9000),
        Rule("floor", "ada", 900, "-10 % on 1,000.00 EUR"),
        Rule("ceiling", "ada", 800),
    ]

    with pytest.raises(
        ConstraintConflict, match=r"cannot all hold beside the company target of 15,000\.00 EUR: "
    ) as told:
        proposer.propose(15_000, rules)

    assert set(told.value.conflict) == set(rules[1:])
    assert "floor 900.00 EUR of ada (-10 % on 1,000.00 EUR)" in str(told.value)


def test_ceilings_that_leave_too_little_are_named(proposer):
    rules = [Rule("ceiling", owner, 1000) for owner in OWNERS] + [Rule("floor", "ada", 10)]

    with pytest.raises(ConstraintConflict) as told:
        proposer.propose(15_000, rules)

    assert {rule.kind for rule in told.value.conflict} == {"ceiling"}


def test_a_team_whose_floor_its_members_may_not_reach_is_in_conflict_with_them(proposer):
    rules = [Rule("floor", "south", 9000), Rule("fixed", "dan", 3000), Rule("ceiling", "eve", 4000)]

    with pytest.raises(ConstraintConflict) as told:
        proposer.propose(15_000, [*rules, Rule("ceiling", "ada", 5000)])

    assert set(told.value.conflict) == set(rules)


def test_levels_keep_constraints(proposer):
    levels = proposer.levels(rules=[Rule("ceiling", "eve", 3000), Rule("floor", "south", 9000)])

    for name, odds in {"target": 0.65, "stretch": 0.40, "challenge": 0.15}.items():
        assert levels[name].targets[4] == 3000
        assert round(levels[name].targets[3:].sum(), 2) >= 9000
        np.testing.assert_allclose(levels[name].odds[:3], odds, atol=1e-3)


def test_drag_fixes_one_target_and_changes_the_odds_of_the_others(proposer):
    before = proposer.propose(15_000)

    after = proposer.drag(15_000, "cem", float(before.targets[2]) + 500)

    assert after.targets[2] == before.targets[2] + 500
    assert round(after.targets.sum(), 2) == 15_000
    others = [0, 1, 3, 4]
    assert np.all(after.odds[others] > before.odds[others])
    np.testing.assert_allclose(after.odds[others], after.ambition, atol=1e-3)
    assert after.company_odds == before.company_odds


def test_drag_to_the_proposed_amount_changes_nothing(proposer):
    before = proposer.propose(15_000)

    np.testing.assert_allclose(proposer.drag(15_000, "cem", before.targets[2]).targets, before.targets, atol=0.011)


def test_dragged_owner_leaves_the_own_limits_behind(proposer):
    assert proposer.drag(15_000, "eve", 5000, [Rule("ceiling", "eve", 3000)]).targets[4] == 5000


def test_counted_measures_are_whole():
    paths = np.random.default_rng(0).poisson([3, 8, 20], (500, 3))

    proposal = Proposer(paths, currency="").propose(33)

    assert proposal.targets.sum() == 33
    np.testing.assert_array_equal(proposal.targets, np.rint(proposal.targets))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Rule("floor", "zoe", 1), "'zoe': nobody of that name"),
        (Rule("ramp", "north", 0.5), "'north': nobody of that name"),
        (Rule("ramp", "ada", 1.5), r"'ada' must be a factor in \(0, 1\], got 1.5"),
        (Rule("ceiling", "ada", -1), "ceiling of 'ada' must be an amount of at least 0, got -1"),
        (Rule("floor", "ada", float("nan")), "got nan"),
        (Rule("cap", "ada", 1), "must be one of fixed, floor, ceiling, ramp, got 'cap'"),
    ],
)
def test_proposer_names_a_bad_rule(proposer, rule, message):
    with pytest.raises(InvalidInput, match=message):
        proposer.propose(15_000, [rule])


def test_proposer_needs_a_name_for_every_owner():
    with pytest.raises(InvalidInput, match="`groups` must name each of 5 owners, got 2"):
        Proposer(smooth_paths(10), groups=["a", "b"])
