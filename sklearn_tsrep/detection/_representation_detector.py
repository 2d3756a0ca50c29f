"""Anomalies by how far representations are from normal ones, and what is left over."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_tsrep._detector import TimePointDetector
from sklearn_tsrep._panels import unchanged_if_refused
from sklearn_tsrep._sklearn import HasMethods, Interval, StrOptions, fit_context
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.data.scaling import ChannelScaler
from sklearn_tsrep.detection._combination import COMBINATIONS
from sklearn_tsrep.detection._kinds import (
    SCORES,
    check_kinds,
    learned_by,
    listed,
    new_scorers,
    new_transformer,
    resolved,
    scorer_of,
)
from sklearn_tsrep.detection._normality import Normality
from sklearn_tsrep.detection._scorers import Scorer
from sklearn_tsrep.detection._sequence import Encoding, panel_of
from sklearn_tsrep.detection._stream import ScoreStream


class RepresentationDetector(TimePointDetector):
    """Anomalies in time series by the distance to the nearest normal ones.

    A transformer represents the time points of normal series, and windows of them are
    remembered. A time point is strange if the windows around it are far from the
    nearest remembered ones, for how far these are from one another; and if what usually
    holds between values, in windows of some length, holds no more. Other scores are
    there by ``scores``.

    Rows of X are time points.

    Parameters
    ----------
    transformer : {"auto", "random"}, transformer or None, default="auto"
        What represents time points, such as a `TRepTransformer` or a `DMAETransformer`,
        cloned before it is fitted to the standardised training series. One that is
        fitted already stays as it is in a `sklearn.frozen.FrozenEstimator`, and gets
        series as they are. "random" for a small `TRepTransformer` that keeps its random
        weights; None for the values themselves. "auto" for the values of one channel,
        unless a score needs a transformer, and for "random" of several channels. See
        the user guide for what they are worth.

    scores : str or sequence of str, default=("nearest", "reconstruction")
        What makes the score of a time point; several are combined.

        - ``"nearest"``: distance to the nearest normal windows.
        - ``"reconstruction"``: distance from what the transformer's ``reconstruct``
          makes of the values, if it has that method, as `DMAETransformer` does; from
          what principal components make of windows of the values, if not.
        - ``"masked"``: change of the representation of a time point when it is itself
          hidden, in T-Rep's paper over the mean of the changes before.

    window_length : int or sequence of int, default=10
        Time points of the windows whose mean representations, or whose values without
        a transformer, are compared for ``"nearest"``. 1 for time points by themselves;
        several lengths are several scores.

    n_neighbors : int, default=3
        Nearest normal windows, over whose distances the mean is taken.

    local_scale : bool, default=True
        Whether the distance to a normal window is divided by how far that is from its
        own neighbours, to which four times what is usual is added.

    memory_size : int, default=3000
        Most normal windows to remember, and to take principal components of.

    selection : {"even", "coreset"}, default="even"
        Which windows are remembered: at equal distances in time, or those that cover
        all the best, for a small memory.

    search : {"exact", "approximate"}, default="exact"
        Whether the nearest windows are searched among all that are remembered, or by an
        index, for large memories; needs the extra ``neighbors``.

    reconstruction_length : int, default=50
        Time points of the windows whose values principal components are taken of.

    n_components : int, default=48
        Principal components at most; no more than a tenth of the values of a window.

    n_before : int or None, default=21
        For ``"masked"``: time points before one, over the mean of whose changes its own
        is taken. None for the change itself.

    combination : {"minimum", "geometric", "mean", "rank"}, default="geometric"
        How several scores are combined: the least of them, so that all must agree, in
        units of what 99 % of the training time points do not exceed; their geometric
        mean or mean, in units of what 90 % do not; or the mean of their ranks among the
        training scores, which are equal beyond all of these.

    smoothing : int, default=50
        Time points around each over which scores are averaged before they are combined;
        with ``causal`` those before it. Half of a score stays that of the time point
        itself, so that short events are seen as well. 1 for no average.

    causal : bool, default=False
        Whether the score of a time point depends on none of those that follow, so that
        it never changes. Scores are then late by some time points.

    context : int, default=200
        Time points before one that its representation depends on, where that is causal:
        with ``causal`` or for ``"masked"``.

    normalize : bool, default=False
        Whether each value loses level and spread of the time points up to it, as many
        as the larger of ``window_length`` and ``reconstruction_length`` says, so that a
        series that drifts looks as it did.

    contamination : float or "auto", default="auto"
        Share of anomalies among the training time points, for the threshold; "auto"
        for what the rule takes.

    threshold : {"quantile", "pot", "mad", "best_f1"}, default="quantile"
        How the threshold is taken from the scores of the training time points, see
        `sklearn_tsrep.thresholds`.

    cross_fit : bool, default=False
        Whether the threshold is taken from the scores that training time points would
        have if they had not been remembered, as those of other series are not: each
        quarter of them is scored by what is learned from the rest. Else it is taken
        from the scores that `score_samples` gives them, as scikit-learn's detectors
        do, and other normal series have more alarms than these.

    scale : bool, default=True
        Whether to standardise each channel with mean and standard deviation of the
        training series.

    batch_size : int, default=16384
        Time points that are scored at a time, where a representation does not depend
        on all of them: it bounds the memory that scoring takes.

    random_state : int, RandomState instance or None, default=None
        Of the weights of "random", and of the coreset. Give a transformer its own.

    Attributes
    ----------
    transformer_ : transformer or None
        The fitted one.

    offset_ : float
        Scores below are those of anomalies.

    mean_, scale_ : ndarray of shape (n_channels,)
        What channels are standardised with.

    n_features_in_ : int
        Channels seen in fit.

    feature_names_in_ : ndarray of shape (n_channels,)
        Names of the channels, where X was a frame with names.

    See Also
    --------
    sklearn_tsrep.AMADDetector : Learns to reconstruct windows by attention.
    sklearn.neighbors.LocalOutlierFactor : Distances of rows, without time.

    Notes
    -----
    `score_samples` of the training series finds windows that are remembered, and is
    higher than for other normal series: take the threshold from those by
    `set_threshold`, or set ``cross_fit``. The transformer is fitted once, so that its
    reconstruction, and ``"masked"``, are those of series that it has seen.

    Gaps are filled by the last value for windows of values, and are gaps for the
    transformer; time points without any value get the score 0. Standardised values
    beyond 20 are cut off.

    `contributions` says in which channels a window differs from the nearest normal one,
    or from what was left of it; for ``"masked"``, which channel changes the
    representation most when it alone is hidden. Of several kinds it is the mean,
    however they are combined.

    References
    ----------
    Fraikin, Bennetot, Allassonnière (2024). "T-Rep: Representation Learning for Time
    Series using Time-Embeddings". ICLR, for ``"masked"``.

    Breunig, Kriegel, Ng, Sander (2000). "LOF: Identifying Density-Based Local
    Outliers". SIGMOD, for the idea of local scales.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep.detection import RepresentationDetector
    >>> steps = np.arange(600)
    >>> X = np.column_stack([np.sin(steps / 5), np.cos(steps / 7)])
    >>> detector = RepresentationDetector(smoothing=5, random_state=0).fit(X)
    >>> X_new = X.copy()
    >>> X_new[200:205, 0] = 3.0
    >>> int(detector.score_samples(X_new).argmin()) in range(195, 210)
    True
    >>> int(detector.contributions(X_new)[200:205].mean(axis=0).argmax())
    0
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **TimePointDetector._parameter_constraints,
        "transformer": [
            StrOptions({"auto", "random"}),
            HasMethods(["fit", "encode"]),
            None,
        ],
        "scores": [StrOptions(SCORES.keys()), list, tuple],
        "window_length": [Interval(Integral, 1, None, closed="left"), list, tuple],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "local_scale": ["boolean"],
        "memory_size": [Interval(Integral, 1, None, closed="left")],
        "selection": [StrOptions({"even", "coreset"})],
        "search": [StrOptions({"exact", "approximate"})],
        "reconstruction_length": [Interval(Integral, 1, None, closed="left")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_before": [Interval(Integral, 1, None, closed="left"), None],
        "combination": [StrOptions(set(COMBINATIONS))],
        "smoothing": [Interval(Integral, 1, None, closed="left")],
        "causal": ["boolean"],
        "context": [Interval(Integral, 0, None, closed="left")],
        "normalize": ["boolean"],
        "cross_fit": ["boolean"],
        "scale": ["boolean"],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        transformer: Any = "auto",
        *,
        scores: str | Sequence[str] = ("nearest", "reconstruction"),
        window_length: int | Sequence[int] = 10,
        n_neighbors: int = 3,
        local_scale: bool = True,
        memory_size: int = 3000,
        selection: str = "even",
        search: str = "exact",
        reconstruction_length: int = 50,
        n_components: int = 48,
        n_before: int | None = 21,
        combination: str = "geometric",
        smoothing: int = 50,
        causal: bool = False,
        context: int = 200,
        normalize: bool = False,
        contamination: float | str = "auto",
        threshold: str = "quantile",
        cross_fit: bool = False,
        scale: bool = True,
        batch_size: int = 2**14,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.transformer = transformer
        self.scores = scores
        self.window_length = window_length
        self.n_neighbors = n_neighbors
        self.local_scale = local_scale
        self.memory_size = memory_size
        self.selection = selection
        self.search = search
        self.reconstruction_length = reconstruction_length
        self.n_components = n_components
        self.n_before = n_before
        self.combination = combination
        self.smoothing = smoothing
        self.causal = causal
        self.context = context
        self.normalize = normalize
        self.contamination = contamination
        self.threshold = threshold
        self.cross_fit = cross_fit
        self.scale = scale
        self.batch_size = batch_size
        self.random_state = random_state

    # The transformer validates its own parameters.
    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self, X: Any, y: Any = None, *, lengths: Any = None, series_id: Any = None
    ) -> Self:
        """Remember what is usual in series, without labels, and fit the threshold.

        Parameters
        ----------
        X : array-like of shape (n_timepoints, n_channels)
            One series, or several one below the other: mostly normal. NaN is missing
            data.

        y : array-like of shape (n_timepoints,), default=None
            Only read with ``threshold="best_f1"``, as in `set_threshold`.

        lengths : array-like of int of shape (n_series,), default=None
            Time points of each series, in the order of the rows; None for one series.

        series_id : array-like of shape (n_timepoints,), default=None
            Which series each row belongs to, instead of ``lengths``. Rows of a series
            are in order of time.

        Returns
        -------
        self : object
            The fitted detector.

        Raises
        ------
        ImportError
            If the index of ``search="approximate"`` is not installed.

        ValueError
            If a parameter or the data are not valid.
        """
        self._check_parameters()
        with unchanged_if_refused(self):
            rows = self._read(X, lengths, series_id, reset=True)
            self.__dict__.pop("_learned", None)
            scores = self._learn(rows.panel)
        self._fit_offset(rows, y, scores if self.cross_fit else None)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def partial_fit(
        self, X: Any, y: Any = None, *, lengths: Any = None, series_id: Any = None
    ) -> Self:
        """Remember further normal series, and fit the threshold to them.

        The transformer, scaling and the units of scores stay as they were after the
        first call. With ``cross_fit`` the threshold comes from the scores that the
        series had before they were remembered.

        Parameters
        ----------
        X, y, lengths, series_id
            As in `fit`.

        Returns
        -------
        self : object
            The fitted detector.

        Raises
        ------
        ImportError, ValueError
            As in `fit`, or if the number of channels changed since the first call.
        """
        if not self.__sklearn_is_fitted__():
            return self.fit(X, y, lengths=lengths, series_id=series_id)
        self._check_parameters()
        rows = self._read(X, lengths, series_id)
        self._require_values(rows.panel)
        scores = self._time_scores(rows.panel) if self.cross_fit else None
        self._normality.learn_more(rows.panel)
        self._keep_learned()
        self._fit_offset(rows, y, scores)
        return self

    def stream(self) -> ScoreStream:
        """Return what scores the time points of one series as they come.

        Returns
        -------
        stream : ScoreStream
            Its method ``push(X)`` takes the next time points, and returns the scores
            that they have in the whole series.

        Raises
        ------
        NotFittedError
            Before `fit`.

        ValueError
            If the detector was not fitted with ``causal=True``.
        """
        check_is_fitted(self)
        if not self._fitted_with["causal"]:
            raise ValueError(
                "A stream needs causal=True in fit: else the scores of time points "
                "depend on those that follow."
            )
        return ScoreStream(self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_learned")

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is made anew from what was learned."""
        return {k: v for k, v in super().__getstate__().items() if k != "_made"}

    def _check_parameters(self) -> None:
        check_kinds(self.get_params(deep=False))

    def _learn(self, panel: Panel) -> np.ndarray:
        """Learn from normal series, and return the scores of their time points."""
        self._require_values(panel)
        scaler = (
            ChannelScaler.fit(panel)
            if self.scale
            else ChannelScaler.identity(panel.n_channels)
        )
        self.mean_, self.scale_ = scaler.mean, scaler.scale
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        lengths = [*listed(self.window_length), self.reconstruction_length]
        # They stay as in fit, whatever is set later: what is learned depends on them.
        self._fitted_with: dict[str, Any] = {
            "causal": bool(self.causal),
            "context": int(self.context),
            "normalize": bool(self.normalize),
            "window": int(max(lengths)),
        }
        # Series are standardised by `_normality`, before there is anything else in it.
        self.transformer_, self._quantiles, self._made = None, [], []
        given = resolved(self.get_params(deep=False), panel.n_channels)
        self.transformer_ = self._fitted_transformer(
            panel, new_transformer(given, seed)
        )
        self._made = new_scorers(given, seed)
        normality = self._normality
        scores = normality.learn(panel)
        self._quantiles = normality.quantiles
        self._keep_learned()
        return scores

    def _keep_learned(self) -> None:
        self._learned = [learned_by(scorer) for scorer in self._made]

    @staticmethod
    def _require_values(panel: Panel) -> None:
        if not panel.stops.any():
            raise ValueError("X has no value to learn from.")

    def _fitted_transformer(self, panel: Panel, transformer: Any) -> Any:
        if transformer is None:
            return None
        series = self._normality.standardized(panel)
        seen = [values for values in series if not np.isnan(values).all()]
        return transformer.fit(panel_of(seen), None)

    @property
    def _scorers(self) -> list[Scorer]:
        if "_made" not in self.__dict__:
            self._made = [scorer_of(*learned) for learned in self._learned]
        return self._made

    @property
    def _normality(self) -> Normality:
        return Normality(
            mean=self.mean_,
            scale=self.scale_,
            encoding=self._encoding,
            window=self._fitted_with["window"],
            normalize=self._fitted_with["normalize"],
            causal=self._fitted_with["causal"],
            smoothing=self.smoothing,
            combination=self.combination,
            batch_size=self.batch_size,
            scorers=self._scorers,
            quantiles=self._quantiles,
        )

    @property
    def _encoding(self) -> Encoding | None:
        if self.transformer_ is None:
            return None
        is_frozen = isinstance(self.transformer_, FrozenEstimator)
        return Encoding(
            self.transformer_,
            self.mean_ if is_frozen else None,
            self.scale_ if is_frozen else None,
            self._fitted_with["causal"],
            self._fitted_with["context"],
        )

    def _time_scores(self, panel: Panel) -> np.ndarray:
        return self._normality.scores(panel)

    def _channel_scores(self, panel: Panel) -> np.ndarray:
        return self._normality.parts(panel)

    def _first_needed(self, n_timepoints: int, first: int) -> int:
        n_before, encoding = self._normality.n_before, self._encoding
        if n_before is None or (encoding is not None and encoding.counts_time):
            return 0
        return max(first - n_before, 0)
