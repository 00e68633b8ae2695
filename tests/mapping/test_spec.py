"""Mapping files: what they may say, and one line for each thing they may not."""

from datetime import UTC, datetime

import pytest

from forecast.errors import InvalidInput
from forecast.mapping import parse_mapping

GOOD = {
    "source": "crm",
    "inputs": {"deals": {"file": "deals.csv"}},
    "tables": {"opportunities": "select * from deals"},
}


def test_a_mapping_of_the_least_keys_has_the_defaults():
    spec = parse_mapping(GOOD, "crm.yaml")

    assert (spec.timezone, spec.currency, spec.quarantine, spec.id_prefix) == ("UTC", None, 0.01, "")
    assert spec.inputs["deals"].file == "deals.csv"


def test_every_key_is_read():
    spec = parse_mapping(
        """
        source: loans
        timezone: Asia/Shanghai
        currency: CNY
        stages: [new, offer]
        inputs: {deals: {url_env: CRM_URL, query: select * from deals}, lines: {file: "*.csv", encoding: gb18030}}
        tables: {leads: select 1, demand: select 2}
        at_creation: {leads: [channel]}
        series: [store, item]
        quarantine: 0.2
        ignore: [seen]
        id_prefix: cn-
        exported_at: 2026-01-01
        personal: {leads: [mobile]}
        """,
        "loans.yaml",
    )

    assert spec.stages == ("new", "offer")
    assert spec.ignore == {"leads": ("seen",), "demand": ("seen",)}
    assert spec.exported_at == datetime(2025, 12, 31, 16, tzinfo=UTC)
    assert spec.inputs["lines"].encoding == "gb18030"
    assert spec.personal == {"leads": ("mobile",)}


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-01-01T08:00:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T08:00:00+00:00", datetime(2026, 1, 1, 8, tzinfo=UTC)),
        ("2026-01-01 08:00", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_exported_at_is_read_in_the_zone_of_the_mapping(value, moment):
    rest = "source: a\ntimezone: Asia/Shanghai\ninputs: {d: {file: d.csv}}\ntables: {leads: x}"

    assert parse_mapping(f"exported_at: {value}\n{rest}").exported_at == moment


WRONG = {
    "not yaml": ("source: [", r"m\.yaml is not valid YAML at line 1"),
    "an impossible date": ("exported_at: 2026-13-01", r"m\.yaml is not valid YAML|exported_at"),
    "a list": ("- a", r"m\.yaml: a mapping file must be YAML with keys such as source and tables, got list"),
    "nothing": ("", r"m\.yaml: a mapping file must be YAML .*, got nothing"),
    "unknown key": ({"time_zone": "UTC"}, r"m\.yaml: key 'time_zone' is unknown \(did you mean 'timezone'\?\)"),
    "no source": ({"source": None}, r"m\.yaml: source is missing; name the system"),
    "no tables": ({"tables": {}}, r"m\.yaml: tables is missing; give one query per canonical table"),
    "tables as a list": ({"tables": ["leads"]}, r"m\.yaml: tables must map names to values, got list"),
    "unknown table": (
        {"tables": {"oportunities": "x"}},
        r"m\.yaml: tables: table 'oportunities' is unknown \(did you mean 'opportunities'",
    ),
    "empty query": ({"tables": {"leads": None}}, r"m\.yaml: tables\.leads must be text, got nothing"),
    "unknown zone": (
        {"timezone": "Mars/Olympus"},
        r"m\.yaml: timezone: Time zone 'Mars/Olympus' is unknown; use an IANA name",
    ),
    "unknown currency": ({"currency": "EURO"}, r"m\.yaml: currency: currency 'EURO' is unknown; use an ISO 4217 code"),
    "share above one": ({"quarantine": 5}, r"m\.yaml: quarantine must be a share of rows between 0 and 1, got 5"),
    "share as text": ({"quarantine": "1%"}, r"m\.yaml: quarantine must be a share .*, got '1%'"),
    "stages as text": ({"stages": "a, b"}, r"m\.yaml: stages must be a list such as \[a, b\], got str"),
    "a stage twice": ({"stages": ["a", "a"]}, r"m\.yaml: stages names something twice"),
    "at_creation of an unknown table": (
        {"at_creation": {"deals": ["x"]}},
        r"m\.yaml: at_creation: table 'deals' is unknown",
    ),
    "at_creation without query": (
        {"at_creation": {"leads": ["x"]}},
        r"at_creation: table 'leads' has no query under tables",
    ),
    "hindsight": (
        {"at_creation": {"opportunities": ["outcome"]}},
        r"at_creation\.opportunities: 'outcome' is known only at the end",
    ),
    "an input without address": (
        {"inputs": {"d": {}}},
        r"m\.yaml: inputs\.d must have exactly one of file, url, url_env",
    ),
    "two addresses": (
        {"inputs": {"d": {"file": "a.csv", "url": "sqlite://"}}},
        r"inputs\.d must have exactly one .* got \['file', 'url'\]",
    ),
    "a database without query": ({"inputs": {"d": {"url_env": "X"}}}, r"m\.yaml: inputs\.d\.query is missing"),
    "an unknown input key": (
        {"inputs": {"d": {"fil": "a.csv"}}},
        r"inputs\.d: key 'fil' is unknown \(did you mean 'file'",
    ),
    "an input as text": ({"inputs": {"d": "a.csv"}}, r"inputs\.d must be \{file: \.\.\.\} or"),
    "a moment that is none": ({"exported_at": "soon"}, r"m\.yaml: exported_at: A date must look like"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_mapping_is_refused_in_one_line_that_names_the_place(change, message):
    document = change if isinstance(change, str) else GOOD | change

    with pytest.raises(InvalidInput, match=message) as error:
        parse_mapping(document, "m.yaml")

    assert "\n" not in str(error.value)


def test_when_columns_are_filled_is_read():
    spec = parse_mapping(GOOD | {"filled": {"opportunities": {"close_reason": "closing", "industry": "creation"}}})

    assert spec.filled == {"opportunities": {"close_reason": "closing", "industry": "creation"}}


@pytest.mark.parametrize(
    ("filled", "message"),
    [
        (
            {"opportunities": {"quote": "opne"}},
            r"filled\.opportunities\.quote: 'opne' is no time \(did you mean 'open'",
        ),
        ({"opportunities": ["quote"]}, r"filled must map tables to columns and when they are filled, got dict"),
        ({"leads": {"quote": "open"}}, r"filled: table 'leads' has no query"),
        ({"deals": {"quote": "open"}}, r"filled: table 'deals' is unknown"),
        (
            {"opportunities": {"outcome": "open"}},
            r"filled\.opportunities: 'outcome' is known only at the end, got 'open'",
        ),
        ({"opportunities": {"amount": "closing"}}, r"filled\.opportunities: 'amount' is listed under at_creation too"),
    ],
)
def test_a_wrong_word_on_when_columns_are_filled_is_refused(filled, message):
    with pytest.raises(InvalidInput, match=message):
        parse_mapping(GOOD | {"filled": filled, "at_creation": {"opportunities": ["amount"]}})
