"""Periods to choose from, and how people write them."""

import re
from datetime import date

from babel.dates import format_date

from api.pages.site import Page
from api.service import Snapshot
from forecast.periods import parse_period, period_of, periods_around


def _(text: str) -> str:
    """Marks a text for translation; it is translated when shown."""
    return text


_KINDS = {"quarter": _("Quarters"), "month": _("Months"), "year": _("Fiscal years")}


def this_quarter(page: Page, snapshot: Snapshot) -> str:
    """The quarter that a snapshot lies in."""
    return period_of(_today(page, snapshot), kind="quarter", fiscal_year_start=_fiscal_year_start(page)).label


def period_choices(page: Page, snapshot: Snapshot, chosen: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Kinds of periods around a snapshot, each with its labels and texts; the chosen one is always among them."""
    around = periods_around(_today(page, snapshot), fiscal_year_start=_fiscal_year_start(page))
    labels = {page.gettext(_KINDS[kind]): [period.label for period in periods] for kind, periods in around.items()}
    if not any(chosen in of_kind for of_kind in labels.values()):
        labels = {page.gettext(_("Chosen")): [chosen]} | labels
    return [(kind, [(label, period_text(page, label)) for label in of_kind]) for kind, of_kind in labels.items()]


def period_text(page: Page, label: str) -> str:
    """``Q4 2017``, ``Oct 2017``, 2017年第4季度; a week as its label."""
    if match := re.fullmatch(r"(\d{4})Q(\d)", label):
        return page.gettext(_("Q%(number)s %(year)s"), number=match[2], year=match[1])
    if match := re.fullmatch(r"FY(\d{4})", label):
        return page.gettext(_("FY %(year)s"), year=match[1])
    if re.fullmatch(r"\d{4}-\d{2}", label):
        pattern = "MMM y" if page.lang == "en" else "y年M月"
        return format_date(parse_period(label).first, pattern, page.format.locale)
    return label


def _today(page: Page, snapshot: Snapshot) -> date:
    return snapshot.as_of.astimezone(page.service.workspace.settings.zone).date()


def _fiscal_year_start(page: Page) -> int:
    return page.service.workspace.settings.fiscal_year_start
