"""Tables as they come become one matrix."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecast.conversion.encoding import TableEncoder, column_kind, named_columns
from forecast.errors import InvalidInput

N = 60


@pytest.fixture
def table() -> pd.DataFrame:
    """Every kind of column that a caller may bring, with missing values."""
    rng = np.random.default_rng(0)
    missing = np.arange(N) % 7 == 0
    return pd.DataFrame(
        {
            "number": np.where(missing, np.nan, rng.normal(size=N)),
            "whole": rng.integers(0, 5, N),
            "nullable": pd.array(np.where(missing, None, rng.integers(0, 5, N)), dtype="Int64"),
            "flag": rng.random(N) < 0.5,
            "maybe": pd.array(np.where(missing, None, rng.random(N) < 0.5), dtype="boolean"),
            "money": [Decimal("1.50") * int(i) for i in range(N)],
            "text": np.where(missing, None, rng.choice(["a", "b"], N)),
            "string": pd.array(rng.choice(["x", "y"], N), dtype="string"),
            "category": pd.Categorical(rng.choice(["u", "v"], N)),
            "moment": pd.date_range("2026-01-01", periods=N, tz="Asia/Shanghai"),
            "day": [date(2026, 1, 1 + i % 28) for i in range(N)],
            "duration": pd.to_timedelta(np.arange(N), unit="h"),
            "constant": 7,
            "empty": None,
        }
    )


def test_kinds_follow_the_values(table: pd.DataFrame) -> None:
    kinds = {name: column_kind(table[name]) for name in table}

    assert {name for name, kind in kinds.items() if kind == "category"} == {"text", "string", "category"}
    assert {name for name, kind in kinds.items() if kind == "moment"} == {"moment", "day"}


def test_constant_and_empty_columns_are_ignored(table: pd.DataFrame) -> None:
    encoder = TableEncoder().fit(table)

    assert encoder.ignored == ["constant", "empty"]
    assert encoder.transform(table).shape == (N, 12)


def test_values_of_the_matrix_by_hand() -> None:
    X = pd.DataFrame(
        {"n": [1.0, np.inf, None], "c": ["b", "a", None], "t": [datetime(1970, 1, 3, tzinfo=UTC), pd.NaT, pd.NaT]}
    )
    encoder = TableEncoder().fit(pd.concat([X] * 3, ignore_index=True))

    expected = [[1, 1, 2], [np.nan, 0, np.nan], [np.nan, np.nan, np.nan]]
    assert_allclose(encoder.transform(X), expected)


def test_unseen_level_and_missing_level_have_codes_of_their_own() -> None:
    encoder = TableEncoder().fit(pd.DataFrame({"c": ["a", "b"] * 5}))

    assert_allclose(encoder.transform(pd.DataFrame({"c": ["new", None, "b"]})), [[2.0], [np.nan], [1.0]])


def test_a_number_read_as_text_is_the_same_level_with_and_without_decimals() -> None:
    encoder = TableEncoder().fit(pd.DataFrame({"c": pd.Categorical([1, 2] * 5)}))

    assert_allclose(encoder.transform(pd.DataFrame({"c": [1.0, 2.0, None]})), [[0.0], [1.0], [np.nan]])


def test_rare_levels_are_not_memorised() -> None:
    encoder = TableEncoder().fit(pd.DataFrame({"id": [f"id{i}" for i in range(600)]}))

    assert encoder.columns[0].levels == ()


def test_stored_encoder_encodes_the_same(table: pd.DataFrame) -> None:
    encoder = TableEncoder().fit(table)

    assert_allclose(TableEncoder.from_state(encoder.to_state()).transform(table), encoder.transform(table))


def test_missing_columns_are_named() -> None:
    encoder = TableEncoder().fit(pd.DataFrame({"a": [1, 2], "b": [1, 2]}))

    with pytest.raises(InvalidInput, match=r"expects 2 columns, the table has 1; missing \['b'\]"):
        encoder.transform(pd.DataFrame({"a": [1]}))


def test_unusable_tables_are_refused() -> None:
    with pytest.raises(InvalidInput, match="got ndarray"):
        named_columns(np.zeros((2, 2)))
    with pytest.raises(InvalidInput, match="empty frame"):
        named_columns(pd.DataFrame({"a": []}))
    with pytest.raises(InvalidInput, match=r"same name: \['a'\]"):
        named_columns(pd.DataFrame([[1, 2]], columns=["a", "a"]))
