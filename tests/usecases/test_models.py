from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.errors import InvalidInput, UnknownModel
from forecast.usecases.champion import GATE
from forecast.usecases.models import card, enthrone, list_models, promote, rollback

START = datetime(2026, 1, 1, tzinfo=UTC)


class Desk:
    """A registry, a ledger and a clock."""

    def __init__(self, folder: Path) -> None:
        self.clock = FixedClock(START)
        self.store = SqlStore(f"sqlite:///{folder / 'store.db'}", self.clock)
        self.store.migrate()
        self.registry = InMemoryRegistry()

    def train(self, *, promoted: bool = True) -> None:
        self.clock.moment += timedelta(days=7)
        run = {"cutoff": self.clock.now(), "batch": 1, "metrics": {"log_loss": 0.3}, "tags": {"kind": "blend"}}
        version = self.registry.register("conversion_lead", {"card.md": b"# card"}, run)
        if promoted:
            enthrone(self.registry, self.store, self.clock, version, reason="better", author=GATE)

    def serving(self) -> str:
        models = list_models(self.registry, self.store)
        (version,) = models.loc[models["champion"], "version"]
        assert self.registry.champions["conversion_lead"] == version
        return str(version)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_list_shows_every_version_and_who_serves(desk: Desk) -> None:
    desk.train()
    desk.train(promoted=False)

    models = list_models(desk.registry, desk.store)

    assert models["version"].tolist() == ["1", "2"]
    assert models["champion"].tolist() == [True, False]
    assert models["log_loss"].tolist() == [0.3, 0.3]
    assert models["reason"].tolist() == ["better", None]


def test_list_without_models_is_empty_with_its_columns(desk: Desk) -> None:
    models = list_models(desk.registry, desk.store)

    assert models.empty
    assert "champion" in models


def test_promotion_by_hand_is_kept_with_author_and_reason(desk: Desk) -> None:
    desk.train()
    desk.train(promoted=False)

    promote(desk.registry, desk.store, desk.clock, "conversion_lead/2", author="ann", reason="I looked")

    assert desk.serving() == "2"
    assert desk.store.promotions()[-1].author == "ann"
    assert desk.store.audit_log()["subject"].iloc[-1] == "conversion_lead/2: I looked"


def test_rollback_returns_to_the_champion_before_and_again_to_the_one_before_that(desk: Desk) -> None:
    for _ in range(3):
        desk.train()

    assert rollback(desk.registry, desk.store, desk.clock, "conversion_lead", author="ann") == "conversion_lead/2"
    assert desk.serving() == "2"
    assert desk.store.promotions()[-1].reason == "rollback from conversion_lead/3"


def test_rollback_of_the_first_champion_is_refused(desk: Desk) -> None:
    desk.train()

    with pytest.raises(UnknownModel, match="conversion_lead/1 is the first champion"):
        rollback(desk.registry, desk.store, desk.clock, "conversion_lead", author="ann")


def test_rollback_of_a_name_without_champion_is_refused(desk: Desk) -> None:
    with pytest.raises(UnknownModel, match="No version of 'nothing' was ever promoted"):
        rollback(desk.registry, desk.store, desk.clock, "nothing", author="ann")


def test_nobody_may_promote_in_the_name_of_the_gate(desk: Desk) -> None:
    desk.train()

    with pytest.raises(InvalidInput, match="`author` must be a person"):
        promote(desk.registry, desk.store, desk.clock, "conversion_lead/1", author=GATE, reason="hm")


def test_card_is_the_markdown_of_the_version(desk: Desk) -> None:
    desk.train()

    assert card(desk.registry, "conversion_lead/1") == "# card"
    with pytest.raises(InvalidInput, match="must look like conversion_lead/3, got 'conversion_lead'"):
        card(desk.registry, "conversion_lead")
