import numpy as np
import pandas as pd
from pandas.testing import assert_frame_equal

OPEN = {"opportunity_id": "O1", "account_id": "A1", "product_id": "P1", "currency": "EUR", "created_at": "2024-01-01"}
ACCOUNT = {"account_id": "A1", "industry": "food", "size": 40, "created_at": "2023-12-02", "recorded_at": "2023-12-02"}
PRODUCT = {"product_id": "P1", "category": "core", "list_price": 99.5, "recorded_at": "2023-01-01"}


def test_fields_of_entity_account_and_product_are_those_in_force(ask):
    features = ask(
        "attributes",
        "opportunity",
        [("O1", "2024-01-11"), ("O1", "2024-02-01")],
        opportunities=[
            OPEN | {"amount": 100, "recorded_at": "2024-01-01", "forecast_category": "commit"},
            OPEN | {"amount": 250.5, "recorded_at": "2024-01-11"},  # at the very moment: not yet known
        ],
        accounts=[ACCOUNT, ACCOUNT | {"industry": "toys", "recorded_at": "2024-01-20"}],
        products=[PRODUCT],
    )

    expected = pd.DataFrame(
        {
            "entity_id": ["O1", "O1"],
            "as_of": pd.to_datetime(["2024-01-11", "2024-02-01"], utc=True).astype("datetime64[us, UTC]"),
            "attributes__amount": [100.0, 250.5],
            "attributes__currency": ["EUR", "EUR"],
            "attributes__forecast_category": ["commit", None],
            "attributes__account__industry": ["food", "toys"],
            "attributes__account__size": [40.0, 40.0],
            "attributes__account__region": pd.Series([None, None], dtype=object),
            "attributes__account__country": pd.Series([None, None], dtype=object),
            "attributes__account__age_days": [40.0, 61.0],
            "attributes__product__category": ["core", "core"],
            "attributes__product__list_price": [99.5, 99.5],
        }
    )
    assert_frame_equal(features, expected)


def test_attributes_are_read_by_their_kind_and_named_by_it(ask):
    text = '{"Team size": 3, "vip": true, "trial/end": "2024-01-06T14:00:00+02:00", "tier": "gold", "tags": ["a"]}'
    features = ask(
        "attributes",
        "lead",
        [("L1", "2024-01-11")],
        leads=[{"lead_id": "L1", "created_at": "2024-01-01", "recorded_at": "2024-01-01", "attributes": text}],
    )

    custom = features.drop(columns=[c for c in features if "account__" in c or c in ("entity_id", "as_of")])
    assert custom.iloc[0].to_dict() == {
        "attributes__channel": None,
        "attributes__team_size": 3.0,
        "attributes__vip__is_true": 1.0,
        "attributes__trial_end__days_since": 4.5,
        "attributes__tier__category": "gold",
    }


def test_an_attribute_nearly_unique_per_entity_is_left_out(ask):
    leads = [
        {
            "lead_id": f"L{i}",
            "created_at": "2024-01-01",
            "recorded_at": "2024-01-01",
            "attributes": f'{{"remark": "text {i}", "origin": "fair {i % 3}"}}',
        }
        for i in range(30)
    ]

    features = ask("attributes", "lead", [("L7", "2024-01-11")], leads=leads)

    assert features["attributes__origin__category"].tolist() == ["fair 1"]
    assert not [column for column in features if "remark" in column]


def test_text_values_beyond_the_fifty_known_first_share_a_category(ask):
    accounts = [
        {"account_id": f"A{i}", "country": f"land {i:02}", "recorded_at": f"2023-{1 + i // 28:02}-{1 + i % 28:02}"}
        for i in range(60)
    ]
    deals = [
        OPEN | {"opportunity_id": f"O{i}", "account_id": f"A{i}", "recorded_at": "2024-01-01"} for i in (3, 49, 50)
    ]
    spine = [(f"O{i}", "2024-01-11") for i in (3, 49, 50)]

    features = ask("attributes", "opportunity", spine, opportunities=deals, accounts=accounts)

    assert features["attributes__account__country"].tolist() == ["land 03", "land 49", "(other)"]


def test_the_account_is_the_survivor_of_the_merges_known_by_then(ask):
    merged = {"account_id": "A1", "industry": "food", "merged_into": "A2", "recorded_at": "2024-01-20"}
    features = ask(
        "attributes",
        "opportunity",
        [("O1", "2024-01-20"), ("O1", "2024-01-21")],
        opportunities=[OPEN | {"recorded_at": "2024-01-01"}],
        accounts=[ACCOUNT, merged, {"account_id": "A2", "industry": "steel", "recorded_at": "2023-01-01"}],
    )

    assert features["attributes__account__industry"].tolist() == ["food", "steel"]


def test_an_entity_not_known_yet_has_no_attributes(ask):
    features = ask(
        "attributes", "opportunity", [("O1", "2024-01-01")], opportunities=[OPEN | {"recorded_at": "2024-01-01"}]
    )

    assert features["attributes__currency"].tolist() == [None]
    assert np.isnan(features["attributes__amount"]).all()
