"""Stage conversion and durations with censoring, bottlenecks in money, changes and their reasons."""

from forecast.funnel.bottleneck import bottlenecks
from forecast.funnel.chain import occupation
from forecast.funnel.changes import stage_changes
from forecast.funnel.incidence import cumulative_incidence
from forecast.funnel.measure import BY, Funnel, measure_funnel
from forecast.funnel.pace import calendar_spans, stage_pace
from forecast.funnel.reasons import mix_and_rate
from forecast.funnel.stages import stage_table, whole_table
from forecast.funnel.texts import funnel_texts, stage_label
from forecast.funnel.visits import SEGMENTS, Visits, read_visits

__all__ = [
    "BY",
    "SEGMENTS",
    "Funnel",
    "Visits",
    "bottlenecks",
    "calendar_spans",
    "cumulative_incidence",
    "funnel_texts",
    "measure_funnel",
    "mix_and_rate",
    "occupation",
    "read_visits",
    "stage_changes",
    "stage_label",
    "stage_pace",
    "stage_table",
    "whole_table",
]
