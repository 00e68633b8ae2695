"""Which facts belong to which spine row: by the ids its entity or its account had, and the merges known by then."""

from duckdb import DuckDBPyConnection

from forecast.features.spine import ACCOUNTS, Spine, case_codes, fetch_codes, scored_table, states
from forecast.features.stabbing import Ints

_EVER = "TIMESTAMP '0001-01-01'"


def accounts_at(con: DuckDBPyConnection, spine: Spine) -> str:
    """Name of a table (``row``, ``account_id``, ``code``): whose entity it was at ``as_of``, after the merges known
    then, and a number from 0 on for each account.
    """
    con.execute(
        f"""
        CREATE TEMP TABLE IF NOT EXISTS {ACCOUNTS} AS
        WITH own AS (SELECT row, as_of, account_id FROM {states(con, spine)} WHERE account_id IS NOT NULL),
        merged AS (SELECT * FROM accounts_aliases WHERE alias_id <> survivor_id),
        found AS (
            SELECT own.row, coalesce(min(m.survivor_id), max(own.account_id)) AS account_id
            FROM own LEFT JOIN merged m ON m.alias_id = own.account_id AND m.known_from < own.as_of
                AND NOT EXISTS (SELECT 1 FROM merged n WHERE n.alias_id = m.survivor_id AND n.known_from < own.as_of)
            GROUP BY own.row
        )
        SELECT row, account_id, dense_rank() OVER (ORDER BY account_id) - 1 AS code FROM found
        """
    )
    return ACCOUNTS


def alias_links(table: str, wanted: str) -> str:
    """SQL table expression (``id``, ``code``, ``link_from``): the ids under which facts of wanted ids are stored.

    Parameters
    ----------
    table : str
        Table of the entities, with registered aliases.
    wanted : str
        SQL table expression (``id``, ``code``).
    """
    return (
        f"(SELECT id, code, {_EVER} AS link_from FROM {wanted} UNION ALL "
        f"SELECT a.alias_id, w.code, a.known_from FROM {wanted} w JOIN {table}_aliases a "
        "ON a.survivor_id = w.id AND a.alias_id <> a.survivor_id)"
    )


def account_groups(con: DuckDBPyConnection, spine: Spine) -> Ints:
    """A number per spine row for its account at ``as_of``, -1 where it has none.

    Registers ``_account_links(id, code, link_from)``: facts under account ``id`` count for the rows with that number
    at moments after ``link_from``.
    """
    if "account_groups" not in spine.derived:
        groups = accounts_at(con, spine)
        wanted = f"(SELECT DISTINCT account_id AS id, code FROM {groups})"
        con.execute(f"CREATE OR REPLACE TEMP TABLE _account_links AS FROM {alias_links('accounts', wanted)}")
        spine.derived["account_groups"] = fetch_codes(con, spine, groups)
    found: Ints = spine.derived["account_groups"]
    return found


def case_groups(con: DuckDBPyConnection, spine: Spine) -> Ints:
    """A number per spine row for its entity.

    Registers ``_case_links(by, id, code, link_from, link_to)``: facts whose column ``by`` is ``id`` count for the rows
    with that number at moments in ``(link_from, link_to]``. An opportunity also has the facts of the leads that say
    they became it.
    """
    entity, (table, _) = spine.entity, scored_table(spine.entity)
    wanted = f"(SELECT DISTINCT entity_id AS id, code FROM {case_codes(spine)})"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _case_links AS "
        f"SELECT '{entity}_id' AS by, id, code, link_from, TIMESTAMP '9999-12-31' AS link_to "
        f"FROM {alias_links(table, wanted)}"
    )
    if entity == "opportunity":
        con.execute(
            """
            INSERT INTO _case_links
            WITH direct AS (  -- a lead merged away no longer speaks for itself: its survivor does, from the merge on
                SELECT l.lead_id AS id, c.code, greatest(l.known_from, c.link_from) AS link_from, l.known_to AS link_to
                FROM leads l JOIN _case_links c ON c.id = l.opportunity_id
                WHERE l.known_from < l.known_to AND l.deleted_at IS NULL AND l.merged_into IS NULL
            )
            SELECT 'lead_id', id, code, link_from, link_to FROM direct UNION ALL
            SELECT 'lead_id', a.alias_id, d.code, greatest(a.known_from, d.link_from), d.link_to
            FROM direct d JOIN leads_aliases a ON a.survivor_id = d.id AND a.alias_id <> a.survivor_id
            """
        )
        con.execute("DELETE FROM _case_links WHERE link_from >= link_to")
    return fetch_codes(con, spine, case_codes(spine))
