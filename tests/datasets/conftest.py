"""Simulated companies that several test files share."""

import pytest

from forecast.datasets import Company, make_company


@pytest.fixture(scope="session")
def large_company() -> Company:
    """Enough deals and leads to compare frequencies with probabilities."""
    return make_company(n_reps=20, n_accounts=2000, n_opportunities=8000, n_leads=12_000, random_state=1)
