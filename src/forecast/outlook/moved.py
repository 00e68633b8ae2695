"""What moved: the change of an outlook's mean between two moments, told step by step, exact in the smallest unit.

Each step leads from one state of the outlook to the next; the first is the outlook as it was, the last the outlook as
it is, so that the steps add up whatever happened. In order:

1. *Corrected data*: the earlier moment again, with all that the later batch tells of it. Same model.
2. *Model*: the earlier moment again, scored by the later day's model. With the group rate, which is learned anew each
   day, nothing; what it learned since is part of step 9.

From here on both sides have the later batch and model, and the exchange rates known at the earlier moment.

3. *Won*: what was open and is won: from what was expected to what was asked. To nothing if it was won outside the
   period. A win undone and open again counts here too, with the other sign, and what had been lost and is won after
   all.
4. *Lost*: what was open, or won in the period, and is lost, closed without an outcome, deleted or merged: to nothing.
5. *New*: what was not there (or lost) and is open, or is won in the period: all that it brings.
6. *Slipped*: what stays open, with its new expected close date, rescored at the earlier moment as if it had been known
   then. A win whose closing moved into or out of the period counts wholly.
7. *Repriced*: the same with the new amount, for what stays open; of what is won the amount less what was asked.
8. *Owner changed*: the same with the new owner, and away from the old one. People who changed teams take along all
   that is theirs: this is the step in which teams become those of the later moment.
9. *Probability of the others*: what stays open by today's probabilities, as if as much of the period were left as
   was then; with what each is expected to bring if it is won.
10. *Time passed*: the same probabilities over the time that is left, and what arriving opportunities are expected to
    bring: what did arrive is in the steps before.
11. *Repeat demand*: orders that came, and those to come.
12. *Exchange rates*: opportunities and orders that count, at the rates known now. (What is yet to come is expected in
    the reporting currency.)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.errors import InvalidInput
from forecast.outlook.book import Book, scale_of
from forecast.outlook.moved_deals import ENTRIES, Rescore, direct, moves
from forecast.outlook.outlook import NO_TEAM

Units = NDArray[np.int64]

#: The steps in their order.
STEPS = (
    "corrected_data", "model", "won", "lost", "new", "slipped", "repriced", "owner_changed", "probability",
    "time_passed", "repeat_demand", "exchange_rates",
)  # fmt: skip
_OWNER_CHANGED = STEPS.index("owner_changed")


@dataclass(frozen=True)
class Organisation:
    """Who belonged to which team: team of each user, and of each team the one above it."""

    teams: Mapping[str, str]
    parents: Mapping[str, str]

    def memberships(self, owners: list[str]) -> pd.DataFrame:
        """``place`` of each owner in the list beside every ``team`` that it belongs to, directly or from above."""
        own = pd.Series(owners, dtype=object).map(dict(self.teams)).fillna(NO_TEAM)
        chains = {team: self._above(team) for team in own.unique()}
        return pd.DataFrame({"place": range(len(owners)), "team": own.map(chains)}).explode("team", ignore_index=True)

    def _above(self, team: str) -> list[str]:
        """A team and all above it; a circle is cut."""
        chain = [team]
        while (parent := self.parents.get(chain[-1], "")) and parent not in chain:
            chain.append(parent)
        return chain


@dataclass(frozen=True)
class Moved:
    """The change of an outlook's mean between two moments.

    Attributes
    ----------
    period : str
    currency : str
        Of all amounts.
    from_as_of, to_as_of : datetime
    start : Series
        Mean on the owner at the earlier moment, in whole smallest units; of every owner of either outlook.
    entries : DataFrame
        ``step``, ``what`` (finer: ``merged``, ``reopened``, ``orders``, ``arriving`` …), ``opportunity_id`` (missing
        where it was none), ``owner_id``, ``value`` in whole smallest units.
    organisations : tuple of Organisation
        Known at the earlier moment, then and by the later batch, at the later moment.
    names : mapping of id to name
        Of teams and owners.
    """

    period: str
    currency: str
    from_as_of: datetime
    to_as_of: datetime
    start: pd.Series
    entries: pd.DataFrame
    organisations: tuple[Organisation, Organisation, Organisation]
    names: Mapping[str, str] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """One row for the company, each team (with its sub-teams) and each rep.

        Returns
        -------
        DataFrame
            ``level`` (company, team, rep), ``id``, ``name``, ``before``, one column for each of `STEPS`, ``after``,
            ``currency``. In each row the steps add up from ``before`` to ``after``; in each column the reps add up to
            the company.
        """
        owners, states = self._states()
        teams = self._teams(owners, states)
        levels = ["company", *["team"] * len(teams), *["rep"] * len(owners)]
        ids = ["company", *teams, *owners]
        values = np.vstack([states.sum(axis=0)[None], *[line[None] for line in teams.values()], states])
        told = np.column_stack([values[:, 0], np.diff(values, axis=1), values[:, -1]]) / scale_of(self.currency)
        names = [self.names.get(name) for name in ids]
        nodes = pd.DataFrame({"level": levels, "id": ids, "name": pd.Series(names, dtype=object)})
        changes = pd.DataFrame(told, columns=["before", *STEPS, "after"])
        return pd.concat([nodes, changes], axis=1).assign(currency=self.currency)

    def deals(self, step: str | None = None, n: int | None = None, of: str = "company") -> pd.DataFrame:
        """Opportunities that moved, those that moved most first.

        Parameters
        ----------
        step : str, optional
            Only in this step.
        n : int, optional
            At most so many for each step.
        of : str
            ``company``, or the id of a team (by the teams of either moment) or owner.

        Returns
        -------
        DataFrame
            ``step``, ``what``, ``opportunity_id``, ``owner_id`` (two rows where the owner changed), ``amount``.
        """
        if step is not None and step not in STEPS:
            raise InvalidInput(f"`step` must be one of {', '.join(STEPS)}, got {step!r}.")
        named = self.entries[self.entries["opportunity_id"].notna() & self._belongs_to(of)]
        keys = ["step", "what", "opportunity_id", "owner_id"]
        sums = named.groupby(keys, as_index=False)["value"].sum()
        sums = sums[(sums["value"] != 0) & ((sums["step"] == step) if step else True)]
        sums = sums.assign(order=sums["step"].map(STEPS.index), size=-sums["value"].abs())
        sums = sums.sort_values(["order", "size", "opportunity_id", "owner_id"])
        most: pd.DataFrame = sums if n is None else sums.groupby("order", sort=False).head(n)
        told = most.assign(amount=most["value"] / scale_of(self.currency))
        return told[[*keys, "amount"]].reset_index(drop=True)

    def _belongs_to(self, node: str) -> NDArray[np.bool_]:
        """Which entries are of an owner, or of a member of a team at either moment."""
        owner = self.entries["owner_id"]
        if node == "company":
            return np.ones(len(owner), dtype=bool)
        owners = list(owner.unique())
        known = pd.concat([organisation.memberships(owners) for organisation in self.organisations])
        members = {owners[place] for place in known.loc[known["team"] == node, "place"]}
        return np.asarray(owner.isin(members | {node}), dtype=bool)

    def _states(self) -> tuple[list[str], Units]:
        """Owners, sorted, and their mean in each state: shape (n_owners, n_steps + 1)."""
        owners = sorted({*self.start.index, *self.entries["owner_id"]})
        place = pd.Index(owners, dtype=object)
        states = np.zeros((len(owners), 1 + len(STEPS)), dtype=np.int64)
        np.add.at(states[:, 0], place.get_indexer(self.start.index), self.start.to_numpy(dtype=np.int64))
        steps = pd.Index(STEPS).get_indexer(pd.Index(self.entries["step"])) + 1
        cells = place.get_indexer(pd.Index(self.entries["owner_id"])), steps
        np.add.at(states, cells, self.entries["value"].to_numpy(dtype=np.int64))
        return owners, states.cumsum(axis=1)

    def _teams(self, owners: list[str], states: Units) -> dict[str, Units]:
        """Mean of each team in each state, with the teams of that state; without teams none."""
        moment = np.where(np.arange(states.shape[1]) > _OWNER_CHANGED, 2, 1)
        moment[0] = 0
        pairs = [known.memberships(owners) for known in self.organisations]
        teams = sorted({team for known in pairs for team in known["team"]})
        if not set(teams) - {NO_TEAM}:
            return {}
        sums = np.zeros((len(teams), states.shape[1]), dtype=np.int64)
        for when, known in enumerate(pairs):
            part = np.zeros_like(sums)
            np.add.at(part, pd.Index(teams).get_indexer(known["team"]), states[known["place"].to_numpy()])
            sums[:, moment == when] = part[:, moment == when]
        return dict(zip(teams, sums, strict=True))


def what_moved(before: Book, corrected: Book, remodelled: Book, after: Book, rescore: Rescore) -> Moved:
    """Take the change from one outlook to another apart.

    Parameters
    ----------
    before : Book
        Earlier moment, earlier batch, that day's model.
    corrected : Book
        Earlier moment, later batch, the earlier day's model.
    remodelled : Book
        Earlier moment, later batch, the later day's model.
    after : Book
        Later moment, later batch, that day's model.
    rescore : callable
        See `forecast.outlook.moved_deals.Rescore`; by the later batch and model.

    Raises
    ------
    InvalidInput
        If the books are of different periods or currencies.
    """
    books = (before, corrected, remodelled, after)
    if len({(book.outlook.period, book.outlook.currency) for book in books}) > 1:
        raise InvalidInput("All four books must be of one period and currency.")
    found = direct("corrected_data", before, corrected) if corrected is not before else []
    found += direct("model", corrected, remodelled) if remodelled is not corrected else []
    found += moves(remodelled, after, rescore)
    start = totals(before)
    owners = sorted({*start.index, *before.to_come.index, *after.to_come.index})
    entries = pd.concat([frame for frame in found if len(frame)] or [pd.DataFrame(columns=list(ENTRIES))])
    return Moved(
        period=after.outlook.period.label,
        currency=after.outlook.currency,
        from_as_of=before.outlook.as_of,
        to_as_of=after.outlook.as_of,
        start=start.reindex(owners, fill_value=0),
        entries=entries.reset_index(drop=True),
        organisations=(_organisation(before), _organisation(corrected), _organisation(after)),
        names={**_names(before), **_names(after)},
    )


def totals(book: Book) -> "pd.Series[int]":
    """Mean of each owner, in whole smallest units."""
    parts = [book.deals.groupby("owner_id")["value"].sum(), book.orders.groupby("owner_id")["value"].sum()]
    sums: pd.Series[int] = pd.concat([*parts, book.to_come.sum(axis=1)]).groupby(level=0).sum().astype(np.int64)
    return sums


def _organisation(book: Book) -> Organisation:
    return Organisation(book.teams, book.parents)


def _names(book: Book) -> dict[str, str]:
    return {**book.outlook.team_names, **book.outlook.owner_names}
