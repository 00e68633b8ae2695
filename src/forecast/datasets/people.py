"""Who is there in the simulated company: teams, users, accounts, contacts, products, exchange rates."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.records import dates, ids, moments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

INDUSTRIES = ("manufacturing", "retail", "software", "health", "finance", "education")
INDUSTRY_EFFECTS = np.array([0.0, -0.3, 0.4, 0.2, -0.1, -0.4])
COUNTRIES = ("DE", "FR", "NL", "US")
REGIONS = ("north", "south")
CATEGORIES = ("core", "core", "service", "add-on", "add-on", "add-on")
PRICES = np.array([4000.0, 9000.0, 1500.0, 300.0, 700.0, 120.0])
PRODUCT_EFFECTS = np.array([0.2, -0.3, 0.3, 0.0, 0.1, -0.1])
REPORTING_CURRENCY, SECOND_CURRENCY = "EUR", "USD"


@dataclass(frozen=True)
class People:
    """Reps and their teams. ``team`` gives each rep's team, ``manager`` each team's manager (user number)."""

    skill: Floats
    team: Ints
    n_teams: int

    @property
    def n_reps(self) -> int:
        """Number of reps; managers have the user numbers after theirs."""
        return len(self.skill)


@dataclass(frozen=True)
class Accounts:
    """Traits of accounts, arrays of shape (n_accounts,)."""

    industry: Ints
    size: Floats
    owner: Ints
    is_foreign: NDArray[np.bool_]
    n_contacts: Ints

    @property
    def currency(self) -> NDArray[np.object_]:
        """Currency in which each account is billed."""
        return np.where(self.is_foreign, SECOND_CURRENCY, REPORTING_CURRENCY).astype(object)

    @property
    def score(self) -> Floats:
        """Effect of the traits on the log hazard of a win: industry, and a size that is best in the middle."""
        log_size = np.log(self.size / 100)
        return np.asarray(INDUSTRY_EFFECTS[self.industry] + 0.3 - 0.25 * log_size**2)


def make_people(n_reps: int, rng: np.random.Generator) -> People:
    """Reps with normally distributed skill, in teams of about four."""
    n_teams = max(2, -(-n_reps // 4))
    return People(rng.normal(0, 0.4, n_reps), np.arange(n_reps) % n_teams, n_teams)


def make_accounts(n_accounts: int, people: People, rng: np.random.Generator) -> Accounts:
    """Accounts in six industries, a quarter billed in the second currency."""
    return Accounts(
        industry=rng.integers(0, len(INDUSTRIES), n_accounts),
        size=np.rint(np.exp(rng.normal(np.log(100), 1.0, n_accounts))) + 1,
        owner=rng.integers(0, people.n_reps, n_accounts),
        is_foreign=rng.random(n_accounts) < 0.25,
        n_contacts=rng.integers(1, 4, n_accounts),
    )


def team_rows(people: People, start: date) -> pd.DataFrame:
    """Teams in two levels: regions above teams; each has a manager."""
    n_teams, n_regions = people.n_teams, len(REGIONS)
    managers = people.n_reps + np.arange(n_teams + n_regions)
    return pd.DataFrame(
        {
            "team_id": [*ids("T", np.arange(n_teams)), *(f"R-{region}" for region in REGIONS)],
            "name": [*(f"Team {number + 1}" for number in range(n_teams)), *(f"Region {r}" for r in REGIONS)],
            "parent_team_id": [*(f"R-{REGIONS[number % n_regions]}" for number in range(n_teams)), *[None] * n_regions],
            "manager_id": ids("U", managers),
            "recorded_at": moments(start, np.full(n_teams + n_regions, -800.0)),
        }
    )


def user_rows(people: People, start: date, rng: np.random.Generator) -> pd.DataFrame:
    """Reps, then one manager per team and region."""
    n_managers = people.n_teams + len(REGIONS)
    n_users = people.n_reps + n_managers
    active_from = moments(start, -np.rint(rng.uniform(30, 700, n_users)))
    names = [f"User {number + 1}" for number in range(n_users)]
    teams = team_rows(people, start)["team_id"].to_numpy(object)
    return pd.DataFrame(
        {
            "user_id": ids("U", np.arange(n_users)),
            "name": names,
            "email": [f"user{number + 1}@example.com" for number in range(n_users)],
            "team_id": np.concatenate([teams[people.team], teams]),
            "role": ["rep"] * people.n_reps + ["manager"] * n_managers,
            "active_from": active_from,
            "recorded_at": active_from,
        }
    )


def account_rows(accounts: Accounts, first_used: Floats, start: date, rng: np.random.Generator) -> pd.DataFrame:
    """Accounts as created some days before their first use; a fifth reports another size later."""
    n = len(accounts.size)
    created = first_used - rng.uniform(0, 30, n)
    rows = pd.DataFrame(
        {
            "account_id": ids("A", np.arange(n)),
            "name": [f"Company {number + 1}" for number in range(n)],
            "industry": np.array(INDUSTRIES, object)[accounts.industry],
            "size": accounts.size,
            "region": np.array(REGIONS, object)[accounts.owner % len(REGIONS)],
            "country": np.where(accounts.is_foreign, "US", np.array(COUNTRIES, object)[accounts.industry % 3]),
            "owner_id": ids("U", accounts.owner),
            "created_at": moments(start, created),
            "recorded_at": moments(start, created),
        }
    )
    changes = rows[rng.random(n) < 0.2]
    recorded_at = changes["recorded_at"] + pd.to_timedelta(np.rint(rng.uniform(60, 500, len(changes))), unit="D")
    size = np.rint(changes["size"] * rng.uniform(0.7, 1.6, len(changes))) + 1
    return pd.concat([rows, changes.assign(size=size, recorded_at=recorded_at.astype("datetime64[us, UTC]"))])


def contact_rows(accounts: Accounts, account_rows: pd.DataFrame) -> pd.DataFrame:
    """One to three persons per account, known with it."""
    account = np.repeat(np.arange(len(accounts.size)), accounts.n_contacts)
    created_at = account_rows["created_at"].iloc[account].reset_index(drop=True)
    numbers = np.arange(len(account))
    return pd.DataFrame(
        {
            "contact_id": ids("C", numbers),
            "account_id": ids("A", account),
            "name": [f"Person {number + 1}" for number in numbers],
            "email": [f"person{number + 1}@example.org" for number in numbers],
            "title": np.array(["buyer", "director", "engineer"], object)[numbers % 3],
            "created_at": created_at,
            "recorded_at": created_at,
        }
    )


def product_rows(start: date) -> pd.DataFrame:
    """Six products in three categories, priced in the reporting currency."""
    n = len(PRICES)
    return pd.DataFrame(
        {
            "product_id": ids("P", np.arange(n)),
            "name": [f"Product {number + 1}" for number in range(n)],
            "category": list(CATEGORIES),
            "list_price": PRICES,
            "cost": PRICES * 0.4,
            "currency": REPORTING_CURRENCY,
            "recorded_at": moments(start, np.full(n, -800.0)),
        }
    )


def fx_rows(start: date, n_days: int, rng: np.random.Generator) -> pd.DataFrame:
    """Daily rates of the second currency, a random walk, known from the first moment of their day."""
    days = np.arange(-30, n_days)
    rate = 0.92 * np.exp(np.cumsum(rng.normal(0, 0.004, len(days))))
    return pd.DataFrame(
        {
            "currency": SECOND_CURRENCY,
            "date": dates(start, days),
            "rate": np.round(rate, 6),
            "recorded_at": moments(start, days),
        }
    )
