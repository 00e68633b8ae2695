"""Bodies of models at work: evidence of a version, the live record, the ledger, promotions."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.queries import ListQuery, SnapshotQuery
from api.schemas import EntityKind, Model, Moment, Probability, Text

ModelName = Field(pattern=r"^[A-Za-z0-9_]{1,80}$", examples=["conversion_opportunity"])
ModelVersionLabel = Field(pattern=r"^[A-Za-z0-9_]{1,80}/[0-9]{1,9}$", examples=["conversion_opportunity/3"])
Verdict = Literal["too few to say", "as expected", "more than expected", "fewer than expected"]


class ModelsQuery(ListQuery):
    """Which versions."""

    name: list[Text] = Field(default=[], max_length=50, description="Only of these models.")
    champion: bool | None = Field(default=None, description="Only those that serve, or only the others.")
    gate: list[Text] = Field(default=[], max_length=20, description="Only with these decisions of the gate.")
    sort: Literal["name", "cutoff", "log_loss", "promoted_at"] = Field(
        default="name", description="`name`: by name, then by version."
    )


class LedgerQuery(ListQuery):
    """Which promotions."""

    name: list[Text] = Field(default=[], max_length=50, description="Only of these models.")
    author: Text | None = Field(default=None, description="Only by this author.", examples=["gate"])
    sort: Literal["promoted_at", "name", "author"] = "promoted_at"


class Importance(BaseModel):
    """How far a reason or feature moves scores on average."""

    of: Literal["reason", "feature"]
    name: str = Field(examples=["interactions.recent"])
    mean_abs_points: float = Field(description="Mean distance from the base rate, in probability.", examples=[0.021])
    share: Probability = Field(description="Of all of its kind.")


class ModelDetail(BaseModel):
    """One registered version with what was kept to judge it by."""

    model: Model
    card: str = Field(description="Markdown.")
    metrics: dict[str, dict[str, float | None]] = Field(
        description="Of each compared model on the same later rows.", examples=[{"challenger": {"log_loss": 0.41}}]
    )
    importance: list[Importance]


class ReliabilityQuery(BaseModel):
    """Which part of the rows."""

    model_config = ConfigDict(extra="forbid")

    by: Text = Field(default="month", description="`month` or a segment; an unknown one counts as `month`.")
    group: Text | None = Field(default=None, description="The curve of this group only.", examples=["2026-03"])


class ReliabilityPoint(BaseModel):
    """Of what was said with about this probability, so much came true."""

    predicted: Probability
    observed: Probability
    low: Probability = Field(description="Lower end of the 95 % interval, counting cases.")
    high: Probability
    n: int
    n_cases: int


class ReliabilityGroup(BaseModel):
    """One month or segment."""

    group: str = Field(examples=["2026-03"])
    n_rows: int
    n_entities: int
    mean_probability: Probability
    win_rate: Probability
    verdict: Verdict


class ReliabilityBody(BaseModel):
    """How right a version was on later time than its training."""

    by: str
    ways: list[str] = Field(description="What the rows can be parted by.", examples=[["month", "stage"]])
    groups: list[ReliabilityGroup]
    group: str = Field(description="What `curve` is of; empty for all.")
    curve: list[ReliabilityPoint]


class RecordQuery(SnapshotQuery):
    """Which scores of the past."""

    entity: EntityKind = "opportunity"
    horizon: int | None = Field(
        default=None, ge=1, le=3660, description="One of the workspace's horizons, days; default the shortest."
    )


class RecordMonth(BaseModel):
    """Scores given in one month whose time is over, against what came."""

    month: str = Field(description="`all` first.", examples=["2026-03"])
    n_scores: int
    n_cases: int
    expected: float = Field(description="Sum of the probabilities.")
    came: float
    said: Probability
    rate: Probability
    verdict: Verdict


class LiveRecord(BaseModel):
    """Scores given by models that knew nothing of what came; of each case the first score of a month."""

    as_of: Moment
    batch: int
    entity: EntityKind
    horizon_days: int
    months: list[RecordMonth]
    curve: list[ReliabilityPoint]


class LedgerLine(BaseModel):
    """Who served from when, and why."""

    name: str
    version: str
    cutoff: Moment
    promoted_at: Moment
    reason: str
    author: str = Field(examples=["gate"])


class Ledger(BaseModel):
    """Every promotion, the latest first."""

    items: list[LedgerLine]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")


class PromotionToMake(BaseModel):
    """A version that shall serve."""

    model_config = ConfigDict(extra="forbid")

    model: str = ModelVersionLabel
    reason: Text = Field(examples=["The refit on the new price list is right again in every segment"])


class RollbackToMake(BaseModel):
    """A model whose champion before the present one shall serve again."""

    model_config = ConfigDict(extra="forbid")

    name: str = ModelName
    reason: Text = Field(examples=["Scores of new leads are far too high since yesterday"])


class Champion(BaseModel):
    """Who serves now."""

    champion: str = ModelVersionLabel
