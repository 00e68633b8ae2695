"""How customers are looked after: contacts made, inquiries answered, tasks done in time."""

from datetime import datetime

from duckdb import DuckDBPyConnection

from forecast.history import in_force, sql_moment

#: An inquiry is answered in time within so many hours.
ANSWER_HOURS = 24
#: A new case is taken up in time within so many hours.
FIRST_CONTACT_HOURS = 48
#: Done when it lies behind and is no plan: a due moment not after the contact, without a result (see the features of
#: interactions).
_PLAN = "(due_at IS NOT NULL AND due_at <= happened_at AND result IS NULL)"


def create_contacts(con: DuckDBPyConnection, as_of: datetime, *, into: str = "contacts") -> None:
    """Write the contacts known at a moment, with whom they belong to.

    Columns: ``owner_id`` (who made it, else who has the opportunity, the lead or the account; empty for nobody),
    ``account_id``, ``source``, ``happened_at``, ``due_at``, ``channel``, ``direction``, ``is_done``, ``thread`` (the
    opportunity, lead or account that it is about).
    """
    moment = sql_moment(as_of)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {into} AS
        SELECT coalesce(i.user_id, o.owner_id, l.owner_id, a.owner_id, '') AS owner_id,
            coalesce(i.account_id, o.account_id, l.account_id) AS account_id, i.source, i.happened_at, i.due_at,
            coalesce(i.channel, 'other') AS channel, i.direction, i.happened_at < {moment} AND NOT {_PLAN} AS is_done,
            coalesce('o' || i.opportunity_id, 'l' || i.lead_id, 'a' || i.account_id) AS thread
        FROM (SELECT * RENAME ("at" AS happened_at) FROM {in_force("interactions", as_of)}) i
        LEFT JOIN {in_force("opportunities", as_of)} o ON o.opportunity_id = i.opportunity_id
        LEFT JOIN {in_force("leads", as_of)} l ON l.lead_id = i.lead_id
        LEFT JOIN {in_force("accounts", as_of)} a ON a.account_id = i.account_id
        """
    )


def create_inquiries(con: DuckDBPyConnection, *, into: str = "inquiries") -> None:
    """Write every inquiry of a customer with its answer, from ``contacts``.

    An inquiry is a contact from the customer that does not follow an unanswered one; its answer is the next contact to
    the customer about the same. Columns: ``owner_id``, ``account_id``, ``source``, ``happened_at``, ``channel``,
    ``answered_at`` (NULL: not yet).
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {into} AS
        WITH done AS (
            SELECT * FROM contacts WHERE is_done AND direction IN ('in', 'out') AND thread IS NOT NULL
        ), first AS (
            SELECT * FROM done QUALIFY direction = 'in' AND coalesce(lag(direction) OVER (
                PARTITION BY thread ORDER BY happened_at, direction DESC), 'out') = 'out'
        ), answers AS (SELECT DISTINCT thread, happened_at FROM done WHERE direction = 'out')
        SELECT first.owner_id, first.account_id, first.source, first.happened_at, first.channel,
            answers.happened_at AS answered_at
        FROM first ASOF LEFT JOIN answers ON first.thread = answers.thread AND first.happened_at < answers.happened_at
        """
    )
