"""A report as CSV: one table a file, several in a zip; numbers as they are, texts safe to open in a spreadsheet."""

import csv
import io
import zipfile

from forecast.reports import Report
from forecast.reports.document import Document, Table, document

#: Spreadsheets take a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: Spreadsheets take a file without it for one in the machine's old encoding.
_BYTE_ORDER_MARK = "\ufeff"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say: files do not change with the clock


def to_csv(report: Report, lang: str) -> bytes:
    """The report's table, or a zip of all of them; the same bytes for the same report."""
    shown = document(report, lang)
    if len(shown.tables) == 1:
        return _table(shown, shown.tables[0])
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for number, table in enumerate(shown.tables, start=1):
            name = "".join(letter if letter.isalnum() else "-" for letter in table.title).strip("-")
            zipped.writestr(zipfile.ZipInfo(f"{number:02d}-{name}.csv", _EPOCH), _table(shown, table))
    return archive.getvalue()


def _table(shown: Document, table: Table) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    identity = [*shown.facts[:1], *table.facts]
    writer.writerow([safe(name) for name in [column.header for column in table.columns] + [n for n, _ in identity]])
    for row in table.values:
        writer.writerow([*(safe(value) for value in row), *(safe(value) for _, value in identity)])
    return (_BYTE_ORDER_MARK + text.getvalue()).encode()


def safe(value: str | float | None) -> str | float:
    """The value; a text that a spreadsheet would run is quoted by an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return int(value) if value == int(value) and abs(value) < 1e15 else value
