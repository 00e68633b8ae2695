"""Layout, language, theme and errors of the pages."""

import json
import re
from html import unescape
from pathlib import Path

from fastapi.testclient import TestClient

from api.app import create_app
from api.pages.charts import Chart
from forecast.workspace import Workspace

HTML = {"Accept": "text/html"}


def _empty(folder: Path) -> TestClient:
    workspace = Workspace.init(folder / "empty")
    key = workspace.store.create_key("ann", "admin")
    return TestClient(create_app(workspace), headers={"Authorization": f"Bearer {key}"} | HTML)


def test_an_empty_workspace_says_what_to_do_in_the_language_of_the_browser(tmp_path: Path) -> None:
    answer = _empty(tmp_path).get("/", headers={"Accept-Language": "zh-CN"})

    assert answer.status_code == 200
    assert '<html lang="zh-Hans"' in answer.text
    assert "还没有数据" in answer.text
    assert "forecast ingest" in answer.text


def test_a_chosen_language_and_theme_are_remembered(tmp_path: Path) -> None:
    client = _empty(tmp_path)

    client.get("/?lang=zh&theme=dark")
    later = client.get("/")

    assert '<html lang="zh-Hans" data-theme="dark">' in later.text


def test_a_page_loads_nothing_from_outside_and_runs_no_inline_script(tmp_path: Path) -> None:
    answer = _empty(tmp_path).get("/")

    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert not re.findall(r"(?:src|href)=\"(?!/|#)", answer.text)
    assert not re.findall(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", answer.text)


def test_scripts_and_styles_of_a_page_are_there_and_kept_by_browsers(tmp_path: Path) -> None:
    client = _empty(tmp_path)

    for address in re.findall(r"\"(/static/[^\"]+)\"", client.get("/").text):
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["Cache-Control"]


def test_a_person_gets_an_error_as_a_page_and_a_program_as_a_problem(tmp_path: Path) -> None:
    client = _empty(tmp_path)

    page = client.get("/nothing?lang=zh")
    problem = client.get("/nothing", headers={"Accept": "application/json"})

    assert (page.status_code, problem.status_code) == (404, 404)
    assert "这里没有内容" in page.text
    assert problem.json()["code"] == "not_found"


def test_a_chart_carries_its_figure_unharmed() -> None:
    chart = Chart("fan", 'Range "by week"', [{"y": [1, None], "name": "<b>"}], {"barmode": "stack"})

    html = str(chart.__html__())

    (figure,) = re.findall(r'data-figure="([^"]*)"', html)
    assert json.loads(unescape(figure)) == {"data": [{"y": [1, None], "name": "<b>"}], "layout": {"barmode": "stack"}}
    assert "<b>" not in html
