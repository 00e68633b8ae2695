"""From a feature table to the published scores of open leads or opportunities, and back from stored files."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from forecast.attribution import probability_points
from forecast.conversion.alike import AlikeCases
from forecast.conversion.amount import AmountModel
from forecast.conversion.anchor import Anchor, fit_anchor
from forecast.conversion.clocks import clock_columns
from forecast.conversion.encoding import column_kind
from forecast.conversion.group_rate import GroupRateModel
from forecast.conversion.model import ConversionModel
from forecast.conversion.population import KEYS, as_utc, joined, window_labels
from forecast.conversion.reasons import DECIMALS, tabulate_reasons
from forecast.conversion.slip import slip_probability
from forecast.conversion.timing import TimingModel
from forecast.errors import InvalidInput, NotEnoughHistory

#: Group columns tried, in this order, when none is named.
DEFAULT_GROUPS = ("stage__current",)

#: A grade begins at these multiples of the base rate's odds: A at twice and a half, B at the base rate itself.
GRADE_ODDS = {"A": 2.5, "B": 1.0, "C": 0.4}

#: Features that slip and amount are read from; without them these columns are missing.
EXPECTED_CLOSE, ASKED = "changes__expected_close__days_ahead", "attributes__amount"

#: Columns of close dates: day by which this share of the wins have come.
CLOSE_DATES = {"predicted_close_date": 0.5, "predicted_close_low": 0.1, "predicted_close_high": 0.9}

#: Columns of numbers after the close dates.
AFTER_DATES = ("slip_probability", "amount_if_won", "amount_low", "amount_high", "percentile")

Kind = Literal["blend", "group_rate"]


class ConversionScorer:
    """Win probabilities with horizon, timing, interval, grade and reasons for one kind of entity.

    Parameters
    ----------
    entity : str
        "lead" or "opportunity".
    horizon_days : int
        ``probability`` is P(won within this many days); at most what the follow-up supports (`supported_horizon`).
    horizons : sequence of int
        Further horizons, days; each becomes a column ``p_{h}d``.
    kind : "blend" or "group_rate"
        `ConversionModel`, or the shrunken group rate alone.
    group : sequence of str, optional
        Group columns of the shrunken rate, coarsest first; default the current stage when there is one.
    params : dict, optional
        Further arguments of `ConversionModel`.
    random_state : int

    Attributes
    ----------
    model_ : ConversionModel or GroupRateModel
    anchor_ : Anchor
        How far the world has moved from what the model learned; no shift for the group rate alone.
    timing_ : TimingModel
    amount_ : AmountModel
    base_ : float
        The published base rate at the cutoff; that of a score is of its ``as_of``.
    grades_ : dict of grade -> least probability
    metadata_ : dict
        Horizon, rows, entities, wins, base rate, cutoff, longest follow-up, horizons beyond it.
    """

    def __init__(
        self,
        entity: str,
        horizon_days: int,
        horizons: Sequence[int] = (30, 60, 90),
        *,
        kind: Kind = "blend",
        group: Sequence[str] | None = None,
        params: Mapping[str, Any] | None = None,
        random_state: int = 0,
    ) -> None:
        self.entity = entity
        self.horizon_days = horizon_days
        self.horizons = tuple(horizons)
        self.kind = kind
        self.group = group
        self.params = dict(params or {})
        self.random_state = random_state

    def fit(self, features: pd.DataFrame, outcomes: pd.DataFrame, *, cutoff: datetime) -> "ConversionScorer":
        """Learn from snapshots of the past.

        Snapshots whose whole window lies before the cutoff teach the probability, each with weight 1; all snapshots,
        censored ones too, teach the timing. Columns that tell only what time it is teach nothing (`clock_columns`).

        Parameters
        ----------
        features : DataFrame
            ``entity_id``, ``as_of`` and the features.
        outcomes : DataFrame
            ``entity_id``, ``as_of``, ``event`` ("won", "lost", "" = open or censored), ``days``; optional
            ``won_amount``, by which the amount if won is learned.
        cutoff : datetime, UTC-aware
            Nothing later is known.

        Raises
        ------
        InvalidInput
            If a column is missing or a parameter is out of range.
        NotEnoughHistory
            If no snapshot is followed for the whole horizon.
        """
        self._check_parameters(cutoff)
        table = joined(features, outcomes)
        label = window_labels(table, self.horizon_days, cutoff)
        known = label.notna().to_numpy()
        if not known.any():
            raise NotEnoughHistory(
                f"No {self.entity} snapshot is followed for {self.horizon_days} days before {cutoff:%Y-%m-%d}; "
                f"the earliest is of {table['as_of'].min():%Y-%m-%d}. Use a shorter horizon or more history."
            )
        X = table[[name for name in features.columns if name not in KEYS]]
        y, ids = label[known].to_numpy(), table["entity_id"].to_numpy()
        groups = self._groups(X)
        clocks = [name for name in clock_columns(X, table["as_of"]) if name not in groups]
        self.model_ = self._model(groups).fit(
            X[known].drop(columns=clocks), y, time=table["as_of"][known], segment=groups or None, groups=ids[known]
        )
        z = self.model_.log_odds(X)
        self.anchor_ = self._anchor(z, table, cutoff)
        self.base_ = round(float(expit(logit(self.model_.base_) + self._shift(pd.Series([cutoff]))[0])), DECIMALS)
        self.alike_ = AlikeCases.fit(X.loc[known, list(self.model_.feature_names_in_)], y, ids[known])
        self.grades_ = grade_limits(self.base_)
        score = expit(z + self._shift(table["as_of"]))
        self.timing_ = TimingModel().fit(
            table["days"].to_numpy(),
            table["event"].fillna("").to_numpy(),
            score=score,
            groups=ids,
            horizons=(*self.horizons, self.horizon_days),
        )
        self.amount_ = self._amount(table, X, outcomes, (label == 1).to_numpy())
        self.metadata_ = self._metadata(table, known, y, cutoff)
        return self

    def _check_parameters(self, cutoff: datetime) -> None:
        if self.entity not in ("lead", "opportunity"):
            raise InvalidInput(f"`entity` must be 'lead' or 'opportunity', got {self.entity!r}.")
        if self.horizon_days < 1 or any(days < 1 for days in self.horizons):
            raise InvalidInput(f"Horizons must be at least 1 day, got {self.horizon_days} and {self.horizons}.")
        if self.kind not in ("blend", "group_rate"):
            raise InvalidInput(f"`kind` must be 'blend' or 'group_rate', got {self.kind!r}.")
        if cutoff.tzinfo is None:
            raise InvalidInput(f"`cutoff` must know its time zone, got {cutoff}.")

    def _groups(self, X: pd.DataFrame) -> list[str]:
        """Group columns that are there and are groups; named ones must be there."""
        if self.group is not None:
            return list(self.group)
        return [name for name in DEFAULT_GROUPS if name in X.columns and column_kind(X[name]) == "category"]

    def _model(self, groups: list[str]) -> ConversionModel | GroupRateModel:
        if self.kind == "group_rate":
            return GroupRateModel()
        defaults = {"gap_days": float(self.horizon_days), "anchored": True, "random_state": self.random_state}
        return ConversionModel(**(defaults | self.params))

    def _anchor(self, z: np.ndarray, table: pd.DataFrame, cutoff: datetime) -> Anchor:
        """Of the blend; the group rate alone stays as simple as it says."""
        if self.kind == "group_rate":
            return Anchor(float(self.horizon_days))
        return fit_anchor(z, table, horizon_days=self.horizon_days, cutoff=cutoff)

    def _amount(self, table: pd.DataFrame, X: pd.DataFrame, outcomes: pd.DataFrame, won: np.ndarray) -> AmountModel:
        """From snapshots won within the horizon: all won ones would favour the fast among the young."""
        paid = np.full(len(table), np.nan)
        if "won_amount" in outcomes and ASKED in X:
            keys = ["entity_id", "as_of"]
            amounts = outcomes.assign(as_of=as_utc(outcomes["as_of"]))[[*keys, "won_amount"]]
            paid = table[keys].merge(amounts, on=keys, how="left")["won_amount"].to_numpy(dtype=float)
        return AmountModel(self.random_state).fit(
            X.loc[won, list(self.model_.feature_names_in_)],
            _numbers(X, ASKED)[won],
            paid[won],
            time=table["as_of"][won].to_numpy(),
            groups=table["entity_id"].to_numpy()[won],
        )

    def _shift(self, as_of: pd.Series) -> np.ndarray:
        return self.anchor_.shift(as_of)

    def _metadata(self, table: pd.DataFrame, known: np.ndarray, y: np.ndarray, cutoff: datetime) -> dict[str, Any]:
        follow_up = self.timing_.supported_days_
        return {
            "entity": self.entity,
            "kind": self.kind,
            "horizon_days": self.horizon_days,
            "cutoff": cutoff.isoformat(),
            "n_rows": int(known.sum()),
            "n_entities": int(table["entity_id"][known].nunique()),
            "n_entities_won": int(table["entity_id"][known][y == 1].nunique()),
            "base": self.base_,
            "anchor": {"observed": self.anchor_.observed, "expected": self.anchor_.expected}
            | {"shift": float(self._shift(pd.Series([cutoff]))[0])},
            "amount": {"kind": self.amount_.kind_, "n_won": self.amount_.n_won_}
            | {"pinball_loss": self.amount_.losses_, "bias": self.amount_.bias_},
            "follow_up_days": round(follow_up, 6),
            "horizons_beyond_follow_up": [days for days in self.horizons if days > follow_up],
        }

    def score(self, features: pd.DataFrame, *, zone: tzinfo = UTC, reasons_as_json: bool = False) -> pd.DataFrame:
        """Scores of the rows of ``features``, in their order; ``reasons`` as lists, or as texts of JSON (faster).

        Returns
        -------
        DataFrame
            ``entity``, ``entity_id``, ``as_of``, ``probability``, ``low``, ``high`` (80 % interval of the win rate of
            cases alike), ``p_{h}d``, ``predicted_close_date`` (median given a win; a day in ``zone``) with
            ``predicted_close_low``, ``predicted_close_high`` (its 80 % interval), ``slip_probability`` (a win comes
            after the expected close date; NaN without one), ``amount_if_won`` (mean) with ``amount_low``,
            ``amount_high`` (80 %; NaN without an amount), ``percentile`` (0-100, among these rows), ``grade``, ``base``
            (the base rate, moved to ``as_of`` by the anchor), ``reasons``. Numbers are rounded to 9 decimals, amounts
            to 2; the points of the reasons plus ``base`` add up to ``probability``.

        Raises
        ------
        InvalidInput
            If the key or feature columns that the model needs are missing.
        """
        missing = [name for name in ("entity_id", "as_of") if name not in features.columns]
        if missing:
            raise InvalidInput(f"Features are missing columns {missing}; there are {list(features.columns)[:5]}.")
        if not len(features):
            return self._empty()
        features = features.reset_index(drop=True)
        X, as_of = features.drop(columns=[name for name in KEYS if name in features]), as_utc(features["as_of"])
        phi, z, z0 = self.model_.log_odds_contributions(X)
        shift = self._shift(as_of)
        exact, base = expit(z + shift), np.round(expit(z0 + shift), DECIMALS)
        probability = np.round(exact, DECIMALS)
        low, high = (_shifted(limit, shift) for limit in self.model_.interval(X, level=80.0))
        points = pd.DataFrame(probability_points(phi.to_numpy(), z + shift, z0 + shift), columns=phi.columns)
        scores = pd.DataFrame({"entity": self.entity, "entity_id": features["entity_id"].astype(str), "as_of": as_of})
        scores["probability"] = probability
        scores["low"] = np.minimum(np.round(low, DECIMALS), probability)
        scores["high"] = np.maximum(np.round(high, DECIMALS), probability)
        pace = self.anchor_.pace(as_of, self.timing_.edges_)
        for days in self.horizons:
            by_then = self.timing_.win_probability(days, probability=exact, horizon=self.horizon_days, pace=pace)
            scores[f"p_{days}d"] = np.round(by_then, DECIMALS)
        for name, quantile in CLOSE_DATES.items():
            scores[name] = _days_later(as_of, self.timing_.days_to_win(quantile, exact, pace), zone)
        slip = slip_probability(
            self.timing_, _numbers(X, EXPECTED_CLOSE), probability=exact, horizon=self.horizon_days, pace=pace
        )
        amount = self.amount_.predict(X, _numbers(X, ASKED))
        scores["slip_probability"] = np.round(slip, DECIMALS)
        scores["amount_if_won"] = np.round(amount.mean, 2)
        scores["amount_low"], scores["amount_high"] = np.round(amount.low, 2), np.round(amount.high, 2)
        scores["percentile"] = np.round(100 * (scores["probability"].rank() - 0.5) / len(scores), DECIMALS)
        scores["grade"] = self._grades(probability)
        scores["base"] = base
        table = tabulate_reasons(points, X, self.alike_, base=base, probability=probability)
        reasons = table.texts() if reasons_as_json else table.lists()
        scores["reasons"] = pd.Series(reasons, index=scores.index, dtype=object)
        return scores

    def win_probability(self, features: pd.DataFrame) -> np.ndarray:
        """P(won within the horizon) of each row, shape (n,), as `score` says it before rounding."""
        X = features.drop(columns=[name for name in KEYS if name in features])
        return np.asarray(expit(self.model_.log_odds(X) + self._shift(features["as_of"])))

    def _grades(self, probability: np.ndarray) -> np.ndarray:
        limits = np.array([self.grades_[grade] for grade in ("C", "B", "A")])
        return np.array(["D", "C", "B", "A"], dtype=object)[np.searchsorted(limits, probability, side="right")]

    def _empty(self) -> pd.DataFrame:
        """No rows, the right columns and types."""
        before = ["probability", "low", "high", *(f"p_{days}d" for days in self.horizons)]
        frame = pd.DataFrame(
            {"entity": [], "entity_id": [], "as_of": as_utc(pd.Series([], dtype="datetime64[us, UTC]"))}
        )
        frame = frame.assign(**dict.fromkeys(before, np.zeros(0)), **{name: [] for name in CLOSE_DATES})
        frame = frame.assign(**dict.fromkeys(AFTER_DATES, np.zeros(0)), grade=[], base=np.zeros(0), reasons=[])
        return frame.astype(dict.fromkeys(["entity", "entity_id", *CLOSE_DATES, "grade", "reasons"], object))

    def to_files(self) -> dict[str, bytes]:
        """The fitted scorer as named files of JSON and LightGBM text; no code is stored."""
        state = {
            "entity": self.entity,
            "horizon_days": self.horizon_days,
            "horizons": list(self.horizons),
            "kind": self.kind,
            "group": None if self.group is None else list(self.group),
            "params": {key: list(value) if isinstance(value, tuple) else value for key, value in self.params.items()},
            "random_state": self.random_state,
            "base": self.base_,
            "grades": self.grades_,
            "anchor": self.anchor_.to_state(),
            "amount": self.amount_.to_state(),
            "timing": self.timing_.to_state(),
            "alike": self.alike_.to_state(),
            "metadata": self.metadata_,
        }
        if isinstance(self.model_, GroupRateModel):
            files = {"group_rate.json": json.dumps(self.model_.to_state(), indent=1, sort_keys=True).encode()}
        else:
            files = self.model_.to_files()
        return files | {"scorer.json": json.dumps(state, indent=1, sort_keys=True).encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "ConversionScorer":
        """The fitted scorer that `to_files` stored: it gives the same scores.

        Raises
        ------
        InvalidInput
            If ``scorer.json`` is not among the files.
        """
        if "scorer.json" not in files:
            raise InvalidInput(
                f"These are not the files of a conversion scorer: 'scorer.json' is not in {sorted(files)}."
            )
        state = json.loads(files["scorer.json"])
        scorer = cls(
            state["entity"],
            state["horizon_days"],
            state["horizons"],
            kind=state["kind"],
            group=state["group"],
            params=state["params"],
            random_state=state["random_state"],
        )
        scorer.base_, scorer.grades_, scorer.metadata_ = state["base"], state["grades"], state["metadata"]
        # Models stored before there was an anchor were not shifted; amounts stood as asked.
        scorer.anchor_ = Anchor.from_state(state["anchor"]) if "anchor" in state else Anchor(scorer.horizon_days)
        scorer.amount_ = AmountModel.from_state(state["amount"]) if "amount" in state else AmountModel()
        scorer.timing_ = TimingModel.from_state(state["timing"])
        scorer.alike_ = AlikeCases.from_state(state["alike"])
        if scorer.kind == "group_rate":
            scorer.model_ = GroupRateModel.from_state(json.loads(files["group_rate.json"]))
        else:
            scorer.model_ = ConversionModel.from_files(files)
        return scorer


def _numbers(X: pd.DataFrame, name: str) -> np.ndarray:
    """A numeric column, missing everywhere when it is not there."""
    return X[name].to_numpy(dtype=float) if name in X else np.full(len(X), np.nan)


def _days_later(as_of: pd.Series, days: np.ndarray, zone: tzinfo) -> pd.Series:
    """Days of the calendar; whole seconds, so that no rounding of floats moves a day."""
    later: pd.Series = (as_of + pd.to_timedelta(np.round(days * 86400), unit="s")).dt.tz_convert(zone).dt.date
    return later


def _shifted(probability: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Probabilities moved by a shift on log-odds."""
    return np.asarray(expit(logit(np.clip(probability, 1e-12, 1 - 1e-12)) + shift))


def grade_limits(base: float) -> dict[str, float]:
    """Least probability of each grade: odds of `GRADE_ODDS` times the base rate's; D begins at 0."""
    odds = base / (1 - base)
    return {grade: round(k * odds / (1 + k * odds), DECIMALS) for grade, k in GRADE_ODDS.items()} | {"D": 0.0}
