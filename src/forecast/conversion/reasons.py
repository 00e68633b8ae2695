"""From points of features to reasons of a score: grouped, with evidence from the training rows, exact when rounded."""

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecast.conversion.alike import NOTHING_ALIKE, AlikeBin, AlikeCases
from forecast.conversion.group_rate import REMAINDER

#: Scores and points are rounded to this many decimals, so that files are reproducible.
DECIMALS = 9


#: Families whose second part names a measure, not a subject: which reason each measure belongs to.
MEASURES = {
    "stage": {"previous": "current", "days_in": "time", "pace": "time", "changes": "moves", "moves_back": "moves"},
    "owner": {"open": "workload", "new_30d": "workload", "": "record"},
    "account": {"open": "workload", "new_30d": "workload", "": "record"},
    "calendar": {"age_days": "age", "": "date"},
    "feedback": {"": "record"},
}

#: Endings that say how a field was read, not which field it is.
READINGS = ("category", "is_true", "days_since")


def reason_code(feature: str) -> str:
    """The reason that a feature belongs to, ``family.subject``: one subject, many measures, one reason.

    ``interactions__phone__count_30d`` and ``interactions__phone__days_since_last`` are both ``interactions.phone``;
    attributes keep their whole name: ``attributes__account__industry`` is ``attributes.account.industry``.
    """
    family, *parts = feature.split("__")
    if not parts:
        return f"attributes.{feature}"
    if family == "attributes":
        return ".".join([family, *(parts[:-1] if len(parts) > 1 and parts[-1] in READINGS else parts)])
    known = MEASURES.get(family, {})
    return f"{family}.{known.get(parts[0], known.get('', parts[0]))}"


@dataclass(frozen=True)
class ReasonTable:
    """Reasons of many rows in columns, row by row, strongest first and the remainder last.

    Attributes
    ----------
    offsets : array of shape (n + 1,)
        Reasons of row i are at ``offsets[i]`` to ``offsets[i + 1] - 1``.
    points : array of shape (m,)
        Of probability, rounded.
    values : array of shape (m,)
        Value of the leading feature, as text.
    position : array of shape (m,)
        Where ``codes`` and ``bins``, which hold each pair once, have the reason's code and the cases alike.
    codes : list of str
    bins : list of AlikeBin
    """

    offsets: np.ndarray
    points: np.ndarray
    values: np.ndarray
    position: np.ndarray
    codes: list[str]
    bins: list[AlikeBin]

    def lists(self) -> list[list[dict[str, Any]]]:
        """Per row, a list of ``{"code", "points", "evidence"}``."""
        codes, bins = self.codes, self.bins
        columns = zip(self.position.tolist(), self.points.tolist(), self.values.tolist(), strict=True)
        every = [
            {
                "code": codes[k],
                "points": points,
                "evidence": {"feature": bins[k].feature, "value": value, "n": bins[k].n, "rate": bins[k].rate},
            }
            for k, points, value in columns
        ]
        return [every[start:stop] for start, stop in pairwise(self.offsets.tolist())]

    def texts(self) -> np.ndarray:
        """Per row, the list as JSON: keys sorted, no blanks, not only ASCII; shape (n,)."""
        heads = [
            f'{{"code":{_json(code)},"evidence":{{"feature":{_json(alike.feature)},"n":{alike.n},"rate":{alike.rate},'
            f'"value":"'
            for code, alike in zip(self.codes, self.bins, strict=True)
        ]
        single = pc.binary_join_element_wise(
            pa.array(heads, pa.large_string()).take(pa.array(self.position)),
            escaped(self.values),
            _text('"},"points":'),
            number_texts(self.points),
            _text("}"),
            _text(""),
        )
        lists = pa.LargeListArray.from_arrays(pa.array(self.offsets, pa.int64()), single)
        whole = pc.binary_join_element_wise(_text("["), pc.binary_join(lists, _text(",")), _text("]"), _text(""))
        return np.asarray(whole.to_numpy(zero_copy_only=False), dtype=object)


def escaped(values: np.ndarray) -> pa.LargeStringArray:
    """Texts as they stand between the quotes of JSON."""
    texts = pa.array(values, pa.large_string())
    special = pc.match_substring_regex(texts, r'["\\\x00-\x1f]')
    own = [_json(text)[1:-1] for text in pc.filter(texts, special).to_pylist()]
    return pc.replace_with_mask(texts, special, pa.array(own, pa.large_string()))


def number_texts(values: np.ndarray) -> pa.LargeStringArray:
    """Shortest texts that read back as the same numbers, as Python writes them."""
    texts = pc.cast(pa.array(values), pa.large_string())
    # Arrow writes 1e-5 where Python writes 1e-05, and 1 where Python writes 1.0.
    plain = (np.abs(values) >= 1e-4) & (np.abs(values) < 1e15) & (values != np.round(values))
    own = pa.array(list(map(repr, values[~plain].tolist())), pa.large_string())
    return pc.replace_with_mask(texts, pa.array(~plain), own)


def _text(value: str) -> pa.Scalar:
    return pa.scalar(value, pa.large_string())


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def tabulate_reasons(
    points: pd.DataFrame, X: pd.DataFrame, alike: AlikeCases, *, base: float | np.ndarray, probability: np.ndarray
) -> ReasonTable:
    """Reasons of every row, strongest first.

    Parameters
    ----------
    points : DataFrame of shape (n, k + 1)
        Points of probability per feature, and ``remainder``.
    X : DataFrame
        The feature table of the same rows.
    alike : AlikeCases
    base, probability : float or array, and array, of shape (n,)
        As published, rounded; rounding differences go to the remainder, so that the published numbers add up.

    Returns
    -------
    ReasonTable
        Its evidence holds the leading feature of the reason, its value as text, and the number and win rate of the
        training entities alike in it. Reasons without points are left out, but never the remainder.
    """
    features = [str(name) for name in points.columns if name != REMAINDER]
    sums, leading, _ = grouped_points(points[features])
    sums = np.round(sums, DECIMALS)
    remainder = np.round(probability - base - sums.sum(axis=1), DECIMALS)
    order = np.argsort(-np.abs(sums), axis=1, kind="stable")
    n, n_codes = sums.shape
    # One more column for the remainder, which is kept even when it is 0.
    ranked = np.column_stack([np.take_along_axis(sums, order, axis=1), remainder])
    kept = ranked != 0
    kept[:, -1] = True
    row, place = np.nonzero(kept)
    code = np.column_stack([order, np.full(n, n_codes)])[row, place]
    lead = np.column_stack([leading, np.full(n, len(features))])[row, code]
    offsets = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    position = np.zeros(len(row), dtype=np.int64)
    values = np.full(len(row), "", dtype=object)
    found_codes, found_bins = [REMAINDER], [NOTHING_ALIKE]
    by_feature, matrix = np.argsort(lead, kind="stable"), alike.encoder.transform(X)
    edges = np.searchsorted(lead[by_feature], np.arange(len(features) + 1))
    for number, name in enumerate(features):
        here = by_feature[edges[number] : edges[number + 1]]
        if len(here):
            values[here], bins, which = alike.evidence(X, matrix, name, row[here])
            position[here] = which + len(found_bins)
            found_bins += bins
            found_codes += [reason_code(name)] * len(bins)
    return ReasonTable(offsets, ranked[row, place] + 0.0, values, position, found_codes, found_bins)


def grouped_points(points: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Sums of the points of each reason.

    Parameters
    ----------
    points : DataFrame of shape (n, k)
        One column per feature, without the remainder.

    Returns
    -------
    (sums, leading, codes)
        ``sums`` and ``leading`` of shape (n, n_codes): the points of each reason, and the position of its feature with
        the most points; ``codes`` sorted.
    """
    position: dict[str, list[int]] = {}
    for number, name in enumerate(points.columns):
        position.setdefault(reason_code(str(name)), []).append(number)
    codes = sorted(position)
    values = points.to_numpy()
    sums, leading = np.zeros((len(points), len(codes))), np.zeros((len(points), len(codes)), dtype=np.int64)
    for number, code in enumerate(codes):
        members = np.array(position[code])
        part = values[:, members]
        sums[:, number] = part.sum(axis=1)
        leading[:, number] = members[np.abs(part).argmax(axis=1)]
    return sums, leading, codes
