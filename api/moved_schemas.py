"""Bodies of what moved an outlook between two days."""

from typing import Literal

from pydantic import BaseModel, Field

from api.language import Language
from api.queries import PeriodQuery
from api.schemas import AsOf, Batch, Moment, PeriodLabel


class MovedQuery(PeriodQuery):
    """Between which two snapshots, and how much of it."""

    since: AsOf = Field(description="The earlier moment; `as_of` is the later one.")
    since_batch: Batch | None = Field(
        default=None, description="Last batch that counts at `since`; default the last one that was in by then."
    )
    deals: int = Field(default=3, ge=0, le=100, description="Opportunities to name for each step.")
    lang: Language | None = Field(
        default=None, description="Language of texts; default what Accept-Language prefers, else English."
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
    deals: list[MovedDeal] = Field(description="Of each step those that moved most, of the owners that the key sees.")
