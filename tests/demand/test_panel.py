import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from forecast.demand import DemandForecaster
from forecast.demand.panel import build_panel
from forecast.errors import DataUnavailable, InvalidInput, NotEnoughHistory
from forecast.history import connect_tables

UTC_ZONE = ZoneInfo("UTC")


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def order(order_id, day, product, quantity, price=2.0, *, known=None, currency="EUR", status=None, discount=None):
    """One order with one line, known a second after it was placed unless told otherwise."""
    at = pd.Timestamp(day)
    return {
        "order_id": order_id,
        "ordered_at": at,
        "currency": currency,
        "status": status,
        "line": 1,
        "product_id": product,
        "quantity": quantity,
        "unit_price": price,
        "discount_pct": discount,
        "recorded_at": pd.Timestamp(known) if known else at + pd.Timedelta(seconds=1),
    }


def connect(orders, **tables):
    frame = pd.DataFrame(orders)
    products = pd.DataFrame(
        {"product_id": ["p1", "p2"], "category": ["toys", "toys"], "recorded_at": pd.Timestamp("2020-01-01")}
    )
    return connect_tables(
        {"orders": frame.drop_duplicates("order_id"), "order_lines": frame, "products": products, **tables}
    )


ORDERS = [
    order("o1", "2024-01-01 10:00", "p1", 3),  # Monday of week 1
    order("o2", "2024-01-07 23:30", "p1", 1),  # Sunday of week 1 in UTC, Monday of week 2 in Amsterdam
    order("o3", "2024-01-16 10:00", "p2", 5, price=4.0, discount=25),  # week 3
    order("o4", "2024-01-21 10:00", "p1", 2),  # Sunday: week 3 is complete
    order("o5", "2024-01-23 10:00", "p1", 9),  # week 4 is not
]


def rows(panel):
    return [(unique_id, f"{ds:%m-%d}", y) for unique_id, ds, y in panel.itertuples(index=False)]


def test_panel_from_orders_has_zeros_between_and_no_partial_period():
    panel = build_panel(connect(ORDERS), moment("2024-01-24"), UTC_ZONE, freq="W").panel

    assert rows(panel) == [("p1", "01-01", 4), ("p1", "01-08", 0), ("p1", "01-15", 2), ("p2", "01-15", 5)]


def test_panel_days_are_those_of_the_zone():
    panel = build_panel(connect(ORDERS), moment("2024-01-24"), ZoneInfo("Europe/Amsterdam"), freq="W").panel

    assert rows(panel)[:2] == [("p1", "01-01", 3), ("p1", "01-08", 1)]


def test_panel_revenue_is_after_discount_and_in_the_reporting_currency():
    orders = [*ORDERS, order("o6", "2024-01-17 10:00", "p2", 1, price=10.0, currency="USD")]
    rates = pd.DataFrame(
        {
            "currency": "USD",
            "date": pd.to_datetime(["2024-01-10", "2024-01-18"]),
            "rate": [0.9, 0.5],
            "recorded_at": pd.Timestamp("2024-01-01"),
        }
    )

    panel = build_panel(
        connect(orders, fx_rates=rates), moment("2024-01-24"), UTC_ZONE, freq="W", measure="revenue", by=("category",)
    ).panel

    assert rows(panel) == [("toys", "01-01", 8), ("toys", "01-08", 0), ("toys", "01-15", 15 + 4 + 9)]


def test_panel_names_a_missing_rate():
    orders = [*ORDERS, order("o6", "2024-01-17 10:00", "p2", 1, currency="USD")]

    with pytest.raises(DataUnavailable, match=r"1 amounts in USD have no rate to EUR .*2024-01-17"):
        build_panel(connect(orders), moment("2024-01-24"), UTC_ZONE, measure="revenue")


def test_neither_cancelled_orders_nor_returns_are_demand():
    orders = [
        *ORDERS,
        order("o6", "2024-01-02 10:00", "p1", 50, status="Cancelled"),
        order("o7", "2024-01-03 10:00", "p1", -1, status="returned"),
    ]

    panel = build_panel(connect(orders), moment("2024-01-24"), UTC_ZONE, freq="W").panel

    assert rows(panel)[0] == ("p1", "01-01", 4)


def test_small_products_are_one_series_so_that_sums_are_complete():
    panel = build_panel(connect(ORDERS), moment("2024-01-24"), UTC_ZONE, freq="D", max_series=1).panel

    assert panel.groupby("unique_id")["y"].sum().to_dict() == {"(other)": 5, "p1": 15}


def test_the_future_changes_neither_panel_nor_forecast():
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=120, freq="D")
    past = [
        order(f"o{i}{p}", day + pd.Timedelta(hours=9), p, int(rng.poisson(4)), price=2.0 + i % 5)
        for i, day in enumerate(days)
        for p in ("p1", "p2")
    ]
    future = [
        order(
            "late", "2024-02-01 10:00", "p1", 500, price=90, known="2024-05-01 10:00"
        ),  # happened before, known after
        order("next", "2024-05-02 10:00", "p2", 700, price=80),
    ]
    as_of = moment("2024-04-20")

    one, two = (build_panel(connect(orders), as_of, UTC_ZONE, freq="D") for orders in (past, past + future))

    pd.testing.assert_frame_equal(one.panel, two.panel)
    pd.testing.assert_frame_equal(one.drivers, two.drivers)
    forecasts = [
        DemandForecaster("D", 7, params={"num_iterations": 10}, past_only=p.past_only)
        .fit(p.panel, p.static, p.drivers)
        .predict()
        for p in (one, two)
    ]
    pd.testing.assert_frame_equal(*forecasts)


def demand_table(known="2023-01-01"):
    days = pd.date_range("2024-01-01", periods=20, freq="D")
    return pd.DataFrame(
        {
            "unique_id": np.repeat(["s1/a", "s1/b"], 20),
            "date": np.tile(days, 2),
            "quantity": np.arange(40.0),
            "recorded_at": np.tile(days + pd.Timedelta(hours=20), 2),
        }
    )


def test_panel_from_the_demand_table_as_known():
    built = build_panel(connect_tables({"demand": demand_table()}), moment("2024-01-10"), UTC_ZONE, freq="D")

    assert built.panel["ds"].max() == pd.Timestamp("2024-01-09")
    assert built.panel.groupby("unique_id")["y"].sum().to_dict() == {"s1/a": 36, "s1/b": 216}


def test_drivers_are_those_known_before_their_day():
    days = pd.date_range("2024-01-01", periods=25, freq="D")
    drivers = pd.DataFrame(
        {
            "name": np.repeat(["price", "weather"], 25),
            "unique_id": "s1/a",
            "date": np.tile(days, 2),
            "value": np.arange(50.0),
            # prices are set a week ahead, weather is seen in the evening
            "recorded_at": [*(days - pd.Timedelta(days=7)), *(days + pd.Timedelta(hours=20))],
        }
    )
    con = connect_tables({"demand": demand_table(), "drivers": drivers})

    known = build_panel(con, moment("2024-01-10"), UTC_ZONE, freq="D", horizon=14).drivers

    assert list(known.columns) == ["unique_id", "ds", "price"]
    assert known["ds"].max() == pd.Timestamp("2024-01-16")  # set a week ahead, before the tenth


def test_driver_of_a_store_or_of_all_counts_where_the_series_has_none_of_its_own():
    drivers = pd.DataFrame(
        {
            "name": "promotion",
            "unique_id": ["*", "s1", "s1/a"],
            "date": pd.to_datetime(["2024-01-05", "2024-01-06", "2024-01-06"]),
            "value": [1.0, 2.0, 3.0],
            "recorded_at": pd.to_datetime("2023-12-01"),
        }
    )
    con = connect_tables({"demand": demand_table(), "drivers": drivers})

    known = build_panel(con, moment("2024-01-10"), UTC_ZONE, freq="D", horizon=14).drivers

    fifth, sixth = pd.Timestamp("2024-01-05"), pd.Timestamp("2024-01-06")
    assert known.set_index(["unique_id", "ds"])["promotion"].to_dict() == {
        ("s1/a", fifth): 1.0,
        ("s1/b", fifth): 1.0,
        ("s1/a", sixth): 3.0,
        ("s1/b", sixth): 2.0,
    }


def test_parts_of_the_id_describe_series_only_when_shared():
    days = pd.date_range("2024-01-01", periods=3, freq="D")
    ids = [f"store{index % 2}/item{index}" for index in range(40)]
    demand = pd.DataFrame(
        {"unique_id": np.repeat(ids, 3), "date": np.tile(days, 40), "quantity": 1.0, "recorded_at": np.tile(days, 40)}
    )

    static = build_panel(connect_tables({"demand": demand}), moment("2024-01-10"), UTC_ZONE, freq="D").static

    assert list(static.columns) == ["unique_id", "key_1"]


def test_panel_fails_without_sales():
    with pytest.raises(NotEnoughHistory, match="before 2023-12-01"):
        build_panel(connect(ORDERS), moment("2023-12-01"), UTC_ZONE)


@pytest.mark.parametrize(("argument", "value"), [("freq", "Y"), ("measure", "margin"), ("by", ("planet",))])
def test_panel_names_a_wrong_argument(argument, value):
    with pytest.raises(InvalidInput, match=argument):
        build_panel(connect(ORDERS), moment("2024-01-24"), UTC_ZONE, **{argument: value})


def test_drivers_of_a_key_or_of_all_reach_each_series():
    days = pd.date_range("2024-01-01", periods=3, freq="D")
    ids = ["s1/a", "s1/b", "s2/a"]
    demand = pd.DataFrame(
        {"unique_id": np.repeat(ids, 3), "date": np.tile(days, 3), "quantity": 1.0, "recorded_at": np.tile(days, 3)}
    )
    drivers = pd.DataFrame(
        {
            "name": ["snap", "holiday", "price"],
            "unique_id": ["s1", "*", "s2/a"],
            "date": days[1],
            "value": [1.0, 2.0, 3.0],
            "recorded_at": pd.Timestamp("2023-01-01"),
        }
    )

    known = build_panel(
        connect_tables({"demand": demand, "drivers": drivers}), moment("2024-01-10"), UTC_ZONE, freq="D"
    )

    expected = pd.DataFrame(
        {"unique_id": ids, "ds": days[1], "holiday": 2.0, "price": [np.nan, np.nan, 3.0], "snap": [1.0, 1.0, np.nan]}
    )
    pd.testing.assert_frame_equal(known.drivers, expected, check_dtype=False)


def test_a_series_begins_with_its_first_sale():
    days = pd.date_range("2024-01-01", periods=4, freq="D")
    demand = pd.DataFrame(
        {
            "unique_id": np.repeat(["late", "never"], 4),
            "date": np.tile(days, 2),
            "quantity": [0.0, 0, 5, 0, 0, 0, 0, 0],
            "recorded_at": np.tile(days, 2),
        }
    )

    panel = build_panel(connect_tables({"demand": demand}), moment("2024-01-10"), UTC_ZONE, freq="D").panel

    assert panel.groupby("unique_id").size().to_dict() == {"late": 2, "never": 4}


def shop(n_products=12, n_weeks=20):
    """Orders of products of two categories and two brands, sold to two countries at prices that change."""
    weeks = pd.date_range("2024-01-01 10:00", periods=n_weeks, freq="7D")
    rows = [
        order(f"o{week}-{item}", day, f"p{item:02d}", 1 + item % 3, price=10.0 + week) | {"account_id": f"a{item % 2}"}
        for week, day in enumerate(weeks)
        for item in range(n_products)
    ]
    products = pd.DataFrame(
        {
            "product_id": [f"p{item:02d}" for item in range(n_products)],
            "category": ["tea", "pots"] * (n_products // 2),
            "attributes": [
                '{"brand": "x"}' if item < n_products // 2 else '{"brand": "y"}' for item in range(n_products)
            ],
            "recorded_at": pd.Timestamp("2020-01-01"),
        }
    )
    accounts = pd.DataFrame(
        {"account_id": ["a0", "a1"], "country": ["NL", "DE"], "recorded_at": pd.Timestamp("2020-01-01")}
    )
    return rows, products, accounts


def test_products_bring_their_category_and_what_many_share_as_known_then():
    rows_, products, accounts = shop(20)
    later = products.assign(category="moved", recorded_at=pd.Timestamp("2024-05-15"))
    tables = {"products": pd.concat([products, later]), "accounts": accounts}

    static = build_panel(connect(rows_, **tables), moment("2024-05-15"), UTC_ZONE, freq="W").static

    assert list(static.columns) == ["unique_id", "category", "brand"]
    assert static["category"].tolist() == products["category"].tolist()
    assert static["brand"].tolist() == ["x"] * 10 + ["y"] * 10
    assert build_panel(connect(rows_, **tables), moment("2024-05-16"), UTC_ZONE, freq="W").static.columns.tolist() == [
        "unique_id",
        "brand",
    ]


def test_attributes_of_later_push_none_of_before_out():
    rows_, products, accounts = shop(20)
    many = json.dumps({f"a{number:02d}": "known later" for number in range(30)})
    later = products.assign(attributes=many, recorded_at=pd.Timestamp("2024-05-20"))
    tables = {"products": pd.concat([products, later]), "accounts": accounts}

    static = build_panel(connect(rows_, **tables), moment("2024-05-15"), UTC_ZONE, freq="W").static

    assert list(static.columns) == ["unique_id", "category", "brand"]


def test_series_by_product_and_country_know_both():
    rows_, products, accounts = shop()

    built = build_panel(
        connect(rows_, products=products, accounts=accounts),
        moment("2024-05-15"),
        UTC_ZONE,
        freq="W",
        by=("product", "country"),
    )

    static = built.static.set_index("unique_id")
    assert static.loc[["p00/NL", "p01/DE"], ["category", "country"]].to_numpy().tolist() == [
        ["tea", "NL"],
        ["pots", "DE"],
    ]


def test_demand_by_store_and_item_knows_the_items_category():
    days = pd.date_range("2024-01-01", periods=3, freq="D")
    ids = [f"s{store}/p{item:02d}" for store in range(2) for item in range(12)]
    demand = pd.DataFrame(
        {"unique_id": np.repeat(ids, 3), "date": np.tile(days, 24), "quantity": 1.0, "recorded_at": np.tile(days, 24)}
    )
    _, products, _ = shop()

    static = build_panel(
        connect_tables({"demand": demand, "products": products}), moment("2024-01-10"), UTC_ZONE, freq="D"
    ).static

    assert list(static.columns) == ["unique_id", "key_1", "category", "brand"]
    assert static["category"].tolist() == ["tea", "pots"] * 12


def test_price_is_what_was_paid_per_unit_in_each_period():
    paid = [
        order("o1", "2024-01-01 10:00", "p1", 3, price=4.0),
        order("o2", "2024-01-02 10:00", "p1", 1, price=8.0, discount=50),
        order("o3", "2024-01-16 10:00", "p1", 2, price=5.0),
        order("o4", "2024-01-17 10:00", "p1", 2, price=0.0),  # a gift has no price
        order("o5", "2024-01-21 10:00", "p2", 2, price=9.0),
        order("o6", "2024-01-23 10:00", "p1", 9, price=1.0),  # not over
    ]

    built = build_panel(connect(paid), moment("2024-01-24"), UTC_ZONE, freq="W")

    assert built.past_only == ("price",)
    # (3 · 4 + 1 · 8 · 50 %) / 4, then 2 · 5 / 2 without the gift
    assert rows(built.drivers) == [("p1", "01-01", 4.0), ("p1", "01-15", 5.0), ("p2", "01-15", 9.0)]


def test_a_planned_price_takes_the_place_of_the_paid_one():
    days = pd.date_range("2024-01-01", periods=3, freq="D")
    demand = pd.DataFrame(
        {"unique_id": "a", "date": days, "quantity": 2.0, "revenue": [2.0, 4.0, 6.0], "recorded_at": days}
    )
    drivers = pd.DataFrame(
        {"name": "price", "unique_id": "a", "date": days, "value": 3.0, "recorded_at": pd.Timestamp("2023-01-01")}
    )
    tables = {"demand": demand}

    paid = build_panel(connect_tables(tables), moment("2024-01-10"), UTC_ZONE, freq="D")
    planned = build_panel(connect_tables(tables | {"drivers": drivers}), moment("2024-01-10"), UTC_ZONE, freq="D")

    assert (paid.past_only, paid.drivers["price"].tolist()) == (("price",), [1.0, 2.0, 3.0])
    assert (planned.past_only, planned.drivers["price"].tolist()) == ((), [3.0, 3.0, 3.0])
