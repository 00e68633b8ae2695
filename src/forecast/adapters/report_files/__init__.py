"""Reports as files: html, pdf, xlsx, csv."""

from collections.abc import Callable, Mapping
from pathlib import Path

from forecast.adapters.report_files.html import to_html
from forecast.adapters.report_files.pdf import to_pdf
from forecast.adapters.report_files.separated import to_csv
from forecast.adapters.report_files.xlsx import to_xlsx
from forecast.errors import InvalidInput
from forecast.reports import Report

_WRITERS: Mapping[str, Callable[[Report, str], bytes]] = {
    "html": to_html,
    "pdf": to_pdf,
    "xlsx": to_xlsx,
    "csv": to_csv,
}
FORMATS = tuple(_WRITERS)

#: Media type of each format; several csv tables come as a zip.
MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "zip": "application/zip",
}


def write_report(report: Report, form: str, lang: str = "en") -> bytes:
    """A report as the content of a file.

    Parameters
    ----------
    form : {"html", "pdf", "xlsx", "csv"}
    lang : {"en", "zh"}

    Raises
    ------
    InvalidInput
        If there is no such format or language.
    """
    return _WRITERS[check_format(form)](report, lang)


def check_format(form: str) -> str:
    """The format, when there is such a one.

    Raises
    ------
    InvalidInput
        If there is not.
    """
    if form not in _WRITERS:
        raise InvalidInput(f"`format` must be one of {', '.join(FORMATS)}, got {form!r}.")
    return form


def save(content: bytes, file: Path) -> None:
    """Write a file.

    Raises
    ------
    InvalidInput
        If it cannot be written.
    """
    try:
        file.write_bytes(content)
    except OSError as error:
        raise InvalidInput(f"Cannot write {file}: {error.strerror}.") from None


def file_name(report: Report, form: str) -> str:
    """What the file is called: ``sales-performance-2026Q1.pdf``."""
    return f"{report.name}-{report.period.label}.{extension(report, form)}"


def extension(report: Report, form: str) -> str:
    """``zip`` for a csv of several tables, else the format."""
    return "zip" if form == "csv" and len(report.tables) > 1 else form
