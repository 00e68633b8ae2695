"""A simulated company with everything at once, whose truth is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from numpy.typing import ArrayLike, NDArray

from forecast.datasets import people, trade
from forecast.datasets.deals import DEMO_EFFECT, QUALITIES, STAGES, DealProcess, Deals, pace_for, simulate_deals
from forecast.datasets.prospects import SOURCE_EFFECTS, Leads, lead_rows, make_leads
from forecast.datasets.records import canonical, delete_some, finished, ids, merge_some, moments
from forecast.datasets.versions import Traits, interaction_rows, opportunity_rows
from forecast.errors import InvalidInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Deals live on in truth after the company's last day, so that the fate of the open ones is known.
FOLLOWED_DAYS = 365
#: True factor on the hazard of a win by calendar month, at signal 1.
WIN_SEASONALITY = np.array([0.8, 0.9, 1.15, 0.95, 1.0, 1.15, 0.85, 0.75, 1.1, 1.0, 1.1, 1.25])
#: At most this share of the opportunities comes from leads.
_FROM_LEADS = 0.7


@dataclass(frozen=True)
class Company:
    """A simulated company.

    Attributes
    ----------
    exports : dict of table name to DataFrame
        The canonical tables as a CRM with history exports them: every version with ``recorded_at`` (UTC), extra
        columns as they are.
    truth : dict of name to DataFrame
        ``opportunities`` (hidden quality, score, day-by-day fate also after the end), ``leads`` (hazards), ``users``
        (skill), ``actions`` (effect on the log hazard of a win), ``seasonality`` (of wins and orders by month),
        ``shocks`` (log factor by day and team), ``stages`` (daily chances of a fair deal).
    first_day, last_day : date
        Nothing is recorded after ``last_day``.
    """

    exports: Mapping[str, pd.DataFrame]
    truth: Mapping[str, pd.DataFrame]
    first_day: date
    last_day: date
    deals: Deals
    leads: Leads

    @property
    def end(self) -> datetime:
        """First moment after the last day."""
        return datetime.combine(self.last_day + timedelta(days=1), datetime.min.time(), tzinfo=UTC)

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The exports with the columns beyond the schema folded into one JSON column ``attributes``."""
        return {name: canonical(name, export) for name, export in self.exports.items()}

    def win_probability(
        self,
        opportunity_ids: ArrayLike,
        as_of: datetime | ArrayLike,
        horizon_days: int,
        *,
        quality_known: bool = False,
    ) -> Floats:
        """True P(won within the horizon | all that had happened to the deal before ``as_of``).

        No model can do better on average. It counts what had happened, recorded late or not, and takes drift and
        common shocks as they really came.

        Parameters
        ----------
        opportunity_ids : array of shape (n,)
        as_of : datetime or array of shape (n,)
            UTC midnights, not after `end`.
        horizon_days : int
            At least 1 and, from ``end`` on, at most `FOLLOWED_DAYS`.
        quality_known : bool
            Also given the hidden quality of the deal.

        Returns
        -------
        array of shape (n,)
            In [0, 1]; NaN where the deal was not open then, or younger than a day.

        Raises
        ------
        InvalidInput
            For a moment that is no midnight, a horizon outside the simulation, or an unknown id.
        """
        deals = _numbers(opportunity_ids, "O", len(self.deals.created))
        days = self._days(as_of, len(deals))
        if horizon_days < 1 or (len(days) and days.max() + horizon_days > len(self.deals.process.season)):
            raise InvalidInput(
                f"`horizon_days` must be at least 1 and end within {FOLLOWED_DAYS} days after {self.last_day}, "
                f"got {horizon_days}."
            )
        return self.deals.win_probability(deals, days, horizon_days, quality_known=quality_known)

    def conversion_probability(self, lead_ids: ArrayLike, horizon_days: float) -> Floats:
        """True P(converts within the horizon | the lead is open): the same at any moment while it is open.

        Parameters
        ----------
        lead_ids : array of shape (n,)
        horizon_days : float

        Returns
        -------
        array of shape (n,)
        """
        return self.leads.conversion_probability(_numbers(lead_ids, "L", len(self.leads.created)), horizon_days)

    def write(self, folder: Path) -> Path:
        """Write one parquet file per table and the mapping that brings them in; returns the mapping's path."""
        folder.mkdir(parents=True, exist_ok=True)
        queries = {}
        for name, export in self.exports.items():
            export.to_parquet(folder / f"{name}.parquet", index=False)
            days = [column for column in ("date", "expected_close_date") if column in export]
            casts = ", ".join(f"cast({column} as date) as {column}" for column in days)
            queries[name] = f"select *{f' replace ({casts})' if days else ''} from {name}_rows"
        mapping = {
            "source": "simulated",
            "timezone": "UTC",
            "currency": people.REPORTING_CURRENCY,
            "stages": list(STAGES),
            "inputs": {f"{name}_rows": {"file": f"{name}.parquet"} for name in self.exports},
            "tables": queries,
        }
        path = folder / "mapping.yaml"
        path.write_text(yaml.safe_dump(mapping, sort_keys=False), encoding="utf-8")
        return path

    def _days(self, as_of: datetime | ArrayLike, n: int) -> Ints:
        """Days since the first one of UTC midnights."""
        when = pd.to_datetime(pd.Series(np.broadcast_to(np.asarray(as_of, dtype=object), n)), utc=True)
        since = when - pd.Timestamp(self.first_day, tz="UTC")
        if (since % pd.Timedelta(days=1) != pd.Timedelta(0)).any():
            raise InvalidInput(f"`as_of` must be a midnight in UTC, got {when[since.dt.seconds > 0].iloc[0]}.")
        return since.dt.days.to_numpy(np.int64)


def _numbers(names: ArrayLike, prefix: str, n: int) -> Ints:
    """Numbers of simulated ids."""
    texts = pd.Series(np.asarray(names, dtype=object), dtype=object)
    numbers = pd.to_numeric(texts.str.removeprefix(prefix), errors="coerce").fillna(-1).to_numpy(np.int64)
    unknown = (numbers < 0) | (numbers >= n)
    if unknown.any():
        raise InvalidInput(f"Ids look like {prefix}000012 and there are {n}, got {texts[unknown].iloc[0]!r}.")
    return numbers


def make_company(
    n_reps: int = 8,
    n_accounts: int = 300,
    n_opportunities: int = 800,
    n_leads: int = 1000,
    months: int = 24,
    start: date = date(2024, 1, 1),
    *,
    drift: float = 0.0,
    late_records: float = 0.0,
    leaks: bool = False,
    confounding: float = 0.0,
    censoring: float = 0.4,
    common_shocks: float = 0.0,
    deletions: float = 0.01,
    merges: float = 0.01,
    signal: float = 1.0,
    random_state: int | np.random.Generator = 0,
) -> Company:
    """Simulate a company whose true win probabilities, skills, effects and seasons are known.

    Parameters
    ----------
    n_reps, n_accounts, n_opportunities, n_leads : int
        At least 1 each. More opportunities and leads arrive late than early, as in a growing company.
    months : int
        Length of the history, 3 to 120.
    start : date
        First day.
    drift : float
        Change of the laws over the whole history: at 1 the log hazard of a win falls by 0.8 on average, and the
        effect of the lead source turns around.
    late_records : float in [0, 1]
        Share of interactions and closings that are recorded a day to weeks after they happened.
    leaks : bool
        Add attributes that are filled or change after the outcome, and one without history.
    confounding : float
        How much the hidden quality of a deal decides whether it gets a demo; 0 is a randomised experiment.
    censoring : float in [0.05, 0.9]
        Expected share of opportunities that are still open at the end; steers the pace of all deals.
    common_shocks : float
        Scale of heavy-tailed shocks to the whole company and to teams that last for weeks (a jump mixture).
    deletions, merges : float in [0, 0.5]
        Shares of accounts, leads and opportunities that are deleted, and of accounts and leads that are merged.
    signal : float in [0, 1]
        0: nothing that is known of a deal or lead tells anything about its outcome.
    random_state : int or Generator

    Returns
    -------
    Company
    """
    counts = {"n_reps": n_reps, "n_accounts": n_accounts, "n_opportunities": n_opportunities, "n_leads": n_leads}
    _check_ranges(
        dict.fromkeys(counts, (1, 10_000_000))
        | {"months": (3, 120), "late_records": (0, 1), "censoring": (0.05, 0.9), "signal": (0, 1)}
        | {
            "deletions": (0, 0.5),
            "merges": (0, 0.5),
            "common_shocks": (0, 3),
            "drift": (-2, 2),
            "confounding": (-3, 3),
        },
        counts
        | {"months": months, "late_records": late_records, "censoring": censoring, "signal": signal}
        | {"deletions": deletions, "merges": merges, "common_shocks": common_shocks, "drift": drift}
        | {"confounding": confounding},
    )
    rng = np.random.default_rng(random_state)
    n_days = ((pd.Timestamp(start) + pd.DateOffset(months=months)).date() - start).days
    staff = people.make_people(n_reps, rng)
    accounts = people.make_accounts(n_accounts, staff, rng)
    leads = make_leads(_arrivals(n_leads, n_days, rng), accounts, signal, rng)
    traits = _make_traits(n_opportunities, n_days, accounts, leads, rng)

    score = signal * (
        staff.skill[traits.owner]
        + accounts.score[traits.account]
        + people.PRODUCT_EFFECTS[traits.product]
        + SOURCE_EFFECTS[traits.source]
        - 0.2 * np.log(traits.amount / 3000)
    )
    slope = drift * (-0.8 - 1.5 * signal * SOURCE_EFFECTS[traits.source]) / n_days
    team = staff.team[traits.owner]
    shocks = _make_shocks(n_days + FOLLOWED_DAYS, staff.n_teams, common_shocks, rng)
    process = DealProcess(_season(start, n_days + FOLLOWED_DAYS, signal), shocks, 1.0, signal, confounding)
    created = np.floor(traits.created).astype(np.int64)
    ages = np.maximum(n_days - created - 1.0, 0)
    pace = pace_for(process, censoring=censoring, ages=ages, score=score + slope * (n_days / 2))
    process = DealProcess(process.season, shocks, pace, signal, confounding)
    deals = simulate_deals(process, created=created, score=score, slope=slope, group=team, rng=rng)

    opportunity = np.full(n_leads, -1)
    opportunity[traits.lead[traits.lead >= 0]] = np.flatnonzero(traits.lead >= 0)
    interactions, touched = interaction_rows(
        deals, traits, leads, accounts, start, late=late_records, n_days=n_days, rng=rng
    )
    opportunities = opportunity_rows(
        deals, traits, accounts, start, late=late_records, leaks=leaks, n_days=n_days, rng=rng
    )
    won = np.flatnonzero(deals.won & (deals.closed < n_days))
    won_at = (
        opportunities.loc[opportunities["outcome"] == "won"].groupby("opportunity_id", sort=True)["closed_at"].min()
    )
    won_days = (won_at - pd.Timestamp(start, tz="UTC")).to_numpy() / np.timedelta64(1, "D")
    orders, order_lines = trade.order_rows(won, won_days, traits.account[won], accounts, start, n_days, rng)
    first_used = np.full(n_accounts, float(n_days - 1))
    np.minimum.at(first_used, traits.account, traits.created)
    np.minimum.at(first_used, leads.account, leads.created)
    account_rows = people.account_rows(accounts, first_used, start, rng)
    quarterly = float(traits.amount[won].sum() / n_reps / (n_days / 91))

    end = pd.Timestamp(start, tz="UTC") + pd.Timedelta(days=n_days)
    lead_versions = lead_rows(leads, opportunity, touched, start, late_records, rng)
    rows = {
        "teams": people.team_rows(staff, start),
        "users": people.user_rows(staff, start, rng),
        "products": people.product_rows(start),
        "accounts": merge_some(
            delete_some(account_rows, "account_id", deletions, end, rng), "account_id", merges, end, rng
        ),
        "contacts": people.contact_rows(accounts, account_rows),
        "leads": merge_some(delete_some(lead_versions, "lead_id", deletions, end, rng), "lead_id", merges, end, rng),
        "opportunities": delete_some(opportunities, "opportunity_id", deletions, end, rng),
        "interactions": interactions,
        "orders": orders,
        "order_lines": order_lines,
        "feedback": trade.feedback_rows(orders, rng),
        "targets": trade.target_rows(staff, quarterly, start, n_days, rng),
        "fx_rates": people.fx_rows(start, n_days, rng),
    }
    return Company(
        exports={name: finished(name, frame, end) for name, frame in rows.items()},
        truth=_truth(staff, deals, leads, shocks, start),
        first_day=start,
        last_day=start + timedelta(days=n_days - 1),
        deals=deals,
        leads=leads,
    )


def _check_ranges(ranges: Mapping[str, tuple[float, float]], values: Mapping[str, float]) -> None:
    for name, value in values.items():
        low, high = ranges[name]
        if not low <= value <= high:
            raise InvalidInput(f"`{name}` must be between {low} and {high}, got {value}.")


def _arrivals(n: int, n_days: int, rng: np.random.Generator) -> Floats:
    """Times of arrival on a density that grows linearly sevenfold, within working hours."""
    share = (-0.25 + np.sqrt(0.0625 + 3 * rng.random(n))) / 1.5
    return np.asarray(np.floor(share * (n_days - 1)) + rng.uniform(0.35, 0.69, n))


def _make_traits(n: int, n_days: int, accounts: people.Accounts, leads: Leads, rng: np.random.Generator) -> Traits:
    """Deals from converted leads, as far as there are, and direct ones."""
    usable = np.flatnonzero(leads.converted & (leads.ended < n_days - 1))
    from_leads = np.sort(rng.permutation(usable)[: int(_FROM_LEADS * n)])
    n_direct = n - len(from_leads)
    created = np.concatenate([leads.ended[from_leads], _arrivals(n_direct, n_days, rng)])
    account = np.concatenate([leads.account[from_leads], rng.integers(0, len(accounts.size), n_direct)])
    source = np.concatenate([leads.source[from_leads], rng.integers(0, len(SOURCE_EFFECTS), n_direct)])
    lead = np.concatenate([from_leads, np.full(n_direct, -1)])
    order = np.argsort(created, kind="stable")
    created, account, source, lead = created[order], account[order], source[order], lead[order]
    product = rng.integers(0, len(people.PRICES), n)
    seats = 1 + rng.poisson(np.sqrt(accounts.size[account]))
    amount = np.round(people.PRICES[product] * seats**0.7 * np.exp(rng.normal(0, 0.3, n)), 2)
    return Traits(created, account, accounts.owner[account], product, source, amount, seats, lead)


def _season(start: date, n_days: int, signal: float) -> Floats:
    """Factor on the hazard of a win by day: month and quarter end; 0 at weekends."""
    days = np.datetime64(start, "D") + np.arange(n_days)
    month = days.astype("datetime64[M]")
    to_month_end = ((month + 1).astype("datetime64[D]") - days).astype(int)
    ends_quarter = (month.astype(int) % 3 == 2) & (to_month_end <= 10)
    factor = np.log(WIN_SEASONALITY[month.astype(int) % 12]) + np.where(ends_quarter, 0.4, 0.0)
    weekday = (days.astype(int) + 3) % 7  # 1970-01-01 was a Thursday
    return np.where(weekday < 5, np.exp(signal * factor), 0.0)


def _make_shocks(n_days: int, n_teams: int, scale: float, rng: np.random.Generator) -> Floats:
    """Log factors by day and team: jumps of Student's t with 3 degrees of freedom that last for 20 to 90 days."""
    shocks = np.zeros((n_days, n_teams))
    company, *teams = rng.poisson(n_days / 200, n_teams + 1)
    groups = np.repeat(np.arange(-1, n_teams), [company, *teams])
    begins, lasts = rng.integers(0, n_days, len(groups)), rng.integers(20, 91, len(groups))
    sizes = np.clip(scale * 0.5 * rng.standard_t(3, len(groups)), -3, 3)
    for group, begin, last, size in zip(groups, begins, lasts, sizes, strict=True):
        shocks[begin : begin + last, slice(None) if group < 0 else group] += size
    return shocks


def _truth(staff: people.People, deals: Deals, leads: Leads, shocks: Floats, start: date) -> dict[str, pd.DataFrame]:
    """What no CRM shows."""
    n, n_days = len(deals.created), len(deals.process.season)
    closed = np.where(deals.closed < n_days, deals.closed + 0.75, np.nan)
    day, team = np.nonzero(shocks)
    process = deals.process
    fair = process.chances(
        int(np.flatnonzero(process.season)[0]), np.zeros(4), np.zeros(4), np.arange(4), np.zeros(4, np.int64)
    )
    return {
        "opportunities": pd.DataFrame(
            {
                "opportunity_id": ids("O", np.arange(n)),
                "quality": np.array(QUALITIES, object)[deals.quality],
                "score": deals.score,
                "won_at": moments(start, np.where(deals.won, closed, np.nan)),
                "lost_at": moments(start, np.where(deals.won, np.nan, closed)),
            }
        ),
        "leads": pd.DataFrame(
            {
                "lead_id": ids("L", np.arange(len(leads.created))),
                "convert_hazard": leads.convert_hazard,
                "lose_hazard": leads.lose_hazard,
                "converted_at": moments(start, np.where(leads.converted, leads.ended, np.nan)),
                "lost_at": moments(start, np.where(leads.converted, np.nan, leads.ended)),
            }
        ),
        "users": pd.DataFrame({"user_id": ids("U", np.arange(staff.n_reps)), "skill": process.signal * staff.skill}),
        "actions": pd.DataFrame(
            {"kind": ["demo", "newsletter"], "log_hazard_effect": [process.signal * DEMO_EFFECT, 0.0]}
        ),
        "seasonality": pd.DataFrame(
            {
                "month": np.arange(1, 13),
                "wins": WIN_SEASONALITY**process.signal,
                "orders": trade.ORDER_SEASONALITY,
            }
        ),
        "shocks": pd.DataFrame(
            {
                "date": pd.Series(np.datetime64(start, "D") + day).astype("datetime64[us]"),
                "team_id": ids("T", team),
                "log_factor": shocks[day, team],
            }
        ),
        "stages": pd.DataFrame({"stage": STAGES, "advance": fair[0], "back": fair[1], "win": fair[2], "lose": fair[3]}),
    }
