"""Whose case it is: past results and open cases of its account at ``as_of``, over all other cases."""

from duckdb import DuckDBPyConnection, DuckDBPyRelation

from forecast.features.cases import case_versions
from forecast.features.links import account_groups
from forecast.features.spine import read_spine, spine_entity
from forecast.features.track_record import past_results

#: Name after the family, kind, effort; see `forecast.features.describe`.
DESCRIBED = (
    ("won|closed|win_rate(_365d)?|cycle_days", "number", "hard"),
    ("open|new_30d", "number", "typed"),
)


def build(con: DuckDBPyConnection, spine: str) -> DuckDBPyRelation:
    """Track record of each spine row's account, see `past_results`; merged accounts count for the survivor.

    Returns
    -------
    relation
        ``entity_id``, ``as_of``, ``account__…``.
    """
    entity, rows = spine_entity(con, spine), read_spine(con, spine)
    groups = account_groups(con, spine, entity)
    cases = (
        "(SELECT v.* REPLACE (greatest(v.known_from, l.link_from) AS known_from), l.code "
        f"FROM {case_versions(entity)} v JOIN _account_links l ON v.account_id = l.id WHERE l.link_from < v.known_to)"
    )
    results = past_results(con, spine, rows, groups, cases)
    return rows.relation(con, {f"account__{name}": values for name, values in results.items()})
