"""What to work on: suggestions that follow from the steps in which somebody is behind, or ahead, and from no other."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from forecast.performance.above import CLAIM_LEVEL, Above
from forecast.performance.steps import ADVANCE, ANSWER, CLOSE, CONVERT, TAKE_UP, WIN

#: Code of the suggestion by the kind of step in which somebody is behind.
BEHIND = {
    CONVERT: "qualify_leads",
    ADVANCE: "advance_stage",
    CLOSE: "close_deals",
    TAKE_UP: "contact_sooner",
    ANSWER: "answer_sooner",
}
#: Code of the suggestion for a step in which somebody is ahead.
AHEAD = "share_practice"
CODES = (*BEHIND.values(), AHEAD)
#: At most so many colleagues are named to learn from.
_N_MODELS = 3


def kind_of_step(step: str) -> str:
    """`WIN`, `CONVERT`, `TAKE_UP`, `ANSWER`, or the beginning `ADVANCE` or `CLOSE` of a stage's step."""
    return next((beginning for beginning in (ADVANCE, CLOSE) if step.startswith(beginning)), step)


def suggest(
    lines: pd.DataFrame, steps: Mapping[str, Above], *, person: str | None, visible: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Suggestions for one person or team.

    Parameters
    ----------
    lines : DataFrame
        The steps of the one person or team: columns of `Above.lines` and ``step``.
    steps : mapping of step to Above
    person : str or None
        User id; None for a team.
    visible : collection of str
        Colleagues who may be named as those to learn from.

    Returns
    -------
    list of dict
        ``code``, ``step`` and ``evidence`` (``n_cases``, ``successes``, ``expected``, ``above``, ``low``, ``high``,
        ``p``, ``learn_from``); what to mend first, by the share of expected successes that is missing, then what to
        pass on. Empty when nothing can be claimed.
    """
    claims = lines[(lines["claim"] != "") & (lines["step"] != WIN)]
    behind = claims[claims["claim"] == "behind"]
    behind = behind.assign(missing=behind["above"] / behind["expected"].clip(lower=1e-9)).sort_values(
        ["missing", "step"]
    )
    ahead = claims[claims["claim"] == "ahead"].sort_values(["p_ahead", "step"], ascending=[False, True])
    found = [
        _suggestion(
            BEHIND[kind_of_step(row["step"])], row, row["p_behind"], _models(steps[row["step"]], person, visible)
        )
        for row in behind.to_dict("records")
    ]
    return found + [_suggestion(AHEAD, row, row["p_ahead"], []) for row in ahead.to_dict("records")]


def _suggestion(code: str, row: Mapping[Any, Any], p: float, learn_from: Sequence[str]) -> dict[str, Any]:
    evidence = {name: row[name] for name in ("n_cases", "successes", "expected", "above", "low", "high")}
    return {"code": code, "step": row["step"], "evidence": evidence | {"p": p, "learn_from": list(learn_from)}}


def _models(above: Above, person: str | None, visible: Collection[str]) -> list[str]:
    """Colleagues of whom it can be claimed that they are ahead of the person in a step, surest first."""
    if person is None or person not in above.people:
        return []
    chances = [(above.ahead(other, person), other) for other in sorted(set(visible) & set(above.people) - {person})]
    return [other for chance, other in sorted(chances, key=lambda pair: (-pair[0], pair[1])) if chance >= CLAIM_LEVEL][
        :_N_MODELS
    ]
