"""The way from base rate to probability adds up, exactly and as printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.explain.way import way


def _reason(code: str, points: float) -> dict[str, object]:
    return {"code": code, "points": points, "evidence": {}}


REASONS = [
    _reason("interactions.phone", 0.2), _reason("stage.current", -0.05), _reason("attributes.amount", 0.01),
    _reason("owner.record", 0.004), _reason("remainder", 0.006),
]  # fmt: skip


def test_way_leads_from_base_to_probability_with_the_strongest_reasons_first() -> None:
    steps = way(REASONS, base=0.3, probability=0.47, n_shown=2)

    assert [step.code for step in steps] == [
        "interactions.phone", "stage.current", "attributes.amount", "rest", "remainder",
    ]  # fmt: skip
    assert (steps[0].start, steps[-1].end) == (0.3, pytest.approx(0.47))
    assert [step.end for step in steps[:-1]] == [step.start for step in steps[1:]]
    assert steps[3].points == pytest.approx(0.004)


def test_small_reasons_are_one_step_of_the_way() -> None:
    small = [_reason("interactions.phone", 0.0041), _reason("stage.current", -0.004), _reason("owner.record", 0.003)]

    (step,) = way(small[1:], base=0.3, probability=0.299)
    first, rest = way(small, base=0.28, probability=0.2831)

    assert (step.code, step.points, step.printed) == ("rest", pytest.approx(-0.001), -0.1)
    assert (first.code, rest.code, rest.points) == ("interactions.phone", "rest", pytest.approx(-0.001))


def test_way_speaks_chinese() -> None:
    assert [step.text for step in way(REASONS, base=0.3, probability=0.47, lang="zh", n_shown=1)] == [
        "电话", "所处阶段", "其余原因合计", "模型起点差异",
    ]  # fmt: skip


@given(
    base=st.floats(0.01, 0.99),
    points=st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=15),
)
def test_printed_points_add_up_to_the_printed_probability(base: float, points: list[float]) -> None:
    probability = base + sum(points)
    reasons = [_reason(f"attributes.field_{number}", value) for number, value in enumerate(points)]

    steps = way(reasons, base=base, probability=probability, n_shown=4)

    printed = round(1000 * base) + round(10 * sum(step.printed for step in steps))
    if steps:
        assert printed == round(1000 * probability)
    for step in steps:
        assert abs(step.printed - 100 * step.points) <= 0.2
