"""What would raise a score: small, plausible changes of what a rep can change, largest gain first.

A change is taken whole from a real case that was alike (same group, not much older), so that its values go together and
were seen. The gain is what the score would then be, by the model: no effect that the change would have on the deal.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from forecast.conversion.levers import Lever, find_levers, is_possible, with_sums

#: Cases kept per group to take changes from.
MAX_DONORS = 60

#: Gains below half a point of probability are not worth a line.
MIN_GAIN = 0.005

#: A smaller change is preferred when it brings at least this share of the largest gain.
NEARLY_BEST = 0.8

#: Levers whose pairs are tried: the best so many alone.
N_PAIRED = 3

AGE = "calendar__age_days"

LogOdds = Callable[[pd.DataFrame], np.ndarray]


@dataclass(frozen=True)
class Counterfactual:
    """One change and what the score would be.

    Attributes
    ----------
    codes : tuple of str
        Reasons that are changed: one or two.
    changes : dict of feature -> (from, to)
        What a rep changes; None is missing. ``follows`` holds the sums that move with it, in the same form.
    probability : float
        The score after the change, all else equal.
    gain : float
        Points of probability, positive.
    """

    codes: tuple[str, ...]
    changes: Mapping[str, tuple[Any, Any]]
    follows: Mapping[str, tuple[Any, Any]]
    probability: float
    gain: float


@dataclass
class Donors:
    """Changeable features of real cases, by group: where plausible changes are taken from.

    Attributes
    ----------
    levers : list of Lever
    group : str or None
        Column whose values part the groups.
    table : DataFrame
        One row per donor: ``group``, ``age`` (days, NaN unknown) and the features of all levers.
    spread : dict of feature -> float
        Standard deviation in training, 1 for texts: the unit in which a change is small.
    """

    levers: list[Lever]
    group: str | None
    table: pd.DataFrame
    spread: dict[str, float]

    @classmethod
    def fit(
        cls, X: pd.DataFrame, *, group: str | None = None, changeable: Sequence[str] = (), random_state: int = 0
    ) -> "Donors":
        """Keep up to 60 rows of each group.

        Parameters
        ----------
        X : DataFrame of shape (n, k)
            The training table.
        group : str, optional
            Column of X, such as the stage: changes are taken from cases of the same value.
        changeable : sequence of str
            Columns that a rep may honestly set, beside the activities.
        """
        levers = find_levers([str(name) for name in X.columns], changeable)
        names = [name for lever in levers for name in lever.features]
        table = X[names].astype({name: float for name in names if _is_number(X[name])})
        keys = pd.Series("", index=X.index) if group is None else group_texts(X[group])
        age = X[AGE].astype(float) if AGE in X else pd.Series(np.nan, index=X.index)
        spread = {name: float(table[name].std() or 1.0) if _is_number(table[name]) else 1.0 for name in names}
        table = table.assign(group=keys, age=age)
        shuffled = table.sample(frac=1.0, random_state=random_state)
        kept = shuffled[shuffled.groupby("group").cumcount() < MAX_DONORS].sort_index()
        return cls(levers, group, kept.reset_index(drop=True), {k: v if v == v else 1.0 for k, v in spread.items()})

    def find(self, log_odds: LogOdds, X: pd.DataFrame, *, n_shown: int = 3) -> list[list[Counterfactual]]:
        """What would raise the score of each row.

        Parameters
        ----------
        log_odds : callable
            Calibrated log-odds of a feature table, such as `ConversionModel.log_odds`.
        X : DataFrame of shape (n, k)
            Feature table.
        n_shown : int
            At most so many per row.

        Returns
        -------
        list of n lists
            Largest gain first; empty where nothing possible raises the score by half a point. A pair of reasons is
            listed only when it brings half a point more than either alone.
        """
        X = X.reset_index(drop=True)
        if not self.levers or not len(X):
            return [[] for _ in range(len(X))]
        before = expit(log_odds(X))
        single = self._best(log_odds, X, before, self._alone(X))
        pairs = self._best(log_odds, X, before, self._pairs(X, single))
        alone = single.set_index(["row", "first"])["gain"]
        if len(pairs):
            parts = [
                alone.reindex(list(zip(pairs["row"], pairs[k], strict=True))).to_numpy() for k in ("first", "second")
            ]
            pairs = pairs[pairs["gain"].to_numpy() >= np.fmax(*parts) + MIN_GAIN]
        found = pd.concat([frame for frame in (single, pairs) if len(frame)] or [single])
        found = found.sort_values(["row", "gain", "first"], ascending=[True, False, True], kind="stable")
        found = found[found.groupby("row").cumcount() < n_shown]
        shown: list[list[Counterfactual]] = [[] for _ in range(len(X))]
        for row, one in zip(found["row"], self._described(X, found), strict=True):
            shown[row].append(one)
        return shown

    def _alone(self, X: pd.DataFrame) -> pd.DataFrame:
        """Every (row, lever, donor) worth trying: ``row``, ``donor``, ``first``, ``second`` (-1)."""
        row, donor = self._meetings(X)
        frames = []
        for number, lever in enumerate(self.levers):
            values = self.table[list(lever.features)]
            distinct = ~pd.concat([self.table["group"], values], axis=1).duplicated().to_numpy()
            kept = np.flatnonzero(distinct[donor])
            old, new = X[list(lever.features)].iloc[row[kept]], values.iloc[donor[kept]]
            kept = kept[is_possible(lever, old.reset_index(drop=True), new.reset_index(drop=True))]
            frames.append(pd.DataFrame({"row": row[kept], "donor": donor[kept], "first": number, "second": -1}))
        return pd.concat(frames, ignore_index=True)

    def _meetings(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Rows with the donors of their group that are not more than twice as old (and a week)."""
        keys = pd.Series("", index=X.index) if self.group is None else group_texts(X[self.group])
        age = X[AGE].astype(float) if AGE in X else pd.Series(np.nan, index=X.index)
        cases = pd.DataFrame({"group": keys, "own_age": age, "row": np.arange(len(X))})
        donors = self.table[["group", "age"]].assign(donor=np.arange(len(self.table)))
        met = cases.merge(donors, on="group")
        met = met[~(met["age"] > 2 * met["own_age"] + 7)].sort_values(["row", "donor"])
        return met["row"].to_numpy(dtype=int), met["donor"].to_numpy(dtype=int)

    def _pairs(self, X: pd.DataFrame, single: pd.DataFrame) -> pd.DataFrame:
        """Both of two levers from one donor, for the levers that are best alone."""
        best = single.sort_values(["row", "gain"], ascending=[True, False], kind="stable")
        best = best[best.groupby("row").cumcount() < N_PAIRED]
        row, donor = self._meetings(X)
        met = pd.DataFrame({"row": row, "donor": donor})
        chosen = best.groupby("row")["first"].agg(frozenset)
        frames = []
        for first, second in combinations(sorted(set(best["first"])), 2):
            rows = chosen.index[[{first, second} <= levers for levers in chosen]]
            some = met[met["row"].isin(rows)]
            possible = np.ones(len(some), dtype=bool)
            for lever in (self.levers[first], self.levers[second]):
                old = X[list(lever.features)].iloc[some["row"]].reset_index(drop=True)
                new = self.table[list(lever.features)].iloc[some["donor"]].reset_index(drop=True)
                possible &= is_possible(lever, old, new)
            frames.append(some[possible].assign(first=first, second=second))
        return pd.concat(frames, ignore_index=True) if frames else _NOTHING.copy()

    def _best(self, log_odds: LogOdds, X: pd.DataFrame, before: np.ndarray, tried: pd.DataFrame) -> pd.DataFrame:
        """Of each row and lever (or pair) the smallest change with nearly the largest gain."""
        if not len(tried):
            return _NOTHING.copy()
        after, size = self._applied(X, tried)
        p = expit(log_odds(after))
        gain = p - before[tried["row"].to_numpy()]
        tried = tried.assign(probability=p, gain=gain, size=size)
        tried = tried[tried["gain"] >= MIN_GAIN]
        keys = ["row", "first", "second"]
        largest = tried.groupby(keys)["gain"].transform("max")
        good = tried[tried["gain"] >= NEARLY_BEST * largest]
        ranked = good.sort_values([*keys, "size", "gain", "donor"], ascending=[True] * 4 + [False, True])
        return pd.DataFrame(ranked.drop_duplicates(keys)).reset_index(drop=True)

    def _applied(self, X: pd.DataFrame, tried: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
        """The feature table after each change, and the size of the change in standard deviations."""
        before = X.iloc[tried["row"]].reset_index(drop=True)
        after, size = before.copy(), np.zeros(len(tried))
        donor = tried["donor"].to_numpy()
        for number, lever in enumerate(self.levers):
            moved = ((tried["first"] == number) | (tried["second"] == number)).to_numpy()
            if not moved.any():
                continue
            for name in lever.features:
                new = self.table[name].iloc[donor[moved]]
                after.loc[moved, name] = new.to_numpy()
                size[moved] += self._distance(name, before[name][moved], new)
            rows = np.flatnonzero(moved)
            after.iloc[rows] = with_sums(before.iloc[rows], after.iloc[rows], lever.features)
        return after, size

    def _distance(self, name: str, old: pd.Series, new: pd.Series) -> np.ndarray:
        if not _is_number(self.table[name]):
            return np.asarray(old.to_numpy() != new.to_numpy(), dtype=float)
        difference = np.abs(new.to_numpy(dtype=float) - old.to_numpy(dtype=float)) / self.spread[name]
        return np.asarray(np.nan_to_num(difference, nan=1.0))

    def _described(self, X: pd.DataFrame, found: pd.DataFrame) -> list[Counterfactual]:
        after, _ = self._applied(X, found)
        described = []
        for number, one in enumerate(found.to_dict("records")):
            levers = [self.levers[k] for k in (one["first"], one["second"]) if k >= 0]
            own = [name for lever in levers for name in lever.features]
            old, new = X.iloc[one["row"]], after.iloc[number]
            moved = {str(name): (_plain(old[name]), _plain(new[name])) for name in after.columns}
            moved = {name: pair for name, pair in moved.items() if pair[0] != pair[1]}
            changes = {name: pair for name, pair in moved.items() if name in own}
            follows = {name: pair for name, pair in moved.items() if name not in own}
            codes = tuple(lever.code for lever in levers)
            described.append(Counterfactual(codes, changes, follows, float(one["probability"]), float(one["gain"])))
        return described

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        columns = {str(name): [_plain(value) for value in self.table[name]] for name in self.table.columns}
        levers = [[lever.code, list(lever.features), lever.named] for lever in self.levers]
        numbers = [str(name) for name in self.table.columns if _is_number(self.table[name])]
        return {"levers": levers, "group": self.group, "table": columns, "numbers": numbers, "spread": self.spread}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Donors":
        """The object that `to_state` described."""
        levers = [Lever(code, tuple(features), named) for code, features, named in state["levers"]]
        numbers = set(state["numbers"])
        table = pd.DataFrame(
            {
                name: pd.Series(values, dtype=float if name in numbers else object)
                for name, values in state["table"].items()
            }
        )
        return cls(levers, state["group"], table, dict(state["spread"]))


_NOTHING = pd.DataFrame(
    {
        name: pd.Series(dtype=int if name in ("row", "donor", "first", "second") else float)
        for name in ("row", "donor", "first", "second", "probability", "gain", "size")
    }
)


def group_texts(values: pd.Series) -> pd.Series:
    """Values as texts that survive a file; missing is the empty text."""
    return values.astype(object).where(values.notna(), "").astype(str)


def _is_number(values: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values))


def _plain(value: Any) -> Any:
    """A value as JSON knows it; None is missing."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value
