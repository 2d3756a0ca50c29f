"""Filling of gaps as a step of a pipeline."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from sklearn_tsrep._dmae import DMAETransformer
from sklearn_tsrep._html import DisplayedEstimator
from sklearn_tsrep._sklearn import HasMethods, feature_names_of, fit_context


class DMAEImputer(  # type: ignore[call-arg]
    TransformerMixin, DisplayedEstimator, auto_wrap_output_keys=None
):
    """Fills the gaps of a panel by a dual-masked autoencoder, and changes nothing else.

    It is `DMAETransformer.impute` as a transformer, for what comes behind it and takes
    no missing values.

    Parameters
    ----------
    estimator : DMAETransformer or None, default=None
        What to learn from, cloned before it is used; any estimator with ``impute``.
        One that is fitted already stays as it is in a `sklearn.frozen.FrozenEstimator`.
        None for a `DMAETransformer` with its defaults.

    Attributes
    ----------
    estimator_ : estimator
        The fitted one.

    n_features_in_ : int
        As that of ``estimator_``.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        As that of ``estimator_``, if it has it.

    See Also
    --------
    DMAETransformer : What it is made of.
    sklearn.impute.IterativeImputer : For rows that are no time series.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep import DMAEImputer, DMAETransformer
    >>> X = np.random.default_rng(0).normal(size=(8, 2, 30))
    >>> X[0, 1, 3:7] = np.nan
    >>> dmae = DMAETransformer(n_latents=8, n_heads=2, max_steps=5, random_state=0)
    >>> filled = DMAEImputer(dmae).fit_transform(X)
    >>> filled.shape, bool(np.isnan(filled).any())
    ((8, 2, 30), False)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [HasMethods(["fit", "impute"]), None],
    }

    def __init__(self, estimator: Any = None) -> None:
        self.estimator = estimator

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what series look like, from what is there of them.

        Parameters
        ----------
        X : array-like of shape (n_instances, n_channels, n_timepoints), or a panel
            As in `DMAETransformer.fit`.

        y : None
            Ignored; for pipelines.

        Returns
        -------
        self : object
            The fitted imputer.

        Raises
        ------
        ValueError
            As in `DMAETransformer.fit`.
        """
        chosen = DMAETransformer() if self.estimator is None else self.estimator
        self.estimator_ = clone(chosen).fit(X, y)
        return self

    def transform(self, X: Any) -> np.ndarray | list[np.ndarray]:
        """Return the panel with its gaps filled.

        Parameters
        ----------
        X : array-like of shape (n_instances, n_channels, n_timepoints), or a panel
            Series with the channels seen in fit, of any length.

        Returns
        -------
        values : ndarray of the shape of X, or list of ndarray of shape \
                (n_channels, length_i)
            As `DMAETransformer.impute`.

        Raises
        ------
        NotFittedError, ValueError
            As in `DMAETransformer.impute`.
        """
        check_is_fitted(self)
        return self.estimator_.impute(X)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features seen in fit: none come or go.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Only checked against the features seen in fit.

        Returns
        -------
        names : ndarray of shape (`n_features_in_`,), object
            ``"x0"``, ``"x1"``, ... where fit saw no names.

        Raises
        ------
        NotFittedError
            Before `fit`.

        ValueError
            If ``input_features`` are not those seen in fit.
        """
        check_is_fitted(self)
        return feature_names_of(self, input_features)

    def set_output(self, *, transform: Any = None) -> Self:
        """Change nothing: what comes out is a panel, whatever a pipeline is set to.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            Ignored; for pipelines.

        Returns
        -------
        self : object
            The imputer.
        """
        return self

    @property
    def n_features_in_(self) -> int:
        """Number of features seen in fit, as the estimator counts them."""
        return self._seen_in_fit("n_features_in_")

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the features seen in fit."""
        return self._seen_in_fit("feature_names_in_")

    def _seen_in_fit(self, name: str) -> Any:
        if not hasattr(self, "estimator_"):
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}"
            )
        return getattr(self.estimator_, name)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        return tags
