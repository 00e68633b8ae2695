"""Revenue of a period, as joint sample paths of all owners: booked, open, arriving, repeat."""

from forecast.outlook.outlook import PARTS, UNASSIGNED, Outlook
from forecast.outlook.simulate import simulate
from forecast.outlook.timing import win_probability_within

__all__ = ["PARTS", "UNASSIGNED", "Outlook", "simulate", "win_probability_within"]
