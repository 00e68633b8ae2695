import numpy as np
import pytest


def version(case, day, stage, **columns):
    return {"opportunity_id": case, "stage": stage, "created_at": "2024-01-01", "recorded_at": day} | columns


HISTORY = [
    version("O1", "2024-01-01", "new"),
    version("O1", "2024-01-05", "new", amount=5),  # the same stage: no change
    version("O1", "2024-01-11", "demo"),
    version("O1", "2024-01-21", "new"),
    version("O1", "2024-01-23", "demo"),
    # stays in demo that ended: 10 days of O1, 4 of O2, 30 of O3 (by its loss)
    version("O2", "2024-01-02", "demo"),
    version("O2", "2024-01-06", "offer"),
    version("O3", "2024-01-02", "demo"),
    version("O3", "2024-02-01", "demo", outcome="lost", closed_at="2024-02-01"),
]


def one(ask, as_of):
    features = ask("stage", "opportunity", [("O1", as_of)], opportunities=HISTORY)
    return features.rename(columns=lambda name: name.removeprefix("stage__")).iloc[0]


def test_stage_and_the_way_there_by_hand(ask):
    features = one(ask, "2024-01-30")

    assert features[["current", "previous"]].tolist() == ["demo", "new"]
    assert features[["days_in", "changes", "moves_back"]].tolist() == [7.0, 3.0, 2.0]


def test_pace_is_days_in_the_stage_over_the_median_stay_that_had_ended(ask):
    assert one(ask, "2024-01-13")["pace"] == 2 / 4  # only O2 had left
    assert one(ask, "2024-01-30")["pace"] == 7 / 7  # 10 and 4
    assert one(ask, "2024-02-02")["pace"] == 10 / 10  # 10, 4 and 30
    assert np.isnan(one(ask, "2024-01-05")["pace"])  # nobody had left `new`


def test_a_change_at_the_moment_itself_is_not_known(ask):
    assert one(ask, "2024-01-11")["current"] == "new"
    assert one(ask, "2024-01-11")["days_in"] == 10.0


def test_the_stage_of_a_lead_is_its_status(ask):
    lead = {"lead_id": "L1", "created_at": "2024-01-01"}
    leads = [
        lead | {"status": "new", "recorded_at": "2024-01-01"},
        lead | {"status": "called", "recorded_at": "2024-01-04"},
    ]

    features = ask("stage", "lead", [("L1", "2024-01-05")], leads=leads)

    assert features["stage__current"].tolist() == ["called"]
    assert features["stage__days_in"].tolist() == pytest.approx([1.0])


def test_a_stage_that_becomes_known_was_entered_when_the_unknown_one_was(ask):
    history = [
        version("O1", "2024-01-01", None),
        version("O1", "2024-01-21", "demo"),  # an export of the present state says it for the first time
        version("O2", "2024-01-01", None),
        version("O2", "2024-01-11", "demo"),
        version("O2", "2024-01-21", "offer"),
    ]

    before, after, moved = (
        ask("stage", "opportunity", [asked], opportunities=history)
        .rename(columns=lambda name: name.removeprefix("stage__"))
        .iloc[0]
        for asked in (("O1", "2024-01-16"), ("O1", "2024-01-25"), ("O2", "2024-01-25"))
    )

    assert (before["current"], before["days_in"], before["changes"]) == (None, 15.0, 0.0)
    assert (after["current"], after["days_in"], after["changes"], after["previous"]) == ("demo", 24.0, 0.0, None)
    assert after["pace"] == 24 / 20  # O2 was in `demo` for 20 days, as far as is known
    assert (moved["current"], moved["previous"], moved["changes"], moved["days_in"]) == ("offer", "demo", 1.0, 4.0)
