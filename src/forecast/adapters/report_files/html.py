"""A report as one html file that needs no other: for screens of any size, light and dark, and for paper."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from forecast.reports import Report
from forecast.reports.charts import chart_svg
from forecast.reports.document import Table, document


def to_html(report: Report, lang: str) -> bytes:
    """The report as UTF-8; the same bytes for the same report."""
    shown = document(report, lang)

    def chart(table: Table) -> str:
        return chart_svg(table.source, report.names, currency=report.currency, lang=lang)

    return _template().render(document=shown, chart=chart).encode()


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("forecast.adapters.report_files"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")
