"""The tree of company, teams and people as pages walk it: where a node hangs, what is below it, what it is called."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from api.pages.site import Page
from forecast.outlook import UNASSIGNED
from forecast.outlook.outlook import NO_TEAM

Line = dict[str, Any]


def _(text: str) -> str:
    """Marks a text for translation; it is translated when shown."""
    return text


_CALLED = {"company": _("Company"), UNASSIGNED: _("Without an owner"), NO_TEAM: _("Without a team")}
#: What has no region or category is called by what it lacks.
_LACKING = {"region": _("Without a region"), "category": _("Without a category")}


@dataclass(frozen=True)
class Tree:
    """Lines of company, teams and people that one caller may see.

    Attributes
    ----------
    lines : list of dict
        ``level`` (company, team; rep or user), ``id``, ``parent``, and a ``label``.
    """

    lines: list[Line]

    @classmethod
    def of(cls, page: Page, lines: Sequence[Line]) -> "Tree":
        """The tree of lines whose teams have a ``name``."""
        people = page.view.people_names()
        return cls([line | {"label": _label(page, line, people)} for line in lines])

    @property
    def roots(self) -> list[Line]:
        """Lines that hang on nothing that may be seen, the largest first."""
        return [line for line in self.lines if self.above(line) is None]

    def find(self, name: str | None) -> Line | None:
        """The line of that name (``team:north``); without one the first root, None where there is no such line."""
        if name is None:
            return next(iter(self.roots), None)
        return next((line for line in self.lines if node_name(line) == name), None)

    def above(self, line: Line) -> Line | None:
        """The line that this one adds to."""
        level = "company" if line["parent"] == "company" else "team"
        return next((one for one in self.lines if (one["level"], one["id"]) == (level, line["parent"])), None)

    def way(self, line: Line) -> list[Line]:
        """From a root down to this line."""
        above = self.above(line)
        return [line] if above is None else [*self.way(above), line]

    def below(self, line: Line) -> list[Line]:
        """The lines that add up to this one."""
        if line["level"] not in ("company", "team"):
            return []
        return [one for one in self.lines if one["parent"] == line["id"] and one is not line]

    def walk(self) -> list[Line]:
        """Every line after the one it adds to, with its ``depth``."""
        return [line for root in self.roots for line in self._from(root, 0)]

    def _from(self, line: Line, depth: int) -> list[Line]:
        below = [one for child in self.below(line) for one in self._from(child, depth + 1)]
        return [line | {"depth": depth}, *below]


def node_name(line: Line) -> str:
    """``team:north``: how an address names a line."""
    return f"{line['level']}:{line['id']}"


def _label(page: Page, line: Line, people: dict[str, str]) -> str:
    lacking = _LACKING.get(line["level"])
    known = (lacking if line["id"] == UNASSIGNED else None) if lacking else _CALLED.get(line["id"])
    return page.gettext(known) if known else line.get("name") or people.get(line["id"]) or line["id"]
