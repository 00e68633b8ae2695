"""Which encoding a file is in."""

import pytest

from forecast.adapters.encodings import as_utf8, detect_encoding
from forecast.errors import InvalidInput

CHINESE = "客户名称,金额\n北京客户,100\n" * 20
GERMAN = "Name;Straße\nJürgen Müller;Große Straße\n" * 20


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("plain", "ascii", "utf-8"),
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-8-sig", "utf-8-sig"),
        (CHINESE, "utf-16", "utf-16"),
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE, "gbk", "gb18030"),
        (GERMAN, "latin-1", "cp1252"),
        (GERMAN + "€ – “x”", "cp1252", "cp1252"),
    ],
)
def test_the_encoding_is_found(tmp_path, text, encoding, expected):
    file = tmp_path / "f.csv"
    file.write_text(text, encoding=encoding)

    assert detect_encoding(file) == expected
    assert as_utf8(file, expected, tmp_path / "copy").read_text(encoding="utf-8-sig") == text


@pytest.mark.parametrize("content", [bytes(range(128, 256)) * 4, "Łódź żółć gęślą".encode("utf-16-le")])
def test_an_encoding_that_cannot_be_told_is_asked_for(tmp_path, content):
    file = tmp_path / "f.csv"
    file.write_bytes(content)

    with pytest.raises(InvalidInput, match=r"f\.csv is not UTF-8 .*`encoding:`"):
        detect_encoding(file)


@pytest.mark.parametrize(
    ("encoding", "message"),
    [("utf-8", "f.csv is not in the encoding 'utf-8'"), ("klingon", "f.csv: encoding 'klingon' is unknown")],
)
def test_a_wrong_encoding_in_the_mapping_is_named(tmp_path, encoding, message):
    file = tmp_path / "f.csv"
    file.write_text(GERMAN, encoding="latin-1")

    with pytest.raises(InvalidInput, match=message):
        as_utf8(file, encoding, tmp_path / "copy")
