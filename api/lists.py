"""One page of a list that is made as a whole: its filters, its order and its cursor, the same for all such lists.

Ranked leads and opportunities are read page by page from the store instead (`api.ranked_view`); their cursors are the
same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from api.organisation import Organisation
from api.paging import Place, decode_cursor, encode_cursor
from api.queries import LISTED, ListQuery
from api.ranking import comparable, json_records, page, query_text
from api.rights import Rights
from api.service import Snapshot
from forecast.errors import InvalidInput

_KEY, _POSITION = "_key", "_position"

#: Orders that begin with the first row even though they are of numbers.
_FROM_THE_FIRST = (LISTED, "id", "number")


@dataclass(frozen=True)
class ListPage:
    """Rows of a page as dictionaries, and the cursor of the next one; None on the last."""

    rows: list[dict[str, Any]]
    next_cursor: str | None


class Listing:
    """What a request asks of one list.

    Parameters
    ----------
    name : str
        Of the list: a cursor of another one is refused.
    query : ListQuery
        With its page, order, and everything that its cursors are tied to.
    asked : values
        What else they are tied to: parts of the address.

    Raises
    ------
    InvalidInput
        If the cursor is none that this list gave for these filters.
    """

    def __init__(self, name: str, query: ListQuery, **asked: Any) -> None:
        self._query = query
        shown = query.model_dump(mode="json", exclude={"limit", "cursor", "lang"})
        self._asked = query_text(list=name, **shown, **asked)
        self._place = decode_cursor(query.cursor, self._asked) if query.cursor else None

    def moment(self, as_of: str | None, batch: int | None) -> tuple[str | None, int | None]:
        """The ``as_of`` and ``batch`` to answer from: of the first page, whatever arrived since."""
        return (as_of, batch) if self._place is None else (self._place.as_of, self._place.batch)

    def page(self, rows: pd.DataFrame, key: Sequence[str], snapshot: Snapshot | None = None) -> ListPage:
        """The page that was asked for.

        Parameters
        ----------
        rows : DataFrame
            All rows that the filters leave, in the order in which the list stands.
        key : sequence of str
            Columns that name a row together.
        snapshot : Snapshot, optional
            What the rows rest on, which all pages share.
        """
        query = self._query
        by = _POSITION if query.sort == LISTED else query.sort
        keys = _joined(rows[name] for name in key) if len(rows) else []
        keyed = rows.assign(_key=pd.Series(keys, index=rows.index, dtype=object), _position=range(len(rows)))
        is_number = is_numeric_dtype(comparable(keyed[by]))
        is_by_key = query.sort == key[0]
        ascending = query.sort in _FROM_THE_FIRST or not is_number if query.order is None else query.order == "asc"
        after = None
        if self._place is not None:
            after = (self._place.number if is_number or is_by_key else self._place.text, self._place.id)
        # In a list by its key the other columns of the key have the same direction, elsewhere they settle ties.
        in_order = {"by": None, "reverse": not ascending} if is_by_key else {"by": by, "reverse": ascending}
        shown = page(keyed, key=_KEY, limit=query.limit, after=after, **in_order)
        found = json_records(shown.rows.drop(columns=[_KEY, _POSITION]))
        return ListPage(found, None if shown.end is None else self._cursor(*shown.end, snapshot))

    def after_moment(self) -> tuple[datetime, str] | None:
        """Moment and key of the last row of the page before, of a list by moments that the store reads in pages.

        Raises
        ------
        InvalidInput
            If the cursor was made by hand and holds something else.
        """
        if self._place is None:
            return None
        try:
            moment: datetime | None = datetime.fromisoformat(self._place.text or "")
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise InvalidInput("`cursor` holds no moment, and the list is sorted by moments; leave it out.")
        return moment, self._place.id

    def cursor(self, moment: datetime, key: str) -> str:
        """The cursor behind a row of such a list."""
        return self._cursor(moment.isoformat(), key, None)

    def _cursor(self, value: float | str | None, key: str, snapshot: Snapshot | None) -> str:
        as_of = None if snapshot is None else snapshot.as_of.isoformat()
        batch = None if snapshot is None else snapshot.batch
        return encode_cursor(Place(as_of=as_of, batch=batch, value=value, id=key), self._asked)


def kept(rows: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """The rows whose columns have one of the values asked for; None and an empty list ask for nothing.

    Examples
    --------
    >>> rows = pd.DataFrame({"level": ["team", "rep"], "id": ["T1", "U1"]})
    >>> kept(rows, level=["rep"], id=None)["id"].tolist()
    ['U1']
    """
    for name, values in wanted.items():
        if values is None or values == []:
            continue
        rows = rows[rows[name].isin(values if isinstance(values, list) else [values])]
    return rows


def containing(rows: pd.DataFrame, text: str | None, *names: str) -> pd.DataFrame:
    """The rows with a text in one of these columns, whatever its case; all of them without a text."""
    if text is None or rows.empty:
        return rows
    found = [rows[name].fillna("").astype(str).str.contains(text, case=False, regex=False) for name in names]
    return rows[pd.concat(found, axis=1).any(axis=1)]


def of_team(
    rows: pd.DataFrame, team_id: str | None, organisation: Organisation, *, kind: str = "level", key: str = "id"
) -> pd.DataFrame:
    """The lines of a team, its sub-teams and all their people; all of them without a team."""
    if team_id is None:
        return rows
    teams = organisation.with_sub_teams({team_id})
    return Rights(organisation.members(teams), teams).nodes(rows, kind, key)


def _joined(columns: Iterable["pd.Series[Any]"]) -> list[str]:
    """Values of a row as one text; numbers so that they sort as such."""
    texts = [column.map(lambda one: f"{one:012d}" if isinstance(one, int) else str(one)) for column in columns]
    return ["\n".join(row) for row in zip(*texts, strict=True)]
