"""Reports as files: what a spreadsheet, a browser and a reader of PDF find in them."""

import io
import re
import zipfile
import zlib
from datetime import UTC, date, datetime

import openpyxl
import pandas as pd
import pypdf
import pytest

from forecast.adapters.report_files import file_name, write_report
from forecast.errors import InvalidInput
from forecast.explain.labels import Text
from forecast.periods import Period
from forecast.reports import Report, ReportTable, parse_spec
from forecast.reports.catalogue import MEASURES
from forecast.reports.spec import Chart

#: A name that a spreadsheet would run, one that html would read, and one in Chinese.
NAMES = {"account": {"a1": "=1+1", "a2": "<b>&", "a3": "东方$科技$"}}


def _table(**changed: object) -> ReportTable:
    names = ("revenue", "win_rate", "decided")
    numbers = {"revenue": [1234.5, -20.25, 0.1], "win_rate": [0.5, float("nan"), 1.0], "decided": [4.0, 0.0, 2.0]}
    rows = pd.DataFrame({"account": ["a1", "a2", "a3"]} | numbers)
    usual = {
        "title": Text("Sales: all/none", "销售业绩"), "text": Text("Some text.", "说明文字。"),
        "dimensions": ("account",), "measures": tuple(MEASURES[name] for name in names), "rows": rows,
        "totals": {"revenue": 1214.35, "win_rate": 2 / 3, "decided": 6.0}, "chart": Chart(measures=("revenue",)),
        "model_version": "conversion_opportunity/3",
    }  # fmt: skip
    return ReportTable(**(usual | changed))


@pytest.fixture(scope="module")
def report() -> Report:
    spec = parse_spec({"title": {"en": "Performance", "zh": "销售业绩"}, "measures": ["revenue"]})
    period = Period("2026Q1", date(2026, 1, 1), date(2026, 3, 31))
    as_of = datetime(2026, 4, 1, tzinfo=UTC)
    empty = _table(rows=_table().rows.iloc[:0], totals={}, note=Text("Nothing in this period.", "本期间没有数据。"))
    return Report("sales", spec, period, as_of, 7, "EUR", "Asia/Shanghai", 3, (_table(), empty), NAMES)


def test_workbook_holds_numbers_with_their_formats_and_sums_as_formulas(report: Report) -> None:
    content = write_report(report, "xlsx", "en")
    formulas, values = (
        openpyxl.load_workbook(io.BytesIO(content), data_only=only)["Sales all none"] for only in (False, True)
    )

    assert [cell.value for cell in values["B"][4:8]] == [1234.5, -20.25, 0.1, 1214.35]
    assert formulas["B8"].value == "=SUM(B5:B7)"
    assert [cell.number_format for cell in formulas[5][1:]] == ["#,##0.00", "#,##0.0%", "#,##0"]
    assert (values["C8"].value, values["C6"].value) == (pytest.approx(2 / 3), None)
    assert formulas["D8"].value == "=SUM(D5:D7)"


def test_workbook_has_a_frozen_header_a_native_chart_and_texts_that_do_not_run(report: Report) -> None:
    book = openpyxl.load_workbook(io.BytesIO(write_report(report, "xlsx", "zh")))
    sheet = book["销售业绩"]

    assert book.sheetnames == ["目录", "销售业绩", "销售业绩 2"]
    assert (sheet.freeze_panes, len(sheet._charts)) == ("B5", 1)
    assert (sheet["A5"].value, sheet["A5"].data_type) == ("=1+1", "s")
    assert book["销售业绩 2"]["A4"].value == "本期间没有数据。"
    assert "conversion_opportunity/3" in sheet["A2"].value


def test_csv_is_one_file_a_table_safe_for_spreadsheets(report: Report) -> None:
    archive = zipfile.ZipFile(io.BytesIO(write_report(report, "csv", "zh")))
    text = archive.read(archive.namelist()[0]).decode("utf-8")

    lines = text.split("\r\n")
    assert archive.namelist() == ["01-销售业绩.csv", "02-销售业绩.csv"]
    assert lines[0].startswith("\ufeff客户,收入（EUR）,赢单率,已决数,期间,数据截至,数据批次,模型")
    assert lines[1].startswith("'=1+1,1234.5,0.5,4,2026Q1 ")
    assert lines[2].startswith("<b>&,-20.25,,0,")
    assert file_name(report, "csv") == "sales-2026Q1.zip"


def test_html_needs_no_other_file_and_escapes_names(report: Report) -> None:
    page = write_report(report, "html", "zh").decode()

    assert not re.search(r"(src|href)=.?(https?:|//)|url\((?!#)|<script|@import", page.replace("http://www.w3.org", ""))
    assert "&lt;b&gt;&amp;" in page
    assert "<b>" not in page
    assert '<html lang="zh-Hans">' in page
    assert "1,214.35" in page
    assert page.count("<svg ") == 1  # nothing is drawn of an empty table


def test_pdf_has_its_chinese_letters_as_text_in_an_embedded_font(report: Report) -> None:
    content = write_report(report, "pdf", "zh")

    streams = [_inflated(part) for part in re.findall(rb"stream\r?\n(.*?)endstream", content, re.S)]
    mapped = b"".join(stream for stream in streams if b"beginbfchar" in stream or b"beginbfrange" in stream)
    letters = {int(code, 16) for code in re.findall(rb"<([0-9a-fA-F]{4})>", mapped)}
    assert content.startswith(b"%PDF-")
    assert set(map(ord, "销售业绩东方科技")) <= letters
    assert b"FontFile" in content + b"".join(streams)


@pytest.mark.parametrize(
    ("lang", "lines"),
    [
        (
            "en",
            [
                "Account Revenue (EUR) Win rate Decided",
                "=1+1 1,234.50 50.0 % 4",
                "<b>& -20.25 – 0",
                "Total 1,214.35 66.7 % 6",
                "Nothing in this period.",
                "Won deals, orders, or both without double counting, by the setting revenue_from.",
            ],
        ),
        (
            "zh",
            [
                "客户 收入（EUR） 赢单率 已决数",
                "=1+1 1,234.50 50.0% 4",
                "<b>& -20.25 – 0",
                "合计 1,214.35 66.7% 6",
                "本期间没有数据。",
                "收入（EUR） 按设置 revenue_from 计的赢单、订单或两者（不重复计）。",
            ],
        ),
    ],
)
def test_a_reader_of_the_pdf_finds_rows_totals_and_what_columns_mean(
    report: Report, lang: str, lines: list[str]
) -> None:
    read = pypdf.PdfReader(io.BytesIO(write_report(report, "pdf", lang))).pages[0].extract_text()

    found = "".join(read.split())  # lines break where the column ends
    assert [line for line in lines if line.replace(" ", "") not in found] == []


def _inflated(part: bytes) -> bytes:
    try:
        return zlib.decompress(part)
    except zlib.error:
        return b""


@pytest.mark.parametrize("form", ["html", "pdf", "xlsx", "csv"])
def test_same_report_is_the_same_file(report: Report, form: str) -> None:
    assert write_report(report, form, "en") == write_report(report, form, "en")


def test_other_format_or_language_is_refused(report: Report) -> None:
    with pytest.raises(InvalidInput, match="`format` must be one of html, pdf, xlsx, csv, got 'doc'"):
        write_report(report, "doc", "en")
    with pytest.raises(InvalidInput, match="got 'de'"):
        write_report(report, "csv", "de")
