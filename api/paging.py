"""Opaque cursors: a place in one ranked list, so that pages neither skip nor repeat rows, whatever arrives meanwhile.

A cursor holds nothing secret and grants nothing (rights are applied to every page anew); its digest ties it to the
query that it belongs to and catches damage.
"""

import base64
import binascii
import hashlib

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from forecast.errors import InvalidInput

MAX_CURSOR = 1000
_DIGEST = 9  # bytes: with base64 no padding


class Place(BaseModel):
    """Where a page ended: in which numbers (all pages come from the same ones), after which row."""

    model_config = ConfigDict(extra="forbid", strict=True)

    as_of: str | None = None  # None in lists that rest on no snapshot
    batch: int | None = None
    model: str | None = None
    value: FiniteFloat | str | None = None  # what the list is sorted by, of the last row; a day as text
    id: str
    latest: bool = False  # whether the list is that of the latest scores, whatever they are now

    @property
    def number(self) -> float | None:
        """The value of a list that is sorted by numbers.

        Raises
        ------
        InvalidInput
            If the cursor was made by hand and holds something else.
        """
        if isinstance(self.value, str):
            raise InvalidInput("`cursor` holds no number, and the list is sorted by numbers; leave it out.")
        return self.value

    @property
    def text(self) -> str | None:
        """The value of a list that is sorted by text.

        Raises
        ------
        InvalidInput
            If the cursor was made by hand and holds something else.
        """
        if isinstance(self.value, float):
            raise InvalidInput("`cursor` holds a number, and the list is sorted by text; leave it out.")
        return self.value


def encode_cursor(place: Place, query: str) -> str:
    """A cursor for a place in the answer to ``query``; the same both give the same text."""
    content = place.model_dump_json().encode()
    return _to_text(_digest(content, query) + content)


def decode_cursor(text: str, query: str) -> Place:
    """The place that a cursor names.

    Raises
    ------
    InvalidInput
        If the cursor was changed, or was made for a query with other filters or another order.
    """
    raw = _from_text(text)
    content = raw[_DIGEST:]
    # The text is compared too: base64 has several texts for one content.
    if raw[:_DIGEST] == _digest(content, query) and _to_text(raw) == text:
        try:
            return Place.model_validate_json(content)
        except ValidationError:
            pass
    raise InvalidInput(
        "`cursor` is not one that this list gave for these filters; take `next_cursor` of the page before, "
        "or leave it out to start anew."
    )


def _digest(content: bytes, query: str) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST, key=hashlib.sha256(query.encode()).digest()).digest()


def _to_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _from_text(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
