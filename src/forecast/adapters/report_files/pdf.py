"""A report as PDF, set by Typst with fonts that have Chinese characters."""

import json
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

from forecast.fonts import families, folders
from forecast.reports import Report
from forecast.reports.charts import chart_svg
from forecast.reports.document import Document, document

_INK = "#3a434d"


def to_pdf(report: Report, lang: str) -> bytes:
    """The report as PDF; the same bytes for the same report."""
    import typst

    shown = document(report, lang)
    with tempfile.TemporaryDirectory(prefix="forecast-report-") as folder:
        place = Path(folder)
        template = files("forecast.adapters.report_files") / "templates" / "report.typ"
        (place / "report.typ").write_bytes(template.read_bytes())
        content = _content(shown)
        for number, (table, section) in enumerate(zip(shown.tables, content["sections"], strict=True)):
            svg = chart_svg(table.source, report.names, currency=report.currency, lang=lang, ink=_INK, outlines=True)
            if svg:
                (place / f"chart{number}.svg").write_text(svg, encoding="utf-8")
            section["chart"] = f"chart{number}.svg" if svg else ""
        # Texts of the company's data reach Typst as data, never as markup.
        (place / "report.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        return typst.compile(
            place / "report.typ",
            format="pdf",
            font_paths=folders(),
            sys_inputs={"fonts": json.dumps(families())},
        )


def _content(shown: Document) -> dict[str, Any]:
    return {
        "lang": shown.lang,
        "title": shown.title,
        "about": shown.about,
        "facts": shown.facts,
        "sections": [
            {
                "title": table.title,
                "text": table.text,
                "note": table.note,
                "facts": " · ".join(f"{name}: {value}" for name, value in table.facts),
                "headers": [column.header for column in table.columns],
                "numeric": [column.is_number for column in table.columns],
                "rows": table.cells,
                "totals": table.totals,
                "meanings": [[column.header, column.meaning] for column in table.columns if column.meaning],
            }
            for table in shown.tables
        ],
        "meanings_title": shown.meanings_title,
    }
