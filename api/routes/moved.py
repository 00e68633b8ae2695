"""What moved the outlook of a period between two days."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from api.errors import documented
from api.language import Language, negotiate
from api.lists import Listing, kept, of_team
from api.moved_schemas import (
    BetweenQuery,
    MovedBody,
    MovedDeal,
    MovedDealPage,
    MovedDealsQuery,
    MovedLine,
    MovedQuery,
    MovedStep,
    StepMeaning,
)
from api.ranking import json_records
from api.service import Snapshot
from api.view import View, ViewOf
from forecast.explain.moved import STEPS, event_text, moved_sentence, step_meaning, step_title

router = APIRouter(prefix="/outlook/moved", tags=["outlook"])


@router.get("", responses=documented(), summary="What moved the outlook of a period")
def moved(
    view: ViewOf,
    response: Response,
    query: Annotated[MovedQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> MovedBody:
    """A rep's key shows its own line, a manager's its teams and their people, an admin's all and the company."""
    lang = _language(query, accept_language, response)
    listing, snapshot, since = _asked("moved", query, view)
    lines, deals = view.moved(query.period, since, snapshot, query.deals)
    lines = of_team(kept(lines, level=query.level, id=query.id), query.team_id, view.organisation(snapshot))
    shown = listing.page(lines, ["level", "id"], snapshot)
    return MovedBody(
        since=since.as_of,
        since_batch=since.batch,
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        period=query.period,
        currency=view.reporting_currency,
        steps=[
            StepMeaning(step=step, title=step_title(step, lang), meaning=step_meaning(step, lang)) for step in STEPS
        ],
        lines=[_line(line, lang) for line in shown.rows],
        deals=[_deal(deal, lang) for deal in json_records(deals)],
        next_cursor=shown.next_cursor,
    )


@router.get("/deals", responses=documented(), summary="Opportunities that moved the outlook of a period")
def moved_deals(
    view: ViewOf,
    response: Response,
    query: Annotated[MovedDealsQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> MovedDealPage:
    """Every one of the owners that the key may see: what each step did to it, those that moved most first."""
    lang = _language(query, accept_language, response)
    listing, snapshot, since = _asked("moved-deals", query, view)
    deals = kept(view.moved_deals(query.period, since, snapshot), step=query.step, owner_id=query.owner_id)
    if query.team_id is not None:
        deals = deals[deals["owner_id"].isin(view.members(query.team_id, snapshot))]
    deals = deals.assign(distance=deals["amount"].abs())
    shown = listing.page(deals, ["opportunity_id", "owner_id", "step", "what"], snapshot)
    return MovedDealPage(
        since=since.as_of,
        since_batch=since.batch,
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        period=query.period,
        currency=view.reporting_currency,
        items=[_deal(deal, lang) for deal in shown.rows],
        next_cursor=shown.next_cursor,
    )


def _asked(name: str, query: MovedQuery | MovedDealsQuery, view: View) -> tuple[Listing, Snapshot, Snapshot]:
    """The list, and the two snapshots that it is between."""
    listing = Listing(name, query)
    snapshot = view.snapshot(*listing.moment(query.as_of, query.batch))
    return listing, snapshot, view.earlier_snapshot(query.since, query.since_batch, snapshot)


def _language(query: BetweenQuery, accept_language: str | None, response: Response) -> Language:
    """The language of the answer, which also says it."""
    lang = negotiate(query.lang, accept_language)
    response.headers["Content-Language"] = lang
    response.headers["Vary"] = "Accept-Language, Authorization"
    return lang


def _deal(deal: dict[str, Any], lang: str) -> MovedDeal:
    return MovedDeal.model_validate(deal | {"text": event_text(deal["what"], lang)})


def _line(line: dict[str, Any], lang: str) -> MovedLine:
    steps = [MovedStep(step=step, title=step_title(step, lang), amount=line[step]) for step in STEPS]
    return MovedLine.model_validate(line | {"steps": steps, "text": moved_sentence(line, lang)})
