import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.paging import decode_cursor, encode_cursor
from forecast.errors import InvalidInput

PLACE = {"batch": 3, "id": "006A1", "value": 0.25}


def test_cursor_gives_its_place_back() -> None:
    assert decode_cursor(encode_cursor(PLACE, "leads"), "leads") == PLACE


@given(st.text(), st.floats(allow_nan=False) | st.none(), st.text())
def test_cursor_keeps_any_text_and_number_exactly(entity_id: str, value: float | None, query: str) -> None:
    place = {"id": entity_id, "value": value}

    assert decode_cursor(encode_cursor(place, query), query) == place


def test_cursor_of_another_query_is_refused() -> None:
    cursor = encode_cursor(PLACE, '{"stage": null}')

    with pytest.raises(InvalidInput, match=r"`cursor` is not one that this list gave"):
        decode_cursor(cursor, '{"stage": "proposal"}')


@given(st.data())
def test_cursor_with_any_character_changed_is_refused(data: st.DataObject) -> None:
    cursor = encode_cursor(PLACE, "leads")
    position = data.draw(st.integers(0, len(cursor) - 1))
    character = data.draw(st.sampled_from("AZaz09-_=.").filter(lambda other: other != cursor[position]))

    with pytest.raises(InvalidInput):
        decode_cursor(cursor[:position] + character + cursor[position + 1 :], "leads")


@given(st.text())
def test_cursor_made_of_any_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        decode_cursor(text, "leads")


def test_cursor_with_another_place_under_an_old_digest_is_refused() -> None:
    raw = base64.urlsafe_b64decode(encode_cursor(PLACE, "leads") + "==")
    forged = base64.urlsafe_b64encode(raw.replace(b"006A1", b"006A2")).rstrip(b"=").decode()

    with pytest.raises(InvalidInput):
        decode_cursor(forged, "leads")
