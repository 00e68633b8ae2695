"""Simulated leads: constant hazards of conversion and loss, so that their probabilities have a closed form."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.people import Accounts
from forecast.datasets.records import delayed, ids, moments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SOURCES = ("web", "referral", "event", "cold_call")
SOURCE_EFFECTS = np.array([0.0, 0.6, 0.1, -0.6])
_CONVERT, _LOSE = 0.008, 0.02  # per day
_OUTREACH, _VISIT = 0.12, 0.06  # contacts per day of an open lead


@dataclass(frozen=True)
class Leads:
    """Simulated leads, arrays of shape (n_leads,); times in days since the company's first day.

    ``ended`` is the time of conversion or loss, whichever comes first; ``opportunity`` is the number of the deal that
    a lead became, -1 for none.
    """

    created: Floats
    ended: Floats
    converted: NDArray[np.bool_]
    account: Ints
    owner: Ints
    source: Ints
    pages: Ints
    convert_hazard: Floats
    lose_hazard: Floats
    score: Floats

    def conversion_probability(self, leads: Ints, horizon_days: float) -> Floats:
        """P(converts within the horizon | open): h_c / (h_c + h_l) · (1 - exp(-(h_c + h_l) · horizon))."""
        convert, total = self.convert_hazard[leads], (self.convert_hazard + self.lose_hazard)[leads]
        return np.asarray(convert / total * -np.expm1(-total * horizon_days))


def make_leads(created: Floats, accounts: Accounts, signal: float, rng: np.random.Generator) -> Leads:
    """Let leads live until they convert or are lost, as their source, account and page views have it."""
    n = len(created)
    account = rng.integers(0, len(accounts.size), n)
    source = rng.integers(0, len(SOURCES), n)
    pages = rng.poisson(4, n)
    score = signal * (SOURCE_EFFECTS[source] + accounts.score[account] + 0.4 * np.log1p(pages) - 0.6)
    convert, lose = _CONVERT * np.exp(score), _LOSE * np.exp(-0.3 * score)
    life = rng.exponential(1, n) / (convert + lose)
    converted = rng.random(n) < convert / (convert + lose)
    return Leads(
        created, created + life, converted, account, accounts.owner[account], source, pages, convert, lose, score
    )


def lead_rows(
    leads: Leads, opportunity: Ints, touched: Floats, start: date, late: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Versions of leads: new, working from the first outreach on (``touched``, NaN for none), converted or lost."""
    n = len(leads.created)
    numbers = np.arange(n)
    base = pd.DataFrame(
        {
            "lead_id": ids("L", numbers),
            "account_id": ids("A", leads.account),
            "owner_id": ids("U", leads.owner),
            "channel": np.array(SOURCES, object)[leads.source],
            "status": "new",
            "created_at": moments(start, leads.created),
            "converted_at": moments(start, np.full(n, np.nan)),
            "closed_at": moments(start, np.full(n, np.nan)),
            "opportunity_id": None,
            "pages_viewed": leads.pages,
            "newsletter": rng.random(n) < 0.5,
            "recorded_at": moments(start, leads.created),
        }
    )
    working = base.assign(status="working", recorded_at=moments(start, touched))[touched < leads.ended]
    ended = base.assign(
        status=np.where(leads.converted, "converted", "lost"),
        converted_at=moments(start, np.where(leads.converted, leads.ended, np.nan)),
        closed_at=moments(start, leads.ended),
        opportunity_id=ids("O", opportunity),
        recorded_at=moments(start, np.maximum(delayed(leads.ended, late, rng), np.nan_to_num(touched))),
    )
    return pd.concat([base, working, ended])


def lead_contacts(leads: Leads, last_day: float, rng: np.random.Generator) -> pd.DataFrame:
    """Calls and visits while a lead is open: columns lead, at (days), is_outbound, is_answered, sorted by time.

    Whether a call is answered depends on the lead's score, which its traits already tell.
    """
    span = np.maximum(np.minimum(leads.ended, last_day) - leads.created, 0)
    parts = []
    for rate, is_outbound in ((_OUTREACH, True), (_VISIT, False)):
        lead = np.repeat(np.arange(len(span)), rng.poisson(rate * span))
        at = leads.created[lead] + span[lead] * rng.random(len(lead))
        answered = rng.random(len(lead)) < 1 / (1 + np.exp(-leads.score[lead]))
        parts.append(pd.DataFrame({"lead": lead, "at": at, "is_outbound": is_outbound, "is_answered": answered}))
    return pd.concat(parts).sort_values(["at", "lead"], kind="stable").reset_index(drop=True)
