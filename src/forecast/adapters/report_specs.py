"""Definitions of reports in files: those that come with the product, and those that a command names."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from forecast.errors import InvalidInput
from forecast.reports.spec import MAX_CHARACTERS, ReportSpec, parse_spec

#: Reports that come with the product, in the order of the gallery.
READY = ("sales-performance", "customer-satisfaction", "market-analysis", "pipeline-health", "forecast-accuracy")


@cache
def ready_report(name: str) -> ReportSpec:
    """One of `READY`.

    Raises
    ------
    InvalidInput
        If there is no such report.
    """
    if name not in READY:
        raise InvalidInput(f"There is no report {name!r}; there are {', '.join(READY)}.")
    return parse_spec((files("forecast") / "reports" / "ready" / f"{name}.yaml").read_text("utf-8"), name)


def read_report(file: Path) -> ReportSpec:
    """A report from a YAML file.

    Raises
    ------
    InvalidInput
        If there is no such file, or it breaks a rule.
    """
    try:
        with file.open(encoding="utf-8") as stream:
            content = stream.read(MAX_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}.") from None
    return parse_spec(content, file.name)
