"""From features to targets: the one recipe of all regression tables.

Gaps in features are filled with the feature's mean, features standardised, and so are
the targets. A regressor and its strength are chosen by cross-validation of 5 folds
inside the rows that are learned from, by the mean of the folds' root mean square
errors (of equal ones the first), and fitted anew on all of these rows. Folds are drawn
by the seed, or follow one another where rows do.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

N_FOLDS = 5
# A regressor, the name of its strength, and the values to choose from.
Candidate = tuple[Any, str, np.ndarray]
RIDGE: Candidate = (Ridge(), "alpha", np.logspace(-3, 6, 19))
RBF: Candidate = (SVR(epsilon=0.1), "C", np.logspace(-2, 3, 11))
MEAN: Candidate = (DummyRegressor(), "", np.empty(0))


def fit_best(
    features: np.ndarray,
    y: np.ndarray,
    candidates: Sequence[Candidate],
    seed: int,
    *,
    in_order: bool = False,
) -> GridSearchCV:
    """Choose among the candidates by cross-validation, then fit on all rows."""
    steps = [
        ("filled", SimpleImputer(keep_empty_features=True)),
        ("scaled", StandardScaler()),
        ("model", Ridge()),
    ]
    search = GridSearchCV(
        TransformedTargetRegressor(Pipeline(steps), transformer=StandardScaler()),
        [_grid(candidate) for candidate in candidates],
        scoring="neg_root_mean_squared_error",
        cv=_folds(seed, in_order),
        error_score="raise",
    )
    return search.fit(features.astype(np.float64), y)


def setting(search: GridSearchCV) -> str:
    """Return the name of what was chosen, with its strength."""
    chosen: Mapping[str, Any] = search.best_params_
    words = [type(chosen["regressor__model"]).__name__]
    for name, value in chosen.items():
        if name != "regressor__model":
            words.append(f"{name.rpartition('__')[2]}={value:.3g}")
    return " ".join(words)


def _folds(seed: int, in_order: bool) -> KFold:
    if in_order:
        return KFold(N_FOLDS)
    return KFold(N_FOLDS, shuffle=True, random_state=seed)


def _grid(candidate: Candidate) -> dict[str, Any]:
    model, strength, values = candidate
    strengths = {f"regressor__model__{strength}": values} if strength else {}
    return {"regressor__model": [model], **strengths}
