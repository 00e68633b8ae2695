"""Why a demand forecast is what it is, what it would be under other drivers, and what a new item would sell."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from forecast.demand.what_if import future_drivers, known_drivers
from forecast.errors import InvalidInput, UnknownEntity
from forecast.explain.demand import OUT_OF_RANGE, WHAT_IF_CAVEAT, forecast_sentence, new_item_sentence, part_label
from forecast.usecases.demand import ServedDemand


def explain_demand(served: ServedDemand, unique_id: str, *, lang: str = "en") -> dict[str, Any]:
    """The parts of every period's forecast of one series.

    Returns
    -------
    dict
        Identity, ``cutoff``, ``text`` (the whole horizon in a sentence) and ``points``: ``ds``, ``mean`` and ``parts``
        (``part``, ``points``, ``text``), which add up to ``mean``.

    Raises
    ------
    UnknownEntity
        If there is no such series.
    """
    _known(served, unique_id)
    parts = served.forecaster.explain([unique_id])
    periods = [
        {
            "ds": _day(ds),
            "mean": float(rows["points"].sum()),
            "parts": [
                {"part": part, "points": float(points), "text": part_label(part, lang)}
                for part, points in zip(rows["part"], rows["points"], strict=True)
            ],
        }
        for ds, rows in parts.groupby("ds", sort=True)
    ]
    totals = parts.groupby("part", sort=False)["points"].sum().to_dict()
    text = forecast_sentence({str(part): float(points) for part, points in totals.items()}, len(periods), lang)
    return {**_identity(served, unique_id), "text": text, "points": periods}


def what_if_demand(served: ServedDemand, unique_id: str, changes: Sequence[str], *, lang: str = "en") -> dict[str, Any]:
    """The forecast of one series under other drivers beside the present one.

    Parameters
    ----------
    served : ServedDemand
    unique_id : str
    changes : sequence of str
        ``name=value`` sets a driver throughout the horizon, ``name=*1.1`` multiplies it.
    lang : {"en", "zh"}

    Returns
    -------
    dict
        Identity; sums ``mean``, ``mean_if``, ``difference`` over the horizon; ``points`` with the same per period and
        ``in_range``; ``notes``: the caveat, and where the model has no experience.

    Raises
    ------
    UnknownEntity
        If there is no such series.
    InvalidInput
        If a change cannot be read, or names no driver.
    """
    _known(served, unique_id)
    drivers = future_drivers(served.forecaster.inputs_)
    drivers = drivers[drivers["unique_id"].astype(str) == unique_id].reset_index(drop=True)
    names = known_drivers(served.forecaster.inputs_)
    asked = drivers[["unique_id", "ds"]].assign(
        **{name: _changed(drivers, name, to) for name, to in _read(changes, names)}
    )
    answer = served.forecaster.what_if(asked)
    answer = answer[answer["unique_id"].astype(str) == unique_id]
    notes = [WHAT_IF_CAVEAT.in_language(lang)]
    n_out = int((~answer["in_range"]).sum())
    if n_out:
        notes.append(OUT_OF_RANGE.in_language(lang).format(n=n_out, of=len(answer)))
    columns = ["mean", "mean_if", "difference"]
    points = answer.assign(ds=answer["ds"].map(_day))[["ds", *columns, "in_range"]].to_dict("records")
    sums = {name: float(answer[name].sum()) for name in columns}
    return {**_identity(served, unique_id), **sums, "points": points, "notes": notes}


def new_item_demand(
    served: ServedDemand, attributes: Sequence[str], n_ahead: int | None = None, *, lang: str = "en"
) -> dict[str, Any]:
    """What an item without a history would sell from its launch on.

    Parameters
    ----------
    served : ServedDemand
    attributes : sequence of str
        ``name=value``; those not named are unknown.
    n_ahead : int, optional
        Periods; default the model's horizon.
    lang : {"en", "zh"}

    Returns
    -------
    dict
        ``as_of``, ``batch``, ``model_version``, ``text``, ``n_siblings``, ``by`` (attributes shared), ``basis``, and
        ``points``: ``step``, ``mean`` and the quantiles.

    Raises
    ------
    InvalidInput
        If an attribute is not one of the panel's.
    """
    inputs = served.forecaster.inputs_
    given = dict(_read(attributes, sorted(inputs.static)))
    item: dict[str, Any] = {"unique_id": "(new item)"}
    for name in inputs.static:
        text = given.get(name)
        item[name] = text if name in inputs.categories else (float("nan") if text is None else _number(name, text))
    found = served.forecaster.predict_new(pd.DataFrame([item]), n_ahead)
    first = found.iloc[0]
    by = [] if first["by"] == "all" else str(first["by"]).split(", ")
    n_siblings, basis = int(first["n_siblings"]), str(first["basis"])
    return {
        "as_of": served.as_of,
        "batch": served.batch,
        "model_version": served.model_version,
        "text": new_item_sentence(basis, n_siblings, by, lang),
        "n_siblings": n_siblings,
        "by": by,
        "basis": basis,
        "points": found.drop(columns=["unique_id", "n_siblings", "by", "basis"]).to_dict("records"),
    }


def _known(served: ServedDemand, unique_id: str) -> None:
    if unique_id not in {str(name) for name in served.forecaster.inputs_.matrix.ids}:
        raise UnknownEntity(f"There was no series {unique_id!r} at {served.as_of.isoformat()}.")


def _identity(served: ServedDemand, unique_id: str) -> Mapping[str, Any]:
    matrix = served.forecaster.inputs_.matrix
    row = [str(name) for name in matrix.ids].index(unique_id)
    return {
        "as_of": served.as_of,
        "batch": served.batch,
        "unique_id": unique_id,
        "cutoff": _day(matrix.grid.moments(matrix.last[[row]]).iloc[0]),
        "model_version": served.model_version,
    }


def _read(pairs: Sequence[str], known: Sequence[str]) -> list[tuple[str, str]]:
    """``name=value`` texts as pairs."""
    read = [(name.strip(), value.strip()) for name, _, value in (pair.partition("=") for pair in pairs)]
    wrong = [pair for pair, (name, value) in zip(pairs, read, strict=True) if not value or name not in known]
    if wrong and not known:
        raise InvalidInput(f"This model knows no names to set, got {wrong[0]!r}; train it on a panel that has some.")
    if wrong:
        raise InvalidInput(f"Write name=value with a name of {list(known)}, got {wrong[0]!r}.")
    return read


def _changed(drivers: pd.DataFrame, name: str, to: str) -> Any:
    """Values of a driver after a change."""
    if to.startswith("*"):
        if not pd.api.types.is_numeric_dtype(drivers[name]):
            raise InvalidInput(f"{name!r} holds categories and cannot be multiplied, got {to!r}.")
        return drivers[name] * _number(name, to[1:])
    return _number(name, to) if pd.api.types.is_numeric_dtype(drivers[name]) else to


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(f"{name!r} must be a number, got {text!r}.") from None


def _day(moment: Any) -> Any:
    """The day of a timestamp; integers of series without a calendar stay as they are."""
    return moment.date() if isinstance(moment, (datetime, pd.Timestamp)) else moment
