"""Request and response bodies; the examples are OpenAPI's."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, PlainSerializer

from api.beside_schemas import Held, Known
from api.language import Language

EntityKind = Literal["lead", "opportunity"]
Probability = Annotated[float, Field(ge=0, le=1, examples=[0.72])]
Moment = Annotated[
    datetime,
    PlainSerializer(lambda moment: moment.astimezone(UTC).isoformat(), return_type=str),
    Field(examples=["2026-03-31T00:00:00+00:00"]),
]


def _no_nul(text: str) -> str:
    """PostgreSQL cannot even compare text with a NUL character."""
    if "\x00" in text:
        raise ValueError("must not contain a NUL character")
    return text


Text = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_no_nul)]

ModelLabel = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_]{1,80}(/[0-9]{1,9})?$",
        description="Model version as `model_version` names it, or `group_rate`; default the champion of that day.",
        examples=["conversion_opportunity/3"],
    ),
]
AsOf = Annotated[
    str,
    Field(
        max_length=40,
        description="A DATE (its first moment in the workspace's time zone) or an ISO 8601 moment; default now. "
        "Only what was known before it counts.",
        examples=["2026-03-31", "2026-03-31T09:00:00+02:00"],
    ),
]
Batch = Annotated[int, Field(ge=1, description="Ignore commits after this one; default the last.", examples=[12])]
PeriodLabel = Annotated[
    str,
    Field(
        max_length=10,
        description="A month, quarter, fiscal year or ISO week: 2026-03, 2026Q1, FY2026 or 2026-W07.",
        examples=["2026Q1"],
    ),
]


CompanyTarget = Annotated[
    float,
    Field(
        ge=0,
        le=1e14,
        allow_inf_nan=False,
        description="Amount in the reporting currency to share; default what the company reaches at even odds.",
        examples=[1_000_000],
    ),
]


# -- scores -----------------------------------------------------------------------------------------------------------


class Problem(BaseModel):
    """What went wrong (RFC 9457, application/problem+json)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Entity"])
    status: int = Field(examples=[422])
    code: str = Field(description="Stable; programs may rely on it.", examples=["invalid_input"])
    detail: str = Field(description="One line: the rule, what came, what to do.")


class Reason(BaseModel):
    """One reason of a score."""

    code: str = Field(description="Stable; programs may rely on it.", examples=["interactions__phone"])
    points: float = Field(description="What it adds to the probability.", examples=[0.08])
    text: str = Field(examples=["3 answered calls in the last 30 days"])
    evidence: dict[str, Any] = Field(default_factory=dict, description="The numbers in the text.")


def _with_horizons(schema: dict[str, Any]) -> None:
    """Name the probabilities of the three horizons, which are settings, as they are by default."""
    within = {f"p_{h}d": {"type": "number", "title": f"P {h}D", "examples": [h / 200]} for h in (30, 60, 90)}
    schema["properties"] = schema["properties"] | within


class ScoredEntity(BaseModel):
    """One open lead or opportunity and its score.

    `p_{h}d` is the probability of being won within h days, for each of the workspace's three horizons.
    """

    model_config = ConfigDict(extra="allow", json_schema_extra=_with_horizons)

    entity_id: str = Field(examples=["006A1"])
    owner_id: str | None = Field(examples=["U7"])
    as_of: Moment = Field(description="Of this score, which identifies it with `batch` and `model_version`.")
    batch: int = Field(examples=[12])
    model_version: str = Field(examples=["conversion_opportunity/3"])
    title: str | None = Field(description="The opportunity's name, or the account's.", examples=["Pumps for Acme"])
    account_id: str | None = Field(examples=["A000042"])
    account_name: str | None = Field(examples=["Acme Inc."])
    created_at: Moment | None
    expected_close_date: date | None = Field(description="As the CRM says.")
    stage: str | None = Field(examples=["proposal"])
    amount: float | None = Field(examples=[12000.0])
    currency: str | None = Field(examples=["EUR"])
    expected_value: float | None = Field(
        description="Probability times amount, in `reporting_currency`; null without an amount or a rate.",
        examples=[8640.0],
    )
    amount_reporting: float | None = Field(description="`amount` in `reporting_currency`; null without a rate.")
    probability: Probability = Field(description="Won within the model's horizon.")
    previous_probability: float | None = Field(
        ge=0, le=1, description="What the same model said about a week before; known in the present list only."
    )
    previous_as_of: Moment | None
    change: float | None = Field(description="`probability` less `previous_probability`.")
    low: Probability = Field(description="Lower end of the 80 % interval of the win rate among cases alike.")
    high: Probability = Field(description="Upper end of the 80 % interval of the win rate among cases alike.")
    predicted_close_date: date | None = Field(description="Median day of winning, given that it is won.")
    predicted_close_low: date | None = Field(description="One win in ten comes by this day.")
    predicted_close_high: date | None = Field(description="Nine wins in ten come by this day.")
    slip_probability: float | None = Field(
        ge=0, le=1, description="Of the ways to win it, the share after the expected close date; null without one."
    )
    amount_if_won: float | None = Field(description="Mean amount if won, in `currency`; null without an amount.")
    amount_low: float | None = Field(description="Lower end of the 80 % range of the amount if won.")
    amount_high: float | None = Field(description="Upper end of the 80 % range of the amount if won.")
    percentile: float = Field(ge=0, le=100, description="Share of open ones that score no higher; no probability.")
    grade: str = Field(examples=["A"])
    base: Probability = Field(description="Where reasons start: `base`, all points and `rest` make `probability`.")
    reasons: list[Reason] = Field(
        description="The strongest ones worth telling, or the remainder alone; the explanation has all."
    )
    rest: float = Field(description="Points of all other reasons together.")


class ScoredPage(BaseModel):
    """One page of a ranked list and the identity of its numbers."""

    as_of: Moment = Field(description="Of the newest score; without `as_of` in the request each item has its own.")
    batch: int = Field(description="All commits up to this one are in the scores.", examples=[12])
    model_version: str | None = Field(description="Null when nothing was open.", examples=["conversion_opportunity/3"])
    backdated: bool = Field(description="The model saw data from after `as_of`: no number that was given then.")
    stale: bool = Field(description="Commits arrived that are not in these scores yet.")
    reporting_currency: str = Field(examples=["EUR"])
    items: list[ScoredEntity]
    next_cursor: str | None = Field(description="Of the next page; null on the last one.")


class NextStep(BaseModel):
    """The action that raises the chance of this case most, with its effect; or why none is suggested."""

    action: str | None = Field(description="Null when there is none to suggest.", examples=["kind_demo"])
    effect: float | None = Field(
        description="Change of `probability` by acting now instead of going on as usual, among comparable cases.",
        examples=[0.042],
    )
    low: float | None = Field(description="Lower end of the 95 % interval of the effect.", examples=[0.01])
    high: float | None = Field(description="Upper end of the 95 % interval of the effect.", examples=[0.074])
    cost_minutes: float | None = Field(description="Usual length; null when it was never recorded.", examples=[40.2])
    n: int = Field(description="Rows compared.", examples=[1204])
    reason: str | None = Field(description="Why there is none: stable; programs may rely on it.", examples=[None])
    text: str = Field(examples=["A demo: +4.2 points (+1.0 to +7.4), about 40 minutes"])


class Explanation(BaseModel):
    """Every reason of one score, strongest first, and the next step.

    `base` and all `points` add up to `probability`.
    """

    entity: EntityKind
    entity_id: str
    as_of: Moment
    batch: int
    model_version: str
    probability: Probability
    base: Probability
    reasons: list[Reason]
    next_step: NextStep


#: Larger integers are no numbers of a CRM, and no floats.
Scalar = (
    Annotated[str, Field(max_length=10_000), AfterValidator(_no_nul)]
    | bool
    | Annotated[int, Field(ge=-(10**15), le=10**15)]
    | FiniteFloat
    | None
)


class ScoredRecord(BaseModel):
    """The score of a posted record, with every reason; other fields as in the ranked lists."""

    model_config = ScoredEntity.model_config

    entity: EntityKind
    entity_id: str = Field(examples=["(posted)"])
    as_of: Moment
    batch: int
    model_version: str
    backdated: bool
    probability: Probability
    low: Probability
    high: Probability
    predicted_close_date: date | None
    predicted_close_low: date | None = Field(description="One win in ten comes by this day.")
    predicted_close_high: date | None = Field(description="Nine wins in ten come by this day.")
    slip_probability: float | None = Field(
        ge=0, le=1, description="Of the ways to win it, the share after the expected close date; null without one."
    )
    amount_if_won: float | None = Field(description="Mean amount if won, in `currency`; null without an amount.")
    amount_low: float | None = Field(description="Lower end of the 80 % range of the amount if won.")
    amount_high: float | None = Field(description="Upper end of the 80 % range of the amount if won.")
    percentile: float | None = Field(description="Among the scores saved last; null when none were saved.")
    grade: str
    base: Probability
    reasons: list[Reason]


class RecordToScore(BaseModel):
    """A lead or opportunity that need not be in the lake."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "entity": "opportunity",
                    "record": {
                        "stage": "proposal",
                        "amount": 12000,
                        "currency": "EUR",
                        "created_at": "2025-11-03T10:00:00Z",
                    },
                    "as_of": "2025-12-01",
                }
            ]
        },
    )

    entity: EntityKind
    record: dict[Text, Scalar] = Field(
        max_length=500, description="Columns of the canonical table, and any attributes that the model knows."
    )
    as_of: AsOf | None = None
    model: ModelLabel | None = None
    lang: Language | None = None


# -- definitions, models, demand --------------------------------------------------------------------------------------


class DefinedNumber(BaseModel):
    """What a published number, or a few that belong together, means."""

    part: str = Field(examples=["scores"])
    name: str = Field(description="`{h}` stands for a number of days.", examples=["p_{h}d"])
    columns: list[str] = Field(
        description="Every column or field that this entry explains.", examples=[["low", "high"]]
    )
    title: str = Field(examples=["Win probability"])
    meaning: str
    population: str = Field(description="Over which cases.")
    horizon: str = Field(description="About which time.")
    condition: str = Field(description="Given what was known.")
    unit: str
    direction: str = Field(description="What is good.")
    formula: str = Field(description="Empty where there is none.", examples=["P(T <= H, won | x)"])


class DefinitionList(BaseModel):
    """What every published number means, in the order of the page."""

    items: list[DefinedNumber]


class Model(BaseModel):
    """One registered model version."""

    name: str = Field(examples=["conversion_opportunity"])
    version: str = Field(examples=["3"])
    champion: bool = Field(description="Serves now.")
    cutoff: Moment = Field(description="Nothing recorded at or after it was seen in training.")
    batch: int = Field(description="Last batch that was seen in training.")
    kind: str | None = Field(examples=["blend"])
    horizon_days: int | None = Field(description="`probability` is of being won within so many days.", examples=[90])
    log_loss: float | None = Field(description="On later time; lower is better.", examples=[0.41])
    promoted_at: Moment | None
    reason: str | None = Field(description="Why it was promoted last.")
    run_id: str | None = Field(description="Of the MLflow run.")
    gate: str | None = Field(description="What the gate decided when it was trained.", examples=["promoted", "refused"])
    gate_reason: str | None = Field(description="Why.")


class ModelList(BaseModel):
    """Registered models."""

    items: list[Model]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")


class DemandSeries(BaseModel):
    """One series: how much is expected over the whole horizon."""

    unique_id: str = Field(examples=["CA_1/HOBBIES_1_001"])
    cutoff: date | int
    model_version: str
    first: date | int = Field(description="First forecast period.")
    last: date | int = Field(description="Last forecast period.")
    mean: float = Field(description="Expected sum over the horizon. (Means add up; quantiles do not.)")


class DemandPage(BaseModel):
    """One page of the series that are forecast."""

    as_of: Moment
    batch: int
    items: list[DemandSeries]
    next_cursor: str | None


class DemandPoint(BaseModel):
    """Forecast of one period."""

    model_config = ConfigDict(serialize_by_alias=True)

    ds: date | int
    mean: float
    q10: float = Field(alias="q0.1")
    q50: float = Field(alias="q0.5")
    q90: float = Field(alias="q0.9")


class DemandForecast(BaseModel):
    """Forecast of one series."""

    as_of: Moment
    batch: int
    unique_id: str
    cutoff: date | int
    model_version: str
    points: list[DemandPoint]


# -- customers --------------------------------------------------------------------------------------------------------


class Customer(BaseModel):
    """One account that ever ordered and what it is expected to do within the horizon.

    Ranges and category are null where the own past rate serves, since no model was promoted yet.
    """

    account_id: str = Field(examples=["A000042"])
    owner_id: str | None = Field(examples=["U7"])
    horizon_days: int = Field(examples=[90])
    p_buys: Probability = Field(description="Orders at least once within `horizon_days`.")
    orders: float = Field(description="Expected orders; all of a day are one.", examples=[1.4])
    orders_low: float | None = Field(description="Lower end of the 80 % range.")
    orders_high: float | None = Field(description="Upper end of the 80 % range.")
    spend: float = Field(description="Expected spend net of returns, in the reporting currency.", examples=[830.0])
    spend_low: float | None = Field(description="Lower end of the 80 % range.")
    spend_high: float | None = Field(description="Upper end of the 80 % range.")
    next_category: str | None = Field(description="Likeliest main category of the next order.")
    next_category_probability: float | None = Field(ge=0, le=1)
    p_alive: float | None = Field(ge=0, le=1, description="That it still is a customer, by its own rhythm.")
    churned: bool = Field(description="`p_alive` is below one half.")
    base: Probability = Field(description="Chance of an account that is ordinary in everything.")
    reasons: list[Reason] = Field(description="The strongest ones worth telling; the explanation has all.")


class CustomerPage(BaseModel):
    """One page of customers and the identity of its numbers."""

    as_of: Moment
    batch: int
    model_version: str | None = Field(description="Null when nobody had ordered.", examples=["customers/2"])
    reporting_currency: str = Field(examples=["EUR"])
    items: list[Customer]
    next_cursor: str | None = Field(description="Of the next page; null on the last one.")


class CustomerExplanation(BaseModel):
    """Every reason of one account's chance to buy, strongest first: `base` and all `points` add up to `p_buys`."""

    account_id: str
    as_of: Moment
    batch: int
    model_version: str
    horizon_days: int
    p_buys: Probability
    base: Probability
    reasons: list[Reason]


# -- outlook ----------------------------------------------------------------------------------------------------------


class OutlookLine(Known, Held):
    """What one rep, team or the company brings in the period, in the reporting currency or, of wins and such, counted.

    `mean` = `booked` + `open` + `arriving` + `repeat`. Means of all lines with one `parent` add up to its own;
    quantiles do not add up.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    level: Literal["company", "team", "rep", "region", "category"]
    id: str = Field(examples=["T-north"])
    name: str | None = Field(description="Of a team; persons are named by `id` alone.", examples=["North"])
    parent: str = Field(description="To whose line this one adds: a team's, `company`, or empty.", examples=["T-all"])
    booked: float = Field(description="Won so far.")
    open: float = Field(description="Expected from open opportunities.")
    arriving: float = Field(description="Expected from opportunities that are not there yet.")
    repeat: float = Field(description="Expected from orders of customers without an opportunity.")
    mean: float
    q10: float = Field(alias="q0.1")
    q50: float = Field(alias="q0.5")
    q90: float = Field(alias="q0.9")


class OutlookBody(BaseModel):
    """The outlook of a period: the lines that the key may see."""

    as_of: Moment
    batch: int
    period: PeriodLabel
    by: str = Field(examples=["owner"])
    measure: str = Field(examples=["revenue"])
    currency: str = Field(description="Empty for what is counted.", examples=["EUR"])
    lines: list[OutlookLine]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")
