"""What the pages of leads and deals share: the ranked list with its filters, and what a list shows of each row."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import Response
from pydantic import BaseModel, BeforeValidator, Field

from api.case_view import Row
from api.language import Language
from api.pages.site import Page
from api.paging import MAX_CURSOR, Place, decode_cursor, encode_cursor
from api.ranked import RankedList, Ranking
from api.ranking import json_records, query_text
from api.schemas import AsOf, EntityKind, Text
from forecast.errors import NotScored
from forecast.explain import nothing_told, render, told_reasons
from forecast.usecases.ranked import RankedFilter, RankedPlace, Sort

#: Rows of one screen, and reasons of each.
N_ROWS, N_REASONS = 25, 2


@dataclass(frozen=True)
class Kind:
    """One of the two ranked pages."""

    entity: EntityKind
    path: str
    sorts: tuple[Sort, ...]  # the first one when nothing is chosen


LEADS = Kind("lead", "/leads", ("probability", "change"))
DEALS = Kind("opportunity", "/deals", ("expected_value", "probability", "expected_close_date", "amount", "change"))

#: Which end of an order comes first.
_ASCENDING = frozenset({"expected_close_date"})


def _empty_is_none(value: object) -> object:
    """A form sends fields that were left empty as empty text."""
    return None if value == "" else value


Blank = BeforeValidator(_empty_is_none)


#: The moment that a page is asked for; without one it shows the latest scores.
Moment = Annotated[AsOf | None, Blank]


class ListQuery(BaseModel):
    """What a list is asked for; the address keeps it."""

    q: Annotated[Text | None, Blank] = None
    sort: Annotated[Sort | None, Blank] = None
    stage: Annotated[Text | None, Blank] = None
    grade: Annotated[Literal["A", "B", "C", "D"] | None, Blank] = None
    owner_id: Annotated[Text | None, Blank] = None
    team_id: Annotated[Text | None, Blank] = None
    least: Annotated[float | None, Blank, Field(ge=0, le=100)] = None  # of the probability, in percent
    closes_from: Annotated[date | None, Blank] = None
    closes_until: Annotated[date | None, Blank] = None
    as_of: Moment = None
    cursor: Annotated[str | None, Blank, Field(max_length=MAX_CURSOR)] = None

    @property
    def asked(self) -> dict[str, str]:
        """What was asked for beyond the usual, as an address says it."""
        given = self.model_dump(exclude={"cursor"}, exclude_none=True)
        return {name: str(value) for name, value in given.items()}

    @property
    def as_of_part(self) -> dict[str, str]:
        """The moment that links on the page keep."""
        return {} if self.as_of is None else {"as_of": self.as_of}

    @property
    def n_filters(self) -> int:
        """How many filters are set."""
        return len(self.asked.keys() - {"sort", "q", "as_of"})

    def where(self) -> RankedFilter:
        """The filters, as the store understands them."""
        return RankedFilter(
            stages=(self.stage,) if self.stage else (),
            grades=(self.grade,) if self.grade else (),
            min_probability=None if self.least is None else self.least / 100,
            closes_from=self.closes_from,
            closes_before=None if self.closes_until is None else self.closes_until + timedelta(days=1),
        )


def ranked_list(page: Page, kind: Kind, query: ListQuery) -> Response:
    """The list, or its rows alone for htmx."""
    since = page.view.events.last_change()  # before the rows are read: nothing falls between
    sort = query.sort if query.sort in kind.sorts else kind.sorts[0]
    tied_to = query_text(page=kind.path, **(query.asked | {"sort": sort}))
    try:
        found = _found(page, kind, query, sort, decode_cursor(query.cursor, tied_to) if query.cursor else None)
    except NotScored:
        return page.render("ranked/unscored.html", {"kind": kind})
    rows = json_records(found.rows)
    following = None if found.end is None else encode_cursor(_place(found, found.end), tied_to)
    names = page.view.people_names()
    several = len(names) > 1
    context = {
        "kind": kind,
        "query": query,
        "sort": sort,
        "found": found,
        "rows": [row | told(row, page.lang) | {"owner": names.get(row["owner_id"], row["owner_id"])} for row in rows],
        "next": _address(kind, query.asked | {"cursor": following}) if following else None,
        "first": _address(kind, query.asked) if query.cursor else None,
        "sorts": [(name, _address(kind, query.asked | {"sort": name})) for name in kind.sorts],
        "exports": _exports(kind, query),
        "since": since,
        "several": several,
        "people": sorted(names.items(), key=lambda person: person[1]) if several else [],
        "teams": sorted(page.view.cases.teams().items(), key=lambda team: team[1]),
        "stages": page.view.cases.stages(kind.entity),
        "moment": urlencode(query.as_of_part),
        "steps": urlencode(query.as_of_part | {"id": [row["entity_id"] for row in rows]}, doseq=True),
    }
    return page.render("ranked/rows.html" if page.is_partial else "ranked/list.html", context)


def _found(page: Page, kind: Kind, query: ListQuery, sort: Sort, place: Place | None) -> RankedList:
    """Of the latest scores, unless the address or its cursor names a moment or there are none."""
    asked = Ranking(
        owner_id=query.owner_id,
        team_id=query.team_id,
        where=query.where(),
        search=query.q,
        sort=sort,
        descending=sort not in _ASCENDING,
        limit=N_ROWS,
    )
    after = None if place is None else _after(place, sort)
    if query.as_of is None and (place is None or place.latest):
        latest = page.view.lists.latest(kind.entity, asked, after)
        if latest is not None:
            return latest
    snapshot = page.view.snapshot(place.as_of, place.batch) if place else page.view.snapshot(query.as_of)
    return page.view.lists.of(kind.entity, asked, snapshot, place.model if place else None, after)


def next_steps(page: Page, kind: Kind, ids: list[str], as_of: str | None) -> Response:
    """The next steps of the rows of a list, each for its place."""
    rows = page.view.cases.visible(kind.entity, ids, as_of)
    steps = page.view.cases.next_steps(rows, page.lang)
    placed = [(number, steps[one]) for number, one in enumerate(ids) if one in steps]
    return page.render("ranked/steps.html", {"placed": placed})


def told(row: Row, lang: Language) -> dict[str, Any]:
    """What a list says of a row in words: its title, and the strongest reasons of its score or that there are none."""
    reasons = json.loads(row["reasons"])
    strongest = told_reasons(reasons, base=row["base"])[:N_REASONS]
    return {
        "name": row["title"] or row["account_name"] or row["entity_id"],
        "strongest": [{"points": reason["points"], "text": render(reason, lang)} for reason in strongest],
        "nothing": nothing_told(reasons, base=row["base"], lang=lang),
    }


def _place(found: RankedList, end: RankedPlace) -> Place:
    value = end.value.isoformat() if isinstance(end.value, date) else end.value
    return Place(
        as_of=found.as_of.isoformat(),
        batch=found.batch,
        model=found.model_version,
        value=value,
        id=end.entity_id,
        latest=found.latest,
    )


def _after(place: Place, sort: Sort) -> RankedPlace:
    if sort == "expected_close_date" and isinstance(place.value, str):
        return RankedPlace(date.fromisoformat(place.value), place.id)
    return RankedPlace(place.number, place.id)


def _address(kind: Kind, asked: dict[str, str]) -> str:
    return f"{kind.path}?{urlencode(asked)}" if asked else kind.path


def _exports(kind: Kind, query: ListQuery) -> list[tuple[str, str]]:
    """Addresses of the list as files, by format."""
    filters: dict[str, object] = {
        "entity": kind.entity,
        "latest": "true",
        "q": query.q,
        "stage": query.stage,
        "grade": query.grade,
        "owner_id": query.owner_id,
        "team_id": query.team_id,
        "closes_from": query.closes_from,
        "closes_until": query.closes_until,
        "min_probability": None if query.least is None else query.least / 100,
    }
    given = {name: value for name, value in filters.items() if value is not None}
    formats = {"csv": {"bom": "true"}, "parquet": {}}  # by the mark Excel knows the encoding
    return [(name, f"/v1/scores/export?{urlencode(given | {'format': name} | more)}") for name, more in formats.items()]
