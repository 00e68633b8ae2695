"""What leads and opportunities have in common: the ranked list, and the explanation of one row."""

import json
from datetime import date
from typing import Any

from fastapi import Request, Response

from api.conditional import answer_unless_known
from api.language import Language, negotiate
from api.paging import Place, decode_cursor, encode_cursor
from api.queries import RankedQuery, ScoreQuery
from api.ranked import RankedList, Ranking
from api.ranking import json_records, query_text
from api.schemas import EntityKind, Explanation, Reason, ScoredEntity, ScoredPage
from api.service import Snapshot
from api.view import View
from forecast.errors import InvalidInput
from forecast.explain import render, told_reasons
from forecast.usecases.explain import explain
from forecast.usecases.ranked import RankedPlace, Sort

#: Reasons of each item in a list.
_TOP_REASONS = 3


def ranked_page(
    view: View, entity: EntityKind, query: RankedQuery, lang: Language, request: Request, response: Response
) -> ScoredPage:
    """One page of the scored entities that the caller may see."""
    asked = query_text(
        entity=entity, descending=query.descending, **query.model_dump(mode="json", exclude={"limit", "cursor", "lang"})
    )
    place = decode_cursor(query.cursor, asked) if query.cursor else None
    if not _is_named(query) and (place is None or place.latest):
        _answer_unless_known(view, entity, (asked, query.limit, query.cursor, lang), request, response)
    shown = _ranked(view, entity, query, place)
    return ScoredPage(
        as_of=shown.as_of,
        batch=shown.batch,
        model_version=shown.model_version,
        backdated=shown.backdated,
        stale=shown.stale,
        reporting_currency=view.reporting_currency,
        items=[scored_entity(row, lang) for row in json_records(shown.rows)],
        next_cursor=None if shown.end is None else encode_cursor(_place(shown, shown.end), asked),
    )


def explanation(
    view: View,
    entity: EntityKind,
    entity_id: str,
    query: ScoreQuery,
    lang: Language,
    request: Request,
    response: Response,
) -> Explanation:
    """Every reason of one entity's score, and what to do next."""
    row = None if _is_named(query) else view.lists.latest_one(entity, entity_id)
    if row is not None:  # found first: who may not see it learns nothing from an ETag
        _answer_unless_known(view, entity, ("explanation", entity_id, lang), request, response)
    else:
        row = view.scored_one(entity, entity_id, view.snapshot(query.as_of, query.batch), query.model)
    first = row.iloc[0]
    given = Snapshot(first["as_of"].to_pydatetime(), int(first["batch"]))
    step = view.next_step(entity, entity_id, given, str(first["model_version"]), lang)
    return Explanation.model_validate(explain(row, entity_id, lang=lang) | {"next_step": step})


def scored_entity(row: dict[str, Any], lang: Language) -> ScoredEntity:
    """One row of a list in words: its strongest reasons, and what the others add up to."""
    every = json.loads(row["reasons"])
    # The last one is what belongs to no reason, or says that nothing has been learned yet: a row is never without any.
    shown = told_reasons(every, base=row["base"])[:_TOP_REASONS] or every[-1:]
    rest = round(sum(reason["points"] for reason in every) - sum(reason["points"] for reason in shown), 9)
    reasons = [Reason(**reason, text=render(reason, lang)) for reason in shown]
    stated = {name: value for name, value in row.items() if name not in ("entity", "backdated")}
    return ScoredEntity.model_validate(stated | {"reasons": reasons, "rest": rest})


def _ranked(view: View, entity: EntityKind, query: RankedQuery, place: Place | None) -> RankedList:
    """The page: of the latest scores, unless the request or its cursor names others or there are none."""
    after = None if place is None else _after(place, query.sort)
    if not _is_named(query) and (place is None or place.latest):
        latest = view.lists.latest(entity, _asked(view, query), after)
        if latest is not None:
            return latest
    elif query.sort == "change":
        raise InvalidInput("`sort=change` orders the present list only; leave out `as_of`, `batch` and `model`.")
    snapshot = view.snapshot(place.as_of, place.batch) if place else view.snapshot(query.as_of, query.batch)
    return view.lists.of(entity, _asked(view, query), snapshot, place.model if place else query.model, after)


def _asked(view: View, query: RankedQuery) -> Ranking:
    return Ranking(
        owner_id=query.owner_id,
        team_id=query.team_id,
        where=query.filter(view.moment),
        search=query.q,
        sort=query.sort,
        descending=query.descending,
        limit=query.limit,
    )


def _is_named(query: ScoreQuery) -> bool:
    """Whether a request names the scores that it wants; else it wants the latest."""
    return any(named is not None for named in (query.as_of, query.batch, query.model))


def _answer_unless_known(
    view: View, entity: EntityKind, question: tuple[Any, ...], request: Request, response: Response
) -> None:
    etag = view.lists.etag(entity, *question)
    if etag is not None:
        answer_unless_known(request, response, etag)


def language_of(query: ScoreQuery, accept_language: str | None, response: Response) -> Language:
    """The language of the answer, which also says it."""
    lang = negotiate(query.lang, accept_language)
    response.headers["Content-Language"] = lang
    response.headers["Vary"] = "Accept-Language, Authorization"
    return lang


def _place(shown: RankedList, end: RankedPlace) -> Place:
    return Place(
        as_of=shown.as_of.isoformat(),
        batch=shown.batch,
        model=shown.model_version,
        value=end.value.isoformat() if isinstance(end.value, date) else end.value,
        id=end.entity_id,
        latest=shown.latest,
    )


def _after(place: Place, sort: Sort) -> RankedPlace:
    """The place of a cursor; made by hand it may hold anything."""
    if sort != "expected_close_date":
        return RankedPlace(place.number, place.id)
    try:
        return RankedPlace(None if place.value is None else date.fromisoformat(str(place.value)), place.id)
    except ValueError:
        raise InvalidInput(
            "`cursor` holds no day, and the list is sorted by days; leave it out to start anew."
        ) from None
