"""Numbers as people write them; expected values by hand."""

import math
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from api.pages.formats import Formats

EN = Formats("en", ZoneInfo("Asia/Shanghai"), "EUR")
ZH = Formats("zh", ZoneInfo("Asia/Shanghai"), "CNY")


def test_money_has_its_currency_and_no_cents() -> None:
    assert EN.money(1234.5) == "€1,234"
    assert EN.money(1234.5, cents=True) == "€1,234.50"
    assert ZH.money(1234567) == "¥1,234,567"
    assert EN.money_change(-1200) == "−€1,200"


def test_large_money_is_shortened_as_the_language_shortens() -> None:
    assert EN.money_short(1_234_567) == "€1.2M"
    assert ZH.money_short(1_234_567) == "¥123.5万"
    assert EN.money_short(950) == "€950"


@pytest.mark.parametrize(
    ("share", "text"), [(0.724, "72%"), (0.0, "0%"), (0.001, "<1%"), (0.999, ">99%"), (1.0, "100%")]
)
def test_percent_never_claims_certainty_that_is_not_there(share: float, text: str) -> None:
    assert EN.percent(share) == text


def test_points_have_their_sign() -> None:
    assert EN.points(0.032) == "+3.2"
    assert EN.points(-0.032) == "−3.2"


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_what_is_not_known_is_a_dash(nothing: float | None) -> None:
    assert [EN.money(nothing), EN.percent(nothing), EN.number(nothing), EN.points(nothing), EN.change(nothing)] == [
        "–"
    ] * 5
    assert EN.day(None) == EN.moment(None) == "–"


def test_moments_are_shown_in_the_zone_of_the_workspace() -> None:
    evening = datetime(2026, 3, 4, 18, 5, tzinfo=UTC)  # after midnight in Shanghai

    assert EN.moment(evening) == "5 Mar 2026 02:05"
    assert ZH.moment(evening) == "2026年3月5日 02:05"
    assert EN.day(evening) == "5 Mar 2026"
    assert ZH.day(date(2026, 3, 4)) == "2026年3月4日"
