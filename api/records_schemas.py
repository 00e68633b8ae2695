"""Bodies of the public record: overrides, forecast against actual, accuracy."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.beside_schemas import Count, Held, Known
from api.queries import LISTED, ListQuery, OutlookMeasure, SnapshotQuery
from api.schemas import Moment, PeriodLabel, Text

Level = Literal["company", "team", "rep"]
#: Of what is kept: also what sums over everybody's.
KeptLevel = Literal["company", "team", "rep", "region", "category"]


class RecordLine(Held):
    """The record of one level at one horizon."""

    level: KeptLevel
    horizon: str = Field(description="Days from the forecast to the end of its period.", examples=["8-31"])


class AccuracyLine(BaseModel):
    """Errors of one forecaster on the finished periods of one person, team, region, category or the company."""

    level: KeptLevel
    id: str = Field(examples=["T-north"])
    horizon: str = Field(examples=["8-31"])
    forecaster: str = Field(description="model, a baseline or override.", examples=["model"])
    n: Count = Field(description="Periods.")
    bias: float = Field(description="Sum of forecast less actual: positive when too high.")
    bias_share: float | None = Field(description="That over the sum of absolute actuals.")
    wape: float | None = Field(description="Sum of absolute errors over that sum; lower is better.")
    model_wape: float | None = Field(description="Of the model on the same periods.")


class AccuracyBody(BaseModel):
    """The public record: only what was saved within a day of the moment that it speaks of."""

    as_of: Moment
    batch: int
    measure: OutlookMeasure
    record: list[RecordLine]
    lines: list[AccuracyLine]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")


class AgainstLine(Known):
    """One kept forecast beside what came."""

    model_config = ConfigDict(serialize_by_alias=True)

    as_of: Moment
    batch: int
    model_version: str
    level: KeptLevel
    id: str
    is_public: bool = Field(description="Saved within a day of its `as_of`.")
    mean: float
    q10: float | None = Field(alias="q0.1")
    q50: float | None = Field(alias="q0.5")
    q90: float | None = Field(alias="q0.9")
    actual: float | None = Field(description="Empty until the period is over.")
    error: float | None = Field(description="mean less actual: positive when too high.")


class AgainstBody(BaseModel):
    """Kept forecasts of a period beside what came, as known at `as_of`."""

    as_of: Moment
    batch: int
    period: PeriodLabel
    measure: OutlookMeasure
    currency: str = Field(description="Empty of what is counted.")
    lines: list[AgainstLine]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")


class AccuracyQuery(ListQuery, SnapshotQuery):
    """Which lines."""

    measure: OutlookMeasure = "revenue"
    level: list[KeptLevel] = Field(default=[], max_length=5)
    id: list[Text] = Field(
        default=[], max_length=200, description="Only of these people, teams, regions, categories or `company`."
    )
    horizon: Text | None = Field(default=None, description="Only at this horizon.", examples=["8-31"])
    forecaster: list[Text] = Field(default=[], max_length=20, examples=[["model"]])
    sort: Literal["listed", "n", "bias", "bias_share", "wape", "model_wape"] = LISTED


class AgainstQuery(ListQuery, SnapshotQuery):
    """Which period, and which of its snapshots."""

    level: list[KeptLevel] = Field(default=[], max_length=5)
    sort: Literal["listed", "as_of", "id", "mean", "actual", "error"] = LISTED

    period: PeriodLabel
    measure: OutlookMeasure = "revenue"
    day: str | None = Field(
        default=None,
        max_length=40,
        description="The last snapshot not after this day or moment; default the last of all. With `id`: up to it.",
        examples=["2026-03-10"],
    )
    id: Text | None = Field(default=None, description="Every snapshot of this line, such as `company`.")


class OverridesQuery(ListQuery):
    """Which period."""

    period: PeriodLabel
    level: list[Level] = Field(default=[], max_length=3)
    id: list[Text] = Field(default=[], max_length=200, description="Only of these people, teams or `company`.")
    author: Text | None = None
    sort: Literal["number", "made_at", "amount", "id", "author"] = "number"


class OverrideToMake(BaseModel):
    """What is expected instead of the model."""

    model_config = ConfigDict(extra="forbid")

    period: PeriodLabel
    level: Level
    id: Text = Field(description="A user, a team, or `company`.", examples=["T-north"])
    amount: float = Field(
        ge=-1e14, le=1e14, allow_inf_nan=False, description="Revenue of the whole period, in the reporting currency."
    )
    reason: Text = Field(examples=["The tender was moved to May"])


class Override(BaseModel):
    """One override; later ones of the same node take its place beside the outlook, and it stays."""

    number: int
    period: PeriodLabel
    level: Level
    id: str
    amount: float
    currency: str
    author: str
    reason: str
    made_at: Moment


class OverridesBody(BaseModel):
    """Overrides of a period that the key may see, oldest first."""

    period: PeriodLabel
    overrides: list[Override]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")
