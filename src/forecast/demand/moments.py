"""The ``ds`` column as timestamps or whole numbers, however it came."""

import numpy as np
import pandas as pd

from forecast.errors import InvalidInput

#: An offset from UTC at the end of a text that has a time of day.
_OFFSET = r":\d{2}(?:\.\d+)?\s*(Z|[+-]\d{2}(?::?\d{2})?)$"


def read_integers(ds: pd.Series, freq: str | int) -> pd.Series:
    """``ds`` as whole numbers; numbers with a point and texts are taken when they are whole.

    Raises
    ------
    InvalidInput
        If a value is missing or no whole number.
    """
    if pd.api.types.is_integer_dtype(ds) and not ds.isna().any():
        return ds.astype(np.int64) if pd.api.types.is_extension_array_dtype(ds) else ds
    is_number = pd.api.types.is_numeric_dtype(ds) and not pd.api.types.is_bool_dtype(ds)
    if is_number or ds.dtype == object or pd.api.types.is_string_dtype(ds):
        numbers = pd.to_numeric(ds, errors="coerce")
        values = numbers.to_numpy(dtype=float, na_value=np.nan)
        if np.isfinite(values).all() and (values == np.round(values)).all() and (np.abs(values) < 2**53).all():
            return pd.Series(values.astype(np.int64))
    raise InvalidInput(f"`freq`={freq!r} needs integers in `ds`, got {ds.dtype}.")


def read_moments(ds: pd.Series, freq: str | int, *, is_hourly: bool) -> tuple[pd.Series, bool]:
    """``ds`` as timestamps, and whether offsets from UTC were mixed.

    Mixed offsets become UTC where hours count, else the wall time that was written: a day is the day of its place.

    Raises
    ------
    InvalidInput
        If ``ds`` holds numbers, no timestamps, or misses some.
    """
    if pd.api.types.is_numeric_dtype(ds):
        raise InvalidInput(f"`ds` holds numbers ({ds.dtype}) but `freq` is {freq!r}; use an integer `freq`.")
    is_mixed = False
    if pd.api.types.is_datetime64_any_dtype(ds):
        moments = ds.reset_index(drop=True)
    else:
        codes, values = pd.factorize(ds)
        parsed, is_mixed = _parse(pd.Series([str(value) for value in values], dtype=object), is_hourly=is_hourly)
        moments = parsed.reindex(codes).reset_index(drop=True)  # code -1 is missing and stays so
    if moments.isna().any():
        raise InvalidInput(f"`ds` is missing in {int(moments.isna().sum())} of {len(ds)} rows.")
    return moments, is_mixed


def _parse(texts: pd.Series, *, is_hourly: bool) -> tuple[pd.Series, bool]:
    if texts.empty:
        return pd.Series(pd.DatetimeIndex([])), False
    offsets = texts.str.extract(_OFFSET, expand=False)
    is_mixed = len(offsets.unique()) > 1
    if is_mixed and is_hourly and offsets.isna().any():
        first = texts[offsets.isna()].iloc[0]
        raise InvalidInput(f"Some values of `ds` have an offset from UTC, others not (first: {first}); give all one.")
    if is_mixed and not is_hourly:
        texts = texts.str.replace(r"(?<=\d)\s*(?:Z|[+-]\d{2}(?::?\d{2})?)$", "", regex=True).where(
            offsets.notna(), texts
        )
    try:
        return pd.to_datetime(texts, format="ISO8601", utc=is_mixed and is_hourly), is_mixed
    except (ValueError, TypeError, OverflowError) as error:
        reason = str(error).splitlines()[0].split(". You might")[0]
        raise InvalidInput(f"`ds` must hold timestamps: {reason}.") from None
