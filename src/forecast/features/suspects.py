"""What the leak hunter found: a column that may tell the outcome because it was written with it."""

from collections.abc import Mapping
from dataclasses import dataclass

Fact = float | int | str

#: Excluded from every model: only where a version history proves it, or the mapping says it.
LEAK = "leak"
#: Named with its evidence and left in: what a bare table can tell is not proof.
SUSPICIOUS = "suspicious"

#: What each code of evidence means, in a sentence.
KINDS = {
    "declared": "the mapping says that it is filled at closing",
    "only_after_closing": "never filled (or never other than its usual value) while a case is open",
    "filled_at_closing": "mostly filled for the first time when a case closes or after",
    "changed_at_closing": "filled, emptied or changed at closing or after, for one outcome only",
    "rewritten_at_closing": "rewritten at closing or after to a value that tells the outcome",
    "moments_before_closing": "set within a day of the closing, and at no other time",
    "jumps_before_closing": "changed in the last hour before closing to what tells the outcome",
    "settles": "once it is set, the case closes, with one outcome for one value, and no open case has it",
    "known_too_early": "the value at creation tells the outcome nearly alone",
    "rewritten_in_the_past": "tells the outcome at creation, and new cases never look like that",
    "filled_for_closed_only": "filled since creation for cases that have closed, not for those still open",
    "holds_closing_moment": "holds the moment of the closing long before it",
    "nearly_perfect": "tells the outcome nearly alone",
    "filled_for_one_outcome": "filled for one outcome and hardly ever for the other",
    "missing_tells": "whether it is missing tells the outcome",
    "values_apart": "the two outcomes share hardly any value",
    "too_good_alone": "alone it tells more than columns known before the event usually do",
    "later_than_time": "holds a moment after the one at which the row was to be scored",
}


@dataclass(frozen=True)
class Suspect:
    """A column that may leak.

    Attributes
    ----------
    table : str
        Canonical table, empty for a bare table.
    column : str
        Field or attribute as the source names it, or column of the bare table.
    verdict : {"leak", "suspicious"}
        A leak is kept out of the models; a suspicious column is only named.
    kind : str
        A key of `KINDS`.
    evidence : mapping
        Counts and shares by name.
    """

    table: str
    column: str
    verdict: str
    kind: str
    evidence: Mapping[str, Fact]
