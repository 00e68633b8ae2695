from datetime import UTC, datetime

import pytest

from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.errors import InvalidInput, UnknownModel
from forecast.ports import Promotion
from forecast.usecases.champion import GATE, named_version, serving


def day(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


def line(version: str, cutoff: int, promoted: int, author: str = GATE) -> Promotion:
    return Promotion("conversion_lead", version, day(cutoff), day(promoted), "because", author)


def serves(ledger: list[Promotion], as_of: int) -> str | None:
    promotion = serving(ledger, day(as_of))
    return promotion.version if promotion else None


def test_champion_of_a_day_never_saw_that_day() -> None:
    ledger = [line("1", 5, 5), line("2", 10, 10)]

    assert [serves(ledger, as_of) for as_of in (4, 5, 9, 10, 30)] == [None, "1", "1", "2", "2"]


def test_a_model_trained_later_for_a_past_day_serves_that_past_only() -> None:
    ledger = [line("1", 5, 5), line("2", 20, 20), line("3", 10, 25)]

    assert [serves(ledger, as_of) for as_of in (9, 10, 19, 20, 30)] == ["1", "3", "3", "2", "2"]


def test_rollback_by_hand_outlives_the_version_it_replaces() -> None:
    ledger = [line("1", 5, 5), line("2", 10, 10), line("1", 5, 12, author="ann")]

    assert serves(ledger, 30) == "1"


def test_next_promotion_by_the_gate_follows_a_rollback() -> None:
    ledger = [line("1", 5, 5), line("2", 10, 10), line("1", 5, 12, author="ann"), line("3", 15, 15)]

    assert serves(ledger, 30) == "3"


@pytest.fixture
def registry() -> InMemoryRegistry:
    registry = InMemoryRegistry()
    registry.register("conversion_lead", {}, {"cutoff": day(1), "batch": 1})
    return registry


@pytest.mark.parametrize("model", ["conversion_lead/1", "1"])
def test_a_version_is_named_in_full_or_by_its_number(registry: InMemoryRegistry, model: str) -> None:
    assert named_version(registry, model, "lead").label == "conversion_lead/1"


def test_a_version_of_another_kind_is_none(registry: InMemoryRegistry) -> None:
    assert named_version(registry, "conversion_lead/1", "opportunity") is None


@pytest.mark.parametrize("model", ["demand/1", "conversion_lead/", ""])
def test_what_names_no_conversion_model_is_refused(registry: InMemoryRegistry, model: str) -> None:
    with pytest.raises(InvalidInput, match="must look like conversion_lead/3, or be 'group_rate'"):
        named_version(registry, model, "lead")


def test_unknown_version_is_refused(registry: InMemoryRegistry) -> None:
    with pytest.raises(UnknownModel, match="There is no model conversion_lead/7"):
        named_version(registry, "conversion_lead/7", "lead")
