"""The tables of the demand comparison as Markdown: what is asked, whether it holds, and every figure beside it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from demand_scores import MEAN, NAIVE2, OURS, PUBLISHED, Judged, difference, intervals, scores

COMPETITION = ("owa", "mase", "smape", "bias")
OTHERS = ("rmsse", "bias", "wape", "pinball")
FORMATS = {"bias": "{:+.1%}", "width": "{:.2f}", "smape": "{:.2f}", "wape": "{:.4f}"}
#: A set's interval is judged with so many test points at least, a class's with so many.
N_POINTS, N_CLASS_POINTS = 5000, 500
HUGE = 1000


def report(judged: list[Judged], data: Path) -> str:
    """All tables: the lines to hold first."""
    competition = [part for part in judged if part.task.is_competition]
    others = [part for part in judged if not part.task.is_competition]
    sections = []
    if competition:
        sections.append("### Competition sets\n\n" + markdown(pd.DataFrame(list(competition_lines(competition)))))
        sections.append(averages(competition))
        sections.append(published_m4(data) if any(part.task.name.startswith("m4") for part in competition) else "")
    if others:
        sections.append("### From several origins\n\n" + markdown(pd.DataFrame(list(origin_lines(others)))))
    sections.append("### 80 % intervals\n\n" + markdown(pd.DataFrame(list(interval_lines(judged)))))
    sections.append("#### By class of series\n\n" + markdown(pd.DataFrame(list(class_lines(judged)))))
    sections += [
        f"#### {title(part, rows)}\n\n{markdown(set_table(part, rows))}" for part in judged for rows in part.samples
    ]
    return "\n\n".join(section for section in sections if section)


def range_report(judged: list[Judged]) -> str:
    """The tables of ranges alone."""
    return (
        f"{markdown(pd.DataFrame(list(interval_lines(judged))))}\n\n"
        f"#### By class of series, three origins\n\n{markdown(pd.DataFrame(list(class_lines(judged))))}"
    )


def title(judged: Judged, rows: np.ndarray) -> str:
    table, task = judged.rows[rows], judged.task
    origins = "one origin" if len(task.folds) == 1 else f"{len(task.folds)} origins"
    n_series = table["unique_id"].nunique()
    return f"{task.name}, {task.part}: {n_series:,} series, {origins}, {task.horizon} ahead, {len(table):,} values"


def peers(judged: Judged, rows: np.ndarray) -> list[str]:
    """Single models of others, which is what ours is compared with."""
    return [name for name in judged.models(rows) if name not in (OURS, MEAN, NAIVE2) and not name.endswith(PUBLISHED)]


def best(judged: Judged, rows: np.ndarray, metric: str) -> tuple[str, float]:
    """The peer that is best in hindsight."""
    values = {name: scores(judged, name, rows)[metric] for name in peers(judged, rows)}
    known = {name: value for name, value in values.items() if np.isfinite(value)}
    return min(known.items(), key=lambda item: abs(item[1])) if known else ("", float("nan"))


def competition_lines(judged: list[Judged]) -> Iterator[dict[str, str]]:
    """OWA and MASE beside the best single peer and the mean of ETS and DOT."""
    for part in judged:
        for rows in part.samples:
            ours, line = scores(part, OURS, rows), {"set": label(part, rows)}
            for metric in ("owa", "mase"):
                name, value = best(part, rows, metric)
                line[f"{metric.upper()}"] = shown(metric, ours[metric])
                line[f"best peer by {metric.upper()}"] = f"{name} {shown(metric, value)}"
                line[f"{metric.upper()} no worse"] = yes(ours[metric] <= value)
            if MEAN in part.models(rows):
                line["mean of ETS and DOT, OWA"] = shown("owa", scores(part, MEAN, rows)["owa"])
            name = best(part, rows, "mase")[0]
            line["MASE less the best peer's, 95 %"] = interval(part, name, rows, "mase") if name else ""
            yield line


def averages(judged: list[Judged]) -> str:
    """Mean OWA over the sets where the mean of ETS and DOT is there."""
    pairs = []
    for part in judged:
        rows = next((rows for rows in part.samples if MEAN in part.models(rows)), None)
        if rows is not None:
            pairs.append([scores(part, model, rows)["owa"] for model in (OURS, MEAN)])
    if not pairs:
        return ""
    ours, mean = np.mean(pairs, axis=0)
    return f"Mean OWA over {len(pairs)} sets: ours {ours:.4f}, mean of ETS and DOT {mean:.4f}: {yes(ours < mean)}."


def published_m4(data: Path) -> str:
    """The competition's own figures for all series."""
    table = pd.read_csv(data / "reference-results" / "m4_point_by_frequency.csv")
    lines = []
    for period in ("Yearly", "Hourly"):
        ranked = table.dropna(subset=[f"OWA_{period}"]).sort_values(f"OWA_{period}").head(3)
        names = [f"{row['authors'].split(',')[0]} {row[f'OWA_{period}']:.3f}" for _, row in ranked.iterrows()]
        lines.append(f"M4 {period.lower()}, best published OWA: {'; '.join(names)}")
    return ". ".join(lines) + "."


def origin_lines(judged: list[Judged]) -> Iterator[dict[str, str]]:
    """Each score beside the best peer's; a bias also beside that of the best peer by RMSSE."""
    for part in judged:
        for rows in part.samples:
            ours, leader = scores(part, OURS, rows), best(part, rows, "rmsse")[0]
            for metric in OTHERS:
                name, value = best(part, rows, metric)
                if not name:
                    continue
                low, high = difference(part, name, rows, metric)
                holds = abs(ours["bias"]) <= max(0.03, abs(value)) if metric == "bias" else low <= 0
                line = {"set": label(part, rows), "score": metric, "ours": shown(metric, ours[metric])}
                line |= {"best peer": name, "its": shown(metric, value)}
                if metric == "bias" and name != leader:
                    line["its"] += f" ({leader} {shown(metric, scores(part, leader, rows)[metric])})"
                yield line | {"ours less its, 95 %": f"{low:+.4f} to {high:+.4f}", "holds": yes(holds)}


def interval_lines(judged: list[Judged]) -> Iterator[dict[str, str]]:
    """Share inside and width of ours and of every peer that has intervals."""
    for part in judged:
        rows = part.samples[-1]
        for model in part.models(rows):
            wide = part.samples[0] if model in part.models(part.samples[0]) else rows
            found, here = intervals(part, model, wide), intervals(part, model, rows)
            if len(found):
                share = found["inside"].mean()
                judge_it = model == OURS and len(found) >= N_POINTS
                yield {
                    "set": part.task.name,
                    "model": model,
                    "values": f"{len(found):,}",
                    "inside": f"{share:.1%}",
                    "77–83 %": yes(0.77 <= share <= 0.83) if judge_it else "",
                    "values that all models have": f"{rows.sum():,}",
                    "mean width over the usual change there": shown("width", _width(here)),
                }


def _width(found: pd.DataFrame) -> float:
    return float(found["width"][np.isfinite(found["width"])].mean())


def class_lines(judged: list[Judged]) -> Iterator[dict[str, str]]:
    """Share inside by class of ours, beside the peers' on the rows that all have."""
    for part in judged:
        found = intervals(part, OURS, part.samples[0])
        rows = part.samples[-1]
        others = {name: intervals(part, name, rows) for name in peers(part, rows)}
        for kind, table in found.groupby("class"):
            share = table["inside"].mean()
            line = {"set": part.task.name, "class": str(kind), "values": f"{len(table):,}", "ours": f"{share:.1%}"}
            line["70–90 %"] = yes(0.7 <= share <= 0.9) if len(table) >= N_CLASS_POINTS else ""
            line["width"] = shown("width", _width(table))
            for name, theirs in others.items():
                of_class = theirs[theirs["class"] == kind]
                if len(of_class):
                    line[name] = f"{of_class['inside'].mean():.1%}, {shown('width', _width(of_class))}"
            yield line


def set_table(judged: Judged, rows: np.ndarray) -> pd.DataFrame:
    """Every score of every model."""
    metrics = (*COMPETITION, "rmsse", "pinball") if judged.task.is_competition else OTHERS
    lines = []
    for model in judged.models(rows):
        found = scores(judged, model, rows)
        inside = intervals(judged, model, rows)
        line = {"model": f"**{model}**" if model == OURS else model}
        line |= {metric if metric != "owa" else "OWA": shown(metric, found[metric]) for metric in metrics}
        line["inside 80 %"] = f"{inside['inside'].mean():.1%}" if len(inside) else ""
        facts = judged.facts.get(model)
        line["CPU ms a series"] = f"{1000 * facts['cpu_seconds'] / facts['n_series']:,.0f}" if facts else ""
        line["peak GB"] = f"{facts['peak_gb']:.1f}" if facts else ""
        lines.append((found[metrics[0]], line))
    return pd.DataFrame([line for _, line in sorted(lines, key=lambda pair: pair[0])])


def label(judged: Judged, rows: np.ndarray) -> str:
    n_series = judged.rows.loc[rows, "unique_id"].nunique()
    return judged.task.name if rows.all() else f"{judged.task.name}, {n_series:,} series"


def interval(judged: Judged, model: str, rows: np.ndarray, metric: str) -> str:
    low, high = difference(judged, model, rows, metric)
    return f"{low:+.4f} to {high:+.4f}"


def shown(metric: str, value: float) -> str:
    """A score as text; some intervals of peers have exploded."""
    if abs(value) > HUGE:
        return f"over {HUGE}"
    return FORMATS.get(metric, "{:.4f}").format(value) if np.isfinite(value) else ""


def yes(holds: bool) -> str:
    return "yes" if holds else "**no**"


def markdown(table: pd.DataFrame) -> str:
    """A Markdown table; missing cells are empty."""
    table = table.fillna("")
    lines = [[*map(str, table.columns)], ["---"] * table.shape[1], *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


HOW = """## Demand: real panels, beside what others would use

`python benchmarks/demand.py --readme benchmarks/README.md`, while developing with `--validate`: no test part is read.

Ours is `DemandForecaster(freq, horizon, quantiles)`, `fit`, `predict`, with its defaults; where series have no dates
(`m3`, `m4`, `tourism`) it is told the season's length. It was developed on the part `valid`: the last horizon of each
official training part, or the origins before the first one of the test part. Each read of a test part is in
`demand_test_reads.csv`. Ours and each peer run in processes of their own on one core. The last line of the section
says at which commits our forecasts were made: 4be13c7 changed the ranges and weights of young series only (few of
`oj` and `tourism-monthly`, none of `raf`, `m4-hourly` and the later origins of `hospital`, `jewelry` and `auto`),
5436d41 and 38bdff2 those of `oj`, where models without drivers count less since, and 5436d41 of the large `m4-hourly`,
`m4-yearly` and `raf`, learned from more rows and without members of little weight; these were not forecast again.

Sets. Competition sets in their official parts. Of the others three origins a horizon apart: `hospital` 12 months,
`jewelry` 8 weeks, `raf` 6 months, `auto` 3 months (it has no dates), `oj` 8 weeks, `retail` 4 weeks. `oj` is units,
the exponential of `logmove`; a week without a row is unknown, neither 0 nor scored; price, mean price of all brands,
deal and feature of a week count as known ahead, since the retailer plans them. `retail` is units by product and country
in full weeks, series with ten weeks of sales before the origin at least; cancellations are taken off when they are
made, codes that are no product and lines without a price are left out.

Scores. OWA, MASE and sMAPE as in M4. RMSSE is scaled by changes from one period to the next, as in M5, its mean over
series and origins. Bias is the sum of errors of `mean` over the sum of absolute values; WAPE is of `q0.5`; pinball is
that of the quantiles .1, .5 and .9, doubled, over the mean absolute value. "Inside" is by randomised PIT with a fixed
seed from eleven quantiles (5 to 95 %); the width of the 80 % interval is over the series' mean absolute change; of
competition sets it is of one horizon here and of three in the section on their ranges, which counts. The
best peer is the best in hindsight, for each score anew; "less its" resamples origins and series, 1,000 times (of a
bias: of its size). With three origins that interval is rough. Beside the smallest bias stands that of the best peer by
RMSSE.

Peers, as they come; negative values of theirs become 0 where no value is negative, gaps are filled linearly for them:
- **seasonal naive, DOT (DynamicOptimizedTheta), AutoETS, AutoTheta, AutoCES** of statsforecast with their own
  intervals, AutoCES without, whose simulation takes five times as long as the rest. The last three on a fixed random
  choice of series in larger sets, and ours beside them on the same; in `m4-hourly` DOT too. `retail` has no full year:
  no season for them;
- **mean of ETS and DOT**: of their means and of their quantiles;
- **LightGBM**: mlforecast with lags of a season, rolling means and 200 trees. Competition sets: differences of
  logarithms, from one period or one season to the next, absolute loss, as was best on their validation parts. The
  others: scaled per series, squared or absolute (L1) loss, with static columns and drivers. Intervals are mlforecast's
  conformal ones, where every series is long enough for them;
- **AutoGluon**-TimeSeries, preset `medium_quality` (statistical and tree models, weighted) without pretrained
  models and without a limit of time, on the sets where it is shown; it takes half a second of CPU a series."""

HOW_RANGES = """## Demand: 80 % ranges of competition sets from three origins

`python benchmarks/demand.py --ranges --readme benchmarks/README.md`

The official test part and the two horizons before it, each forecast from what came before alone, pooled: how many
outcomes a single horizon holds inside is mostly its own luck, since all series share its calm or its shocks. The
earlier two are of the training parts, the middle one is what our forecaster was developed on. Series long enough for an
origin only. As in the comparison: randomised PIT, defaults, peers with their own intervals, AutoETS (in `m4-hourly` DOT
too) on a fixed random choice of series, widths on the series that all have."""
