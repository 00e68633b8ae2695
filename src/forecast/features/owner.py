"""Who has the case: past results and present workload of its owner at ``as_of``, over all other cases."""

from duckdb import DuckDBPyConnection, DuckDBPyRelation

from forecast.features.cases import case_versions
from forecast.features.spine import Spine, fetch_codes, states
from forecast.features.track_record import past_results

#: Name after the family, kind, effort; see `forecast.features.describe`.
DESCRIBED = (
    ("won|closed|win_rate(_365d)?(_gap)?|cycle_days", "number", "hard"),
    ("open|new_30d", "number", "typed"),
)


def build(con: DuckDBPyConnection, spine: Spine) -> DuckDBPyRelation:
    """Track record of each spine row's owner, see `past_results`.

    Returns
    -------
    relation
        ``entity_id``, ``as_of``, ``owner__…``.
    """
    entity, rows = spine.entity, spine.rows
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _owners AS "
        "SELECT row, owner_id, dense_rank() OVER (ORDER BY owner_id) - 1 AS code "
        f"FROM {states(con, spine)} WHERE owner_id IS NOT NULL"
    )
    cases = f"{case_versions(entity)} JOIN (SELECT DISTINCT owner_id, code FROM _owners) USING (owner_id)"
    results = past_results(con, spine, rows, fetch_codes(con, spine, "_owners"), cases)
    return rows.relation(con, {f"owner__{name}": values for name, values in results.items()})
