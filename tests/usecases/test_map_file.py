"""Drafted mappings: they parse, they ingest, and they say where a person must look."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.inputs import draft_mapping, register_inputs
from forecast.adapters.lake import DeltaLake
from forecast.errors import InvalidInput
from forecast.mapping import MappingSpec, parse_mapping
from forecast.usecases.ingest import IngestResult, ingest

CLOCK = FixedClock(datetime(2026, 6, 1, tzinfo=UTC))


def take(spec: MappingSpec, data: Path, lake: Path) -> IngestResult:
    return ingest(spec, lambda con: register_inputs(con, spec, data), DeltaLake(lake, clock=CLOCK), CLOCK)


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "table", "rows"),
    [
        ("crm-sales-opportunities/sales_pipeline.csv", "opportunities", 8300),
        ("olist-funnel/olist_marketing_qualified_leads_dataset.csv", "leads", 8000),
        ("crm-sales-opportunities/accounts.csv", "accounts", 85),
        ("crm-sales-opportunities/products.csv", "products", 7),
        ("crm-sales-opportunities/sales_teams.csv", "users", 35),
    ],
)
def test_a_drafted_mapping_of_a_real_export_ingests(shared_data, tmp_path, file, table, rows):
    path = shared_data / file
    spec = parse_mapping(draft_mapping(path), "draft.yaml")
    if table == "users":  # the managers are teams of their own, which this file alone does not bring in
        assert spec.tables.keys() == {"users"}

    result = take(spec, path.parent, tmp_path)

    assert result.counts == {table: {"read": rows, "new": rows, "changed": 0, "unchanged": 0, "quarantined": 0}}


@pytest.mark.shared
def test_the_draft_of_the_pipeline_knows_outcomes_and_amounts(shared_data, tmp_path):
    path = shared_data / "crm-sales-opportunities" / "sales_pipeline.csv"

    take(parse_mapping(draft_mapping(path), "draft.yaml"), path.parent, tmp_path)

    frame = DeltaLake(tmp_path).table("opportunities")
    assert frame["outcome"].value_counts().to_dict() == {"won": 4238, "lost": 2473}
    assert frame.loc[frame["outcome"].eq("won"), "amount"].sum() == 10_005_534


def test_headers_of_salesforce_are_known(tmp_path):
    file = written(
        tmp_path,
        "opps.csv",
        "Opportunity ID,Opportunity Name,Account Name,Opportunity Owner,Stage,Amount,Close Date,Created Date,"
        "Lead Source\n"
        '006A,Big,Acme,Ann,Closed Won,"1,234.50",03/31/2026,01/15/2026,Web\n'
        "006B,Small,Beta,Bob,Prospecting,10,07/31/2026,02/15/2026,Web\n",
    )

    spec = parse_mapping(draft_mapping(file), "draft.yaml")
    take(spec, tmp_path, tmp_path / "lake")

    frame = DeltaLake(tmp_path / "lake").table("opportunities").set_index("opportunity_id")
    assert frame["amount"].tolist() == [1234.5, 10]
    assert frame.loc["006A", ["outcome", "account_id", "owner_id", "name"]].tolist() == ["won", "Acme", "Ann", "Big"]
    assert frame.loc["006A", "closed_at"] == datetime(2026, 3, 31, tzinfo=UTC)
    assert str(frame.loc["006B", "expected_close_date"])[:10] == "2026-07-31"
    assert frame["Lead Source"].tolist() == ["Web", "Web"]


def test_a_home_made_list_with_plain_headers_and_european_days_is_known(tmp_path):
    file = written(
        tmp_path,
        "leads.csv",
        "Lead ID,Created,Company,Source,Status,Converted on,Closed on\n"
        "1,31/03/2026 09:15,Acme,Fair,Converted,15/04/2026 10:00,\n"
        "2,01/04/2026 17:40,Zenith,Web,Lost,,02/05/2026 08:00\n",
    )

    take(parse_mapping(draft_mapping(file), "draft.yaml"), tmp_path, tmp_path / "lake")

    first, second = DeltaLake(tmp_path / "lake").table("leads").to_dict("records")
    assert first["created_at"] == datetime(2026, 3, 31, 9, 15, tzinfo=UTC)
    assert first["converted_at"] == datetime(2026, 4, 15, 10, tzinfo=UTC)
    assert second["closed_at"] == datetime(2026, 5, 2, 8, tzinfo=UTC)


def test_headers_in_chinese_are_known(tmp_path):
    file = written(
        tmp_path,
        "商机.csv",
        "商机编号,商机名称,客户名称,负责人,销售阶段,商机金额,预计成交日期,创建时间,手机\n"
        "S1,大单,北京客户,张三,赢单,1000,2026/03/31,2026/01/15 08:30,138\n"
        "S2,小单,上海客户,李四,报价,50,2026/07/31,2026/02/15 09:00,139\n",
    )

    text = draft_mapping(file)
    spec = parse_mapping(text, "draft.yaml")
    result = take(spec, tmp_path, tmp_path / "lake")

    assert list(spec.tables) == ["opportunities"]
    assert spec.personal == {"opportunities": ("手机",)}
    assert result.counts["opportunities"]["new"] == 2
    assert "# closed_at: no column says when a row closed; the expected day is taken" in text


def test_what_a_person_must_look_at_is_said_in_the_draft(tmp_path):
    file = written(tmp_path, "leads.csv", "Lead ID,Lead Source,Created Time\n1,Web,01/02/2026\n2,Web,03/04/2026\n")

    text = draft_mapping(file)

    assert "# created_at: read as %d/%m/%Y; %m/%d/%Y fits too" in text


def test_a_draft_names_the_file_from_where_the_draft_will_lie(tmp_path):
    file = written(tmp_path, "leads.csv", "Lead ID,Lead Source,Created Time\n1,Web,2026-01-13\n")
    (tmp_path / "company").mkdir()

    text = draft_mapping(file, tmp_path / "company", timezone="Asia/Shanghai")

    spec = parse_mapping(text, "draft.yaml")
    assert spec.inputs["export"].file == "../leads.csv"
    assert spec.timezone == "Asia/Shanghai"
    assert take(spec, tmp_path / "company", tmp_path / "lake").counts["leads"]["new"] == 1


def test_a_draft_says_which_columns_models_could_use_if_they_are_known_from_the_start(tmp_path):
    file = written(
        tmp_path, "leads.csv", "Lead ID,Lead Name,Lead Source,Industry,Created Time\n1,Li,Web,IT,2026-01-13\n"
    )

    assert 'so that models may use it: "Industry"\n' in draft_mapping(file)


def test_the_name_of_a_lead_is_a_person_s(tmp_path):
    file = written(tmp_path, "leads.csv", "Lead ID,Lead Name,Lead Source,Created Time\n1,Li Lei,Web,2026-01-13\n")

    assert parse_mapping(draft_mapping(file), "draft.yaml").personal == {"leads": ("Lead Name",)}


def test_a_file_that_looks_like_nothing_is_refused(tmp_path):
    file = written(tmp_path, "weather.csv", "station,temperature\nA,3\n")

    with pytest.raises(InvalidInput, match=r"weather\.csv: its columns \(station, temperature\) look like none of"):
        draft_mapping(file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"there is no file .*gone\.csv"):
        draft_mapping(tmp_path / "gone.csv")
