"""Files of every kind, read as they are."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from forecast.adapters.inputs import load_mapping, register_inputs
from forecast.errors import InvalidInput
from forecast.history import open_connection
from forecast.mapping import parse_mapping
from forecast.mapping.queries import lock, run_queries


def read(
    folder: Path, query: str = "select * from d", **given: str
) -> tuple[list[str], list[tuple[Any, ...]], list[str]]:
    """Names, rows and warnings of a query over one input ``d``."""
    spec = parse_mapping({"source": "s", "inputs": {"d": given}, "tables": {"leads": query}}, "m.yaml")
    with open_connection() as con:
        warnings = register_inputs(con, spec, folder)
        lock(con)
        ((_, table),) = run_queries(con, spec)
    names = table.column_names[1:]
    return names, [tuple(row[name] for name in names) for row in table.to_pylist()], warnings


def test_csv_is_text_throughout_and_blank_is_missing(tmp_path):
    (tmp_path / "d.csv").write_text('id,n,when,note\n007,1,2026-01-01,"a, ""b"""\n=1+1,,,\n')

    names, rows, warnings = read(tmp_path, file="d.csv")

    assert names == ["id", "n", "when", "note"]
    assert rows == [("007", "1", "2026-01-01", 'a, "b"'), ("=1+1", None, None, None)]
    assert warnings == []


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_csv_separator_is_found(tmp_path, separator):
    (tmp_path / "d.csv").write_text(f"id{separator}name\n1{separator}x\n2{separator}y\n")

    assert read(tmp_path, file="d.csv")[1] == [("1", "x"), ("2", "y")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_a_chinese_csv_is_read_in_the_encoding_it_has(tmp_path, encoding):
    text = "编号,名称\n1,北京数码大方科技股份有限公司\n2,上海销售部\n"
    (tmp_path / "d.csv").write_text(text, encoding=encoding)

    names, rows, warnings = read(tmp_path, file="d.csv")

    assert names == ["编号", "名称"]
    assert rows == [("1", "北京数码大方科技股份有限公司"), ("2", "上海销售部")]
    assert len(warnings) == (encoding == "gb18030")


def test_a_western_csv_is_read_and_its_encoding_told(tmp_path):
    (tmp_path / "d.csv").write_text("id,name\n1,Müller\n2,Café\n", encoding="latin-1")

    _, rows, warnings = read(tmp_path, file="d.csv")

    assert rows == [("1", "Müller"), ("2", "Café")]
    assert warnings == [
        "m.yaml: inputs.d: d.csv is not UTF-8 and was read as cp1252; say `encoding:` if that is wrong."
    ]


def test_the_encoding_of_the_mapping_is_believed(tmp_path):
    (tmp_path / "d.csv").write_text("id,name\n1,Żółć\n", encoding="cp1250")

    assert read(tmp_path, file="d.csv", encoding="cp1250")[1] == [("1", "Żółć")]


def test_a_csv_of_a_header_alone_has_no_rows(tmp_path):
    (tmp_path / "d.csv").write_text("id,name\n")

    assert read(tmp_path, file="d.csv")[:2] == (["id", "name"], [])


def test_files_of_a_glob_are_one_table_in_the_order_of_their_names(tmp_path):
    (tmp_path / "d2.csv").write_text("name,id\nb,2\n")
    (tmp_path / "d1.csv").write_text("id,name\n1,a\n")

    assert read(tmp_path, file="d*.csv")[:2] == (["id", "name"], [("1", "a"), ("2", "b")])


@pytest.mark.slow
def test_ten_thousand_columns_are_read(tmp_path):
    names = [f"c{n}" for n in range(10_000)]
    (tmp_path / "d.csv").write_text(",".join(names) + "\n" + ",".join(["1"] * 10_000) + "\n")

    got, rows, _ = read(tmp_path, file="d.csv")

    assert (got, len(rows)) == (names, 1)


def test_parquet_keeps_its_types(tmp_path):
    frame = pd.DataFrame({"id": ["a"], "at": pd.to_datetime(["2026-01-01T12:00Z"]), "n": [1.5]})
    frame.to_parquet(tmp_path / "d.parquet")

    rows = read(tmp_path, 'select id, epoch("at") as moment, n from d', file="d.parquet")[1]

    assert rows == [("a", 1767268800.0, 1.5)]


def test_a_workbook_is_read_from_its_first_or_named_sheet(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["id", "amount", "day", "note", None])
    book.active.append(["007", 5, datetime(2026, 1, 2), "x"])
    book.active.append([8, 2.5, None, None])
    book.active.append([None, None, None, None])
    book.create_sheet("more").append(["k"])
    book.save(tmp_path / "d.xlsx")

    assert read(tmp_path, file="d.xlsx")[:2] == (
        ["id", "amount", "day", "note"], [("007", 5.0, datetime(2026, 1, 2), "x"), ("8", 2.5, None, None)],
    )  # fmt: skip
    assert read(tmp_path, file="d.xlsx", sheet="more")[:2] == (["k"], [])


def test_json_lines_are_read_with_keys_that_come_later(tmp_path):
    rows = [{"id": "007", "n": 1}, {"id": "8", "n": 2.5, "day": "2026-01-02", "tags": ["a"]}]
    (tmp_path / "d.jsonl").write_text("\n".join(json.dumps(row) for row in rows))

    names, got, _ = read(tmp_path, file="d.jsonl")

    assert names == ["id", "n", "day", "tags"]
    assert got == [("007", 1.0, None, None), ("8", 2.5, date(2026, 1, 2), ["a"])]


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_csv('{secret}')",
        "select * from '{secret}'",
        "select content from read_text('{secret}')",
        "select * from glob('{folder}/*')",
        "select * from d union all select * from read_csv('https://example.com/x.csv')",
        "copy d to '{folder}/out.csv'",
        "select * from spec",
    ],
)
def test_a_query_reaches_nothing_but_its_inputs(tmp_path, query):
    (tmp_path / "d.csv").write_text("id\n1\n")
    secret = tmp_path / "secret.csv"
    secret.write_text("password\nhunter2\n")

    with pytest.raises(InvalidInput, match=r"m\.yaml: the query of tables\.leads failed: ") as error:
        read(tmp_path, query.format(secret=secret, folder=tmp_path), file="d.csv")

    assert "\n" not in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_query_may_end_in_a_semicolon_or_a_comment(tmp_path):
    (tmp_path / "d.csv").write_text("id\n1\n")

    assert read(tmp_path, "select id from d -- all of them", file="d.csv")[1] == [("1",)]
    assert read(tmp_path, "select id from d;\n", file="d.csv")[1] == [("1",)]


def test_a_mapping_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"There is no mapping file .*crm\.yaml; draft one with `forecast map FILE`"):
        load_mapping(tmp_path / "crm.yaml")
