"""Bodies of performance: figures of people and teams, results above expectation, steps, comparisons, suggestions."""

from typing import Literal

from pydantic import BaseModel, Field

from api.language import Language
from api.queries import LISTED, LinesQuery, PeriodQuery
from api.schemas import Moment, PeriodLabel
from forecast.performance import CLAIM_LEVEL

Claim = Literal["ahead", "behind", ""]


class PerformanceLine(BaseModel):
    """Figures of one person, team or the company in the part of the period that has passed.

    What a team's people did is counted together. Null: nothing to divide by, or nothing could be expected.
    """

    level: Literal["company", "team", "user"]
    id: str
    name: str | None = Field(description="Of a team.")
    revenue: float
    revenue_before: float
    growth: float | None
    revenue_year_before: float | None
    growth_year: float | None
    target: float | None
    attainment: float | None
    won: int
    lost: int
    decided_win_rate: float | None
    in_hand: int
    conversion: float | None
    conversion_n: int
    cycle_days: float | None
    days_to_win: float | None
    contacts: int
    contacts_phone: int
    contacts_email: int
    contacts_meeting: int
    contacts_web: int
    contacts_social: int
    contacts_chat: int
    contacts_other: int
    inquiries: int
    answered: int
    answered_share: float | None
    response_hours: float | None
    tasks_due: int
    overdue: int
    done_late: int
    csat: float | None
    csat_n: int
    nps: float | None
    nps_n: int
    review: float | None
    review_n: int
    cases: int | None
    wins: int | None
    expected_wins: float | None
    wins_difference: float | None
    wins_above: float | None
    wins_above_low: float | None
    wins_above_high: float | None
    won_amount: float | None
    expected_amount: float | None
    amount_above: float | None
    amount_above_low: float | None
    amount_above_high: float | None
    pace: float | None
    p_ahead: float | None
    p_behind: float | None
    claim: Claim
    fits: bool | None
    unseen: float | None


class PerformanceBody(BaseModel):
    """Performance in a period: the lines that the key may see."""

    as_of: Moment
    batch: int
    period: PeriodLabel
    currency: str = Field(examples=["EUR"])
    claim_level: float = Field(default=CLAIM_LEVEL, description="Nothing is claimed below this probability.")
    caveat: str = Field(description="What no comparison of people can know.")
    lines: list[PerformanceLine]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")


class PerformanceStep(BaseModel):
    """One step of the funnel of one person: cases, successes, what was expected, what of the difference is no luck."""

    step: str = Field(examples=["advance.proposal"])
    text: str
    n_cases: int
    successes: int
    expected: float
    difference: float
    above: float
    low: float
    high: float
    pace: float
    p_ahead: float
    p_behind: float
    claim: Claim
    fits: bool


class Comparison(BaseModel):
    """Whether the person is ahead of a colleague that the key may see."""

    other_id: str
    p_ahead: float
    claim: Claim


class SuggestionEvidence(BaseModel):
    """The numbers that a suggestion rests on."""

    n_cases: int
    successes: int
    expected: float
    above: float
    low: float
    high: float
    p: float
    learn_from: list[str] = Field(description="Colleagues ahead in this step, of those that the key may see.")


class Suggestion(BaseModel):
    """What to work on, or to pass on."""

    code: str = Field(examples=["answer_sooner"])
    step: str
    text: str
    evidence: SuggestionEvidence


class PersonPerformance(BaseModel):
    """One person: the line, its steps, comparisons with colleagues that the key may see, and what follows."""

    as_of: Moment
    batch: int
    period: PeriodLabel
    currency: str
    claim_level: float = CLAIM_LEVEL
    caveat: str
    text: str = Field(description="What may be said of the whole, in a sentence.")
    line: PerformanceLine
    steps: list[PerformanceStep]
    comparisons: list[Comparison]
    suggestions: list[Suggestion]


class PeriodTextQuery(PeriodQuery):
    """Which period, and in which language texts are."""

    lang: Language | None = Field(
        default=None, description="Language of texts; default what Accept-Language prefers, else English."
    )


class PerformanceQuery(LinesQuery, PeriodTextQuery):
    """Which period, and which lines."""

    level: list[Literal["company", "team", "user"]] = Field(default=[], max_length=3)
    claim: list[Claim] = Field(default=[], max_length=3, description="Only ahead, behind, or neither (empty).")
    sort: Literal[
        "listed",
        "id",
        "revenue",
        "growth",
        "attainment",
        "won",
        "decided_win_rate",
        "conversion",
        "cycle_days",
        "contacts",
        "response_hours",
        "csat",
        "nps",
        "cases",
        "wins_above",
        "amount_above",
        "pace",
        "p_ahead",
        "p_behind",
    ] = LISTED
