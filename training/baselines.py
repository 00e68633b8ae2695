"""What a good engineer would try first, on the same features: LightGBM at its defaults and logistic regression."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

#: Values below which a second thread costs more than it brings.
_SMALL = 20_000_000

Predictor = Callable[[pd.DataFrame], NDArray[np.float64]]


def fit_lightgbm(X: pd.DataFrame, y: NDArray[np.float64], *, random_state: int = 0) -> Predictor:
    """LightGBM with the parameters of its authors; texts become its categories."""
    categories = {name: pd.CategoricalDtype(sorted(X[name].dropna().unique())) for name in _texts(X)}
    threads = 1 if X.size < _SMALL else 2
    model = LGBMClassifier(
        random_state=random_state, deterministic=True, force_col_wise=True, n_jobs=threads, verbose=-1
    )
    model.fit(_plain_names(X.astype(categories)), y)
    return lambda new: np.asarray(model.predict_proba(_plain_names(new.astype(categories))))[:, 1]


def fit_logistic(X: pd.DataFrame, y: NDArray[np.float64], *, random_state: int = 0) -> Predictor:
    """Scikit-learn's logistic regression at its defaults on scaled numbers, medians for missing ones, and dummies."""
    texts = _texts(X)
    numbers = [name for name in X.columns if name not in texts and X[name].notna().any()]
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers),
            ("texts", OneHotEncoder(handle_unknown="ignore", min_frequency=10), texts),
        ]
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=1000, random_state=random_state))

    def as_texts(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{name: frame[name].astype(object).where(frame[name].notna(), "") for name in texts})

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a baseline is taken as it comes
        model.fit(as_texts(X), y)
    return lambda new: np.asarray(model.predict_proba(as_texts(new)))[:, 1]


def _texts(X: pd.DataFrame) -> list[str]:
    return [str(name) for name in X.columns if X[name].dtype == object or isinstance(X[name].dtype, pd.StringDtype)]


def _plain_names(X: pd.DataFrame) -> Any:
    """LightGBM refuses some characters in names."""
    return X.set_axis([f"f{position}" for position in range(X.shape[1])], axis=1)
