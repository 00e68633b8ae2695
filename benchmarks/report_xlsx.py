"""Open every ready report's workbook in LibreOffice, and compare what it calculates with the sums of the API.

LibreOffice recalculates the formulas and writes each sheet as CSV; the totals there must be those of
``GET /v1/reports/{name}`` at the same (as_of, batch). Needs ``soffice`` (Debian: libreoffice-calc).

    python benchmarks/report_xlsx.py
"""

import csv
import subprocess
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

from fastapi.testclient import TestClient

from api.app import create_app
from forecast.adapters.clock import FixedClock
from forecast.datasets import make_company
from forecast.workspace import Workspace

ASKED = {"period": "2025Q4", "as_of": "2025-12-15", "batch": 1}
#: Sheets as CSV, all of them, with formulas calculated anew and numbers as they are.
_EXPORT = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"


#: Else LibreOffice shows the values that the file brings along.
_ALWAYS_RECALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item></oor:items>"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "profile" / "user").mkdir(parents=True)
        (place / "profile" / "user" / "registrymodifications.xcu").write_text(_ALWAYS_RECALCULATE, encoding="utf-8")
        company = make_company(n_opportunities=200, n_leads=200, n_accounts=60, months=12, start=date(2025, 1, 1))
        workspace = Workspace.init(place / "ws", FixedClock(datetime(2026, 1, 1, tzinfo=UTC)), reporting_currency="EUR")
        workspace.ingest(company.write(place / "export"))
        key = workspace.store.create_key("benchmark", "admin")
        client = TestClient(create_app(workspace), headers={"Authorization": f"Bearer {key}"})
        compared = 0
        for name in workspace.ready_reports():
            n, wrong = compare(client, name, place)
            compared += n
            print(f"{name}: {n} totals compared, {len(wrong)} differ {wrong[:3]}")
        print(f"{compared} totals in all")


def compare(client: TestClient, name: str, place: Path) -> tuple[int, list[tuple[str, str, float, float]]]:
    """Number of totals compared, and those that differ by more than half a unit of the last written digit."""
    body = client.get(f"/v1/reports/{name}", params=ASKED).json()
    file = place / f"{name}.xlsx"
    file.write_bytes(client.get(f"/v1/reports/{name}", params=ASKED | {"format": "xlsx"}).content)
    out = place / name
    command = ["soffice", "--headless", f"-env:UserInstallation=file://{place}/profile", "--convert-to", _EXPORT]
    subprocess.run([*command, "--outdir", str(out), str(file)], check=True, capture_output=True, timeout=300)
    sheets = sorted(out.glob("*.csv"), key=lambda sheet: sheet.stat().st_mtime_ns)[1:]
    n, wrong = 0, []
    for table, sheet in zip(body["tables"], sheets, strict=True):
        if len(table["rows"]) < 2 or not table["totals"]:
            continue
        rows = list(csv.reader(sheet.read_text("utf-8").splitlines()))
        last = rows[3 + len(table["rows"]) + 1][len(table["dimensions"]) :]
        for column, shown in zip(table["columns"], last, strict=True):
            expected = table["totals"].get(column["name"])
            if expected is None:
                continue
            n += 1
            value = float(shown.rstrip("%")) / (100 if shown.endswith("%") else 1)
            if abs(value - expected) > 1e-6 * max(1.0, abs(expected)):
                wrong.append((table["title"], column["name"], value, expected))
    return n, wrong


if __name__ == "__main__":
    main()
