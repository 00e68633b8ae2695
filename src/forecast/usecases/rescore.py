"""What open opportunities would have scored, had a change of theirs been known at that moment."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.features import open_entities
from forecast.history import in_force, lay_over, naive_utc, stored_columns
from forecast.schema import DUCKDB_TYPES
from forecast.settings import Settings
from forecast.usecases.score import ChosenScorer, joined_scores, score_spine

_BATCH = 2**62  # after every other version of the same moment


class Rescorer:
    """Scores after changes; each change comes on top of those asked for before.

    Parameters
    ----------
    con : DuckDB connection
        The changes are laid over the history that it sees.
    choose : callable
        Gives the scorer; asked once, before the first change.
    as_of : datetime, UTC-aware
        The changes count as known a microsecond before.
    settings : Settings
    batch : int
        Of the connection.
    """

    def __init__(
        self,
        con: DuckDBPyConnection,
        choose: Callable[[], ChosenScorer],
        as_of: datetime,
        settings: Settings,
        batch: int,
    ) -> None:
        self._con, self._choose, self._as_of, self._settings, self._batch = con, choose, as_of, settings, batch
        self._chosen: ChosenScorer | None = None
        self._n_changes = 0

    def __call__(self, changes: pd.DataFrame) -> pd.DataFrame:
        """Scores of the opportunities in ``changes``.

        Parameters
        ----------
        changes : DataFrame
            New values of columns of opportunities, on the id.

        Returns
        -------
        DataFrame
            ``p_…d`` and ``amount_if_won`` (in the own currency) on the id, of those that were open.
        """
        if self._chosen is None:
            self._chosen = self._choose()
        self._n_changes += 1
        self._add_versions(changes)
        spine = open_entities(self._con, "opportunity", self._as_of, changes.index.tolist())
        scores = score_spine(self._con, spine, "opportunity", self._chosen, self._settings, self._batch)
        within = [f"p_{days}d" for days in self._settings.horizons_days]
        said: pd.DataFrame = joined_scores([scores], self._settings).set_index("entity_id")[[*within, "amount_if_won"]]
        return said.astype(float)

    def _add_versions(self, changes: pd.DataFrame) -> None:
        columns = stored_columns("opportunities")
        recorded_at = naive_utc(self._as_of) - timedelta(microseconds=1)
        fixed = {
            "recorded_at": f"TIMESTAMP '{recorded_at:%Y-%m-%d %H:%M:%S.%f}'",
            "batch": str(_BATCH),
            "row": str(self._n_changes),
        }
        given = {name: f'deals."{name}"' for name in columns}
        given |= fixed | {str(name): f'_changes."{name}"' for name in changes.columns}
        chosen = ", ".join(f"CAST({given[name]} AS {DUCKDB_TYPES[kind]})" for name, kind in columns.items())
        names = ", ".join(f'"{name}"' for name in columns)
        self._con.register("_changes", changes.rename_axis("changed_id").reset_index())
        self._con.execute(
            f"CREATE OR REPLACE TEMP TABLE _changed AS SELECT {names} FROM opportunities "
            f"WHERE opportunity_id IN (SELECT changed_id FROM _changes) UNION ALL SELECT {chosen} "
            f"FROM {in_force('opportunities', self._as_of)} AS deals JOIN _changes ON opportunity_id = changed_id"
        )
        self._con.unregister("_changes")
        lay_over(self._con, "opportunities", "_changed", "_changed")
