"""The public record: overrides, forecast against actual, accuracy and how often stated ranges came true."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.errors import documented
from api.lists import Listing, kept
from api.ranking import json_records
from api.records_schemas import (
    AccuracyBody,
    AccuracyLine,
    AccuracyQuery,
    AgainstBody,
    AgainstLine,
    AgainstQuery,
    Override,
    OverridesBody,
    OverridesQuery,
    OverrideToMake,
    RecordLine,
)
from api.view import ViewOf

router = APIRouter(prefix="/outlook", tags=["outlook"])


@router.get("/against-actual", responses=documented(), summary="Forecast against actual")
def against_actual(view: ViewOf, query: Annotated[AgainstQuery, Query()]) -> AgainstBody:
    """What was forecast for a period on a past day, beside what came; with `id` every snapshot of one line.

    A rep's key shows its own line, a manager's its teams and their people, an admin's all, the company, its regions and
    categories.
    """
    listing = Listing("against-actual", query)
    snapshot = view.snapshot(*listing.moment(query.as_of, query.batch))
    found = view.records.against_actual(query.period, query.day, query.id, query.measure, snapshot)
    lines = kept(found, level=query.level)
    shown = listing.page(lines, ["as_of", "level", "id"], snapshot)
    return AgainstBody(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        period=query.period,
        measure=query.measure,
        currency=view.currency_of(query.measure),
        lines=[AgainstLine.model_validate(line) for line in shown.rows],
        next_cursor=shown.next_cursor,
    )


@router.get("/accuracy", responses=documented(), summary="Accuracy and the record of stated ranges")
def accuracy(view: ViewOf, query: Annotated[AccuracyQuery, Query()]) -> AccuracyBody:
    """How right model, baselines and overrides were on finished periods, and how often 80 % ranges held by level."""
    listing = Listing("accuracy", query)
    snapshot = view.snapshot(*listing.moment(query.as_of, query.batch))
    lines = kept(
        view.records.accuracy(snapshot, query.measure),
        level=query.level,
        id=query.id,
        horizon=query.horizon,
        forecaster=query.forecaster,
    )
    shown = listing.page(lines, ["level", "id", "horizon", "forecaster"], snapshot)
    record = view.records.record(snapshot, query.measure)
    return AccuracyBody(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        measure=query.measure,
        record=[RecordLine.model_validate(line) for line in json_records(record)],
        lines=[AccuracyLine.model_validate(line) for line in shown.rows],
        next_cursor=shown.next_cursor,
    )


@router.get("/overrides", responses=documented(), summary="Overrides of a period")
def overrides(view: ViewOf, query: Annotated[OverridesQuery, Query()]) -> OverridesBody:
    """Every override of the own teams and their people, with author, reason and time."""
    found = kept(view.records.overrides(query.period), level=query.level, id=query.id, author=query.author)
    shown = Listing("overrides", query).page(found, ["number"])
    return OverridesBody(
        period=query.period,
        overrides=[Override.model_validate(row) for row in shown.rows],
        next_cursor=shown.next_cursor,
    )


@router.post("/overrides", status_code=201, responses=documented(400), summary="Override an outlook")
def override(view: ViewOf, body: OverrideToMake) -> Override:
    """Says what is expected instead of the model; it is shown beside it from now on, and how right it was is kept."""
    number = view.records.override(body.period, body.level, body.id, body.amount, body.reason)
    (made,) = [row for row in json_records(view.records.overrides(body.period)) if row["number"] == number]
    return Override.model_validate(made)
