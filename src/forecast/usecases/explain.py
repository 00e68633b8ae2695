"""Why one lead or opportunity has its score."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from forecast.errors import UnknownEntity
from forecast.explain import render, shown_reasons


def explain(scores: pd.DataFrame, entity_id: str, *, lang: str = "en", strongest: int | None = None) -> dict[str, Any]:
    """The reasons of one score, in words.

    Parameters
    ----------
    scores : DataFrame
        As `score` gives them; ``reasons`` is the JSON of all reasons.
    entity_id : str
    lang : {"en", "zh"}
    strongest : int, optional
        Show so many of the told reasons for and as many against, and the sum of the others as ``rest``; default all.

    Returns
    -------
    dict
        ``entity``, ``entity_id``, ``as_of``, ``batch``, ``model_version``, ``probability``, ``base``, ``reasons``
        (``code``, ``points``, ``text``, ``evidence``; strongest first) and ``rest``: ``base``, all points and ``rest``
        add up to ``probability``.

    Raises
    ------
    UnknownEntity
        If no open lead or opportunity of that id was scored.
    """
    rows = scores[scores["entity_id"] == entity_id]
    if rows.empty:
        raise UnknownEntity(
            f"No open lead or opportunity {entity_id!r} is known at that moment; {len(scores):,} others are scored."
        )
    row = rows.iloc[0]
    reasons = json.loads(row["reasons"])
    base = float(row["base"])
    shown = reasons if strongest is None else _strongest(reasons, base, strongest)
    return {
        "entity": row["entity"],
        "entity_id": entity_id,
        "as_of": row["as_of"].to_pydatetime(),
        "batch": int(row["batch"]),
        "model_version": row["model_version"],
        "probability": float(row["probability"]),
        "base": base,
        "reasons": [{**reason, "text": render(reason, lang)} for reason in shown],
        "rest": round(sum(reason["points"] for reason in reasons) - sum(reason["points"] for reason in shown), 9),
    }


def explanation_figure(explanation: Mapping[str, Any], *, lang: str = "en") -> bytes:
    """A waterfall of what `explain` gave: from the base rate by its reasons to the probability.

    Parameters
    ----------
    explanation : mapping
        Of `explain` with all reasons.
    lang : {"en", "zh"}

    Returns
    -------
    bytes
        PNG.
    """
    from forecast.explain.figures import score_waterfall

    return score_waterfall(explanation["reasons"], base=explanation["base"], lang=lang)


def _strongest(reasons: list[dict[str, Any]], base: float, n: int) -> list[Mapping[str, Any]]:
    """The first n told for and the first n against, strongest first."""
    shown = shown_reasons(reasons, base=base, n_shown=n)
    return sorted((*shown.raising, *shown.lowering), key=lambda reason: -abs(reason["points"]))
