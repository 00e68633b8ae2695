from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.demand.repair import RULES, repair_panel, to_frame
from forecast.errors import InvalidInput, NotEnoughHistory


def panel_of(ds, y=None, unique_id="a"):
    ds = pd.Series(ds)
    return pd.DataFrame({"unique_id": unique_id, "ds": ds, "y": np.arange(1.0, len(ds) + 1) if y is None else y})


def daily(y, start="2024-01-01", unique_id="a"):
    return panel_of(pd.date_range(start, periods=len(y)), y, unique_id)


def rules(repaired):
    return [one.rule for one in repaired.report]


def only(repaired, rule):
    (found,) = [one for one in repaired.report if one.rule == rule]
    return found


def test_a_clean_panel_comes_back_as_it_is():
    panel = pd.concat([daily([1.0, 2.0, 3.0]), daily([4.0, 5.0, 6.0], unique_id="b")], ignore_index=True)

    repaired = repair_panel(panel, "D")

    pd.testing.assert_frame_equal(repaired.panel, panel, check_dtype=False)
    assert repaired.report == ()


def test_unsorted_rows_are_sorted_without_a_word():
    panel = daily([1.0, 2.0, 3.0])

    repaired = repair_panel(panel.sample(frac=1, random_state=0), "D")

    assert repaired.panel["y"].tolist() == [1, 2, 3]
    assert repaired.report == ()


def test_copies_of_rows_are_dropped_and_counted():
    panel = daily([1.0, 2.0, 2.0])

    repaired = repair_panel(pd.concat([panel, panel.iloc[1:]]), "D")

    assert repaired.panel["y"].tolist() == [1, 2, 2]
    found = only(repaired, "exact_duplicates")
    assert (found.n_rows, found.n_series, found.first) == (2, 1, "'a' at 2024-01-02 00:00:00")
    assert found.line == (
        "rows that repeat an earlier one: dropped (2 rows, 1 series, first 'a' at 2024-01-02 00:00:00)"
    )


def test_repeated_rows_that_differ_are_refused_or_summed():
    panel = pd.concat([daily([1.0, 2.0]), daily([5.0])])

    with pytest.raises(InvalidInput, match=r"1 rows of the panel repeat.*another `y` \(first: 'a', 2024-01-01"):
        repair_panel(panel, "D")
    repaired = repair_panel(panel, "D", aggregate=True)

    assert repaired.panel["y"].tolist() == [6, 2]
    assert only(repaired, "aggregated").n_rows == 1


def test_lines_of_transactions_become_weeks_from_monday():
    # Monday 1st and Sunday 7th January are one week, Monday 8th begins the next.
    panel = panel_of(pd.to_datetime(["2024-01-01 09:30", "2024-01-07 17:00", "2024-01-08 08:00"]), [1.0, 2.0, 4.0])

    repaired = repair_panel(panel, "W", aggregate=True)

    assert repaired.panel["ds"].astype(str).tolist() == ["2024-01-01", "2024-01-08"]
    assert repaired.panel["y"].tolist() == [3, 4]


def test_a_missing_value_is_a_gap_and_at_the_end_no_row():
    repaired = repair_panel(daily([1.0, np.nan, 3.0, np.nan]), "D")

    np.testing.assert_array_equal(repaired.panel["y"], [1, np.nan, 3])
    assert [(one.rule, one.done) for one in repaired.report] == [
        ("unknown_values", "dropped"),
        ("unknown_values", "left unknown, not 0"),
    ]


def test_a_series_begins_with_its_first_known_value():
    repaired = repair_panel(daily([np.nan, np.nan, 3.0, np.nan, 5.0]), "D")

    np.testing.assert_array_equal(repaired.panel["y"], [3, np.nan, 5])


def test_a_series_without_any_value_is_left_out():
    repaired = repair_panel(pd.concat([daily([1.0, 2.0]), daily([np.nan] * 2, unique_id="b")]), "D")

    assert repaired.panel["unique_id"].unique().tolist() == ["a"]
    assert only(repaired, "no_values").first == "'b' at 2024-01-01 00:00:00"
    with pytest.raises(NotEnoughHistory, match=r"no known value of `y` \(2 rows\)"):
        repair_panel(daily([np.nan] * 2), "D")


def test_gaps_stay_unknown_unless_the_caller_says_zero():
    panel = pd.concat([daily([1.0, 2.0, 3.0, 4.0]).drop(index=1), daily([9.0, 9.0], unique_id="b")])

    unknown, zero = repair_panel(panel, "D"), repair_panel(panel, "D", gaps="zero")

    assert unknown.panel["y"].tolist() == [1, 3, 4, 9, 9]
    assert (only(unknown, "gaps").n_rows, only(unknown, "gaps").first) == (1, "'a'")
    assert only(unknown, "ends_early").first == "'b'"
    assert zero.panel["y"].tolist() == [1, 0, 3, 4, 9, 9, 0, 0]
    assert (only(zero, "gaps").n_rows, only(zero, "gaps").n_series) == (3, 2)
    assert "ends_early" not in rules(zero)


@pytest.mark.parametrize(
    "y",
    [
        ["1", " 2.5 ", "3"],
        [Decimal(1), Decimal("2.5"), Decimal(3)],
        pd.array([1, 2.5, 3], dtype="Float64"),
        pd.Categorical(["1", "2.5", "3"]),
        np.array([1, 2.5, 3], dtype=np.float32),
    ],
    ids=["text", "decimal", "nullable", "categorical", "float32"],
)
def test_numbers_are_read_however_they_are_stored(y):
    assert repair_panel(daily(y), "D").panel["y"].tolist() == [1, 2.5, 3]


def test_booleans_and_nullable_integers_are_numbers_too():
    assert repair_panel(daily([True, False]), "D").panel["y"].tolist() == [1, 0]
    values = repair_panel(daily(pd.array([1, None, 3], dtype="Int64")), "D").panel["y"]
    np.testing.assert_array_equal(values, [1, np.nan, 3])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.0, np.inf], r"`y` must be finite, 1 of 2 values are not \(first: unique_id 'a', ds 2024-01-02"),
        (["1", "-inf"], "must be finite, 1 of 2"),
        ([1.0, -1e300], r"within ±1e\+30, 1 of 2 values do not \(first: -1e\+300 of unique_id 'a'"),
        (["1", "many"], r"must hold numbers, 1 of 2 values are none \(first: 'many'"),
        ([1j, 2j], "must hold numbers, got complex128"),
        (pd.to_datetime(["2024-01-01", "2024-01-02"]), "must hold numbers, got datetime64"),
        ([[1], [2]], "must hold numbers"),
    ],
)
def test_values_that_are_no_amounts_are_named(y, message):
    with pytest.raises(InvalidInput, match=message) as error:
        repair_panel(daily(y), "D")
    assert "\n" not in str(error.value)


def test_tiny_values_are_zero_and_negative_ones_are_said():
    repaired = repair_panel(daily([1e-300, -3.0, 1.0]), "D")

    assert repaired.panel["y"].tolist() == [0, -3, 1]
    assert rules(repaired) == ["tiny_values", "negative_values"]


def test_ids_of_several_types_become_text_unless_two_agree():
    mixed = pd.concat([daily([1.0], unique_id=1), daily([2.0], unique_id="b")])

    assert repair_panel(mixed, "D").panel["unique_id"].tolist() == ["1", "b"]
    assert only(repair_panel(mixed, "D"), "mixed_ids").n_series == 1
    with pytest.raises(InvalidInput, match="'1' occurs as text and as number"):
        repair_panel(pd.concat([daily([1.0], unique_id=1), daily([2.0], unique_id="1")]), "D")


@pytest.mark.parametrize(
    ("freq", "ds", "expected"),
    [
        ("D", ["2024-01-01 13:05", "2024-01-02 09:00"], ["2024-01-01", "2024-01-02"]),
        # midnight in Amsterdam, written in UTC: 23:00 in winter, 22:00 in summer
        ("D", ["2024-03-30 23:00", "2024-03-31 22:00"], ["2024-03-31", "2024-04-01"]),
        ("h", ["2024-01-01 00:59:59", "2024-01-01 02:00:02"], ["2024-01-01 01:00:00", "2024-01-01 02:00:00"]),
        ("h", ["2024-01-01 00:10", "2024-01-01 01:40"], ["2024-01-01 00:00:00", "2024-01-01 01:00:00"]),
        ("M", ["2024-01-01", "2024-02-29", "2024-03-01"], ["2024-01-01", "2024-02-01", "2024-03-01"]),
        ("M", ["2024-01-31", "2024-02-28", "2024-03-29"], ["2024-01-31", "2024-02-29", "2024-03-31"]),
        ("Q", ["2024-01-01", "2024-06-30", "2024-07-01"], ["2024-01-01", "2024-04-01", "2024-07-01"]),
        ("Q", ["2023-12-29", "2024-03-28", "2024-06-28"], ["2023-12-31", "2024-03-31", "2024-06-30"]),
        ("Y", ["2021-12-31", "2022-12-30", "2023-12-29"], ["2021-12-31", "2022-12-31", "2023-12-31"]),
    ],
)
def test_moments_beside_the_grid_move_onto_it(freq, ds, expected):
    repaired = repair_panel(panel_of(pd.to_datetime(ds)), freq)

    assert repaired.panel["ds"].astype(str).tolist() == expected
    assert "off_grid" in rules(repaired)


def test_weeks_moved_by_a_holiday_go_back_to_their_day():
    mondays = pd.date_range("2024-01-01", periods=30, freq="W-MON").to_series(index=range(30))
    moved = mondays.where(mondays.index != 13, mondays + pd.Timedelta(days=1))  # after Easter Monday

    repaired = repair_panel(panel_of(moved), "W")

    assert repaired.panel["ds"].tolist() == mondays.tolist()
    assert only(repaired, "off_grid").n_rows == 1


def test_hours_may_lie_on_any_minute():
    ds = pd.date_range("2024-01-01", periods=4, freq="h", tz="Asia/Kolkata")

    repaired = repair_panel(panel_of(ds), "h")

    assert repaired.panel["ds"].tolist() == ds.tolist()
    assert repaired.report == ()


@pytest.mark.parametrize(
    ("freq", "ds"),
    [
        ("D", ["2024-01-01 09:00", "2024-01-01 13:00"]),
        ("W", ["2024-01-01", "2024-01-09", "2024-01-17"]),
        ("M", ["2024-01-01", "2024-01-31"]),
        ("Q", ["2024-01-01", "2024-02-01", "2024-03-01"]),
        ("Y", ["2023-06-30", "2023-12-31"]),
        ("h", ["2024-01-01 00:15", "2024-01-01 00:45"]),
    ],
)
def test_moments_that_could_move_two_ways_are_refused(freq, ds):
    with pytest.raises(InvalidInput, match=f"do not lie on a grid of unit '{freq}'.*first: {ds[0][:4]}"):
        repair_panel(panel_of(pd.to_datetime(ds)), freq)


def test_mixed_offsets_are_days_of_their_place_and_hours_in_utc():
    days = panel_of(["2024-03-30T00:00+01:00", "2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00"])
    hours = panel_of(["2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00"])

    assert repair_panel(days, "D").panel["ds"].astype(str).tolist() == ["2024-03-30", "2024-03-31", "2024-04-01"]
    assert repair_panel(hours, "h").panel["ds"].astype(str).tolist() == [
        "2024-03-31 00:00:00+00:00",
        "2024-03-31 01:00:00+00:00",
    ]
    assert rules(repair_panel(hours, "h")) == ["mixed_offsets"]
    with pytest.raises(InvalidInput, match="Some values of `ds` have an offset"):
        repair_panel(panel_of(["2024-03-31T01:00+01:00", "2024-03-31T03:00"]), "h")


def wall_clock_hours(start, n_hours):
    """What a clock on a wall in Amsterdam showed, hour by hour."""
    return pd.date_range(start, periods=n_hours, freq="h", tz="Europe/Amsterdam").tz_localize(None).to_series().values


def test_the_hour_doubled_by_summer_time_is_averaged():
    ds = wall_clock_hours("2024-10-27", 25)  # 02:00 occurs twice
    y = np.arange(25.0)

    repaired = repair_panel(panel_of(ds, y), "h")

    assert len(repaired.panel) == 24
    assert repaired.panel["y"].iloc[2] == 2.5
    assert only(repaired, "doubled_hour").first == "'a' at 2024-10-27 02:00:00"


def test_the_hour_skipped_by_summer_time_stays_unknown():
    repaired = repair_panel(panel_of(wall_clock_hours("2024-03-31", 23)), "h")

    assert len(repaired.panel) == 23
    assert only(repaired, "gaps").n_rows == 1


def test_hours_doubled_at_other_times_are_refused():
    ds = pd.to_datetime(["2024-05-14 02:00", "2024-05-14 02:00"])

    with pytest.raises(InvalidInput, match="repeat an earlier"):
        repair_panel(panel_of(ds), "h")


@pytest.mark.parametrize(
    ("freq", "ds", "now", "n_left"),
    [
        ("D", ["2024-01-01", "2024-01-02"], datetime(2024, 1, 2, 23), 1),
        ("D", ["2024-01-01", "2024-01-02"], datetime(2024, 1, 3), 2),
        ("M", ["2024-01-01", "2024-02-01"], datetime(2024, 2, 29), 1),
        ("M", ["2024-01-31", "2024-02-29"], datetime(2024, 3, 1), 2),
        ("W", ["2024-01-01", "2024-01-08"], datetime(2024, 1, 14), 1),  # Mondays begin weeks
        ("W", ["2024-01-07", "2024-01-14"], datetime(2024, 1, 14), 1),  # not over either way
        ("W", ["2024-01-07", "2024-01-14"], datetime(2024, 1, 15), 2),  # over if Sundays end weeks
        ("h", ["2024-01-01 00:00", "2024-01-01 01:00"], datetime(2024, 1, 1, 1, 30), 1),
    ],
)
def test_periods_not_over_now_are_dropped(freq, ds, now, n_left):
    repaired = repair_panel(panel_of(pd.to_datetime(ds)), freq, now=now)

    assert len(repaired.panel) == n_left
    assert ("partial_period" in rules(repaired)) == (n_left == 1)


def test_now_is_taken_to_the_zone_of_the_panel():
    ds = pd.date_range("2024-01-01", periods=2, tz="Asia/Shanghai")

    # 2 January in Shanghai is over at 16:00 of that day in UTC
    assert len(repair_panel(panel_of(ds), "D", now=datetime(2024, 1, 2, 15, 59, tzinfo=UTC)).panel) == 1
    assert len(repair_panel(panel_of(ds), "D", now=datetime(2024, 1, 2, 16, 0, tzinfo=UTC)).panel) == 2


def test_a_last_period_that_looks_cut_short_is_reported_only():
    y = [10.0, 11.0, 9.0, 12.0, 10.0, 10.0, 11.0, 9.0, 12.0, 10.0, 9.0, 10.0, 12.0, 11.0, 3.0]

    repaired = repair_panel(panel_of(pd.date_range("2023-01-01", periods=15, freq="MS"), y), "M")

    assert rules(repaired) == ["maybe_partial_period"]
    assert len(repaired.panel) == 15
    assert repair_panel(panel_of(pd.date_range("2023-01-01", periods=15, freq="MS"), [*y[:-1], 6.0]), "M").report == ()


def test_nothing_sold_out_of_stock_is_unknown():
    panel = daily([4.0, 0.0, 5.0, 2.0, 0.0]).assign(in_stock=[1, 0, 1, 0, 0])

    repaired = repair_panel(panel, "D")

    np.testing.assert_array_equal(repaired.panel["y"], [4, np.nan, 5, 2, np.nan])  # the end stays the end
    assert only(repaired, "stock_out").n_rows == 2


def test_stock_may_come_with_the_drivers_and_holds_in_filled_gaps():
    panel = pd.concat([daily([4.0, 5.0, 0.0, 5.0]).drop(index=1), daily([0.0] * 4, unique_id="b")])
    drivers = daily([1, 0, 0, 1]).rename(columns={"y": "stock"})

    repaired = repair_panel(panel, "D", drivers=drivers, gaps="zero")

    np.testing.assert_array_equal(repaired.panel["y"], [4, np.nan, np.nan, 5, 0, 0, 0, 0])


def test_a_series_never_in_stock_is_left_out():
    panel = pd.concat([daily([4.0, 5.0]), daily([0.0, 0.0], unique_id="b")]).assign(in_stock=[1, 1, 0, 0])

    repaired = repair_panel(panel, "D")

    assert repaired.panel["unique_id"].tolist() == ["a", "a"]
    assert only(repaired, "no_values").n_series == 1


def test_series_that_begin_late_or_ended_are_reported_and_kept():
    late, ended = np.r_[np.zeros(40), np.full(40, 3.0)], np.r_[np.full(40, 3.0), np.zeros(40)]
    rare = np.where(np.arange(80) % 13 == 5, 2.0, 0.0)
    panel = pd.concat([daily(late, unique_id="late"), daily(ended, unique_id="ended"), daily(rare, unique_id="rare")])

    repaired = repair_panel(panel, "D")

    assert len(repaired.panel) == 240
    assert (only(repaired, "not_started").first, only(repaired, "not_started").n_rows) == ("'late'", 40)
    assert (only(repaired, "ended").first, only(repaired, "ended").n_rows) == ("'ended'", 40)
    assert len(repaired.report) == 2


@pytest.mark.parametrize(
    ("freq", "other", "name"), [("D", "MS", "month"), ("D", "W-MON", "week"), ("M", "QS", "quarter")]
)
def test_a_series_of_a_coarser_frequency_is_named(freq, other, name):
    fine = panel_of(pd.date_range("2024-01-01", periods=40, freq={"D": "D", "M": "MS"}[freq]))
    coarse = panel_of(pd.date_range("2024-01-01", periods=8, freq=other), unique_id="b")

    with pytest.raises(InvalidInput, match=f"1 of 2 series have one value a {name} though .*first: 'b'"):
        repair_panel(pd.concat([fine, coarse]), freq)
    assert len(repair_panel(pd.concat([fine, coarse]), freq, gaps="zero").panel) > 48


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        ([1, 2], "must be a pandas DataFrame, got list"),
        (daily([1.0]).drop(columns="ds"), r"missing columns \['ds'\]; there are \['unique_id', 'y'\]"),
        (daily([]), "no rows"),
        (pd.concat([daily([1.0]), daily([2.0])[["y"]]], axis=1), "column 'y' twice"),
        (daily([1.0]).assign(unique_id=[["a"]]), "must hold texts or numbers"),
        (panel_of(["2024-01-01", "3024-01-01", "9999-12-31"]), "must hold timestamps: Out of bounds"),
    ],
)
def test_what_is_no_panel_is_named_in_one_line(panel, message):
    with pytest.raises(InvalidInput, match=message) as error:
        repair_panel(panel, "D")
    assert "\n" not in str(error.value)


def test_whole_numbers_may_be_stored_with_a_point_or_as_text():
    assert repair_panel(panel_of([1.0, 2.0]), 1).panel["ds"].tolist() == [1, 2]
    assert repair_panel(panel_of(["1", "2"]), 1).panel["ds"].tolist() == [1, 2]
    with pytest.raises(InvalidInput, match="needs integers"):
        repair_panel(panel_of([1.5, 2.0]), 1)


def test_report_becomes_a_table():
    table = to_frame(repair_panel(daily([1.0, np.nan, -3.0]), "D").report)

    assert table["rule"].tolist() == ["negative_values", "unknown_values"]
    assert list(table.columns) == ["rule", "found", "done", "n_rows", "n_series", "first"]
    assert to_frame(()).empty


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 12),
        st.sampled_from([0.0, 0.0, 1.0, 2.5, -1.0, np.nan]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, gaps=st.sampled_from(["unknown", "zero"]), shuffle=st.randoms(use_true_random=False))
def test_repair_of_a_repaired_panel_changes_nothing(rows, gaps, shuffle):
    ids, days, y = zip(*rows, strict=True)
    panel = panel_of(pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D"), y, list(ids))
    try:
        first = repair_panel(panel, "D", gaps=gaps, aggregate=True)
    except NotEnoughHistory:
        assert np.isnan(y).all()
        return

    order = list(range(len(rows)))
    shuffle.shuffle(order)
    again = repair_panel(first.panel, "D", gaps=gaps)
    other = repair_panel(panel.iloc[order], "D", gaps=gaps, aggregate=True)

    pd.testing.assert_frame_equal(again.panel, first.panel)
    pd.testing.assert_frame_equal(other.panel, first.panel)
    assert not first.panel.duplicated(["unique_id", "ds"]).any()
    np.testing.assert_allclose(np.nansum(first.panel["y"]), np.nansum(y))
    assert {one.rule for one in first.report} <= set(RULES)
