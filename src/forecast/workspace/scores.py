"""What models say of leads, opportunities and customers, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from forecast.workspace.base import AsOf, WorkspaceBase

if TYPE_CHECKING:
    import pandas as pd


class ScoreCalls(WorkspaceBase):
    """Scores, reasons, next steps, customers."""

    def score(
        self,
        as_of: AsOf = None,
        model: str | None = None,
        batch: int | None = None,
        entity: str | None = None,
        *,
        save: bool = False,
    ) -> pd.DataFrame:
        """Scores of all open leads and opportunities; one row each, in the contract's columns."""
        from forecast.usecases.score import score

        return score(
            self.lake,
            self.registry,
            self.store,
            self.settings,
            self.moment(as_of),
            model=model,
            batch=batch,
            entity=entity,
            save=save,
        )

    def list_scores(
        self, entity: str, as_of: AsOf = None, model: str | None = None, batch: int | None = None
    ) -> pd.DataFrame:
        """Scores of one kind of entity with what lists show beside them, computed as of a moment."""
        from forecast.usecases.list_scores import list_scores

        wiring = (self.lake, self.registry, self.store, self.settings)
        return list_scores(*wiring, self.moment(as_of), entity, model=model, batch=batch)

    def count_open(self, entity: str) -> int:
        """How many leads or opportunities are open now."""
        from forecast.usecases.list_scores import count_open

        return count_open(self.lake, entity, self.clock.now())

    def score_record(
        self, entity: str, record: Mapping[str, Any], as_of: AsOf = None, model: str | None = None
    ) -> dict[str, Any]:
        """Score of a record that is not in the lake, through the same features."""
        from forecast.usecases.score import score_record

        return score_record(
            self.lake, self.registry, self.store, self.settings, entity, record, self.moment(as_of), model=model
        )

    def explain(
        self,
        entity_id: str,
        as_of: AsOf = None,
        model: str | None = None,
        batch: int | None = None,
        lang: str = "en",
        entity: str | None = None,
        strongest: int | None = None,
    ) -> dict[str, Any]:
        """Why one lead or opportunity has its score: reasons with points that add up, and their evidence."""
        from forecast.usecases.explain import explain

        return explain(self.score(as_of, model, batch, entity), entity_id, lang=lang, strongest=strongest)

    def next_steps(
        self,
        entity: str,
        as_of: AsOf = None,
        model: str | None = None,
        batch: int | None = None,
        entity_ids: Collection[str] | None = None,
    ) -> pd.DataFrame | None:
        """What to do next with each open lead or opportunity, with effect, interval and cost, or why that is unknown.

        None where the model that serves has learned no effects. Of some ids only when they are given.
        """
        from forecast.usecases.next_step import next_steps

        wiring, moment = (self.lake, self.registry, self.store, self.settings), self.moment(as_of)
        return next_steps(*wiring, moment, entity, model=model, batch=batch, entity_ids=entity_ids)

    def next_step(
        self,
        entity: str,
        entity_id: str,
        as_of: AsOf = None,
        model: str | None = None,
        batch: int | None = None,
        lang: str = "en",
    ) -> dict[str, Any]:
        """What to do next with one lead or opportunity, in words."""
        from forecast.usecases.next_step import told_step

        return told_step(self.next_steps(entity, as_of, model, batch, [entity_id]), entity_id, lang)

    def what_would_raise(
        self,
        entity_id: str,
        as_of: AsOf = None,
        model: str | None = None,
        batch: int | None = None,
        lang: str = "en",
    ) -> dict[str, Any]:
        """What its owner could do that would raise the score of one lead or opportunity, largest gain first."""
        from forecast.usecases.raising import what_would_raise

        moment = self.moment(as_of)
        return what_would_raise(
            self.lake, self.registry, self.store, self.settings, moment, entity_id, model=model, batch=batch, lang=lang
        )

    def customers(self, as_of: AsOf = None, model: str | None = None, batch: int | None = None) -> pd.DataFrame:
        """What every account that ever ordered is expected to do: buy or not, how often, for how much, of what."""
        from forecast.usecases.customers import score_customers

        wiring, moment = (self.lake, self.registry, self.store, self.settings), self.moment(as_of)
        return score_customers(*wiring, moment, model=model, batch=batch)

    def explain_customer(
        self,
        account_id: str,
        as_of: AsOf = None,
        model: str | None = None,
        batch: int | None = None,
        lang: str = "en",
    ) -> dict[str, Any]:
        """Why one account is expected to buy or not: reasons with points that add up to ``p_buys``."""
        from forecast.usecases.customers import explain_customer

        return explain_customer(self.customers(as_of, model, batch), account_id, lang=lang)
