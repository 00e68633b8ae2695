import pytest

DEAL = {"opportunity_id": "O1", "account_id": "A1", "created_at": "2024-01-01", "recorded_at": "2024-01-01"}


def said(n, at, score, scale, **columns):
    base = {"feedback_id": f"F{n}", "at": at, "account_id": "A1", "score": score, "scale_max": scale, "recorded_at": at}
    return base | columns


def test_feedback_by_hand(ask):
    features = ask(
        "feedback",
        "opportunity",
        [("O1", "2024-07-01")],
        opportunities=[DEAL],
        feedback=[
            said(1, "2023-01-01", 5, 5),
            said(2, "2024-06-01", 4, 10),
            said(3, "2024-06-11", 1, None),  # no scale: counted only
            said(4, "2024-06-12", 5, 5, account_id="A2"),
            said(5, "2024-06-05", 0, 5, recorded_at="2024-07-01"),  # not yet known
        ],
    )

    assert features.iloc[0, 2:].to_dict() == {
        "feedback__count": 3.0,
        "feedback__count_365d": 2.0,
        "feedback__days_since_last": 20.0,
        "feedback__last_score": 0.4,
        "feedback__mean_score": pytest.approx(0.7),
    }
