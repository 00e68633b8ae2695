"""The outlook beside what users know: baselines, managers' overrides, and the record of the stated ranges."""

from datetime import datetime, timedelta

import pandas as pd

from forecast.errors import InvalidInput
from forecast.outlook import Outlook
from forecast.outlook.baselines import BASELINES, baselines
from forecast.outlook.record import ORGANISATION, beside
from forecast.outlook.revenue import Teams, read_teams, to_nodes
from forecast.periods import Period
from forecast.ports import Lake, Store
from forecast.settings import Settings
from forecast.usecases.outlook_record import outlook_record

#: Columns that an override adds to a line.
OVERRIDE = ("override", "override_author", "override_reason", "override_at")


def baseline_nodes(
    lake: Lake,
    settings: Settings,
    period: Period,
    as_of: datetime,
    *,
    batch: int | None = None,
    by: str = "owner",
    measure: str = "revenue",
) -> pd.DataFrame:
    """What users know of a period, per rep, team and company, or per region or category and company.

    Returns
    -------
    DataFrame
        ``level``, ``id`` and the columns of `BASELINES`.
    """
    with lake.connect(batch) as con:
        known = baselines(con, period, as_of, settings, by=by, measure=measure)
        return to_nodes(known, read_teams(con, as_of, as_of) if by == "owner" else Teams(), by)


def outlook_lines(
    lake: Lake,
    store: Store,
    settings: Settings,
    made: Outlook,
    *,
    batch: int | None = None,
    quantiles: tuple[float, ...] = (0.1, 0.5, 0.9),
    overrides_before: datetime | None = None,
    known: pd.DataFrame | None = None,
    record: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Lines of an outlook with everything that is shown beside them.

    Parameters
    ----------
    made : Outlook
    batch : int, optional
        Later batches are invisible; default the last one.
    quantiles : tuple of float
    overrides_before : datetime, optional
        Overrides made before this moment count; default the outlook's ``as_of``.
    known : DataFrame, optional
        `baseline_nodes` of the same outlook, where they are at hand.
    record : DataFrame, optional
        `outlook_record` of the same moment and measure, where it is at hand.

    Returns
    -------
    DataFrame
        `Outlook.to_frame` with ``weighted_pipeline``, ``category_commit``, ``category_best``, ``last_year`` (missing
        where a rule has nothing to go by), ``override`` with its author, reason and time (the latest one, missing
        where nobody said anything; of revenue by owner only), and ``stated``, ``came_true``, ``of``,
        ``came_true_low``, ``came_true_high``: how often 80 % ranges of this level and horizon held so far.
    """
    period, as_of = made.period, made.as_of
    lines = made.to_frame(quantiles)
    if known is None:
        known = baseline_nodes(lake, settings, period, as_of, batch=batch, by=made.by, measure=made.measure)
    lines = lines.merge(known, on=["level", "id"], how="left", validate="one_to_one")
    told = [name for name in BASELINES if known.loc[known["level"] == "company", name].notna().any()]
    lines[told] = lines[told].fillna(0.0)
    said = latest_overrides(
        store.overrides(period.label, before=overrides_before or as_of), settings.reporting_currency
    )
    said = said if (made.by, made.measure) == ("owner", "revenue") else said.iloc[:0]
    lines = lines.merge(said, on=["level", "id"], how="left", validate="one_to_one")
    if record is None:
        record = outlook_record(lake, store, settings, as_of, batch=batch, measure=made.measure)
    return beside(lines, record, (period.end(settings.zone) - as_of) / timedelta(days=1))


def latest_overrides(overrides: pd.DataFrame, currency: str) -> pd.DataFrame:
    """The last word on each node: ``level``, ``id`` and the columns of `OVERRIDE`; only in this currency."""
    mine = overrides[overrides["currency"] == currency].drop_duplicates(["level", "node_id"], keep="last")
    found = mine.rename(
        columns={"node_id": "id", "amount": "override", "author": "override_author", "reason": "override_reason"}
    ).rename(columns={"made_at": "override_at"})
    return found[["level", "id", *OVERRIDE]].astype({"override": float, "level": object, "id": object})


def check_override(lake: Lake, settings: Settings, level: str, node_id: str, amount: float, reason: str) -> None:
    """Refuse an override of something that does not exist.

    Raises
    ------
    InvalidInput
        If the level is unknown, there is no such team or user, the amount is no finite number or the reason is empty.
    """
    if level not in ORGANISATION:
        raise InvalidInput(f"`level` must be one of {', '.join(ORGANISATION)}, got {level!r}.")
    if not abs(amount) < 1e14:
        raise InvalidInput(f"`amount` must be a number of {settings.reporting_currency} below 1e14, got {amount}.")
    if not reason.strip():
        raise InvalidInput("An override needs a `reason`, so that it can be understood later; got none.")
    if level == "company":
        known = {"company"}
    else:
        table, key = {"team": ("teams", "team_id"), "rep": ("users", "user_id")}[level]
        known = set(lake.table(table)[key].astype(str))
    if node_id not in known:
        raise InvalidInput(f"There is no {level} {node_id!r} among {len(known)} known; see `forecast outlook`.")
