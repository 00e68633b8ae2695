from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.funnel import cumulative_incidence, mix_and_rate

SINCE = datetime(2025, 3, 1, tzinfo=UTC)


def stays(n_before: dict[str, tuple[int, int]], n_after: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """Stays of 5 days: by segment how many entered, and how many of them moved on; none is cut."""
    parts = []
    for start, cells in ((pd.Timestamp("2025-01-01"), n_before), (pd.Timestamp("2025-04-01"), n_after)):
        for segment, (n, moved) in cells.items():
            ending = ["advance"] * moved + ["lost"] * (n - moved)
            parts.append(pd.DataFrame({"segment": segment, "entered": start, "days": 5.0, "ending": ending}))
    return pd.concat(parts, ignore_index=True)


def test_by_hand_mix_and_rate() -> None:
    frame = stays({"web": (60, 12), "event": (40, 24)}, {"web": (80, 16), "event": (20, 10)})
    table = mix_and_rate(frame, frame["segment"], SINCE).set_index("segment")

    # 0.36 before, 0.26 after; web 0.2 and 0.2 of a share 0.6 and 0.8, events 0.6 and 0.5 of 0.4 and 0.2
    assert table.loc["web", "rate_part"] == pytest.approx(0.0)
    assert table.loc["event", "rate_part"] == pytest.approx(-0.1 * 0.3)
    assert table["mix_part"].sum() == pytest.approx(0.2 * 0.2 - 0.2 * 0.55)
    assert table.loc["web", "mix_part"] == pytest.approx(0.2 * (0.2 - 0.31))
    assert table[["mix_part", "rate_part"]].to_numpy().sum() == pytest.approx(0.26 - 0.36)


def test_pure_shift_is_all_mix_and_pure_decline_is_all_rate() -> None:
    shift = stays({"a": (50, 10), "b": (50, 30)}, {"a": (80, 16), "b": (20, 12)})
    decline = stays({"a": (50, 20), "b": (50, 30)}, {"a": (50, 10), "b": (50, 15)})

    parts = [
        mix_and_rate(frame, frame["segment"], SINCE)[["mix_part", "rate_part"]].sum() for frame in (shift, decline)
    ]

    assert parts[0]["rate_part"] == pytest.approx(0)
    assert parts[0]["mix_part"] == pytest.approx(0.3 * (0.2 - 0.6))
    assert parts[1]["mix_part"] == pytest.approx(0)
    assert parts[1]["rate_part"] == pytest.approx(0.25 - 0.5)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_parts_sum_to_the_change_of_rates_with_open_stays_allowed_for(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 400
    entered = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.uniform(0, 120, n), unit="D")
    days, room = rng.exponential(15, n), (pd.Timestamp("2025-05-01") - entered).total_seconds().to_numpy() / 86400
    frame = pd.DataFrame(
        {
            "entered": entered.as_unit("us"),
            "days": np.minimum(days, room),
            "ending": np.where(days < room, rng.choice(["advance", "won", "lost", "back"], n), ""),
        }
    )
    segment = pd.Series(rng.choice(["a", "b", "c"], n, p=[0.6, 0.35, 0.05]))
    table = mix_and_rate(frame, segment, SINCE)
    assert set(table["segment"]) <= {"a", "b", "other"}  # c is too small

    moment, within = pd.Timestamp("2025-03-01"), table["within_days"].iloc[0]
    names = segment.where(segment.isin(table["segment"]), "other")
    totals = {}
    for side, at in (("before", entered < moment), ("after", entered >= moment)):
        rates, counts = [], []
        for name in table["segment"]:
            part = frame[at & (names == name).to_numpy()]
            cut = (moment - part["entered"]).dt.total_seconds() / 86400 if side == "before" else np.inf
            way = (
                part["ending"]
                .map({"advance": 0, "won": 0, "lost": 1, "back": 1})
                .fillna(-1)
                .where(part["days"] <= cut, -1)
            )
            rates.append(cumulative_incidence(np.minimum(part["days"], cut), way, 2).shares_at(within)[0])
            counts.append(len(part))
        totals[side] = np.dot(rates, counts) / sum(counts)
    assert table[["mix_part", "rate_part"]].to_numpy().sum() == pytest.approx(
        totals["after"] - totals["before"], abs=1e-12
    )


def test_a_segment_followed_for_a_short_time_does_not_shorten_the_look_at_all() -> None:
    frame = stays({"a": (60, 20), "b": (60, 20)}, {"a": (60, 30), "b": (60, 30)})
    young = stays({"new": (25, 5)}, {"new": (25, 0)})
    young.loc[25:, ["days", "ending"]] = [2.0, ""]  # came two days ago
    both = pd.concat([frame, young], ignore_index=True)

    table = mix_and_rate(both, both["segment"], SINCE)

    assert set(table["segment"]) == {"a", "b"}  # "other" holds nothing that was followed so long
    assert table["within_days"].unique().tolist() == [5.0]
    assert table["rate_part"].sum() == pytest.approx(30 / 60 - 20 / 60)


def test_only_stays_of_the_named_span_are_before() -> None:
    frame = stays({"a": (50, 10)}, {"a": (50, 30)})
    older = frame.iloc[:50].assign(entered=pd.Timestamp("2024-06-01"), ending="advance")
    both = pd.concat([older, frame], ignore_index=True)

    table = mix_and_rate(
        both, both["segment"], SINCE, before=(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC))
    )

    assert table[["n_before", "conversion_before"]].to_numpy().tolist() == [[50, 0.2]]


def test_too_few_on_one_side_give_no_reasons() -> None:
    frame = stays({"a": (50, 10)}, {"a": (10, 3)})

    assert mix_and_rate(frame, frame["segment"], SINCE).empty
