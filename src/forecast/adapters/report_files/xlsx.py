"""A report as a workbook: a sheet per table with real numbers, their formats, a frozen header, totals and a chart."""

import io
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.utility import xl_rowcol_to_cell

from forecast.reports import Report
from forecast.reports.document import ABSENT, Document, Table, document, excel_format

_HEADER_ROW = 3
#: Characters that a sheet's name must not have, and how long it may be.
_NOT_IN_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
_LONGEST_NAME = 31
_CHARTS = {"bar": ("column", None), "stacked": ("column", "stacked"), "line": ("line", None), "range": ("line", None)}


def to_xlsx(report: Report, lang: str) -> bytes:
    """The report as a workbook, also for who opens it without calculating: formulas carry their values."""
    shown = document(report, lang)
    content = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(content, options) as book:
        # The moment of the data, not of the writing: the same report gives the same file.
        book.set_properties({"title": shown.title, "created": report.as_of.replace(tzinfo=None)})
        _Sheets(book, report, shown).write()
    return content.getvalue()


class _Sheets:
    """The sheets of one workbook."""

    def __init__(self, book: Workbook, report: Report, shown: Document) -> None:
        self._book, self._report, self._shown = book, report, shown
        self._names: set[str] = set()
        self._title = book.add_format({"bold": True, "font_size": 14})
        self._soft = book.add_format({"font_color": "#59636E"})
        self._wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        self._link = book.add_format({"font_color": "#0058A8", "underline": 1})

    def write(self) -> None:
        """A summary, then the tables."""
        summary = self._book.add_worksheet(self._name(self._shown.contents_title))
        summary.set_column(0, 0, 28)
        summary.set_column(1, 1, 90)
        summary.write_string(0, 0, self._shown.title, self._title)
        summary.write_string(1, 0, self._shown.about, self._soft)
        place = 3
        for name, value in self._shown.facts:
            summary.write_string(place, 0, name, self._soft)
            summary.write_string(place, 1, value)
            place += 1
        place += 1
        for table in self._shown.tables:
            sheet = self._name(table.title)
            self._table(sheet, table)
            summary.write_url(place, 0, f"internal:'{sheet}'!A1", self._link, table.title)
            summary.write_string(place, 1, table.note or table.text, self._wrapped)
            place += 1
        summary.activate()

    def _name(self, title: str) -> str:
        """A name that no other sheet has."""
        plain = " ".join(title.translate(_NOT_IN_NAMES).split())[:_LONGEST_NAME] or "Table"
        name, number = plain, 2
        while name.lower() in self._names:
            end = f" {number}"
            name, number = plain[: _LONGEST_NAME - len(end)] + end, number + 1
        self._names.add(name.lower())
        return name

    def _table(self, name: str, table: Table) -> None:
        sheet = self._book.add_worksheet(name)
        sheet.write_string(0, 0, table.title, self._title)
        sheet.write_string(1, 0, " · ".join(f"{fact}: {value}" for fact, value in table.facts), self._soft)
        if not table.values:
            sheet.write_string(_HEADER_ROW, 0, table.note or ABSENT)
            return
        header = {"bold": True, "bottom": 2, "text_wrap": True, "valign": "bottom"}
        left, right = self._book.add_format(header), self._book.add_format(header | {"align": "right"})
        for place, column in enumerate(table.columns):
            sheet.write_string(_HEADER_ROW, place, column.header, right if column.is_number else left)
            if column.meaning:
                sheet.write_comment(_HEADER_ROW, place, column.meaning)
            widest = max([len(column.header) // 2, *(len(row[place]) for row in table.cells)], default=8)
            sheet.set_column(place, place, min(max(widest + 3, 10), 45))
        sheet.freeze_panes(_HEADER_ROW + 1, sum(not column.is_number for column in table.columns))
        last = self._rows(sheet, table)
        self._totals(sheet, table, last)
        sheet.autofilter(_HEADER_ROW, 0, last, len(table.columns) - 1)
        self._chart(sheet, name, table, last)

    def _format(self, table: Table, place: int, **more: Any) -> Any:
        measure = table.columns[place].measure
        form = {"num_format": excel_format(measure, self._report.currency)} if measure else {"text_wrap": True}
        return self._book.add_format(form | {"valign": "top"} | more)

    def _rows(self, sheet: Any, table: Table) -> int:
        """Write the rows; returns the last one's number."""
        forms = [self._format(table, place) for place in range(len(table.columns))]
        for number, row in enumerate(table.values, start=_HEADER_ROW + 1):
            for place, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(number, place, value, forms[place])
                elif value is not None:
                    sheet.write_number(number, place, value, forms[place])
        return _HEADER_ROW + len(table.values)

    def _totals(self, sheet: Any, table: Table, last: int) -> None:
        """Sums as formulas with their values; what is no sum as a value."""
        for place, value in enumerate(table.total_values):
            form = self._format(table, place, bold=True, top=2)
            measure = table.columns[place].measure
            if isinstance(value, str):
                sheet.write_string(last + 1, place, value, form)
            elif value is not None and measure is not None and measure.total == "sum":
                first, final = (xl_rowcol_to_cell(row, place) for row in (_HEADER_ROW + 1, last))
                sheet.write_formula(last + 1, place, f"=SUM({first}:{final})", form, value)
            elif value is not None:
                sheet.write_number(last + 1, place, value, form)
            else:
                sheet.write_blank(last + 1, place, None, form)

    def _chart(self, sheet: Any, name: str, table: Table, last: int) -> None:
        """The chart of the section, drawn by the spreadsheet itself from the cells."""
        chart = table.source.chart
        if chart is None or len(table.source.dimensions) > 1:
            return
        kind, subtype = _CHARTS[chart.kind]
        drawn = self._book.add_chart({"type": kind} | ({"subtype": subtype} if subtype else {}))
        shown = chart.measures or (table.source.measures[0].name,)
        for place, column in enumerate(table.columns):
            if column.name not in shown:
                continue
            drawn.add_series(
                {
                    "name": [name, _HEADER_ROW, place],
                    "categories": [name, _HEADER_ROW + 1, 0, last, 0],
                    "values": [name, _HEADER_ROW + 1, place, last, place],
                }
            )
        drawn.set_title({"name": table.title, "overlay": False})
        drawn.set_legend({"position": "bottom"})
        drawn.set_size({"width": 760, "height": 340})
        sheet.insert_chart(last + 4, 0, drawn)
