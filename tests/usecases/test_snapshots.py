from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from forecast.history import connect_tables
from forecast.settings import Settings
from forecast.usecases import snapshots as module
from forecast.usecases.snapshots import censored, take_snapshots

CUTOFF = datetime(2025, 7, 20, tzinfo=UTC)


def leads(n: int, *, days_open: float) -> pd.DataFrame:
    """One lead a day from 2025-01-01 09:00 on, open for so many days, every second one converted."""
    created = pd.Timestamp("2025-01-01 09:00", tz="UTC") + pd.to_timedelta(np.arange(n), unit="D")
    ended = created + pd.Timedelta(days=days_open)
    ids = [f"L{number:03d}" for number in range(n)]
    first = pd.DataFrame({"lead_id": ids, "status": "new", "created_at": created, "recorded_at": created})
    converted = ended.where(np.arange(n) % 2 == 0)
    last = first.assign(closed_at=ended, converted_at=converted, recorded_at=ended)
    return pd.concat([first, last], ignore_index=True)


def take(frame: pd.DataFrame, **settings: object) -> module.Snapshots:
    return take_snapshots(connect_tables({"leads": frame}), "lead", CUTOFF, Settings(**settings))


def test_grid_has_the_step_of_the_settings_when_cases_live_longer() -> None:
    taken = take(leads(150, days_open=20))

    assert taken.step_days == 7
    assert set(taken.spine["as_of"].dt.dayofweek) == {0}
    assert set(taken.spine["as_of"].dt.hour) == {0}


def test_grid_is_daily_when_a_weekly_one_would_miss_most_cases() -> None:
    taken = take(leads(150, days_open=2))

    assert taken.step_days == 1
    assert taken.spine["entity_id"].nunique() == 150
    assert len(taken.spine) == 300


def test_grid_becomes_coarser_above_the_cap_and_keeps_every_case_of_its_moments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = leads(150, days_open=20)
    weekly = take(frame)
    monkeypatch.setattr(module, "MAX_ROWS", len(weekly.spine) - 1)

    coarser = take(frame)

    assert coarser.step_days == 14
    kept = weekly.spine[weekly.spine["as_of"].isin(coarser.spine["as_of"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(coarser.spine, kept)


def test_horizon_is_the_longest_that_the_follow_up_supports() -> None:
    # 200 days of history: in 180 days only the leads of the first 20 were followed, ten of them won.
    horizons = [take(leads(150, days_open=20), conversion_horizon_days=days).horizon_days for days in (45, 90, 365)]

    assert horizons == [45, 90, 90]


def test_reporting_delay_ends_the_follow_up_earlier() -> None:
    taken = take(leads(198, days_open=20), reporting_delay_days=10)

    assert taken.end == datetime(2025, 7, 10, tzinfo=UTC)
    assert taken.spine["as_of"].max() < pd.Timestamp(taken.end)
    ends = taken.outcomes["as_of"] + pd.to_timedelta(taken.outcomes["days"], unit="D")
    assert ends.max() <= pd.Timestamp(taken.end)


def test_no_case_gives_no_snapshot() -> None:
    taken = take(leads(0, days_open=1))

    assert taken.spine.empty
    assert taken.outcomes.empty


def test_censored_forgets_events_after_the_end() -> None:
    moment = pd.Timestamp("2025-01-01", tz="UTC")
    known = pd.DataFrame(
        {
            "entity_id": ["early", "late", "open", "unborn"],
            "as_of": [moment, moment, moment, moment + pd.Timedelta(days=11)],
            "event": ["won", "lost", "", "won"],
            "days": [3.0, 20.0, 25.0, 1.0],
        }
    )

    cut = censored(known, datetime(2025, 1, 11, tzinfo=UTC))

    assert cut["entity_id"].tolist() == ["early", "late", "open"]
    assert cut["event"].tolist() == ["won", "", ""]
    assert cut["days"].tolist() == [3.0, 10.0, 10.0]
