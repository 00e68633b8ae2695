"""What a measure of a report is: where it comes from, what it means, how it adds up, by what it can be told apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from forecast.explain.labels import Text

Unit = Literal["money", "count", "share", "days", "hours", "score", "points", "number"]
#: How the total comes about: the sum of the rows; the same figure over all rows together; there is none.
Total = Literal["sum", "whole", "none"]


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes
    ----------
    name : str
    title, meaning : Text
    unit : Unit
    subject : str
        Whose rows it is counted from, one of `Subject.name`.
    sql : str
        DuckDB expression over the rows of a subject of the lake, ``{now}`` being those of the span; or the column of
        a room's table.
    total : Total
    count : str
        Measure with the number of cases behind it: an average is never shown without.
    """

    name: str
    title: Text
    meaning: Text
    unit: Unit
    subject: str
    sql: str
    total: Total = "sum"
    count: str = ""


@dataclass(frozen=True)
class Subject:
    """What measures are counted from.

    Attributes
    ----------
    name : str
    dimensions : tuple of frozensets
        Measures can be told by any part of one of these.
    required : frozenset
        Dimensions without which there is no table.
    filters : frozenset
        Dimensions by whose values rows can be chosen.
    title : Text
    """

    name: str
    title: Text
    dimensions: tuple[frozenset[str], ...]
    required: frozenset[str] = frozenset()
    filters: frozenset[str] = frozenset()

    def allows(self, dimensions: frozenset[str]) -> bool:
        """Whether its measures can be told by these dimensions together."""
        return self.required <= dimensions and any(dimensions <= known for known in self.dimensions)

    @property
    def told_by(self) -> str:
        """The dimensions for people: those that go together between commas."""
        return " or ".join("{" + ", ".join(sorted(known)) + "}" for known in self.dimensions)


def listed(measures: tuple[Measure, ...]) -> Mapping[str, Measure]:
    """Measures by name.

    Raises
    ------
    ValueError
        If two have one name, or a count is no measure.
    """
    found = {measure.name: measure for measure in measures}
    lost = {measure.count for measure in measures} - {""} - set(found)
    if len(found) < len(measures) or lost:
        raise ValueError(f"Measures need names of their own and counts that are measures; lost are {sorted(lost)}.")
    return found
