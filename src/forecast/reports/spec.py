"""A report as data: measures × dimensions × filters × period, in sections; what YAML says and forms make.

```yaml
title: {en: Wins by team, zh: 各团队赢单}   # or one text for both
period: last quarter                        # or 2026Q1, 2026-03, FY2026, 2026-W07
filters: {region: [North, South]}           # for all sections
sections:
  - title: Win rate
    measures: [won, win_rate]
    dimensions: [team]
    periods: 4                              # so many periods up to this one; default 1
    sort: -won
    limit: 20                               # the rest is one row
    chart: {kind: bar, measures: [won]}
```

A report with one section may leave out ``sections`` and write its keys beside the title.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from forecast.errors import InvalidInput
from forecast.explain.labels import Text
from forecast.reports.catalogue import COMPARING, MEASURES, SUBJECTS, with_counts
from forecast.reports.dimensions import DIMENSIONS, TIME
from forecast.reports.period_rules import check_rule

#: Longest YAML of a report.
MAX_CHARACTERS = 20_000
_MAX_SECTIONS = 20
_MAX_DEPTH = 10

_Line = Annotated[str, Field(min_length=1, max_length=200)]
_Prose = Annotated[str, Field(min_length=1, max_length=2000)]
_Value = Annotated[str, Field(max_length=500)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Line(_Part):
    """A short text in both languages."""

    en: _Line
    zh: _Line

    @model_validator(mode="before")
    @classmethod
    def _one_for_both(cls, value: Any) -> Any:
        return {"en": value, "zh": value} if isinstance(value, str) else value

    @property
    def text(self) -> Text:
        """The same for readers."""
        return Text(self.en, self.zh)


class Prose(Line):
    """A longer one."""

    en: _Prose
    zh: _Prose


class Chart(_Part):
    """A picture of a section: bars or lines over the first dimension."""

    kind: Literal["bar", "line", "stacked", "range"] = "bar"
    measures: tuple[str, ...] = Field(default=(), max_length=4)


class Section(_Part):
    """One table, with a chart where one is asked for."""

    title: Line | None = None
    text: Prose | None = None
    measures: tuple[str, ...] = Field(min_length=1, max_length=12)
    dimensions: tuple[str, ...] = Field(default=(), max_length=3)
    filters: Mapping[str, tuple[_Value, ...]] = Field(default={}, max_length=8)
    periods: int = Field(default=1, ge=1, le=24)
    sort: str = ""
    limit: int = Field(default=50, ge=1, le=500)
    chart: Chart | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Measures with the counts behind them."""
        return with_counts(self.measures)

    @model_validator(mode="after")
    def _known(self) -> Self:
        _each_of("measures", self.measures, MEASURES)
        _each_of("dimensions", self.dimensions, DIMENSIONS)
        for name in self.columns:
            _check_dimensions(name, self.dimensions)
        if COMPARING & set(self.measures) and (self.periods > 1 or set(TIME) & set(self.dimensions)):
            raise ValueError(
                f"{', '.join(sorted(COMPARING & set(self.measures)))} compare one period with an earlier one; leave "
                "out `periods` and the dimensions month, quarter and day"
            )
        if self.sort and self.sort.lstrip("-") not in (*self.columns, *self.dimensions):
            raise ValueError(
                f"sort must be a measure or dimension of the section, with - for descending; got {self.sort!r}"
            )
        _check_chart(self)
        return self


class ReportSpec(_Part):
    """A report."""

    title: Line
    about: Prose | None = None
    period: Annotated[str, Field(max_length=20)] = "last quarter"
    filters: Mapping[str, tuple[_Value, ...]] = Field(default={}, max_length=8)
    sections: tuple[Section, ...] = Field(min_length=1, max_length=_MAX_SECTIONS)

    @model_validator(mode="before")
    @classmethod
    def _one_section(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or "sections" in value or "measures" not in value:
            return value
        own = {"title", "about", "period"}
        return {key: value[key] for key in value if key in own} | {
            "sections": [{key: value[key] for key in value if key not in own}]
        }

    @model_validator(mode="after")
    def _filters_hold_everywhere(self) -> Self:
        check_rule(self.period)
        for place, section in enumerate(self.sections, start=1):
            for name in {**self.filters, **section.filters}:
                _each_of("filters", (name,), DIMENSIONS)
                for column in section.columns:
                    subject = SUBJECTS[MEASURES[column].subject]
                    if name not in subject.filters:
                        raise ValueError(
                            f"section {place}: {column} cannot be filtered by {name}; it can by "
                            f"{', '.join(sorted(subject.filters)) or 'nothing'}"
                        )
        return self

    def filters_of(self, section: Section) -> dict[str, tuple[str, ...]]:
        """Filters that hold for a section: the report's, overruled by its own."""
        return {**self.filters, **section.filters}


def parse_spec(content: str | Mapping[str, Any], name: str = "report") -> ReportSpec:
    """A report from YAML, or from what was parsed of it.

    Raises
    ------
    InvalidInput
        If a rule is broken; the message names the field, the rule and what came.
    """
    if isinstance(content, str):
        if len(content) > MAX_CHARACTERS:
            raise InvalidInput(f"{name} must have at most {MAX_CHARACTERS:,} characters, got {len(content):,}.")
        try:
            _check_depth(content, name)
            content = yaml.safe_load(content)
        except yaml.YAMLError as error:
            raise InvalidInput(f"{name} is no YAML: {' '.join(str(error).split())[:200]}.") from None
    if not isinstance(content, Mapping):
        raise InvalidInput(f"{name} must be a mapping with a title and measures, got {type(content).__name__}.")
    try:
        return ReportSpec.model_validate(content)
    except ValidationError as error:
        raise InvalidInput(f"{name}: {_broken(error.errors())}") from None


def _check_depth(content: str, name: str) -> None:
    """Refuse what a few characters can make large or deep: parsing it would take long."""
    depth = 0
    for event in yaml.parse(content, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH or isinstance(event, yaml.AliasEvent):
            raise InvalidInput(f"{name} must have no aliases (*name) and nest at most {_MAX_DEPTH} levels.")


def to_yaml(spec: ReportSpec) -> str:
    """The YAML of a report; reading it gives the same report."""
    document = spec.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120)


def _broken(errors: Sequence[Any]) -> str:
    """The first broken rules in one line."""
    lines = []
    # A list whose parts are broken is also called too short.
    told = [error for error in errors if error["type"] != "too_short"] or errors
    for error in told[:3]:
        place = ".".join(str(part) for part in error["loc"])
        rule = str(error["msg"]).removeprefix("Value error, ")
        came = "" if error["type"] in ("value_error", "missing") else f", got {str(error.get('input'))[:60]!r}"
        lines.append(f"{place}: {rule}{came}" if place else f"{rule}{came}")
    return "; ".join(lines) + "."


def _each_of(field: str, names: tuple[str, ...], known: Mapping[str, Any]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{field} has no {unknown[0]!r}; there are {', '.join(known)}")
    if len(set(names)) < len(names):
        raise ValueError(f"{field} must not name one twice, got {', '.join(names)}")


def _check_dimensions(measure: str, dimensions: tuple[str, ...]) -> None:
    subject = SUBJECTS[MEASURES[measure].subject]
    if not subject.allows(frozenset(dimensions)):
        needed = f" and needs {', '.join(sorted(subject.required))}" if subject.required else ""
        raise ValueError(
            f"{measure} cannot be told by {', '.join(dimensions) or 'no dimension'}; it can by {subject.told_by}"
            f"{needed}"
        )


def _check_chart(section: Section) -> None:
    if section.chart is None:
        return
    if not section.dimensions:
        raise ValueError("a chart needs a dimension to run over, the section has none")
    strange = [name for name in section.chart.measures if name not in section.columns]
    if strange:
        raise ValueError(f"chart.measures must be measures of the section, got {strange[0]!r}")
    if section.chart.kind == "range" and len(section.chart.measures) != 3:
        raise ValueError("a chart of kind range needs three measures: the middle, the low and the high one")
