"""The gate: what promotes and what does not."""

import numpy as np
import pytest

from forecast.evaluation.promotion import decide

ENTITIES = np.repeat(np.arange(200), 3)


@pytest.fixture
def champion() -> np.ndarray:
    return np.random.default_rng(0).exponential(0.5, 600)


def test_a_clearly_better_challenger_replaces_the_floor(champion: np.ndarray) -> None:
    decision = decide(champion, champion - 0.05, ENTITIES, floor=True)

    assert decision.promote
    assert decision.reason.startswith("Better: log loss -0.0500 nats per case")
    assert decision.numbers["upper_bound"] < 0


def test_a_challenger_equal_to_the_floor_does_not_replace_it(champion: np.ndarray) -> None:
    assert not decide(champion, champion, ENTITIES, floor=True).promote


def test_a_challenger_equal_to_a_champion_of_its_kind_replaces_it(champion: np.ndarray) -> None:
    decision = decide(champion, champion, ENTITIES, floor=False)

    assert decision.promote
    assert decision.reason.startswith("Not worse")


def test_a_challenger_worse_by_more_than_the_margin_is_refused(champion: np.ndarray) -> None:
    decision = decide(champion, champion + 0.002, ENTITIES, floor=False, margin=0.001)

    assert not decision.promote
    assert "within 0.001 of the champion" in decision.reason


def test_noise_that_looks_better_is_not_promoted_over_the_floor() -> None:
    promoted = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        difference = np.repeat(rng.normal(0, 0.3, 200), 3)
        promoted.append(decide(np.zeros(600), difference, ENTITIES, floor=True).promote)
    assert np.mean(promoted) <= 0.11  # one-sided 5 %, plus chance over 100 draws


def test_many_segments_ask_for_more_evidence() -> None:
    difference = np.repeat(np.random.default_rng(0).normal(-0.045, 0.3, 200), 3)

    one = decide(np.zeros(600), difference, ENTITIES, floor=True)
    many = decide(np.zeros(600), difference, ENTITIES, floor=True, n_segments=20)

    assert one.promote
    assert not many.promote
    assert many.numbers["upper_bound"] > one.numbers["upper_bound"]


def test_a_leaking_challenger_is_refused_however_good(champion: np.ndarray) -> None:
    decision = decide(champion, champion - 1, ENTITIES, floor=True, leaking=["attributes__closed_reason"])

    assert not decision.promote
    assert "attributes__closed_reason" in decision.reason


def test_a_miscalibrated_challenger_is_refused_though_its_loss_is_better(champion: np.ndarray) -> None:
    decision = decide(champion, champion - 0.05, ENTITIES, floor=True, miscalibration=(0.001, 0.04))

    assert not decision.promote
    assert decision.reason.startswith("Calibration is worse: 0.0400")


def test_too_few_entities_decide_nothing(champion: np.ndarray) -> None:
    decision = decide(champion[:30], champion[:30] - 0.5, ENTITIES[:30], floor=True)

    assert not decision.promote
    assert decision.reason == "Too few cases to decide: 10, at least 20 are needed."
