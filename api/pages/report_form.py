"""The form of an own report: what its fields say as a definition, and what it offers."""

import re
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request

from forecast.reports import ReportSpec, parse_spec
from forecast.reports.catalogue import MEASURES, SUBJECTS
from forecast.reports.dimensions import DIMENSIONS
from forecast.reports.period_rules import RULES

_FIELDS = ("name", "title", "period", "by", "then_by", "filter", "filter_values", "periods", "limit", "chart", "sort")


@dataclass(frozen=True)
class ReportForm:
    """What was filled in.

    Attributes
    ----------
    fields : dict of name to text
    measures : tuple of str
    """

    fields: dict[str, str]
    measures: tuple[str, ...]
    lang: str = "en"

    @property
    def name(self) -> str:
        """What the report is called in addresses; made of the title where it is left out."""
        return self["name"] or re.sub(r"[^a-z0-9]+", "-", self["title"].lower()).strip("-")[:60]

    def __getitem__(self, field: str) -> str:
        return self.fields.get(field, "").strip()

    def in_language(self, lang: str) -> "ReportForm":
        """The same, offering choices in a language."""
        return replace(self, lang=lang)

    def spec(self) -> ReportSpec:
        """The definition.

        Raises
        ------
        InvalidInput
            If it breaks a rule.
        """
        section: dict[str, Any] = {
            "measures": list(self.measures),
            "dimensions": [self[field] for field in ("by", "then_by") if self[field]],
            "periods": _whole(self["periods"], 1),
            "limit": _whole(self["limit"], 50),
        }
        if self["chart"] and self["by"]:
            section["chart"] = {"kind": self["chart"], "measures": list(self.measures[:2])}
        if self["filter"] and self["filter_values"]:
            values = [value.strip() for value in re.split(r"[,，、\n]", self["filter_values"]) if value.strip()]
            section["filters"] = {self["filter"]: values}
        return parse_spec(
            {"title": self["title"] or "–", "period": self["period"] or "last quarter", "sections": [section]}, "report"
        )

    # -- what the form offers -----------------------------------------------------------------------------------------

    @property
    def subjects(self) -> list[dict[str, Any]]:
        """Measures by what they are counted from."""
        return [
            {
                "title": subject.title.in_language(self.lang),
                "measures": [
                    {
                        "name": measure.name,
                        "title": measure.title.in_language(self.lang),
                        "meaning": measure.meaning.in_language(self.lang),
                        "is_chosen": measure.name in self.measures,
                    }
                    for measure in MEASURES.values()
                    if measure.subject == subject.name
                ],
                "by": " · ".join(
                    sorted({DIMENSIONS[name].in_language(self.lang) for known in subject.dimensions for name in known})
                ),
            }
            for subject in SUBJECTS.values()
        ]

    @property
    def dimensions(self) -> list[tuple[str, str]]:
        """Choices of a dimension."""
        return [("", "–"), *((name, title.in_language(self.lang)) for name, title in DIMENSIONS.items())]

    @property
    def rules(self) -> list[tuple[str, str]]:
        """Choices of a period."""
        return [(rule, title.in_language(self.lang)) for rule, title in RULES.items()]


def blank_form(lang: str) -> ReportForm:
    """What the form shows first."""
    fields = dict.fromkeys(_FIELDS, "") | {"by": "team", "period": "last quarter", "chart": "bar", "limit": "20"}
    return ReportForm(fields, ("revenue",), lang)


async def form_of(request: Request) -> ReportForm:
    """The form that was sent: by query where it is only looked at, as a body where it is kept."""
    sent = request.query_params if request.method == "GET" else await request.form()
    fields = {name: str(sent.get(name, ""))[:500] for name in _FIELDS}
    return ReportForm(fields, tuple(str(name)[:60] for name in sent.getlist("measure"))[:12])


def _whole(text: str, default: int) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else (text or default)
