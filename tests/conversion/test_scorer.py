"""Published scores: columns, order, exact sums, round trip, and what is refused."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from scipy.special import expit, logit

from forecast.conversion import ConversionScorer
from forecast.conversion.anchor import Anchor
from forecast.conversion.scorer import grade_limits
from forecast.errors import InvalidInput, NotEnoughHistory

CUTOFF = datetime(2026, 1, 1, tzinfo=UTC)
START = datetime(2025, 1, 1, tzinfo=UTC)


def simulated(n: int = 500, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Snapshots every two weeks of cases that close after 40 days on average, and what became of them."""
    rng = np.random.default_rng(seed)
    cases = pd.DataFrame(
        {
            "entity_id": [f"O{i:04d}" for i in range(n)],
            "x": rng.normal(size=n),
            "stage__current": rng.choice(["new", "offer"], n),
            "born": rng.uniform(0, 360, n),
            "life": rng.exponential(40, n),
        }
    )
    cases["won"] = rng.random(n) < expit(cases["x"] + 1.5 * (cases["stage__current"] == "offer") - 1)
    rows = cases.merge(pd.DataFrame({"day": np.arange(14, 365, 14)}), how="cross")
    rows = rows[(rows["born"] <= rows["day"]) & (rows["day"] < rows["born"] + rows["life"])]
    end = np.minimum(rows["born"] + rows["life"], 365.0)
    rows = rows.assign(
        as_of=pd.Timestamp(START) + pd.to_timedelta(rows["day"], unit="D"),
        days=end - rows["day"],
        event=np.where(end == 365.0, "", np.where(rows["won"], "won", "lost")),
        attributes__amount=rows["x"] * 10 + 100,
    ).sort_values(["as_of", "entity_id"], ignore_index=True)
    features = rows[["entity_id", "as_of", "stage__current", "attributes__amount"]]
    return features, rows[["entity_id", "as_of", "event", "days"]]


FEATURES, OUTCOMES = simulated()
OPEN = FEATURES[FEATURES["as_of"] == FEATURES["as_of"].max()]


@pytest.fixture(scope="module", params=["blend", "group_rate"])
def scorer(request: pytest.FixtureRequest) -> ConversionScorer:
    model = ConversionScorer(
        "opportunity", 30, kind=request.param, params={"max_trees": 60} if request.param == "blend" else None
    )
    return model.fit(FEATURES, OUTCOMES, cutoff=CUTOFF)


def test_scores_have_the_columns_of_the_contract(scorer: ConversionScorer) -> None:
    scores = scorer.score(OPEN)

    assert scores.columns.tolist() == [
        "entity", "entity_id", "as_of", "probability", "low", "high", "p_30d", "p_60d", "p_90d",
        "predicted_close_date", "predicted_close_low", "predicted_close_high", "slip_probability",
        "amount_if_won", "amount_low", "amount_high", "percentile", "grade", "base", "reasons",
    ]  # fmt: skip
    assert scores["entity_id"].tolist() == OPEN["entity_id"].tolist()
    assert str(scores["as_of"].dtype) == "datetime64[us, UTC]"
    # The set has no expected close date and no amount won: slip is unknown, amounts stand as asked.
    assert scores.columns[scores.isna().any()].tolist() == ["slip_probability"]


def test_reasons_and_base_give_the_probability(scorer: ConversionScorer) -> None:
    scores = scorer.score(OPEN)

    total = [
        base + sum(r["points"] for r in reasons)
        for base, reasons in zip(scores["base"], scores["reasons"], strict=True)
    ]

    assert_allclose(total, scores["probability"], atol=1e-9)


def test_numbers_are_in_order(scorer: ConversionScorer) -> None:
    scores = scorer.score(OPEN)

    assert (scores["low"] <= scores["probability"]).all()
    assert (scores["probability"] <= scores["high"]).all()
    assert_allclose(scores["p_30d"], scores["probability"])  # the horizon is 30 days
    assert (scores["p_30d"] <= scores["p_60d"]).all()
    assert (scores["p_60d"] <= scores["p_90d"]).all()
    assert scores["percentile"].between(0, 100).all()
    assert (scores["predicted_close_date"] >= date(2025, 12, 17)).all()
    assert (scores["predicted_close_low"] <= scores["predicted_close_date"]).all()
    assert (scores["predicted_close_date"] <= scores["predicted_close_high"]).all()
    assert scores.sort_values("probability")["grade"].is_monotonic_decreasing


def test_slip_agrees_with_the_probability_of_a_win_by_the_expected_day(scorer: ConversionScorer) -> None:
    """Expected in 29 days is by the end of day 30: of all that is won, the rest comes later."""
    scores = scorer.score(OPEN.assign(changes__expected_close__days_ahead=29.0))
    end, exact = scorer.timing_.supported_days_, scorer.win_probability(OPEN)
    ever = scorer.timing_.win_probability(end, probability=exact, horizon=30)

    assert_allclose(scores["slip_probability"], 1 - scores["p_30d"] / ever, atol=1e-7)


def test_amounts_are_learned_from_what_was_won() -> None:
    """All bring nine tenths of what is asked."""
    paid = FEATURES["attributes__amount"].where(OUTCOMES["event"] == "won") * 0.9
    scorer = ConversionScorer("opportunity", 30, kind="group_rate")
    scorer.fit(FEATURES, OUTCOMES.assign(won_amount=paid), cutoff=CUTOFF)

    scores = scorer.score(OPEN)

    for name in ("amount_if_won", "amount_low", "amount_high"):
        assert_allclose(scores[name], 0.9 * OPEN["attributes__amount"], rtol=0.02)


def test_stored_scorer_gives_the_same_scores(scorer: ConversionScorer) -> None:
    restored = ConversionScorer.from_files(scorer.to_files())

    assert_frame_equal(restored.score(OPEN), scorer.score(OPEN))
    assert restored.to_files() == scorer.to_files()
    assert restored.metadata_ == scorer.metadata_


def test_order_of_training_rows_changes_nothing(scorer: ConversionScorer) -> None:
    shuffled, others = FEATURES.sample(frac=1, random_state=1), OUTCOMES.sample(frac=1, random_state=2)
    again = ConversionScorer("opportunity", 30, kind=scorer.kind, params=scorer.params).fit(
        shuffled, others, cutoff=CUTOFF
    )

    assert again.to_files() == scorer.to_files()


def test_young_snapshots_teach_the_level_alone(scorer: ConversionScorer) -> None:
    """Those whose window is not over teach no probability: had they won nothing, all odds fall by one factor."""
    young = OUTCOMES["as_of"] + pd.Timedelta(days=30) > CUTOFF
    changed = OUTCOMES.assign(event=OUTCOMES["event"].mask(young & (OUTCOMES["event"] == "won"), "lost"))
    again = ConversionScorer("opportunity", 30, kind=scorer.kind, params=scorer.params).fit(
        FEATURES, changed, cutoff=CUTOFF
    )

    moved = logit(again.score(OPEN)["probability"]) - logit(scorer.score(OPEN)["probability"])

    assert_allclose(moved, moved[0], atol=1e-6)
    assert moved[0] < -0.3 if scorer.kind == "blend" else moved[0] == 0


def test_base_and_interval_move_with_the_anchor(scorer: ConversionScorer) -> None:
    plain, moved = (
        ConversionScorer.from_files(scorer.to_files()),
        ConversionScorer.from_files(scorer.to_files()),
    )
    plain.anchor_, moved.anchor_ = Anchor(30.0), Anchor(30.0, level=0.5)

    before, after = plain.score(OPEN), moved.score(OPEN)

    for name in ("base", "probability", "low", "high"):
        assert_allclose(logit(after[name]) - logit(before[name]), 0.5, atol=1e-4, err_msg=name)


def test_no_open_case_gives_an_empty_frame_of_the_same_columns(scorer: ConversionScorer) -> None:
    empty = scorer.score(OPEN[:0])

    assert empty.columns.tolist() == scorer.score(OPEN).columns.tolist()
    assert len(empty) == 0


def test_score_of_a_case_does_not_depend_on_the_others_but_its_percentile(scorer: ConversionScorer) -> None:
    alone, together = scorer.score(OPEN[:1]), scorer.score(OPEN)[:1]

    assert_frame_equal(alone.drop(columns="percentile"), together.drop(columns="percentile"))
    assert alone["percentile"].tolist() == [50.0]


def test_close_date_is_a_day_of_the_zone(scorer: ConversionScorer) -> None:
    late = OPEN.assign(as_of=pd.Timestamp("2025-12-17T23:30:00Z"))

    in_utc = scorer.score(late)["predicted_close_date"]
    in_shanghai = scorer.score(late, zone=ZoneInfo("Asia/Shanghai"))["predicted_close_date"]

    assert (in_shanghai >= in_utc).all()
    assert (in_shanghai >= date(2025, 12, 18)).all()


def test_grades_follow_the_odds_of_the_base_rate() -> None:
    assert grade_limits(0.2) == {"A": 0.384615385, "B": 0.2, "C": 0.090909091, "D": 0.0}


def test_metadata_names_horizons_that_nobody_was_followed_for() -> None:
    scorer = ConversionScorer("opportunity", 30, (30, 60, 900), kind="group_rate").fit(
        FEATURES, OUTCOMES, cutoff=CUTOFF
    )

    assert scorer.metadata_["horizons_beyond_follow_up"] == [900]
    assert scorer.metadata_["n_entities_won"] <= scorer.metadata_["n_entities"] <= scorer.metadata_["n_rows"]


def test_one_outcome_only_is_scored_cautiously() -> None:
    for event in ("won", "lost", ""):
        days = OUTCOMES["days"] if event else (CUTOFF - OUTCOMES["as_of"]) / pd.Timedelta(days=1)
        scores = (
            ConversionScorer("lead", 30)
            .fit(FEATURES, OUTCOMES.assign(event=event, days=days), cutoff=CUTOFF)
            .score(OPEN)
        )
        assert scores["probability"].between(0.0001, 0.9999).all()
        assert scores.drop(columns="slip_probability").notna().all().all()


def test_three_rows_are_scored_widely() -> None:
    few, outcome = FEATURES[:3], OUTCOMES[:3]
    scores = ConversionScorer("opportunity", 30).fit(few, outcome, cutoff=CUTOFF).score(OPEN)

    assert (scores["high"] - scores["low"] > 0.2).all()


def test_no_followed_snapshot_is_refused_with_what_to_do() -> None:
    with pytest.raises(
        NotEnoughHistory, match=r"followed for 400 days before 2026-01-01; .*2025-01-15.*shorter horizon"
    ):
        ConversionScorer("opportunity", 400).fit(FEATURES, OUTCOMES, cutoff=CUTOFF)


def test_unusable_input_is_refused() -> None:
    scorer = ConversionScorer("opportunity", 30)
    with pytest.raises(InvalidInput, match=r"missing columns \['as_of'\]"):
        scorer.fit(FEATURES.drop(columns="as_of"), OUTCOMES, cutoff=CUTOFF)
    with pytest.raises(InvalidInput, match=r"1 of \d+ feature rows have no outcome"):
        scorer.fit(FEATURES, OUTCOMES[1:], cutoff=CUTOFF)
    with pytest.raises(InvalidInput, match="Outcomes have 1 doubled rows"):
        scorer.fit(FEATURES, pd.concat([OUTCOMES, OUTCOMES[:1]]), cutoff=CUTOFF)
    with pytest.raises(InvalidInput, match="'deal'"):
        ConversionScorer("deal", 30).fit(FEATURES, OUTCOMES, cutoff=CUTOFF)
    with pytest.raises(InvalidInput, match="time zone"):
        scorer.fit(FEATURES, OUTCOMES, cutoff=CUTOFF.replace(tzinfo=None))
    with pytest.raises(InvalidInput, match=r"'scorer.json' is not in \['a'\]"):
        ConversionScorer.from_files({"a": b""})


def test_missing_feature_is_named_at_scoring(scorer: ConversionScorer) -> None:
    with pytest.raises(InvalidInput, match=r"missing .*'stage__current'"):
        scorer.score(OPEN.drop(columns="stage__current"))
