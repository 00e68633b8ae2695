from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from forecast.errors import DataUnavailable, InvalidInput
from forecast.history import connect_tables
from forecast.outlook import PARTS, UNASSIGNED, simulate
from forecast.periods import parse_period
from forecast.settings import Settings

AS_OF = datetime(2024, 6, 11, tzinfo=UTC)
JUNE = parse_period("2024-06")
SETTINGS = Settings()
USERS = pd.DataFrame(
    {"user_id": ["ada", "bob", "cyd"], "team_id": ["t1", "t1", "t2"], "recorded_at": pd.Timestamp("2020-01-01")}
)
TEAMS = pd.DataFrame({"team_id": ["t1", "t2"], "name": ["North", "South"], "recorded_at": pd.Timestamp("2020-01-01")})


def deal(deal_id, owner, amount, created, closed=None, outcome=None, *, known=None, currency="EUR", product="p1"):
    return {
        "opportunity_id": deal_id,
        "owner_id": owner,
        "product_id": product,
        "amount": amount,
        "currency": currency,
        "created_at": pd.Timestamp(created),
        "closed_at": pd.Timestamp(closed) if closed else pd.NaT,
        "outcome": outcome,
        "recorded_at": pd.Timestamp(known or closed or created) + pd.Timedelta(minutes=1),
    }


def connect(deals, **tables):
    return connect_tables({"opportunities": pd.DataFrame(deals), "users": USERS, "teams": TEAMS, **tables})


def scores(**chances):
    """P(won within 30 days) of open opportunities, all of it due in the first 20 days' share."""
    rows = [
        {"entity": "opportunity", "entity_id": name, "p_30d": p, "p_60d": p, "p_90d": p} for name, p in chances.items()
    ]
    return pd.DataFrame(rows, columns=["entity", "entity_id", "p_30d", "p_60d", "p_90d"])


def history(seed=0, days=500):
    """Two years of deals: ada wins large ones, bob small ones."""
    rng = np.random.default_rng(seed)
    made = pd.Timestamp(AS_OF.replace(tzinfo=None)) - pd.to_timedelta(np.sort(rng.uniform(1, days, 400)), unit="D")
    deals = []
    for index, created in enumerate(made):
        owner, size = [("ada", 1000.0), ("bob", 100.0)][index % 2]
        closed = created + pd.Timedelta(days=float(rng.exponential(10)))
        won = rng.random() < 0.5
        if closed < pd.Timestamp(AS_OF.replace(tzinfo=None)):
            deals.append(deal(f"h{index}", owner, size, created, closed, "won" if won else "lost"))
    return deals


def test_booked_and_open_by_hand():
    deals = [
        deal("a", "ada", 100.0, "2024-05-01", "2024-06-03", "won"),
        deal("b", "ada", 50.0, "2024-05-01", "2024-05-31 23:00", "won"),  # in May
        deal("c", "bob", 70.0, "2024-05-01", "2024-06-05", "lost"),
        deal("d", "bob", 200.0, "2024-06-01"),
        deal("e", None, 30.0, "2024-06-01", "2024-06-09", "won"),
    ]

    outlook = simulate(connect(deals), scores(d=0.3), JUNE, AS_OF, SETTINGS, n_paths=20_000)

    frame = outlook.to_frame().set_index(["level", "id"])
    assert frame.loc[("company", "company"), "booked"] == 130
    assert frame.loc[("rep", "ada"), ["booked", "open"]].tolist() == [100, 0]
    assert frame.loc[("rep", UNASSIGNED), "booked"] == 30
    assert frame.loc[("team", "t1"), "name"] == "North"
    # 20 of 30 days are left: P = .3 * 2 / 3
    np.testing.assert_allclose(frame.loc[("rep", "bob"), "open"], 200 * 0.2, atol=2)
    assert set(np.unique(outlook.paths[:, outlook.owners.index("bob")])) >= {0.0, 200.0}


def test_open_deals_bring_what_the_score_expects_if_they_are_won():
    """Of 200 USD asked 150 are expected; at 0.5 EUR for one that is 75. Without an expectation it is as asked."""
    rates = pd.DataFrame(
        {"currency": ["USD"], "date": [pd.Timestamp("2024-01-01")], "rate": [0.5], "recorded_at": "2024-01-01"}
    ).astype({"recorded_at": "datetime64[us]"})
    deals = [deal("d", "ada", 200.0, "2024-06-01", currency="USD"), deal("e", "bob", 80.0, "2024-06-01")]
    said = scores(d=1.0, e=1.0).assign(amount_if_won=[150.0, np.nan])

    outlook = simulate(connect(deals, fx_rates=rates), said, JUNE, AS_OF, SETTINGS, n_paths=2000)

    assert set(np.unique(outlook.paths[:, outlook.owners.index("ada")])) == {0.0, 75.0}
    assert set(np.unique(outlook.paths[:, outlook.owners.index("bob")])) == {0.0, 80.0}


def test_means_add_exactly_over_parts_owners_and_teams():
    deals = [*history(), deal("x", "ada", 33.3333, "2024-06-01"), deal("y", "cyd", 7.7777, "2024-06-01")]

    frame = simulate(connect(deals), scores(x=0.31, y=0.77), JUNE, AS_OF, SETTINGS, n_paths=300).to_frame()

    cents = (frame[[*PARTS, "mean"]] * 100).round().astype(int).assign(level=frame["level"])
    company = cents[cents["level"] == "company"].drop(columns="level").iloc[0]
    for level in ("team", "rep"):
        sums = cents[cents["level"] == level].drop(columns="level").sum()
        pd.testing.assert_series_equal(sums, company, check_names=False)
    assert (cents["mean"] == cents[list(PARTS)].sum(axis=1)).all()


def test_teams_and_company_are_sums_of_paths():
    outlook = simulate(connect(history()), scores(), JUNE, AS_OF, SETTINGS, n_paths=300)

    np.testing.assert_allclose(sum(outlook.team_paths().values()), outlook.company_paths)
    frame = outlook.to_frame()
    assert frame.loc[0, "q0.9"] == pytest.approx(np.quantile(outlook.paths.sum(axis=1), 0.9), abs=0.01)


def test_arrivals_repeat_what_history_brought():
    deals = history()

    outlook = simulate(connect(deals), scores(), JUNE, AS_OF, SETTINGS, n_paths=4000)

    # .8 deals a day, half of them won, 20 days left, P(closed within the rest) = 1 - (1 - exp(-2)) / 2 = .568
    expected = 0.8 * 0.5 * 20 * 0.568 * 550
    np.testing.assert_allclose(outlook.parts["arriving"].sum(), expected, rtol=0.2)
    by_owner = dict(zip(outlook.owners, outlook.parts["arriving"], strict=True))
    assert by_owner["ada"] > 5 * by_owner["bob"]


def test_what_leavers_would_have_won_goes_to_the_others():
    gone = USERS.assign(active_to=[pd.Timestamp("2024-06-01"), pd.NaT, pd.NaT])

    stay, leave = (
        simulate(
            connect_tables({"opportunities": pd.DataFrame(history()), "users": users}), scores(), JUNE, AS_OF, SETTINGS
        )
        for users in (USERS, gone)
    )

    assert leave.parts["arriving"][leave.owners.index("ada")] == 0
    np.testing.assert_allclose(leave.parts["arriving"].sum(), stay.parts["arriving"].sum(), rtol=0.05)


def test_a_past_period_is_certain_and_a_future_one_books_nothing():
    deals = history()

    past = simulate(connect(deals), scores(), parse_period("2024-05"), AS_OF, SETTINGS, n_paths=50)
    future = simulate(
        connect([*deals, deal("x", "ada", 500.0, "2024-06-01")]),
        scores(x=0.9),
        parse_period("2024-08"),
        AS_OF,
        SETTINGS,
    )

    assert np.ptp(past.paths, axis=0).max() == 0
    assert past.parts["booked"].sum() > 0
    assert future.parts["booked"].sum() == 0
    assert future.parts["arriving"].sum() > 0


def test_missing_amounts_are_drawn_from_past_wins_of_the_product():
    deals = [deal(f"w{i}", "ada", 10.0 + i, "2024-04-01", "2024-05-20", "won") for i in range(5)]
    deals += [deal(f"v{i}", "ada", 900.0, "2024-04-01", "2024-05-20", "won", product="p2") for i in range(5)]

    outlook = simulate(connect([*deals, deal("x", "ada", None, "2024-06-01")]), scores(x=1.0), JUNE, AS_OF, SETTINGS)

    revenue = outlook.paths[outlook.paths > 0]
    assert set(np.unique(revenue)) <= set(np.arange(10.0, 15)), np.unique(revenue)


def order(order_id, day, amount, *, user="ada", opportunity=None):
    at = pd.Timestamp(day)
    row = {"order_id": order_id, "user_id": user, "ordered_at": at, "currency": "EUR", "line": 1, "quantity": 1}
    return row | {"unit_price": amount, "opportunity_id": opportunity, "recorded_at": at + pd.Timedelta(minutes=1)}


@pytest.mark.parametrize(("revenue_from", "booked"), [("opportunities", 100), ("orders", 100 + 40), ("both", 100 + 40)])
def test_what_is_sold_once_counts_once(revenue_from, booked):
    orders = pd.DataFrame([order("o1", "2024-06-04", 100.0, opportunity="a"), order("o2", "2024-06-05", 40.0)])
    deals = [deal("a", "ada", 100.0, "2024-05-01", "2024-06-03", "won")]

    outlook = simulate(
        connect(deals, orders=orders, order_lines=orders), scores(), JUNE, AS_OF, Settings(revenue_from=revenue_from)
    )

    assert outlook.parts["booked"].sum() == booked


def test_repeat_orders_follow_their_past():
    days = pd.date_range("2023-01-01", "2024-06-10", freq="D")
    orders = pd.DataFrame([order(f"o{i}", day + pd.Timedelta(hours=8), 10.0) for i, day in enumerate(days)])

    outlook = simulate(
        connect([], orders=orders, order_lines=orders),
        scores(),
        JUNE,
        AS_OF,
        Settings(revenue_from="orders"),
        n_paths=4000,
    )

    assert outlook.parts["booked"].sum() == 100
    assert outlook.parts["repeat"].sum() == pytest.approx(200, rel=0.02)  # ten a day for the twenty days left


def test_amounts_are_in_the_reporting_currency_of_their_day():
    deals = [deal("a", "ada", 100.0, "2024-05-01", "2024-06-03", "won", currency="USD")]
    rates = pd.DataFrame(
        {
            "currency": "USD",
            "date": pd.to_datetime(["2024-06-01", "2024-06-04"]),
            "rate": [0.8, 0.9],
            "recorded_at": pd.Timestamp("2024-06-01"),
        }
    )

    outlook = simulate(connect(deals, fx_rates=rates), scores(), JUNE, AS_OF, SETTINGS)

    assert outlook.parts["booked"].tolist() == [80]
    with pytest.raises(DataUnavailable, match="amounts in USD have no rate to EUR"):
        simulate(connect(deals), scores(), JUNE, AS_OF, SETTINGS)


def test_the_future_changes_nothing():
    deals = [*history(), deal("x", "ada", 500.0, "2024-06-01")]
    later = [
        deal("x", "bob", 900.0, "2024-06-01", "2024-06-12", "won"),
        deal("new", "cyd", 1.0, "2024-06-12"),
        deal("backdated", "cyd", 5000.0, "2024-05-01", "2024-06-02", "won", known="2024-06-15"),
    ]

    one, two = (
        simulate(connect(rows), scores(x=0.5), JUNE, AS_OF, SETTINGS, n_paths=200) for rows in (deals, deals + later)
    )

    np.testing.assert_array_equal(one.paths, two.paths)
    pd.testing.assert_frame_equal(one.to_frame(), two.to_frame())


def test_the_order_of_rows_changes_nothing():
    deals = [*history(), deal("x", "ada", 500.0, "2024-06-01"), deal("y", "bob", None, "2024-06-01")]

    one, two = (
        simulate(connect(rows), scores(x=0.5, y=0.4), JUNE, AS_OF, SETTINGS, n_paths=200)
        for rows in (deals, deals[::-1])
    )

    np.testing.assert_array_equal(one.paths, two.paths)


def test_short_history_still_gives_an_outlook():
    deals = [deal(f"w{i}", "ada", 10.0, f"2024-06-{i:02d}", f"2024-06-{i:02d} 12:00", "won") for i in range(1, 9)]

    outlook = simulate(connect(deals), scores(), parse_period("FY2024"), AS_OF, SETTINGS, n_paths=500)

    assert outlook.parts["arriving"].sum() == pytest.approx(10 * 0.8 * 204, rel=0.15)  # .8 a day over 204 days


def test_an_empty_company_has_an_empty_outlook():
    outlook = simulate(connect_tables({}), scores(), JUNE, AS_OF, SETTINGS, n_paths=10)

    frame = outlook.to_frame()
    assert frame["level"].tolist() == ["company"]
    assert frame["mean"].tolist() == [0]


def test_bad_arguments_are_named():
    con = connect_tables({})
    with pytest.raises(InvalidInput, match=r"missing columns \['p_60d'\]"):
        simulate(con, scores().drop(columns="p_60d"), JUNE, AS_OF, SETTINGS)
    with pytest.raises(InvalidInput, match="`n_paths` must be at least 1, got 0"):
        simulate(con, scores(), JUNE, AS_OF, SETTINGS, n_paths=0)


def test_a_missing_amount_is_drawn_from_the_other_open_deals_while_nothing_was_won():
    deals = [deal("known", "ada", 500.0, "2024-06-01"), deal("unknown", "bob", None, "2024-06-01")]

    with connect(deals) as con:
        outlook = simulate(con, scores(known=1.0, unknown=1.0), parse_period("FY2024"), AS_OF, SETTINGS, n_paths=50)

    np.testing.assert_allclose(outlook.paths, 500.0)


def company_deals(shaken=0.8, seed=0):
    """Ten reps in two teams, two years; in every second month wins come or stay away for all of them together."""
    rng = np.random.default_rng(seed)
    now = pd.Timestamp(AS_OF.replace(tzinfo=None))
    deals = []
    for index, age in enumerate(np.sort(rng.uniform(1, 730, 3000))):
        created = now - pd.Timedelta(days=age)
        closed = created + pd.Timedelta(days=float(rng.exponential(15)))
        won = rng.random() < 0.5 * (1 + shaken * (1 if closed.month % 2 else -1))
        known = closed < now
        made = deal(f"h{index:04d}", f"r{index % 10}", 100.0, created, closed, "won" if won else "lost")
        deals.append(deal(f"h{index:04d}", f"r{index % 10}", 100.0, created))
        deals += [made] if known else []
    return deals


def team_of_ten():
    users = [f"r{index}" for index in range(10)]
    return pd.DataFrame({"user_id": users, "team_id": ["t1", "t2"] * 5, "recorded_at": pd.Timestamp("2020-01-01")})


def look_ahead(deals, later=(), **options):
    open_ids = {row["opportunity_id"] for row in deals} - {row["opportunity_id"] for row in deals if row["outcome"]}
    said = scores(**dict.fromkeys(sorted(open_ids), 0.4))
    with connect([*deals, *later], users=team_of_ten()) as con:
        return simulate(con, said, parse_period("2024-07"), AS_OF, SETTINGS, n_paths=1000, **options)


@pytest.fixture(scope="module")
def shaken():
    return company_deals()


def test_shocks_that_all_share_widen_the_company_more_than_its_reps(shaken):
    def widths(outlook):
        frame = outlook.to_frame().set_index("id")
        return (frame["q0.9"] - frame["q0.1"]) / frame["mean"]

    together, alone = widths(look_ahead(shaken)), widths(look_ahead(shaken, common_shocks=False))

    assert together["company"] > 2 * alone["company"]
    assert together["r0"] < 2 * alone["r0"]


def test_shocks_move_no_mean(shaken):
    together, alone = look_ahead(shaken), look_ahead(shaken, common_shocks=False)

    np.testing.assert_allclose(together.company_paths.mean(), alone.company_paths.mean(), rtol=0.03)
    mean = sum(part.sum() for part in together.parts.values())
    np.testing.assert_allclose(together.company_paths.mean(), mean, rtol=0.02)


def test_the_future_changes_no_shock(shaken):
    later = [
        deal(f"h{index:04d}", "r1", 9000.0, "2024-05-20", "2024-06-01", "won", known="2024-06-12")
        for index in range(50)
    ]

    np.testing.assert_array_equal(look_ahead(shaken).paths, look_ahead(shaken, later).paths)


def test_one_deal_more_moves_no_other_deal(shaken):
    more = [*shaken, deal("zz", "r3", 1e6, "2024-06-01")]

    one, two = look_ahead(shaken), look_ahead(more)

    changed = (one.paths != two.paths).mean(axis=0)
    assert changed[one.owners.index("r3")] > 0.1
    assert changed[[name not in ("r3",) for name in one.owners]].max() == 0


def test_unknown_unit_is_named():
    with pytest.raises(InvalidInput, match="`by` must be one of owner, region, category, got 'colour'"):
        simulate(connect_tables({}), scores(), JUNE, AS_OF, SETTINGS, by="colour")
