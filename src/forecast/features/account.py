"""Whose case it is: past results and open cases of its account at ``as_of``, over all other cases."""

import numpy as np
from duckdb import DuckDBPyConnection, DuckDBPyRelation

from forecast.features.cases import case_versions
from forecast.features.links import account_groups
from forecast.features.spine import Spine
from forecast.features.track_record import past_results, tally

#: Name after the family, kind, effort; see `forecast.features.describe`.
DESCRIBED = (
    ("(opportunities_)?(won|closed)|win_rate(_365d)?(_gap)?|cycle_days", "number", "hard"),
    ("(opportunities_)?open|new_30d", "number", "typed"),
)


def build(con: DuckDBPyConnection, spine: Spine) -> DuckDBPyRelation:
    """Track record of each spine row's account, see `past_results`; merged accounts count for the survivor.

    A lead also has ``opportunities_won``, ``opportunities_closed`` and ``opportunities_open`` of its account.

    Returns
    -------
    relation
        ``entity_id``, ``as_of``, ``account__…``.
    """
    entity, rows = spine.entity, spine.rows
    groups = account_groups(con, spine)
    features = past_results(con, spine, rows, groups, _of_accounts(entity))
    if entity == "lead":
        deals = tally(con, _of_accounts("opportunity"), groups, rows.as_of)
        for name in ("won", "closed", "open"):
            features[f"opportunities_{name}"] = np.where(groups >= 0, deals[name], np.nan)
    return rows.relation(con, {f"account__{name}": values for name, values in features.items()})


def _of_accounts(entity: str) -> str:
    """SQL table expression: the versions of cases with the ``code`` of the account they count for, since they do."""
    return (
        "(SELECT v.* REPLACE (greatest(v.known_from, l.link_from) AS known_from), l.code "
        f"FROM {case_versions(entity)} v JOIN _account_links l ON v.account_id = l.id WHERE l.link_from < v.known_to)"
    )
