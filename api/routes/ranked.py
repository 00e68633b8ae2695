"""What leads and opportunities share: a page of the ranked list, and the explanation of one row."""

import json
from typing import Any

import pandas as pd
from fastapi import Response

from api.language import Language, negotiate
from api.paging import Place, decode_cursor, encode_cursor
from api.queries import LeadQuery, ScoreQuery
from api.ranking import json_records, page, query_text
from api.schemas import EntityKind, Explanation, Reason, ScoredEntity, ScoredPage
from api.service import Scored
from api.view import View
from forecast.explain import render
from forecast.usecases.explain import explain

#: Reasons of each item in a list.
_TOP_REASONS = 3

#: Fields of a score that say where it comes from: they stand once at the top.
_IDENTITY = ["entity", "as_of", "batch", "model_version", "backdated"]


def ranked_page(
    view: View,
    entity: EntityKind,
    query: LeadQuery,
    accept_language: str | None,
    response: Response,
    *,
    sort: str = "probability",
) -> ScoredPage:
    """One page of the scored entities that the caller may see."""
    lang = _language(query, accept_language, response)
    asked = query_text(entity=entity, sort=sort, **query.model_dump(exclude={"limit", "cursor", "lang", "sort"}))
    place = decode_cursor(query.cursor, asked) if query.cursor else None
    snapshot = view.snapshot(place.as_of, place.batch) if place else view.snapshot(query.as_of, query.batch)
    scored = view.scored(entity, snapshot, place.model if place else query.model)
    shown = page(
        _filtered(view, scored, query),
        by=sort,
        key="entity_id",
        limit=query.limit,
        after=(place.value, place.id) if place else None,
    )
    return ScoredPage(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        model_version=scored.model_version,
        backdated=scored.backdated,
        reporting_currency=view.reporting_currency,
        items=[_item(row, lang) for row in json_records(shown.rows.drop(columns=_IDENTITY))],
        next_cursor=None if shown.end is None else encode_cursor(_place(scored, *shown.end), asked),
    )


def explanation(
    view: View, entity: EntityKind, entity_id: str, query: ScoreQuery, accept_language: str | None, response: Response
) -> Explanation:
    """Every reason of one entity's score, and what to do next."""
    lang = _language(query, accept_language, response)
    snapshot = view.snapshot(query.as_of, query.batch)
    row = view.scored_one(entity, entity_id, snapshot, query.model)
    step = view.next_step(entity, entity_id, snapshot, str(row["model_version"].iloc[0]), lang)
    return Explanation.model_validate(explain(row, entity_id, lang=lang) | {"next_step": step})


def _language(query: ScoreQuery, accept_language: str | None, response: Response) -> Language:
    """The language of the answer, which also says it."""
    lang = negotiate(query.lang, accept_language)
    response.headers["Content-Language"] = lang
    response.headers["Vary"] = "Accept-Language, Authorization"
    return lang


def _filtered(view: View, scored: Scored, query: LeadQuery) -> pd.DataFrame:
    rows = scored.rows
    if query.owner_id is not None:
        rows = rows[rows["owner_id"] == query.owner_id]
    if query.stage is not None:
        rows = rows[rows["stage"] == query.stage]
    if query.team_id is not None:
        rows = rows[rows["owner_id"].isin(view.members(query.team_id, scored.snapshot))]
    return rows


def _place(scored: Scored, value: float | None, entity_id: str) -> Place:
    snapshot = scored.snapshot
    return Place(
        as_of=snapshot.as_of.isoformat(), batch=snapshot.batch, model=scored.model_version, value=value, id=entity_id
    )


def _item(row: dict[str, Any], lang: Language) -> ScoredEntity:
    every = json.loads(row["reasons"])
    ranked = sorted(every, key=lambda reason: (-abs(reason["points"]), reason["code"]))
    shown = [reason for reason in ranked[:_TOP_REASONS] if reason["points"] != 0] or ranked[:1]
    rest = round(sum(reason["points"] for reason in every) - sum(reason["points"] for reason in shown), 9)
    reasons = [Reason(**reason, text=render(reason, lang)) for reason in shown]
    return ScoredEntity.model_validate(row | {"reasons": reasons, "rest": rest})
