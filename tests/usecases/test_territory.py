from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from forecast.history import connect_tables
from forecast.outlook import simulate
from forecast.periods import parse_period
from forecast.settings import Settings
from forecast.targets import Proposer
from forecast.usecases.territory import hide_typed, territory_outlook, untyped_scores

pytestmark = pytest.mark.slow

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
PERIOD = parse_period("2026Q1")
WEEKS = 60


def make_tables(leads_per_week=(2, 2, 2, 6), wins_of_ten=(1, 5, 3, 3), amount=1000.0):
    """Four reps: each week some leads arrive, each becomes an opportunity, decided after 25 days by a fixed turn.

    The first two reps have the same territory and not the same skill; the last one's territory is three times as rich.
    """
    leads, deals = [], []
    for owner, (per_week, wins) in enumerate(zip(leads_per_week, wins_of_ten, strict=True)):
        for number in range(WEEKS * per_week):
            created = AS_OF - timedelta(days=7 * WEEKS) + timedelta(days=7 * number / per_week)
            closed = created + timedelta(days=25)
            name = f"{owner}-{number}"
            lead = {
                "lead_id": f"L{name}",
                "owner_id": "abcd"[owner],
                "created_at": created,
                "opportunity_id": f"O{name}",
            }
            leads.append(lead | {"recorded_at": created, "status": "new"})
            deal = {
                "opportunity_id": f"O{name}", "owner_id": "abcd"[owner], "created_at": created, "stage": "proposal",
                "amount": amount, "currency": "EUR", "expected_close_date": (created + timedelta(days=30)).date(),
                "forecast_category": "commit",
            }  # fmt: skip
            deals.append(deal | {"recorded_at": created})
            if closed < AS_OF:
                outcome = "won" if number * 7 % 10 < wins else "lost"
                deals.append(deal | {"recorded_at": closed, "closed_at": closed, "outcome": outcome, "stage": "closed"})
    users = pd.DataFrame({"user_id": list("abcd"), "active_from": AS_OF - timedelta(days=900), "team_id": None})
    users["recorded_at"] = AS_OF - timedelta(days=900)
    return {"leads": pd.DataFrame(leads), "opportunities": pd.DataFrame(deals), "users": users}


def outlooks(tables, as_of=AS_OF, **settings):
    """The outlook of territories, and the one it was made from."""
    con, chosen = connect_tables(tables), Settings(**settings)
    hide_typed(con)
    scores = untyped_scores(con, as_of, chosen)
    made = simulate(con, scores, PERIOD, as_of, chosen, n_paths=1000)
    return territory_outlook(con, made, scores, chosen), made


@pytest.fixture(scope="module")
def tables():
    return make_tables()


@pytest.fixture(scope="module")
def territory(tables):
    return outlooks(tables)[0]


def test_equal_territories_get_equal_targets_whatever_the_skill(tables):
    territory, person = outlooks(tables)
    total = round(float(np.median(territory.company_paths)), 2)

    ours, by_person = (Proposer(one.paths, owners=one.owners).propose(total).targets for one in (territory, person))

    assert ours[0] == pytest.approx(ours[1], rel=0.05)
    assert by_person[1] > 1.3 * by_person[0]  # who won more before would be asked for more


def test_a_richer_territory_gets_a_higher_target(territory):
    mean = territory.paths.mean(axis=0)

    assert mean[3] / mean[2] == pytest.approx(3, rel=0.2)


def test_the_company_is_that_of_the_outlook(tables):
    territory, made = outlooks(tables)

    np.testing.assert_allclose(np.sort(territory.company_paths), np.sort(made.company_paths), atol=0.05)


def test_parts_add_up_to_the_mean_of_the_paths(territory):
    total = sum(np.asarray(part) for part in territory.parts.values())

    np.testing.assert_allclose(total, territory.paths.mean(axis=0), atol=0.05)


def test_what_a_rep_types_changes_no_target(tables):
    deals = tables["opportunities"]
    typed = deals.copy()
    mine = (deals["owner_id"] == "a") & deals["closed_at"].isna()
    typed.loc[mine, "expected_close_date"] = (AS_OF + timedelta(days=300)).date()
    typed.loc[mine, "forecast_category"] = "omitted"
    typed.loc[mine, "stage"] = "qualification"

    after = outlooks(tables | {"opportunities": typed})[0]

    np.testing.assert_array_equal(after.paths, outlooks(tables)[0].paths)


def test_an_amount_asked_lower_does_not_lower_the_own_share(tables):
    deals = tables["opportunities"]
    asked = deals.copy()
    asked.loc[(deals["owner_id"] == "a") & deals["closed_at"].isna(), "amount"] = 1.0
    total = 60_000.0

    before, after = (
        Proposer(outlooks(one)[0].paths).propose(total).targets[0]
        for one in (tables, tables | {"opportunities": asked})
    )

    assert after == pytest.approx(before, rel=0.02)


def test_the_future_changes_nothing(tables):
    later = make_tables(leads_per_week=(9, 1, 1, 1))
    shifted = {
        name: pd.concat([frame, later[name].assign(recorded_at=AS_OF + timedelta(days=3))])
        for name, frame in tables.items()
    }
    for name, key in (("leads", "lead_id"), ("opportunities", "opportunity_id")):
        shifted[name] = shifted[name].sort_values([key, "recorded_at"], kind="stable")

    np.testing.assert_array_equal(outlooks(shifted)[0].paths, outlooks(tables)[0].paths)


def test_the_same_knowledge_gives_the_same_bytes(tables, territory):
    assert outlooks(tables)[0].paths.tobytes() == territory.paths.tobytes()


def test_booked_revenue_stays_with_who_earned_it(tables):
    as_of = datetime(2025, 12, 1, tzinfo=UTC)
    con, settings = connect_tables(tables), Settings()
    scores = untyped_scores(con, as_of, settings)
    made = simulate(con, scores, parse_period("2025Q4"), as_of, settings, n_paths=300)

    territory = territory_outlook(con, made, scores, settings)

    np.testing.assert_array_equal(territory.parts["booked"], made.parts["booked"])
    assert np.all(territory.paths >= np.asarray(made.parts["booked"]) - 0.005)


def test_untyped_scores_know_nothing_but_age(tables):
    con = connect_tables(tables)
    scores = untyped_scores(con, AS_OF, Settings())

    created = tables["opportunities"].groupby("opportunity_id")["created_at"].min()
    days = (AS_OF - scores["entity_id"].map(created)).dt.days
    of_age = scores.groupby(np.searchsorted([7, 14, 30, 60, 90, 180, 365], days, side="right"))["p_30d"]
    np.testing.assert_array_equal(of_age.min(), of_age.max())


def test_without_any_history_the_outlook_is_left_as_it_is():
    tables = {"opportunities": make_tables()["opportunities"].head(1).assign(recorded_at=AS_OF - timedelta(days=1))}

    territory, made = outlooks(tables)

    assert territory.paths.shape == made.paths.shape
    assert np.isfinite(territory.paths).all()
