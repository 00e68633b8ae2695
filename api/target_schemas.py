"""Bodies and queries of targets."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from api.queries import LISTED, LinesQuery, PeriodQuery
from api.schemas import AsOf, Batch, CompanyTarget, Moment, PeriodLabel, Probability, Text
from forecast.targets.constraints import STATED

Measure = Literal["revenue", "margin", "wins", "units", "activities"]
Currency = Annotated[
    str,
    Field(
        pattern="^[A-Z]{3}$",
        description="Amounts seen in this currency, at the last rate known; exact there too.",
        examples=["USD"],
    ),
]
RampMonths = Annotated[
    float,
    Field(gt=0, le=60, description="After so many months a newcomer carries a full target.", examples=[6]),
]
Skill = Annotated[bool, Field(description="Rest on what the person is expected to bring, not on the territory.")]
Adjust = Annotated[
    bool, Field(description="During the period: keep the company's target in force and share it from here.")
]


class TargetLinesQuery(LinesQuery):
    """Which lines."""

    level: list[Literal["company", "team", "user"]] = Field(default=[], max_length=3, description="`owner_kind`.")


class TargetQuery(TargetLinesQuery, PeriodQuery):
    """What to share among owners, and within which constraints."""

    sort: Literal["listed", "owner_id", "amount", "odds", "expected"] = LISTED
    measure: Measure = "revenue"
    currency: Currency | None = None
    company_target: CompanyTarget | None = None
    constraint: list[Text] = Field(
        default=[],
        max_length=500,
        description=f"`kind:owner=number`, kind one of {', '.join(STATED)}; owner a person, a team or `*`.",
        examples=[["fixed:U3=120000", "max_change:*=0.2"]],
    )
    ramp_months: RampMonths | None = None
    skill: Skill = False
    adjust: Adjust = False


class AttainmentQuery(TargetLinesQuery, PeriodQuery):
    """Which targets."""

    sort: Literal[
        "listed",
        "owner_id",
        "target",
        "booked",
        "attainment",
        "pace",
        "remaining",
        "pipeline_coverage",
        "weighted_coverage",
        "expected",
        "odds",
    ] = LISTED
    measure: Measure = "revenue"
    version: int | None = Field(default=None, ge=1, description="Of the approval; default the one in force at `as_of`.")


class ApprovedQuery(TargetLinesQuery):
    """Which period."""

    period: PeriodLabel
    sort: Literal["listed", "owner_id", "amount", "odds"] = LISTED
    version: int | None = Field(default=None, ge=1, description="Default the last one.")


class TargetLine(BaseModel):
    """The target of one person, team or the company."""

    owner_kind: Literal["company", "team", "user"]
    owner_id: str = Field(examples=["U7"])
    measure: str = Field(examples=["revenue"])
    amount: float = Field(description="Amounts of all lines with one `parent` add up to its own.")
    currency: str = Field(description="Empty for what is counted.", examples=["EUR"])
    odds: Probability | None = Field(description="Of reaching it, from the paths of the outlook.")


class ProposedTarget(TargetLine):
    """A proposed target beside what is expected."""

    parent: str = Field(description="To which it adds: a team, `company`, or empty.", examples=["T1"])
    expected: float = Field(description="Mean of the outlook that the proposal rests on.")
    held: str = Field(description="Why it has not the common odds: fixed, floor, ceiling, ramp, group; or empty.")


class TargetProposalBody(BaseModel):
    """A proposal of equal difficulty: the lines that the key may see."""

    as_of: Moment
    batch: int
    period: PeriodLabel
    basis: str = Field(description="What it rests on.")
    ambition: Probability | None = Field(
        description="The common odds of all who are free; lower is more ambitious. The company's own odds differ."
    )
    without_last_target: list[str] = Field(description="For whom constraints on the change count for nothing.")
    lines: list[ProposedTarget]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")


class LevelLine(ProposedTarget):
    """A target at one of the levels."""

    level: str = Field(examples=["stretch"])
    stated_odds: Probability


class TargetLevels(BaseModel):
    """Target, stretch and challenge (目标, 冲刺, 挑战) at their stated odds: the lines that the key may see."""

    as_of: Moment
    batch: int
    period: PeriodLabel
    basis: str
    lines: list[LevelLine]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")


class ConstraintBody(BaseModel):
    """What is wanted of one target."""

    model_config = ConfigDict(extra="forbid")

    owner_id: Text = Field(description="A person, a team, or `*` for every person.")
    kind: Literal["fixed", "floor", "ceiling", "min_change", "max_change", "ramp"]
    value: FiniteFloat = Field(ge=-1, le=1e14, description="An amount; a change as a share; a factor.")


class TargetWish(BaseModel):
    """What is wanted of the targets of a period."""

    model_config = ConfigDict(extra="forbid")

    period: PeriodLabel
    as_of: AsOf
    batch: Batch
    measure: Measure = "revenue"
    company_target: CompanyTarget | None = None
    constraints: list[ConstraintBody] = Field(default=[], max_length=5000)
    ramp_months: RampMonths | None = None
    skill: Skill = False
    adjust: Adjust = False


class TargetsToApprove(TargetWish):
    """Which proposal to approve: name `as_of` and `batch` of the one that was looked at, and the same wishes."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"period": "2026Q1", "as_of": "2026-01-01", "batch": 1}]}
    )

    effective_from: AsOf | None = Field(default=None, description="Since when it holds; default now.")


class TargetToDrag(TargetWish):
    """One person's target to put to an amount; everybody who is free shares the rest."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"period": "2026Q1", "as_of": "2026-01-01", "batch": 1, "owner_id": "U7", "amount": 120000}]
        },
    )

    owner_id: Text
    amount: CompanyTarget


class DraggedTarget(ProposedTarget):
    """A target after the drag, beside the one before."""

    amount_before: float
    odds_before: Probability | None


class DraggedTargets(BaseModel):
    """What a drag does: the lines that the key may see."""

    as_of: Moment
    batch: int
    period: PeriodLabel
    ambition: Probability | None
    lines: list[DraggedTarget]


class Approval(BaseModel):
    """What was stored."""

    period: PeriodLabel
    version: int = Field(description="1 for the first approval of the period.", examples=[1])
    basis: str


class ApprovedTargets(BaseModel):
    """An approved version of a period's targets: the lines that the key may see."""

    period: PeriodLabel
    version: int | None = Field(description="Null when nothing was approved, or nothing of it may be seen.")
    author: str | None
    effective_from: Moment | None
    basis: str | None = Field(description="What the proposal rested on; null where it was not kept.")
    lines: list[TargetLine]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")


class AttainmentLine(BaseModel):
    """Where one target stands. Ratios are null where they divide by nothing."""

    owner_kind: Literal["company", "team", "user"]
    owner_id: str
    parent: str
    target: float
    currency: str
    booked: float = Field(description="So far.")
    attainment: float | None = Field(description="Booked over target.")
    usual_share: Probability = Field(description="Of a period's result that is usually booked by now.")
    pace: float | None = Field(description="Attainment over the usual share; 1 is as usual.")
    remaining: float = Field(description="To the target, at least 0.")
    pipeline: float | None = Field(
        description="Open opportunities that the rep expects to close by the period's end; null where no date is known."
    )
    pipeline_coverage: float | None = Field(description="Pipeline over remaining.")
    weighted_pipeline: float = Field(description="Expected of open opportunities in the period, by the model.")
    weighted_coverage: float | None = Field(description="Weighted pipeline over remaining.")
    expected: float = Field(description="Mean of the outlook.")
    odds: Probability = Field(description="Of reaching the target, from the paths of the outlook.")


class AttainmentBody(BaseModel):
    """Where the targets of a period stand: the lines that the key may see."""

    as_of: Moment
    batch: int
    period: PeriodLabel
    measure: str
    version: int | None = Field(description="Of the approval; null for targets that came from the CRM.")
    n_past_periods: int = Field(description="Past periods from which the usual course was learned.")
    lines: list[AttainmentLine]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")
