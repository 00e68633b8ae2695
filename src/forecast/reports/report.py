"""A report that was made: tables with keys and numbers, and what identifies them. Texts come when it is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from forecast.explain.labels import Text
from forecast.periods import Period
from forecast.reports.measures import Measure
from forecast.reports.spec import Chart, ReportSpec

#: No text.
NONE = Text("", "")


@dataclass(frozen=True)
class ReportTable:
    """One section of a report.

    Attributes
    ----------
    title : Text
    text : Text
        Empty for none.
    dimensions : tuple of str
    measures : tuple of Measure
        The columns after the dimensions, counts included.
    rows : DataFrame
        ``dimensions`` (keys) and one column per measure; NaN where there is nothing to say.
    totals : mapping of measure to value
        Of the measures that have one. Those that are sums equal the sum of the rows.
    model_version : str
        Empty where no model has a part in it.
    note : Text
        Why there are no rows, or what to know; empty for none.
    chart : Chart or None
    filters : mapping of dimension to keys
    """

    title: Text
    text: Text
    dimensions: tuple[str, ...]
    measures: tuple[Measure, ...]
    rows: pd.DataFrame
    totals: Mapping[str, float]
    model_version: str = ""
    note: Text = NONE
    chart: Chart | None = None
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """A report as of a moment, under somebody's rights.

    Attributes
    ----------
    name : str
        Of the definition.
    spec : ReportSpec
    period : Period
    as_of : datetime, UTC-aware
    batch : int
    currency : str
        Of all money.
    timezone : str
        Of days and months.
    n_people : int or None
        Of how many people rows are counted; None for everybody.
    tables : tuple of ReportTable
    names : mapping of dimension to mapping of key to name
        From the company's data.
    """

    name: str
    spec: ReportSpec
    period: Period
    as_of: datetime
    batch: int
    currency: str
    timezone: str
    n_people: int | None
    tables: tuple[ReportTable, ...]
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def title(self) -> Text:
        """Of the definition."""
        return self.spec.title.text

    @property
    def about(self) -> Text:
        """Of the definition; empty for none."""
        return self.spec.about.text if self.spec.about else NONE
