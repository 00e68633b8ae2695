"""What was found in a panel and what was done about it."""

from dataclasses import asdict, dataclass, fields

import pandas as pd

#: Codes of all findings, in the order in which they are looked for.
RULES = (
    "text_numbers",
    "tiny_values",
    "negative_values",
    "mixed_ids",
    "mixed_offsets",
    "off_grid",
    "aggregated",
    "exact_duplicates",
    "doubled_hour",
    "partial_period",
    "maybe_partial_period",
    "unknown_values",
    "no_values",
    "gaps",
    "stock_out",
    "not_started",
    "ends_early",
    "ended",
)
#: Findings about periods that have no row, or zeros.
_PERIODS = ("gaps", "not_started", "ends_early", "ended")


@dataclass(frozen=True)
class Repair:
    """One finding.

    Attributes
    ----------
    rule : str
        One of `RULES`.
    found, done : str
        What came, and what was done about it ("reported only" when nothing was changed).
    n_rows, n_series : int
        How many are concerned; ``n_rows`` counts periods for gaps and for series that begin or end.
    first : str
        The first series concerned, with its moment where one is meant.
    """

    rule: str
    found: str
    done: str
    n_rows: int
    n_series: int
    first: str

    @property
    def line(self) -> str:
        """One line for a person."""
        noun = "period" if self.rule in _PERIODS else "row"
        counted = f"{self.n_rows:,} {noun}{'' if self.n_rows == 1 else 's'}"
        return f"{self.found}: {self.done} ({counted}, {self.n_series:,} series, first {self.first})"


#: All findings of a panel.
Report = tuple[Repair, ...]


def to_frame(report: Report) -> pd.DataFrame:
    """One row per finding with the fields of `Repair`."""
    return pd.DataFrame([asdict(one) for one in report], columns=[field.name for field in fields(Repair)])
