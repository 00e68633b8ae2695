"""The mappings of real data sets, against numbers that pandas finds in the published files."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.inputs import load_mapping, register_inputs
from forecast.adapters.lake import DeltaLake
from forecast.datasets import bundled_folder, mapping_path
from forecast.history import open_connection
from forecast.mapping.queries import run_queries
from forecast.usecases.ingest import ingest

pytestmark = pytest.mark.slow


class Clock:
    def now(self) -> datetime:
        return datetime(2020, 1, 1, tzinfo=UTC)


def mapped(name: str, folder: Path, replaced: Mapping[str, pd.DataFrame] | None = None) -> dict[str, pd.DataFrame]:
    """Result of each query of a mapping; inputs may be replaced by frames."""
    spec, frames = load_mapping(mapping_path(name)), replaced or {}
    from_files = {key: given for key, given in spec.inputs.items() if key not in frames}
    with open_connection() as con:
        register_inputs(con, replace(spec, inputs=from_files), folder)
        for key, rows in frames.items():
            con.register(key, rows)
        return {table: rows.to_pandas().drop(columns="_row") for table, rows in run_queries(con, spec)}


def brought(name: str, folder: Path, lake_folder: Path) -> tuple[DeltaLake, pd.DataFrame]:
    """A lake with a data set in it, and the counts of the ingest by table."""
    spec, lake = load_mapping(mapping_path(name)), DeltaLake(lake_folder)
    result = ingest(spec, lambda con: register_inputs(con, spec, folder), lake, Clock())
    return lake, result.to_frame().set_index("table")


def same_rows(one: pd.DataFrame, other: pd.DataFrame, key: list[str]) -> None:
    one, other = (rows.sort_values(key).reset_index(drop=True) for rows in (one, other))
    pd.testing.assert_frame_equal(one, other[list(one)], check_dtype=False)


# --- loan-applications


@pytest.fixture(scope="module")
def loan_events(shared_data) -> pd.DataFrame:
    return pd.read_parquet(shared_data / "loan-applications" / "events.parquet")


@pytest.fixture(scope="module")
def loans(shared_data) -> dict[str, pd.DataFrame]:
    return mapped("loan-applications", shared_data / "loan-applications")


@pytest.mark.shared
def test_loans_end_as_the_log_says(loans):
    last = loans["opportunities"].sort_values("recorded_at").drop_duplicates("opportunity_id", keep="last")

    endings = last["outcome"].str.cat(last["lost_reason"], sep=" ", na_rep="").str.strip().replace("", "open")

    assert endings.value_counts().to_dict() == {"lost declined": 4334, "lost cancelled": 1346, "won": 1130, "open": 645}


def last_of(values: pd.Series, events: pd.DataFrame) -> pd.Series:
    return values.groupby(events["case:concept:name"]).last()


@pytest.mark.shared
@pytest.mark.parametrize("moment", ["2011-10-20", "2011-11-15", "2011-12-15 13:30"])
def test_loans_at_a_moment_are_what_the_events_before_it_tell(loans, loan_events, moment):
    at = pd.Timestamp(moment, tz="UTC")
    events = loan_events[loan_events["time:timestamp"] <= at].sort_values(["case:concept:name", "event_index"])
    by_case = events.groupby("case:concept:name")
    ends = events["concept:name"].map(
        {"A_ACTIVATED": "closed_won", "A_DECLINED": "closed_lost", "A_CANCELLED": "closed_lost"}
    )
    stages = events["concept:name"].map(
        {"A_SUBMITTED": "submitted", "A_PREACCEPTED": "preaccepted", "A_ACCEPTED": "accepted", "O_SENT": "offer_sent",
         "O_SENT_BACK": "offer_returned"}
    )  # fmt: skip
    ended_at = events["time:timestamp"].where(ends.notna()).groupby(events["case:concept:name"]).transform("min")
    until_end = events[ended_at.isna() | (events["time:timestamp"] <= ended_at)]
    employee = until_end["org:resource"].where(until_end["org:resource"] != "112")
    expected = pd.DataFrame(
        {
            "stage": last_of(ends, events).fillna(last_of(stages, events)),
            "owner_id": last_of(employee, until_end),
            "amount": by_case["case:AMOUNT_REQ"].last(),
            "created_at": by_case["time:timestamp"].min(),
        }
    )  # fmt: skip

    versions = loans["opportunities"]
    known = versions[versions["recorded_at"] <= at].sort_values("recorded_at")
    known = known.drop_duplicates("opportunity_id", keep="last").set_index("opportunity_id").sort_index()

    pd.testing.assert_frame_equal(
        known[list(expected)].fillna({"owner_id": ""}),
        expected.fillna({"owner_id": ""}),
        check_dtype=False, check_names=False,
    )  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize("cutoff", ["2011-10-10 10:00", "2011-11-15 09:13:27"])
def test_no_loan_row_tells_of_events_after_it(shared_data, loans, loan_events, cutoff):
    at = pd.Timestamp(cutoff, tz="UTC")
    before = loan_events[loan_events["time:timestamp"] <= at]

    cut = mapped("loan-applications", shared_data / "loan-applications", {"events": before})

    for table, key in (("opportunities", "opportunity_id"), ("interactions", "interaction_id"), ("users", "user_id")):
        rows = loans[table]
        same_rows(cut[table], rows[rows["recorded_at"] <= at], [key, "recorded_at"])


@pytest.mark.shared
def test_work_on_loans_is_known_when_it_is_completed(loans, loan_events):
    events = loan_events.sort_values(["case:concept:name", "concept:name", "event_index"])
    following = events.groupby(["case:concept:name", "concept:name"])["lifecycle:transition"].shift(-1)
    done = events[(events["lifecycle:transition"] == "START") & (following == "COMPLETE")]

    work = loans["interactions"]
    completed = work[work["result"] == "completed"]

    assert len(completed) == len(done) == 36337
    seconds = (completed["recorded_at"] - completed["at"]).dt.total_seconds()
    np.testing.assert_allclose(completed["duration_s"], seconds, atol=1e-3)
    calls = work[work["channel"] == "phone"]
    assert calls["kind"].value_counts().to_dict() == {
        "call after offer": done["concept:name"].eq("W_Nabellen offertes").sum(),
        "call about incomplete file": done["concept:name"].eq("W_Nabellen incomplete dossiers").sum(),
    }
    assert work["direction"].eq("in").sum() == loan_events["concept:name"].eq("O_SENT_BACK").sum()


# --- olist-funnel


@pytest.mark.shared
def test_olist_leads_show_at_creation_only_what_the_first_contact_shows(shared_data, tmp_path):
    lake, counts = brought("olist-funnel", shared_data / "olist-funnel", tmp_path)

    with lake.connect() as con:
        first = con.execute(
            "SELECT count(*), count(owner_id), count(converted_at), count(closed_at), count(channel), count(status), "
            "count(json_extract(attributes, '$.landing_page')), max(len(json_keys(attributes))) "
            "FROM leads WHERE recorded_at = created_at"
        ).fetchone()
        won = con.execute("SELECT count(*), count(owner_id) FROM leads WHERE converted_at IS NOT NULL").fetchone()
    reasons = lake.quarantine()["reason"].tolist()

    assert counts.loc["leads", ["read", "quarantined"]].tolist() == [8000, 1]
    assert first == (7999, 0, 0, 0, 7939, 0, 7999, 1)
    assert won == (841, 841)
    assert len(reasons) == 1
    assert reasons[0].startswith("closed_at: 2018-03-06 22:38:55 lies before created_at")


# --- crm-sales-opportunities


def test_crm_pipeline_gives_each_deal_as_engaged_and_as_closed():
    deals = mapped("crm-sales-opportunities", bundled_folder("crm-sales-opportunities"))["opportunities"]

    assert deals["stage"].value_counts().to_dict() == {
        "engaging": 8300 + 1589,
        "closed_won": 4238,
        "closed_lost": 2473,
        "prospecting": 500,
    }
    assert set(deals["product_id"]) == {
        "GTX Basic", "GTX Pro", "MG Special", "MG Advanced", "GTX Plus Pro", "GTX Plus Basic", "GTK 500"
    }  # fmt: skip
    won = deals[deals["outcome"] == "won"]
    published = pd.read_csv(bundled_folder("crm-sales-opportunities") / "sales_pipeline.csv")
    assert won["amount"].astype(float).sum() == published["close_value"].sum()


def test_crm_close_value_and_account_are_unknown_before_the_close():
    folder = bundled_folder("crm-sales-opportunities")
    published = pd.read_csv(folder / "sales_pipeline.csv", dtype=str)
    won = published["deal_stage"] == "Won"
    other = published.assign(
        close_value=published["close_value"].where(~won, "99999"), account=published["account"].where(~won, "Zumgoity")
    )

    one = mapped("crm-sales-opportunities", folder)["opportunities"]
    two = mapped("crm-sales-opportunities", folder, {"pipeline": other})["opportunities"]

    same_rows(one[one["outcome"].isna()], two[two["outcome"].isna()], ["opportunity_id", "recorded_at"])
    engaged = one[one["recorded_at"] == one["created_at"]]
    assert engaged.loc[engaged["stage"] == "engaging", "account_id"].isna().all()
    assert (one.loc[one["outcome"] == "won", "recorded_at"] == one.loc[one["outcome"] == "won", "closed_at"]).all()


def test_crm_comes_into_a_lake_with_its_teams(tmp_path):
    lake, counts = brought("crm-sales-opportunities", bundled_folder("crm-sales-opportunities"), tmp_path)

    assert counts["quarantined"].sum() == 0
    users, teams = lake.table("users"), lake.table("teams")
    assert users["role"].value_counts().to_dict() == {"rep": 35, "manager": 6}
    assert sorted(teams["team_id"]) == [
        "central", "central-1", "central-2", "east", "east-1", "east-2", "west", "west-1", "west-2"
    ]  # fmt: skip
    assert teams["manager_id"].dropna().isin(users["user_id"]).all()
    manager = users.set_index("name")["team_id"]
    assert manager["Dustin Brinkmann"] == manager["Moses Frase"] == "central-1"
    day = lake.table("opportunities", as_of=datetime(2017, 7, 1, tzinfo=UTC))
    published = pd.read_csv(bundled_folder("crm-sales-opportunities") / "sales_pipeline.csv")
    closed = published["close_date"] < "2017-07-01"
    assert (
        day["outcome"].value_counts().to_dict() == published[closed]["deal_stage"].str.lower().value_counts().to_dict()
    )
    assert len(day) == (published["engage_date"] < "2017-07-01").sum()


# --- bank-marketing


@pytest.fixture(scope="module")
def bank() -> dict[str, pd.DataFrame]:
    return mapped("bank-marketing", bundled_folder("bank-marketing"))


def call_days(calls: pd.DataFrame) -> list[date]:
    """The next day of each row's month and weekday that is not before the row's predecessor."""
    months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    day, days = date(2008, 5, 1), []
    for month, weekday in zip(calls["month"], calls["day_of_week"], strict=True):
        while months[day.month - 1] != month or weekdays[day.weekday()] != weekday:
            day += timedelta(days=1)
        days.append(day)
    return days


def test_bank_calls_fall_on_the_days_that_their_order_tells(bank):
    calls = pd.read_parquet(bundled_folder("bank-marketing") / "bank-additional-full.parquet")
    leads = bank["leads"].sort_values("lead_id")
    days = leads["closed_at"].dt.date.tolist()

    assert days == call_days(calls)
    assert (days[0], days[-1]) == (date(2008, 5, 5), date(2010, 11, 26))
    assert date(2008, 5, 22) not in days  # Corpus Christi, a holiday in Portugal
    assert leads["converted_at"].notna().tolist() == calls["y"].eq("yes").tolist()


def test_one_midnight_finds_each_bank_lead_open(bank):
    leads = bank["leads"]

    midnights = leads["closed_at"].dt.normalize() - leads["created_at"].dt.normalize()

    assert (midnights == pd.Timedelta(days=1)).all()


def test_bank_call_duration_belongs_to_the_call_alone(bank, tmp_path):
    calls = pd.read_parquet(bundled_folder("bank-marketing") / "bank-additional-full.parquet")
    interactions = bank["interactions"].sort_values("interaction_id").reset_index(drop=True)
    leads = bank["leads"].sort_values("lead_id").reset_index(drop=True)

    assert interactions["duration_s"].tolist() == calls["duration"].tolist()
    assert "duration" not in " ".join(leads)
    assert (interactions["lead_id"] == leads["lead_id"]).all()
    assert ((interactions["at"] > leads["created_at"]) & (interactions["at"] < leads["closed_at"])).all()


def test_bank_leads_show_everything_but_the_outcome_when_listed(tmp_path):
    lake, counts = brought("bank-marketing", bundled_folder("bank-marketing"), tmp_path)

    with lake.connect() as con:
        listed = con.execute(
            "SELECT count(*), count(closed_at), count(converted_at), count(channel), max(len(json_keys(attributes))) "
            "FROM leads WHERE recorded_at = created_at"
        ).fetchone()

    assert counts.loc["leads"].tolist() == [41188, 41188, 0, 0, 0]
    assert listed == (41188, 0, 0, 41188, 16)


# --- online-retail


@pytest.mark.shared
def test_online_retail_keeps_every_line_and_its_money(shared_data):
    folder = shared_data / "online-retail"
    published = pd.read_parquet(folder / "transactions.parquet")
    published = published[~published["InvoiceNo"].str.startswith("A")]
    tables = mapped("online-retail", folder)
    orders, lines = tables["orders"], tables["order_lines"]

    assert len(lines) == len(published) == 541906
    assert (lines["quantity"] * lines["unit_price"]).sum() == pytest.approx(
        (published["Quantity"] * published["UnitPrice"]).sum(), abs=0.01
    )
    assert not lines.duplicated(["order_id", "line"]).any()
    assert len(orders) == published["InvoiceNo"].nunique() == 25897
    assert orders["status"].eq("cancelled").sum() == 3836
    customers = published.groupby("InvoiceNo", observed=True)["CustomerID"].first()
    assert orders["account_id"].isna().sum() == customers.isna().sum() == 3707
    assert len(tables["accounts"]) == 4372
    corrections = set(orders.loc[orders["status"] == "adjustment", "order_id"])
    assert lines.loc[lines["order_id"].isin(corrections), "unit_price"].eq(0).all()


@pytest.mark.shared
def test_online_retail_lines_are_numbered_in_the_order_of_the_file(shared_data):
    folder = shared_data / "online-retail"
    published = pd.read_parquet(folder / "transactions.parquet")
    lines = mapped("online-retail", folder)["order_lines"]
    one = published[published["InvoiceNo"] == "536409"]

    assert one.duplicated().any()
    mapped_one = lines[lines["order_id"] == "536409"].sort_values("line")
    assert mapped_one["product_id"].tolist() == one["StockCode"].str.upper().tolist()
    assert mapped_one["line"].tolist() == list(range(1, len(one) + 1))


def test_online_retail_services_are_not_merchandise():
    transactions = pd.DataFrame(
        {
            "InvoiceNo": ["1", "1", "2", "C3", "A4", "5"],
            "StockCode": ["85123a", "POST", "85123A", "D", "B", "DCGSSGIRL"],
            "Description": ["white heart ", "POSTAGE", "WHITE HEART", "Discount", "Adjust bad debt", "GIRLS BAG"],
            "Quantity": [6, 1, 2, -1, 1, 3],
            "InvoiceDate": pd.to_datetime(["2011-07-01 09:00"] * 6),
            "UnitPrice": [2.55, 18.0, 2.95, 27.5, -11062.06, 3.3],
            "CustomerID": pd.array([1, 1, None, 1, None, 2], dtype="Int64"),
            "Country": ["Norway"] * 6,
        }
    )

    tables = mapped("online-retail", bundled_folder("online-retail"), {"transactions": transactions})

    products = tables["products"].set_index("product_id")["category"].to_dict()
    assert products == {"85123A": "merchandise", "POST": "service", "D": "service", "DCGSSGIRL": "merchandise"}
    orders = tables["orders"].set_index("order_id")["status"].to_dict()
    assert orders == {"1": "completed", "2": "completed", "C3": "cancelled", "5": "completed"}


def test_online_retail_orders_are_known_in_utc_when_written(tmp_path):
    lake, counts = brought("online-retail", bundled_folder("online-retail"), tmp_path)

    assert counts["quarantined"].sum() == 0
    with lake.connect() as con:
        summer = con.execute("SELECT ordered_at, recorded_at FROM orders WHERE order_id = '558638'").fetchone()
    # 2011-07-01 08:16 in London was 07:16 UTC.
    published = pd.read_parquet(bundled_folder("online-retail") / "transactions.parquet")
    local = published.loc[published["InvoiceNo"] == "558638", "InvoiceDate"].min()
    assert summer == (local - pd.Timedelta(hours=1), local - pd.Timedelta(hours=1))


# --- m5


@pytest.fixture(scope="module")
def store(shared_data) -> dict[str, pd.DataFrame]:
    return mapped("m5-one-store", shared_data / "m5")


@pytest.mark.shared
def test_m5_store_has_every_unit_and_all_revenue(shared_data, store):
    sales = pd.read_parquet(shared_data / "m5" / "sales_daily_d1495_d1941.parquet").query("store_id == 'CA_1'")
    prices = pd.read_parquet(shared_data / "m5" / "sell_prices.parquet").query("store_id == 'CA_1'")
    calendar = pd.read_parquet(shared_data / "m5" / "calendar.parquet")
    demand = store["demand"]
    days = [column for column in sales if column.startswith("d_")]
    weeks = calendar.set_index("d")["wm_yr_wk"]
    grid = prices.pivot_table(index="item_id", columns="wm_yr_wk", values="sell_price", observed=True).reindex(
        sales["item_id"]
    )
    value = sales[days].to_numpy() * grid[weeks[days]].to_numpy(float)

    assert len(demand) == 3049 * 447
    assert demand["quantity"].sum() == sales[days].to_numpy().sum()
    assert demand["revenue"].astype(float).sum() == pytest.approx(np.nansum(value), rel=1e-6)
    assert demand["revenue"].isna().sum() == np.isnan(value).sum()
    one = demand[(demand["item_id"] == "FOODS_3_090") & (demand["date"].astype(str) == "2016-05-22")]
    assert one["quantity"].tolist() == sales.loc[sales["item_id"] == "FOODS_3_090", "d_1941"].tolist()


@pytest.mark.shared
def test_m5_drivers_are_prices_snap_days_and_events(shared_data, store):
    calendar = pd.read_parquet(shared_data / "m5" / "calendar.parquet")
    days = calendar[calendar["d"].str[2:].astype(int) >= 1495]
    prices = pd.read_parquet(shared_data / "m5" / "sell_prices.parquet").query("store_id == 'CA_1'")
    drivers = store["drivers"]
    by_name = drivers.groupby("name")

    assert by_name.size().to_dict() == {
        "sell_price": prices["wm_yr_wk"].map(days["wm_yr_wk"].value_counts()).sum(),
        "snap": len(days),
        "event": days["event_name_1"].notna().sum(),
        "second_event": days["event_name_2"].notna().sum(),
    }
    assert by_name["value"].sum()["snap"] == days["snap_CA"].sum()
    assert by_name["unique_id"].unique()["snap"].tolist() == ["CA_1"]
    assert by_name["unique_id"].unique()["event"].tolist() == ["*"]
    names = sorted({*calendar["event_name_1"].dropna(), *calendar["event_name_2"].dropna()})
    christmas = drivers[(drivers["name"] == "event") & (drivers["date"].astype(str) == "2015-12-25")]
    assert christmas["value"].tolist() == [names.index("Christmas") + 1]
    assert not drivers.duplicated(["name", "unique_id", "date"]).any()
    assert (drivers["recorded_at"] <= drivers["date"].astype("datetime64[us]") - pd.Timedelta(days=28)).all()


@pytest.mark.shared
def test_m5_of_all_stores_differs_from_that_of_one_in_the_store_alone():
    one = mapping_path("m5-one-store").read_text(encoding="utf-8").splitlines()[3:]
    every = mapping_path("m5").read_text(encoding="utf-8").splitlines()[3:]

    different = [line for line, other in zip(one, every, strict=True) if line != other]

    assert all("CA_1" in line or line.startswith("#") for line in different), different
