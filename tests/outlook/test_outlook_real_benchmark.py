"""The benchmark of real outlooks: its sets become workspaces with the right totals."""

import pandas as pd
import pytest
import yaml

from forecast.workspace import Workspace


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("name", ["loan-applications", "online-retail", "m5"])
def test_sets_keep_what_was_sold(benchmark_script, shared_data, tmp_path, name):
    one = benchmark_script("outlook_sets").SETS[name]
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(one.mapping(shared_data)))
    workspace = Workspace.init(tmp_path / "workspace", **one.settings)
    result = workspace.ingest(tmp_path / "mapping.yaml", data=shared_data / one.folder)

    assert result.to_frame()["quarantined"].sum() == 0
    if name == "loan-applications":
        assert set(workspace.table("users")["team_id"]) >= {"validate", "call", "complete", "leads"}
        return
    lines = workspace.table("order_lines")
    total = float((lines["quantity"].astype(float) * lines["unit_price"].astype(float)).sum())
    source = pd.read_parquet(
        next((shared_data / name).glob("transactions.parquet" if name != "m5" else "sales_daily*"))
    )
    if name == "m5":
        months = pd.read_parquet(shared_data / "m5" / "sales_monthly_2011-01_2016-04.parquet")
        before = months.loc[:, "2013-01":"2015-02"].to_numpy().sum()
        first_days = months["2015-03"].sum() - source.loc[:, "d_1495":"d_1523"].to_numpy().sum()
        expected = source.filter(like="d_").to_numpy().sum() + before + first_days
    else:
        kept = source[~source["InvoiceNo"].astype(str).str.startswith("A")]
        expected = float((kept["Quantity"] * kept["UnitPrice"]).sum())
    assert total == pytest.approx(expected, rel=1e-6)
