"""When it is: the case's age and the day of ``as_of`` in the workspace's calendar."""

from duckdb import DuckDBPyConnection, DuckDBPyRelation

from forecast.features.spine import Spine, states

#: Name after the family, kind, effort; see `forecast.features.describe`.
DESCRIBED = (("age_days|weekday|day_of_month|month|days_to_(month|quarter)_end", "number", "hard"),)


def build(con: DuckDBPyConnection, spine: Spine) -> DuckDBPyRelation:
    """Calendar features of each spine row.

    ``age_days`` since ``created_at``; ``weekday`` (1 = Monday), ``day_of_month``, ``month``; ``days_to_month_end`` and
    ``days_to_quarter_end`` (calendar quarters; 0 on the last day).

    Returns
    -------
    relation
        ``entity_id``, ``as_of``, ``calendar__…``.
    """
    quarter_end = "last_day(date_trunc('quarter', day) + INTERVAL 2 MONTH)"
    return con.sql(
        f"""
        SELECT entity_id, as_of,
            (epoch_us(as_of) - epoch_us(created_at)) / 86400e6 AS calendar__age_days,
            CAST(isodow(day) AS DOUBLE) AS calendar__weekday,
            CAST(day(day) AS DOUBLE) AS calendar__day_of_month,
            CAST(month(day) AS DOUBLE) AS calendar__month,
            CAST(last_day(day) - day AS DOUBLE) AS calendar__days_to_month_end,
            CAST({quarter_end} - day AS DOUBLE) AS calendar__days_to_quarter_end
        FROM {states(con, spine)}
        """
    )
