"""A report in a language: texts, headers and numbers as people write them, for every format that shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from forecast.errors import InvalidInput
from forecast.explain.labels import LANGUAGES, Text
from forecast.money import minor_digits
from forecast.reports.dimensions import DIMENSIONS, TOTAL, value_label
from forecast.reports.measures import Measure
from forecast.reports.report import Report, ReportTable

_LOCALES = {"en": Locale("en", "GB"), "zh": Locale.parse("zh_Hans_CN")}
#: What stands where there is no number.
ABSENT = "–"

_PERIOD = Text("Period", "期间")
_AS_OF = Text("As known at", "数据截至")
_BATCH = Text("Data batch", "数据批次")
_MODEL = Text("Model", "模型")
_ROWS = Text("Rows of", "数据范围")
_EVERYBODY = Text("everybody", "全部人员")
_ONE = Text("one person", "本人")
_PEOPLE = Text("{n} people", "{n} 人")
_FILTER = Text("Only", "仅限")
_MEANINGS = Text("What the columns mean", "各列的含义")
_SUMMARY = Text("Contents", "目录")


@dataclass(frozen=True)
class Column:
    """A column of a table: its header, and how its numbers are written."""

    name: str
    header: str
    meaning: str
    measure: Measure | None  # None for a dimension

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers."""
        return self.measure is not None


@dataclass(frozen=True)
class Table:
    """A section in a language.

    Attributes
    ----------
    cells : list of rows of text
    values : list of rows of numbers, None where there is none; keys' labels in the columns of dimensions
    totals : list of text, empty where there is no row of totals
    total_values : the same as numbers
    """

    title: str
    text: str
    note: str
    facts: list[tuple[str, str]]
    columns: list[Column]
    cells: list[list[str]]
    values: list[list[str | float | None]]
    totals: list[str]
    total_values: list[str | float | None]
    source: ReportTable


@dataclass(frozen=True)
class Document:
    """A report in a language."""

    lang: str
    name: str
    title: str
    about: str
    facts: list[tuple[str, str]]
    meanings_title: str
    contents_title: str
    currency: str
    tables: list[Table]


def document(report: Report, lang: str) -> Document:
    """A report as it is written in a language.

    Raises
    ------
    InvalidInput
        If there is no such language.
    """
    if lang not in LANGUAGES:
        raise InvalidInput(f"Language must be one of {list(LANGUAGES)}, got {lang!r}.")
    locale, zone = _LOCALES[lang], ZoneInfo(report.timezone)
    people = report.n_people
    who = _EVERYBODY if people is None else _ONE if people == 1 else _PEOPLE
    first, last = (format_date(day, "medium", locale) for day in (report.period.first, report.period.last))
    facts = [
        (_PERIOD.in_language(lang), f"{report.period.label} ({first} – {last})"),
        (_AS_OF.in_language(lang), _moment(report.as_of, zone, lang)),
        (_BATCH.in_language(lang), str(report.batch)),
        (_ROWS.in_language(lang), who.in_language(lang).format(n=people)),
    ]
    return Document(
        lang=lang,
        name=report.name,
        title=report.title.in_language(lang),
        about=report.about.in_language(lang),
        facts=facts,
        meanings_title=_MEANINGS.in_language(lang),
        contents_title=_SUMMARY.in_language(lang),
        currency=report.currency,
        tables=[_table(table, report, lang) for table in report.tables],
    )


def _table(table: ReportTable, report: Report, lang: str) -> Table:
    columns = [Column(name, DIMENSIONS[name].in_language(lang), "", None) for name in table.dimensions]
    columns += [_column(measure, report.currency, lang) for measure in table.measures]
    labels = {
        name: [value_label(name, str(key), lang, report.names) for key in table.rows[name]] for name in table.dimensions
    }
    values = [
        [labels[column.name][place] if column.measure is None else _number(row[column.name]) for column in columns]
        for place, row in enumerate(table.rows.to_dict("records"))
    ]
    has_totals = bool(table.dimensions) and bool(table.totals) and len(values) > 1
    totals: list[str | float | None] = (
        [
            (TOTAL.in_language(lang) if place == 0 else "")
            if column.measure is None
            else _number(table.totals.get(column.name))
            for place, column in enumerate(columns)
        ]
        if has_totals
        else []
    )
    return Table(
        title=table.title.in_language(lang),
        text=table.text.in_language(lang),
        note=table.note.in_language(lang),
        facts=_table_facts(table, report, lang),
        columns=columns,
        cells=[_cells(row, columns, report.currency, lang) for row in values],
        values=values,
        totals=_cells(totals, columns, report.currency, lang, absent="") if totals else [],
        total_values=totals,
        source=table,
    )


def _column(measure: Measure, currency: str, lang: str) -> Column:
    header = measure.title.in_language(lang)
    if measure.unit == "money":
        header = f"{header} ({currency})" if lang == "en" else f"{header}（{currency}）"
    return Column(measure.name, header, measure.meaning.in_language(lang).replace("`", ""), measure)


def _table_facts(table: ReportTable, report: Report, lang: str) -> list[tuple[str, str]]:
    facts = [
        (_AS_OF.in_language(lang), _moment(report.as_of, ZoneInfo(report.timezone), lang)),
        (_BATCH.in_language(lang), str(report.batch)),
        (_MODEL.in_language(lang), table.model_version or ABSENT),
    ]
    for name, keys in sorted(table.filters.items()):
        shown = ", ".join(value_label(name, key, lang, report.names) for key in keys)
        facts.append((_FILTER.in_language(lang), f"{DIMENSIONS[name].in_language(lang)}: {shown}"))
    return facts


def _cells(
    row: list[str | float | None], columns: list[Column], currency: str, lang: str, *, absent: str = ABSENT
) -> list[str]:
    return [
        str(value) if column.measure is None else format_value(value, column.measure, currency, lang, absent=absent)
        for value, column in zip(row, columns, strict=True)
    ]


def format_value(value: str | float | None, measure: Measure, currency: str, lang: str, *, absent: str = ABSENT) -> str:
    """A number of a measure as people write it."""
    if value is None or isinstance(value, str):
        return value or absent
    pattern = _pattern(measure, currency)
    # Rounded first, so that nothing is written as "-0.0".
    shown = round(value, len(pattern.partition(".")[2].rstrip(" %")) + 2 * (measure.unit == "share")) + 0.0
    write = format_percent if measure.unit == "share" else format_decimal
    return str(write(shown, pattern if lang == "en" else pattern.replace(" %", "%"), _LOCALES[lang]))


def _pattern(measure: Measure, currency: str) -> str:
    return _PATTERNS.get(measure.unit) or _money_pattern(currency)


def _money_pattern(currency: str) -> str:
    digits = minor_digits(currency)
    return "#,##0" + ("." + "0" * digits if digits else "")


_PATTERNS: Mapping[str, str] = {
    "count": "#,##0",
    "share": "#,##0.0 %",
    "days": "#,##0.0",
    "hours": "#,##0.0",
    "score": "0.00",
    "points": "0.0",
    "number": "#,##0.0",
}


def excel_format(measure: Measure, currency: str) -> str:
    """The same pattern as a spreadsheet writes it."""
    return _pattern(measure, currency).replace(" %", "%")


def _moment(moment: datetime, zone: ZoneInfo, lang: str) -> str:
    pattern = "d MMM y HH:mm" if lang == "en" else "y年M月d日 HH:mm"
    return f"{format_datetime(moment, pattern, zone, _LOCALES[lang])} ({zone.key})"


def _number(value: float | None) -> float | None:
    return None if value is None or value != value else float(value)
