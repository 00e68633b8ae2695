"""Which pages a role finds in the menu; rights are decided elsewhere, this only spares dead ends."""

from dataclasses import dataclass

from api.rights import PARTS, Caller


def _(text: str) -> str:
    """Marks a text for translation; it is translated when shown."""
    return text


@dataclass(frozen=True)
class Entry:
    """One page of the menu."""

    path: str
    label: str
    part: str  # of the service, as `api.rights` names them


ENTRIES: tuple[Entry, ...] = (
    Entry("/leads", _("Leads"), "rows"),
    Entry("/deals", _("Deals"), "rows"),
    Entry("/forecast", _("Forecast"), "rows"),
    Entry("/targets", _("Targets"), "rows"),
    Entry("/team", _("Team"), "rows"),
    Entry("/funnel", _("Funnel"), "rows"),
    Entry("/demand", _("Demand"), "demand"),
    Entry("/reports", _("Reports"), "reports"),
    Entry("/report-schedules", _("Report schedules"), "report schedules"),
    Entry("/models", _("Models"), "models"),
    Entry("/data", _("Data"), "data status"),
)

#: Where each role begins.
_HOME = {"rep": "/leads", "manager": "/forecast", "engineer": "/models", "operations": "/data", "admin": "/forecast"}


def menu(caller: Caller) -> list[Entry]:
    """The pages that a caller's role may open."""
    return [entry for entry in ENTRIES if caller.role in PARTS.get(entry.part, ())]


def home(caller: Caller) -> str:
    """Where a caller begins."""
    return _HOME.get(caller.role, "/account")
