"""The law of simulated deals and its exact win probabilities, against frequencies and closed forms."""

from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import chi2

from forecast.datasets import Company, make_company
from forecast.datasets.deals import DealProcess, simulate_deals

pytestmark = pytest.mark.slow


def squared_deviation(p, happened, n_bins=10):
    """Sum over bins of equal size of the squared standardised deviation of counts from their expectation."""
    order = np.argsort(p, kind="stable")
    return sum(
        (happened[part].sum() - p[part].sum()) ** 2 / (p[part] * (1 - p[part])).sum()
        for part in np.array_split(order, n_bins)
    )


def all_ids(company: Company):
    return company.truth["opportunities"]["opportunity_id"]


@pytest.mark.parametrize("quality_known", [False, True])
@pytest.mark.parametrize("horizon_days", [14, 90])
def test_deals_are_won_as_often_as_their_true_probability_says(large_company, horizon_days, quality_known):
    as_of = large_company.end
    p = large_company.win_probability(all_ids(large_company), as_of, horizon_days, quality_known=quality_known)
    won = large_company.is_won_within(all_ids(large_company), as_of, horizon_days)

    is_open = ~np.isnan(p)

    assert is_open.sum() > 2000
    assert squared_deviation(p[is_open], won[is_open]) < chi2.ppf(0.999, 10)


def test_probability_holds_under_drift_shocks_and_confounded_demos():
    company = make_company(
        n_opportunities=5000, drift=1.0, common_shocks=1.0, confounding=1.5, deletions=0.0, random_state=3
    )
    as_of = company.end - timedelta(days=200)
    p = company.win_probability(all_ids(company), as_of, 60)
    won = company.is_won_within(all_ids(company), as_of, 60)

    is_open = ~np.isnan(p)

    assert squared_deviation(p[is_open], won[is_open]) < chi2.ppf(0.999, 10)


def test_knowing_the_quality_says_more_than_what_was_seen(large_company):
    as_of, n = large_company.end, 90
    seen = large_company.win_probability(all_ids(large_company), as_of, n)
    known = large_company.win_probability(all_ids(large_company), as_of, n, quality_known=True)
    won = large_company.is_won_within(all_ids(large_company), as_of, n)[~np.isnan(seen)]

    def log_loss(p):
        return -np.mean(np.where(won, np.log(p), np.log1p(-p)))

    base_rate = np.full(len(won), won.mean())
    assert log_loss(known[~np.isnan(known)]) < log_loss(seen[~np.isnan(seen)]) < log_loss(base_rate)


def test_probability_without_signal_is_the_closed_form_of_two_constant_hazards():
    company = make_company(signal=0.0, random_state=4)
    as_of = company.end
    # Mean daily hazards of the four stages at pace 1, as the module states them.
    win, lose = (0.0015 + 0.004 + 0.012 + 0.03) / 4, (0.012 + 0.010 + 0.009 + 0.008) / 4
    n_workdays = np.busday_count(company.last_day + timedelta(days=1), company.last_day + timedelta(days=61))
    pace = company.deals.process.pace

    p = company.win_probability(all_ids(company), as_of, 60)

    expected = win / (win + lose) * (1 - np.exp(-pace * (win + lose) * n_workdays))
    np.testing.assert_allclose(p[~np.isnan(p)], expected, rtol=1e-9)


def test_probability_of_one_workday_is_the_chance_of_that_day():
    process = DealProcess(season=np.array([1.0, 1.0, 1.3]), shocks=np.zeros((3, 1)))
    one = np.zeros(1)
    zero = np.zeros(1, np.int64)
    rng = np.random.default_rng(0)
    deals = simulate_deals(process, created=zero, score=one + 0.3, slope=one, group=zero, rng=rng)
    rate_win = 1.3 * 0.0015 * np.exp(0.3 + process.quality[deals.quality[0]])
    rate_lose = 0.012 * np.exp(-0.5 * (0.3 + process.quality[deals.quality[0]]))

    # At the first moment of day 2, still in the first stage after one quiet day (as with this seed).
    assert len(deals.transitions.on(0, 2).deal) == 0
    p = deals.win_probability(zero, zero + 2, 1, quality_known=True)

    demo = np.isin(4, deals.contacts.on(0, 2).kind[deals.contacts.on(0, 2).deal == 0])
    assert not demo
    expected = rate_win / (rate_win + rate_lose) * (1 - np.exp(-(rate_win + rate_lose)))
    np.testing.assert_allclose(p, expected, rtol=1e-9)


def test_probability_grows_with_the_horizon_and_stays_below_one(company):
    horizons = [1, 7, 30, 90, 365]
    p = np.array([company.win_probability(all_ids(company), company.end, h) for h in horizons])
    p = p[:, ~np.isnan(p[0])]

    assert np.all(np.diff(p, axis=0) >= 0)
    assert p.min() >= 0
    assert p.max() < 1


def test_probability_at_many_moments_equals_one_call_per_moment(company):
    ids = all_ids(company)[:300]
    moments = [company.end - timedelta(days=days) for days in (0, 100, 37)]

    together = company.win_probability(np.tile(ids, 3), np.repeat(np.array(moments, object), len(ids)), 30)

    alone = np.concatenate([company.win_probability(ids, moment, 30) for moment in moments])
    np.testing.assert_array_equal(together, alone)


def test_demos_go_to_good_deals_only_under_confounding():
    def shares_with_demo(confounding):
        deals = make_company(n_opportunities=3000, confounding=confounding, random_state=5).deals
        demos = deals.contacts
        early = (demos.kind == 4) & (demos.day - deals.created[demos.deal] <= 30)
        has_demo = np.isin(np.arange(len(deals.created)), demos.deal[early])
        open_for_long = deals.closed - deals.created > 30
        return [has_demo[open_for_long & (deals.quality == quality)].mean() for quality in (0, 2)]

    poor, good = shares_with_demo(0.0)
    assert good == pytest.approx(poor, abs=0.05)
    poor, good = shares_with_demo(1.5)
    assert good > poor + 0.3


@pytest.mark.parametrize("censoring", [0.1, 0.4, 0.7])
def test_share_of_open_deals_at_the_end_is_the_censoring_asked_for(censoring):
    company = make_company(n_opportunities=4000, censoring=censoring, random_state=6)
    n_days = (company.last_day - company.first_day).days + 1

    assert np.mean(company.deals.closed >= n_days) == pytest.approx(censoring, abs=0.03)


def test_drift_lowers_the_chances_of_later_deals():
    def mean_probability(drift, day):
        company = make_company(n_opportunities=3000, drift=drift, random_state=7)
        as_of = company.end - timedelta(days=company_days(company) - day)
        return np.nanmean(company.win_probability(all_ids(company), as_of, 30))

    assert mean_probability(1.0, 700) < 0.8 * mean_probability(0.0, 700)


def company_days(company: Company) -> int:
    return (company.last_day - company.first_day).days + 1


def test_company_starts_on_the_day_asked_for():
    company = make_company(months=6, start=date(2020, 2, 15))

    assert company.first_day == date(2020, 2, 15)
    assert company.last_day == date(2020, 8, 14)


def test_a_switch_multiplies_the_hazard_of_a_win_from_its_day_on():
    season = make_company(n_opportunities=50, random_state=1).deals.process.season
    switched = make_company(n_opportunities=50, switch=0.5, switch_day=400, random_state=1).deals.process.season

    np.testing.assert_allclose(switched[:400], season[:400])
    np.testing.assert_allclose(switched[400:], np.exp(0.5) * season[400:])
