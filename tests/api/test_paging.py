import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.paging import Place, _digest, _to_text, decode_cursor, encode_cursor
from forecast.errors import InvalidInput

PLACE = Place(as_of="2026-03-31T00:00:00+00:00", batch=3, id="006A1", value=0.25)


def test_cursor_gives_its_place_back() -> None:
    assert decode_cursor(encode_cursor(PLACE, "leads"), "leads") == PLACE


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False) | st.none(), st.text())
def test_cursor_keeps_any_text_and_number_exactly(entity_id: str, value: float | None, query: str) -> None:
    place = Place(as_of="2026-03-31", batch=1, id=entity_id, value=value)

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


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"as_of":"x","batch":"1","id":"a"}', b'{"as_of":1}', b"\xff"])
def test_cursor_forged_with_a_right_digest_is_refused_for_its_content(content: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_cursor(_to_text(_digest(content, "leads") + content), "leads")
