"""Frames and figures to files that people and other systems read; the same frame gives the same bytes."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forecast.errors import InvalidInput

#: First characters that make a spreadsheet run a text as a formula (OWASP: CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_frame(frame: pd.DataFrame, file: Path) -> None:
    """Write a frame as ``.parquet`` or ``.csv`` (UTF-8 with a mark, so that spreadsheets read Chinese).

    In CSV, a text that a spreadsheet would run as a formula gets a leading apostrophe.

    Raises
    ------
    InvalidInput
        If the file has another ending or its folder does not exist.
    """
    if not file.parent.is_dir():
        raise InvalidInput(f"Cannot write {file}: its folder does not exist; make it first.")
    if file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), file, compression="zstd")
    elif file.suffix == ".csv":
        safe = frame.copy()
        for column in safe.select_dtypes(include=["object", "string"]):
            text = safe[column].astype("string")
            safe[column] = text.mask(text.str.startswith(FORMULA).fillna(False), "'" + text)
        safe.to_csv(file, index=False, encoding="utf-8-sig", lineterminator="\n")
    else:
        raise InvalidInput(f"Cannot write {file}: the ending must be .parquet or .csv, got {file.suffix!r}.")


def write_figure(image: bytes, file: Path) -> None:
    """Write a PNG image as ``.png``.

    Raises
    ------
    InvalidInput
        If the file has another ending or its folder does not exist.
    """
    if not file.parent.is_dir():
        raise InvalidInput(f"Cannot write {file}: its folder does not exist; make it first.")
    if file.suffix != ".png":
        raise InvalidInput(f"Cannot write {file}: the ending must be .png, got {file.suffix!r}.")
    file.write_bytes(image)
