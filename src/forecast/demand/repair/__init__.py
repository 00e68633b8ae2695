"""Checks of a panel and its visible repair: what came, what was done, and to how many rows."""

from forecast.demand.repair.panel import RepairedPanel, repair_panel, repair_rows
from forecast.demand.repair.report import RULES, Repair, Report, to_frame
from forecast.demand.repair.rows import Rows

__all__ = ["RULES", "Repair", "RepairedPanel", "Report", "Rows", "repair_panel", "repair_rows", "to_frame"]
