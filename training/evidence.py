"""What a conversion model is judged by beside the table of the comparison: its metrics by group, pictures, and words.

The words are written to be true of noise too: a model that is not shown to know more than the group rate gets no
praise for its ranking, and a group too small to say anything is counted, not interpreted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.evaluation.bootstrap import Difference, paired_difference
from forecast.evaluation.breakdown import AS_EXPECTED, TOO_FEW, breakdown, by_age, by_month
from forecast.evaluation.metrics import decision_curve, gains_curve, log_losses, roc_auc_score
from forecast.evaluation.plots import decision_plot, gains_plot, monthly_plot
from forecast.evaluation.reliability import reliability_curve, reliability_plot
from forecast.usecases.evidence import EVALUATION, RELIABILITY, kept_predictions

#: Feature columns whose values are looked at one by one, where a table has them; the name of the table of each.
SEGMENTS = {
    "segment": "segment",
    "stage": "stage__current",
    "channel": "attributes__channel",
    "industry": "attributes__account__industry",
}

#: Feature column with the age of a case, days.
AGE = "calendar__age_days"

#: Groups beyond what was expected that the card names; the tables have all.
MAX_NAMED = 8


@dataclass(frozen=True)
class Evidence:
    """One model's predictions of rows later than its training, beside the group rate's.

    Attributes
    ----------
    y : array of shape (n,)
        1 where the case was won within the horizon.
    predictions, baseline : arrays of shape (n,)
        Probabilities of the model and of the group rate.
    judged : DataFrame of n rows
        ``entity_id``, ``as_of`` and the features.
    metrics : Series
        The model's row of `evaluate`'s table.
    name : str
        Of the model, for the pictures.
    baseline_name : str
    title : str
        Of the pictures.
    leaking : tuple of str
        Features that use the future: then no number is a merit.
    """

    y: NDArray[np.float64]
    predictions: NDArray[np.float64]
    baseline: NDArray[np.float64]
    judged: pd.DataFrame
    metrics: "pd.Series[Any]"
    name: str
    baseline_name: str
    title: str
    leaking: tuple[str, ...] = ()

    @cached_property
    def entities(self) -> NDArray[Any]:
        """Entity of each row."""
        return self.judged["entity_id"].to_numpy()

    @cached_property
    def groups(self) -> dict[str, pd.DataFrame]:
        """`breakdown` by month, age and the segments that there are."""
        ways = {"month": by_month(self.judged["as_of"])}
        if AGE in self.judged:
            ways["age"] = by_age(self.judged[AGE])
        segments = {way: self.judged[column] for way, column in SEGMENTS.items() if column in self.judged}
        ways |= {way: values for way, values in segments.items() if len(values.unique()) > 1}
        return {
            way: breakdown(self.y, self.predictions, by, y_base=self.baseline, clusters=self.entities)
            for way, by in ways.items()
        }

    @cached_property
    def difference(self) -> Difference:
        """Log loss less the group rate's, nats per case, with its 95 % interval."""
        return paired_difference(log_losses(self.y, self.predictions), log_losses(self.y, self.baseline), self.entities)

    def artifacts(self) -> dict[str, bytes]:
        """Files by name: tables as CSV, pictures as PNG."""
        reliability = reliability_curve(self.y, self.predictions, clusters=self.entities)
        said = {self.name: self.predictions, self.baseline_name: self.baseline}
        gains = {name: gains_curve(self.y, p) for name, p in said.items()}
        decisions = {name: decision_curve(self.y, p) for name, p in said.items()}
        tables = {"reliability.csv": reliability, "decision.csv": decisions[self.name]}
        tables |= {f"by_{way}.csv": table for way, table in self.groups.items()}
        pictures = {
            "reliability.png": reliability_plot(reliability, predictions=self.predictions, title=self.title),
            "gains.png": gains_plot(gains, title=self.title),
            "decision.png": decision_plot(decisions, title=self.title),
            "months.png": monthly_plot(
                self.groups["month"], model=self.name, baseline=self.baseline_name, title=self.title
            ),
        }
        return {name: table.to_csv(index=False).encode() for name, table in tables.items()} | pictures

    def kept(self, evaluation: pd.DataFrame) -> dict[str, bytes]:
        """Files that stay with the model, so that it can be judged by segment and month later.

        Cases are numbers here: nothing leads back to a lead or an opportunity.
        """
        segments = {way: self.judged[column] for way, column in SEGMENTS.items() if column in self.judged}
        if AGE in self.judged:
            segments["age"] = by_age(self.judged[AGE]).astype(str)
        told = {way: values for way, values in segments.items() if len(values.unique()) > 1}
        rows = kept_predictions(self.entities, self.judged["as_of"], self.y, self.predictions, self.baseline, told)
        return {RELIABILITY: rows, EVALUATION: evaluation.to_csv(index=False).encode()}

    def findings(self) -> list[str]:
        """What the numbers say, in sentences; each with its numbers."""
        if self.leaking:
            return [
                f"Its features use the future ({', '.join(self.leaking[:5])}{', …' if len(self.leaking) > 5 else ''}): "
                "no number here says anything about how good it is."
            ]
        found = [] if self.name == self.baseline_name else [self._against_the_baseline()]
        return [*found, self._calibration(), *self._groups_beyond()]

    def _against_the_baseline(self) -> str:
        beaten, values = self.difference, self.metrics
        log_loss = f"log loss {beaten.mean:+.4f} nats per case against the group rate (95 %: {beaten.low:+.4f} to "
        log_loss += f"{beaten.high:+.4f})"
        ranking = f"AUC {values['roc_auc']:.3f} (95 %: {values['roc_auc_low']:.3f} to {values['roc_auc_high']:.3f})"
        if beaten.high < 0:
            lift = f"the best tenth of the list is won {values['lift_10']:.1f} times as often as all"
            return f"It knows more than the group rate: {log_loss}; {ranking}, {lift}."
        usual = roc_auc_score(self.y, self.baseline)
        return (
            f"It is not shown to know more than the group rate: {log_loss}. Its ranking is no merit then: {ranking}, "
            f"the group rate's {usual:.3f}."
        )

    def _calibration(self) -> str:
        error, values = float(self.metrics["calibration_error"]), self.metrics
        usual, high = float(values["calibration_error_floor"]), float(values["calibration_error_floor_high"])
        verdict = "no sign of miscalibration" if error <= high else "more than chance: probabilities and rates differ"
        return (
            f"Calibration error {error:.3f}; right probabilities of these cases would show {usual:.3f} on average and "
            f"1 time in 20 more than {high:.3f}: {verdict}."
        )

    def _groups_beyond(self) -> list[str]:
        beyond, n_groups, n_small = [], 0, 0
        for way, table in self.groups.items():
            n_groups, n_small = n_groups + len(table), n_small + int((table["verdict"] == TOO_FEW).sum())
            other = table[~table["verdict"].isin([TOO_FEW, AS_EXPECTED])]
            beyond += [
                f"{way} {row['group']}: {row['win_rate']:.1%} won, {row['mean_probability']:.1%} said "
                f"({row['n_entities']:,} cases, {row['verdict']})"
                for _, row in other.iterrows()
            ]
        small = f"; {n_small} are too small to say anything" if n_small else ""
        if not beyond:
            return [
                f"In none of {n_groups} groups (by {', '.join(self.groups)}) do wins differ from what was said{small}."
            ]
        more = [f"and {len(beyond) - MAX_NAMED} more"] if len(beyond) > MAX_NAMED else []
        named = "; ".join([*beyond[:MAX_NAMED], *more])
        return [f"Groups in which wins differ from what was said, of {n_groups}{small}: {named}."]

    def section(self) -> tuple[str, str]:
        """Title and Markdown text for the model card."""
        return "What this shows", "\n".join(f"- {sentence}" for sentence in self.findings())


def evidence_of(
    y: NDArray[np.float64],
    predictions: Mapping[str, NDArray[np.float64]],
    judged: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    model: str,
    baseline: str,
    title: str,
    leaking: tuple[str, ...] = (),
) -> Evidence:
    """The evidence on one of several compared models.

    Parameters
    ----------
    y : array of shape (n,)
    predictions : mapping of model name to array of shape (n,)
    judged : DataFrame of n rows
        ``entity_id``, ``as_of`` and the features.
    metrics : DataFrame
        `evaluate`'s table of the same predictions.
    model, baseline : str
        Names in ``predictions``.
    title : str
        Of the pictures.
    leaking : tuple of str
        Features that use the future.
    """
    (mine,) = (row for _, row in metrics.iterrows() if row["model"] == model)
    return Evidence(y, predictions[model], predictions[baseline], judged, mine, model, baseline, title, leaking)
