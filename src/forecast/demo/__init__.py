"""``forecast demo``: the whole way on bundled real data, one workspace per company.

A bank's telephone campaign (leads), a shop (orders, demand) and a fictitious sales organisation (teams, targets).
Nothing here computes: it calls the workspace as a user would and shows what came.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from forecast.demo.leads import BANK_SCORED, show_leads
from forecast.demo.sales import CRM_AS_OF, CRM_PERIOD, show_sales
from forecast.demo.shop import show_demand
from forecast.errors import InvalidInput
from forecast.terminal import Terminal

__all__ = ["BANK_SCORED", "CRM_AS_OF", "run_demo"]

#: Left in a folder that the demo made, so that it never overwrites anything else.
_MARK = ".forecast-demo"


def run_demo(folder: Path, terminal: Terminal) -> dict[str, Any]:
    """Make the three workspaces under ``folder`` and show what they say; a demo already there is made anew.

    Raises
    ------
    InvalidInput
        If ``folder`` holds something that is no demo.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise InvalidInput(f"{folder} holds something that is no demo; name another folder: forecast demo FOLDER.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()
    with terminal.progress("demo") as progress:
        shown = {
            "leads": show_leads(folder / "bank", terminal, progress),
            "demand": show_demand(folder / "shop", terminal, progress),
            "targets": show_sales(folder / "crm", terminal, progress),
        }
    _how_to_go_on(folder, terminal)
    terminal.result(shown)
    return shown


def _how_to_go_on(folder: Path, terminal: Terminal) -> None:
    terminal.heading("Go on")
    crm = folder / "crm"
    terminal.say(f"  Pages      forecast users add demo --role admin --generate -w {crm}      shows the password, once")
    terminal.say(f"             forecast serve -w {crm}")
    terminal.say(f"             http://127.0.0.1:8000/deals and …/forecast?period={CRM_PERIOD}&as_of={CRM_AS_OF}")
    terminal.say(f"  API        forecast keys create demo --role admin -w {crm}                shows the key, once")
    terminal.say("             curl -H 'Authorization: Bearer KEY' http://127.0.0.1:8000/v1/opportunities")
    terminal.say(f"  MLflow     mlflow ui --backend-store-uri sqlite:///{folder / 'bank' / 'models' / 'mlflow.db'}")
    terminal.say(f"  Notebook   notebooks/retrain_conversion.ipynb on {folder / 'bank'}")
