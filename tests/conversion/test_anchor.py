"""Re-anchoring: what the last weeks and the season say about everybody at risk."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, logit

from forecast.conversion.anchor import CAP, Anchor, _followed, _offset, fit_anchor, season_of
from forecast.errors import InvalidInput

START = pd.Timestamp("2023-01-01", tz=UTC)
HORIZON = 28


def world(
    rate: np.ndarray, *, n_at_risk: int = 400, seed: int = 0, said: float = 0.1
) -> tuple[np.ndarray, pd.DataFrame, datetime]:
    """Weekly snapshots of cases each new; on day d one is won with hazard ``rate[d]`` per day, nobody is lost."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(0, len(rate) - 7, 7), n_at_risk)
    hazard = np.append(0.0, np.cumsum(rate))
    target = hazard[day] + rng.exponential(size=len(day))
    won_on = np.searchsorted(hazard, target) - rng.random(len(day))
    won = won_on <= len(rate)
    rows = pd.DataFrame(
        {
            "entity_id": np.arange(len(day)).astype(str),
            "as_of": START + pd.to_timedelta(day, unit="D"),
            "event": np.where(won, "won", ""),
            "days": np.where(won, won_on, len(rate)) - day,
        }
    )
    return np.full(len(day), logit(said)), rows, (START + pd.Timedelta(days=len(rate))).to_pydatetime()


def daily(probability: float | np.ndarray, days: int = HORIZON) -> np.ndarray:
    return np.asarray(-np.log1p(-np.asarray(probability)) / days)


def at(moment: datetime) -> pd.Series:
    return pd.Series([pd.Timestamp(moment)])


def test_anchor_stays_where_the_model_is_right() -> None:
    z, rows, end = world(np.full(364, daily(0.1)))

    anchor = fit_anchor(z, rows, horizon_days=HORIZON, cutoff=end)

    assert abs(anchor.shift(at(end))[0]) < 0.12, anchor
    assert abs(anchor.observed - anchor.expected) < 4 * np.sqrt(anchor.expected)


def test_anchor_follows_a_sudden_switch_within_its_first_200_wins() -> None:
    """Ten weeks of 400 at risk after a switch from 0.10 to 0.05: truth is logit(0.05) - logit(0.10) = -0.75."""
    rate = np.concatenate([np.full(294, daily(0.1)), np.full(70, daily(0.05))])
    z, rows, end = world(rate, n_at_risk=150)

    anchor = fit_anchor(z, rows, horizon_days=HORIZON, cutoff=end)

    assert_allclose(anchor.shift(at(end))[0], logit(0.05) - logit(0.1), atol=0.2)


def test_anchor_knows_the_season_ahead_after_two_years() -> None:
    """The hazard halves every January and February; what is scored on 1 January 2026 is about these."""
    month = (START + pd.to_timedelta(np.arange(1096), unit="D")).month
    z, rows, end = world(daily(np.where(month <= 2, 0.05, 0.1)))

    anchor = fit_anchor(z, rows, horizon_days=HORIZON, cutoff=end)

    assert end == datetime(2026, 1, 1, tzinfo=UTC)
    assert_allclose(expit(z[0] + anchor.shift(at(end))[0]), 0.05, atol=0.015)  # shrunk: not all of the way
    assert_allclose(expit(z[0] + anchor.shift(at(datetime(2026, 5, 1, tzinfo=UTC)))[0]), 0.1, atol=0.012)


def test_anchor_has_no_season_without_months_seen_twice() -> None:
    z, rows, end = world(daily(np.linspace(0.05, 0.15, 364)))

    assert fit_anchor(z, rows, horizon_days=HORIZON, cutoff=end).season == (0.0,) * 13


def test_anchor_is_shrunk_when_little_was_seen_and_capped_when_much_was() -> None:
    few = fit_anchor(*world(np.full(56, daily(0.3)), n_at_risk=1)[:2], horizon_days=HORIZON, cutoff=START + _days(56))
    much = fit_anchor(*world(np.full(364, daily(0.9)))[:2], horizon_days=HORIZON, cutoff=START + _days(364))

    assert abs(few.level) < 0.5
    assert much.level == CAP


def test_anchor_sees_the_young_without_selecting_the_fast() -> None:
    """Half of the snapshots are younger than the horizon; counting only closed ones would say that all were won."""
    z, rows, end = world(np.full(56, daily(0.1)))

    assert abs(fit_anchor(z, rows, horizon_days=HORIZON, cutoff=end).level) < 0.15


def test_nothing_after_the_cutoff_is_seen() -> None:
    z, rows, _ = world(np.full(364, daily(0.1)))
    cutoff = START + _days(200)
    known = (rows["as_of"] < cutoff).to_numpy()
    followed = (cutoff - rows["as_of"]) / pd.Timedelta(days=1)
    censored = rows.assign(
        event=rows["event"].mask(rows["days"] > followed, ""), days=np.minimum(rows["days"], followed)
    )
    shuffled = rows.assign(event=rows["event"].mask(rows["days"] > followed, "lost"))

    anchors = [
        fit_anchor(z[known], frame[known], horizon_days=HORIZON, cutoff=cutoff) for frame in (censored, shuffled)
    ]

    assert anchors[0].to_state() == anchors[1].to_state()


def test_stored_anchor_is_the_same() -> None:
    anchor = Anchor(28.0, 0.1, tuple(np.arange(13) / 100), 12.0, 10.5, (1.0, 2.0))

    assert Anchor.from_state(anchor.to_state()) == anchor


def test_season_of_a_day_by_hand() -> None:
    days = np.array(["2026-01-05", "2026-03-31", "2026-03-17"], "datetime64[D]").astype(float)

    found = season_of(days)

    assert found[:, :12].argmax(axis=1).tolist() == [0, 2, 2]
    assert found[:, 12].tolist() == [0, 1, 0]  # the last 14 days of March begin on the 18th


def test_days_in_which_more_wins_come_count_more() -> None:
    """From 21 January 11 days are January's; by day 11 half of the wins have come, by day 28 all."""
    tenths = (2.2, 4.4, 6.6, 8.8, 11.0, 14.4, 17.8, 21.2, 24.6)
    anchor = Anchor(28.0, 0.3, (0.4, *[0.0] * 12), tenths=tenths)

    assert_allclose(anchor.shift(at(datetime(2026, 1, 21, tzinfo=UTC))), [0.3 + 0.5 * 0.4])


def test_pace_by_hand() -> None:
    """January twice as fast as February: of the days 21 January to 10 February, 11 are fast and 10 are not."""
    anchor = Anchor(28.0, 0.3, (np.log(2.0), *[0.0] * 12))

    pace = anchor.pace(at(datetime(2026, 1, 21, tzinfo=UTC)), np.array([0.0, 7.0, 21.0]))

    assert_allclose(pace, [[2.0, (4 * 2 + 10) / 14]])


def test_what_all_of_the_past_shares_is_learned_from_the_latest_year() -> None:
    """Before it the model says 0.03 where 0.10 is true, since then 0.15; the level is taken as not moved."""
    _, rows, end = world(np.full(1096, daily(0.1)))
    last = float((pd.Timestamp(end) - pd.Timestamp(0, tz=UTC)) / pd.Timedelta(days=1))
    early = (rows["as_of"] < pd.Timestamp(end) - _days(365 + 2 * HORIZON)).to_numpy()
    followed = _followed(np.where(early, logit(0.03), logit(0.15)), rows, float(HORIZON), last)
    day = np.arange(last - 1096, last)

    assert_allclose(_offset(followed, day, np.zeros(len(day)), last), logit(0.1) - logit(0.15), atol=0.05)


def test_lengths_must_agree() -> None:
    z, rows, end = world(np.full(56, 0.01), n_at_risk=2)
    with pytest.raises(InvalidInput, match=f"got 3 for {len(rows)}"):
        fit_anchor(z[:3], rows, horizon_days=HORIZON, cutoff=end)


def _days(n: int) -> pd.Timedelta:
    return pd.Timedelta(days=n)
