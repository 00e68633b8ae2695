"""Fresh scores of what new batches touched, the same that scoring everything would give.

A touched case is scored by the same features from the same history as in a whole scoring of the same (as_of, batch,
model), so its numbers are the same bytes, but for the percentile: it ranks the case among the latest scores as they
stood after the last whole scoring. Cases that were not touched keep the score they have; `forecast.usecases.touched`
says what reaches them at night.

What is in the scores is in the store, beside them and in the same transaction: whoever is killed in between, the next
one finds the batches that are not. Customers (``forecast customers``) have no stored scores: they are computed when
asked for, from the newest batch.
"""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from forecast.ports import Clock, Lake, ModelRegistry, ScoreState, Store
from forecast.schema import SCORED_ENTITIES
from forecast.settings import Settings
from forecast.usecases.champion import GROUP_RATE, champion_at
from forecast.usecases.listed import with_facts
from forecast.usecases.score import ChosenScorer, choose_scorer, joined_scores, score, score_spine
from forecast.usecases.snapshots import first_known
from forecast.usecases.touched import Touched, touched_since

_DECIMALS = 9


class TouchedScorer:
    """Scores what the lake's newest batches touched; keeps models at hand between calls.

    Parameters
    ----------
    lake, registry, store, settings, clock
        The lake best holds its tables between calls.
    """

    def __init__(
        self,
        lake: Lake,
        registry: ModelRegistry,
        store: Store,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._lake, self._registry, self._store = lake, registry, store
        self._settings, self._clock = settings, clock
        self._held: dict[str, ChosenScorer] = {}
        self._ranked: dict[str, tuple[tuple[datetime, int], NDArray[np.float64]]] = {}
        self._is_history_complete = False

    def __call__(self) -> int:
        """Bring the latest scores up to the newest batch; how many were given."""
        states = {kind: self._store.score_state(kind) for kind in sorted(SCORED_ENTITIES)}
        if not self._is_history_complete:
            self._complete_history([state for state in states.values() if state])
        head = self._lake.head()
        if all(state and state.batch >= head for state in states.values()) or not head:
            return 0
        with self._lake.connect(head) as con:
            as_of = self._clock.now() + timedelta.resolution  # what was recorded a moment ago is known now
            if not all(states.values()):
                return self._score_everything(con, as_of, head)
            given = [state for state in states.values() if state]
            touched = touched_since(con, {state.entity: state.batch for state in given}, as_of)
            return sum(self._rescore(con, state, touched[state.entity], as_of, head) for state in given)

    def _complete_history(self, states: list[ScoreState]) -> None:
        """Put into the history what a killed process had shown and not yet put there."""
        for state in states:
            shown = self._store.latest_scores(state.entity, after=state.whole_as_of)
            if len(shown):
                self._lake.append_scores(shown)
        self._is_history_complete = True

    def _score_everything(self, con: DuckDBPyConnection, as_of: datetime, batch: int) -> int:
        """The first scores of a workspace, as soon as there is anything to score."""
        if all(first_known(con, kind) is None for kind in SCORED_ENTITIES):
            return 0
        scores = score(self._lake, self._registry, self._store, self._settings, as_of, batch=batch, save=True)
        return len(scores)

    def _rescore(
        self, con: DuckDBPyConnection, state: ScoreState, touched: Touched, as_of: datetime, batch: int
    ) -> int:
        """Score one kind of entity."""
        scores = self._scores(con, state, touched, as_of, batch)
        listed = with_facts(con, scores, state.entity, self._settings, as_of) if len(scores) else scores
        self._store.update_scores(listed, state.entity, touched.closed_ids, as_of=as_of, batch=batch)
        if len(scores):
            self._lake.append_scores(scores)
        return len(scores)

    def _scores(
        self, con: DuckDBPyConnection, state: ScoreState, touched: Touched, as_of: datetime, batch: int
    ) -> pd.DataFrame:
        if not touched.open_ids:
            return joined_scores([], self._settings)
        spine = pd.DataFrame({"entity_id": touched.open_ids, "as_of": pd.Timestamp(as_of)})
        chosen = self._choose(con, state.entity, as_of)
        scores = joined_scores([score_spine(con, spine, state.entity, chosen, self._settings, batch)], self._settings)
        return scores.assign(percentile=self._percentiles(state, scores["probability"].to_numpy()))

    def _choose(self, con: DuckDBPyConnection, entity: str, as_of: datetime) -> ChosenScorer:
        """The scorer that serves now; loaded when it is another one than before."""
        champion = champion_at(self._registry, self._store, entity, as_of)
        label = GROUP_RATE if champion is None else champion.label
        held = self._held.get(entity)
        if held is None or held.label != label or champion is None:  # the group rate is of its moment
            held = choose_scorer(con, self._registry, self._store, self._settings, entity, as_of, label)
            assert held is not None, "a champion is of its kind of entity"
            self._held[entity] = held
        return held

    def _percentiles(self, state: ScoreState, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ranks (0-100) among all latest scores, as they were when all were scored last."""
        whole = (state.whole_as_of, state.whole_batch)
        if self._ranked.get(state.entity, (None,))[0] != whole:
            self._ranked[state.entity] = whole, self._store.probabilities(state.entity)
        _, ranked = self._ranked[state.entity]
        if not len(ranked):
            return np.full(len(probability), 50.0)
        below, upto = (np.searchsorted(ranked, probability, side=side) for side in ("left", "right"))
        return np.round(50 * (below + upto) / len(ranked), _DECIMALS)
