"""Opportunity versions and interactions: what a CRM shows of simulated deals and leads."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.deals import (
    ADVANCE,
    BACK,
    DEMO,
    INBOUND,
    LOSE,
    NEWSLETTER,
    OUT_ANSWERED,
    OUT_UNANSWERED,
    STAGES,
    WIN,
    Deals,
)
from forecast.datasets.people import Accounts
from forecast.datasets.prospects import SOURCES, Leads, lead_contacts
from forecast.datasets.records import dates, delayed, ids, kept, moments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LOST_REASONS = ("price", "competitor", "no_budget", "no_decision")
_SLIP = 0  # kinds of version: 0 a slip, -1 the creation, else the transition's kind
_CREATION = -1


@dataclass(frozen=True)
class Traits:
    """What is known of each deal from its first moment, arrays of shape (n_deals,)."""

    created: Floats  # days since the company's first day, with the time of day
    closing_hour: Floats  # time of day, as a part of it, at which the deal is won or lost
    account: Ints
    owner: Ints
    product: Ints
    source: Ints
    amount: Floats
    seats: Ints
    has_competitor: NDArray[np.bool_]
    lead: Ints  # -1: none


def opportunity_rows(
    deals: Deals,
    traits: Traits,
    accounts: Accounts,
    start: date,
    *,
    late: float,
    leaks: bool,
    n_days: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Every version of every opportunity: creation, stage changes, revised amounts, slips, closing."""
    changes = _changes(deals, traits, n_days, rng)
    deal, kind = changes["deal"].to_numpy(), changes["kind"].to_numpy()
    closes = kind >= WIN
    stage = np.where(
        closes,
        np.where(kind == WIN, "closed_won", "closed_lost"),
        np.array(STAGES, object)[changes["stage"].to_numpy()],
    )
    at = changes["at"].to_numpy()
    optimism = rng.normal(0, 0.8, len(deal)) + changes["stage"].to_numpy()
    open_category = np.array(["pipeline", "best_case", "commit"], object)[np.clip(optimism, 0, 2).astype(int)]
    rows = pd.DataFrame(
        {
            "opportunity_id": ids("O", deal),
            "account_id": ids("A", traits.account[deal]),
            "owner_id": ids("U", traits.owner[deal]),
            "product_id": ids("P", traits.product[deal]),
            "name": ("Deal " + pd.Series(deal + 1).astype(str)).to_numpy(object),
            "stage": stage,
            "amount": np.round(changes["amount"].to_numpy(), 2),
            "currency": accounts.currency[traits.account[deal]],
            "created_at": moments(start, traits.created[deal]),
            "expected_close_date": dates(start, changes["expected"]),
            "closed_at": moments(start, np.where(closes, at, np.nan)),
            "outcome": np.array([None, "won", "lost"], object)[np.where(closes, kind - ADVANCE - 1, 0)],
            "lost_reason": kept(rng.choice(np.array(LOST_REASONS, object), len(deal)), kind == LOSE),
            "forecast_category": np.where(closes, "closed", open_category),
            "recorded_at": moments(start, np.where(closes, delayed(at, late, rng), at)),
            "lead_source": np.array(SOURCES, object)[traits.source[deal]],
            "seats": traits.seats[deal],
            "has_competitor": traits.has_competitor[deal],
        }
    )
    return _with_leaks(rows, deals, deal, n_days, rng) if leaks else rows


def _changes(deals: Deals, traits: Traits, n_days: int, rng: np.random.Generator) -> pd.DataFrame:
    """One row per version: deal, at (days), kind, stage, amount, expected (days); by deal and time."""
    n = len(traits.created)
    moved = deals.transitions.on(0, n_days)
    any_hour = rng.uniform(0.70, 0.74, len(moved.deal))
    hour = np.where(moved.kind >= WIN, traits.closing_hour[moved.deal], any_hour)
    changes = pd.DataFrame(
        {
            "deal": np.concatenate([np.arange(n), moved.deal]),
            "at": np.concatenate([traits.created, moved.day + hour]),
            "kind": np.concatenate([np.full(n, _CREATION), moved.kind]),
        }
    ).sort_values(["deal", "at"], kind="stable", ignore_index=True)
    kind = changes["kind"].to_numpy()
    step = (kind == ADVANCE).astype(np.int64) - (kind == BACK)
    changes["stage"] = pd.Series(step).groupby(changes["deal"]).cumsum()

    typical = 60 / deals.process.pace * np.array([2.0, 1.5, 1.0, 0.5])[changes["stage"]]
    guess = changes["at"] + np.exp(rng.normal(np.log(typical), 0.5))
    changes["expected"] = guess.where(kind < WIN)
    changes["expected"] = changes.groupby("deal")["expected"].ffill()
    until = changes.groupby("deal")["at"].shift(-1, fill_value=n_days)
    slips = _slips(changes[kind < WIN], until[kind < WIN].to_numpy(), rng)
    changes = pd.concat([changes, slips]).sort_values(["deal", "at"], kind="stable", ignore_index=True)

    revised = (changes["kind"] >= ADVANCE) & (rng.random(len(changes)) < 0.3)
    log_change = pd.Series(np.where(revised, rng.normal(-0.03, 0.15, len(changes)), 0.0))
    changes["amount"] = traits.amount[changes["deal"]] * np.exp(log_change.groupby(changes["deal"]).cumsum())
    return changes


def _slips(open_: pd.DataFrame, until: Floats, rng: np.random.Generator) -> pd.DataFrame:
    """Versions in which an expected close date that has passed is moved on, until the next change."""
    slips = []
    while True:
        at = np.floor(open_["expected"].to_numpy()) + 1.3  # the morning after the expected day
        passed = at < until
        if not passed.any():
            break
        open_, until = open_[passed], until[passed]
        at = at[passed]
        open_ = open_.assign(at=at, kind=_SLIP, expected=at + rng.uniform(14, 60, len(at)))
        slips.append(open_)
    return pd.concat(slips) if slips else open_.iloc[:0]


def _with_leaks(rows: pd.DataFrame, deals: Deals, deal: Ints, n_days: int, rng: np.random.Generator) -> pd.DataFrame:
    """Add the traps: a column filled after the win, one that changes after the outcome, one without history.

    ``contract_number`` and ``survey_sent`` come in an administrative version a day after the closing;
    ``health_index`` is overwritten by the source in all versions with its value of today.
    """
    fate = np.where(deals.closed[deal] < n_days, np.where(deals.won[deal], 1.0, -1.0), 0.0)
    level = rng.normal(0, 0.7, len(deals.closed))[deal]
    rows = rows.assign(contract_number=None, survey_sent=False, health_index=np.round(50 + 15 * (fate + level), 1))
    closings = rows[rows["outcome"].notna()]
    number = ("K" + pd.Series(rng.integers(10_000, 99_999, len(closings))).astype(str)).to_numpy(object)
    paperwork = closings.assign(
        contract_number=kept(number, (closings["outcome"] == "won").to_numpy()),
        survey_sent=True,
        recorded_at=closings["recorded_at"] + pd.Timedelta(days=1),
    )
    return pd.concat([rows, paperwork])


def interaction_rows(
    deals: Deals,
    traits: Traits,
    leads: Leads,
    accounts: Accounts,
    start: date,
    *,
    late: float,
    n_days: int,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, Floats]:
    """All contacts with open deals and leads, and the day of the first outreach to each lead (NaN: none)."""
    seen = deals.contacts.on(0, n_days)
    of_deals = pd.DataFrame(
        {
            "deal": seen.deal,
            "lead": -1,
            "account": traits.account[seen.deal],
            "user": traits.owner[seen.deal],
            "at": seen.day + rng.uniform(0.35, 0.69, len(seen.deal)),
            "what": seen.kind,
        }
    )
    with_leads = lead_contacts(leads, n_days, rng)
    lead = with_leads["lead"].to_numpy()
    what = np.where(
        with_leads["is_outbound"], np.where(with_leads["is_answered"], OUT_ANSWERED, OUT_UNANSWERED), INBOUND
    )
    of_leads = pd.DataFrame(
        {
            "deal": -1,
            "lead": lead,
            "account": leads.account[lead],
            "user": leads.owner[lead],
            "at": with_leads["at"],
            "what": what,
        }
    )
    first = with_leads[with_leads["is_outbound"]].groupby("lead")["at"].min()
    touched = first.reindex(np.arange(len(leads.created))).to_numpy()
    contacts = pd.concat([of_deals, of_leads]).sort_values(["at", "deal", "lead"], kind="stable", ignore_index=True)
    return _as_interactions(contacts, accounts, start, late, rng), touched


def _as_interactions(
    contacts: pd.DataFrame, accounts: Accounts, start: date, late: float, rng: np.random.Generator
) -> pd.DataFrame:
    n = len(contacts)
    what = contacts["what"].to_numpy()
    at = contacts["at"].to_numpy()
    by_phone = rng.random(n) < 0.6
    is_call = (what <= OUT_UNANSWERED) & by_phone
    inbound_channel = rng.choice(np.array(["email", "web", "chat", "social"], object), n, p=[0.4, 0.4, 0.1, 0.1])
    mails = np.where(what == INBOUND, inbound_channel, "email")
    channel = np.where(what == DEMO, "meeting", np.where(is_call, "phone", mails))
    kind = np.select(
        [what == DEMO, what == NEWSLETTER, what == INBOUND, is_call],
        ["demo", "newsletter", "inquiry", "call"],
        default="email",
    ).astype(object)
    newsletter_read = np.where(rng.random(n) < 0.3, "answered", "unanswered")
    result = np.select(
        [what == OUT_UNANSWERED, what == NEWSLETTER, what == INBOUND],
        [np.full(n, "unanswered", object), newsletter_read.astype(object), np.full(n, None, object)],
        default="answered",
    )
    minutes = np.where(what == DEMO, rng.uniform(30, 90, n), rng.exponential(6, n))
    talked = (what == DEMO) | (is_call & (what == OUT_ANSWERED))
    planned = (what <= OUT_UNANSWERED) & (rng.random(n) < 0.5)
    account = contacts["account"].to_numpy()
    first_contact = np.cumsum(accounts.n_contacts) - accounts.n_contacts
    contact = first_contact[account] + rng.integers(0, accounts.n_contacts[account])
    return pd.DataFrame(
        {
            "interaction_id": ids("I", np.arange(n)),
            "at": moments(start, at),
            "due_at": moments(start, np.where(planned, at + rng.normal(0, 1.0, n), np.nan)),
            "channel": channel,
            "kind": kind,
            "direction": np.where(what == INBOUND, "in", "out").astype(object),
            "result": result,
            "account_id": ids("A", account),
            "contact_id": ids("C", contact),
            "lead_id": ids("L", contacts["lead"]),
            "opportunity_id": ids("O", contacts["deal"]),
            "user_id": ids("U", contacts["user"]),
            "duration_s": np.where(talked, np.rint(60 * minutes), np.nan),
            "recorded_at": moments(start, delayed(at, late, rng)),
        }
    )
