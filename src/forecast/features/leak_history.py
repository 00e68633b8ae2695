"""The leak hunter where there is a version history: each rule compares what was known before the closing with after.

An honest column may change while a case is open, come late in the process, be missing for reasons, predict strongly, or
go on changing after the closing of won and lost cases alike. Each rule asks for something that none of these does.
Thresholds are set so that a column must be far from chance: with 3,000 honest columns fewer than one false alarm.
"""

from collections.abc import Callable, Iterable

from forecast.features import leak_closing, leak_open, leak_past
from forecast.features.leak_judged import Evidence, Judged, usual_paces
from forecast.features.leak_values import Cases, Column
from forecast.features.suspects import LEAK, Suspect

#: By kind, in the order in which they are asked.
_RULES: dict[str, Callable[[Judged], Evidence | None]] = {
    "only_after_closing": leak_closing.only_after_closing,
    "rewritten_by_batch": leak_past.rewritten_by_batch,
    "holds_closing_moment": leak_past.holds_closing_moment,
    "holds_later_moment": leak_past.holds_later_moment,
    "known_too_early": leak_past.known_too_early,
    "rewritten_in_the_past": leak_past.rewritten_in_the_past,
    "filled_for_closed_only": leak_open.filled_for_closed_only,
    "values_of_closed_only": leak_open.values_of_closed_only,
    "moments_before_closing": leak_closing.moments_before_closing,
    "jumps_before_closing": leak_closing.jumps_before_closing,
    "settles": leak_open.settles,
    "filled_at_closing": leak_closing.filled_at_closing,
    "changed_at_closing": leak_closing.changed_at_closing,
    "rewritten_at_closing": leak_closing.rewritten_at_closing,
}
#: An account goes on living after a deal: what it gets at a win is honest for the next deal.
_RULES_OF_RELATED = (
    *("only_after_closing", "known_too_early", "rewritten_in_the_past"),
    *("filled_for_closed_only", "values_of_closed_only"),
)


def find_leaks(cases: Cases, columns: Iterable[Column]) -> list[Suspect]:
    """The columns that leak, each by the first rule that it breaks; sorted by table and name."""
    held = list(columns)
    suspects = []
    for column, pace in zip(held, usual_paces(cases, held), strict=True):
        judged = Judged(cases, column, pace)
        for kind, rule in _RULES.items():
            if not column.is_own and kind not in _RULES_OF_RELATED:
                continue
            if evidence := rule(judged):
                suspects.append(Suspect(column.table, column.name, LEAK, kind, evidence))
                break
    return sorted(suspects, key=lambda suspect: (suspect.table, suspect.column))
