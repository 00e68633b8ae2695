"""The funnel of a workspace as of any moment: who may be seen is decided before anything is estimated."""

from collections.abc import Collection, Sequence
from datetime import datetime

from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.funnel import Funnel, measure_funnel, read_visits
from forecast.history import sql_moment
from forecast.ports import Lake
from forecast.settings import Settings


def funnel(
    lake: Lake,
    settings: Settings,
    as_of: datetime,
    *,
    batch: int | None = None,
    by: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    stages: Sequence[str] = (),
    owners: Collection[str] | None = None,
) -> Funnel:
    """Conversion and duration of every stage, the bottleneck in money, changes and their reasons.

    The same (as_of, batch) gives the same numbers, whatever comes later.

    Parameters
    ----------
    as_of : datetime, UTC-aware
    batch : int, optional
        Later batches are invisible; default the last one.
    by : str, optional
        One of `forecast.funnel.BY`.
    since, until : datetime, UTC-aware, optional
        Shares are about stays that began from ``since`` on and before ``until``.
    stages : sequence of str
        Declared order of the open stages; default the order in which deals went through them.
    owners : collection of str, optional
        Only leads and deals of these owners, as known at ``as_of``, are read.

    Raises
    ------
    InvalidInput
        If no lead and no opportunity was known at ``as_of``, or ``by`` or the span is wrong.
    DataUnavailable
        If a won amount in a foreign currency has no rate.
    """
    batch = lake.head() if batch is None else batch
    with lake.connect(batch) as con:
        _check_something_known(con, as_of)
        visits = read_visits(
            con,
            as_of,
            zone=settings.zone,
            reporting_currency=settings.reporting_currency,
            reporting_delay_days=settings.reporting_delay_days,
            stages=stages,
            owners=owners,
        )
    return measure_funnel(
        visits,
        as_of,
        horizons_days=settings.horizons_days,
        zone=settings.zone,
        currency=settings.reporting_currency,
        fiscal_year_start=settings.fiscal_year_start,
        by=by,
        since=since,
        until=until,
        random_state=settings.random_state,
    )


def _check_something_known(con: DuckDBPyConnection, as_of: datetime) -> None:
    before = f"known_from < {sql_moment(as_of)}"
    ((is_known,),) = con.execute(
        f"SELECT EXISTS (SELECT 1 FROM leads WHERE {before}) OR EXISTS (SELECT 1 FROM opportunities WHERE {before})"
    ).fetchall()
    if not is_known:
        raise InvalidInput(
            f"No lead and no opportunity was known at {as_of:%Y-%m-%d %H:%M:%SZ}, so there is no funnel; ask for a "
            "later `as_of`, or bring some in with `forecast ingest MAPPING.yaml`."
        )
