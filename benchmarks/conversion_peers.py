"""What others would use for conversion, at their defaults: fits each peer and stores its probabilities.

    python benchmarks/conversion_peers.py --cache DIR [--data DIR] [--sets ...] [--parts ...] [--peers ...]

Runs in an environment made from `requirements-peers.txt`; `benchmarks/conversion.py` makes it and calls this script.
A file per set, part and peer: what is already in the folder is not fitted again.
"""

import argparse
import hashlib
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from conversion_parts import (
    HELD_OUT,
    PARTS,
    SMALL_SET,
    SMALL_SIZES,
    fingerprint,
    parts_of,
    small_parts,
    small_samples,
    steps,
)
from conversion_sets import DATA, SETS, ConversionSet, load_set
from scipy.special import logit
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

Predict = Callable[[pd.DataFrame], np.ndarray]
#: ``fit(X, y, held_out)``: ``held_out`` are the positions of the rows to tune on, for those who tune.
Fit = Callable[[pd.DataFrame, np.ndarray, np.ndarray], Predict]

THREADS = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
PACKAGES = ("scikit-learn", "lightgbm", "optuna", "catboost", "autogluon.tabular")
#: HistGradientBoosting takes at most 255 categories of a column; rarer ones are missing to it.
MAX_CATEGORIES = 250
N_TRIALS = 50
#: Small samples per size: the same 100 draws for all, the first 10 of them where a fit takes long, none where nothing
#: can be held out to tune on.
N_DRAWS = 100
FEWER_DRAWS = {"AutoGluon medium": 10, "LightGBM, Optuna + Platt": 0}


def texts(X: pd.DataFrame) -> list[str]:
    return [name for name in X.columns if X[name].dtype == object]


def plain(X: pd.DataFrame) -> pd.DataFrame:
    """Days for dates and numbers for yes and no; texts stay."""
    dates = X.select_dtypes("datetime").columns
    return X.assign(
        **{name: (X[name] - pd.Timestamp(0)) / pd.Timedelta(days=1) for name in dates},
        **{name: X[name].astype(float) for name in X.select_dtypes(bool).columns},
    )


def filled(X: pd.DataFrame) -> pd.DataFrame:
    """`plain`, with a category of its own for missing texts."""
    return plain(X).assign(**{name: X[name].fillna("(missing)").astype(str) for name in texts(X)})


def with_categories(X: pd.DataFrame, most: int | None = None) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A map to pandas categories as known in X, the most frequent ones; others become missing."""
    known = {name: pd.CategoricalDtype(sorted(X[name].value_counts().index[:most])) for name in texts(X)}
    return lambda new: plain(new).astype(known)


def scaled_and_dummies(X: pd.DataFrame) -> list[tuple[str, Any, list[str]]]:
    names = texts(X)
    numbers = [name for name in X.columns if name not in names]
    return [
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), names),
    ]


def fit_logistic(X: pd.DataFrame, y: np.ndarray, held_out: np.ndarray) -> Predict:
    """Scikit-learn's logistic regression at its defaults (more steps) on scaled numbers and dummies."""
    model = make_pipeline(ColumnTransformer(scaled_and_dummies(X)), LogisticRegression(max_iter=1000))
    model.fit(filled(X), y)
    return lambda new: model.predict_proba(filled(new))[:, 1]


def fit_naive_bayes(X: pd.DataFrame, y: np.ndarray, held_out: np.ndarray) -> Predict:
    """Gaussian for the numbers, Bernoulli for the dummies of texts, the prior counted once; scikit-learn's defaults."""
    members = [
        (ColumnTransformer([columns]).fit(filled(X)), model)
        for columns, model in zip(scaled_and_dummies(X), (GaussianNB(), BernoulliNB()), strict=True)
        if columns[2]
    ]
    for columns, model in members:
        model.fit(columns.transform(filled(X)), y)
    log_prior = np.log([1 - y.mean(), y.mean()])

    def predict(new: pd.DataFrame) -> np.ndarray:
        joint = log_prior + sum(
            model.predict_joint_log_proba(columns.transform(filled(new))) - log_prior for columns, model in members
        )
        return np.exp(joint[:, 1] - np.logaddexp(joint[:, 0], joint[:, 1]))

    return predict


def fit_hist_gradient_boosting(X: pd.DataFrame, y: np.ndarray, held_out: np.ndarray) -> Predict:
    """Scikit-learn's HistGradientBoostingClassifier at its defaults with native categories."""
    prepare = with_categories(X, MAX_CATEGORIES)
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0).fit(prepare(X), y)
    return lambda new: model.predict_proba(prepare(new))[:, 1]


def fit_lightgbm(X: pd.DataFrame, y: np.ndarray, held_out: np.ndarray, **parameters: Any) -> Predict:
    """LightGBM at its defaults with native categories."""
    from lightgbm import LGBMClassifier

    prepare = with_categories(X)
    model = LGBMClassifier(random_state=0, n_jobs=THREADS, verbose=-1, **parameters).fit(prepare(X), y)
    return lambda new: np.asarray(model.predict_proba(prepare(new)))[:, 1]


class TunedLightGBM:
    """LightGBM tuned by Optuna (50 trials of TPE with early stopping), then Platt's calibration.

    Both on the held-out rows; then the trees are fitted again on all rows and the calibration is carried over. The
    parameters found at the first fit are used in later ones, the calibration is learned anew.
    """

    parameters: dict[str, Any] | None = None

    def __call__(self, X: pd.DataFrame, y: np.ndarray, held_out: np.ndarray) -> Predict:
        later = np.isin(np.arange(len(X)), held_out)
        if self.parameters is None:
            self.parameters = tune(X[~later], y[~later], X[later], y[later])
        early = fit_lightgbm(X[~later], y[~later], held_out, **self.parameters)
        platt = LogisticRegression(C=np.inf).fit(log_odds(early(X[later])), y[later])
        model = fit_lightgbm(X, y, held_out, **self.parameters)
        return lambda new: platt.predict_proba(log_odds(model(new)))[:, 1]


def log_odds(p: np.ndarray) -> np.ndarray:
    return logit(np.clip(p, 1e-12, 1 - 1e-12))[:, None]


def tune(X: pd.DataFrame, y: np.ndarray, X_later: pd.DataFrame, y_later: np.ndarray) -> dict[str, Any]:
    """Parameters of least log loss on the later rows."""
    import optuna
    from lightgbm import LGBMClassifier, early_stopping

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    prepare = with_categories(X)
    table, later = prepare(X), prepare(X_later)

    def loss(trial: Any) -> float:
        parameters = {
            "num_leaves": trial.suggest_int("num_leaves", 4, 256, log=True),
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
            "min_child_samples": trial.suggest_int("min_child_samples", 5, 200, log=True),
            "subsample": trial.suggest_float("subsample", 0.5, 1.0),
            "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
            "reg_alpha": trial.suggest_float("reg_alpha", 1e-8, 10.0, log=True),
            "reg_lambda": trial.suggest_float("reg_lambda", 1e-8, 10.0, log=True),
            "subsample_freq": 1,
        }
        model = LGBMClassifier(n_estimators=1000, random_state=0, n_jobs=THREADS, verbose=-1, **parameters)
        model.fit(
            table,
            y,
            eval_set=[(later, y_later)],
            eval_metric="binary_logloss",
            callbacks=[early_stopping(30, verbose=False)],
        )
        trial.set_user_attr("parameters", parameters | {"n_estimators": max(1, model.best_iteration_)})
        return float(model.best_score_["valid_0"]["binary_logloss"])

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(loss, n_trials=N_TRIALS)
    return study.best_trial.user_attrs["parameters"]


def fit_catboost(X: pd.DataFrame, y: np.ndarray, held_out: np.ndarray) -> Predict:
    """CatBoost at its defaults; texts are its categories."""
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(
        cat_features=texts(X), random_seed=0, thread_count=THREADS, verbose=0, allow_writing_files=False
    )
    model.fit(filled(X), y)
    return lambda new: model.predict_proba(filled(new))[:, 1]


def fit_autogluon(X: pd.DataFrame, y: np.ndarray, held_out: np.ndarray) -> Predict:
    """AutoGluon, medium quality, by log loss; it draws its own random holdout."""
    from autogluon.tabular import TabularPredictor

    folder = tempfile.TemporaryDirectory()
    model = TabularPredictor("won", problem_type="binary", eval_metric="log_loss", path=folder.name, verbosity=0)
    model.fit(X.assign(won=y.astype(int)), presets="medium_quality", num_cpus=2, num_gpus=0)

    def predict(new: pd.DataFrame) -> np.ndarray:
        assert Path(folder.name).exists()  # its models are read from the folder, which goes with this function
        return model.predict_proba(new)[1].to_numpy()

    return predict


#: Cheap ones first. Each entry makes a `Fit`.
PEERS: dict[str, Callable[[], Fit]] = {
    "logistic": lambda: fit_logistic,
    "naive Bayes": lambda: fit_naive_bayes,
    "HistGradientBoosting": lambda: fit_hist_gradient_boosting,
    "LightGBM": lambda: fit_lightgbm,
    "LightGBM, Optuna + Platt": TunedLightGBM,
    "CatBoost": lambda: fit_catboost,
    "AutoGluon medium": lambda: fit_autogluon,
}


def stored(cache: Path, name: str, part: str, peer: str) -> Path:
    """The file of a peer's predictions; what was measured is in the ``.json`` beside it."""
    plain_name = "".join(letter if letter.isalnum() else "-" for letter in peer.lower())
    return cache / f"{name}.{part}.{plain_name}.parquet"


def cpu_seconds() -> float:
    """CPU time of this process and of the children it waited for; other work on the machine does not lengthen it."""
    return sum(os.times()[:4])


def predictions(data: ConversionSet, part: str, fit: Fit) -> tuple[pd.DataFrame, dict[str, float]]:
    """Probabilities of the judged rows (``row``, ``p``), and the mean time of a fit."""
    clock, cpu, blocks = [], [], []
    for step in steps(data, part):
        started, used = time.perf_counter(), cpu_seconds()
        predict = fit(data.X.iloc[step.fitted], data.y[step.fitted], step.held_out)
        clock.append(time.perf_counter() - started)
        cpu.append(cpu_seconds() - used)
        blocks.append(pd.DataFrame({"row": step.judged, "p": predict(data.X.iloc[step.judged])}))
    return pd.concat(blocks), {"seconds": float(np.mean(clock)), "cpu_seconds": float(np.mean(cpu))}


def small_predictions(
    data: ConversionSet, part: str, size: int, n_draws: int, fit: Fit
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Probabilities of the judged rows, one column per draw, and the mean time of a fit."""
    judged = data.X.iloc[small_parts(data)[part]]
    clock, columns = [], {}
    for number, rows in enumerate(small_samples(data, part, size, n_draws)):
        started = time.perf_counter()
        predict = fit(data.X.iloc[rows].reset_index(drop=True), data.y[rows], np.arange(0))
        clock.append(time.perf_counter() - started)
        columns[str(number)] = predict(judged)
    return pd.DataFrame(columns), {"seconds": float(np.mean(clock)), "n_draws": n_draws}


def fit_table(folder: Path, peers: list[str]) -> None:
    """Predictions for `scored.parquet` from what was `known.parquet`, in the order of time, with its column ``won``."""
    known, scored = pd.read_parquet(folder / "known.parquet"), pd.read_parquet(folder / "scored.parquet")
    mark = table_fingerprint(folder)
    y, X = known["won"].to_numpy(dtype=float), known.drop(columns="won")
    X = X[[name for name in X.columns if not (X[name] == X[name].iloc[0]).all() and X[name].notna().any()]]
    later = np.arange(int((1 - HELD_OUT) * len(X)), len(X))
    for peer in peers:
        path = stored(folder, "table", "test", peer)
        if not is_fresh(path, mark):
            started, used = time.perf_counter(), cpu_seconds()
            predict = PEERS[peer]()(X, y, later)
            facts = {"seconds": time.perf_counter() - started, "cpu_seconds": cpu_seconds() - used}
            store(path, pd.DataFrame({"p": predict(scored[X.columns])}), facts | {"fingerprint": mark})
            print(f"{peer}, {folder.name}: {facts['seconds']:.1f} s", flush=True)


def table_fingerprint(folder: Path) -> str:
    """Short hash of what a peer learns from and what it scores."""
    found = hashlib.sha256()
    for frame in (pd.read_parquet(folder / "known.parquet"), pd.read_parquet(folder / "scored.parquet")):
        found.update(" ".join(map(str, frame.columns)).encode())
        found.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return found.hexdigest()[:16]


def store(path: Path, frame: pd.DataFrame, facts: dict[str, Any]) -> None:
    """Predictions last: a file that is there is complete."""
    path.with_suffix(".json").write_text(json.dumps(facts | {"versions": dict(versions()), "threads": THREADS}))
    frame.to_parquet(path.with_suffix(".part"), index=False)
    path.with_suffix(".part").rename(path)


def versions() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue


def is_fresh(path: Path, mark: str) -> bool:
    """Whether predictions for just these rows and columns are there."""
    return path.exists() and json.loads(path.with_suffix(".json").read_text())["fingerprint"] == mark


def main() -> None:
    """Fit what is missing in the cache."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, help="folder of the predictions")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--small-parts", nargs="*", choices=("valid", "test"), default=["test"])
    parser.add_argument(
        "--tables", type=Path, nargs="*", help="folders with known.parquet and scored.parquet, only them"
    )
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # peers are taken as they come
    if given.tables:
        for folder in given.tables:
            fit_table(folder, given.peers)
        return
    given.cache.mkdir(parents=True, exist_ok=True)
    loaded = {name: load_set(name, given.data) for name in {*given.sets, SMALL_SET}}
    marks = {name: fingerprint(data) for name, data in loaded.items()}
    for peer in given.peers:
        for name in given.sets:
            for part in (part for part in parts_of(loaded[name]) if part in given.parts):
                path = stored(given.cache, name, part, peer)
                if not is_fresh(path, marks[name]):
                    frame, facts = predictions(loaded[name], part, PEERS[peer]())
                    store(path, frame, facts | {"fingerprint": marks[name]})
                    print(f"{peer}, {name}, {part}: {facts['seconds']:.1f} s a fit", flush=True)
        for part in given.small_parts:
            n_draws = FEWER_DRAWS.get(peer, N_DRAWS)
            for size in SMALL_SIZES if n_draws else ():
                path = stored(given.cache, f"small-{size}", part, peer)
                if not is_fresh(path, marks[SMALL_SET]):
                    frame, facts = small_predictions(loaded[SMALL_SET], part, size, n_draws, PEERS[peer]())
                    store(path, frame, facts | {"fingerprint": marks[SMALL_SET]})
                    print(f"{peer}, {size} rows, {part}: {facts['seconds']:.2f} s a fit", flush=True)


if __name__ == "__main__":
    main()
