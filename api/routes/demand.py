"""Demand forecasts: which series there are, their sums, one period by period, why, what if, and new items."""

from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Header, Query, Response

from api.demand_schemas import DemandExplanation, DemandSum, DemandSums, DemandWhatIf, NewItemForecast
from api.errors import documented
from api.language import Language, negotiate
from api.paging import Place, decode_cursor, encode_cursor
from api.queries import DemandQuery, DemandTextQuery, NewItemQuery, SeriesQuery, SumsQuery, WhatIfQuery
from api.ranking import json_records, page, query_text
from api.schemas import DemandForecast, DemandPage, DemandPoint, DemandSeries
from api.service import Snapshot
from api.view import ViewOf
from forecast.errors import UnknownEntity
from forecast.usecases.demand_explanation import explain_demand, new_item_demand, what_if_demand
from forecast.usecases.demand_run import sums_of

router = APIRouter(prefix="/demand", tags=["demand"])


@router.get("/forecasts", responses=documented(), summary="Series that are forecast")
def list_series(view: ViewOf, query: Annotated[DemandQuery, Query()]) -> DemandPage:
    """Each series with its expected sum over the horizon, by `unique_id` or by that sum."""
    asked = query_text(**query.model_dump(exclude={"limit", "cursor"}))
    place = decode_cursor(query.cursor, asked) if query.cursor else None
    snapshot = view.snapshot(place.as_of, place.batch) if place else view.snapshot(query.as_of, query.batch)
    series = _totals(view.demand(snapshot, query.horizon))
    if query.q is not None:
        series = series[series["unique_id"].str.contains(query.q, case=False, regex=False)]
    by = None if query.sort == "unique_id" else query.sort
    after = (place.number, place.id) if place else None
    reverse = query.order == ("desc" if by is None else "asc")
    shown = page(series, by=by, key="unique_id", limit=query.limit, after=after, reverse=reverse)
    return DemandPage(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        items=[DemandSeries.model_validate(row) for row in shown.rows.to_dict("records")],
        next_cursor=None if shown.end is None else encode_cursor(_place(snapshot, *shown.end), asked),
    )


@router.get("/sums", responses=documented(), summary="Sums of series by every level")
def sums(view: ViewOf, query: Annotated[SumsQuery, Query()]) -> DemandSums:
    """The whole, its categories, regions and so on over the horizon, the largest first; each the sum of its series."""
    run = view.demand_run(view.snapshot(query.as_of, query.batch))
    return DemandSums(
        as_of=run.about.as_of,
        batch=run.about.batch,
        model_version=run.about.model_version,
        reconciliation=run.about.reconciliation,
        width=run.about.width,
        items=[DemandSum.model_validate(row) for row in json_records(sums_of(run, query.level or ""))],
    )


@router.get("/forecasts/{unique_id:path}/explanation", responses=documented(404), summary="Why a series is so forecast")
def explain_series(
    view: ViewOf,
    response: Response,
    unique_id: str,
    query: Annotated[DemandTextQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> DemandExplanation:
    """Level, trend, season, calendar and drivers of each period: they add up to its mean."""
    lang = _language(query, accept_language, response)
    served = view.served_demand(view.snapshot(query.as_of, query.batch))
    return DemandExplanation.model_validate(explain_demand(served, unique_id, lang=lang))


@router.get("/forecasts/{unique_id:path}/what-if", responses=documented(404), summary="One series under other drivers")
def what_if(
    view: ViewOf,
    response: Response,
    unique_id: str,
    query: Annotated[WhatIfQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> DemandWhatIf:
    """The forecast under another price or promotion beside the present one; mind the `notes`."""
    lang = _language(query, accept_language, response)
    served = view.served_demand(view.snapshot(query.as_of, query.batch))
    return DemandWhatIf.model_validate(what_if_demand(served, unique_id, query.change, lang=lang))


@router.get("/new-items", responses=documented(), summary="What a new item would sell")
def new_item(
    view: ViewOf,
    response: Response,
    query: Annotated[NewItemQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> NewItemForecast:
    """Period by period from launch on, from series that share its attributes."""
    lang = _language(query, accept_language, response)
    served = view.served_demand(view.snapshot(query.as_of, query.batch))
    return NewItemForecast.model_validate(new_item_demand(served, query.attribute, query.steps, lang=lang))


@router.get("/forecasts/{unique_id:path}", responses=documented(404), summary="Forecast of one series")
def one_series(view: ViewOf, unique_id: str, query: Annotated[SeriesQuery, Query()]) -> DemandForecast:
    """Mean and quantiles of each period. (`q0.1` and `q0.9` hold 80 % of the outcomes between them.)"""
    snapshot = view.snapshot(query.as_of, query.batch)
    forecasts = view.demand(snapshot, query.horizon)
    points = forecasts[forecasts["unique_id"] == unique_id].sort_values("ds")
    if points.empty:
        raise UnknownEntity(f"There was no series {unique_id!r} at {snapshot.as_of.isoformat()}.")
    first = points.iloc[0]
    return DemandForecast(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        unique_id=unique_id,
        cutoff=_day(first["cutoff"]),
        model_version=first["model_version"],
        points=[DemandPoint.model_validate(row | {"ds": _day(row["ds"])}) for row in points.to_dict("records")],
    )


def _language(query: DemandTextQuery, accept_language: str | None, response: Response) -> Language:
    """The language of the answer, which also says it."""
    lang = negotiate(query.lang, accept_language)
    response.headers["Content-Language"] = lang
    response.headers["Vary"] = "Accept-Language, Authorization"
    return lang


def _place(snapshot: Snapshot, value: float | str | None, unique_id: str) -> Place:
    return Place(as_of=snapshot.as_of.isoformat(), batch=snapshot.batch, value=value, id=unique_id)


def _totals(forecasts: pd.DataFrame) -> pd.DataFrame:
    """One row per series: the sum of its means, which adds up where quantiles would not."""
    totals = (
        forecasts.sort_values(["unique_id", "ds"])
        .groupby("unique_id", as_index=False)
        .agg(
            cutoff=("cutoff", "first"),
            model_version=("model_version", "first"),
            first=("ds", "first"),
            last=("ds", "last"),
            mean=("mean", "sum"),
        )
    )
    return totals.assign(**{name: totals[name].map(_day) for name in ("cutoff", "first", "last")})


def _day(moment: Any) -> Any:
    """The day of a timestamp; integers of series without a calendar stay as they are."""
    return moment.date() if isinstance(moment, pd.Timestamp) else moment
