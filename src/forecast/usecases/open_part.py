"""The deals behind the open part of an outlook."""

import pandas as pd

from forecast.outlook import UNASSIGNED, Outlook
from forecast.outlook.outlook import digits_of
from forecast.ports import Lake

#: What is told of each deal, beside its numbers; none that names a person.
_FACTS = ("owner_id", "name", "account_id", "stage", "amount", "currency", "created_at", "expected_close_date")


def open_part(lake: Lake, made: Outlook, *, batch: int | None = None) -> pd.DataFrame:
    """Open opportunities that are expected to bring something in the period, those that bring most first.

    Parameters
    ----------
    made : Outlook
        Of revenue by owner.
    batch : int, optional
        The one that it was made of; default the last.

    Returns
    -------
    DataFrame
        ``opportunity_id``, ``owner_id`` (``(unassigned)`` for none), ``name``, ``account_id``, ``stage``, ``amount``
        (as asked) and its ``currency``, ``created_at``, ``expected_close_date``; ``chance`` to be won in the period,
        ``if_won`` and ``value`` (expected), both in the outlook's currency. The values of an owner's deals add up to
        the owner's part ``open`` exactly.
    """
    facts = lake.table("opportunities", made.as_of, batch).set_index("opportunity_id")
    expected = made.open_deals[made.open_deals["value"] > 0]
    facts = facts.reindex(columns=list(_FACTS)).reindex(expected["entity_id"])
    owner = facts["owner_id"].astype(object)
    deals = facts.assign(
        owner_id=owner.where(owner.notna(), UNASSIGNED),
        chance=expected["chance"].to_numpy(),
        if_won=expected["mean"].to_numpy(),
        value=(expected["value"] / 10 ** digits_of(made.currency)).to_numpy(),
    )
    deals = deals.rename_axis("opportunity_id").reset_index()
    return deals.sort_values(["value", "opportunity_id"], ascending=[False, True], ignore_index=True)
