"""What all families share: the frame, its columns and their descriptions, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from forecast.errors import InvalidInput
from forecast.features import FAMILIES, build_features, describe, feature_columns
from forecast.history import connect_tables

START = pd.Timestamp("2024-01-01", tz="UTC")


@pytest.fixture(scope="module")
def con(random_tables):
    return connect_tables(random_tables(np.random.default_rng(1)))


def spine_of(*ids, days=(30, 50)):
    rows = [(i, START + pd.Timedelta(days=day)) for day in days for i in ids]
    return pd.DataFrame(rows, columns=["entity_id", "as_of"])


@pytest.mark.parametrize(("entity", "prefix"), [("lead", "L"), ("opportunity", "O")])
def test_every_feature_is_described_and_is_what_its_description_says(con, entity, prefix):
    features = build_features(con, spine_of(*(f"{prefix}{i}" for i in range(4))), entity)

    described = {name: describe(name) for name in feature_columns(features)}

    assert {feature.family for feature in described.values()} == set(FAMILIES)
    for name, feature in described.items():
        assert features[name].dtype == (object if feature.kind == "category" else float), name
        if feature.kind == "boolean":
            assert set(features[name].dropna()) <= {0.0, 1.0}, name


@pytest.mark.parametrize(
    ("name", "effort"),
    [
        ("interactions__in__count_30d", "hard"),
        ("interactions__phone__count_30d", "activity"),
        ("purchases__orders__count", "hard"),
        ("owner__win_rate", "hard"),
        ("changes__expected_close__days_ahead", "typed"),
        ("attributes__forecast_category", "typed"),
        ("stage__current", "typed"),
    ],
)
def test_effort_says_how_easily_a_rep_can_fake_a_feature(name, effort):
    assert describe(name).effort == effort


@pytest.mark.parametrize("name", ["amount", "stage__mood", "weather__today", ""])
def test_describe_refuses_what_no_family_makes(name):
    with pytest.raises(InvalidInput, match=rf"'{name}' is no feature"):
        describe(name)


def test_rows_are_sorted_and_moments_are_utc(con):
    spine = spine_of("O2", "O0", days=(50, 30)).assign(as_of=lambda f: f["as_of"].dt.tz_convert("Asia/Shanghai"))

    features = build_features(con, spine, "opportunity", ["calendar", "stage"])

    assert features["entity_id"].tolist() == ["O0", "O2", "O0", "O2"]
    assert features["as_of"].dt.day.tolist() == [31, 31, 20, 20]
    assert str(features["as_of"].dtype) == "datetime64[us, UTC]"


def test_a_later_spine_has_the_columns_of_interactions_of_an_earlier_one(con):
    early = build_features(con, spine_of("O0", days=(20,)), "opportunity", ["interactions", "purchases"])
    late = build_features(con, spine_of("O0", days=(55,)), "opportunity", ["interactions", "purchases"])

    assert set(early) <= set(late)


def test_an_empty_spine_gives_an_empty_frame(con):
    features = build_features(con, spine_of(), "opportunity")

    assert len(features) == 0
    assert list(features) == ["entity_id", "as_of"]


@pytest.mark.parametrize(("entity", "prefix"), [("lead", "L"), ("opportunity", "O")])
def test_a_company_with_one_table_only_has_features(entity, prefix):
    table = f"{prefix.replace('L', 'leads').replace('O', 'opportunities')}"
    rows = pd.DataFrame([{f"{entity}_id": f"{prefix}0", "created_at": START, "recorded_at": START}])

    features = build_features(connect_tables({table: rows}), spine_of(f"{prefix}0"), entity)

    assert features["calendar__age_days"].tolist() == [30.0, 50.0]
    assert features["interactions__all__count"].tolist() == [0.0, 0.0]


def test_build_features_refuses_a_spine_that_is_none(con):
    with pytest.raises(InvalidInput, match=r"lacks the columns \['as_of'\]"):
        build_features(con, pd.DataFrame({"entity_id": ["O0"]}), "opportunity")
    with pytest.raises(InvalidInput, match=r"1 of 2 spine rows are there twice \(first: O0"):
        build_features(con, spine_of("O0", "O0", days=(30,)), "opportunity")
    with pytest.raises(InvalidInput, match=r"1 of 1 spine rows have no `as_of`"):
        build_features(con, spine_of("O0", days=(30,)).assign(as_of=pd.NaT), "opportunity")


def test_build_features_refuses_unknown_entities_and_families(con):
    with pytest.raises(InvalidInput, match=r"got 'account'"):
        build_features(con, spine_of("A0"), "account")
    with pytest.raises(InvalidInput, match=r"\['weather'\] are unknown; there are \['account'"):
        build_features(con, spine_of("O0"), "opportunity", ["weather"])


def test_numbers_beyond_all_reason_break_nothing(ask):
    deal = {"opportunity_id": "O1", "account_id": "A1", "created_at": "0001-01-02", "recorded_at": "2024-01-01"}
    talk = {"opportunity_id": "O1", "recorded_at": "2024-01-05"}
    tables = {
        "opportunities": [deal | {"amount": 99_999_999_999_999}],
        "interactions": [
            talk | {"interaction_id": "I1", "at": "2024-01-05", "duration_s": 1e300, "kind": "𝛼 [{\"}"},
            talk | {"interaction_id": "I2", "at": "9000-01-05"},
        ],
        "orders": [{"order_id": "R1", "account_id": "A1", "ordered_at": "2024-01-05", "recorded_at": "2024-01-05"}],
        "order_lines": [
            {"order_id": "R1", "line": 1, "quantity": 99_999_999_999_999, "unit_price": 99_999_999_999_999,
             "recorded_at": "2024-01-05"}
        ],
        "feedback": [
            {"feedback_id": "F1", "account_id": "A1", "at": "2024-01-05", "score": 1e300, "scale_max": 1e-300,
             "recorded_at": "2024-01-05"}
        ],
    }  # fmt: skip

    for family in FAMILIES:
        features = ask(family, "opportunity", [("O1", "2024-02-01")], **tables)
        assert not np.isinf(features.select_dtypes("number")).any(axis=None), family
