"""The benchmark of the leak hunter: its planting is what it says, it fails hunters that fail, and ours passes it."""

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from forecast.datasets import make_company
from forecast.features.leaks import Suspect


@pytest.fixture(scope="module")
def benchmark(benchmark_script):
    return benchmark_script("leak_hunter")


@pytest.fixture(scope="module")
def late_company():
    return make_company(n_opportunities=400, months=12, late_records=0.4, random_state=7)


@pytest.fixture(scope="module")
def cases(benchmark, late_company):
    return benchmark.cases_of(late_company, "opportunity")


def blind(con, entity, *, as_of):
    return []


def alarmist(con, entity, *, as_of):
    table = {"lead": "leads", "opportunity": "opportunities"}[entity]
    columns = ["amount", *con.execute(f"SELECT DISTINCT unnest(json_keys(attributes)) FROM {table}").df().iloc[:, 0]]
    return [Suspect(table, column, "leak", "any", "everything is a leak") for column in columns]


def test_cases_of_counts_outcomes_as_the_export_does(cases, late_company):
    last = late_company.exports["opportunities"].drop_duplicates("opportunity_id", keep="last")

    assert cases.frame["won"].sum() == (last["outcome"] == "won").sum()
    assert cases.frame["lost"].sum() == (last["outcome"] == "lost").sum()
    recorded = cases.closed
    assert (recorded["fate"] == np.where(recorded["won"], "won", "lost")).all()
    assert (recorded["fate_at"] == recorded["event_at"]).all()


def test_with_columns_adds_a_version_where_a_value_changes_between_versions(benchmark, cases):
    case = cases.losses.index[0]
    moment = cases.frame.loc[case, "first"] + pd.Timedelta(minutes=7)
    change = pd.DataFrame({"case": [case], "at": [moment], "value": ["later"]})
    column = benchmark.Column("extra", pd.Series("early", cases.frame.index, dtype=object), change)

    export = benchmark.with_columns(cases, [column])

    assert len(export) == len(cases.versions) + 1
    mine = export[export["opportunity_id"] == case]
    assert mine["extra"].tolist() == ["early"] + ["later"] * (len(mine) - 1)
    assert mine["recorded_at"].iloc[1] == moment
    assert mine["stage"].iloc[1] == mine["stage"].iloc[0]
    untouched = export[export["recorded_at"] != moment].drop(columns="extra")
    keys = ["opportunity_id", "recorded_at"]
    pd.testing.assert_frame_equal(
        untouched.sort_values(keys, ignore_index=True), cases.versions.sort_values(keys, ignore_index=True)
    )


def test_clopper_pearson_agrees_with_the_exact_interval_of_scipy(benchmark):
    for k, n in [(0, 40), (40, 40), (37, 40)]:
        theirs = binomtest(k, n).proportion_ci(0.95, method="exact")

        assert sys.modules["leak_report"].clopper_pearson(k, n) == pytest.approx((theirs.low, theirs.high))


def test_only_point_in_time_leaks_show_the_future_before_the_closing(benchmark, cases):
    """The definition itself: what a version says before the closing changes when nothing is ever closed."""
    nothing = pd.Series(pd.NaT, cases.frame.index, dtype="datetime64[us, UTC]")
    frame = cases.frame.assign(event_at=nothing, known_at=nothing, won=False, lost=False, fate="", fate_at=nothing)
    shows = {}
    for kind in benchmark.LEAKS:
        column = kind.make(cases, np.random.default_rng(5))
        without = replace(kind.make(replace(cases, frame=frame), np.random.default_rng(5)), name="without")
        export = benchmark.with_columns(cases, [column, without])
        early = export[export["recorded_at"] < export["opportunity_id"].map(cases.frame["known_at"])]
        shows[kind.name] = not early[column.name].equals(early["without"].rename(column.name))

    assert shows == {kind.name: kind.hurts == "point in time" for kind in benchmark.LEAKS}


@pytest.mark.slow
@pytest.mark.parametrize(("hunter", "stayed", "out"), [(blind, True, False), (alarmist, False, True)])
def test_benchmark_fails_a_hunter_that_names_nothing_or_everything(benchmark, hunter, stayed, out):
    judged = pd.DataFrame(list(benchmark.judge_companies(1, 1, hunter)))

    failed = benchmark.failures(judged)

    assert failed["is_leak"].any() == stayed
    assert (~failed["is_leak"]).any() == out


@pytest.mark.slow
def test_hunter_takes_every_planted_leak_out_and_no_honest_column_in_six_companies(benchmark):
    judged = pd.DataFrame(list(benchmark.judge_companies(6, 1)))

    assert judged["is_leak"].sum() == 36
    failed = benchmark.failures(judged)
    assert failed.empty, failed[["seed", "entity", "kind", "verdict", "evidence"]].to_string()
