"""How the simulated company is made: people, leads, deals, and what a CRM records of them."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets import people, trade
from forecast.datasets.company import FOLLOWED_DAYS, Company
from forecast.datasets.deals import DEMO_EFFECT, QUALITIES, STAGES, DealProcess, Deals, pace_for, simulate_deals
from forecast.datasets.prospects import SOURCE_EFFECTS, Leads, lead_rows, make_leads
from forecast.datasets.records import delete_some, finished, ids, merge_some, moments
from forecast.datasets.versions import Traits, interaction_rows, opportunity_rows
from forecast.errors import InvalidInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: True factor on the hazard of a win by calendar month, at signal 1.
WIN_SEASONALITY = np.array([0.8, 0.9, 1.15, 0.95, 1.0, 1.15, 0.85, 0.75, 1.1, 1.0, 1.1, 1.25])
#: At most this share of the opportunities comes from leads.
_FROM_LEADS = 0.7
#: What each argument may be.
_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("n_reps", "n_accounts", "n_opportunities", "n_leads"), (1, 10_000_000)),
    "months": (3, 120),
    "drift": (-2, 2),
    "late_records": (0, 1),
    "confounding": (-3, 3),
    "censoring": (0.05, 0.9),
    "common_shocks": (0, 3),
    "deletions": (0, 0.5),
    "merges": (0, 0.5),
    "signal": (0, 1),
    "switch": (-2, 2),
}


def make_company(
    n_reps: int = 8,
    n_accounts: int = 300,
    n_opportunities: int = 800,
    n_leads: int = 1000,
    months: int = 24,
    start: date = date(2024, 1, 1),
    *,
    drift: float = 0.0,
    switch: float = 0.0,
    switch_day: int | None = None,
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
    switch : float
        Sudden change of the log hazard of a win, for good.
    switch_day : int, optional
        Days after the start at which it comes; default three quarters of the history.
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
    _check_ranges(
        n_reps=n_reps, n_accounts=n_accounts, n_opportunities=n_opportunities, n_leads=n_leads, months=months,
        drift=drift, switch=switch, late_records=late_records, confounding=confounding, censoring=censoring,
        common_shocks=common_shocks, deletions=deletions, merges=merges, signal=signal,
    )  # fmt: skip
    rng = np.random.default_rng(random_state)
    n_days = ((pd.Timestamp(start) + pd.DateOffset(months=months)).date() - start).days
    staff = people.make_people(n_reps, rng)
    accounts = people.make_accounts(n_accounts, staff, rng)
    leads = make_leads(_arrivals(n_leads, n_days, rng), accounts, signal, rng)
    traits = _make_traits(n_opportunities, n_days, accounts, leads, rng)
    shocks = _make_shocks(n_days + FOLLOWED_DAYS, staff.n_teams, common_shocks, rng)
    season = _season(start, n_days + FOLLOWED_DAYS, signal)
    season[n_days * 3 // 4 if switch_day is None else switch_day :] *= np.exp(switch)
    process = DealProcess(season, shocks, 1.0, signal, confounding)
    deals = _simulate(process, traits, accounts, staff, n_days, drift=drift, censoring=censoring, rng=rng)
    rows = _sales_rows(deals, traits, leads, accounts, start, n_days, late=late_records, leaks=leaks, rng=rng)
    rows |= _other_rows(rows["opportunities"], traits, leads, accounts, staff, start, n_days, rng)

    end = pd.Timestamp(start, tz="UTC") + pd.Timedelta(days=n_days)
    for name, key in (("accounts", "account_id"), ("leads", "lead_id"), ("opportunities", "opportunity_id")):
        rows[name] = delete_some(rows[name], key, deletions, end, rng)
    for name, key in (("accounts", "account_id"), ("leads", "lead_id")):
        rows[name] = merge_some(rows[name], key, merges, end, rng)
    return Company(
        exports={name: finished(name, rows[name], end) for name in _EXPORTED},
        truth=_truth(staff, deals, traits, leads, start),
        first_day=start,
        last_day=start + timedelta(days=n_days - 1),
        deals=deals,
        leads=leads,
    )


_EXPORTED = (
    "teams", "users", "products", "accounts", "contacts", "leads", "opportunities", "interactions", "orders",
    "order_lines", "feedback", "targets", "fx_rates",
)  # fmt: skip


def _check_ranges(**values: float) -> None:
    for name, value in values.items():
        low, high = _RANGES[name]
        if not low <= value <= high:
            raise InvalidInput(f"`{name}` must be between {low} and {high}, got {value}.")


def _simulate(
    process: DealProcess,
    traits: Traits,
    accounts: people.Accounts,
    staff: people.People,
    n_days: int,
    *,
    drift: float,
    censoring: float,
    rng: np.random.Generator,
) -> Deals:
    """Let the deals live at the pace that leaves the wanted share of them open at the end."""
    score = process.signal * (
        staff.skill[traits.owner]
        + accounts.score[traits.account]
        + people.PRODUCT_EFFECTS[traits.product]
        + SOURCE_EFFECTS[traits.source]
        - 0.2 * np.log(traits.amount / 3000)
    )
    slope = drift * (-0.8 - 1.5 * process.signal * SOURCE_EFFECTS[traits.source]) / n_days
    created = np.floor(traits.created).astype(np.int64)
    ages = np.maximum(n_days - created - 1.0, 0)
    pace = pace_for(process, censoring=censoring, ages=ages, score=score + slope * (n_days / 2))
    return simulate_deals(
        replace(process, pace=pace),
        created=created,
        score=score,
        slope=slope,
        group=staff.team[traits.owner],
        rng=rng,
    )


def _sales_rows(
    deals: Deals,
    traits: Traits,
    leads: Leads,
    accounts: people.Accounts,
    start: date,
    n_days: int,
    *,
    late: float,
    leaks: bool,
    rng: np.random.Generator,
) -> dict[str, pd.DataFrame]:
    """Leads, opportunities and interactions."""
    opportunity = np.full(len(leads.created), -1)
    opportunity[traits.lead[traits.lead >= 0]] = np.flatnonzero(traits.lead >= 0)
    interactions, touched = interaction_rows(deals, traits, leads, accounts, start, late=late, n_days=n_days, rng=rng)
    return {
        "leads": lead_rows(leads, opportunity, touched, start, late, rng),
        "opportunities": opportunity_rows(
            deals, traits, accounts, start, late=late, leaks=leaks, n_days=n_days, rng=rng
        ),
        "interactions": interactions,
    }


def _other_rows(
    opportunities: pd.DataFrame,
    traits: Traits,
    leads: Leads,
    accounts: people.Accounts,
    staff: people.People,
    start: date,
    n_days: int,
    rng: np.random.Generator,
) -> dict[str, pd.DataFrame]:
    """Everything around the sales: people, products, trade with won accounts, targets, rates."""
    wins = opportunities[opportunities["outcome"] == "won"].drop_duplicates("opportunity_id")
    won = wins["opportunity_id"].str.removeprefix("O").to_numpy().astype(np.int64)
    won_at = (wins["closed_at"] - pd.Timestamp(start, tz="UTC")).to_numpy() / np.timedelta64(1, "D")
    orders, order_lines = trade.order_rows(won, won_at, traits.account[won], accounts, start, n_days, rng)
    first_used = np.full(len(accounts.size), float(n_days - 1))
    np.minimum.at(first_used, traits.account, traits.created)
    np.minimum.at(first_used, leads.account, leads.created)
    account_rows = people.account_rows(accounts, first_used, start, rng)
    quarterly = float(traits.amount[won].sum() / staff.n_reps / (n_days / 91))
    return {
        "teams": people.team_rows(staff, start),
        "users": people.user_rows(staff, start, rng),
        "products": people.product_rows(start),
        "accounts": account_rows,
        "contacts": people.contact_rows(accounts, account_rows),
        "orders": orders,
        "order_lines": order_lines,
        "feedback": trade.feedback_rows(orders, rng),
        "targets": trade.target_rows(staff, quarterly, start, n_days, rng),
        "fx_rates": people.fx_rows(start, n_days, rng),
    }


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
    return Traits(
        created=created,
        closing_hour=rng.uniform(0.70, 0.74, n),
        account=account,
        owner=accounts.owner[account],
        product=product,
        source=source,
        amount=amount,
        seats=seats,
        has_competitor=rng.random(n) < 0.3,
        lead=lead,
    )


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


def _truth(staff: people.People, deals: Deals, traits: Traits, leads: Leads, start: date) -> dict[str, pd.DataFrame]:
    """What no CRM shows."""
    n, n_days = len(deals.created), len(deals.process.season)
    closed = np.where(deals.closed < n_days, deals.closed + traits.closing_hour, np.nan)
    process = deals.process
    day, team = np.nonzero(process.shocks)
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
                "log_factor": process.shocks[day, team],
            }
        ),
        "stages": pd.DataFrame({"stage": STAGES, "advance": fair[0], "back": fair[1], "win": fair[2], "lose": fair[3]}),
    }
