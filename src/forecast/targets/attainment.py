"""Where approved targets stand during their period: attainment, pace, pipeline coverage and odds, for every node."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.outlook import PARTS, Outlook
from forecast.targets.pace import Course
from forecast.targets.units import as_units, digits_of

Floats = NDArray[np.float64]


def attainment_table(
    outlook: Outlook, targets: Mapping[tuple[str, str], float], course: Course, pipeline: Floats
) -> pd.DataFrame:
    """One row for each node of the outlook that has a target, and for each that has a target and no outlook.

    Parameters
    ----------
    outlook : Outlook
        As of the moment asked about, of the measure of the targets.
    targets : mapping of (owner_kind, owner_id) to amount
        Kinds company, team and user.
    course : Course
        Of the owners of the outlook.
    pipeline : array of shape (n_owners,)
        Amount of the open opportunities of each owner that are due in the period; NaN where no date is known.

    Returns
    -------
    DataFrame
        ``owner_kind``, ``owner_id``, ``parent``, ``target``, ``currency``; ``booked`` so far; ``attainment``: booked
        over target; ``usual_share`` of a period's result booked by now and ``pace``: attainment over it (1 is as
        usual); ``remaining`` to the target, at least 0; ``pipeline``, ``pipeline_coverage``: pipeline over remaining;
        ``weighted_pipeline``: what is expected of open opportunities in the period, and its ``weighted_coverage``;
        ``expected``: mean of the outlook; ``odds`` of reaching the target, from its paths. Ratios are missing where
        they divide by 0. What is due is the rep's word (expected close); the weighted pipeline and odds do not use it.
    """
    digits = digits_of(outlook.currency)
    rows, seen = [], set()
    for node in outlook.nodes():
        key = ({"rep": "user"}.get(node.level, node.level), node.id)
        if key not in targets:
            continue
        seen.add(key)
        booked, weighted = (float(np.asarray(outlook.parts[part])[node.members].sum()) for part in ("booked", "open"))
        expected = sum(float(np.asarray(outlook.parts[part])[node.members].sum()) for part in PARTS)
        usual = _usual_share(course, outlook, node.members)
        goal = as_units(targets[key], outlook.currency)
        reached = as_units(outlook.paths[:, node.members].sum(axis=1), outlook.currency) >= goal
        rows.append(
            _row(key, node.parent, targets[key], booked, usual, float(pipeline[node.members].sum()), weighted, digits)
            | {"expected": round(expected, digits), "odds": float(reached.mean())}
        )
    for key in sorted(set(targets) - seen):
        nothing = _row(key, "", targets[key], 0.0, course.company, 0.0, 0.0, digits)
        rows.append(nothing | {"expected": 0.0, "odds": float(targets[key] <= 0)})
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(currency=outlook.currency)


COLUMNS = [
    "owner_kind", "owner_id", "parent", "target", "currency", "booked", "attainment", "usual_share", "pace",
    "remaining", "pipeline", "pipeline_coverage", "weighted_pipeline", "weighted_coverage", "expected", "odds",
]  # fmt: skip


def _row(
    key: tuple[str, str],
    parent: str,
    target: float,
    booked: float,
    usual: float,
    pipeline: float,
    weighted: float,
    digits: int,
) -> dict[str, object]:
    remaining = round(max(target - booked, 0.0), digits)
    attainment = _ratio(booked, target)
    return {
        "owner_kind": key[0],
        "owner_id": key[1],
        "parent": parent,
        "target": round(target, digits),
        "currency": "",
        "booked": round(booked, digits),
        "attainment": attainment,
        "usual_share": usual,
        "pace": _ratio(attainment, usual),
        "remaining": remaining,
        "pipeline": round(pipeline, digits),
        "pipeline_coverage": _ratio(pipeline, remaining),
        "weighted_pipeline": round(weighted, digits),
        "weighted_coverage": _ratio(weighted, remaining),
    }


def _usual_share(course: Course, outlook: Outlook, members: NDArray[np.bool_]) -> float:
    """Of one owner the own course, of everybody the company's, of a team its members' by what they are expected."""
    if members.all():
        return course.company
    weight = np.maximum(outlook.paths[:, members].mean(axis=0), 0)
    return float(course.owners[members] @ weight / weight.sum()) if weight.sum() > 0 else course.company


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
