"""Next steps learned in training: which cases are looked at, and what the card says of the effects."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.conversion.next_step import NextStepModel
from forecast.datasets import make_company
from forecast.features import build_features
from forecast.history import connect_tables
from forecast.settings import Settings
from forecast.usecases.snapshots import take_snapshots
from training.next_step import drawn_cases, learn_next_step, next_step_section


@given(st.lists(st.integers(0, 8), min_size=1, max_size=40), st.integers(1, 30))
def test_drawn_cases_are_whole_and_the_same_in_any_order(cases: list[int], max_rows: int) -> None:
    ids = pd.Series([f"O{case}" for case in cases])
    shuffled = ids.sample(frac=1, random_state=1)

    drawn, again = (set(rows[drawn_cases(rows, max_rows, 0)]) for rows in (ids, shuffled))
    n_rows = int(ids.isin(drawn).sum())

    assert drawn == again
    assert drawn_cases(ids, max_rows, 0).sum() == n_rows > 0  # all rows of each
    assert n_rows <= max_rows or len(drawn) == 1


def test_all_cases_are_looked_at_when_they_are_few() -> None:
    assert drawn_cases(pd.Series(["a", "b", "b"]), 3, 0).tolist() == [True] * 3


def test_section_gives_each_effect_in_points_or_why_it_is_unknown() -> None:
    model = NextStepModel(90)
    known = {"action": "kind_demo", "known": True, "effect": 0.075, "low": 0.03, "high": 0.12, "n": 1073}
    known |= {"n_cases": 498, "n_taken": 375, "cost_minutes": 59.9, "reason": ""}
    unknown = {"action": "email", "known": False, "effect": np.nan, "low": np.nan, "high": np.nan, "n": 0}
    unknown |= {"n_cases": 0, "n_taken": 12, "cost_minutes": np.nan, "reason": "few_cases"}
    model.effects_ = pd.DataFrame([known, unknown])

    title, text = next_step_section(model)

    assert title == "Next steps"
    assert "on P(won within 90 days)" in text
    assert "| A demo | +7.5 (+3.0 to +12.0) | 1073 | 498 | 375 | 60 | yes |" in text
    assert "| An e-mail | – | 0 | 0 | 12 | – | no: too few cases got such a step, or went without" in text


@pytest.mark.slow
def test_next_steps_of_a_company_do_not_depend_on_what_came_after_the_cutoff() -> None:
    company, settings = make_company(n_opportunities=300, n_leads=20, n_accounts=80), Settings()
    cutoff = company.end - timedelta(days=120)

    def learned(tables: dict[str, pd.DataFrame]) -> NextStepModel:
        con = connect_tables(tables)
        taken = take_snapshots(con, "opportunity", cutoff, settings)
        features = build_features(con, taken.spine, "opportunity", ("stage", "calendar", "interactions"))
        names = {"entity": "opportunity", "horizon_days": taken.horizon_days, "cutoff": cutoff, "end": taken.end}
        return learn_next_step(con, features, taken.outcomes, **names)  # type: ignore[arg-type]

    before = {
        name: frame[frame["recorded_at"] < cutoff] if "recorded_at" in frame else frame
        for name, frame in company.tables.items()
    }
    all_known, known_then = learned(dict(company.tables)), learned(before)

    assert len(all_known.actions_) >= 3
    assert all_known.to_files() == known_then.to_files()
