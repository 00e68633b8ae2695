"""Which encoding a text file is in, and a UTF-8 copy of one that is in another."""

import codecs
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecast.errors import InvalidInput

_CHUNK = 1 << 22
_SAMPLE = 1 << 24
#: Share of the runs of non-ASCII bytes that must look like an encoding for it to be taken without being told.
_CONVINCING = 0.95
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def detect_encoding(file: Path) -> str:
    """``utf-8``, ``utf-8-sig``, ``utf-16``, ``gb18030`` or ``cp1252``.

    A file that is not UTF-8 is gb18030 when its non-ASCII bytes come in pairs of GB 2312, cp1252 (a superset of
    latin-1) when they stand alone between ASCII letters. Both would decode almost anything without an error.

    Raises
    ------
    InvalidInput
        If neither is convincing.
    """
    with file.open("rb") as stream:
        head = stream.read(_SAMPLE)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if b"\0" not in head:  # no text in these encodings has it; UTF-16 without its mark does
        if _decodes(file, "utf-8"):
            return "utf-8"
        lengths, in_gb2312 = _runs(np.frombuffer(head, np.uint8))
        convincing = _CONVINCING * len(lengths)
        if (lengths[in_gb2312] % 2 == 0).sum() >= convincing and _decodes(file, "gb18030"):
            return "gb18030"
        if (lengths == 1).sum() >= convincing and _decodes(file, "cp1252"):
            return "cp1252"
    raise InvalidInput(
        f"{file.name} is not UTF-8 and its encoding cannot be told; add `encoding:` (such as gb18030, cp1252 or "
        "utf-16-le) to this input in the mapping."
    )


def as_utf8(file: Path, encoding: str, copy: Path) -> Path:
    """The file itself if it is UTF-8, else a copy that is.

    Raises
    ------
    InvalidInput
        If the file is not in that encoding, or Python knows no such encoding.
    """
    try:
        name = codecs.lookup(encoding).name
        if name in ("utf-8", "ascii"):
            if not _decodes(file, name):
                raise UnicodeError
            return file
        with copy.open("w", encoding="utf-8", newline="") as target:
            target.writelines(_decoded(file, name))
    except LookupError:
        raise InvalidInput(
            f"{file.name}: encoding {encoding!r} is unknown; use a name such as utf-8, gb18030, cp1252 or utf-16."
        ) from None
    except UnicodeError:
        raise InvalidInput(
            f"{file.name} is not in the encoding {encoding!r}; correct `encoding:` of this input or leave it out."
        ) from None
    return copy


def _decodes(file: Path, encoding: str) -> bool:
    try:
        for _ in _decoded(file, encoding):
            pass
    except UnicodeError:
        return False
    return True


def _decoded(file: Path, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def _runs(content: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Lengths of the runs of non-ASCII bytes, and whether all bytes of each lie in the range of GB 2312."""
    high = np.concatenate([[False], content >= 0x80, [False]])
    edges = np.flatnonzero(high[1:] != high[:-1])
    starts, ends = edges[::2], edges[1::2]
    outside = np.concatenate([[0], np.cumsum((content >= 0x80) & ((content < 0xA1) | (content == 0xFF)))])
    return ends - starts, outside[ends] == outside[starts]
