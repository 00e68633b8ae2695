"""The ``y`` and ``unique_id`` columns as numbers and codes, however they came."""

import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.demand.repair.report import Repair
from forecast.demand.series_ids import series_codes
from forecast.errors import InvalidInput

Floats = NDArray[np.float64]
#: Beyond this, squares and 32-bit numbers of models lose their meaning; amounts of any currency are far below.
LARGEST = 1e30
#: Below this a value is 0, for the same reason.
SMALLEST = 1e-30


def read_ids(unique_id: pd.Series) -> tuple[NDArray[np.int64], NDArray[np.object_], list[Repair]]:
    """Codes, ids and findings; ids of several types become text when no two of them then agree."""
    codes, ids = series_codes(unique_id)
    kinds = np.array([isinstance(name, str) for name in ids])
    if kinds.all() or not kinds.any():
        return codes, ids, []
    changed = ~kinds[codes]
    found = Repair(
        "mixed_ids", "`unique_id` holds texts and other types", "made text", int(changed.sum()), int((~kinds).sum()),
        repr(ids[~kinds][0]),
    )  # fmt: skip
    return codes, np.array([str(name) for name in ids], dtype=object), [found]


def read_values(
    y: pd.Series, codes: NDArray[np.int64], ids: NDArray[np.object_], ds: pd.Series
) -> tuple[Floats, list[Repair]]:
    """``y`` as floats with NaN where it is missing, and findings.

    Raises
    ------
    InvalidInput
        If a value is no number, infinite or beyond `LARGEST`.
    """
    values, is_text = _to_float(y, ds, codes, ids)
    report: list[Repair] = []

    def note(rule: str, found: str, done: str, concerned: NDArray[np.bool_]) -> None:
        if concerned.any():
            first = int(np.argmax(concerned))
            n_series = len(np.unique(codes[concerned]))
            report.append(Repair(rule, found, done, int(concerned.sum()), n_series, _where(first, codes, ids, ds)))

    bad = np.isinf(values)
    if bad.any():
        raise InvalidInput(
            f"`y` must be finite, {int(bad.sum())} of {len(values)} values are not "
            f"(first: {_where(int(np.argmax(bad)), codes, ids, ds)}); drop or fill them."
        )
    with np.errstate(invalid="ignore"):
        huge = np.abs(values) > LARGEST
        tiny = (values != 0) & (np.abs(values) < SMALLEST)
    if huge.any():
        raise InvalidInput(
            f"`y` must lie within ±{LARGEST:g}, {int(huge.sum())} of {len(values)} values do not "
            f"(first: {values[huge][0]:g} of {_where(int(np.argmax(huge)), codes, ids, ds)}); use a larger unit."
        )
    if is_text:
        note("text_numbers", f"`y` holds numbers as {y.dtype}", "read as numbers", ~np.isnan(values))
    note("tiny_values", f"`y` closer to 0 than {SMALLEST:g}", "taken as 0", tiny)
    values = np.where(tiny, 0.0, values)
    note("negative_values", "`y` below 0", "kept; forecasts may be below 0 too", values < 0)
    return values, report


def _to_float(y: pd.Series, ds: pd.Series, codes: NDArray[np.int64], ids: NDArray[np.object_]) -> tuple[Floats, bool]:
    if pd.api.types.is_complex_dtype(y) or pd.api.types.is_datetime64_any_dtype(y):
        raise InvalidInput(f"`y` must hold numbers, got {y.dtype}.")
    if pd.api.types.is_numeric_dtype(y):
        return y.to_numpy(dtype=float, na_value=np.nan), False
    plain = y.astype(object).reset_index(drop=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            values = pd.to_numeric(plain, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        except (TypeError, ValueError, OverflowError):
            raise InvalidInput(f"`y` must hold numbers, got {y.dtype}.") from None
    empty = plain.isna().to_numpy() | (plain.astype(str).str.strip().str.lower().isin(["", "nan"])).to_numpy()
    bad = np.isnan(values) & ~empty
    if bad.any():
        first = int(np.argmax(bad))
        raise InvalidInput(
            f"`y` must hold numbers, {int(bad.sum())} of {len(y)} values are none "
            f"(first: {plain.iloc[first]!r} of {_where(first, codes, ids, ds)})."
        )
    return values, True


def _where(index: int, codes: NDArray[np.int64], ids: NDArray[np.object_], ds: pd.Series) -> str:
    return f"unique_id {ids[codes[index]]!r}, ds {ds.iloc[index]}"
