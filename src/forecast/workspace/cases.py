"""One lead or opportunity in its history: what happened, how its score moved, and past cases like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.workspace.base import AsOf, WorkspaceBase

if TYPE_CHECKING:
    import pandas as pd

    from forecast.usecases.similar import PastCases


class CaseCalls(WorkspaceBase):
    """Timelines and similar cases."""

    def timeline(self, entity: str, entity_id: str, as_of: AsOf = None, batch: int | None = None) -> pd.DataFrame:
        """Contacts and changes of one lead or opportunity, newest first."""
        from forecast.usecases.timeline import timeline

        return timeline(self.lake, entity, entity_id, self.moment(as_of), batch=batch)

    def score_history(self, entity: str, entity_id: str, as_of: AsOf = None, batch: int | None = None) -> pd.DataFrame:
        """The scores that one lead or opportunity was given over time, oldest first."""
        from forecast.usecases.timeline import HISTORY, score_history

        given = self.lake.scores(entity, entity_id, until=self.moment(as_of), columns=HISTORY)
        return score_history(given, self.lake.head() if batch is None else batch)

    def past_cases(
        self, entity: str, as_of: AsOf = None, model: str | None = None, batch: int | None = None
    ) -> PastCases | None:
        """Cases of a kind that ended, as a model reads them: what `similar_cases` looks among."""
        from forecast.usecases.similar import past_cases

        wiring = (self.lake, self.registry, self.store, self.settings)
        return past_cases(*wiring, self.moment(as_of), entity, model=model, batch=batch)

    def similar_cases(
        self, past: PastCases, entity: str, entity_id: str, as_of: AsOf = None, batch: int | None = None
    ) -> pd.DataFrame:
        """The past cases that the model sees most like one open lead or opportunity, nearest first."""
        from forecast.usecases.similar import similar_cases

        known = self.lake.head() if batch is None else batch
        return similar_cases(self.lake, self.settings, past, entity, entity_id, self.moment(as_of), known)
