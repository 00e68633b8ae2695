"""Reports: definitions as data, made to tables, pictures and documents under the rights of whoever reads them."""

from forecast.reports.making import ReportMaker
from forecast.reports.report import Report, ReportTable
from forecast.reports.rooms import Rooms
from forecast.reports.spec import ReportSpec, parse_spec, to_yaml
from forecast.reports.viewer import EVERYBODY, Viewer

__all__ = [
    "EVERYBODY",
    "Report",
    "ReportMaker",
    "ReportSpec",
    "ReportTable",
    "Rooms",
    "Viewer",
    "parse_spec",
    "to_yaml",
]
