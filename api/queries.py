"""Query parameters that routes share; a misspelt one is refused."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.language import Language
from api.paging import MAX_CURSOR
from api.schemas import AsOf, Batch, ModelLabel, PeriodLabel, Text
from forecast.usecases.ranked import RankedFilter, Sort

#: The order in which a list stands when nothing else is asked: of lines, the company, then teams, then people.
LISTED: Literal["listed"] = "listed"

#: What can be looked ahead to.
OutlookMeasure = Literal["revenue", "margin", "wins", "units", "activities"]


class SnapshotQuery(BaseModel):
    """Which knowledge an answer rests on."""

    model_config = ConfigDict(extra="forbid")  # a misspelt filter must not return everything

    as_of: AsOf | None = None
    batch: Batch | None = None


class ScoreQuery(SnapshotQuery):
    """Which scores: the same (as_of, model, batch) gives the same bytes."""

    model: ModelLabel | None = None
    lang: Language | None = Field(
        default=None, description="Language of texts; default what Accept-Language prefers, else English."
    )


class PageQuery(SnapshotQuery):
    """Which page of a list."""

    limit: int = Field(default=50, ge=1, le=200, description="Rows per page.")
    cursor: str | None = Field(
        default=None, max_length=MAX_CURSOR, description="`next_cursor` of the page before; same filters, please."
    )


class ListQuery(BaseModel):
    """Which page of a list that is made as a whole; how it is sorted its own query says, as `sort`."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=1_000, ge=1, le=1_000, description="Rows per page.")
    cursor: str | None = Field(
        default=None, max_length=MAX_CURSOR, description="`next_cursor` of the page before; same filters, please."
    )
    sort: str = LISTED
    order: Literal["desc", "asc"] | None = Field(
        default=None,
        description="Default the list's own order, texts and numbers of rows from the beginning, other numbers and "
        "moments from the highest. Missing values come last in either order.",
    )


class TextListQuery(ListQuery):
    """Which page of a list, and in which language texts are."""

    lang: Language | None = Field(
        default=None, description="Language of texts; default what Accept-Language prefers, else English."
    )


class LinesQuery(ListQuery):
    """Which lines of people, teams and the company."""

    id: list[Text] = Field(default=[], max_length=200, description="Only of these people, teams or `company`.")
    team_id: Text | None = Field(
        default=None, description="Only of this team, its sub-teams and all their people, as known at `as_of`."
    )


#: Days that a calendar of sales has; the day after each is a day too.
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]

Order = Literal["desc", "asc"]

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]

Money = Annotated[float, Field(ge=-1e14, le=1e14, allow_inf_nan=False)]


class RankedFilters(BaseModel):
    """Which leads or opportunities."""

    model_config = ConfigDict(extra="forbid")

    owner_id: Text | None = Field(default=None, description="Only of this owner.")
    team_id: Text | None = Field(default=None, description="Only of this team and its sub-teams, as known at `as_of`.")
    stage: list[Text] = Field(
        default=[], max_length=20, description="Only in these stages; a lead's stage is its status."
    )
    grade: list[Literal["A", "B", "C", "D"]] = Field(default=[], max_length=4, description="Only of these grades.")
    min_probability: Probability | None = None
    min_amount: Money | None = Field(default=None, description="In the reporting currency.")
    max_amount: Money | None = Field(default=None, description="In the reporting currency.")
    closes_from: Day | None = Field(default=None, description="First day of the expected close date.")
    closes_until: Day | None = Field(default=None, description="Last day of the expected close date.")
    created_from: Day | None = Field(default=None, description="First day of creation, in the workspace's time zone.")
    created_until: Day | None = Field(default=None, description="Last day of creation.")
    q: Text | None = Field(
        default=None,
        description="Search: all of these words are in id, name, account or stage; words match by their beginning.",
        examples=["acme pump"],
    )

    def filter(self, moment: Callable[[str], datetime]) -> RankedFilter:
        """The filter; ``moment`` gives the first moment of a day in the workspace's zone."""
        created_until = None if self.created_until is None else self.created_until + timedelta(days=1)
        return RankedFilter(
            stages=tuple(self.stage),
            grades=tuple(self.grade),
            min_probability=self.min_probability,
            min_amount=self.min_amount,
            max_amount=self.max_amount,
            closes_from=self.closes_from,
            closes_before=None if self.closes_until is None else self.closes_until + timedelta(days=1),
            created_from=None if self.created_from is None else moment(self.created_from.isoformat()),
            created_before=None if created_until is None else moment(created_until.isoformat()),
        )


class RankedQuery(RankedFilters, PageQuery, ScoreQuery):
    """A page of the ranked leads or opportunities."""

    sort: Sort = Field(
        default="probability",
        description="`change`: of the probability in about a week; it is known of the present list only. Missing "
        "values come last in either order.",
    )
    order: Order | None = Field(default=None, description="Default the highest first; of dates the soonest.")

    @property
    def descending(self) -> bool:
        """Whether the highest come first."""
        return self.sort != "expected_close_date" if self.order is None else self.order == "desc"


class CustomerQuery(PageQuery, ScoreQuery):
    """Filters of the ranked customers."""

    owner_id: Text | None = Field(default=None, description="Only accounts of this owner.")
    team_id: Text | None = Field(default=None, description="Only of this team and its sub-teams, as known at `as_of`.")
    sort: Literal["spend", "p_buys", "orders", "p_alive"] = "spend"
    order: Order = Field(default="desc", description="`desc`: the highest first.")


class PeriodQuery(SnapshotQuery):
    """Which period."""

    period: PeriodLabel


class OutlookQuery(LinesQuery, PeriodQuery):
    """Which period, and what is told of it."""

    level: list[Literal["company", "team", "rep", "region", "category"]] = Field(default=[], max_length=5)
    sort: Literal["listed", "id", "mean", "booked", "open", "arriving", "repeat"] = LISTED

    by: Literal["owner", "region", "category"] = Field(
        default="owner", description="Owners with their teams, or the account's region, or the product's category."
    )
    measure: OutlookMeasure = "revenue"


class DemandQuery(PageQuery):
    """Which series."""

    q: Text | None = Field(default=None, description="Only series whose `unique_id` contains this.")
    sort: Literal["unique_id", "mean"] = "unique_id"
    order: Order | None = Field(default=None, description="Default the highest mean, or the first id, first.")

    horizon: int | None = Field(default=None, ge=1, le=366, description="Periods ahead; default the workspace's.")


class SumsQuery(SnapshotQuery):
    """Which sums."""

    level: Text | None = Field(default=None, description="`total`, `category`, …; default all levels.")


class SeriesQuery(SnapshotQuery):
    """How far ahead."""

    horizon: int | None = Field(default=None, ge=1, le=366, description="Periods ahead; default the workspace's.")


class DemandTextQuery(SnapshotQuery):
    """Which language."""

    lang: Language | None = Field(
        default=None, description="Language of texts; default what Accept-Language prefers, else English."
    )


class WhatIfQuery(DemandTextQuery):
    """Which drivers to change."""

    change: list[Text] = Field(
        default=[],
        max_length=20,
        description="`name=value` sets a driver throughout the horizon, `name=*1.1` multiplies it.",
        examples=[["price=*1.1", "promotion=1"]],
    )


class NewItemQuery(DemandTextQuery):
    """What is known about an item without a history."""

    attribute: list[Text] = Field(default=[], max_length=50, description="`name=value`", examples=[["key_1=CA_1"]])
    steps: int | None = Field(default=None, ge=1, le=366, description="Periods from launch on; default the horizon.")


class DefinitionQuery(BaseModel):
    """Which language."""

    model_config = ConfigDict(extra="forbid")

    lang: Language | None = Field(
        default=None, description="Language of texts; default what Accept-Language prefers, else English."
    )
