"""The skeleton of transformers: representations of time steps, and their poolings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.callback import with_callbacks
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_tsrep._base import SelfSupervisedEstimator
from sklearn_tsrep._panels import (
    LARGEST_INDEX,
    checked_time,
    read_panel,
    unchanged_if_refused,
)
from sklearn_tsrep._sklearn import (
    Interval,
    StrOptions,
    feature_names_of,
    fit_context,
)
from sklearn_tsrep._stream import RepresentationStream
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.features.names import POOLINGS, feature_names, listed

if TYPE_CHECKING:
    from sklearn_tsrep.data.batches import Pieces
    from sklearn_tsrep.training.inference import EncodedBatch


class RepresentationTransformer(TransformerMixin, SelfSupervisedEstimator):
    """Encodes the time steps of a panel, and pools them into features.

    A method's network is, or has, an encoder (`_encoder`) whose ``forward(batch)``
    returns representations (batch, time, n_latents) first.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **SelfSupervisedEstimator._parameter_constraints,
        "n_latents": [Interval(Integral, 1, None, closed="left")],
        "pooling": [StrOptions(POOLINGS.keys()), list, tuple],
        "n_segments": [Interval(Integral, 1, None, closed="left")],
        "max_train_length": [Interval(Integral, 2, None, closed="left"), None],
        "on_empty": [StrOptions({"raise", "nan"})],
    }

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn a representation of the time steps of a panel, without labels.

        Parameters
        ----------
        X : array-like of shape (n_instances, n_channels, n_timepoints), or a panel
            Series to learn from; see the user guide for all containers. A 2-D array
            (n_instances, n_timepoints) is a panel of univariate series; pass
            ``X.T[None]`` for one long series (n_timepoints, n_channels). NaN is
            missing data.

        y : None
            Ignored; for pipelines.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If a parameter or the panel is not valid, or training diverges.
        """
        resumed = self.warm_start and self.__sklearn_is_fitted__()
        return self._fit(X, resumed=resumed, keep_state=self.warm_start)

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Go on learning from a further panel.

        Scaling stays as it was after the first call. Optimiser, averaged weights and
        random draws go on as well, if the call before was one of `partial_fit` or
        with ``warm_start``.

        Parameters
        ----------
        X : array-like of shape (n_instances, n_channels, n_timepoints), or a panel
            Series with as many channels as before.

        y : None
            Ignored; for pipelines.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If a parameter or the panel is not valid, or a parameter of the network
            or the number of channels changed since the first call.
        """
        return self._fit(X, resumed=self.__sklearn_is_fitted__(), keep_state=True)

    def transform(self, X: Any) -> np.ndarray:
        """Turn each series into a vector of features.

        Parameters
        ----------
        X : array-like of shape (n_instances, n_channels, n_timepoints), or a panel
            Series with the channels seen in fit, of any length.

        Returns
        -------
        features : ndarray of shape (n_instances, n_features), float32
            Pooled representations; with ``on_empty="nan"`` a row of NaN for an
            instance without a value.

        Raises
        ------
        NotFittedError
            Before `fit`.

        ValueError
            If `X` is not valid, has other channels than in fit, an instance without a
            value with ``on_empty="raise"``, or values so far from those of the
            training panel that their representation is not finite.

        Notes
        -----
        Beyond the features, memory grows neither with the number of series nor with
        their length: long series are encoded and pooled in pieces, as the notes of the
        class say. A memory map is never read whole.
        """
        check_is_fitted(self)
        panel = self._read_observed(X)
        names = self.get_feature_names_out()
        features = np.full((len(panel), len(names)), np.nan, dtype=np.float32)
        for batch in self._computed(self._encoder(), panel):
            features[batch.instances] = self._pooled(batch)
        return features

    def encode(self, X: Any, *, time: Any = None) -> np.ndarray | list[np.ndarray]:
        """Return the representation of each time step.

        Parameters
        ----------
        X : array-like of shape (n_instances, n_channels, n_timepoints), or a panel
            Series with the channels seen in fit, of any length.

        time : array-like of shape (n_timepoints,), default=None
            Index of each step, in steps; None to count from the first observed step
            of each series. Has no effect on methods without an embedding of time.

        Returns
        -------
        representation : ndarray of shape (n_instances, n_latents, n_timepoints) or \
                list of ndarray of shape (n_latents, length_i)
            float32; a list where lengths differ. NaN at padding, that is before the
            first and behind the last observed step.

        Raises
        ------
        NotFittedError, ValueError
            As `transform`.

        Notes
        -----
        Beyond what is returned, memory grows neither with the number of series nor
        with their length, as in `transform`.
        """
        check_is_fitted(self)
        return self._represented(self._encoder(), self._read_observed(X), time)

    def encode_causal(
        self,
        X: Any,
        *,
        context: int | None = 200,
        time: Any = None,
        hide: int | str | None = None,
    ) -> np.ndarray | list[np.ndarray]:
        """Return the representation of each time step from those up to it alone.

        What `encode` returns for a step depends on later ones. Here step ``t`` has
        what `encode` returns for the last step of ``X[:, :, t - context : t + 1]``,
        with the ``time`` of these steps. Where these begin or end without a value, it
        takes that for a gap, and `encode` for padding.

        Parameters
        ----------
        X : array-like of shape (n_instances, n_channels, n_timepoints), or a panel
            Series with the channels seen in fit, of any length. Steps without a value
            are gaps, also at the end: nobody knows at that time that none follows.

        context : int or None, default=200
            Steps before a step that its representation depends on. None for all of
            them, with a network that sees no later ones (``causal=True``).

        time : array-like of shape (n_timepoints,), default=None
            As in `encode`.

        hide : int, "all" or None, default=None
            Channel of a step that is hidden from its own representation, "all" for all
            of them. What the step then has is what is expected of it from the steps
            before. Needs a ``context``.

        Returns
        -------
        representation : ndarray of shape (n_instances, n_latents, n_timepoints) or \
                list of ndarray of shape (n_latents, length_i)
            float32; a list where lengths differ. NaN before the first observed step.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As `transform`, or if ``context``, ``time`` or ``hide`` is not valid.

        Notes
        -----
        Cost per step grows with the logarithm of ``context`` for T-Rep, and in
        proportion to it for DMAE. Memory is as in `encode`.
        """
        check_is_fitted(self)
        panel = self._read_observed(X).with_trailing_gaps()
        encoder = self._causal_encoder(context)
        if hide is not None:
            encoder = self._hiding_encoder(encoder, context, hide)
        return self._represented(encoder, panel, time)

    def stream(
        self, *, context: int | None = 200, start: float = 0
    ) -> RepresentationStream:
        """Return what represents the time points of one series as they come.

        Parameters
        ----------
        context : int or None, default=200
            As in `encode_causal`.

        start : float, default=0
            Index of the first observed time point, in steps.

        Returns
        -------
        stream : RepresentationStream
            Its method ``push(X)`` takes the next time points (n_new, n_channels).

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As `encode_causal`, or if ``start`` is not valid.
        """
        check_is_fitted(self)
        self._causal_encoder(context)
        check_scalar(start, "start", Real)
        if not abs(start) <= LARGEST_INDEX:
            raise ValueError(f"start must be at most {LARGEST_INDEX}, got {start}.")
        return RepresentationStream(self, context, start)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features that `transform` gives.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Only checked against the features seen in fit.

        Returns
        -------
        names : ndarray of shape (n_features,), object
            For example ``"max_latent0"`` or ``"segment3_latent12"``.

        Raises
        ------
        NotFittedError
            Before `fit`.

        ValueError
            If ``input_features`` are not those seen in fit.
        """
        check_is_fitted(self)
        self._check_poolings()
        feature_names_of(self, input_features, generate_names=False)
        names = feature_names(
            self.pooling, self._n_latents, self.n_segments, self._n_scales
        )
        return np.asarray(names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _pieces(self, panel: Panel) -> Pieces:
        from sklearn_tsrep.data.batches import cut_into_pieces

        return cut_into_pieces(panel, self.max_train_length)

    def _hold_back(
        self, pieces: Pieces, seed: np.random.SeedSequence
    ) -> tuple[Pieces, Pieces]:
        from sklearn_tsrep.data.batches import hold_back

        return hold_back(pieces, self.validation_fraction, seed)

    def _fit(self, X: Any, *, resumed: bool, keep_state: bool) -> Self:
        self._check_parameters()
        with unchanged_if_refused(self):
            panel = self._read_observed(X, reset=not resumed)
            self._check_long_enough(panel)
            batches = self._prepared(panel, resumed=resumed)
        self._train(batches, resumed=resumed, keep_state=keep_state)
        return self

    def _remember(self, panel: Panel) -> None:
        super()._remember(panel)
        self._n_latents = int(self.n_latents)
        longest = int(panel.observed_lengths.max())
        # Windows of the last scale are the first that can cover the longest series.
        self._n_scales = math.ceil(math.log2(max(longest - 1, 2)))

    def _encoder(self) -> Any:
        """Return the network that represents time steps."""
        return self.module_.encoder

    def _causal_encoder(self, context: int | None) -> Any:
        """Return the network that represents time steps, without those to come."""
        if context is not None:
            check_scalar(context, "context", Integral, min_val=0)
            context = int(context)
        return self._encoder().causal(context)

    def _hiding_encoder(
        self, encoder: Any, context: int | None, hide: int | str
    ) -> Any:
        from sklearn_tsrep.nn.causal import WithoutLastStep

        if context is None:
            raise ValueError(
                "hide needs a context, a number of time points, got context=None."
            )
        return WithoutLastStep(encoder, self._hidden_channel(hide))

    def _hidden_channel(self, hide: int | str) -> int | None:
        """Return which channel of a step the network does not see; None for all."""
        if isinstance(hide, str) and hide == "all":
            return None
        is_number = isinstance(hide, Integral) and not isinstance(hide, bool)
        if not is_number or not 0 <= int(hide) < self._n_channels:
            raise ValueError(
                f"hide must be 'all', or a channel from 0 to {self._n_channels - 1}, "
                f"got {hide!r}."
            )
        return int(hide)

    @property
    def _reach(self) -> tuple[int, int] | None:
        """Steps before and after a step on which its representation depends.

        None where it depends on how a long series is cut into windows.
        """
        return getattr(self._encoder(), "reach", None)

    def _represented(
        self, encoder: Any, panel: Panel, time: Any
    ) -> np.ndarray | list[np.ndarray]:
        if time is not None:
            time = checked_time(time, int(panel.lengths.max()))
        return written(self._computed(encoder, panel, time), panel, self._n_latents)

    def _computed(
        self, network: Any, panel: Panel, time: np.ndarray | None = None
    ) -> Iterator[EncodedBatch]:
        """Yield what a network makes of each time step of the series of a panel."""
        from sklearn_tsrep.training.inference import encode_series

        return encode_series(
            network, self._reader(panel).at(time), self._network_device()
        )

    def _network_device(self) -> Any:
        return next(self.module_.parameters()).device

    def _pooled(self, batch: EncodedBatch) -> np.ndarray:
        from sklearn_tsrep.features.pooling import pool

        features = pool(
            batch.pieces,
            batch.length,
            self.pooling,
            self.n_segments,
            self._n_scales,
        )
        return features.cpu().numpy()

    def _read_observed(self, X: Any, *, reset: bool = False) -> Panel:
        panel = read_panel(self, X, reset=reset)
        empty = np.flatnonzero(panel.stops == 0)
        if len(empty) and self.on_empty == "raise":
            raise ValueError(
                f"X has {len(empty)} instances without any value, the first at index "
                f"{empty[0]}. Leave them out, or set on_empty='nan' to get rows of NaN."
            )
        if len(empty) == len(panel) and reset:
            raise ValueError("X has no instance with a value to learn from.")
        return panel

    def _check_long_enough(self, panel: Panel) -> None:
        longest = int(panel.observed_lengths.max())
        if longest < 2:
            raise ValueError(
                f"Found series with {longest} feature(s) (time points) in X, while "
                f"{type(self).__name__} needs a series of at least 2 time points."
            )

    def _check_parameters(self) -> None:
        super()._check_parameters()
        self._check_poolings()

    def _check_poolings(self) -> None:
        names = listed(self.pooling)
        # Of a list, which asks for no hash: anything may be in place of a name.
        is_known = bool(names) and all(name in list(POOLINGS) for name in names)
        if not is_known or len(set(names)) < len(names):
            raise ValueError(
                f"pooling must be one or several of {list(POOLINGS)}, each at most "
                f"once, got {self.pooling!r}."
            )


def written(
    batches: Iterator[EncodedBatch], panel: Panel, n_rows: int
) -> np.ndarray | list[np.ndarray]:
    """Write what was computed of each time step into arrays, NaN at padding.

    Parameters
    ----------
    batches : iterator of EncodedBatch
        With ``n_rows`` values a time step.

    panel : Panel
        The series.

    n_rows : int
        Rows of the arrays.

    Returns
    -------
    arrays : ndarray of shape (n_instances, n_rows, n_timepoints) or \
            list of ndarray of shape (n_rows, length_i)
        float32; a list where lengths differ.
    """
    arrays = _unwritten(panel, n_rows)
    for batch in batches:
        starts = panel.starts[batch.instances]
        for piece in batch.pieces:
            stops = starts + piece.shape[1]
            values = piece.transpose(1, 2).cpu().numpy()
            places = zip(batch.instances, starts, stops, values, strict=True)
            for instance, start, stop, series in places:
                arrays[instance][:, start:stop] = series
            starts = stops
    return arrays


def _unwritten(panel: Panel, n_rows: int) -> np.ndarray | list[np.ndarray]:
    if panel.is_equal_length:
        shape = (len(panel), n_rows, int(panel.lengths[0]))
        return np.full(shape, np.nan, dtype=np.float32)
    return [
        np.full((n_rows, length), np.nan, dtype=np.float32) for length in panel.lengths
    ]
