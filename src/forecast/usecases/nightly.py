"""What is done every night: a plain list of steps, each of which changes nothing when it is done again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.outlook import UNASSIGNED
from forecast.outlook.accuracy import QUANTILES
from forecast.outlook.record import NO_RECORD, RECORD
from forecast.periods import Period, period_of
from forecast.ports import Lake, ModelRegistry, Store
from forecast.settings import Settings
from forecast.usecases.champion import GROUP_RATE, champion_at
from forecast.usecases.demand import demand_champion, served_demand
from forecast.usecases.demand_run import KeepsRuns, run_demand
from forecast.usecases.doctor import NIGHTLY
from forecast.usecases.outlook import outlook
from forecast.usecases.outlook_lines import outlook_lines
from forecast.usecases.score import score

#: Columns of a line that a snapshot does not keep: names of people and reasons can be erased, the record grows.
_NOT_KEPT = ("name", "parent", "override_author", "override_reason", "override_at", *RECORD)


@dataclass(frozen=True)
class Night:
    """What every step works on: the workspace as known at ``as_of``, of the batches up to ``batch``."""

    lake: Lake
    registry: ModelRegistry
    store: Store
    settings: Settings
    as_of: datetime
    batch: int
    demand_runs: KeepsRuns | None = None
    mail: Callable[[], str] | None = None  # sends reports that are due; None where nobody's rights are at hand


Step = Callable[[Night], str]


def save_scores(night: Night) -> str:
    """Score everything that is open and keep it, as the latest scores and in the history."""
    wiring = (night.lake, night.registry, night.store, night.settings)
    scores = score(*wiring, night.as_of, batch=night.batch, save=True)
    return f"{len(scores):,} scores saved"


def save_outlooks(night: Night) -> str:
    """Keep the outlooks of the current and the next period of each kind in the settings, with what stands beside."""
    champion = champion_at(night.registry, night.store, "opportunity", night.as_of)
    version = GROUP_RATE if champion is None else champion.label
    scores: pd.DataFrame | None = None
    saved, kept, absent = [], [], []
    for period in periods_ahead(night.as_of, night.settings):
        for measure in measures_kept(night.store, night.settings, period):
            label = period.label if measure == "revenue" else f"{measure} of {period.label}"
            if night.store.has_snapshot(period.label, night.as_of, night.batch, version, measure=measure):
                kept.append(label)
                continue
            if scores is None:
                wiring = (night.lake, night.registry, night.store, night.settings)
                scores = score(*wiring, night.as_of, batch=night.batch, entity="opportunity")
            try:
                numbers = _all_lines(night, period, measure, scores)
            except InvalidInput:
                if measure == "revenue":
                    raise
                absent.append(label)
                continue
            night.store.save_snapshot(period.label, night.as_of, night.batch, version, numbers, measure=measure)
            saved.append(label)
    told = {"saved": saved, "kept already": kept, "nothing known for": absent}
    return "; ".join(f"{what} {', '.join(labels)}" for what, labels in told.items() if labels)


def measures_kept(store: Store, settings: Settings, period: Period) -> list[str]:
    """Measures whose outlook of a period is kept: revenue, those of the settings, and those that have targets."""
    aimed_at = store.approved_targets(period.label)["measure"]
    return list(dict.fromkeys(["revenue", *settings.outlook_measures, *sorted(set(aimed_at))]))


def _all_lines(night: Night, period: Period, measure: str, scores: pd.DataFrame) -> pd.DataFrame:
    """Lines by owner, region and category; the company's are those by owner, and what nothing tells apart has none."""
    wiring = (night.lake, night.registry, night.store, night.settings)
    frames = []
    for by in ("owner", "region", "category"):
        made = outlook(*wiring, period, night.as_of, batch=night.batch, scores=scores, by=by, measure=measure)
        if by != "owner" and set(made.owners) <= {UNASSIGNED}:
            continue
        lines = outlook_lines(
            night.lake, night.store, night.settings, made, batch=night.batch, quantiles=QUANTILES, record=NO_RECORD
        )
        frames.append(lines if by == "owner" else lines[lines["level"] == by])
    numbers = pd.concat(frames, ignore_index=True)
    return numbers.drop(columns=[name for name in _NOT_KEPT if name in numbers])


def save_demand(night: Night) -> str:
    """Forecast every series and keep the whole, so that pages find any of them at once."""
    champion = demand_champion(night.registry, night.store, night.as_of)
    if champion is None or night.demand_runs is None:
        return "nothing kept: no demand model serves yet; `forecast train demand` makes one"
    if night.demand_runs.has(night.as_of, night.batch, champion.label):
        return "kept already"
    wiring = (night.lake, night.registry, night.store, night.settings)
    run = run_demand(night.lake, served_demand(*wiring, night.as_of, batch=night.batch))
    night.demand_runs.keep(run)
    return f"{len(run.series):,} series forecast"


def send_reports(night: Night) -> str:
    """Send by mail the reports that are due."""
    return "left to `forecast reports send`" if night.mail is None else night.mail()


#: Done in this order.
STEPS: tuple[tuple[str, Step], ...] = (
    ("scores", save_scores),
    ("outlooks", save_outlooks),
    ("demand", save_demand),
    ("reports", send_reports),
)


def nightly(
    night: Night,
    *,
    steps: Sequence[tuple[str, Step]] = STEPS,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Do all steps; running it again on the same (as_of, batch) changes nothing.

    A step that this workspace has no data for is left out and says why; any other failure ends the run.

    Returns
    -------
    DataFrame
        ``step``, ``is_done``, ``result``: what was done, or why not.
    """
    rows = []
    for name, step in steps:
        if progress:
            progress(name)
        with _noted(night.store, name):
            try:
                rows.append({"step": name, "is_done": True, "result": step(night)})
            except (InvalidInput, NotEnoughHistory) as error:
                rows.append({"step": name, "is_done": False, "result": str(error)})
    return pd.DataFrame(rows, columns=["step", "is_done", "result"])


@contextmanager
def _noted(store: Store, step: str) -> Iterator[None]:
    """Leave a heartbeat of the step, also when it fails: operators watch these."""
    try:
        yield
    except BaseException:
        store.beat(NIGHTLY + step, is_well=False)
        raise
    store.beat(NIGHTLY + step)


def periods_ahead(as_of: datetime, settings: Settings) -> list[Period]:
    """The period that ``as_of`` lies in and the one after it, of each kind in the settings."""
    today = as_of.astimezone(settings.zone).date()
    periods = []
    for kind in settings.outlook_periods:
        current = period_of(today, kind=kind, fiscal_year_start=settings.fiscal_year_start)
        after = current.last + timedelta(days=1)
        periods += [current, period_of(after, kind=kind, fiscal_year_start=settings.fiscal_year_start)]
    return periods
