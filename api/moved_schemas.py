"""Bodies of what moved an outlook between two days."""

from typing import Literal

from pydantic import BaseModel, Field

from api.language import Language
from api.queries import LISTED, LinesQuery, ListQuery, PeriodQuery
from api.schemas import AsOf, Batch, Moment, PeriodLabel, Text

Step = Literal[
    "corrected_data",
    "model",
    "won",
    "lost",
    "new",
    "slipped",
    "repriced",
    "owner_changed",
    "probability",
    "time_passed",
    "repeat_demand",
    "exchange_rates",
]


class BetweenQuery(PeriodQuery):
    """Between which two snapshots."""

    since: AsOf = Field(description="The earlier moment; `as_of` is the later one.")
    since_batch: Batch | None = Field(
        default=None, description="Last batch that counts at `since`; default the last one that was in by then."
    )
    lang: Language | None = Field(
        default=None, description="Language of texts; default what Accept-Language prefers, else English."
    )


class MovedQuery(LinesQuery, BetweenQuery):
    """Between which two snapshots, and how much of it."""

    deals: int = Field(
        default=3,
        ge=0,
        le=100,
        description="Opportunities to name for each step; all of them are in `/v1/outlook/moved/deals`.",
    )
    level: list[Literal["company", "team", "rep"]] = Field(default=[], max_length=3)
    sort: Literal["listed", "id", "before", "after"] = LISTED


class MovedDealsQuery(ListQuery, BetweenQuery):
    """Between which two snapshots, and which opportunities."""

    step: list[Step] = Field(default=[], max_length=12, description="Only in these steps.")
    owner_id: Text | None = None
    team_id: Text | None = Field(default=None, description="Only of this team and its sub-teams, as known at `as_of`.")
    sort: Literal["distance", "amount", "step", "opportunity_id", "owner_id"] = Field(
        default="distance", description="`distance`: of `amount` from 0."
    )


class MovedStep(BaseModel):
    """One step of the change."""

    step: str = Field(examples=["won"])
    title: str = Field(examples=["Won"])
    amount: float


class MovedLine(BaseModel):
    """The change of one rep's, team's or the company's expected revenue; `before` and the steps give `after`."""

    level: Literal["company", "team", "rep"]
    id: str
    name: str | None = Field(description="Of a team; persons are named by `id` alone.")
    before: float
    after: float
    steps: list[MovedStep] = Field(description="Every step, in their fixed order.")
    text: str


class MovedDeal(BaseModel):
    """What a step did to one opportunity of one owner; the owner before and after where it was handed over."""

    step: str
    opportunity_id: str = Field(examples=["O000042"])
    owner_id: str
    amount: float
    text: str = Field(description="What happened, where that says more than the step; else empty.")


class StepMeaning(BaseModel):
    """What a step holds."""

    step: str
    title: str
    meaning: str


class MovedBody(BaseModel):
    """What moved the outlook of a period: the lines that the key may see, exact to the cent."""

    since: Moment
    since_batch: int
    as_of: Moment
    batch: int
    period: PeriodLabel
    currency: str = Field(examples=["EUR"])
    steps: list[StepMeaning]
    lines: list[MovedLine]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")
    deals: list[MovedDeal] = Field(description="Of each step those that moved most, of the owners that the key sees.")


class MovedDealPage(BaseModel):
    """Opportunities that moved an outlook, of the owners that the key sees."""

    since: Moment
    since_batch: int
    as_of: Moment
    batch: int
    period: PeriodLabel
    currency: str = Field(examples=["EUR"])
    items: list[MovedDeal]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")
