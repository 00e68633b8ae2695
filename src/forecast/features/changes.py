"""What was changed on the case: its amount, its expected close date, its owner; and how that date stands."""

from duckdb import DuckDBPyConnection, DuckDBPyRelation

from forecast.features.spine import Spine, scored_table, states

_RECENT = "INTERVAL 30 DAY"

#: Name after the family, kind, effort; see `forecast.features.describe`.
DESCRIBED = (
    ("expected_close__is_overdue", "boolean", "typed"),
    ("(amount|expected_close|owner)__(count(_30d)?|days_since_last)", "number", "typed"),
    ("amount__(increases|decreases|last_change|total_change)", "number", "typed"),
    ("expected_close__(pushes|pulls|last_change_days|total_change_days|days_ahead)", "number", "typed"),
)


def build(con: DuckDBPyConnection, spine: Spine) -> DuckDBPyRelation:
    """Changes known at each spine row; leads only have an owner to change.

    ``amount``: ``count``, ``count_30d``, ``increases``, ``decreases``, ``days_since_last``, ``last_change`` and
    ``total_change`` (shares of the amount before and of the first). ``expected_close``: ``count``, ``count_30d``,
    ``pushes`` (to later), ``pulls``, ``days_since_last``, ``last_change_days``, ``total_change_days``, ``days_ahead``
    (from the workspace's day of ``as_of``), ``is_overdue``. ``owner``: ``count``, ``count_30d``, ``days_since_last``.

    Returns
    -------
    relation
        ``entity_id``, ``as_of``, ``changes__…``.
    """
    entity = spine.entity
    table, key = scored_table(entity)
    columns = [*_common("o", "owner")]
    joins = [_join(spine, table, key, "owner_id", "o")]
    state = f"LEFT JOIN {states(con, spine)} v ON v.row = s.row"
    if entity == "opportunity":
        joins += [_join(spine, table, key, "amount", "a"), _join(spine, table, key, "expected_close_date", "e")]
        columns += [
            *_common("a", "amount"),
            *_directions("a", "amount", "increases", "decreases"),
            "CAST(a.value AS DOUBLE) / nullif(CAST(a.before AS DOUBLE), 0) - 1 AS changes__amount__last_change",
            "coalesce(CAST(a.value AS DOUBLE) / nullif(CAST(a.initial AS DOUBLE), 0) - 1, 0) "
            "AS changes__amount__total_change",
            *_common("e", "expected_close"),
            *_directions("e", "expected_close", "pushes", "pulls"),
            "CAST(e.value - e.before AS DOUBLE) AS changes__expected_close__last_change_days",
            "CAST(coalesce(e.value - e.initial, 0) AS DOUBLE) AS changes__expected_close__total_change_days",
            "CAST(v.expected_close_date - s.day AS DOUBLE) AS changes__expected_close__days_ahead",
            "CAST(v.expected_close_date < s.day AS DOUBLE) AS changes__expected_close__is_overdue",
        ]
    return con.sql(
        f"SELECT s.entity_id, s.as_of, {', '.join(sorted(columns, key=_name))} FROM {spine} s {state} {' '.join(joins)}"
    )


def _name(column: str) -> str:
    return column.rsplit(" AS ", 1)[1]


def _join(spine: Spine, table: str, key: str, column: str, alias: str) -> str:
    """Joins the last change of a column known at ``as_of`` and the number known 30 days earlier.

    A change is a value that differs from the last one before; emptying a field is none.
    """
    changes = f"""(
        WITH versions AS (
            SELECT {key} AS case_id, {column} AS value, known_from, lag({column}) OVER w AS before,
                first_value({column}) OVER w AS initial
            FROM {table} WHERE known_from < known_to AND deleted_at IS NULL AND merged_into IS NULL
                AND {column} IS NOT NULL AND {key} IN (SELECT entity_id FROM {spine})
            WINDOW w AS (PARTITION BY {key} ORDER BY known_from)
        )
        SELECT case_id, value, before, initial, known_from, row_number() OVER c AS n,
            count(*) FILTER (value > before) OVER c AS ups
        FROM versions WHERE value <> before WINDOW c AS (PARTITION BY case_id ORDER BY known_from)
    )"""
    return (
        f"ASOF LEFT JOIN {changes} {alias} ON {alias}.case_id = s.entity_id AND s.as_of > {alias}.known_from "
        f"ASOF LEFT JOIN {changes} {alias}30 ON {alias}30.case_id = s.entity_id "
        f"AND s.as_of - {_RECENT} > {alias}30.known_from"
    )


def _common(alias: str, subject: str) -> list[str]:
    name = f"changes__{subject}"
    return [
        f"CAST(coalesce({alias}.n, 0) AS DOUBLE) AS {name}__count",
        f"CAST(coalesce({alias}.n, 0) - coalesce({alias}30.n, 0) AS DOUBLE) AS {name}__count_30d",
        f"(epoch_us(s.as_of) - epoch_us({alias}.known_from)) / 86400e6 AS {name}__days_since_last",
    ]


def _directions(alias: str, subject: str, up: str, down: str) -> list[str]:
    name = f"changes__{subject}"
    return [
        f"CAST(coalesce({alias}.ups, 0) AS DOUBLE) AS {name}__{up}",
        f"CAST(coalesce({alias}.n - {alias}.ups, 0) AS DOUBLE) AS {name}__{down}",
    ]
