"""What stands beside a line of an outlook: what users know, and how often its range held."""

from typing import Annotated

from pydantic import BaseModel, Field

Count = Annotated[int, Field(ge=0, examples=[7])]


class Known(BaseModel):
    """What users know without a model; empty where a rule has nothing to go by."""

    weighted_pipeline: float | None = Field(
        default=None, description="Booked, and open amounts expected in the period by the win rate of their stage."
    )
    category_commit: float | None = Field(default=None, description="Booked, and what reps call commit.")
    category_best: float | None = Field(default=None, description="That, and what reps call best case.")
    last_year: float | None = Field(
        default=None, description="Booked, and what was left of the period a year ago with the company's growth."
    )
    override: float | None = Field(
        default=None, description="What a manager expects instead of the model; shown to managers and admins."
    )


class Held(BaseModel):
    """How often ranges of this level and horizon came true so far."""

    stated: float | None = Field(default=None, description="What an 80 % range states.", examples=[0.8])
    came_true: Count | None = Field(default=None, description="How many held; empty while none has come due.")
    of: Count | None = Field(default=None, description="Of how many.")
    came_true_low: float | None = Field(default=None, description="95 % binomial interval of the share.")
    came_true_high: float | None = None
