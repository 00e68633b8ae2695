"""Bodies of what stands behind a demand forecast: its parts, other drivers, new items."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import Moment


class DemandSum(BaseModel):
    """A sum of series over the whole horizon. (Means are the sums of the series' means; quantiles are not.)"""

    model_config = ConfigDict(serialize_by_alias=True)

    level: str = Field(examples=["category"])
    node: str = Field(examples=["toys"])
    n_series: int
    mean: float
    q10: float | None = Field(alias="q0.1", description="From joint futures; null in very large panels.")
    q90: float | None = Field(alias="q0.9")


class DemandSums(BaseModel):
    """The whole and its parts by every level."""

    as_of: Moment
    batch: int
    model_version: str
    reconciliation: str = Field(description="How series and sums are made to agree.", examples=["mint_shrink"])
    width: float = Field(description="Factor on the ranges by how forecasts did since training; 1 as learned.")
    items: list[DemandSum]


class DemandPart(BaseModel):
    """One part of a forecast."""

    part: str = Field(examples=["season", "driver.price"])
    points: float = Field(description="In the unit of the series.")
    text: str


class ExplainedPoint(BaseModel):
    """Forecast of one period and its parts, which add up to it."""

    ds: date | int
    mean: float
    parts: list[DemandPart]


class DemandExplanation(BaseModel):
    """Why a series is forecast as it is: all `points` of a period's parts add up to its `mean`."""

    as_of: Moment
    batch: int
    unique_id: str
    cutoff: date | int
    model_version: str
    text: str = Field(description="The whole horizon in a sentence.")
    points: list[ExplainedPoint]


class WhatIfPoint(BaseModel):
    """One period under other drivers."""

    ds: date | int
    mean: float
    mean_if: float
    difference: float
    in_range: bool = Field(description="False: the value asked was never seen, so that the forecast is a guess.")


class DemandWhatIf(BaseModel):
    """A series under other drivers; `notes` say what such a forecast is not."""

    as_of: Moment
    batch: int
    unique_id: str
    cutoff: date | int
    model_version: str
    mean: float = Field(description="Sum over the horizon under the drivers as they are known.")
    mean_if: float = Field(description="The same under those asked for.")
    difference: float = Field(description="`mean_if` less `mean`.")
    points: list[WhatIfPoint]
    notes: list[str]


class NewItemPoint(BaseModel):
    """Forecast of one period after launch."""

    model_config = ConfigDict(serialize_by_alias=True)

    step: int = Field(ge=1, description="1 is the first period.")
    mean: float
    q10: float = Field(alias="q0.1")
    q50: float = Field(alias="q0.5")
    q90: float = Field(alias="q0.9")


class NewItemForecast(BaseModel):
    """What an item without a history would sell, from series that are like it."""

    as_of: Moment
    batch: int
    model_version: str
    text: str
    n_siblings: int
    by: list[str] = Field(description="Attributes that the siblings share with it; empty when all series stand in.")
    basis: Literal["launches", "level"]
    points: list[NewItemPoint]
