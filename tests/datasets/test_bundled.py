"""Data that come with the package."""

import pandas as pd
import pytest

from forecast.datasets import (
    bundled_folder,
    bundled_names,
    load_bank_marketing,
    load_crm_sales_opportunities,
    load_online_retail,
    mapping_names,
    mapping_path,
)
from forecast.errors import InvalidInput


def test_bank_marketing_has_all_published_calls():
    calls = load_bank_marketing()["calls"]

    assert calls.shape == (41188, 21)
    assert calls["y"].eq("yes").sum() == 4640


def test_crm_sales_opportunities_has_all_published_rows():
    tables = load_crm_sales_opportunities()

    assert {name: rows.shape for name, rows in tables.items()} == {
        "accounts": (85, 7),
        "products": (7, 3),
        "sales_pipeline": (8800, 8),
        "sales_teams": (35, 3),
    }
    assert tables["sales_pipeline"]["deal_stage"].value_counts().to_dict() == {
        "Won": 4238,
        "Lost": 2473,
        "Engaging": 1589,
        "Prospecting": 500,
    }


def test_online_retail_has_250_products_over_the_whole_time():
    lines = load_online_retail()["transactions"]

    assert lines["StockCode"].str.upper().nunique() == 250
    assert str(lines["InvoiceDate"].min()) == "2010-12-01 08:26:00"
    assert str(lines["InvoiceDate"].max()) == "2011-12-09 12:50:00"


def test_bundled_data_are_small_and_say_their_licence():
    assert bundled_names() == ["bank-marketing", "crm-sales-opportunities", "online-retail"]
    for name in bundled_names():
        files = list(bundled_folder(name).iterdir())
        assert sum(file.stat().st_size for file in files) < 1_100_000
        assert "Licence:" in (bundled_folder(name) / "ATTRIBUTION.md").read_text(encoding="utf-8")


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(object).where(frame.notna(), "").astype(str)


@pytest.mark.slow
@pytest.mark.shared
def test_online_retail_lines_are_the_published_ones(shared_data):
    published = pd.read_parquet(shared_data / "online-retail" / "transactions.parquet")
    codes = published["StockCode"].str.upper()
    goods = published[codes.str.match(r"\d{5}")].assign(code=codes)
    n_invoices = goods.groupby("code")["InvoiceNo"].nunique().reset_index()
    best = n_invoices.sort_values(["InvoiceNo", "code"], ascending=[False, True])["code"].head(250)

    expected = published[codes.isin(best)].reset_index(drop=True)

    bundled = load_online_retail()["transactions"]
    pd.testing.assert_frame_equal(as_text(bundled), as_text(expected))


def test_every_set_has_its_mapping():
    assert mapping_names() == [
        "bank-marketing",
        "crm-sales-opportunities",
        "loan-applications",
        "m5",
        "m5-one-store",
        "olist-funnel",
        "online-retail",
    ]


def test_unknown_names_say_what_there_is():
    with pytest.raises(InvalidInput, match=r"no mapping 'loans'; there are bank-marketing, .*loan-applications"):
        mapping_path("loans")
    with pytest.raises(InvalidInput, match=r"'m5' does not come with the package"):
        bundled_folder("m5")
