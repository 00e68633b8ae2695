"""The funnel of a workspace: stage conversion and durations, bottleneck, changes and their reasons."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from forecast.errors import InvalidInput
from forecast.workspace.base import AsOf, WorkspaceBase

if TYPE_CHECKING:
    from forecast.funnel import Funnel


class FunnelCalls(WorkspaceBase):
    """The funnel."""

    def funnel(
        self,
        period: str | None = None,
        as_of: AsOf = None,
        batch: int | None = None,
        *,
        by: str | None = None,
        since: AsOf = None,
        until: AsOf = None,
        owners: Collection[str] | None = None,
    ) -> Funnel:
        """Conversion and duration of every stage with open cases allowed for, the bottleneck in money, changes.

        Parameters
        ----------
        period : str, optional
            Shares are about what entered in it; instead of ``since`` and ``until``.
        as_of, batch
            What was known; default now, the last batch.
        by : str, optional
            ``owner``, ``team``, ``region``, ``category``, ``channel``, or the cohort of entry: ``month``, ``quarter``.
        since, until : day or moment, optional
        owners : collection of str, optional
            Only leads and deals of these owners are read.
        """
        from forecast.usecases.funnel import funnel

        if period is not None and (since is not None or until is not None):
            raise InvalidInput(f"Give either `period` or `since` and `until`, got period {period!r} and one of them.")
        start = None if since is None else self.moment(since)
        stop = None if until is None else self.moment(until)
        if period is not None:
            named = self.period(period)
            start, stop = named.start(self.settings.zone), named.end(self.settings.zone)
        return funnel(
            self.lake,
            self.settings,
            self.moment(as_of),
            batch=batch,
            by=by,
            since=start,
            until=stop,
            stages=self.declared_stages(batch),
            owners=owners,
        )

    def declared_stages(self, batch: int | None = None) -> tuple[str, ...]:
        """Open stages in the order that mappings declare, as of a batch; of each mapping its last word."""
        commits = self.lake.commits()
        if batch is not None:
            commits = commits[commits["batch"] <= batch]
        declared: dict[str, list[str]] = {}
        for summary in commits["summary"]:
            if summary.get("stages"):
                declared[str(summary.get("mapping"))] = list(summary["stages"])
        return tuple(dict.fromkeys(stage for stages in declared.values() for stage in stages))
