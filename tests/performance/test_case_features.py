from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from forecast.datasets import Company
from forecast.features import FAMILIES as ALL_FAMILIES
from forecast.features import describe
from forecast.history import connect_tables
from forecast.performance.case_features import FAMILIES, LEFT_OUT, features_at_hand_over, without_proxies


def test_features_are_those_of_the_moment_of_handing_over(deal, on_day):
    rows = deal("D", (10, "ann", "new", None), (30, "bob", "late", None), (31, "bob", "later", None))
    rows["amount"] = [100.0, 200.0, 300.0]
    con = connect_tables({"opportunities": rows})
    got_at = pd.Series([on_day(10), on_day(30)]).dt.tz_localize(None)

    found = features_at_hand_over(con, "opportunity", pd.DataFrame({"case_id": "D", "got_at": got_at}), ZoneInfo("UTC"))

    assert found["got_at"].tolist() == got_at.tolist()
    assert found["attributes__amount"].tolist() == [100.0, 200.0]
    assert found["stage__current"].tolist() == ["new", "late"]


def test_nothing_of_the_owner_or_of_a_guess_about_the_outcome_is_a_feature(company: Company):
    con = connect_tables(company.tables)
    held = con.sql("SELECT opportunity_id AS case_id, min(known_from) AS got_at FROM opportunities GROUP BY ALL").df()

    found = features_at_hand_over(con, "opportunity", held.head(50), ZoneInfo("UTC"))

    names = [name for name in found if "__" in name]
    assert len(names) > 10
    assert not set(names) & set(LEFT_OUT)
    assert {name.split("__")[0] for name in names} <= set(FAMILIES) <= set(ALL_FAMILIES)
    assert "owner" not in FAMILIES
    assert all(describe(name).effort != "activity" for name in names)


def test_a_category_that_lies_with_few_people_stands_for_them():
    person = pd.Series([f"U{i}" for i in range(10)] * 30)
    X = pd.DataFrame(
        {
            "territory": person.str.replace("U", "T"),
            "code": person.str.removeprefix("U").astype(float),
            "pair": pd.Series([i // 2 for i in range(10)] * 30).astype(str),
            "region": pd.Series([i // 5 for i in range(10)] * 30).astype(str),
            "industry": pd.Series(np.arange(300) // 10 % 4).astype(str),
            "amount": np.linspace(1, 1000, 300),
            "same": "x",
        }
    )

    kept, proxies = without_proxies(X, person)

    assert proxies == ["territory", "code", "pair"]
    assert list(kept) == ["region", "industry", "amount", "same"]


def test_in_a_company_of_two_what_both_have_stands_for_nobody():
    person = pd.Series(["ann", "bob"] * 50)
    X = pd.DataFrame({"industry": ["a", "a", "b", "b"] * 25, "desk": ["1", "2"] * 50})

    assert without_proxies(X, person)[1] == ["desk"]
