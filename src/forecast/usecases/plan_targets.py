"""From a wish for a period to proposed targets: territory paths, constraints, ramps; before the period or during it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.history import in_force
from forecast.outlook import UNASSIGNED, Outlook
from forecast.periods import Period
from forecast.ports import Lake, ModelRegistry, Store
from forecast.settings import Settings
from forecast.targets.constraints import Constraint, ramp_factor, state_rules
from forecast.targets.units import digits_of
from forecast.usecases.outlook import outlook
from forecast.usecases.target_history import last_targets, targets_in_force
from forecast.usecases.targets import TargetProposal, propose_targets
from forecast.usecases.territory import hide_typed, territory_outlook, untyped_scores

_DAYS_PER_MONTH = 365.25 / 12


@dataclass(frozen=True)
class Wish:
    """What is wanted of the targets of a period.

    Attributes
    ----------
    company_target : float, optional
        To share; default the median of the company's result, or the company's target in force when ``adjust``.
    constraints : tuple of Constraint
    measure : {"revenue", "margin", "wins", "units", "activities"}
    skill : bool
        Rest on what each person is expected to bring instead of what the territory can bring.
    ramp_months : float, optional
        After so many months a newcomer carries a full target.
    adjust : bool
        Propose again during the period, from what is booked and what is still ahead.
    """

    company_target: float | None = None
    constraints: tuple[Constraint, ...] = ()
    measure: str = "revenue"
    skill: bool = False
    ramp_months: float | None = None
    adjust: bool = False


def target_outlook(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    period: Period,
    as_of: datetime,
    *,
    measure: str = "revenue",
    skill: bool = False,
    batch: int | None = None,
) -> Outlook:
    """The outlook that targets rest on: of the territories, or with ``skill`` the ordinary one."""
    batch = lake.head() if batch is None else batch
    if skill:
        return outlook(lake, registry, store, settings, period, as_of, batch=batch, measure=measure)
    untyped = UntypedLake(lake)
    with untyped.connect(batch) as con:
        scores = untyped_scores(con, as_of, settings)
        made = outlook(untyped, registry, store, settings, period, as_of, batch=batch, scores=scores, measure=measure)
        return territory_outlook(con, made, scores, settings)


class UntypedLake:
    """A lake whose readers see nothing that a rep can type to please a forecast."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def head(self) -> int:
        """Number of the last batch."""
        return self._lake.head()

    @contextmanager
    def connect(self, batch: int | None = None) -> Iterator[DuckDBPyConnection]:
        """A connection without what is typed; see `hide_typed`."""
        with self._lake.connect(batch) as con:
            hide_typed(con)
            yield con

    def table(self, name: str, as_of: datetime | None = None, batch: int | None = None) -> pd.DataFrame:
        """Rows of a canonical table."""
        return self._lake.table(name, as_of, batch)

    def append_scores(self, scores: pd.DataFrame) -> None:
        """Refuse: such scores are nobody's."""
        raise InvalidInput("Scores that know nothing but age are not kept.")

    def last_scores(self, entity: str, model_version: str, since: datetime, until: datetime) -> pd.DataFrame:
        """Scores given in the past."""
        return self._lake.last_scores(entity, model_version, since, until)


def plan_targets(
    lake: Lake, store: Store, settings: Settings, made: Outlook, wish: Wish, *, batch: int | None = None
) -> TargetProposal:
    """Propose the targets that a wish asks for.

    Parameters
    ----------
    made : Outlook
        As `target_outlook` gives it for the wish's measure and skill; of a part of the owners, the company target is
        what these share.
    wish : Wish

    Raises
    ------
    TargetOutOfReach, ConstraintConflict
        If there are no such targets.
    InvalidInput
        If ``adjust`` is asked outside the period or with no company target in force, or a constraint names nobody.
    """
    batch = lake.head() if batch is None else batch
    people = [owner for owner in made.owners if owner != UNASSIGNED]
    last = last_targets(
        lake, store, made.period, made.as_of, wish.measure, fiscal_year_start=settings.fiscal_year_start, batch=batch
    )
    ramps = _ramps(lake, settings, made, wish, people, batch) if wish.ramp_months is not None else []
    rules, without = state_rules([*wish.constraints, *ramps], people, last, made.currency)
    total, basis = wish.company_target, _basis(made, wish, batch)
    if wish.adjust:
        total, version = _target_to_keep(lake, store, settings, made, wish, batch)
        basis = f"adjusted during the period, from {version}; {basis}"
    return replace(propose_targets(made, total, rules=rules, basis=basis), without_last=without)


def _basis(made: Outlook, wish: Wish, batch: int) -> str:
    paths = "outlook of persons" if wish.skill or wish.measure == "activities" else "outlook of territories"
    of_some = f" of {len(made.owners)} people" if made.is_part else ""
    return f"equal odds on the {paths}{of_some} as of {made.as_of:%Y-%m-%dT%H:%M:%SZ}, batch {batch}"


def _target_to_keep(
    lake: Lake, store: Store, settings: Settings, made: Outlook, wish: Wish, batch: int
) -> tuple[float, str]:
    """The company target of a re-proposal, and what it adjusts."""
    start, end = made.period.start(settings.zone), made.period.end(settings.zone)
    if not start <= made.as_of < end:
        raise InvalidInput(
            f"Targets are adjusted during their period; {made.as_of:%Y-%m-%d} is not in {made.period.label}."
        )
    held = targets_in_force(lake, store, made.period, made.as_of, wish.measure, batch=batch)
    origin = (
        "no earlier targets" if held is None else f"version {held.version}" if held.version else "the CRM's targets"
    )
    if wish.company_target is not None:
        return wish.company_target, origin
    shared = [("user", owner) for owner in made.owners] if made.is_part else [("company", "company")]
    amounts = [] if held is None else [held.amounts[one] for one in shared if one in held.amounts]
    if not amounts:
        raise InvalidInput(
            f"No company target of {made.period.label} is in force at {made.as_of:%Y-%m-%d}; name a company target."
        )
    return round(sum(amounts), digits_of(made.currency)), origin


def _ramps(
    lake: Lake, settings: Settings, made: Outlook, wish: Wish, people: Sequence[str], batch: int
) -> list[Constraint]:
    """A factor for each newcomer who has none stated, by months from the first day to the middle of the period."""
    users = lake.table("users", made.as_of, batch)
    if users.empty or "active_from" not in users:
        return []
    start, end = (pd.Timestamp(moment) for moment in (made.period.start(settings.zone), made.period.end(settings.zone)))
    since = pd.to_datetime(users.set_index("user_id")["active_from"], utc=True).reindex(list(people))
    months = ((start + (end - start) / 2 - since) / pd.Timedelta(days=1)) / _DAYS_PER_MONTH
    stated = {constraint.owner for constraint in wish.constraints if constraint.kind in ("ramp", "fixed")}
    factors: Mapping[str, float] = {
        str(owner): ramp_factor(float(one), wish.ramp_months or 0.0) for owner, one in months.dropna().items()
    }
    return [
        Constraint(owner, "ramp", factor) for owner, factor in factors.items() if factor < 1 and owner not in stated
    ]


def target_rate(lake: Lake, settings: Settings, currency: str, as_of: datetime, batch: int) -> float:
    """Units of a currency for one of the reporting currency, by the last rate known at a moment.

    Raises
    ------
    InvalidInput
        If there is none.
    """
    if currency == settings.reporting_currency:
        return 1.0
    with lake.connect(batch) as con:
        row = con.execute(
            f"SELECT rate FROM {in_force('fx_rates', as_of)} WHERE currency = $1 AND date <= $2 AND rate > 0 "
            "ORDER BY date DESC LIMIT 1",
            [currency, as_of.astimezone(settings.zone).date()],
        ).fetchone()
    if row is None:
        raise InvalidInput(
            f"There is no rate from {currency} to {settings.reporting_currency} on or before {as_of:%Y-%m-%d}; "
            "ingest rows of fx_rates."
        )
    return 1.0 / float(row[0])
