"""A whole funnel: what is told, in which language, and as a picture."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from forecast.errors import InvalidInput
from forecast.funnel import Funnel, Visits, funnel_texts, measure_funnel
from forecast.funnel.plots import funnel_plot
from forecast.funnel.texts import stage_label

Measure = Callable[..., Funnel]


@pytest.fixture(scope="module")
def measured() -> Measure:
    def measure(visits: Visits, **asked: Any) -> Funnel:
        return measure_funnel(
            visits,
            visits.end,
            horizons_days=(30, 60, 90),
            zone=ZoneInfo("UTC"),
            currency="EUR",
            **asked,
        )

    return measure


@pytest.fixture(scope="module")
def fallen(markov: ModuleType, measured: Measure) -> Funnel:
    """A funnel in which offers of the south convert much more slowly in the last quarter."""
    factors = np.ones((8, 3, 2))
    factors[7, 1, 0] = 0.4
    made = markov.simulate(markov.Truth(factors=factors), 3000, 8 * markov.QUARTER_DAYS, np.random.default_rng(7))
    region = np.where(made.frame["case_id"].astype(int) % 3 == 0, "south", "north")
    return measured(Visits(made.frame.assign(region=region), made.stages, made.won, made.end, 4), by="region")


def test_sentences_tell_the_bottleneck_the_change_and_why(fallen: Funnel) -> None:
    english, chinese = ([line["text"] for line in funnel_texts(fallen, lang)] for lang in ("en", "zh"))
    line = fallen.bottlenecks[fallen.bottlenecks["is_bottleneck"]].iloc[0]

    assert english[0].startswith("Bottleneck: offer. Returning to your best quarter's rate here")
    assert f"worth {line['value']:,.0f} EUR a quarter, 80 % interval {line['value_low']:,.0f} EUR to" in english[0]
    assert chinese[0].startswith("瓶颈：offer。")
    assert f"每季度价值 {line['value']:,.0f} EUR" in chinese[0]
    assert any(text.startswith("offer: since 2024-1") and "times the pace of before" in text for text in english)
    assert any(text.startswith("offer, since 2024-1") and " by region: of " in text for text in english)
    assert any(text.startswith("4 cases are left out") for text in english)
    assert len(english) == len(chinese)
    assert not any("{" in text for text in english + chinese)


def test_reasons_sum_to_the_change_by_every_dimension(fallen: Funnel) -> None:
    reasons = fallen.reasons[fallen.reasons["about"] == "change"]

    assert set(reasons["by"]) == {"region"}
    rates = {side: (reasons[f"share_{side}"] * reasons[f"conversion_{side}"]).sum() for side in ("before", "after")}
    assert reasons[["mix_part", "rate_part"]].to_numpy().sum() == pytest.approx(
        rates["after"] - rates["before"], abs=1e-8
    )
    assert reasons["rate_part"].sum() < -0.1
    assert abs(reasons["mix_part"].sum()) < 0.02


def test_nothing_found_is_said_so(measured: Measure, made: Visits) -> None:
    found = measured(made)
    codes = {line["code"]: line["text"] for line in funnel_texts(found)}

    assert not found.bottlenecks["is_bottleneck"].any()
    assert codes["bottleneck"] == "No stage is clearly below its own best quarter."
    assert codes["change"].startswith("No stage has changed by more than chance")
    assert found.reasons.empty


def test_cohorts_partition_the_stays_and_young_ones_support_less(measured: Measure, made: Visits) -> None:
    found = measured(made, by="quarter")

    assert found.segments.groupby("stage")["n_entered"].sum().to_dict() == dict(
        found.table[["stage", "n_entered"]].itertuples(index=False)
    )
    first = found.segments[found.segments["stage"] == "first call"].set_index("segment")
    assert first.index.tolist()[0] == "2023Q1"
    assert first["followed_days"].iloc[-1] < 95
    assert np.isnan(first["within_90d"].iloc[-1])
    whole = found.whole[found.whole["segment"] != "all"]
    assert whole["n_cases"].sum() == 2000
    assert set(found.changes["segment"]) == {"all"}  # a cohort has no earlier pace of its own


def test_span_chooses_what_shares_are_about_and_not_the_comparisons(measured: Measure, made: Visits) -> None:
    since, until = datetime(2023, 4, 1, tzinfo=UTC), datetime(2023, 7, 1, tzinfo=UTC)
    found, every = measured(made, since=since, until=until), measured(made)
    entered = made.frame[made.frame["entered"].between(pd.Timestamp("2023-04-01"), pd.Timestamp("2023-07-01"))]

    assert found.table["n_entered"].sum() == len(entered)
    pd.testing.assert_frame_equal(found.bottlenecks, every.bottlenecks)
    pd.testing.assert_frame_equal(found.changes, every.changes)


def test_empty_funnel_says_nothing_without_failing(measured: Measure, made: Visits) -> None:
    empty = measured(Visits(made.frame.iloc[:0], (), made.won.iloc[:0], made.end, 0), by="owner")

    assert empty.n_cases == 0
    assert empty.table.empty
    assert [line["code"] for line in funnel_texts(empty)] == ["bottleneck", "change"]
    assert funnel_plot(empty).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"by": "colour"}, "`by` must be one of owner, team, region, category, channel, month, quarter, got 'colour'"),
        (
            {"since": datetime(2025, 2, 1, tzinfo=UTC), "until": datetime(2025, 2, 1, tzinfo=UTC)},
            "`until` must be after `since`, got 2025-02-01 and 2025-02-01",
        ),
    ],
)
def test_wrong_question_is_named(measured: Measure, made: Visits, asked: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        measured(made, **asked)


def test_picture_is_the_same_for_the_same_numbers(fallen: Funnel) -> None:
    assert funnel_plot(fallen) == funnel_plot(fallen)
    assert funnel_plot(fallen, lang="zh").startswith(b"\x89PNG")
    with pytest.raises(InvalidInput, match="got 'xx'"):
        funnel_plot(fallen, lang="xx")


def test_stages_of_ours_have_names_in_both_languages() -> None:
    assert [stage_label("(lead)", lang) for lang in ("en", "zh")] == ["lead", "线索"]
    assert stage_label("offer", "zh") == "offer"


def test_delay_ends_what_is_seen_before_as_of(measured: Measure, made: Visits) -> None:
    found = measure_funnel(
        made, made.end + timedelta(days=7), horizons_days=(30,), zone=ZoneInfo("UTC"), currency="EUR"
    )  # fmt: skip

    assert found.as_of - found.end == timedelta(days=7)
