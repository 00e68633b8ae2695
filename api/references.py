"""Which rows of the lake a posted record may name: a score tells of the history behind the ids in its record."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from api.rights import Rights
from forecast.errors import NotAllowed

#: Fields of a record that lead to somebody's rows. (Products and sources are nobody's.)
FIELDS = ("owner_id", "account_id", "contact_id", "lead_id", "opportunity_id")


def links(read: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
    """Who is connected to which id: ``owner_id``, ``field``, ``id``.

    An account, with its contacts, is connected to its owner and to the owners of its leads and opportunities.

    Parameters
    ----------
    read : callable
        From the name of a canonical table to its rows.
    """
    leads, opportunities, accounts = read("leads"), read("opportunities"), read("accounts")
    named = [
        frame[["owner_id", field]].set_axis(["owner_id", "id"], axis=1).assign(field=field)
        for frame, fields in (
            (leads, ("lead_id", "account_id", "contact_id", "opportunity_id")),
            (opportunities, ("opportunity_id", "account_id")),
            (accounts, ("account_id",)),
        )
        for field in fields
    ]
    known = pd.concat(named).dropna().drop_duplicates()
    of_account = known.loc[known["field"] == "account_id", ["owner_id", "id"]].rename(columns={"id": "account_id"})
    contacts = read("contacts")[["contact_id", "account_id"]].merge(of_account, on="account_id")
    through_account = contacts.rename(columns={"contact_id": "id"})[["owner_id", "id"]].assign(field="contact_id")
    return pd.concat([known, through_account], ignore_index=True)[["owner_id", "field", "id"]]


def require_visible(record: Mapping[str, Any], rights: Rights, known: Callable[[], pd.DataFrame]) -> None:
    """Raise `NotAllowed` when a record names an id that the caller may not see, whether it exists or not.

    Parameters
    ----------
    record : mapping
    rights : Rights
    known : callable
        Gives `links`; called only when they are needed.
    """
    named = [(field, record[field]) for field in FIELDS if record.get(field) is not None]
    if rights.owners is None or not named:
        return
    for field, value in named:
        if field == "owner_id":
            visible = rights.owns(value)
        else:
            rows = known()
            connected = rows.loc[(rows["field"] == field) & (rows["id"] == value), "owner_id"]
            visible = bool(connected.isin(rights.owners).any())
        if not visible:
            raise NotAllowed(f"`record.{field}` names nothing that this key may see; leave it out or use another key.")
