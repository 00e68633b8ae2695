"""Whom to mail: orderings of customers by expected effect, on a randomised e-mail test (Hillstrom 2008).

    python benchmarks/hillstrom_uplift.py [--data DIR] [--splits N] [--readme benchmarks/README.md]

Customers were drawn into three equal groups: men's merchandise by e-mail, women's, none. Each e-mail is compared with
none, on visits and on purchases in the two weeks after. Half of the customers, stratified by group and outcome, teach;
the other half judges. There is no time in the data: the first split has random_state 0, the others 1, 2, …. Figures
are means over the splits; intervals of differences draw customers of each held-out half (bootstrap) and pool the
draws of all splits, so that they hold the chance of the split as well.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from readme_section import markdown, replace_section
from sklearn.model_selection import train_test_split

from forecast.conversion.uplift import EffectModel
from forecast.evaluation.metrics.uplift import auuc_score, bootstrap_uplift, gain_at_score, qini_score

DATA = Path(__file__).parents[2] / "shared" / "data" / "hillstrom-email"
MARK = "hillstrom-uplift"
TITLE = "## Whom to mail: effect rankings on a randomised test\n\n`python benchmarks/hillstrom_uplift.py`"
FEATURES = ["recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel"]
ARMS = {"men's": "Mens E-Mail", "women's": "Womens E-Mail"}
OUTCOMES = ("visit", "conversion")
N_DRAWS = 100
OURS = "EffectModel"

Ranking = Callable[[pd.DataFrame, np.ndarray, np.ndarray, pd.DataFrame, int], np.ndarray]


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with hillstrom.parquet")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--readme", type=Path, help="file whose section of this benchmark is replaced")
    given = parser.parse_args()
    customers = pd.read_parquet(given.data / "hillstrom.parquet")
    parts = [part(customers, arm, outcome, given.splits) for arm in ARMS for outcome in OUTCOMES]
    text = "\n\n".join([NOTE.format(n_splits=given.splits), *parts])
    print(text)
    if given.readme:
        replace_section(given.readme, MARK, TITLE, text)


NOTE = (
    "Means over {n_splits} splits into halves, judged on the held-out half. Qini: area between the curve and the line "
    "of an ordering by chance; AUUC: area under the curve; both in further successes per 1,000 customers. Gain: "
    "further successes per 1,000 customers when the best 30 % are mailed. Intervals (95 %) are of the Qini of "
    "`EffectModel` less that of the row."
)


def part(customers: pd.DataFrame, arm: str, outcome: str, n_splits: int) -> str:
    """One table: all rankings for one e-mail and one outcome."""
    rows = customers[customers["segment"].isin([ARMS[arm], "No E-Mail"])].reset_index(drop=True)
    X, t, y = table(rows), (rows["segment"] == ARMS[arm]).to_numpy(), rows[outcome].to_numpy(dtype=float)
    scores: dict[str, list[dict[str, float]]] = {name: [] for name in RANKINGS}
    draws: dict[str, list[np.ndarray]] = {name: [] for name in RANKINGS}
    for seed in range(n_splits):
        train, test = train_test_split(np.arange(len(y)), test_size=0.5, stratify=2 * t + y, random_state=seed)
        for name, ranking in RANKINGS.items():
            score = ranking(X.iloc[train], t[train], y[train], X.iloc[test], seed)
            judged = (y[test], score, t[test])
            scores[name].append(
                {
                    "Qini": qini_score(*judged),
                    "AUUC": auuc_score(*judged),
                    "gain at 30 %": gain_at_score(*judged, share=0.3),
                }
            )
            draws[name].append(bootstrap_uplift(qini_score, *judged, n_draws=N_DRAWS, random_state=seed))
    lines = []
    for name in RANKINGS:
        mean = pd.DataFrame(scores[name]).mean() * 1000
        line = {"ranking": name, **{key: f"{mean[key]:.2f}" for key in ("Qini", "AUUC", "gain at 30 %")}}
        if name != OURS:
            low, high = np.percentile(np.concatenate(draws[OURS]) - np.concatenate(draws[name]), [2.5, 97.5]) * 1000
            gap = (pd.DataFrame(scores[OURS])["Qini"] - pd.DataFrame(scores[name])["Qini"]).mean() * 1000
            line["Qini, ours less this"] = f"{gap:+.2f} ({low:+.2f} to {high:+.2f})"
        lines.append(line)
    effect = y[t].mean() - y[~t].mean()
    title = f"### {arm.capitalize()} e-mail, {outcome}"
    facts = f"{len(y):,} customers, {y.mean():.2%} {outcome}, effect {100 * effect:+.2f} points."
    return f"{title}\n\n{facts}\n\n{markdown(pd.DataFrame(lines).fillna(''))}"


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """The features; texts as categories, for every peer alike."""
    X = rows[FEATURES].copy()
    for name in ("history_segment", "zip_code", "channel"):
        X[name] = X[name].astype("category")
    return X


def by_effect(X: pd.DataFrame, t: np.ndarray, y: np.ndarray, test: pd.DataFrame, seed: int) -> np.ndarray:
    """Ours, with defaults; the chance of the e-mail is known."""
    return EffectModel(random_state=seed).fit(X, t, y, propensity=0.5).predict(test)


def by_response(X: pd.DataFrame, t: np.ndarray, y: np.ndarray, test: pd.DataFrame, seed: int) -> np.ndarray:
    """Highest score first: the chance of the outcome, learned from all customers."""
    return classifier(seed).fit(X, y).predict_proba(test)[:, 1]


def by_two_models(X: pd.DataFrame, t: np.ndarray, y: np.ndarray, test: pd.DataFrame, seed: int) -> np.ndarray:
    """T-learner: difference of two LightGBM models, one per group."""
    with_mail, without = (classifier(seed).fit(X[arm], y[arm]).predict_proba(test)[:, 1] for arm in (t, ~t))
    return with_mail - without


def by_one_model(X: pd.DataFrame, t: np.ndarray, y: np.ndarray, test: pd.DataFrame, seed: int) -> np.ndarray:
    """S-learner: one LightGBM model with the e-mail as a feature."""
    model = classifier(seed).fit(X.assign(mailed=t), y)
    with_mail, without = (model.predict_proba(test.assign(mailed=value))[:, 1] for value in (True, False))
    return with_mail - without


def by_chance(X: pd.DataFrame, t: np.ndarray, y: np.ndarray, test: pd.DataFrame, seed: int) -> np.ndarray:
    """A random order."""
    return np.random.default_rng(seed).random(len(test))


def classifier(seed: int) -> lgb.LGBMClassifier:
    """LightGBM as it comes, but small steps and leaves that a rare outcome can fill."""
    return lgb.LGBMClassifier(
        n_estimators=100, learning_rate=0.05, num_leaves=15, min_child_samples=100, random_state=seed,
        n_jobs=1, deterministic=True, force_row_wise=True, verbosity=-1,
    )  # fmt: skip


RANKINGS: dict[str, Ranking] = {
    OURS: by_effect,
    "response model (highest score first)": by_response,
    "T-learner, LightGBM": by_two_models,
    "S-learner, LightGBM": by_one_model,
    "by chance": by_chance,
}


if __name__ == "__main__":
    main()
