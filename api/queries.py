"""Query parameters that routes share; a misspelt one is refused."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.language import Language
from api.paging import MAX_CURSOR
from api.schemas import AsOf, Batch, ModelLabel, PeriodLabel, Text


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


class LeadQuery(PageQuery, ScoreQuery):
    """Filters of the ranked leads."""

    owner_id: Text | None = Field(default=None, description="Only of this owner.")
    team_id: Text | None = Field(default=None, description="Only of this team and its sub-teams, as known at `as_of`.")
    stage: Text | None = Field(default=None, description="Only in this stage; a lead's stage is its status.")


class OpportunityQuery(LeadQuery):
    """Filters of the ranked opportunities."""

    sort: Literal["probability", "expected_value"] = Field(default="probability", description="Highest first.")


class CustomerQuery(PageQuery, ScoreQuery):
    """Filters of the ranked customers."""

    owner_id: Text | None = Field(default=None, description="Only accounts of this owner.")
    sort: Literal["spend", "p_buys", "orders"] = Field(default="spend", description="Highest first.")


class PeriodQuery(SnapshotQuery):
    """Which period."""

    period: PeriodLabel


class OutlookQuery(PeriodQuery):
    """Which period, and what is told of it."""

    by: Literal["owner", "region", "category"] = Field(
        default="owner", description="Owners with their teams, or the account's region, or the product's category."
    )
    measure: Literal["revenue", "margin", "wins", "units", "activities"] = "revenue"


class DemandQuery(PageQuery):
    """Which series."""

    horizon: int | None = Field(default=None, ge=1, le=366, description="Periods ahead; default the workspace's.")


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
