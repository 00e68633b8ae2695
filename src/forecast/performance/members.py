"""Who counts for whom: people, teams with all their sub-teams, the company, as known at a moment."""

from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.history import in_force

COMPANY = "company"
#: Stands for rows that nobody owns; they count for the company only.
NOBODY = ""


def create_members(con: DuckDBPyConnection, as_of: datetime, people: list[str]) -> pd.DataFrame:
    """Write ``members(level, id, owner_id)``: every person whose rows add up to a line.

    Parameters
    ----------
    con : DuckDB connection with histories
    as_of : datetime
        Teams as known then.
    people : list of str
        Owners of rows, users or not.

    Returns
    -------
    DataFrame
        The same rows: ``level`` (``user``, ``team``, ``company``), ``id``, ``owner_id``; sorted. A manager counts for
        the own team, a team for every team above it; a team that is its own ancestor counts once.
    """
    con.register("_people", pd.DataFrame({"owner_id": pd.Series(sorted(set(people)), dtype=object)}))
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE members AS
        WITH RECURSIVE people AS (SELECT CAST(owner_id AS VARCHAR) AS owner_id FROM _people),
        parents AS (SELECT team_id, parent_team_id FROM {in_force("teams", as_of)}),
        above(team_id, ancestor) AS (
            SELECT team_id, team_id FROM parents
            UNION
            SELECT above.team_id, parents.parent_team_id FROM above JOIN parents ON parents.team_id = above.ancestor
            WHERE parents.parent_team_id IS NOT NULL
        ), placed AS (
            SELECT people.owner_id, users.team_id FROM people JOIN {in_force("users", as_of)} users
            ON users.user_id = people.owner_id WHERE users.team_id IS NOT NULL
        )
        SELECT 'user' AS level, owner_id AS id, owner_id FROM people WHERE owner_id <> '{NOBODY}'
        UNION ALL
        SELECT DISTINCT 'team', coalesce(above.ancestor, placed.team_id), placed.owner_id
        FROM placed LEFT JOIN above USING (team_id)
        UNION ALL SELECT '{COMPANY}', '{COMPANY}', owner_id FROM people
        ORDER BY level, id, owner_id
        """
    )
    con.unregister("_people")
    frame: pd.DataFrame = con.sql("SELECT * FROM members ORDER BY level, id, owner_id").df()
    return frame
