import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from forecast.outlook.record import beside, binomial_interval, came_true, horizon_of, one_per_case


def case(level="rep", node="ada", period="2024-06", days=20.0, low=0.0, high=10.0, actual=5.0, *, public=True, batch=1):
    end = pd.Timestamp("2024-07-01", tz="UTC")
    return {
        "period": period,
        "level": level,
        "id": node,
        "as_of": end - pd.Timedelta(days=days),
        "batch": batch,
        "days_ahead": days,
        "q0.1": low,
        "q0.9": high,
        "actual": actual,
        "is_public": public,
    }


def test_horizons_end_where_they_say():
    days = [-1, 0, 0.5, 7, 7.1, 8, 31, 32, 92, 93, 400]

    assert horizon_of(days).tolist() == [
        None, None, "0-7", "0-7", "8-31", "8-31", "8-31", "32-92", "32-92", "93+", "93+"
    ]  # fmt: skip


@given(n=st.integers(1, 400), share=st.floats(0, 1))
def test_interval_is_that_of_the_exact_test(n, share):
    k = round(share * n)

    low, high = binomial_interval([k], [n])

    expected = binomtest(k, n).proportion_ci(0.95, method="exact")
    np.testing.assert_allclose([low[0], high[0]], [expected.low, expected.high], atol=1e-9)


def test_no_case_has_no_interval():
    assert np.isnan(binomial_interval([0], [0])).all()


def test_record_counts_ranges_that_held():
    rows = [case(node=f"u{number}", actual=5.0 if number < 7 else 11.0) for number in range(10)]
    rows += [case("company", "company", actual=10.0), case(days=5.0, actual=-0.01)]

    found = came_true(pd.DataFrame(rows)).set_index(["level", "horizon"])

    assert list(found.index) == [("company", "8-31"), ("rep", "0-7"), ("rep", "8-31")]
    assert found.loc[("rep", "8-31"), ["came_true", "of"]].tolist() == [7, 10]
    expected = binomtest(7, 10).proportion_ci(0.95, method="exact")
    np.testing.assert_allclose(
        found.loc[("rep", "8-31"), ["came_true_low", "came_true_high"]].to_numpy(float), [*expected], atol=1e-6
    )
    assert found.loc[("company", "8-31"), "came_true"] == 1  # the bound belongs to the range
    assert found.loc[("rep", "0-7"), "came_true"] == 0


def test_daily_snapshots_of_a_period_are_one_case_judged_by_the_first():
    rows = [case(days=float(days), high=10.0 if days == 20 else 1.0) for days in range(8, 21)]

    found = came_true(pd.DataFrame(rows))

    assert found[["came_true", "of"]].to_numpy().tolist() == [[1, 1]]


def test_a_later_batch_of_the_same_day_is_no_new_case():
    rows = pd.DataFrame([case(batch=2, high=1.0), case(batch=1)])

    assert one_per_case(rows)["batch"].tolist() == [1]


@pytest.mark.parametrize("hidden", [{"public": False}, {"actual": np.nan}, {"high": np.nan}, {"days": -2.0}])
def test_what_is_not_public_or_not_over_is_left_out(hidden):
    rows = pd.DataFrame([case(), case(node="bob", **hidden)])

    assert came_true(rows)["of"].tolist() == [1]


def test_record_stands_beside_every_line_and_is_missing_while_there_is_none():
    record = came_true(pd.DataFrame([case(), case(node="bob", actual=99.0)]))
    lines = pd.DataFrame({"level": ["company", "rep", "rep"], "id": ["company", "ada", "cyd"], "mean": [3.0, 1.0, 2.0]})

    now = beside(lines, record, 12.0)
    ahead = beside(lines, record, 60.0)

    assert now["stated"].tolist() == [0.8] * 3
    assert now["came_true"].fillna(-1).tolist() == [-1, 1, 1]
    assert now["of"].fillna(-1).tolist() == [-1, 2, 2]
    assert now[["level", "id", "mean"]].equals(lines)
    assert ahead["came_true"].isna().all()
