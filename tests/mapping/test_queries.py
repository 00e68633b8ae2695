"""A mapping's queries over its inputs."""

import pandas as pd

from forecast.history import open_connection
from forecast.mapping.queries import run_queries
from forecast.mapping.spec import parse_mapping


def test_zoned_nanoseconds_as_pandas_writes_them_become_microseconds():
    leads = pd.DataFrame({"created_at": pd.to_datetime(["2024-01-01 10:00:00.123456789"], utc=True)})
    spec = parse_mapping(
        {"source": "crm", "inputs": {"rows": {"file": "x"}}, "tables": {"leads": "select * from rows"}}
    )

    with open_connection() as con:
        con.register("rows", leads)
        _, rows = next(run_queries(con, spec))

    assert str(rows.schema.field("created_at").type) == "timestamp[us, tz=UTC]"
    assert rows["created_at"][0].as_py().isoformat() == "2024-01-01T10:00:00.123456+00:00"
