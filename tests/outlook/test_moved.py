from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from forecast.errors import InvalidInput
from forecast.history import connect_tables
from forecast.outlook import simulate
from forecast.outlook.book import earlier_rates, read_book
from forecast.outlook.moved import STEPS, totals, what_moved
from forecast.periods import parse_period
from forecast.settings import Settings

FROM, TO = datetime(2024, 6, 11, tzinfo=UTC), datetime(2024, 6, 21, tzinfo=UTC)
#: Ends more than the last horizon after both moments, so that time takes no chances away.
YEAR, JUNE = parse_period("FY2024"), parse_period("2024-06")
BOTH = Settings(revenue_from="both")
LATER = "2024-06-15"
USERS = pd.DataFrame(
    {"user_id": ["ada", "bob", "cyd"], "team_id": ["t1", "t1", "t2"], "recorded_at": pd.Timestamp("2020-01-01")}
)
TEAMS = pd.DataFrame(
    {"team_id": ["t1", "t2", "top"], "parent_team_id": ["top", None, None], "recorded_at": pd.Timestamp("2020-01-01")}
)


def deal(deal_id, recorded_at="2024-02-01", **changes):
    record = {"opportunity_id": deal_id, "owner_id": "ada", "amount": 200.0, "currency": "EUR", "outcome": None}
    dates = {"created_at": "2024-02-01", "closed_at": None, "expected_close_date": "2024-07-01"}
    marks = {"deleted_at": None, "merged_into": None, "batch": 1}
    return record | dates | marks | {"recorded_at": recorded_at} | changes


def frame(records):
    made = pd.DataFrame(records)
    moments = [name for name in made if name.endswith(("_at", "date"))]
    return made.assign(**{name: pd.to_datetime(made[name], format="mixed") for name in moments})


WON = {"outcome": "won", "closed_at": "2024-06-14"}
LOST = {"outcome": "lost", "closed_at": "2024-06-14"}
EARLIER_WON = {"outcome": "won", "closed_at": "2024-06-02"}
#: Of each opportunity: what was known at first and what is known later; None for nothing.
LIVES = {
    "won": ({}, WON),
    "won dearer": ({}, WON | {"amount": 230.0}),
    "won by another": ({}, WON | {"owner_id": "bob"}),
    "won without a price": ({"amount": None}, WON | {"amount": 90.0}),
    "won in the past": ({}, {"outcome": "won", "closed_at": "2023-12-30"}),
    "lost": ({}, LOST),
    "closed": ({}, {"closed_at": "2024-06-14"}),
    "deleted": ({}, {"deleted_at": LATER}),
    "merged": ({}, {"merged_into": "same"}),
    "new": (None, {"created_at": LATER}),
    "new and won": (None, {"created_at": LATER} | WON),
    "reopened": (LOST | {"closed_at": "2024-06-03"}, {}),
    "undone": (EARLIER_WON, {}),
    "lost after all": (EARLIER_WON, LOST),
    "won after all": (LOST | {"closed_at": "2024-06-03"}, WON),
    "booked earlier": (EARLIER_WON, EARLIER_WON | {"closed_at": "2023-12-30"}),
    "rebooked": (EARLIER_WON, EARLIER_WON | {"amount": 150.0}),
    "credited to another": (EARLIER_WON, EARLIER_WON | {"owner_id": "cyd"}),
    "slipped": ({}, {"expected_close_date": "2024-09-01"}),
    "repriced": ({}, {"amount": 300.0}),
    "handed over": ({}, {"owner_id": "bob"}),
    "warmer": ({}, {}),
    "dollars": ({"currency": "USD"}, {"currency": "USD"}),
    "won in dollars": ({"currency": "USD"}, WON | {"currency": "USD"}),
    "same": ({}, {}),
    "all at once": ({}, {"expected_close_date": "2024-09-01", "amount": 300.0, "owner_id": "cyd"}),
}
#: What moved, by hand. An open one counts .3 (after a slip .2, after a hand-over .4, warmer .5) of what it asks; a
#: dollar is .8 and then .9 EUR.
EXPECTED = {
    "won": [("won", "ada", 140.0)],
    "won dearer": [("won", "ada", 140.0), ("repriced", "ada", 30.0)],
    "won by another": [("won", "ada", 140.0), ("owner_changed", "ada", -200.0), ("owner_changed", "bob", 200.0)],
    "won in the past": [("won", "ada", -60.0)],
    "lost": [("lost", "ada", -60.0)],
    "closed": [("lost", "ada", -60.0)],
    "deleted": [("lost", "ada", -60.0)],
    "merged": [("lost", "ada", -60.0)],
    "new": [("new", "ada", 60.0)],
    "new and won": [("new", "ada", 200.0)],
    "reopened": [("new", "ada", 60.0)],
    "undone": [("won", "ada", -140.0)],
    "lost after all": [("lost", "ada", -200.0)],
    "won after all": [("won", "ada", 200.0)],
    "booked earlier": [("slipped", "ada", -200.0)],
    "rebooked": [("repriced", "ada", -50.0)],
    "credited to another": [("owner_changed", "ada", -200.0), ("owner_changed", "cyd", 200.0)],
    "slipped": [("slipped", "ada", -20.0), ("probability", "ada", 20.0)],
    "repriced": [("repriced", "ada", 30.0)],
    "handed over": [("owner_changed", "ada", -60.0), ("owner_changed", "bob", 80.0), ("probability", "bob", -20.0)],
    "warmer": [("probability", "ada", 40.0)],
    "dollars": [("exchange_rates", "ada", 6.0)],
    "won in dollars": [("won", "ada", 112.0), ("exchange_rates", "ada", 20.0)],
    "same": [],
    "all at once": [
        ("slipped", "ada", -20.0),
        ("repriced", "ada", 20.0),
        ("owner_changed", "ada", -60.0),
        ("owner_changed", "cyd", 120.0),
        ("probability", "cyd", -30.0),
    ],
}
RATES = frame(
    [
        {"currency": "USD", "date": "2024-01-01", "rate": 0.8, "recorded_at": "2024-01-01"},
        {"currency": "USD", "date": "2024-06-13", "rate": 0.9, "recorded_at": "2024-06-13"},
    ]
)


def scores(ids, p):
    within = dict.fromkeys(["p_30d", "p_60d", "p_90d"], p)
    return pd.DataFrame({"entity": "opportunity", "entity_id": list(ids), **within})


def rescore(changes):
    """After a slip .2, after a hand-over .4, the last change counts; a price changes nothing."""
    slipped, priced = "expected_close_date" in changes, "amount" in changes
    p = pd.Series(0.2 if slipped else 0.4, index=changes.index)
    if priced:
        p = p.where(changes.index != "repriced", 0.3).where(changes.index != "all at once", 0.2)
    return pd.DataFrame(dict.fromkeys(["p_30d", "p_60d", "p_90d"], p)).assign(amount_if_won=np.nan)


def make_book(con, as_of, *, p=0.3, period=YEAR, settings=BOTH):
    open_ids = con.execute(
        "SELECT opportunity_id FROM opportunities WHERE outcome IS NULL AND closed_at IS NULL"
    ).fetchall()
    said = scores(sorted({name for (name,) in open_ids}), p)
    if as_of == TO:
        said.loc[said["entity_id"] == "warmer", ["p_30d", "p_60d", "p_90d"]] = 0.5
    return read_book(con, simulate(con, said, period, as_of, settings, n_paths=20), said, settings)


@pytest.fixture(scope="module")
def moved():
    deals = [deal(name, **life[0]) for name, life in LIVES.items() if life[0] is not None]
    deals += [deal(name, LATER, **life[1]) for name, life in LIVES.items()]
    tables = {"opportunities": frame(deals), "users": USERS, "teams": TEAMS, "fx_rates": RATES}
    with connect_tables(tables) as con:
        before, after = (make_book(con, as_of) for as_of in (FROM, TO))
    return what_moved(before, before, before, after, rescore), before, after


@pytest.mark.parametrize("name", EXPECTED)
def test_each_thing_that_happens_is_in_its_step(moved, name):
    rows = moved[0].deals()
    rows = rows[rows["opportunity_id"] == name]

    found = sorted(rows[["step", "owner_id", "amount"]].itertuples(index=False, name=None))
    assert found == sorted(EXPECTED[name])


def test_a_deal_without_a_price_is_expected_at_the_mean_of_others_and_won_at_its_own(moved):
    rows = moved[0].deals("won").set_index("opportunity_id")

    # Six wins in force at the earlier moment ask 200 each.
    assert rows.loc["won without a price", "amount"] == 90 - 60


def test_steps_lead_from_the_earlier_to_the_later_outlook_on_every_level(moved):
    told, before, after = moved
    lines = told.to_frame()

    cents = (lines[["before", *STEPS, "after"]] * 100).round().astype(int)
    assert (cents["before"] + cents[list(STEPS)].sum(axis=1) == cents["after"]).all()
    for column, book in (("before", before), ("after", after)):
        outlook = book.outlook.to_frame(()).set_index(["level", "id"])["mean"]
        found = lines.set_index(["level", "id"])[column]
        assert set(outlook.index) <= set(found.index)
        pd.testing.assert_series_equal(found, outlook.reindex(found.index, fill_value=0.0), check_names=False)
    for level in ("rep", "team"):
        parts = cents[(lines["level"] == level) & (lines["id"] != "top")].sum()
        assert (parts == cents.iloc[0]).all(), level
    assert (cents[lines["id"] == "top"].to_numpy() == cents[lines["id"] == "t1"].to_numpy()).all()


def test_arriving_opportunities_are_a_matter_of_time(moved):
    told, before, after = moved
    rest = told.entries[told.entries["opportunity_id"].isna()]

    assert set(rest["step"]) == {"time_passed"}
    assert rest["value"].sum() == after.to_come["arriving"].sum() - before.to_come["arriving"].sum() != 0


def test_chances_shrink_as_time_passes():
    """20 of 30 days were left in June, 10 are now."""
    with connect_tables({"opportunities": frame([deal("d", amount=300.0)])}) as con:
        before, after = (make_book(con, as_of, period=JUNE) for as_of in (FROM, TO))

    line = what_moved(before, before, before, after, rescore).to_frame().iloc[0]

    assert (line["before"], line["time_passed"], line["after"]) == (60, -30, 30)


def test_corrected_data_and_model_come_before_everything_else():
    """A later batch says that 500 was asked, for bob and known in May; then .3 becomes .4."""
    fixed = deal("d", "2024-05-01", amount=500.0, owner_id="bob", batch=2)
    tables = {
        "opportunities": frame([deal("d"), deal("d", "2024-06-15", amount=500.0, owner_id="bob", batch=2), fixed])
    }
    with connect_tables(tables, batch=1) as con:
        before = make_book(con, FROM)
    with connect_tables(tables) as con:
        corrected, remodelled, after = make_book(con, FROM), make_book(con, FROM, p=0.4), make_book(con, TO, p=0.4)

    told = what_moved(before, corrected, remodelled, after, rescore)

    assert told.deals()[["step", "opportunity_id", "owner_id", "amount"]].values.tolist() == [
        ["corrected_data", "d", "bob", 150.0],
        ["corrected_data", "d", "ada", -60.0],
        ["model", "d", "bob", 50.0],
    ]


def test_who_changes_teams_takes_all_along():
    users = pd.concat([USERS, USERS.iloc[:1].assign(team_id="t2", recorded_at=pd.Timestamp(LATER))])
    tables = {"opportunities": frame([deal("d"), deal("w", **EARLIER_WON)]), "users": users, "teams": TEAMS}
    with connect_tables(tables) as con:
        before, after = (make_book(con, as_of) for as_of in (FROM, TO))

    lines = what_moved(before, before, before, after, rescore).to_frame().set_index("id")

    assert lines.loc["ada", "owner_changed"] == lines.loc["company", "owner_changed"] == 0
    assert lines.loc["t2", "owner_changed"] == lines.loc["t1", "before"] == -lines.loc["top", "owner_changed"]
    assert lines.loc["t1", "after"] == lines.loc["t2", "before"] == 0


def order(order_id, day, **others):
    at = {"ordered_at": day, "recorded_at": day}
    record = {"order_id": order_id, "account_id": "a", "currency": "EUR", "line": 1, "quantity": 1, "unit_price": 40.0}
    return record | at | others


def test_orders_are_repeat_demand_and_change_hands_with_their_account():
    """An order of 40 came in June before and one after; the account goes from ada to bob, a dollar is .8 then .9."""
    orders = frame(
        [
            order("o1", "2024-06-03"),
            order("o2", "2024-06-14"),
            order("o3", "2024-06-14", currency="USD"),
            order("o4", "2024-06-14", opportunity_id="same"),
        ]
    )
    accounts = frame(
        [
            {"account_id": "a", "owner_id": "ada", "recorded_at": "2024-01-01"},
            {"account_id": "a", "owner_id": "bob", "recorded_at": LATER},
        ]
    )
    tables = {"orders": orders, "order_lines": orders, "accounts": accounts, "fx_rates": RATES}
    with connect_tables(tables | {"opportunities": frame([deal("same")])}) as con:
        before, after = (make_book(con, as_of) for as_of in (FROM, TO))

    told = what_moved(before, before, before, after, rescore)

    rest = told.entries[told.entries["what"] == "orders"].set_index(["step", "owner_id"])["value"] / 100
    assert rest.to_dict() == {
        ("owner_changed", "ada"): -40.0,
        ("owner_changed", "bob"): 40.0,
        ("repeat_demand", "bob"): 40.0 + 32.0,
        ("exchange_rates", "bob"): 4.0,
    }
    line = told.to_frame().iloc[0]
    to_come = (after.to_come["repeat"].sum() - before.to_come["repeat"].sum()) / 100
    assert line["repeat_demand"] == pytest.approx(72 + to_come)


def test_nothing_moves_between_a_moment_and_itself(moved):
    _, before, _ = moved

    told = what_moved(before, before, before, before, rescore)

    assert told.entries.empty
    assert told.deals().empty
    assert (told.to_frame()[list(STEPS)] == 0).all(axis=None)


def test_deals_are_named_largest_first_in_the_order_of_the_steps(moved):
    told = moved[0]

    rows = told.deals(n=2)

    assert rows["step"].tolist() == sorted(rows["step"], key=STEPS.index)
    assert rows[rows["step"] == "lost"][["opportunity_id", "amount"]].values.tolist() == [
        ["lost after all", -200.0],
        ["closed", -60.0],
    ]
    assert set(told.deals("won")["step"]) == {"won"}
    with pytest.raises(InvalidInput, match=r"`step` must be one of corrected_data, .*, got 'luck'"):
        told.deals("luck")


def test_rates_that_were_not_known_before_stay():
    """Known before: dollars from March on. What came later fills only what had none."""
    days = pd.to_datetime(["2024-03-01", "2024-01-01", "2024-04-01", "2024-01-01"])
    known = pd.DataFrame({"currency": ["USD"], "day": days[:1], "rate": [0.8]})
    later = pd.DataFrame(
        {"currency": ["USD", "USD", "USD", "GBP"], "day": days, "rate": [0.85, 0.7, 0.9, 1.2]}
    ).sort_values("day", kind="stable")

    rates = earlier_rates(known, later)

    assert rates[["currency", "rate"]].values.tolist() == [["USD", 0.7], ["GBP", 1.2], ["USD", 0.8]]


def test_books_of_different_periods_are_refused(moved):
    _, before, after = moved
    with connect_tables({"opportunities": frame([deal("d")])}) as con:
        other = make_book(con, FROM, period=JUNE)

    with pytest.raises(InvalidInput, match="one period and currency"):
        what_moved(other, before, before, after, rescore)


def test_only_revenue_by_owner_is_taken_apart():
    with connect_tables({"opportunities": frame([deal("d")])}) as con:
        made = simulate(con, scores(["d"], 0.3), YEAR, FROM, BOTH, n_paths=5, by="region")
        with pytest.raises(InvalidInput, match="got revenue by region"):
            read_book(con, made, scores(["d"], 0.3), BOTH)


def test_a_book_adds_up_to_its_outlook(moved):
    for book in moved[1:]:
        outlook = sum(book.outlook.parts.values())
        found = totals(book).reindex(book.outlook.owners, fill_value=0)
        np.testing.assert_array_equal(found, np.rint(outlook * 100))


def test_a_new_price_counts_by_what_the_scores_expect_of_it():
    """Of 100 USD 90 are expected, of 200 only 150; a dollar is .8 EUR all the time."""
    deals = [deal("d", amount=100.0, currency="USD"), deal("d", LATER, amount=200.0, currency="USD")]
    books = []
    with connect_tables({"opportunities": frame(deals), "fx_rates": RATES.iloc[:1]}) as con:
        for as_of, amount in ((FROM, 90.0), (TO, 150.0)):
            said = scores(["d"], 0.3).assign(amount_if_won=amount)
            books.append(read_book(con, simulate(con, said, YEAR, as_of, BOTH, n_paths=5), said, BOTH))

    told = what_moved(*books[:1] * 3, books[1], lambda changes: rescore(changes).assign(amount_if_won=150.0))

    found = told.deals()[["step", "amount"]].values.tolist()
    assert found[0] == [
        "repriced",
        pytest.approx(0.4 * 160 * 0.75 - 0.3 * 80 * 0.9),
    ]  # .4 is what is said after a price
    assert found[1] == ["probability", pytest.approx((0.3 - 0.4) * 160 * 0.75)]
