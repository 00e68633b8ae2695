from datetime import UTC, datetime

import numpy as np
import pandas as pd

from forecast.history import connect_tables
from forecast.outlook.origins import Origins, past_origins, read_snapshots

AS_OF = datetime(2024, 6, 10, tzinfo=UTC)
TWO_WEEKS = Origins(np.array([-14.0, -28.0]), 0.0, 14.0, 2, 1.0)


def version(deal, recorded, stage="new", amount=100.0, owner="ada", closed=None, outcome=None, created="2024-05-01"):
    return {
        "opportunity_id": deal, "owner_id": owner, "stage": stage, "amount": amount, "currency": "EUR",
        "created_at": pd.Timestamp(created), "closed_at": pd.Timestamp(closed) if closed else pd.NaT,
        "outcome": outcome, "recorded_at": pd.Timestamp(recorded),
    }  # fmt: skip


HISTORY = [
    version("a", "2024-05-01"),
    version("a", "2024-05-20", "offer", amount=80.0),
    version("a", "2024-06-03", "offer", amount=60.0, owner="bob", closed="2024-06-01", outcome="won"),
    version("b", "2024-05-25", created="2024-05-25"),
    version("c", "2024-05-02"),
    version("c", "2024-05-14", closed="2024-05-13", outcome="lost"),
]


def read(rows, origins=TWO_WEEKS):
    with connect_tables({"opportunities": pd.DataFrame(rows)}) as con:
        return read_snapshots(con, AS_OF, origins)


def test_origins_show_what_was_open_then_as_it_was_known():
    """From the 27th and the 13th of May: c was lost on the 13th, which was recorded a day later."""
    found = read(HISTORY)

    assert found[["origin", "entity_id"]].to_numpy().tolist() == [[0, "a"], [0, "b"], [1, "a"], [1, "c"]]
    of_a = found[found["entity_id"] == "a"]
    assert of_a["ratio"].tolist() == [60 / 80, 60 / 100]
    assert of_a["owner_id"].tolist() == ["ada", "ada"]
    assert of_a["won_owner_id"].tolist() == ["bob", "bob"]
    assert of_a["won_days"].tolist() == [-9, -9]
    assert of_a["won_known_days"].tolist() == [-7, -7]
    assert of_a["stage_group"].nunique() == 2
    assert found.loc[found["entity_id"] != "a", "won_days"].isna().all()


def test_what_is_recorded_after_as_of_changes_nothing():
    later = [
        version("b", "2024-06-11", "offer", created="2024-05-25", closed="2024-06-09", outcome="won"),
        version("backdated", "2024-06-12", created="2024-05-01"),
        version("a", "2024-06-10 00:00:01", amount=1.0, closed="2024-05-30", outcome="won"),
    ]

    pd.testing.assert_frame_equal(read(HISTORY), read(HISTORY + later))


def test_spans_of_origins_end_before_now_and_do_not_overlap():
    origins = past_origins(0.0, 30.0, 730.0)

    assert origins.weight == 1
    assert (np.diff(origins.days) == -35).all()
    assert (origins.days + origins.to_days <= 0).all()
    assert (origins.days % 7 == 0).all()
    # only with at least 300 days behind
    assert origins.days[: origins.n_comparable].min() >= -430 > origins.days[origins.n_comparable]


def test_few_origins_overlap_by_half_and_weigh_less():
    origins = past_origins(0.0, 84.0, 600.0)

    assert np.diff(origins.days)[0] == -42
    assert origins.weight == 0.5


def test_a_period_that_is_over_and_a_day_of_history_have_no_origin():
    assert len(past_origins(0.0, -3.0, 730.0).days) == 0
    assert len(past_origins(0.0, 30.0, 1.0).days) == 0
