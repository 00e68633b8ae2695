import pytest


def version(day, **columns):
    return {"opportunity_id": "O1", "owner_id": "U1", "created_at": "2024-01-01", "recorded_at": day} | columns


HISTORY = [
    version("2024-01-01", amount=100, expected_close_date="2024-03-01"),
    version("2024-01-05", amount=100, expected_close_date="2024-03-11"),
    version("2024-01-10", amount=None, expected_close_date="2024-03-11"),  # emptied: no change
    version("2024-02-20", amount=150, expected_close_date="2024-03-06", owner_id="U2"),
    version("2024-02-25", amount=75, expected_close_date="2024-03-06", owner_id="U2"),
]


def one(ask, as_of):
    features = ask("changes", "opportunity", [("O1", as_of)], opportunities=HISTORY)
    return features.rename(columns=lambda name: name.removeprefix("changes__")).iloc[0]


def test_changes_of_the_amount_by_hand(ask):
    amount = one(ask, "2024-03-01").filter(like="amount__").rename(lambda name: name.split("__")[1])

    assert amount.to_dict() == {
        "count": 2.0,
        "count_30d": 2.0,
        "days_since_last": 5.0,
        "decreases": 1.0,
        "increases": 1.0,
        "last_change": -0.5,
        "total_change": -0.25,
    }


def test_changes_of_the_expected_close_date_by_hand(ask):
    close = (
        one(ask, "2024-03-08")
        .filter(like="expected_close__")
        .rename(lambda name: name.removeprefix("expected_close__"))
    )

    assert close.to_dict() == {
        "count": 2.0,
        "count_30d": 1.0,
        "days_ahead": -2.0,
        "days_since_last": 17.0,
        "is_overdue": 1.0,
        "last_change_days": -5.0,
        "pulls": 1.0,
        "pushes": 1.0,
        "total_change_days": 5.0,
    }


def test_a_change_at_the_moment_itself_is_not_known(ask):
    assert one(ask, "2024-02-20")[["amount__count", "owner__count"]].tolist() == [0.0, 0.0]
    assert one(ask, "2024-02-21")["owner__days_since_last"] == pytest.approx(1.0)


def test_a_case_without_changes_has_moved_by_nothing(ask):
    features = one(ask, "2024-01-02")

    assert features[["amount__total_change", "expected_close__total_change_days"]].tolist() == [0.0, 0.0]
    assert features["expected_close__count"] == 0.0
    assert features["expected_close__days_ahead"] == 59.0


def test_a_lead_can_only_change_its_owner(ask):
    lead = {"lead_id": "L1", "created_at": "2024-01-01"}
    leads = [
        lead | {"owner_id": "U1", "recorded_at": "2024-01-01"},
        lead | {"owner_id": "U2", "recorded_at": "2024-01-04"},
    ]

    features = ask("changes", "lead", [("L1", "2024-01-05")], leads=leads)

    assert features.iloc[0, 2:].to_dict() == {
        "changes__owner__count": 1.0,
        "changes__owner__count_30d": 1.0,
        "changes__owner__days_since_last": 1.0,
    }
