"""Reasons of a conversion score: exact, alike to interventional SHAP, stable, said in both languages, and quick.

    python benchmarks/reasons.py [--data DIR] [--sets bank olist] [--rows 200] [--draws 5] [--readme FILE]

On every set the model of the defaults is fitted on the first four fifths; rows of the last fifth are explained.

- Exact: the largest |base + sum of the points - probability|, as computed and as published (rounded).
- Agreement: with interventional SHAP of the log-odds by `shap.PermutationExplainer`, which knows nothing of the model
  but its predictions; background rows are drawn from the training rows.
- Stable: the model is fitted again on random 95 % of the rows. Kept of the told: how many of a row's three strongest
  reasons that people are told (`forecast.explain.told_reasons`: those that move log-odds at the base rate by 0.02) are
  again among the three that they would be told; a row that is told none counts neither way. Told: reasons per row.
  None told: rows without any. Points told: what the told ones hold of the sum of |points|; the rest is one sum.
- Stable without that rule. Kept of the top 3: how many of a row's three reasons of most |points| are again among its
  three. Same top 3: rows whose three are the same set. Same first: rows whose strongest reason is the same. As one:
  kept, when numeric columns whose ranks correlate by 0.8 or more are one reason, found on the training rows
  (`near_duplicates`). All over rows and draws; a table of three columns keeps its three always.
- Quick: contributions, cases alike, lists and JSON of 5,000 rows, beside `shap.TreeExplainer` on the trees alone.
"""

import argparse
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from conversion_sets import DATA, SETS, ConversionSet, load_set
from readme_section import markdown, replace_section
from scipy.stats import kendalltau, spearmanr

from forecast.attribution import near_duplicates, probability_points, summed_by
from forecast.conversion import ConversionModel
from forecast.conversion.alike import AlikeCases
from forecast.conversion.reasons import DECIMALS, reason_code, tabulate_reasons
from forecast.explain import LANGUAGES, label
from forecast.explain.render import LEAST_TOLD, least_points

MARK = "reasons"
HEADING = "## Reasons: exact, alike to SHAP, stable, quick\n\n`python benchmarks/reasons.py`"
N_TOP = 3
N_TIMED = 5_000
N_STABLE = 1_000
KEPT_SHARE = 0.95
GATE_KEPT, GATE_SECONDS = 0.80, 30.0

Floats = np.ndarray


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the sets")
    parser.add_argument("--sets", nargs="+", choices=sorted(SETS), default=sorted(SETS))
    parser.add_argument("--rows", type=int, default=200, help="rows compared with SHAP")
    parser.add_argument("--background", type=int, default=100, help="background rows of SHAP")
    parser.add_argument("--draws", type=int, default=5, help="refits on 95 %% of the rows")
    parser.add_argument("--readme", type=Path, help="file whose section of this benchmark is replaced")
    given = parser.parse_args()
    lines = []
    for name in given.sets:
        lines.append(measured(load_set(name, given.data), given.rows, given.background, given.draws))
        print(pd.DataFrame(lines[-1:]).T.to_string(header=False), flush=True)
    text = report(pd.DataFrame(lines), given)
    print(text)
    if given.readme:
        replace_section(given.readme, MARK, HEADING, text)


def measured(table: ConversionSet, n_rows: int, n_background: int, n_draws: int) -> dict[str, object]:
    """One line of the table."""
    rng = np.random.default_rng(0)
    model = fitted(table, table.known)
    shown = table.X.iloc[np.sort(rng.choice(table.test, min(N_STABLE, len(table.test)), replace=False))]
    agreement = agreement_with_shap(model, table, shown.iloc[:: max(1, len(shown) // n_rows)][:n_rows], n_background)
    refits = [fitted(table, rows) for rows in draws_of(table.known, n_draws, rng)]
    alone = {name: name for name in map(str, table.X.columns)}
    kept, same, first = stability(model, refits, shown, alone)
    together, *_ = stability(model, refits, shown, near_duplicates(table.X.iloc[table.known]))
    timed = table.X.iloc[rng.choice(table.test, N_TIMED)].reset_index(drop=True)
    seconds, published = reasons_time(model, table, timed)
    return {
        "set": table.name,
        "columns": table.X.shape[1],
        "top 3, points": round(float(np.sort(sizes(model, shown))[:, -N_TOP:].mean()), 4),
        "exact": f"{exactness(model, shown):.0e}",
        "exact, published": f"{published:.0e}",
        **agreement,
        **told(model, refits, shown),
        "kept of the top 3": round(kept, 3),
        "as one": round(together, 3),
        "same top 3": round(same, 3),
        "same first": round(first, 3),
        "5,000 rows, s": round(seconds, 2),
        "TreeExplainer, s": round(tree_explainer_time(model, timed), 2),
        "texts": texts_there(table.X.columns),
    }


def fitted(table: ConversionSet, rows: np.ndarray) -> ConversionModel:
    """The model of the defaults on some rows."""
    moments = None if table.time is None else table.time[rows]
    return ConversionModel().fit(table.X.iloc[rows], table.y[rows], time=moments)


def draws_of(rows: np.ndarray, n_draws: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Random 95 % of the rows, in their order."""
    for _ in range(n_draws):
        yield np.sort(rng.choice(rows, int(KEPT_SHARE * len(rows)), replace=False))


def exactness(model: ConversionModel, X: pd.DataFrame) -> float:
    """Largest |base + sum of the points - probability|."""
    points, base = model.explain(X)
    return float(np.abs(base + points.to_numpy().sum(axis=1) - model.predict_proba(X)[:, 1]).max())


def sizes(model: ConversionModel, X: pd.DataFrame, groups: Mapping[str, str] | None = None) -> pd.DataFrame:
    """|points| of each reason: a column, or a group of columns."""
    points = model.explain(X)[0].drop(columns="remainder")
    if groups is not None:
        points = summed_by(points, lambda name: groups.get(name, name))
    return points.abs()


def agreement_with_shap(model: ConversionModel, table: ConversionSet, X: pd.DataFrame, n: int) -> dict[str, float]:
    """Mean rank correlation of the sizes per row, and overlap of the three largest."""
    ours = sizes(model, X)
    theirs = np.abs(shap_of_log_odds(model, table.X.iloc[table.known], X, list(ours.columns), n))
    spearman = [spearmanr(a, b).statistic for a, b in zip(ours.to_numpy(), theirs, strict=True)]
    kendall = [kendalltau(a, b).statistic for a, b in zip(ours.to_numpy(), theirs, strict=True)]
    overlap = (top(ours.to_numpy()) & top(theirs)).sum(axis=1).mean() / N_TOP
    return {
        "Spearman": round(float(np.nanmean(spearman)), 3),
        "Kendall": round(float(np.nanmean(kendall)), 3),
        "top 3 shared": round(float(overlap), 3),
    }


def shap_of_log_odds(
    model: ConversionModel, known: pd.DataFrame, X: pd.DataFrame, names: list[str], n_background: int
) -> Floats:
    """Interventional SHAP values of shape (n, k) by permutations, from nothing but predictions."""
    import shap

    together = pd.concat([known.sample(n_background, random_state=0), X])[names]
    codes, levels = zip(*(pd.factorize(together[name], use_na_sentinel=False) for name in names), strict=True)
    matrix = np.column_stack(codes).astype(float)

    def log_odds(rows: Floats) -> Floats:
        columns = rows.astype(int).T
        table = {
            name: pd.Series(values.take(column)) for name, values, column in zip(names, levels, columns, strict=True)
        }
        return model.log_odds(pd.DataFrame(table))

    masker = shap.maskers.Independent(matrix[:n_background], max_samples=n_background)
    explainer = shap.PermutationExplainer(log_odds, masker, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = explainer(matrix[n_background:], max_evals=2 * len(names) + 1, silent=True)
    return np.asarray(found.values)


def top(values: Floats) -> np.ndarray:
    """Which three of each row are the largest; shape (n, k), exactly three per row."""
    chosen = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(chosen, np.argsort(-values, axis=1, kind="stable")[:, :N_TOP], True, axis=1)
    return chosen


def stability(
    model: ConversionModel, refits: list[ConversionModel], X: pd.DataFrame, groups: Mapping[str, str]
) -> tuple[float, float, float]:
    """Share of the top three that stay, of rows whose three stay all, and of rows whose first stays."""
    before = sizes(model, X, groups)
    strongest = before.to_numpy()
    kept, first = [], []
    for again in refits:
        after = sizes(again, X, groups).reindex(columns=before.columns).fillna(0).to_numpy()
        kept.append((top(strongest) & top(after)).sum(axis=1))
        first.append(strongest.argmax(axis=1) == after.argmax(axis=1))
    stayed = np.concatenate(kept)
    return float(stayed.mean() / N_TOP), float((stayed == N_TOP).mean()), float(np.concatenate(first).mean())


def told(model: ConversionModel, refits: list[ConversionModel], X: pd.DataFrame) -> dict[str, float]:
    """The same of what people are told, and how much of the points that is."""
    before = sizes(model, X)
    is_told = worth_telling(model, before)
    strongest = is_told & top(before.to_numpy())
    again = [sizes(refit, X).reindex(columns=before.columns).fillna(0) for refit in refits]
    kept = sum(
        int((strongest & worth_telling(refit, after) & top(after.to_numpy())).sum())
        for refit, after in zip(refits, again, strict=True)
    )
    return {
        "kept of the told": round(kept / (len(refits) * strongest.sum()), 3),
        "told": round(float(is_told.sum(axis=1).mean()), 1),
        "none told": round(float((~is_told.any(axis=1)).mean()), 3),
        "points told": round(float(before.to_numpy()[is_told].sum() / before.to_numpy().sum()), 3),
    }


def worth_telling(model: ConversionModel, strengths: pd.DataFrame) -> np.ndarray:
    """Which of the reasons people are told; shape (n, k)."""
    return strengths.to_numpy() >= least_points(model.base_)


def reasons_time(model: ConversionModel, table: ConversionSet, X: pd.DataFrame) -> tuple[float, float]:
    """Seconds for all reasons of the rows as JSON, and the largest error of what is published."""
    known = table.known
    alike = AlikeCases.fit(table.X.iloc[known][list(model.feature_names_in_)], table.y[known], known)
    base = round(model.base_, DECIMALS)
    start = time.perf_counter()
    phi, z, z0 = model.log_odds_contributions(X)
    points = pd.DataFrame(probability_points(phi.to_numpy(), z, z0), columns=phi.columns)
    probability = np.round(1 / (1 + np.exp(-z)), DECIMALS)
    reasons = tabulate_reasons(points, X, alike, base=base, probability=probability)
    reasons.texts()
    seconds = time.perf_counter() - start
    sums = np.add.reduceat(reasons.points, reasons.offsets[:-1])
    return seconds, float(np.abs(base + sums - probability).max())


def tree_explainer_time(model: ConversionModel, X: pd.DataFrame) -> float:
    """Seconds of `shap.TreeExplainer` (path-dependent) on the model's trees; NaN when it has none."""
    import shap

    boosters = [
        lgb.Booster(model_str=text.decode()) for name, text in model.to_files().items() if name.endswith(".txt")
    ]
    if not boosters:
        return float("nan")
    matrix = model.encoder_.transform(X)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for booster in boosters:
            # Trees may read derived columns behind the table's own; what they hold costs no time.
            more = max(0, booster.num_feature() - matrix.shape[1])
            own = np.pad(matrix, ((0, 0), (0, more)))[:, : booster.num_feature()]
            shap.TreeExplainer(booster).shap_values(own)
    return time.perf_counter() - start


def texts_there(names: pd.Index) -> str:
    """How many codes have a text in each language."""
    codes = {reason_code(str(name)) for name in names} | {"remainder", "rest"}
    said = [sum(bool(label(code, lang)) for code in codes) for lang in LANGUAGES]
    return " and ".join(f"{count}/{len(codes)} {lang}" for count, lang in zip(said, LANGUAGES, strict=True))


def report(table: pd.DataFrame, given: argparse.Namespace) -> str:
    """The table with the gates."""
    seconds = table["5,000 rows, s"]
    quick = "holds" if (seconds < GATE_SECONDS).all() else "does not hold"
    return (
        f"{given.rows} rows against SHAP with {given.background} background rows, {given.draws} refits on 95 % of the "
        f"rows. Top 3, points: mean size of a row's three strongest reasons, in probability. Kept of the told: how "
        f"many of the three strongest that people are told are among their three again. Told: reasons per row that "
        f"people are told, those that move log-odds by {LEAST_TOLD} or more at the base rate; points told: their part "
        f"of the sum of |points|; none told: rows without any.\n\n"
        f"{markdown(table.astype(str))}\n\n"
        f"- One of the three strongest reasons that are told stays so in >= 80 % of cases: "
        f"{stays(table, 'kept of the told')}.\n"
        f"- The same of all reasons, told or not: {stays(table, 'kept of the top 3')}.\n"
        f"- Reasons for 5,000 rows in under 30 s: {quick} (longest {seconds.max():.1f} s)."
    )


def stays(table: pd.DataFrame, kept: str) -> str:
    """The mean over the sets, and where it is too little."""
    unstable = [f"{row['set']} ({row[kept]:.1%})" for _, row in table[table[kept] < GATE_KEPT].iterrows()]
    below = f"does not hold on {', '.join(unstable)}" if unstable else "holds on every set"
    return f"{table[kept].mean():.1%} over the sets; {below}"


if __name__ == "__main__":
    main()
