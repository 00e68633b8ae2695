"""Past cases like an open one, by a model that tells cases apart by their stage."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.datasets import make_company
from forecast.settings import Settings
from forecast.usecases import similar
from forecast.usecases.champion import GATE, fit_group_rate
from forecast.usecases.models import enthrone
from forecast.usecases.similar import PastCases, past_cases, similar_cases

KIND = "opportunity"

pytestmark = pytest.mark.slow


class Place(NamedTuple):
    lake: Any
    registry: InMemoryRegistry
    store: SqlStore
    as_of: datetime
    past: PastCases
    tables: dict[str, pd.DataFrame]

    def again(self, **more: Any) -> PastCases | None:
        return past_cases(self.lake, self.registry, self.store, Settings(), self.as_of, KIND, **more)


@pytest.fixture(scope="module")
def place(frame_lake: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    company = make_company(n_reps=3, n_accounts=40, n_opportunities=120, n_leads=10, months=10)
    lake, as_of = frame_lake(company.tables), company.end - timedelta(days=60)
    folder: Path = tmp_path_factory.mktemp("similar")
    store = SqlStore(f"sqlite:///{folder / 'store.db'}", FixedClock(as_of))
    store.migrate()
    registry = InMemoryRegistry()
    with lake.connect() as con:
        scorer = fit_group_rate(con, KIND, as_of, Settings())
    assert scorer is not None
    version = registry.register("conversion_opportunity", scorer.to_files(), {"cutoff": as_of, "batch": 1})
    enthrone(registry, store, store.clock, version, reason="test", author=GATE)
    past = past_cases(lake, registry, store, Settings(), as_of, KIND)
    assert past is not None
    yield Place(lake, registry, store, as_of, past, company.tables)
    store.close()


def test_past_cases_ended_as_the_history_says_and_before_the_moment(place: Place) -> None:
    deals = place.tables["opportunities"]
    known = deals[pd.to_datetime(deals["recorded_at"], utc=True) < place.as_of]
    last = known.sort_values("recorded_at").groupby("opportunity_id").last()

    cases = place.past.cases

    assert len(cases) > 100
    assert cases["event"].tolist() == last.loc[cases["entity_id"], "outcome"].tolist()
    assert cases["owner_id"].tolist() == last.loc[cases["entity_id"], "owner_id"].tolist()
    assert (cases["as_of"] + pd.to_timedelta(cases["days"], unit="D") < place.as_of).all()


def test_similar_cases_are_those_of_the_same_stage_nearest_first(place: Place) -> None:
    table = place.lake.table("opportunities", place.as_of)
    one = table[table["outcome"].isna()].iloc[0]

    found = similar_cases(place.lake, Settings(), place.past, KIND, one["opportunity_id"], place.as_of, 1)

    with place.lake.connect() as con:
        for case in found[found["distance"] == 0].itertuples():
            (stage,) = con.sql(
                f"SELECT stage FROM opportunities WHERE opportunity_id = '{case.entity_id}' "
                f"AND known_from < '{case.as_of:%Y-%m-%d %H:%M:%S}' AND known_to >= '{case.as_of:%Y-%m-%d %H:%M:%S}'"
            ).fetchall()[0]
            assert stage == one["stage"]
    assert found["distance"].is_monotonic_increasing
    assert found["entity_id"].is_unique
    assert len(found) == similar.N_SIMILAR


def test_past_cases_are_the_same_again_and_few(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "MAX_SNAPSHOTS", 30)

    first, second = place.again(), place.again()

    assert first is not None
    assert second is not None
    assert len(first.cases) == 30
    pd.testing.assert_frame_equal(first.cases, second.cases)
    assert set(first.cases["entity_id"]) <= set(place.past.cases["entity_id"])


def test_no_case_is_similar_to_one_that_was_not_open(place: Place) -> None:
    assert similar_cases(place.lake, Settings(), place.past, KIND, "nobody", place.as_of, 1).empty


def test_without_a_registered_model_nothing_is_compared(place: Place) -> None:
    assert place.again(model="group_rate") is None
