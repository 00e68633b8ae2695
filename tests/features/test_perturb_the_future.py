"""Nothing that became known at or after a moment changes what is said about that moment."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from forecast.features import FAMILIES, build_features, open_entities, outcomes
from forecast.history import connect_tables

START = pd.Timestamp("2024-01-01", tz="UTC")
SEEDS, DAYS = st.integers(0, 2**32 - 1), st.integers(5, 55)
WEEK = pd.Timedelta(days=7)
ENTITIES = {"opportunity": "O", "lead": "L"}

pytestmark = pytest.mark.slow


def spine_of(entity, *moments):
    ids = [f"{ENTITIES[entity]}{i}" for i in range(4)]
    return pd.DataFrame([(i, moment) for i in ids for moment in moments], columns=["entity_id", "as_of"])


def everything(tables, as_of):
    """All that can be asked at ``as_of`` and a week before, of every id there can be, as batch 2 knew it."""
    con = connect_tables(tables, batch=2)
    found = {}
    for entity in ENTITIES:
        found[f"{entity} features"] = build_features(con, spine_of(entity, as_of - WEEK, as_of), entity)
        found[f"{entity} open"] = open_entities(con, entity, as_of)
        found[f"{entity} outcomes"] = outcomes(con, spine_of(entity, as_of - WEEK), entity, as_of)
    return found


def perturbed(tables, random_tables, as_of, rng):
    """The tables with rows known at or after ``as_of`` changed, deleted and added, and a later batch over all."""
    others = random_tables(rng, since=(as_of - START) / pd.Timedelta(days=1))
    rewritten = random_tables(rng)
    result = {}
    for name, rows in tables.items():
        future = rows[rows["recorded_at"] >= as_of]
        changed = future[rng.random(len(future)) < 0.5].copy()
        for column in changed.columns.difference(["recorded_at", "batch", "row"]):
            changed[column] = rng.permutation(changed[column].to_numpy())
        added = others[name].assign(row=others[name]["row"] + 1000)
        parts = [rows[rows["recorded_at"] < as_of], changed, added, rewritten[name].assign(batch=3)]
        result[name] = pd.concat([part.astype(object) for part in parts], ignore_index=True)
    return result


def assert_same(one, other):
    for name in one:
        assert_frame_equal(one[name], other[name], check_exact=True, obj=name)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=SEEDS, day=DAYS)
def test_what_is_known_at_or_after_a_moment_changes_nothing_said_of_it(random_tables, seed, day):
    rng = np.random.default_rng(seed)
    tables = random_tables(rng)
    as_of = START + pd.Timedelta(days=day)

    before = everything(tables, as_of)
    after = everything(perturbed(tables, random_tables, as_of, rng), as_of)

    assert_same(before, after)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=SEEDS, day=DAYS)
def test_the_physical_order_of_rows_changes_no_byte(random_tables, seed, day):
    tables = random_tables(np.random.default_rng(seed))
    as_of = START + pd.Timedelta(days=day)

    shuffled = {name: rows.sample(frac=1, random_state=seed) for name, rows in tables.items()}

    assert_same(everything(tables, as_of), everything(shuffled, as_of))


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=SEEDS, day=DAYS)
def test_a_later_row_of_the_spine_changes_no_value_of_an_earlier_one(random_tables, seed, day):
    con = connect_tables(random_tables(np.random.default_rng(seed)))
    first, last = START + pd.Timedelta(days=day), START + pd.Timedelta(days=60)

    alone = build_features(con, spine_of("opportunity", first), "opportunity")
    together = build_features(con, spine_of("opportunity", first, last), "opportunity")

    earlier = together[together["as_of"] == first].reset_index(drop=True)
    shared = [column for column in alone if column in earlier]
    assert {column.split("__")[0] for column in shared[2:]} == set(FAMILIES)
    assert_frame_equal(alone[shared], earlier[shared], check_exact=True)


def test_the_random_histories_move_features_of_every_family(random_tables):
    con = connect_tables(random_tables(np.random.default_rng(0)))
    moments = [START + pd.Timedelta(days=day) for day in (10, 30, 50)]

    features = build_features(con, spine_of("opportunity", *moments), "opportunity")

    moved = [column for column in features if len(features[column].unique()) > 1]
    assert {column.split("__")[0] for column in moved[2:]} == set(FAMILIES)
