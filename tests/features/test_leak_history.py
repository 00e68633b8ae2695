"""Each rule of the leak hunter on hand-made companies in which one column leaks in one way, beside its honest twin."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.features.leaks import hunt_history
from forecast.history import connect_tables

START = pd.Timestamp("2024-01-01", tz="UTC")
END = START + pd.Timedelta(days=400)
N = 240

#: What a column says at a moment of a case, None for nothing.
Says = Callable[["Case", str], Any]


class Case:
    """One deal: created, changed, changed again, perhaps an hour before its closing, closed, and a version after."""

    def __init__(self, number: int, rng: np.random.Generator) -> None:
        self.number, self.draw = number, rng.random(8)
        self.created = START + pd.Timedelta(days=number * 390 / N, minutes=17)
        self.closed = self.created + pd.Timedelta(days=10 + 60 * self.draw[0], minutes=29)
        self.won = bool(self.draw[1] < 0.4)
        self.is_closed = self.closed + pd.Timedelta(days=2) < END

    @property
    def moments(self) -> dict[str, pd.Timestamp]:
        life = self.closed - self.created
        times = {"created": self.created, "early": self.created + 0.2 * life, "late": self.created + 0.7 * life}
        if self.is_closed:
            times |= {"just_before": self.closed - pd.Timedelta(minutes=3), "closed": self.closed}
            times |= {"after": self.closed + pd.Timedelta(days=1)}
        return {name: at for name, at in times.items() if at < END}

    @property
    def fate(self) -> int:
        return (1 if self.won else -1) if self.is_closed else 0


def company(seed: int = 0, **columns: Says) -> dict[str, pd.DataFrame]:
    """Versions of opportunities with one attribute per named column; half of them have the version just before."""
    rng = np.random.default_rng(seed)
    rows = []
    for case in [Case(number, rng) for number in range(N)]:
        for when, at in case.moments.items():
            said = {name: says(case, when) for name, says in columns.items()}
            over = when in ("closed", "after")
            rows.append(
                {
                    "opportunity_id": f"O{case.number:03d}",
                    "created_at": case.created,
                    "recorded_at": at,
                    "outcome": ("won" if case.won else "lost") if over else None,
                    "closed_at": case.closed if over else None,
                    "attributes": json.dumps({name: value for name, value in said.items() if value is not None}),
                }
            )
    frame = pd.DataFrame(rows)
    return {"opportunities": frame.assign(closed_at=pd.to_datetime(frame["closed_at"], utc=True))}


def over(when: str) -> bool:
    return when in ("closed", "after")


LEAKS: dict[str, Says] = {
    "close_reason": lambda case, when: "price" if over(when) else None,
    "survey_sent": lambda case, when: when == "after",
    "commission": lambda case, when: 100 + case.number if over(when) and case.won else 0,
    "probability": lambda case, when: 100 * case.won if over(when) else int(10 + 80 * case.draw[2]),
    "competitor": lambda case, when: (
        None if case.draw[2] < 0.4 or (over(when) and not case.won) else f"c{int(case.draw[3] * 3)}"
    ),
    "invoice": lambda case, when: (
        case.number if case.won and (over(when) or (case.draw[4] < 0.1 and when in ("late", "just_before"))) else None
    ),
    "signed": lambda case, when: True if when in ("just_before", "closed", "after") else None,
    "settled": lambda case, when: "win" if case.fate == 1 and when != "created" else None,
    "index": lambda case, when: round(50 + 20 * case.fate + 8 * float(case.draw[5] - 0.5), 1),
    "granted": lambda case, when: round(100 * float(case.draw[5])) if case.is_closed and case.draw[6] < 0.9 else None,
    "final_day": lambda case, when: str(case.closed.date()) if case.is_closed else str(END.date()),
}
HONEST: dict[str, Says] = {
    "quote_no": lambda case, when: case.number if when in ("late", "just_before") or over(when) else None,
    "strong": lambda case, when: round(float(case.draw[2] + 0.5 * (case.draw[3] < (0.9 if case.won else 0.1))), 2),
    "visits": lambda case, when: (
        int(10 * case.draw[4]) + ["created", "early", "late"].index(when)
        if when in ("created", "early", "late")
        else int(10 * case.draw[4]) + (5 if when == "after" else 3)
    ),
    "phase": lambda case, when: "done" if over(when) else {"created": "new", "early": "talk"}.get(when, "offer"),
    "modified": lambda case, when: str(case.moments[when])[:19],
    "gaps": lambda case, when: "x" if case.draw[5] < 0.3 else None,
    "small_firms": lambda case, when: round(float(case.draw[6]), 2) if case.draw[7] < 0.2 else None,
    "next_step": lambda case, when: None if over(when) else ["call", "mail"][case.number % 2],
    "drift": lambda case, when: round(case.number / 40 + float(case.draw[6]), 2),
}


@pytest.fixture(scope="module")
def found():
    suspects = hunt_history(connect_tables(company(**LEAKS, **HONEST)), "opportunity", as_of=END.to_pydatetime())
    return {suspect.column: suspect for suspect in suspects}


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("close_reason", "only_after_closing"),
        ("survey_sent", "only_after_closing"),
        ("commission", "only_after_closing"),
        ("probability", "rewritten_at_closing"),
        ("competitor", "changed_at_closing"),
        ("invoice", "filled_at_closing"),
        ("signed", "moments_before_closing"),
        ("settled", "settles"),
        ("index", "known_too_early"),
        ("granted", "filled_for_closed_only"),
        ("final_day", "holds_closing_moment"),
    ],
)
def test_a_column_that_leaks_in_one_way_is_excluded_for_it(found, column, kind):
    assert column in found
    assert (found[column].verdict, found[column].kind) == ("leak", kind)


@pytest.mark.parametrize("column", HONEST)
def test_an_honest_column_is_not_excluded(found, column):
    assert column not in found


def test_evidence_counts_the_cases(found):
    assert found["close_reason"].evidence["open_cases_with_it"] == 0
    assert found["competitor"].evidence["how"] == "emptied"
    assert found["competitor"].evidence["share_of_won"] == 0.0


def test_a_later_import_that_rewrites_closed_cases_is_seen():
    honest = company(score=lambda case, when: int(100 * case.draw[2]))["opportunities"].assign(batch=1)
    is_closed = honest["opportunity_id"].isin(honest.loc[honest["outcome"].notna(), "opportunity_id"])
    again = honest[is_closed & honest["outcome"].isna()]
    changed = again.assign(batch=2, attributes=again["attributes"].str.replace("}", ".5}"))

    suspects = hunt_history(
        connect_tables({"opportunities": pd.concat([honest, changed])}), "opportunity", as_of=END.to_pydatetime()
    )

    assert [(suspect.column, suspect.kind) for suspect in suspects] == [("score", "rewritten_by_batch")]


def test_a_declared_column_is_excluded_or_trusted_whatever_the_versions_say():
    con = connect_tables(company(**{name: LEAKS[name] for name in ("close_reason", "signed")}, gaps=HONEST["gaps"]))
    con.execute(
        "INSERT INTO declared_fills VALUES ('opportunities', 'signed', 'open'), ('opportunities', 'gaps', 'closing')"
    )

    suspects = hunt_history(con, "opportunity", as_of=END.to_pydatetime())

    assert {suspect.column: suspect.kind for suspect in suspects} == {
        "close_reason": "only_after_closing",
        "gaps": "declared",
    }


def test_leads_are_judged_by_their_conversion():
    deals = company(**LEAKS, **HONEST)["opportunities"]
    closed = deals["closed_at"]
    leads = deals.rename(columns={"opportunity_id": "lead_id"}).assign(
        converted_at=closed.where(deals["outcome"] == "won"), closed_at=closed
    )

    suspects = hunt_history(connect_tables({"leads": leads}), "lead", as_of=END.to_pydatetime())

    assert {suspect.column for suspect in suspects} == set(LEAKS)
    assert {suspect.table for suspect in suspects} == {"leads"}


def test_an_account_column_is_judged_before_its_deals_close():
    deals = company(seed=1)["opportunities"].assign(account_id=lambda rows: "A" + rows["opportunity_id"])
    last = deals.groupby("account_id").agg(created=("recorded_at", "min"), fate=("outcome", "last"))
    accounts = pd.DataFrame(
        {
            "account_id": last.index,
            "recorded_at": last["created"] - pd.Timedelta(hours=1),
            "attributes": [
                json.dumps({"customer_no": f"K{fate}"} if fate == "won" else {"size_class": "s"})
                for fate in last["fate"]
            ],
        }
    )

    suspects = hunt_history(
        connect_tables({"opportunities": deals, "accounts": accounts}), "opportunity", as_of=END.to_pydatetime()
    )

    assert ("accounts", "customer_no") in {(suspect.table, suspect.column) for suspect in suspects}
