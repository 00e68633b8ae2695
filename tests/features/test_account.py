import pytest


def case(name, account, created, closed=None, outcome=None):
    base = {"opportunity_id": name, "account_id": account, "created_at": created}
    versions = [base | {"recorded_at": created}]
    return versions + ([base | {"closed_at": closed, "outcome": outcome, "recorded_at": closed}] if closed else [])


HISTORY = [
    *case("O1", "A1", "2024-05-01"),
    *case("O2", "A1", "2024-01-01", "2024-01-11", "won"),
    *case("O3", "A2", "2024-01-01", "2024-02-20", "lost"),
    *case("O4", "A2", "2024-04-01"),
    *case("O5", "A3", "2024-01-01", "2024-01-31", "lost"),
]
ACCOUNTS = [
    {"account_id": "A1", "recorded_at": "2024-01-01"},
    {"account_id": "A2", "recorded_at": "2024-01-01"},
    {"account_id": "A2", "merged_into": "A1", "recorded_at": "2024-06-01"},
]


def one(ask, as_of):
    features = ask("account", "opportunity", [("O1", as_of)], opportunities=HISTORY, accounts=ACCOUNTS)
    return features.rename(columns=lambda name: name.removeprefix("account__")).iloc[0]


def test_track_record_of_the_account_by_hand(ask):
    features = one(ask, "2024-06-01")

    assert features[["won", "closed", "open", "cycle_days"]].tolist() == [1.0, 1.0, 0.0, 10.0]
    assert features["win_rate"] == pytest.approx((1 + 20 * 1 / 3) / (1 + 20))


def test_cases_of_a_merged_account_count_once_the_merge_is_known(ask):
    features = one(ask, "2024-06-02")

    assert features[["won", "closed", "open", "cycle_days"]].tolist() == [1.0, 2.0, 1.0, 30.0]


def test_a_lead_also_has_the_opportunities_of_its_account(ask):
    lead = {"lead_id": "L1", "account_id": "A1", "created_at": "2024-03-01", "recorded_at": "2024-03-01"}

    features = ask("account", "lead", [("L1", "2024-06-02")], leads=[lead], opportunities=HISTORY, accounts=ACCOUNTS)

    opportunities = features.filter(like="opportunities_").iloc[0].tolist()
    assert opportunities == [1.0, 2.0, 2.0]  # won, closed, open
    assert features["account__closed"].tolist() == [0.0]
