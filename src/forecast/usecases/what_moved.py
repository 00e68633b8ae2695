"""What moved the outlook of a period between two moments."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.history import in_force
from forecast.outlook.book import Book, read_book
from forecast.outlook.moved import Moved
from forecast.outlook.moved import what_moved as take_apart
from forecast.periods import Period
from forecast.ports import Lake, ModelRegistry, Store
from forecast.settings import Settings
from forecast.usecases.champion import GROUP_RATE, version_serving
from forecast.usecases.outlook import outlook
from forecast.usecases.rescore import Rescorer
from forecast.usecases.score import ChosenScorer, choose_scorer, score


def what_moved(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    period: Period,
    from_as_of: datetime,
    to_as_of: datetime,
    *,
    from_batch: int | None = None,
    to_batch: int | None = None,
) -> Moved:
    """The change of the mean of an outlook between two moments, step by step, exact in the smallest unit.

    The steps, in their fixed order, are told in `forecast.outlook.moved`. Both ends are the means of `outlook`.

    Parameters
    ----------
    period : Period
    from_as_of, to_as_of : datetime, UTC-aware
        In this order, or equal.
    from_batch, to_batch : int, optional
        Later batches are invisible at that moment; ``to_batch`` by default the last one, ``from_batch`` the same as
        ``to_batch``, so that no data count as corrected.

    Raises
    ------
    InvalidInput
        If the moments or batches are in the wrong order, or nothing that makes revenue was known at the first.
    DataUnavailable
        If an amount in a foreign currency has no rate.
    """
    to_batch = lake.head() if to_batch is None else to_batch
    from_batch = to_batch if from_batch is None else from_batch
    if from_as_of > to_as_of:
        raise InvalidInput(
            f"The earlier moment must not be after the later one, got {from_as_of:%Y-%m-%d %H:%M:%SZ} and "
            f"{to_as_of:%Y-%m-%d %H:%M:%SZ}."
        )
    if from_batch > to_batch:
        raise InvalidInput(f"`from_batch` must not be after `to_batch`, got {from_batch} and {to_batch}.")
    old_model, model = (_serving(registry, store, as_of) for as_of in (from_as_of, to_as_of))
    with ExitStack() as stack:
        wiring = (_OpenLake(lake, stack), registry, store, settings, period)
        before = book(*wiring, from_as_of, from_batch, old_model)
        corrected = before if from_batch == to_batch else book(*wiring, from_as_of, to_batch, old_model)
        remodelled = corrected if old_model == model else book(*wiring, from_as_of, to_batch, model)
        after = remodelled if from_as_of == to_as_of else book(*wiring, to_as_of, to_batch, model)
    with lake.connect(to_batch) as con:  # a fresh one, since rescoring changes its history

        def choose() -> ChosenScorer:
            chosen = choose_scorer(con, registry, store, settings, "opportunity", from_as_of, model)
            assert chosen is not None  # the ledger of opportunities names no other model
            return chosen

        return take_apart(before, corrected, remodelled, after, Rescorer(con, choose, from_as_of, settings, to_batch))


def book(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    period: Period,
    as_of: datetime,
    batch: int,
    model: str | None = None,
) -> Book:
    """Everything that the mean of an outlook is the sum of, scored by a model, by default that day's champion."""
    with lake.connect(batch) as con:
        scores = None
        known = con.execute(f"SELECT 1 FROM {in_force('opportunities', as_of)} LIMIT 1").fetchall()
        if known and settings.revenue_from != "orders":
            scores = score(lake, registry, store, settings, as_of, model=model, batch=batch, entity="opportunity")
        made = outlook(lake, registry, store, settings, period, as_of, batch=batch, scores=scores)
        return read_book(con, made, _no_scores(settings) if scores is None else scores, settings)


class _OpenLake:
    """A lake that opens each batch once: a connection costs more than what is read from it."""

    def __init__(self, lake: Lake, stack: ExitStack) -> None:
        self._lake, self._stack = lake, stack
        self._open: dict[int | None, DuckDBPyConnection] = {}
        self.head, self.table = lake.head, lake.table
        self.append_scores, self.last_scores = lake.append_scores, lake.last_scores

    @contextmanager
    def connect(self, batch: int | None = None) -> Iterator[DuckDBPyConnection]:
        """The connection of a batch, closed with the stack."""
        if batch not in self._open:
            self._open[batch] = self._stack.enter_context(self._lake.connect(batch))
        yield self._open[batch]


def _serving(registry: ModelRegistry, store: Store, as_of: datetime) -> str:
    version = version_serving(registry, store, "opportunity", as_of, None)
    return GROUP_RATE if version is None else version.label


def _no_scores(settings: Settings) -> pd.DataFrame:
    return pd.DataFrame(columns=["entity", "entity_id", *(f"p_{days}d" for days in settings.horizons_days)])
