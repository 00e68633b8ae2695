"""Query and bodies of the funnel."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.language import Language
from api.queries import SnapshotQuery
from api.schemas import AsOf, Moment, PeriodLabel, Probability

Share = Probability | None


class FunnelQuery(SnapshotQuery):
    """Which funnel."""

    period: PeriodLabel | None = Field(default=None, description="Only what began in it, e.g. 2026Q1.")
    since: AsOf | None = Field(default=None, description="Only what began from this DATE or moment on.")
    until: AsOf | None = Field(default=None, description="Only what began before this DATE or moment.")
    by: Literal["owner", "team", "region", "category", "channel", "month", "quarter"] | None = Field(
        default=None, description="Compare segments, or cohorts of entry (month, quarter)."
    )
    lang: Language | None = Field(
        default=None, description="Language of texts; default what Accept-Language prefers, else English."
    )


def _with_horizons(schema: dict[str, Any]) -> None:
    """Name the shares of the three horizons, which are settings, as they are by default."""
    number = {"anyOf": [{"type": "number"}, {"type": "null"}], "examples": [0.4]}
    schema["properties"] = schema["properties"] | {
        f"within_{h}d": number | {"title": f"Within {h}D"} for h in (30, 60, 90)
    }


class FunnelStage(BaseModel):
    """How the stays of a segment in a stage end; null where there are too few or they are too young.

    `within_{h}d` is the share that advanced or was won within h days, for each of the workspace's three horizons.
    """

    model_config = ConfigDict(extra="allow", json_schema_extra=_with_horizons)

    segment: str = Field(description="`all`, then the values of `by`.", examples=["all"])
    stage: str = Field(description="`(lead)` is the step before all stages.", examples=["proposal"])
    n_entered: int
    n_advanced: int
    n_won: int
    n_lost: int
    n_back: int
    n_open: int = Field(description="Still there: their ending is not known, and not taken as a loss.")
    converted: Share = Field(description="Advanced or won within `followed_days` (Aalen-Johansen).")
    converted_low: Share = Field(description="Lower end of the 80 % interval of `converted`.")
    converted_high: Share = Field(description="Upper end.")
    advance_share: Share
    won_share: Share
    lost_share: Share
    back_share: Share
    still: Share = Field(description="In the stage for longer than `followed_days`; with the four before it sums to 1.")
    followed_days: float | None
    median_days: float | None
    median_low: float | None
    median_high: float | None
    mean_days: float | None = Field(description="Longer stays count as `followed_days`.")
    mean_low: float | None
    mean_high: float | None
    days_to_convert: float | None = Field(description="Median of those that convert.")
    naive_of_entered: Share = Field(description="Advanced and won over all that entered: too low while cases are open.")
    naive_of_ended: Share = Field(description="Advanced and won over those that ended: fast endings count too much.")


class FunnelWhole(BaseModel):
    """From entry to a win; `within_{h}d` as in a stage."""

    model_config = ConfigDict(extra="allow")

    segment: str
    entry: Literal["lead", "opportunity"]
    n_cases: int
    n_won: int
    n_lost: int
    n_open: int
    converted: Share = Field(description="Won within `followed_days` of the entry (multi-state Aalen-Johansen).")
    converted_low: Share
    converted_high: Share
    still: Share
    followed_days: float | None
    through_stages: Share = Field(description="Product of the long-run conversions through all stages.")
    naive_of_entered: Share
    naive_of_ended: Share


class FunnelBottleneck(BaseModel):
    """What the return of a stage to its own best quarter would bring a quarter, at the arrivals of the last year."""

    stage: str
    now: str | None = Field(examples=["2026Q1"])
    best: str | None = Field(examples=["2025Q2"])
    n_now: int | None = Field(description="Stays that ended in the present quarter.")
    conversion_now: Share
    conversion_best: Share
    conversion_gain: float | None = Field(description="`conversion_best` less `conversion_now`.")
    conversion_gain_low: float | None
    conversion_gain_high: float | None
    extra_wins: float | None
    value: float | None = Field(description="In `currency` a quarter; null without won amounts.")
    value_low: float | None = Field(description="Lower end of the 80 % interval.")
    value_high: float | None
    p_gain: Share = Field(description="Probability that the best quarter's pace wins more than the present one.")
    is_bottleneck: bool = Field(
        description="Highest value among those with `p_gain` of at least 1 - 0.1 / number of stages."
    )


class FunnelChange(BaseModel):
    """The most likely change of a stage's pace, and whether it is more than chance."""

    segment: str
    stage: str
    way: Literal["converts", "drops"]
    since: str = Field(description="Month from which on it holds.", examples=["2026-02"])
    factor: float | None = Field(description="Hazard after over before.")
    conversion_before: Share
    conversion_after: Share
    n_before: int
    n_after: int
    p_value: Probability
    p_adjusted: Probability = Field(description="For the number of stages (Holm) or segments (Benjamini-Hochberg).")
    is_alarm: bool


class FunnelReason(BaseModel):
    """A segment's part in the change of a stage's conversion; `mix_part` and `rate_part` of all sum to the change."""

    about: Literal["change", "bottleneck"]
    stage: str
    since: str
    by: str
    segment: str
    n_before: int
    n_after: int
    share_before: Probability
    share_after: Probability
    conversion_before: Probability = Field(description="Within `within_days`.")
    conversion_after: Probability
    within_days: float
    mix_part: float
    rate_part: float


class FunnelText(BaseModel):
    """One sentence."""

    code: str = Field(description="Stable; programs may rely on it.", examples=["bottleneck"])
    text: str


class FunnelBody(BaseModel):
    """A funnel of the leads and deals that the key may see."""

    as_of: Moment
    batch: int
    currency: str
    stages: list[str] = Field(description="In order.")
    n_cases: int
    n_unwatched: int = Field(description="Left out because their beginning was not seen.")
    texts: list[FunnelText]
    table: list[FunnelStage]
    whole: list[FunnelWhole]
    bottlenecks: list[FunnelBottleneck]
    changes: list[FunnelChange]
    reasons: list[FunnelReason]
