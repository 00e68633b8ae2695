"""Tables of reports against what can be counted by hand."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from forecast.money import to_minor
from forecast.reports import ReportTable, Viewer

Make = Callable[..., ReportTable]
REP = Viewer(frozenset({"ann"}), frozenset(), sees_demand=False, sees_overrides=False)
MANAGER = Viewer(frozenset({"ann", "bob"}), frozenset({"T1"}))


def column(table: ReportTable, key: str, name: str) -> dict[str, Any]:
    return dict(zip(table.rows[key], table.rows[name], strict=True))


def test_revenue_counts_the_days_of_the_company_s_own_zone(make: Make) -> None:
    table = make(measures=["revenue"], dimensions=["month"])

    # The deal of 22:30 UTC on the last of March was won in April in Amsterdam.
    assert column(table, "month", "revenue") == {"2026-01": 150.10, "2026-02": 0.0, "2026-03": 400.0}


def test_total_is_the_sum_of_the_rows_to_the_cent(make: Make) -> None:
    for dimension in ("team", "rep", "region", "industry", "category", "account"):
        table = make(measures=["revenue"], dimensions=[dimension])

        assert to_minor(table.rows["revenue"], "EUR").sum() == to_minor(table.totals["revenue"], "EUR") == 55010


def test_average_stands_beside_its_count_and_its_total_is_over_all_rows(make: Make) -> None:
    table = make(measures=["win_rate", "csat"], dimensions=["rep"])

    assert [measure.name for measure in table.measures] == ["win_rate", "decided", "csat", "csat_n"]
    assert column(table, "rep", "win_rate") == {"ann": 1.0, "bob": 1.0, "cid": 0.5}
    assert table.totals["win_rate"] == 0.75  # three of four decided, not the mean of the rates
    assert (column(table, "rep", "csat")["ann"], table.totals["csat"], table.totals["csat_n"]) == (3.5, 3.5, 2)


def test_growth_is_over_the_same_part_of_the_period_before(make: Make) -> None:
    table = make(measures=["growth", "growth_year"])

    assert table.rows["revenue_before"].tolist() == [150.0]
    assert table.rows["growth"].round(6).tolist() == [round(550.10 / 150 - 1, 6)]
    assert table.rows["growth_year"].isna().tolist() == [True]


def test_rows_beyond_the_limit_are_one_row_and_shares_still_make_a_whole(make: Make) -> None:
    table = make(measures=["revenue", "revenue_share", "average_sale"], dimensions=["rep"], limit=1)

    assert table.rows["rep"].tolist() == ["cid", "\x7fothers"]
    assert table.rows["revenue"].tolist() == [400.0, 150.10]
    assert table.rows["average_sale"].tolist() == [400.0, 75.05]  # over the sales of all others
    assert table.rows["revenue_share"].sum() == pytest.approx(1)


def test_pipeline_is_what_is_open_now_and_weighs_by_probability(make: Make) -> None:
    table = make(measures=["pipeline", "weighted_pipeline", "idle_deals"], dimensions=["rep"])

    assert table.rows.to_dict("records") == [
        {"rep": "bob", "pipeline": 30.0, "weighted_pipeline": 15.0, "idle_deals": 1.0}
    ]
    assert table.model_version == "group_rate"


def test_rep_s_report_counts_own_rows_only_and_names_no_team(make: Make) -> None:
    by_rep, by_team = (make(REP, measures=["revenue", "buyers"], dimensions=[by]) for by in ("rep", "team"))

    assert column(by_rep, "rep", "revenue") == {"ann": 100.10}
    assert (by_rep.totals["revenue"], by_rep.totals["buyers"]) == (100.10, 1)
    assert column(by_team, "team", "revenue") == {"": 100.10}


def test_team_is_named_only_when_all_of_its_people_are_seen(make: Make) -> None:
    whole = make(MANAGER, measures=["revenue"], dimensions=["team"])
    torn = make(Viewer(frozenset({"ann", "cid"}), frozenset({"T1", "T2"})), measures=["revenue"], dimensions=["team"])

    assert column(whole, "team", "revenue") == {"T1": 150.10}
    assert column(torn, "team", "revenue") == {"T2": 400.0, "": 100.10}


def test_filters_choose_rows_and_stand_with_the_table(make: Make) -> None:
    table = make(measures=["revenue"], dimensions=["rep"], filters={"region": ["North"], "team": ["T1"]})

    assert column(table, "rep", "revenue") == {"ann": 100.10, "bob": 50.0}
    assert table.filters["region"] == ("North",)
    assert make(MANAGER, measures=["revenue"], filters={"rep": ["cid"]}).rows["revenue"].tolist() == [0.0]


def test_filter_of_somebody_else_opens_nothing(make: Make) -> None:
    table = make(REP, measures=["revenue", "sales"], dimensions=["account"], filters={"rep": ["cid"]})

    assert table.rows.empty
    assert table.note.zh == "本期间没有数据。"


def test_months_without_sales_stand_between_others(make: Make) -> None:
    months = make(measures=["revenue"], dimensions=["month"], periods=2).rows["month"].tolist()

    assert months == ["2025-11", "2025-12", "2026-01", "2026-02", "2026-03"]
    assert all(earlier < later for earlier, later in pairwise(months))


def test_section_that_cannot_be_made_says_why_and_the_others_stay(make: Make) -> None:
    table = make(period="2026Q3", measures=["revenue"])

    assert table.rows.empty
    assert "2026Q3 had not begun" in table.note.en
    assert table.note.zh.startswith("此处没有可以给出的数据")
