"""Source columns of any type to canonical kinds; missing, readable or neither."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from forecast.history import open_connection
from forecast.mapping.casting import as_kind, as_text
from forecast.schema import Kind

SHANGHAI = ZoneInfo("Asia/Shanghai")
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def read(value: str, kind: Kind, zone: ZoneInfo = SHANGHAI) -> object:
    with open_connection() as con:
        con.execute(f"CREATE TABLE t AS SELECT {value} AS x")
        ((_, duckdb_type, *_),) = con.execute("DESCRIBE t").fetchall()
        return con.execute(f"SELECT {as_kind('x', duckdb_type, kind, zone)} FROM t").fetchall()[0][0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("'2026-03-01'", datetime(2026, 2, 28, 16)),
        ("'2026-03-01 09:30'", datetime(2026, 3, 1, 1, 30)),
        ("'2026-03-01T09:30:00.123456'", datetime(2026, 3, 1, 1, 30, 0, 123456)),
        ("'2026-03-01T09:30:00Z'", datetime(2026, 3, 1, 9, 30)),
        ("'2026-03-01T09:30:00+02:00'", datetime(2026, 3, 1, 7, 30)),
        ("'2026-03-01 09:30:00+0200'", datetime(2026, 3, 1, 7, 30)),
        ("DATE '2026-03-01'", datetime(2026, 2, 28, 16)),
        ("TIMESTAMP '2026-03-01 09:30:00'", datetime(2026, 3, 1, 1, 30)),
        ("TIMESTAMP_NS '2026-03-01 09:30:00'", datetime(2026, 3, 1, 1, 30)),
        ("TIMESTAMPTZ '2026-03-01 09:30:00+02'", datetime(2026, 3, 1, 7, 30)),
        ("''", None),
        ("NULL", None),
        ("'01/03/2026'", None),
        ("'2026-02-30'", None),
        ("'2026-03-01 25:00'", None),
        ("'20260301'", None),
        ("1772323200", None),
    ],
)
def test_a_moment_comes_out_in_utc(value, expected):
    assert read(value, Kind.TIMESTAMP) == expected


def test_a_time_that_daylight_saving_skips_or_repeats_is_read_one_way():
    assert read("'2026-03-29 02:30:00'", Kind.TIMESTAMP, AMSTERDAM) == datetime(2026, 3, 29, 1, 30)
    assert read("'2026-10-25 02:30:00'", Kind.TIMESTAMP, AMSTERDAM) in (
        datetime(2026, 10, 25, 0, 30), datetime(2026, 10, 25, 1, 30),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("'2026-03-01'", date(2026, 3, 1)),
        ("'2026-03-01 23:59:59'", date(2026, 3, 1)),
        ("'2026-02-28T16:00:00Z'", date(2026, 3, 1)),  # midnight in Shanghai
        ("TIMESTAMPTZ '2026-02-28 16:00:00Z'", date(2026, 3, 1)),
        ("TIMESTAMP '2026-03-01 23:00:00'", date(2026, 3, 1)),
        ("DATE '2026-03-01'", date(2026, 3, 1)),
        ("'March'", None),
    ],
)
def test_a_day_is_that_of_the_zone_of_the_mapping(value, expected):
    assert read(value, Kind.DATE) == expected


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("'12.5'", Kind.MONEY, Decimal("12.5000")),
        ("'0.1'", Kind.MONEY, Decimal("0.1000")),
        ("' 7 '", Kind.MONEY, Decimal("7.0000")),
        ("'1,5'", Kind.MONEY, None),
        ("'1e3'", Kind.MONEY, Decimal("1000.0000")),
        ("0.1::DOUBLE", Kind.MONEY, Decimal("0.1000")),
        ("5::BIGINT", Kind.MONEY, Decimal("5.0000")),
        ("'NaN'", Kind.NUMBER, None),
        ("'inf'", Kind.NUMBER, None),
        ("'1e999'", Kind.NUMBER, None),
        ("'-.5'", Kind.NUMBER, -0.5),
        ("'nan'::DOUBLE", Kind.NUMBER, None),
        ("'5.0'", Kind.INTEGER, 5),
        ("5.0::DOUBLE", Kind.INTEGER, 5),
        ("'1.5'", Kind.INTEGER, None),
        ("1.5::DOUBLE", Kind.INTEGER, None),
        ("'99999999999999999999'", Kind.INTEGER, None),
    ],
)
def test_a_number_is_exact_or_missing(value, kind, expected):
    assert read(value, kind) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("'007'", "007"),
        ("' x '", " x "),
        ("'  '", None),
        ("123.0::DOUBLE", "123"),  # an integer id after pandas saw a missing one
        ("0.5::DOUBLE", "0.5"),
        ("'nan'::DOUBLE", None),
        ("9007199254740993::BIGINT", "9007199254740993"),
        ("true", "true"),
        ("[1, 2]", "[1,2]"),
        ("TIMESTAMPTZ '2026-03-01 09:30:00+02'", "2026-03-01 07:30:00+00"),
    ],
)
def test_text_is_kept_as_it_was_written(value, expected):
    assert read(value, Kind.TEXT) == expected


def test_the_text_of_a_value_reads_as_the_value_itself():
    """A rejected row is kept as text and tried again: nothing may be lost on the way."""
    values = [
        "0.1::DOUBLE",
        "123.0::DOUBLE",
        "TIMESTAMPTZ '2026-03-01 09:30:00.5+02'",
        "TIMESTAMP '2026-03-01 09:30:00'",
    ]
    for value, kind in zip(values, [Kind.NUMBER, Kind.INTEGER, Kind.TIMESTAMP, Kind.TIMESTAMP], strict=True):
        with open_connection() as con:
            con.execute(f"CREATE TABLE t AS SELECT {value} AS x")
            ((_, duckdb_type, *_),) = con.execute("DESCRIBE t").fetchall()
            text = con.execute(f"SELECT {as_text('x', duckdb_type)} FROM t").fetchall()[0][0]

        assert read(f"'{text}'", kind) == read(value, kind)
