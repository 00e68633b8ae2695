"""What an ingest counts as known, and from when on."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st


def deal(recorded_at: str | None = None, **columns: Any) -> dict[str, Any]:
    row = {"opportunity_id": "A", "created_at": "2026-01-01"} | columns
    return row | ({"recorded_at": recorded_at} if recorded_at else {})


# Sources with recorded_at


def test_each_row_with_recorded_at_is_a_version(intake):
    rows = [deal("2026-01-01", stage="new"), deal("2026-01-05", stage="offer")]

    result = intake.take({"opportunities": rows})

    assert result.counts == {"opportunities": {"read": 2, "new": 1, "changed": 1, "unchanged": 0, "quarantined": 0}}
    assert intake.versions("opportunities", "stage") == [("2026-01-01", "new"), ("2026-01-05", "offer")]


def test_the_same_rows_again_change_nothing_and_make_no_commit(intake):
    rows = [deal("2026-01-01", stage="a"), deal("2026-01-02", stage="b"), deal("2026-01-03", stage="a")]
    intake.take({"opportunities": rows})

    again = intake.take({"opportunities": rows})

    assert again.counts == {"opportunities": {"read": 3, "new": 0, "changed": 0, "unchanged": 3, "quarantined": 0}}
    assert again.batch == intake.lake.head() == 1


def test_a_late_version_is_stored_between_two_that_are_there(intake):
    intake.take({"opportunities": [deal("2026-01-01", stage="a"), deal("2026-01-09", stage="c")]})

    late = intake.take({"opportunities": [deal("2026-01-05", stage="b")]})

    assert late.counts["opportunities"]["changed"] == 1
    assert intake.versions("opportunities", "stage") == [("2026-01-01", "a"), ("2026-01-05", "b"), ("2026-01-09", "c")]


def test_a_late_version_that_says_nothing_new_is_not_stored(intake):
    intake.take({"opportunities": [deal("2026-01-01", stage="a"), deal("2026-01-09", stage="c")]})

    late = intake.take({"opportunities": [deal("2026-01-05", stage="a")]})

    assert late.counts["opportunities"] == {"read": 1, "new": 0, "changed": 0, "unchanged": 1, "quarantined": 0}


def test_of_versions_at_one_moment_only_the_last_row_is_stored(intake):
    result = intake.take({"opportunities": [deal("2026-01-01", stage="a"), deal("2026-01-01", stage="b")]})

    assert result.counts["opportunities"] == {"read": 2, "new": 1, "changed": 0, "unchanged": 1, "quarantined": 0}
    assert intake.versions("opportunities", "stage") == [("2026-01-01", "b")]


def test_a_correction_at_the_same_moment_replaces_what_was_stored(intake):
    intake.take({"opportunities": [deal("2026-01-01", stage="a")]})

    intake.take({"opportunities": [deal("2026-01-01", stage="b")]})

    assert intake.lake.table("opportunities")["stage"].tolist() == ["b"]


def test_a_column_that_the_query_lacks_is_carried_forward_and_null_is_null(intake):
    intake.take({"opportunities": [deal("2026-01-01", stage="a", amount=10, name="x", colour="red")]})

    intake.take({"opportunities": [deal("2026-01-05", stage=None, name="y")]})

    assert intake.versions("opportunities", "stage", "name", "attributes") == [
        ("2026-01-01", "a", "x", '{"colour":"red"}'),
        ("2026-01-05", None, "y", '{"colour":"red"}'),
    ]


def test_a_change_in_an_ignored_column_alone_is_no_version(intake):
    intake.take({"opportunities": [deal("2026-01-01", stage="a", seen=1, name="x")]}, ignore=["seen", "name"])

    again = intake.take({"opportunities": [deal("2026-01-02", stage="a", seen=2, name="y")]}, ignore=["seen", "name"])

    assert again.counts["opportunities"]["unchanged"] == 1


def test_a_deletion_is_a_version_and_takes_the_entity_out_of_the_table(intake):
    rows = [deal("2026-01-01"), deal("2026-02-01") | {"deleted_at": "2026-02-01"}]

    intake.take({"opportunities": [{"deleted_at": None} | row for row in rows]})

    assert intake.versions("opportunities", "deleted_at")[0] == ("2026-01-01", None)
    assert intake.lake.table("opportunities").empty


# Current-state exports


@pytest.mark.parametrize("lost", ["2026-03-01", None])
def test_a_converted_lead_is_known_from_its_conversion_on_whether_or_not_leads_have_closing_days(intake, lost):
    won = {"lead_id": "w", "status": "won", "created_at": "2026-01-01", "converted_at": "2026-02-01"}
    open_or_lost = {"lead_id": "x", "status": "late", "created_at": "2026-01-05"} | (
        {"closed_at": lost} if lost else {}
    )

    intake.take({"leads": [won, open_or_lost]})

    today = f"{intake.clock.moment:%Y-%m-%d}"
    assert intake.versions("leads", "lead_id", "status") == [
        ("2026-01-01", "w", None),
        ("2026-02-01", "w", "won"),
        ("2026-01-05", "x", None),
        (lost or today, "x", "late"),
    ]


def test_a_closed_row_is_known_at_creation_only_by_what_the_mapping_lists(intake):
    row = deal(closed_at="2026-03-01", outcome="won", amount=99, product_id="P", stage="Won", score=5, region="N")

    result = intake.take({"opportunities": [row]}, at_creation={"opportunities": ["product_id", "region"]})

    assert result.counts["opportunities"] == {"read": 1, "new": 1, "changed": 0, "unchanged": 0, "quarantined": 0}
    columns = ("product_id", "amount", "stage", "outcome", "closed_at", "attributes")
    first, second = intake.versions("opportunities", *columns)
    assert first == ("2026-01-01", "P", None, None, None, None, '{"region":"N"}')
    assert second[:1] + second[3:5] + second[6:] == ("2026-03-01", "Won", "won", '{"region":"N","score":5}')


def test_an_open_row_is_known_in_full_at_the_export(intake):
    intake.take({"opportunities": [deal(stage="offer")]}, exported_at="2026-05-01")

    assert intake.versions("opportunities", "stage") == [("2026-01-01", None), ("2026-05-01", "offer")]


def test_a_changed_row_counts_as_known_at_the_import_that_showed_it(intake):
    intake.take({"opportunities": [deal(stage="offer")]}, exported_at="2026-05-01")

    second = intake.take(
        {"opportunities": [deal(stage="Won", closed_at="2026-04-01", outcome="won")]}, exported_at="2026-05-08"
    )

    assert second.counts["opportunities"] == {"read": 1, "new": 0, "changed": 1, "unchanged": 0, "quarantined": 0}
    assert intake.versions("opportunities", "stage")[-1] == ("2026-05-08", "Won")


def test_an_entity_without_a_moment_is_known_since_ever_by_what_the_mapping_lists(intake):
    rows = [{"product_id": "P", "name": "Lamp", "list_price": 5}]

    intake.take({"products": rows}, at_creation={"products": ["name"]}, exported_at="2026-05-01")

    assert intake.versions("products", "name", "list_price")[0] == ("1970-01-01", "Lamp", None)


def test_a_fact_is_known_at_its_own_moment_and_a_planned_one_at_the_export(intake):
    rows = [{"interaction_id": "1", "at": "2026-02-01"}, {"interaction_id": "2", "at": "2026-09-01"}]

    intake.take({"interactions": rows}, exported_at="2026-05-01")

    assert intake.versions("interactions", "interaction_id") == [("2026-02-01", "1"), ("2026-05-01", "2")]


def test_an_order_line_is_known_when_its_order_was_placed(intake):
    orders = [{"order_id": "O", "ordered_at": "2026-02-03"}]
    lines = [{"order_id": "O", "line": 1, "quantity": 2}]

    intake.take({"orders": orders, "order_lines": lines})

    assert intake.versions("order_lines", "line") == [("2026-02-03", 1)]


def test_demand_of_a_day_is_known_at_its_end_and_a_driver_at_its_start(intake):
    rows = [{"store": "S", "item": "I", "date": "2026-02-03", "quantity": 2}]
    drivers = [{"name": "price", "store": "S", "item": "I", "date": "2026-02-03", "value": 2}]

    intake.take({"demand": rows, "drivers": drivers}, series=["store", "item"])

    assert intake.versions("demand", "unique_id") == [("2026-02-03", "S/I")]
    with intake.lake.connect() as con:
        known = con.execute(
            "SELECT CAST(d.recorded_at AS VARCHAR), CAST(p.recorded_at AS VARCHAR) FROM demand d, drivers p"
        ).fetchall()
    assert known == [("2026-02-03 23:59:59.999999", "2026-02-03 00:00:00")]


def test_a_deleted_row_of_an_export_is_gone_from_its_deletion_on(intake):
    row = deal(stage="Won", closed_at="2026-02-01", outcome="won") | {"deleted_at": "2026-03-01"}

    intake.take({"opportunities": [row]})

    moments = [
        (at, outcome, bool(gone)) for at, outcome, gone in intake.versions("opportunities", "outcome", "deleted_at")
    ]
    assert moments == [("2026-01-01", None, False), ("2026-02-01", "won", False), ("2026-03-01", "won", True)]


def test_equal_rows_of_an_export_count_once(intake):
    result = intake.take({"opportunities": [deal(stage="a"), deal(stage="a")]})

    assert result.counts["opportunities"] == {"read": 2, "new": 1, "changed": 0, "unchanged": 1, "quarantined": 0}


# What the mapping adds


def test_times_without_offset_are_read_in_the_zone_of_the_mapping(intake):
    rows = [
        deal("2026-01-10 12:00:00"),
        deal("2026-07-10T12:00:00", stage="b"),
        deal("2026-07-11T12:00:00Z", stage="c"),
    ]

    intake.take({"opportunities": rows}, timezone="Asia/Shanghai")

    with intake.lake.connect() as con:
        moments = con.execute("SELECT CAST(recorded_at AS VARCHAR) FROM opportunities ORDER BY 1").fetchall()
    assert moments == [("2026-01-10 04:00:00",), ("2026-07-10 04:00:00",), ("2026-07-11 12:00:00",)]


def test_ids_get_the_prefix_of_the_mapping_in_keys_and_references(intake):
    users = [{"user_id": "7", "name": "Ann"}]

    intake.take({"users": users, "opportunities": [deal(owner_id="7")]}, id_prefix="eu-")

    frame = intake.lake.table("opportunities")
    assert frame[["opportunity_id", "owner_id"]].iloc[0].tolist() == ["eu-A", "eu-7"]


def test_an_amount_without_currency_gets_that_of_the_mapping(intake):
    rows = [deal(amount=5, currency=None), deal(amount=5, currency="JPY") | {"opportunity_id": "B"}]

    intake.take({"opportunities": rows}, currency="CNY", at_creation={"opportunities": ["amount", "currency"]})

    assert intake.lake.table("opportunities")["currency"].tolist() == ["CNY", "JPY"]


@pytest.mark.parametrize("name", ["=1+1", "@x", "+x", "-2+3", "007", "1e5", " a ", "客户"])
def test_an_id_is_kept_as_it_was_written(intake, name):
    intake.take({"leads": [{"lead_id": name, "created_at": "2026-01-01"}]})

    assert intake.lake.table("leads")["lead_id"].tolist() == [name]


def test_attributes_are_typed_by_all_of_their_values(intake):
    rows = [
        {
            "lead_id": str(n),
            "created_at": "2026-01-01",
            "size": size,
            "zip": zip_,
            "vip": vip,
            "seen": seen,
            "void": None,
        }
        for n, (size, zip_, vip, seen) in enumerate([("1", "007", "true", "2026-01-02"), ("2.5", "100", "False", None)])
    ]

    intake.take({"leads": rows}, at_creation={"leads": ["size", "zip", "vip", "seen"]})

    with intake.lake.connect() as con:
        types = con.execute("SELECT name, type FROM attribute_catalogue ORDER BY name").fetchall()
    assert types == [("seen", "timestamp"), ("size", "number"), ("vip", "boolean"), ("zip", "text")]
    assert intake.versions("leads", "attributes")[0] == (
        "2026-01-01", '{"seen":"2026-01-02 00:00:00","size":1,"vip":true,"zip":"007"}',
    )  # fmt: skip


def test_an_attribute_whose_new_values_do_not_fit_its_type_becomes_text(intake):
    first = {"lead_id": "A", "created_at": "2026-01-01", "size": "5"}
    intake.take({"leads": [first]})

    second = intake.take({"leads": [first, {"lead_id": "B", "created_at": "2026-01-01", "size": "big"}]})

    assert second.counts["leads"] == {"read": 2, "new": 1, "changed": 0, "unchanged": 1, "quarantined": 0}
    assert intake.lake.table("leads")["size"].tolist() == ["5", "big"]


# Laws


stages = st.sampled_from(["a", "b", None])
histories = st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 6), stages), min_size=1, max_size=12)


def _rows(history: list[tuple[str, int, str | None]]) -> list[dict[str, Any]]:
    return [deal(f"2026-01-{day:02d}", stage=stage, opportunity_id=name) for name, day, stage in history]


def _in_force(intake: Any) -> list[tuple[Any, ...]]:
    """Stage of each id as of each of the days 1 to 7."""
    with intake.lake.connect(tables=["opportunities"]) as con:
        return con.execute(
            "SELECT day, opportunity_id, stage "
            "FROM (SELECT DATE '2026-01-01' + CAST(range AS INTEGER) AS day FROM range(1, 8)) "
            "JOIN opportunities ON known_from < day AND known_to >= day ORDER BY ALL"
        ).fetchall()


@pytest.mark.slow
@settings(
    max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(history=histories, data=st.data())
def test_a_history_is_known_the_same_whatever_order_its_parts_came_in(tmp_path_factory, intake, history, data):
    """After one more ingest of all of it: a version that was no news when it came may be news after a late one."""
    history = sorted({(name, day): (name, day, stage) for name, day, stage in history}.values())
    order = data.draw(st.permutations(history))
    cut = data.draw(st.integers(1, len(order)))
    whole, parts = (type(intake)(tmp_path_factory.mktemp("lake")) for _ in range(2))

    whole.take({"opportunities": _rows(history)})
    for part in (order[:cut], order[cut:], order):
        if part:
            counts = parts.take({"opportunities": _rows(part)}).counts["opportunities"]
            assert counts["read"] == len(part) == sum(counts[name] for name in ("new", "changed", "unchanged"))

    assert _in_force(parts) == _in_force(whole)
    again = parts.take({"opportunities": _rows(order)}).counts["opportunities"]
    assert (again["new"], again["changed"]) == (0, 0)


def test_when_a_column_is_filled_is_kept_with_the_batch_that_said_so(intake):
    rows = [{"lead_id": "L", "created_at": "2026-01-01", "reason": "price", "size": 3}]
    intake.take({"leads": rows}, filled={"leads": {"reason": "open", "size": "creation"}})
    intake.take({"leads": rows}, filled={"leads": {"reason": "closing"}})
    again = intake.take({"leads": rows}, filled={"leads": {"reason": "closing"}})

    declared = {}
    for batch in (1, 2):
        with intake.lake.connect(batch) as con:
            declared[batch] = con.sql("SELECT name, filled FROM declared_fills ORDER BY name").fetchall()

    assert declared == {
        1: [("reason", "open"), ("size", "creation")],
        2: [("reason", "closing"), ("size", "creation")],
    }
    assert again.batch == 2
