from datetime import UTC, datetime

import pandas as pd

from forecast.features import build_features
from forecast.features.leaks import Suspect
from forecast.history import connect_tables
from training.leakage import changed_features, distort_future, leak_section, sample_spine

MOMENT = datetime(2025, 3, 1, tzinfo=UTC)


def test_distort_future_leaves_what_was_known_before(lead_tables: dict[str, pd.DataFrame]) -> None:
    before = "SELECT lead_id, status, closed_at FROM leads WHERE recorded_at < TIMESTAMP '2025-03-01' ORDER BY ALL"
    con, other = connect_tables(lead_tables), connect_tables(lead_tables)

    distort_future(other, MOMENT)

    pd.testing.assert_frame_equal(con.sql(before).df(), other.sql(before).df())


def test_distort_future_changes_or_removes_everything_later(lead_tables: dict[str, pd.DataFrame]) -> None:
    later = (
        "SELECT count(*), count(*) FILTER (status IN ('new', 'done')) FROM leads "
        "WHERE recorded_at >= TIMESTAMP '2025-03-01'"
    )
    con, other = connect_tables(lead_tables), connect_tables(lead_tables)

    distort_future(other, MOMENT)

    n_before, _ = con.sql(later).fetchall()[0]
    n_after, unchanged = other.sql(later).fetchall()[0]
    assert 0.4 * n_before < n_after < 0.6 * n_before
    assert unchanged == 0


def test_a_feature_that_looks_ahead_is_named(lead_tables: dict[str, pd.DataFrame]) -> None:
    def build(con) -> pd.DataFrame:
        honest = build_features(con, spine, "lead", ["stage"])
        last = con.sql("SELECT lead_id, arg_max(status, recorded_at) AS last FROM leads GROUP BY ALL").df()
        return honest.assign(stage__in_the_end=spine["entity_id"].map(last.set_index("lead_id")["last"]))

    spine = pd.DataFrame({"entity_id": [f"L{number:03d}" for number in range(60, 90)], "as_of": pd.Timestamp(MOMENT)})
    con, other = connect_tables(lead_tables), connect_tables(lead_tables)
    distort_future(other, MOMENT)

    assert changed_features(build(con), build(other)) == ("stage__in_the_end",)


def test_changed_features_names_columns_that_come_or_go() -> None:
    one = pd.DataFrame({"a": [1.0, None], "b": ["x", None], "c": [1.0, 2.0]})
    other = pd.DataFrame({"a": [1.0, None], "b": ["x", "y"], "d": [1.0, 2.0]})

    assert changed_features(one, other) == ("b", "c", "d")


def test_sample_is_of_one_moment_and_at_most_300_rows() -> None:
    moments = pd.to_datetime(["2025-01-01", "2025-01-02"], utc=True)
    spine = pd.DataFrame({"entity_id": [f"{i:04d}" for i in range(1000)] * 2, "as_of": moments.repeat(1000)})

    sample = sample_spine(spine, moments[1])

    assert len(sample) == 250
    assert sample["as_of"].unique().tolist() == [moments[1]]


def test_leak_section_names_each_column_with_its_evidence() -> None:
    found = [
        Suspect("leads", "note", "leak", "only_after_closing", {"closed_cases_with_it": 7}),
        Suspect("leads", "index", "suspicious", "known_too_early", {"auc_at_creation": 0.98765}),
    ]

    lines = leak_section(found).splitlines()

    assert lines[2].startswith("- `leads.note`: never filled")
    assert lines[2].endswith("(closed_cases_with_it 7).")
    assert lines[3].endswith("(auc_at_creation 0.988). Named only: no proof.")
    assert leak_section([]).startswith("None:")
