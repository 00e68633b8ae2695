"""The only wiring: settings, adapters and use cases of one workspace (one company).

Heavy libraries are imported by the method that needs them, so that ``forecast --help`` answers at once.
"""

from __future__ import annotations

from forecast.workspace.base import AsOf, Progress
from forecast.workspace.cases import CaseCalls
from forecast.workspace.data import DataCalls
from forecast.workspace.demand import DemandCalls
from forecast.workspace.events import EventCalls
from forecast.workspace.funnel import FunnelCalls
from forecast.workspace.health import HealthCalls
from forecast.workspace.models import ModelCalls, Task
from forecast.workspace.moved import MovedCalls
from forecast.workspace.performance import PerformanceCalls
from forecast.workspace.plans import PlanCalls
from forecast.workspace.records import RecordCalls
from forecast.workspace.reports import ReportCalls
from forecast.workspace.scores import ScoreCalls
from forecast.workspace.secret import SecretCalls
from forecast.workspace.targets import TargetCalls

__all__ = ["AsOf", "Progress", "Task", "Workspace"]


class Workspace(
    DataCalls,
    ScoreCalls,
    CaseCalls,
    ModelCalls,
    DemandCalls,
    PlanCalls,
    MovedCalls,
    TargetCalls,
    RecordCalls,
    PerformanceCalls,
    ReportCalls,
    FunnelCalls,
    HealthCalls,
    EventCalls,
    SecretCalls,
):
    """One company's lake, store and models, and everything that can be asked of them.

    Parameters
    ----------
    path : path
        A folder made by `Workspace.init`.
    clock : Clock, optional
        Where the present comes from; the system's by default.

    Raises
    ------
    InvalidInput
        If the folder is no workspace or a setting is wrong.
    """
