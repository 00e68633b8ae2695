"""Bodies of how data came in: sources, rejected rows, drift."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.queries import LISTED, ListQuery, SnapshotQuery
from api.schemas import EntityKind, Moment, Probability, Text

Verdict = Literal["stable", "moderate", "large", "too few"]


class TableCounts(BaseModel):
    """Rows of one table in a commit."""

    table: str = Field(examples=["opportunities"])
    read: int
    new: int
    changed: int
    unchanged: int
    quarantined: int


class DataSource(BaseModel):
    """The last commit of a source and mapping."""

    source: str = Field(examples=["crm"])
    mapping: str = Field(examples=["deals.yaml"])
    batch: int
    committed_at: Moment
    refused: bool = Field(description="Too much was rejected: only the quarantine was kept.")
    n_batches: int
    tried_at: Moment | None = Field(description="When it was read last, also without anything new.")
    tables: list[TableCounts]


class RejectedRule(BaseModel):
    """How many rejected rows share a rule."""

    mapping: str
    source: str
    table_name: str
    rule: str = Field(examples=["created_at: … is no ISO time; correct it"])
    n: int


class DataStatus(BaseModel):
    """How data came in."""

    sources: list[DataSource]
    rejected: list[RejectedRule]


class RejectedRow(BaseModel):
    """One rejected row; what belongs to persons is masked unless the key may see it."""

    rejected_id: str
    source: str
    table_name: str
    mapping: str
    batch: int
    row_number: int | None
    reason: str
    content: dict[str, Any]


class QuarantineQuery(ListQuery):
    """Which rejected rows."""

    mapping: Text | None = Field(default=None, examples=["deals.yaml"])
    source: Text | None = Field(default=None, examples=["crm"])
    table: list[Text] = Field(default=[], max_length=50, description="Canonical tables.", examples=[["opportunities"]])
    limit: int = Field(default=100, ge=1, le=1_000, description="Rows per page.")
    sort: Literal["batch", "source", "mapping", "table_name", "reason"] = "batch"


class Quarantine(BaseModel):
    """Open rejected rows, the latest first."""

    total: int
    rows: list[RejectedRow]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")


class RetryToMake(BaseModel):
    """Whose rejected rows shall be tried again."""

    model_config = ConfigDict(extra="forbid")

    mapping: Text = Field(examples=["deals.yaml"])


class Retried(BaseModel):
    """What became of them."""

    batch: int = Field(description="The last commit.")
    taken: int
    quarantined: int = Field(description="Still break a rule.")


class DriftQuery(ListQuery, SnapshotQuery):
    """Of which cases, and which features."""

    entity: EntityKind = "opportunity"
    verdict: list[Verdict] = Field(default=[], max_length=4, description="Only with these verdicts.")
    sort: Literal["listed", "feature", "psi", "missing_now"] = Field(
        default=LISTED, description="`listed`: the largest drift first."
    )


class FeatureDrift(BaseModel):
    """How far a feature of today's open cases differs from the training's."""

    feature: str = Field(examples=["stage__days_in"])
    psi: float = Field(description="Population stability index; 0 for no difference.")
    chance: float = Field(description="What equal populations of these sizes exceed 1 time in 20.")
    missing_before: Probability
    missing_now: Probability
    verdict: Verdict


class Drift(BaseModel):
    """Drift since the champion's training, the largest first."""

    as_of: Moment
    batch: int
    entity: EntityKind
    model_version: str | None = Field(description="Null without a champion.")
    features: list[FeatureDrift] | None = Field(description="Null where the training kept nothing to compare with.")
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")
