from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from forecast.errors import InvalidInput
from forecast.history import connect_tables
from forecast.outlook.ledger import MEASURES, read_ledger, split_booked
from forecast.periods import parse_period
from forecast.settings import Settings

AS_OF = datetime(2024, 6, 11, tzinfo=UTC)
JUNE = parse_period("2024-06")
BOTH = Settings(revenue_from="both")


def rows(*records, recorded_at="2024-01-01"):
    """A table; every row known from ``recorded_at`` unless it says so itself."""
    frame = pd.DataFrame([{"recorded_at": recorded_at} | record for record in records])
    moments = [name for name in frame if name.endswith("_at") or name in ("at", "date", "recorded_at")]
    return frame.assign(**{name: pd.to_datetime(frame[name], format="mixed") for name in moments})


ACCOUNTS = rows(
    {"account_id": "a1", "owner_id": "ada", "region": "North"},
    {"account_id": "a2", "owner_id": "bob", "region": "South"},
    {"account_id": "a3", "owner_id": "cyd", "region": None},
)
PRODUCTS = rows(
    {"product_id": "p1", "category": "light", "list_price": 10.0, "cost": 4.0, "currency": "EUR"},
    {"product_id": "p2", "category": "heavy", "list_price": 20.0, "cost": 15.0, "currency": "EUR"},
    {"product_id": "p3", "category": "heavy", "list_price": 20.0, "cost": None, "currency": "EUR"},
)


def deal(deal_id, amount, closed=None, outcome=None, **others):
    record = {"opportunity_id": deal_id, "owner_id": "ada", "account_id": "a1", "product_id": "p1", "currency": "EUR"}
    return (
        record
        | {"amount": amount, "closed_at": closed, "outcome": outcome, "created_at": "2024-02-01"}
        | {"recorded_at": closed or "2024-02-01"}
        | others
    )


def order(order_id, **others):
    at = {"ordered_at": "2024-06-05", "recorded_at": "2024-06-05"}
    return {"order_id": order_id, "account_id": "a1", "user_id": "ada", "currency": "EUR"} | at | others


def line(order_id, number, product, quantity, price):
    record = {"order_id": order_id, "line": number, "product_id": product, "quantity": quantity, "unit_price": price}
    return record | {"recorded_at": "2024-06-05"}


def connect(deals=(), orders=(), lines=(), **tables):
    made = {"opportunities": deals, "orders": orders, "order_lines": lines}
    made = {name: rows(*records) for name, records in made.items() if records}
    return connect_tables({"accounts": ACCOUNTS, "products": PRODUCTS} | made | tables)


def scores(**chances):
    records = [
        {"entity": "opportunity", "entity_id": name, "p_30d": p, "p_60d": p, "p_90d": p} for name, p in chances.items()
    ]
    return pd.DataFrame(records, columns=["entity", "entity_id", "p_30d", "p_60d", "p_90d"])


def test_deals_have_the_region_of_their_account_and_the_category_of_their_product():
    deals = [
        deal("lost", 1.0, "2024-05-01", "lost"),
        deal("open", 100.0, account_id="a2", product_id="p2"),
        deal("won", 50.0, "2024-06-02", "won"),
        deal("won without both", 50.0, "2024-06-02", "won", account_id=None, product_id=None),
    ]

    ledger = read_ledger(connect(deals), scores(open=0.5), AS_OF, Settings())

    assert ledger.open[["entity_id", "region", "category", "amount"]].values.tolist() == [
        ["open", "South", "heavy", 100.0]
    ]
    won = ledger.won.set_index("opportunity_id")
    assert won.loc["won", ["owner_id", "region", "category"]].tolist() == ["ada", "North", "light"]
    assert won.loc["won without both", ["region", "category"]].isna().all()
    assert (ledger.measure, ledger.currency) == ("revenue", "EUR")


def test_orders_are_split_by_category_and_have_their_own_region_where_the_account_has_none():
    orders = [order("o1"), order("o2", account_id="a3", user_id=None, region="West"), order("o3", account_id=None)]
    lines = [
        line("o1", 1, "p1", 2, 10.0),
        line("o1", 2, "p3", 1, 20.0),
        line("o1", 3, "p2", 1, 0.1),
        line("o2", 1, "p1", 1, 7.0),
        line("o3", 1, None, 1, 3.0),
    ]

    ledger = read_ledger(connect(orders=orders, lines=lines), scores(), AS_OF, BOTH)

    found = ledger.orders[["order_id", "owner_id", "region", "category", "amount"]].astype(object)
    assert found.where(found.notna(), None).values.tolist() == [
        ["o1", "ada", "North", "heavy", 20.1],
        ["o1", "ada", "North", "light", 20.0],
        ["o2", "cyd", "West", "light", 7.0],
        ["o3", "ada", None, None, 3.0],
    ]


def test_facts_of_a_merged_account_have_the_region_of_the_account_that_is_left():
    merged = rows({"account_id": "a2", "merged_into": "a1", "recorded_at": "2024-06-07"})
    accounts = pd.concat([ACCOUNTS, merged], ignore_index=True)
    con = connect([deal("won", 1.0, "2024-06-02", "won", account_id="a2")], accounts=accounts)

    before, after = (
        read_ledger(con, scores(), as_of, Settings()).won["region"].tolist()
        for as_of in (datetime(2024, 6, 5, tzinfo=UTC), AS_OF)
    )

    assert (before, after) == (["South"], ["North"])


@pytest.mark.parametrize(
    ("change", "total"),
    [
        ({"closed": "2024-06-04", "outcome": "won"}, 100.0),  # the opportunity counts
        ({}, 0.0),  # it is open: it counts when it is won
        ({"closed": "2024-06-04", "outcome": "lost"}, 90.0),
        ({"closed": "2024-06-04", "outcome": "won", "amount": None}, 90.0),
        ({"closed": "2024-06-04", "outcome": "won", "deleted_at": "2024-06-06"}, 90.0),
        ({"recorded_at": "2024-06-20"}, 90.0),  # not known yet
    ],
)
def test_an_order_counts_where_its_opportunity_does_not(change, total):
    named = deal("d", **({"amount": 100.0} | change))
    con = connect([named, deal("other", 1.0)], [order("o", opportunity_id="d")], [line("o", 1, "p1", 9, 10.0)])
    likely = scores(d=0.5) if change == {} else scores()

    booked = split_booked(read_ledger(con, likely, AS_OF, BOTH), JUNE, AS_OF, BOTH)

    assert pd.concat(booked)["amount"].sum() == total


def test_an_order_of_an_unknown_opportunity_counts_and_one_of_a_merged_one_does_not():
    deals = [
        deal("kept", 100.0, "2024-06-04", "won"),
        deal("gone", 100.0, recorded_at="2024-02-02"),
        deal("gone", 100.0, merged_into="kept", recorded_at="2024-06-05"),
    ]
    orders = [order("o1", opportunity_id="gone"), order("o2", opportunity_id="never seen")]
    con = connect(deals, orders, [line("o1", 1, "p1", 1, 90.0), line("o2", 1, "p1", 1, 80.0)])

    assert read_ledger(con, scores(), AS_OF, BOTH).orders["order_id"].tolist() == ["o2"]


def test_every_sale_counts_exactly_once():
    """Each sale is an order of some cents, with an opportunity of the same amount in any state, or none."""
    rng = np.random.default_rng(0)
    states, cents = rng.choice(["won", "lost", "open", "none"], 200), rng.integers(1, 10**6, 200)
    deals = [
        deal(f"d{index}", amount / 100, *({"open": ()}.get(state, ("2024-06-04", state))))
        for index, (state, amount) in enumerate(zip(states, cents, strict=True))
        if state != "none"
    ]
    orders = [order(f"o{index}", opportunity_id=f"d{index}") for index in range(200)]
    lines = [line(f"o{index}", 1, "p1", 1, amount / 100) for index, amount in enumerate(cents)]
    likely = scores(**{f"d{index}": 1.0 for index in np.flatnonzero(states == "open")})

    ledger = read_ledger(connect(deals, orders, lines), likely, AS_OF, BOTH)

    found = pd.concat([ledger.won, ledger.open, ledger.orders])["amount"]
    assert len(found) == 200
    assert round(100 * found.sum()) == cents.sum()


def test_wins_are_counted_whatever_is_revenue_and_without_a_currency():
    con = connect([deal("open", None), deal("w1", 5.0, "2024-06-02", "won"), deal("w2", None, "2024-06-03", "won")])

    for revenue_from in ("opportunities", "orders", "both"):
        ledger = read_ledger(con, scores(open=0.5), AS_OF, Settings(revenue_from=revenue_from), "wins")
        assert ledger.won["amount"].tolist() == [1, 1]
        assert ledger.open["amount"].tolist() == [1]
        assert (len(ledger.orders), ledger.currency, ledger.n_unknown) == (0, "", 0)


def test_units_are_quantities_of_all_orders():
    orders = [order("o1", opportunity_id="w"), order("o2", status="cancelled")]
    lines = [line("o1", 1, "p1", 2, 10.0), line("o1", 2, "p1", 3, None), line("o2", 1, "p1", 7, 10.0)]
    con = connect([deal("w", 5.0, "2024-06-02", "won")], orders, lines)

    ledger = read_ledger(con, scores(), AS_OF, Settings(), "units")

    assert ledger.orders["amount"].tolist() == [5]
    assert (len(ledger.won), len(ledger.open), ledger.currency) == (0, 0, "")


def test_margin_is_revenue_less_cost_and_unknown_without_a_cost():
    rates = rows({"currency": "USD", "date": "2024-01-01", "rate": 0.5})
    dear = rows({"product_id": "p4", "category": "light", "list_price": 8.0, "cost": 2.0, "currency": "USD"})
    deals = [
        deal("open", 200.0, product_id="p2"),
        deal("w1", 100.0, "2024-06-02", "won", product_id="p4"),
        deal("w2", 100.0, "2024-06-02", "won", product_id="p3"),
    ]
    lines = [
        line("o1", 1, "p1", 3, 9.0),  # 27 - 12
        line("o1", 2, "p4", 2, 8.0),  # 16 - 2 * 2 USD
        line("o2", 1, "p1", 1, 9.0),
        line("o2", 2, "p3", 1, 9.0),
        line("o3", 1, "p1", 1, 9.0),
        line("o3", 2, None, 1, 9.0),
    ]
    con = connect(
        deals, [order("o1"), order("o2"), order("o3")], lines, products=pd.concat([PRODUCTS, dear]), fx_rates=rates
    )
    likely = scores(open=0.5).assign(amount_if_won=160.0)

    ledger = read_ledger(con, likely, AS_OF, BOTH, "margin")

    np.testing.assert_allclose(ledger.open["amount"], [160 * 0.25])
    np.testing.assert_allclose(ledger.won["amount"], [75, np.nan])
    known = ledger.orders.set_index(["order_id", "category"])["amount"]
    assert known["o1", "light"] == 15 + 14
    assert known["o2", "light"] == 5
    assert np.isnan(known["o2", "heavy"])
    assert ledger.n_unknown == 3
    assert ledger.currency == "EUR"


def test_activities_are_what_users_did():
    done = {"account_id": "a2", "user_id": "ada", "at": "2024-06-05", "recorded_at": "2024-06-05"}
    interactions = rows(
        {"interaction_id": "i1", "direction": "out"} | done,
        {"interaction_id": "i2", "direction": None} | done,
        {"interaction_id": "i3", "direction": "in"} | done,
        {"interaction_id": "i4", "direction": "out"} | done | {"user_id": None},
        {"interaction_id": "i5", "direction": "out"} | done | {"at": "2024-06-20"},  # planned
    )

    ledger = read_ledger(connect(interactions=interactions), scores(), AS_OF, Settings(), "activities")

    assert ledger.orders[["order_id", "owner_id", "region", "amount"]].values.tolist() == [
        ["i1", "ada", "South", 1.0],
        ["i2", "ada", "South", 1.0],
    ]
    assert ledger.first == pd.Timestamp("2024-06-05")


def test_a_ledger_of_nothing_is_empty_in_every_measure():
    con = connect_tables({})
    for measure in MEASURES:
        ledger = read_ledger(con, scores(), AS_OF, BOTH, measure)

        assert len(ledger.won) == len(ledger.open) == len(ledger.orders) == ledger.n_unknown == 0
        assert ledger.first is None
        columns = [list(part) for part in split_booked(ledger, JUNE, AS_OF, BOTH)]
        assert columns == [["owner_id", "region", "category", "amount", "at"]] * 2


def test_an_unknown_measure_is_named():
    with pytest.raises(InvalidInput, match="one of revenue, margin, wins, units, activities, got 'profit'"):
        read_ledger(connect_tables({}), scores(), AS_OF, BOTH, "profit")


def test_what_is_known_later_changes_nothing():
    """Later versions, also of what happened before: another region, category, cost, owner, outcome, lines."""
    deals = [deal("d", 100.0), deal("w", 50.0, "2024-06-02", "won")]
    now = {"opportunities": deals, "orders": [order("o")], "order_lines": [line("o", 1, "p1", 2, 10.0)]}
    later = {"recorded_at": "2024-06-11"}
    changed = {
        "opportunities": [deal("d", 1.0, "2024-06-03", "won") | later, deal("w", 9.0, account_id="a2") | later],
        "orders": [order("o", account_id="a2", user_id="bob") | later, order("o9") | later],
        "order_lines": [line("o", 1, "p2", 9, 1.0) | later, line("o", 2, "p2", 9, 1.0) | later],
        "accounts": [{"account_id": "a1", "region": "West"} | later],
        "products": [{"product_id": "p1", "category": "new", "cost": 1.0, "list_price": 2.0} | later],
    }
    known = {name: rows(*records) for name, records in now.items()} | {"accounts": ACCOUNTS, "products": PRODUCTS}
    future = {name: pd.concat([frame, rows(*changed[name])], ignore_index=True) for name, frame in known.items()}

    cons = [connect_tables(tables) for tables in (known, future)]

    for measure in MEASURES:
        one, two = (read_ledger(con, scores(d=0.5), AS_OF, BOTH, measure) for con in cons)
        for name in ("won", "open", "orders"):
            pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))
