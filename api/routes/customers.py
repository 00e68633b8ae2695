"""Accounts that ever ordered, ranked by what they are expected to spend or by whether they buy again."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from api.errors import documented
from api.language import Language, negotiate
from api.paging import Place, decode_cursor, encode_cursor
from api.queries import CustomerQuery, ScoreQuery
from api.ranking import json_records, page, query_text
from api.schemas import Customer, CustomerExplanation, CustomerPage, Reason
from api.view import ViewOf
from forecast.explain import told_reasons
from forecast.explain.customers import customer_reason_text
from forecast.usecases.customers import explain_customer

router = APIRouter(prefix="/customers", tags=["customers"])

#: Reasons of each item in a list.
_TOP_REASONS = 3


@router.get("", responses=documented(404), summary="Ranked customers")
def list_customers(
    view: ViewOf,
    response: Response,
    query: Annotated[CustomerQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> CustomerPage:
    """Accounts that the key may see: whether they buy again within the horizon, how often, for how much, of what."""
    lang = _language(query, accept_language, response)
    asked = query_text(kind="customers", **query.model_dump(exclude={"limit", "cursor", "lang"}))
    place = decode_cursor(query.cursor, asked) if query.cursor else None
    snapshot = view.snapshot(place.as_of, place.batch) if place else view.snapshot(query.as_of, query.batch)
    rows = view.customers(snapshot, place.model if place else query.model)
    version = None if rows.empty else str(rows["model_version"].iloc[0])
    if query.owner_id is not None:
        rows = rows[rows["owner_id"] == query.owner_id]
    if query.team_id is not None:
        rows = rows[rows["owner_id"].isin(view.members(query.team_id, snapshot))]
    after = (place.number, place.id) if place else None
    reverse = query.order == "asc"
    shown = page(rows, by=query.sort, key="account_id", limit=query.limit, after=after, reverse=reverse)
    return CustomerPage(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        model_version=version,
        reporting_currency=view.reporting_currency,
        items=[_item(row, lang) for row in json_records(shown.rows)],
        next_cursor=None
        if shown.end is None
        else encode_cursor(
            Place(
                as_of=snapshot.as_of.isoformat(),
                batch=snapshot.batch,
                model=version,
                value=shown.end[0],
                id=shown.end[1],
            ),
            asked,
        ),
    )


@router.get("/{account_id:path}/explanation", responses=documented(404), summary="Why a customer is expected to buy")
def explain_one(
    view: ViewOf,
    response: Response,
    account_id: str,
    query: Annotated[ScoreQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> CustomerExplanation:
    """Every reason: `base` and all `points` add up to `p_buys`."""
    lang = _language(query, accept_language, response)
    snapshot = view.snapshot(query.as_of, query.batch)
    row = view.customer(account_id, snapshot, query.model)
    return CustomerExplanation.model_validate(explain_customer(row, account_id, lang=lang))


def _language(query: ScoreQuery, accept_language: str | None, response: Response) -> Language:
    """The language of the answer, which also says it."""
    lang = negotiate(query.lang, accept_language)
    response.headers["Content-Language"] = lang
    response.headers["Vary"] = "Accept-Language, Authorization"
    return lang


def _item(row: dict[str, Any], lang: Language) -> Customer:
    reasons = told_reasons(json.loads(row["reasons"]), base=row["base"])[:_TOP_REASONS]
    told = [Reason(**reason, text=customer_reason_text(reason, lang)) for reason in reasons]
    return Customer.model_validate(
        {name: row[name] for name in Customer.model_fields if name in row} | {"reasons": told}
    )
