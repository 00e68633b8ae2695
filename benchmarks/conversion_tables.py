"""What the conversion comparison says about predictions: metrics, skill with its interval, and the lines to hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import logit

from forecast.evaluation.combination import overdispersion
from forecast.evaluation.metrics.calibration_noise import calibration_error_floor
from forecast.evaluation.metrics.classification import (
    calibration_error,
    calibration_line,
    log_losses,
    roc_auc_score,
)

OURS = "forecast"
BASE = "base rate"
#: Sets that are judged by the walk with refits, and what is asked there: log loss, AUC, ECE.
WALK_GATE = {"bank": (0.532, 0.760, 0.046)}
NO_SIGNAL = ("crm-sales",)
#: Mean log loss asked of small samples.
SMALL_GATE = {20: 0.34, 50: 0.335, 100: 0.32, 400: 0.30}


@dataclass(frozen=True)
class Judged:
    """Predictions of all models for the same rows of one set and part; ``seconds`` is a fit's wall and CPU time."""

    name: str
    part: str
    y: np.ndarray
    p: Mapping[str, np.ndarray]
    seconds: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def loss(self, model: str) -> float:
        return float(log_losses(self.y, self.p[model]).mean())

    @property
    def models(self) -> list[str]:
        return list(self.p)

    @property
    def peers(self) -> list[str]:
        return [model for model in self.p if model not in (OURS, BASE)]

    @property
    def is_walk(self) -> bool:
        return self.part.endswith("-walk")

    @property
    def is_gate(self) -> bool:
        """Whether this is how the set is to be judged."""
        return self.is_walk == (self.name in WALK_GATE)


def metrics(judged: Judged, model: str) -> dict[str, float]:
    """Log loss, AUC, ECE (ten bins of equal mass), calibration slope with its 95 % interval."""
    y, p = judged.y, judged.p[model]
    line = calibration_line(y, p)
    low, high = line.slope_interval()
    return {
        "log_loss": judged.loss(model),
        "auc": roc_auc_score(y, p),
        "ece": calibration_error(y, p),
        "slope": line.slope,
        "slope_low": low,
        "slope_high": high,
    }


def set_table(valid: Judged | None, judged: Judged) -> pd.DataFrame:
    """One row per model; ``valid`` holds the same models on the validation part, None when that is what is judged."""
    rows = []
    for model in judged.models:
        found = metrics(judged, model)
        clock, cpu = judged.seconds.get(model, (np.nan, np.nan))
        slope = f"{found['slope']:.2f} ({found['slope_low']:.2f} to {found['slope_high']:.2f})"
        before = {} if valid is None else {"log loss on valid": f"{valid.loss(model):.4f}" if model in valid.p else ""}
        rows.append(
            {"model": model}
            | before
            | {
                "log loss": f"{found['log_loss']:.4f}",
                "AUC": f"{found['auc']:.4f}",
                "ECE": f"{found['ece']:.4f}",
                "by chance (95 %)": by_chance(judged.p[model]),
                "slope (95 %)": "" if np.isnan(found["slope"]) else slope,
                "fit, s": "" if np.isnan(clock) else f"{clock:.1f}",
                "fit, CPU s": "" if np.isnan(cpu) else f"{cpu:.1f}",
            }
        )
    return pd.DataFrame(rows)


def by_chance(p: np.ndarray) -> str:
    """ECE of probabilities that are exactly right, on average, and what 1 in 20 such tables exceeds."""
    floor = calibration_error_floor(p)
    return f"{floor.mean:.4f} ({floor.high:.4f})"


def drift_table(known: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """How much sets with time move before the judged part, from their known outcomes in the order of time.

    How many times more the tenths differ from the rate of all than chance explains; 1 when not at all.
    """
    rows = []
    for name, y in known.items():
        tenths = np.arange(len(y)) * 10 // len(y)
        rates = np.bincount(tenths, weights=y) / np.bincount(tenths)
        moved = overdispersion(np.full(len(y), logit(y.mean())), y, tenths, row_weight=np.ones(len(y)))
        least_most = f"{rates.min():.1%} to {rates.max():.1%}"
        rows.append({"set": name, "won in each tenth": least_most, "times chance": f"{moved:.0f}"})
    return pd.DataFrame(rows)


def best_peer(valid: Judged, judged: Judged) -> str:
    """The peer of least log loss on the validation part, among those that were judged too."""
    return min((peer for peer in valid.peers if peer in judged.p), key=valid.loss)


def gates(valid: Judged, judged: Judged) -> list[dict[str, str]]:
    """What is asked of ours on this set, and whether it holds."""
    ours = metrics(judged, OURS)
    base = judged.loss(BASE)
    rows: list[tuple[str, str, str, bool]] = []
    if judged.name in WALK_GATE and judged.part.startswith("test"):
        loss, auc, ece = WALK_GATE[judged.name]
        rows += [
            ("log loss", f"<= {loss}", f"{ours['log_loss']:.4f}", ours["log_loss"] <= loss),
            ("AUC", f">= {auc}", f"{ours['auc']:.4f}", ours["auc"] >= auc),
            ("ECE", f"<= {ece}", f"{ours['ece']:.4f}", ours["ece"] <= ece),
        ]
    if valid.peers:
        peer = best_peer(valid, judged)
        theirs = metrics(judged, peer)
        most, least = theirs["log_loss"] + 0.01 * base, theirs["auc"] - 0.01
        rows += [
            (f"log loss beside {peer}", f"<= {most:.4f}", f"{ours['log_loss']:.4f}", ours["log_loss"] <= most),
            (f"AUC beside {peer}", f">= {least:.4f}", f"{ours['auc']:.4f}", ours["auc"] >= least),
        ]
    if judged.name in NO_SIGNAL:
        most = 1.005 * base
        rows.append(("log loss, no signal", f"<= {most:.4f}", f"{ours['log_loss']:.4f}", ours["log_loss"] <= most))
    elif judged.name not in WALK_GATE:
        low, high = ours["slope_low"], ours["slope_high"]
        rows.append(("slope's interval", "reaches 0.9 to 1.1", f"{low:.2f} to {high:.2f}", low <= 1.1 and high >= 0.9))
    if judged.name not in WALK_GATE:
        rows.append(("ECE", "<= 0.03", f"{ours['ece']:.4f}", ours["ece"] <= 0.03))
        high = calibration_error_floor(judged.p[OURS]).high
        rows.append(("ECE beside chance", f"<= {high:.4f}", f"{ours['ece']:.4f}", ours["ece"] <= high))
    name = f"{judged.name}{', walk' if judged.is_walk else ''}"
    return [
        {"set": name, "line": line, "asked": asked, "ours": value, "holds": "yes" if holds else "**no**"}
        for line, asked, value, holds in rows
    ]


def skill_table(parts: list[Judged], *, n_draws: int = 1000, random_state: int = 0) -> pd.DataFrame:
    """Mean over sets of ``1 - log loss / log loss of the base rate``, and ours less each peer's with its interval.

    The interval (95 %, percentile) draws rows within each set, the same ones for all models. A peer that is missing on
    a set is compared on the others.
    """
    rng = np.random.default_rng(random_state)
    point: dict[str, dict[str, float]] = {}
    draws: dict[str, dict[str, np.ndarray]] = {}
    for judged in parts:
        losses = np.column_stack([log_losses(judged.y, judged.p[model]) for model in judged.models])
        n, where = len(losses), judged.models.index(BASE)
        means = np.concatenate([rng.multinomial(n, np.full(n, 1 / n), 100) @ losses / n for _ in range(n_draws // 100)])
        mean = losses.mean(axis=0)
        point[judged.name] = dict(zip(judged.models, 1 - mean / mean[where], strict=True))
        draws[judged.name] = dict(zip(judged.models, (1 - means / means[:, [where]]).T, strict=True))
    models = list(dict.fromkeys(model for judged in parts for model in judged.models))
    rows = []
    for model in models:
        sets = [name for name in point if model in point[name]]
        row = {"model": model, "sets": str(len(sets)), "mean skill": f"{np.mean([point[s][model] for s in sets]):.4f}"}
        row |= {name: f"{point[name][model]:.4f}" if model in point[name] else "" for name in point}
        if model not in (OURS, BASE) and all(OURS in point[name] for name in sets):
            ahead = np.mean([point[name][OURS] - point[name][model] for name in sets])
            spread = np.mean([draws[name][OURS] - draws[name][model] for name in sets], axis=0)
            low, high = np.percentile(spread, [2.5, 97.5])
            row["ours less this (95 %)"] = f"{ahead:+.4f} ({low:+.4f} to {high:+.4f})"
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


@dataclass(frozen=True)
class SmallSamples:
    """Log loss of each draw, by model; draws that a model did not make are NaN."""

    size: int
    losses: pd.DataFrame


def small_table(samples: list[SmallSamples]) -> pd.DataFrame:
    """Mean log loss by size and model, and its difference to the draw's own base rate with a 95 % interval."""
    rows = []
    for model in dict.fromkeys(model for sample in samples for model in sample.losses):
        row = {"model": model}
        for sample in samples:
            if model not in sample.losses:
                continue
            found = sample.losses[[model, BASE]].dropna() if model != BASE else sample.losses[[BASE]]
            text = f"{found[model].mean():.4f}"
            if model != BASE:
                mean, low, high = mean_interval(found[model] - found[BASE])
                text += f" ({mean:+.4f}, {low:+.4f} to {high:+.4f})"
            if len(found) < len(sample.losses):
                text += f" [{len(found)} draws]"
            row[f"n = {sample.size}"] = text
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def small_gates(samples: list[SmallSamples]) -> list[dict[str, str]]:
    """What is asked of ours at each size."""
    rows = []
    for sample in samples:
        loss = float(sample.losses[OURS].mean())
        _, _, high = mean_interval(sample.losses[OURS] - sample.losses[BASE])
        for line, most, value in (("mean log loss", SMALL_GATE[sample.size], loss), ("ours less base", 0.0, high)):
            shown = f"{value:.4f}" if line == "mean log loss" else f"upper bound {value:+.4f}"
            holds = "yes" if value <= most else "**no**"
            rows.append(
                {"set": f"n = {sample.size}", "line": line, "asked": f"<= {most:g}", "ours": shown, "holds": holds}
            )
    return rows


def mean_interval(values: pd.Series) -> tuple[float, float, float]:
    """Mean and its 95 % interval over independent draws."""
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - 1.96 * error, mean + 1.96 * error
