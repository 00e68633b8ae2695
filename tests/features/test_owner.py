import numpy as np
import pytest


def case(name, owner, created, closed=None, outcome=None, *, known=None):
    """Versions of an opportunity: open from ``created``, closed at ``closed``, known then or at ``known``."""
    base = {"opportunity_id": name, "owner_id": owner, "created_at": created}
    versions = [base | {"recorded_at": created}]
    if closed:
        versions.append(base | {"closed_at": closed, "outcome": outcome, "recorded_at": known or closed})
    return versions


HISTORY = [
    *case("O1", "U1", "2024-05-01"),
    *case("O2", "U1", "2024-01-01", "2024-01-11", "won"),
    *case("O3", "U1", "2024-01-01", "2024-02-20", "lost"),
    *case("O4", "U1", "2024-01-01", "2024-05-10", "won", known="2024-06-20"),  # reported late
    *case("O5", "U1", "2024-05-25"),
    *case("O6", "U2", "2022-01-01", "2022-01-31", "lost"),
    *case("O7", "U2", "2024-01-01", "2024-01-31", "won"),
]


def one(ask, entity_id, as_of, history=HISTORY):
    features = ask("owner", "opportunity", [(entity_id, as_of)], opportunities=history)
    return features.rename(columns=lambda name: name.removeprefix("owner__")).iloc[0]


def test_track_record_of_the_owner_by_hand(ask):
    features = one(ask, "O1", "2024-06-01")

    # of U1's other cases: O2 won, O3 lost, O4 and O5 open as far as is known; everybody: 2 of 4 won
    assert features[["won", "closed", "open", "new_30d"]].tolist() == [1.0, 2.0, 2.0, 1.0]
    assert features["win_rate"] == pytest.approx((1 + 20 * 2 / 4) / (2 + 20))
    assert features["win_rate_gap"] == pytest.approx(features["win_rate"] - 2 / 4)
    assert features["cycle_days"] == (10 + 50) / 2


def test_an_outcome_counts_once_it_is_known(ask):
    assert one(ask, "O1", "2024-06-21")[["won", "closed"]].tolist() == [2.0, 3.0]


def test_recent_win_rate_counts_closings_of_a_year(ask):
    new = case("O8", "U2", "2024-05-01")

    features = one(ask, "O8", "2024-06-01", HISTORY + new)

    assert features[["won", "closed"]].tolist() == [1.0, 2.0]
    assert features["win_rate_365d"] == pytest.approx((1 + 20 * 2 / 4) / (1 + 20))
    # Everybody won 2 of the 3 that closed in the last year: U2's one win is drawn toward that.
    assert features["win_rate_365d_gap"] == pytest.approx((1 + 20 * 2 / 3) / (1 + 20) - 2 / 3)


def test_a_gap_does_not_rise_when_everybody_wins_more(ask):
    """Half of each owner's cases are lost at once and half are won later: only the rates tell the time."""
    history = [
        part
        for owner in ("U1", "U2")
        for day in ("01", "02", "03")
        for part in [
            *case(f"L{owner}{day}", owner, f"2024-01-{day}", f"2024-02-{day}", "lost"),
            *case(f"W{owner}{day}", owner, f"2024-01-{day}", f"2024-04-{day}", "won"),
        ]
    ]
    history += case("O1", "U1", "2024-01-01")
    early, late = one(ask, "O1", "2024-03-01", history), one(ask, "O1", "2024-05-01", history)

    assert (early["win_rate"], late["win_rate"]) == (0.0, 0.5)
    assert (early["win_rate_gap"], late["win_rate_gap"]) == (0.0, 0.0)
    assert (early["win_rate_365d_gap"], late["win_rate_365d_gap"]) == (0.0, 0.0)


def test_the_case_itself_does_not_count(ask):
    assert one(ask, "O2", "2024-06-01")[["won", "closed"]].tolist() == [0.0, 1.0]
    assert one(ask, "O2", "2024-06-01")["win_rate"] == pytest.approx((0 + 20 * 1 / 3) / (1 + 20))


def test_a_case_without_an_owner_has_no_track_record(ask):
    features = one(ask, "O9", "2024-06-01", HISTORY + case("O9", None, "2024-05-01"))

    assert np.isnan(features.iloc[2:].astype(float)).all()


def test_a_reopened_or_deleted_case_no_longer_counts(ask):
    reopened = {"opportunity_id": "O2", "owner_id": "U1", "created_at": "2024-01-01", "recorded_at": "2024-03-01"}
    deleted = {"opportunity_id": "O3", "owner_id": "U1", "outcome": "lost", "deleted_at": "2024-03-01"}

    features = one(ask, "O1", "2024-06-01", [*HISTORY, reopened, deleted | {"recorded_at": "2024-03-01"}])

    assert features[["won", "closed", "open"]].tolist() == [0.0, 0.0, 3.0]
