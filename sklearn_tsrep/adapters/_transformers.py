"""Transformers of panels as those of sktime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sktime.transformations.base import BaseTransformer

from sklearn_tsrep._dmae import DMAETransformer
from sklearn_tsrep._imputer import DMAEImputer
from sklearn_tsrep._trep import TRepTransformer
from sklearn_tsrep.adapters._base import EstimatorAdapter, gives_nan


class _PanelAdapter(EstimatorAdapter, BaseTransformer):
    """Fits to all series of a panel at once; one series is a panel of one."""

    _tags: ClassVar[dict[str, Any]] = {
        "scitype:transform-input": "Series",
        "scitype:instancewise": False,
        "X_inner_mtype": "pd-multiindex",
        "y_inner_mtype": "None",
        "fit_is_empty": False,
        "capability:multivariate": True,
        "capability:unequal_length": True,
        "capability:categorical_in_X": False,
    }

    @classmethod
    def _usual_estimator(cls) -> Any:
        return TRepTransformer()

    def _tags_of(self, estimator: Any) -> dict[str, Any]:
        removes = "capability:missing_values:removes"
        own = {removes: self.get_class_tag(removes) and not gives_nan(estimator)}
        return {**super()._tags_of(estimator), **own}

    def _fit(self, X: Any, y: Any = None) -> _PanelAdapter:
        self._fit_clone(X)
        return self

    @classmethod
    def _small_parameters(cls) -> list[dict[str, Any]]:
        return [{"estimator": own} for own in tiny_transformers()]


class SktimeFeatureExtractor(_PanelAdapter):
    """Features of series by an estimator's `transform`, as a transformer of sktime.

    A row a series, for classifiers, regressors and clusterers of scikit-learn in a
    pipeline of sktime: ``SktimeFeatureExtractor() * SVC()``. Single series, panels and
    hierarchies go in, in any container of sktime; for a hierarchy sktime fits one
    estimator a panel.

    Parameters
    ----------
    estimator : TRepTransformer, DMAETransformer or None, default=None
        What turns series into features, cloned before it is fitted; any transformer of
        panels that returns a row a series. One that is fitted already stays as it is in
        a `sklearn.frozen.FrozenEstimator`. None for a `TRepTransformer` with its
        defaults.

    Attributes
    ----------
    estimator_ : estimator
        The fitted one.

    See Also
    --------
    SktimeEncoder : Latent vectors of all time points.

    Notes
    -----
    Series may differ in length and lack values, at random, in stretches or at the
    ends. Features are the same for the same ``estimator__random_state``; the tag
    ``property:randomness`` says whether there is one.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> from sktime.datasets import load_unit_test
    >>> from sklearn_tsrep import TRepTransformer
    >>> from sklearn_tsrep.adapters import SktimeFeatureExtractor
    >>> X, y = load_unit_test(split="train")
    >>> trep = TRepTransformer(n_latents=8, n_blocks=2, max_steps=5, random_state=0)
    >>> SktimeFeatureExtractor(trep).fit_transform(X).shape
    (20, 24)
    >>> classifier = SktimeFeatureExtractor(trep) * SVC()
    >>> classifier.fit(X, y).predict(X).shape
    (20,)
    """

    _tags: ClassVar[dict[str, Any]] = {
        "scitype:transform-output": "Primitives",
        "X_inner_mtype": ["pd-multiindex", "numpy3D"],
        "capability:missing_values:removes": True,
        "capability:unequal_length:removes": True,
    }

    def _transform(self, X: Any, y: Any = None) -> pd.DataFrame:
        features = self.estimator_.transform(X)
        return pd.DataFrame(features, columns=self.estimator_.get_feature_names_out())


class SktimeEncoder(_PanelAdapter):
    """Latent vectors of time points by `encode`, as a transformer of sktime.

    A series comes out with the time index that it came in with, and with a column a
    latent instead of a column a channel.

    Parameters
    ----------
    estimator : TRepTransformer, DMAETransformer or None, default=None
        What represents time points, cloned before it is fitted; any estimator with
        ``encode``. One that is fitted already stays as it is in a
        `sklearn.frozen.FrozenEstimator`. None for a `TRepTransformer` with its
        defaults.

    Attributes
    ----------
    estimator_ : estimator
        The fitted one.

    See Also
    --------
    SktimeFeatureExtractor : One vector a series.

    Notes
    -----
    Before the first and behind the last observed time point of a series there is no
    latent vector: it is NaN there.

    The vector of a time point depends on later ones: do not forecast from it. The
    forecaster of this package has what does not.

    Examples
    --------
    >>> from sktime.datasets import load_unit_test
    >>> from sklearn_tsrep import TRepTransformer
    >>> from sklearn_tsrep.adapters import SktimeEncoder
    >>> X, _ = load_unit_test(split="train", return_type="pd-multiindex")
    >>> trep = TRepTransformer(n_latents=4, n_blocks=2, max_steps=5, random_state=0)
    >>> latents = SktimeEncoder(trep).fit_transform(X)
    >>> latents.columns.tolist()
    ['latent0', 'latent1', 'latent2', 'latent3']
    >>> latents.index.equals(X.index)
    True
    """

    _tags: ClassVar[dict[str, Any]] = {
        "scitype:transform-output": "Series",
        "transform-returns-same-time-index": True,
    }

    def _transform(self, X: Any, y: Any = None) -> pd.DataFrame:
        rows = _in_the_order_of(X, self.estimator_.encode(X))
        names = [f"latent{i}" for i in range(rows.shape[1])]
        return pd.DataFrame(rows, index=X.index, columns=names)


class SktimeImputer(_PanelAdapter):
    """Filled gaps by an imputer of panels, as a transformer of sktime.

    Values that are there stay as they are. It learns from all series of a panel, so
    that series that were not seen in fit are filled too.

    Parameters
    ----------
    estimator : DMAEImputer or None, default=None
        What fills gaps, cloned before it is fitted; any transformer that returns the
        panel that it is given, filled. None for a `DMAEImputer` with its defaults.

    Attributes
    ----------
    estimator_ : estimator
        The fitted one.

    See Also
    --------
    sktime.transformations.impute.Imputer : Fills each series from itself.

    Examples
    --------
    >>> import numpy as np
    >>> from sktime.datasets import load_unit_test
    >>> from sklearn_tsrep import DMAEImputer, DMAETransformer
    >>> from sklearn_tsrep.adapters import SktimeImputer
    >>> X, _ = load_unit_test(split="train", return_type="pd-multiindex")
    >>> X.iloc[3:9] = np.nan
    >>> dmae = DMAETransformer(n_latents=8, n_heads=2, max_steps=5, random_state=0)
    >>> filled = SktimeImputer(DMAEImputer(dmae)).fit_transform(X)
    >>> int(filled.isna().sum().sum())
    0
    """

    _tags: ClassVar[dict[str, Any]] = {
        "scitype:transform-output": "Series",
        "transform-returns-same-time-index": True,
        # What was filled needs not be undone in a pipeline that ends in forecasts.
        "skip-inverse-transform": True,
        "capability:missing_values:removes": True,
    }

    @classmethod
    def _usual_estimator(cls) -> Any:
        return DMAEImputer()

    def _transform(self, X: Any, y: Any = None) -> pd.DataFrame:
        rows = _in_the_order_of(X, self.estimator_.transform(X))
        return pd.DataFrame(rows, index=X.index, columns=X.columns)

    @classmethod
    def _small_parameters(cls) -> list[dict[str, Any]]:
        dmae = tiny_transformers()[1]
        patches = DMAETransformer(**{**dmae.get_params(), "patch_length": 2})
        return [{"estimator": DMAEImputer(own)} for own in (dmae, patches)]


def tiny_transformers() -> list[Any]:
    """Return one of each method that trains in milliseconds."""
    small: dict[str, Any] = {"n_latents": 4, "max_steps": 2, "random_state": 0}
    trep = TRepTransformer(hidden_channels=4, n_blocks=2, n_time_latents=2, **small)
    return [trep, DMAETransformer(n_layers=1, n_heads=1, **small)]


def _in_the_order_of(X: pd.DataFrame, series: Sequence[np.ndarray]) -> np.ndarray:
    """Return the time points of series (n_columns, length_i) as the rows of X stand."""
    instances = pd.factorize(X.index.get_level_values(0))[0]
    rows = np.concatenate([own.T for own in series])
    ordered = np.empty_like(rows)
    ordered[np.argsort(instances, kind="stable")] = rows
    return ordered
