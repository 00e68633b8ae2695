"""Every measure by name, and every subject that they are counted from."""

from collections.abc import Mapping

from forecast.reports.lake_measures import LAKE_MEASURES, LAKE_SUBJECTS
from forecast.reports.measures import Measure, Subject, listed
from forecast.reports.room_measures import ROOM_MEASURES, ROOM_SUBJECTS

SUBJECTS: Mapping[str, Subject] = {subject.name: subject for subject in (*LAKE_SUBJECTS, *ROOM_SUBJECTS)}
MEASURES: Mapping[str, Measure] = listed((*LAKE_MEASURES, *ROOM_MEASURES))
#: Subjects counted from the lake.
OF_LAKE = frozenset(subject.name for subject in LAKE_SUBJECTS)
#: Measures that compare the period with earlier ones: they are told of one period at a time, by no calendar.
COMPARING = frozenset(("revenue_before", "growth", "revenue_year_before", "growth_year"))


def with_counts(names: tuple[str, ...]) -> tuple[str, ...]:
    """The measures with the numbers of cases behind them right after, where they are not named themselves."""
    found: list[str] = []
    for name in names:
        found.append(name)
        count = MEASURES[name].count
        if count and count not in names:
            found.append(count)
    return tuple(dict.fromkeys(found))
