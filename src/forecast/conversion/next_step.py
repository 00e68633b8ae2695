"""The next step for a case: which action raises its chance, by how much, at what cost; or "unknown" and why."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from forecast.conversion.overlap import EDGES
from forecast.conversion.population import as_utc, follow_up_end, window_labels
from forecast.conversion.trials import CUSTOMER, checked_tables, draw_trials, first_delays, thinned
from forecast.conversion.uplift import EffectModel
from forecast.errors import InvalidInput

#: What `NextStepModel.suggest` says instead of an action.
UNKNOWN = "unknown"

#: Columns beside the features: days from the snapshot to the comparison, and whether the customer wrote in between.
DELAY, CONTACTED = "next_step__delay_days", "next_step__customer_contact"

#: Why there is no suggestion, beyond what `EffectModel` says of each action; the most telling one is given.
#: "no_model": the model that serves learned no effects.
REASONS: tuple[str, ...] = ("no_gain", "not_comparable", "habit", "imbalance", "no_overlap", "few_wins", "few_cases")
REASONS += ("no_actions", "no_model")

#: Among the files of a registered model that has one.
FILE = "next_step.json"


@dataclass(frozen=True)
class ActionEffect:
    """What is known of one action: its model, how often it was seen, and what it costs."""

    action: str
    model: EffectModel
    n_taken: int
    minutes: float


class NextStepModel:
    """Effects of the actions that reps take on open cases, learned from what they did and did not do.

    Every snapshot starts a small trial, see `draw_trials`: time is counted from the action on one side, and from a
    moment at which it could have come on the other. The effect is that of acting now against going on as usual.

    Features are those of the snapshot; the delay to the moment of comparison and whether the customer made contact in
    between are further columns, since a contact is what often prompts an action. Other things that a rep sees and the
    data do not remain hidden causes: see ``hidden_strength`` of `EffectModel`.

    Parameters
    ----------
    horizon_days : int
        The effect is on P(won within this many days after the action).
    window_days : int
        Length of the window of the actions table.
    max_actions : int
        Only the most frequent actions are looked at.
    max_rows : int
        Rows per action; more are thinned by chance.
    hidden_strength : float
        See `EffectModel`.
    random_state : int

    Attributes
    ----------
    actions_ : list of ActionEffect, most frequent first
    effects_ : DataFrame
        One row per action: ``action``, ``known``, ``effect``, ``low``, ``high`` (probability; also given when not
        known, for the record), ``n``, ``n_cases``, ``n_taken``, ``cost_minutes``, ``robustness``, ``hidden_bias``,
        ``reason``.
    """

    def __init__(
        self,
        horizon_days: int = 60,
        *,
        window_days: int = 7,
        max_actions: int = 5,
        max_rows: int = 5000,
        hidden_strength: float = 2.0,
        random_state: int = 0,
    ) -> None:
        self.horizon_days = horizon_days
        self.window_days = window_days
        self.max_actions = max_actions
        self.max_rows = max_rows
        self.hidden_strength = hidden_strength
        self.random_state = random_state

    def fit(
        self, features: pd.DataFrame, outcomes: pd.DataFrame, actions: pd.DataFrame, *, cutoff: Any = None
    ) -> "NextStepModel":
        """Learn the effect of each action.

        Parameters
        ----------
        features : DataFrame
            ``entity_id``, ``as_of`` and the features of past snapshots.
        outcomes : DataFrame
            ``entity_id``, ``as_of``, ``event``, ``days``, as `forecast.features.outcomes` gives them.
        actions : DataFrame
            As `forecast.features.actions.window_actions` gives them, with the same window.
        cutoff : datetime, optional
            Up to when outcomes are known; default the end of the longest follow-up.

        Raises
        ------
        InvalidInput
            If a column is missing, a number of days is below 1, or no outcome belongs to a snapshot.
        """
        if self.horizon_days < 1 or self.window_days < 1:
            raise InvalidInput(
                f"`horizon_days` and `window_days` must be at least 1, got {self.horizon_days} and {self.window_days}."
            )
        table, actions = checked_tables(features, outcomes, actions)
        end = pd.Timestamp(follow_up_end(table) if cutoff is None else cutoff)
        complete = table["as_of"] + pd.Timedelta(days=max(self.window_days, self.horizon_days)) <= end
        table = table[complete.to_numpy()].reset_index(drop=True)
        names = [name for name in features.columns if name not in ("entity", "entity_id", "as_of")]
        self.feature_names_in_ = np.array(names, dtype=object)
        self.customer_ = bool((actions["action"] == CUSTOMER).any())
        known = actions.merge(table[["entity_id", "as_of"]], on=["entity_id", "as_of"])
        counts = known.loc[known["action"] != CUSTOMER, "action"].value_counts()
        ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[: self.max_actions]
        customer = first_delays(table, actions, CUSTOMER)
        found = (
            self._fit_action(str(action), table, names, actions, customer, end, number)
            for number, (action, _) in enumerate(ranked)
        )
        self.actions_ = [entry for entry in found if entry is not None]
        self.effects_ = _effects_table(self.actions_)
        return self

    def _fit_action(
        self,
        action: str,
        table: pd.DataFrame,
        names: list[str],
        actions: pd.DataFrame,
        customer: np.ndarray,
        end: pd.Timestamp,
        number: int,
    ) -> ActionEffect | None:
        """The trials of one action, and its effect; None when none of them is followed long enough."""
        rng = np.random.default_rng([self.random_state, number])
        taken_at = first_delays(table, actions, action)
        rows, treated, delay = draw_trials(taken_at, table["days"].to_numpy(dtype=float), self.window_days, rng)
        after = table[["as_of", "event", "days"]].iloc[rows].reset_index(drop=True)
        after["as_of"] += pd.to_timedelta(np.round(delay * 86400), unit="s")
        after["days"] -= delay
        won = window_labels(after, self.horizon_days, end.to_pydatetime())
        keep = thinned(treated, won.notna().to_numpy(), self.max_rows, rng)
        if not len(keep):
            return None
        rows, treated, delay = rows[keep], treated[keep], delay[keep]
        X = table[names].iloc[rows].reset_index(drop=True)
        X = X.assign(**{DELAY: delay, CONTACTED: (customer[rows] < delay).astype(float)})
        model = EffectModel(hidden_strength=self.hidden_strength, random_state=self.random_state)
        ids = table["entity_id"].to_numpy()[rows]
        model.fit(X, treated, won.to_numpy()[keep], groups=ids)
        minutes = actions.loc[actions["action"] == action, "minutes"].mean()
        return ActionEffect(action, model, int(treated.sum()), float(minutes))

    def suggest(self, features: pd.DataFrame) -> pd.DataFrame:
        """The best shown action for each case.

        An action is suggested when its effect among comparable cases is above 0 beyond doubt, also after allowing for
        how many actions and groups were looked at (Bonferroni), and when cases like this one did sometimes get it and
        sometimes not.

        Parameters
        ----------
        features : DataFrame
            ``entity_id``, ``as_of`` and the features.

        Returns
        -------
        DataFrame
            ``entity_id``, ``as_of``, ``action`` ("unknown" when there is none), ``effect``, ``low``, ``high``
            (probability, 95 % interval of the group of comparable cases), ``cost_minutes`` (NaN when never recorded),
            ``n`` (rows compared), ``reason`` (one of `REASONS`, empty when there is an action); in the order of
            ``features``.

        Raises
        ------
        InvalidInput
            If a column is missing.
        """
        missing = [name for name in ("entity_id", "as_of", *self.feature_names_in_) if name not in features.columns]
        if missing:
            raise InvalidInput(f"Features are missing columns {missing[:5]}; there are {list(features.columns)[:5]}.")
        n = len(features)
        best: dict[str, np.ndarray] = {
            "action": np.full(n, UNKNOWN, dtype=object),
            **{name: np.full(n, np.nan) for name in ("effect", "low", "high", "cost_minutes")},
            "n": np.zeros(n, dtype=np.int64),
        }
        reasons = [entry.model.reason_ for entry in self.actions_ if entry.model.reason_] or ["no_actions"]
        reason = np.full(n, min(reasons, key=REASONS.index), dtype=object)
        X = features[list(self.feature_names_in_)].reset_index(drop=True).assign(**{DELAY: 0.0, CONTACTED: 0.0})
        known = [entry for entry in self.actions_ if entry.model.known_] if n else []
        looks = sum(len(entry.model.effects_) for entry in known)
        for entry in known:
            found = entry.model.group_effects(X)
            propensity = entry.model.propensity(X)
            comparable = (propensity >= EDGES[0]) & (propensity <= EDGES[1])
            reason = np.where(comparable, "no_gain", np.where(reason == "no_gain", reason, "not_comparable"))
            shown = comparable & (_corrected_low(found, looks) > 0)
            better = shown & ~(best["effect"] >= found["effect"].to_numpy())
            for name in ("effect", "low", "high", "n"):
                best[name] = np.where(better, found[name].to_numpy(), best[name])
            best["cost_minutes"] = np.where(better, entry.minutes, best["cost_minutes"])
            best["action"] = np.where(better, entry.action, best["action"])
        reason = np.where(best["action"] == UNKNOWN, reason, "")
        keys = pd.DataFrame({"entity_id": features["entity_id"].astype(str), "as_of": as_utc(features["as_of"])})
        return keys.reset_index(drop=True).assign(**best, reason=reason.astype(object))

    def to_files(self) -> dict[str, bytes]:
        """The fitted model as the file that stands beside those of its scorer; JSON, no code."""
        return {FILE: json.dumps(self.to_state(), sort_keys=True).encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "NextStepModel | None":
        """The model among the files of a registered one, or None when it has none."""
        return cls.from_state(json.loads(files[FILE])) if FILE in files else None

    def to_state(self) -> dict[str, Any]:
        """The fitted model as plain JSON values; a missing cost is null."""
        return {
            "params": {
                name: getattr(self, name)
                for name in (
                    "horizon_days", "window_days", "max_actions", "max_rows", "hidden_strength", "random_state",
                )
            },
            "features": [str(name) for name in self.feature_names_in_],
            "actions": [
                {
                    "action": entry.action,
                    "model": entry.model.to_state(),
                    "n_taken": entry.n_taken,
                    "minutes": None if np.isnan(entry.minutes) else entry.minutes,
                }
                for entry in self.actions_
            ],
        }  # fmt: skip

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "NextStepModel":
        """The model that `to_state` described."""
        model = cls(**state["params"])
        model.feature_names_in_ = np.array(state["features"], dtype=object)
        model.actions_ = [
            ActionEffect(
                entry["action"],
                EffectModel.from_state(entry["model"]),
                int(entry["n_taken"]),
                float("nan") if entry["minutes"] is None else float(entry["minutes"]),
            )
            for entry in state["actions"]
        ]
        model.effects_ = _effects_table(model.actions_)
        return model


def _corrected_low(found: pd.DataFrame, looks: int) -> np.ndarray:
    """Lower end of the interval at the level that stays 95 % over all looks; normal in both cases."""
    half = (found["high"] - found["low"]).to_numpy() / 2
    factor = float(norm.ppf(1 - 0.025 / max(looks, 1)) / norm.ppf(0.975))
    return np.asarray(found["effect"].to_numpy() - factor * half)


def _effects_table(actions: list[ActionEffect]) -> pd.DataFrame:
    columns = ["action", "known", "effect", "low", "high", "n", "n_cases", "n_taken", "cost_minutes", "robustness"]
    rows = []
    for entry in actions:
        estimate, hidden = entry.model.estimate_, entry.model.sensitivity_
        effect = {"mean": np.nan, "low": np.nan, "high": np.nan, "n": 0, "n_cases": 0}
        effect |= asdict(estimate) if estimate else {}
        rows.append(
            {
                "action": entry.action,
                "known": entry.model.known_,
                "effect": effect["mean"],
                **{name: effect[name] for name in ("low", "high", "n", "n_cases")},
                "n_taken": entry.n_taken,
                "cost_minutes": entry.minutes,
                "robustness": hidden.robustness if hidden else np.nan,
                "hidden_bias": hidden.bias if hidden else np.nan,
                "reason": entry.model.reason_,
            }
        )
    return pd.DataFrame(rows, columns=[*columns, "hidden_bias", "reason"])
