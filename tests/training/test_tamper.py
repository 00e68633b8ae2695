"""What empty activities and typed fields can do to scores."""

from datetime import UTC, timedelta
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from forecast.datasets import Company, make_company
from forecast.features import FAMILIES, build_features, open_entities
from forecast.history import connect_tables, stored_columns
from training.leakage import replace_rows
from training.tamper import (
    ANY,
    DAYS,
    INVENTED,
    LOGGED_READ_BY,
    N_EMPTY,
    TYPED,
    activities,
    kinds_logged,
    tamper_effects,
    tamper_section,
)


class Model:
    """The columns of a model."""

    def __init__(self, names: list[str]) -> None:
        self.feature_names_in_ = np.array(names, dtype=object)


class Scorer:
    """What `tamper_effects` needs of a fitted scorer; its log-odds are a weighted sum of a few features."""

    def __init__(self, weights: dict[str, float], entity: str = "opportunity") -> None:
        self.entity, self.weights, self.model_ = entity, weights, Model(list(weights))

    def win_probability(self, features: pd.DataFrame) -> np.ndarray:
        z = sum(weight * features[name].fillna(0).to_numpy(dtype=float) for name, weight in self.weights.items())
        return np.asarray(1 / (1 + np.exp(1 - z)))


@pytest.fixture(scope="module")
def few() -> Company:
    return make_company(n_reps=3, n_accounts=40, n_opportunities=120, n_leads=60, months=12)


def effects(few: Company, weights: dict[str, float], entity: str = "opportunity") -> pd.DataFrame:
    con, scorer = connect_tables(few.tables), Scorer(weights, entity)
    spine = open_entities(con, entity, few.end - timedelta(days=30))
    families = tuple({name.partition("__")[0] for name in weights})
    return tamper_effects(con, cast(Any, scorer), spine, families=families, zone=UTC).set_index("attack")


@pytest.mark.slow
def test_empty_activities_move_no_count_of_contacts(few: Company) -> None:
    weights = {f"interactions__{subject}__count_7d": 0.3 for subject in ("all", "out", "phone", "email", "account_out")}

    found = effects(few, weights)

    assert found["max"].drop([TYPED, INVENTED]).tolist() == [0.0] * (len(found) - 2)
    assert found.loc[INVENTED, "max_up"] > 0.5  # what looks like work counts as work


@pytest.mark.slow
def test_typed_fields_move_what_hangs_on_them(few: Company) -> None:
    found = effects(few, {"changes__expected_close__days_ahead": -0.1})

    assert found.loc[TYPED, "max"] > 0.01
    assert found.loc[TYPED, "up"] > 0.5
    assert found["max"].drop(TYPED).tolist() == [0.0] * (len(found) - 1)


@pytest.mark.slow
def test_an_attack_is_measured_by_hand(few: Company) -> None:
    """A streak of unanswered contacts, at most five, is what is left: the largest rise is from none to five."""
    moment = few.end - timedelta(days=30)
    con = connect_tables(few.tables)
    features = build_features(con, open_entities(con, "opportunity", moment), "opportunity", ["interactions"])
    streak = features["interactions__out__unanswered_streak"].to_numpy()

    found = effects(few, {"interactions__out__unanswered_streak": 0.2})

    assert streak.min() == 0
    assert found.loc[ANY, "max_up"] == pytest.approx(1 / (1 + np.exp(1 - 5 * 0.2)) - 1 / (1 + np.exp(1)))


@pytest.mark.slow
def test_the_history_is_left_as_it_was(few: Company) -> None:
    con = connect_tables(few.tables)
    count = "SELECT (SELECT count(*) FROM interactions), (SELECT count(*) FROM opportunities)"
    before = con.sql(count).fetchall()
    spine = open_entities(con, "opportunity", few.end - timedelta(days=30))

    tamper_effects(con, cast(Any, Scorer({"stage__days_in": 0.1})), spine, families=("stage",), zone=UTC)

    assert con.sql(count).fetchall() == before


@pytest.mark.slow
def test_leads_have_no_typed_fields_to_change(few: Company) -> None:
    assert TYPED not in effects(few, {"interactions__all__count": 0.1}, "lead").index


@pytest.mark.slow
def test_no_other_family_reads_activities(few: Company) -> None:
    con, moment = connect_tables(few.tables), few.end - timedelta(days=30)
    spine = open_entities(con, "opportunity", moment)
    others = [name for name in FAMILIES if name not in LOGGED_READ_BY]
    before = build_features(con, spine, "opportunity", others)

    con.register("_tampered_cases", spine[["entity_id"]])
    query = activities("opportunity", kinds_logged(con, moment)[0], moment, invented=True)
    columns = ", ".join(f'"{name}"' for name in stored_columns("interactions"))
    con.execute(f"CREATE TEMP TABLE honest AS SELECT {columns} FROM interactions")
    replace_rows(con, "interactions", f"SELECT * FROM honest UNION ALL {query}")

    assert len(con.sql("SELECT * FROM interactions")) > len(few.tables["interactions"])
    pd.testing.assert_frame_equal(build_features(con, spine, "opportunity", others), before)


def test_nothing_open_nothing_to_try() -> None:
    spine = pd.DataFrame({"entity_id": [], "as_of": pd.Series([], dtype="datetime64[us, UTC]")})

    found = tamper_effects(connect_tables({}), cast(Any, Scorer({})), spine, zone=UTC)

    assert found.empty
    assert "nothing to try" in tamper_section(found)[1]


def test_section_states_the_bound_in_points() -> None:
    found = pd.DataFrame(
        {
            "attack": [ANY],
            "n_cases": [200],
            "median": [0.012],
            "p90": [0.03],
            "max": [0.1],
            "max_up": [0.08],
            "up": [0.4],
        }
    )

    _, text = tamper_section(found)

    assert f"{N_EMPTY} empty activities (outbound, unanswered, without duration, within {DAYS} days)" in text
    assert "by more than 8.0 points:" in text
    assert "| 200 | 1.2 | 3.0 | 10.0 | 8.0 | 40% |" in text
