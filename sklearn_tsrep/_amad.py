"""AMAD: anomalies by reconstruction and by the divergence of two attention maps."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_tsrep._sklearn import Interval, StrOptions
from sklearn_tsrep._window_detector import WindowDetector
from sklearn_tsrep.data.panel import Panel

if TYPE_CHECKING:
    from torch import Tensor, nn

    from sklearn_tsrep.nn.amad import Reconstruction


class WindowAttention(NamedTuple):
    """The two attention maps of a window, as `AMADDetector.attention` returns them.

    Attributes
    ----------
    global_attention, automask_attention : ndarray of shape \
            (n_layers, n_heads, n_timepoints, n_timepoints), float32
        Shares with which each time point (row) looks at the others.

    divergence : ndarray of shape (n_layers, n_timepoints), float32
        Jensen-Shannon divergence of the two, mean over heads, in nats.
    """

    global_attention: np.ndarray
    automask_attention: np.ndarray
    divergence: np.ndarray


class AMADDetector(WindowDetector):
    """Anomalies in time series by reconstruction and by two attention maps.

    A transformer reconstructs windows. In each layer steps look at one another by a
    mixture of two attention maps: a global one, and AutoMask, whose queries and keys
    are turned by learnable frequencies, so that it sees distances in time. Training
    brings the two together and apart in turn, and has each find the other of its
    window. A time point is strange if it is reconstructed badly; with ``temperature``
    above 0 its error is weighted by how little the two maps diverge there [1]_.

    Rows of X are time points. Scores of overlapping windows are averaged, so that
    every time point has one, also the first and the last.

    Parameters
    ----------
    window_length : int, default=100
        Time points of a window. A shorter series is one window by itself.

    stride : int or None, default=None
        Time points from one window to the next, in training and in scoring; None for
        half of a window, and a whole one at most. The last window ends with the series.

    d_model : int, default=16
        Width of the network, a multiple of twice ``n_heads``.

    n_layers : int, default=3
        Layers of the network.

    n_heads : int, default=2
        Heads of the attention, each with a frequency of its own.

    dropout : float, default=0.0
        Share of the outputs of each layer that is dropped in training.

    automask : bool, default=True
        Whether there is AutoMask at all. Without it the network is a plain
        transformer, trained by reconstruction alone.

    alpha : float, default=0.6
        Share of AutoMask in the mixture.

    automask_projection : {"shared", "own"}, default="shared"
        Whether AutoMask takes the queries and keys of the global map, or maps them
        once more and passes no gradient on to them, so that each phase of training
        moves one of the maps alone.

    frequency_init : {"geometric", "ones"}, default="geometric"
        Frequencies to start from: 1, 1/2, 1/4, ... from head to head, or 1 in all.

    attention_scale : {"head", "model"}, default="head"
        Whether products are divided by the root of the width of a head, or as the
        paper prints it: for AutoMask by ``d_model``, for the global map by its root.

    min_phase, max_phase : bool, default=True
        Whether AutoMask learns to come near the global map, and whether the global
        map learns to go away from AutoMask.

    divergence_weight : float, default=3.0
        Weight of the divergence in each phase, lambda in the paper. A negative one
        turns both directions round.

    contrast : bool, default=True
        Whether the two maps of a window learn to find one another in the batch.

    contrast_temperature : float, default=0.07
        Products of the contrast are multiplied by its exponential, tau in the paper.

    reduction : {"mean", "sum"}, default="mean"
        Whether the error of a step is the mean over channels in training, or as the
        paper prints it their sum, which weighs it more.

    error : {"absolute", "squared"}, default="absolute"
        What of the difference between a value and its reconstruction makes the score.
        The paper squares it, so that few large differences count most.

    temperature : float, default=0.0
        Factor of the divergence in the weights of the errors: 0 for none, 1 in the
        paper. With a negative one steps count more where the maps diverge.

    smoothing : int, default=50
        Time points around each over which scores are averaged; 1 for none, as in the
        paper.

    contamination : float or "auto", default="auto"
        Share of anomalies among the training time points, for the threshold; "auto"
        for what the rule takes.

    threshold : {"quantile", "pot", "mad", "best_f1"}, default="quantile"
        How the threshold is taken from the scores of the training time points: a
        quantile, peaks over threshold, median and median absolute deviation, or the
        best F1 score with labels, see `sklearn_tsrep.thresholds`.

    scale : bool, default=True
        Whether to standardise each channel with mean and standard deviation of the
        training series.

    max_epochs : int or "auto", default="auto"
        Passes over the windows; "auto" for as many as give ``max_steps``. 0 leaves
        the random weights: a control that every comparison should carry.

    max_steps : int, default=150
        Steps of the optimiser with ``max_epochs="auto"``.

    batch_size : int, default=32
        Most windows of a batch.

    lr : float, default=0.001
        Learning rate.

    optimizer : str or type, default="AdamW"
        Name of a class in `torch.optim`, or such a class.

    optimizer_params : dict or None, default=None
        Further keyword arguments of the optimiser.

    lr_schedule : {"cosine", "exponential"} or None, default=None
        Lowers the learning rate with each step: to 0 on a cosine, or to a hundredth
        exponentially.

    gradient_clip_value : float or None, default=1.0
        Largest norm of the gradient; longer ones are scaled down.

    weight_averaging : {"equal", "ema"} or None, default=None
        Which average of the weights of all steps to use after training: with equal
        weights, or an exponential moving average with decay 0.99. None for the
        weights of the last step.

    precision : {"float32", "bfloat16"}, default="float32"
        What the network computes in while it is trained. Losses and weights are
        float32 always, and so are scores. "bfloat16" is faster on processors that
        have instructions for it, and slower on others.

    early_stopping : bool, default=False
        Whether to hold back the end of each series, to stop when the reconstruction
        error on it no longer falls, and to return to the weights of its lowest value.

    validation_fraction : float, default=0.1
        Share of each series to hold back for early stopping.

    n_iter_no_change : int, default=3
        Epochs without improvement after which early stopping stops.

    tol : float, default=1e-4
        Smallest fall of the loss that counts as an improvement.

    callbacks : list of skorch callbacks or None, default=None
        Cloned before they are used. Callbacks of scikit-learn are given to
        `set_callbacks`.

    device : str, default="auto"
        Torch device; "auto" for CUDA or MPS where there is one.

    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the fit before.

    random_state : int, RandomState instance or None, default=None
        Of initial weights, dropout and the order of the windows. An int gives the
        same bits again at an equal number of torch threads.

    verbose : int or bool, default=False
        Whether to show a progress bar in training and in scoring.

    Attributes
    ----------
    offset_ : float
        Scores below are those of anomalies.

    n_features_in_ : int
        Channels seen in fit.

    feature_names_in_ : ndarray of shape (n_channels,)
        Names of the channels, where X was a frame with names.

    history_ : dict of str to ndarray
        One entry an epoch: the loss, each of its terms, and with early stopping the
        loss of what is held back. The term "divergence" is the divergence of the maps,
        which one of them descends and the other ascends.

    loss_curve_ : list of float
        The training loss of each epoch.

    n_iter_ : int
        Epochs.

    mean_, scale_ : ndarray of shape (n_channels,)
        What channels are standardised with.

    module_ : torch.nn.Module
        The fitted network.

    See Also
    --------
    sklearn.ensemble.IsolationForest : What to try first where time does not matter.

    Notes
    -----
    Values that are missing enter as 0 and are left out of the error; time points
    without any value are hidden from the others and get the score 0. Standardised
    values beyond 1000 are cut off.

    References
    ----------
    .. [1] Huang and Li. "AMAD: AutoMasked Attention for Unsupervised Multivariate
       Time Series Anomaly Detection".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep import AMADDetector
    >>> steps = np.arange(400)
    >>> X = np.column_stack([np.sin(steps / 5), np.cos(steps / 7)])
    >>> detector = AMADDetector(window_length=40, smoothing=5, max_steps=60,
    ...                         random_state=0).fit(X)
    >>> X_new = X.copy()
    >>> X_new[200:205] = 3.0
    >>> int(detector.score_samples(X_new).argmin()) in range(195, 210)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **WindowDetector._parameter_constraints,
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "d_model": [Interval(Integral, 2, None, closed="left")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "automask": ["boolean"],
        "alpha": [Interval(Real, 0, 1, closed="right")],
        "automask_projection": [StrOptions({"shared", "own"})],
        "frequency_init": [StrOptions({"ones", "geometric"})],
        "attention_scale": [StrOptions({"head", "model"})],
        "min_phase": ["boolean"],
        "max_phase": ["boolean"],
        "divergence_weight": [Interval(Real, None, None, closed="neither")],
        "contrast": ["boolean"],
        "contrast_temperature": [Interval(Real, None, None, closed="neither")],
        "reduction": [StrOptions({"mean", "sum"})],
        "error": [StrOptions({"absolute", "squared"})],
        "temperature": [Interval(Real, None, None, closed="neither")],
    }

    def __init__(
        self,
        window_length: int = 100,
        *,
        stride: int | None = None,
        d_model: int = 16,
        n_layers: int = 3,
        n_heads: int = 2,
        dropout: float = 0.0,
        automask: bool = True,
        alpha: float = 0.6,
        automask_projection: str = "shared",
        frequency_init: str = "geometric",
        attention_scale: str = "head",
        min_phase: bool = True,
        max_phase: bool = True,
        divergence_weight: float = 3.0,
        contrast: bool = True,
        contrast_temperature: float = 0.07,
        reduction: str = "mean",
        error: str = "absolute",
        temperature: float = 0.0,
        smoothing: int = 50,
        contamination: float | str = "auto",
        threshold: str = "quantile",
        scale: bool = True,
        max_epochs: int | str = "auto",
        max_steps: int = 150,
        batch_size: int = 32,
        lr: float = 1e-3,
        optimizer: str | type = "AdamW",
        optimizer_params: dict[str, Any] | None = None,
        lr_schedule: str | None = None,
        gradient_clip_value: float | None = 1.0,
        weight_averaging: str | None = None,
        precision: str = "float32",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 3,
        tol: float = 1e-4,
        callbacks: list[Any] | None = None,
        device: str = "auto",
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int | bool = False,
    ) -> None:
        self.window_length = window_length
        self.stride = stride
        self.d_model = d_model
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.dropout = dropout
        self.automask = automask
        self.alpha = alpha
        self.automask_projection = automask_projection
        self.frequency_init = frequency_init
        self.attention_scale = attention_scale
        self.min_phase = min_phase
        self.max_phase = max_phase
        self.divergence_weight = divergence_weight
        self.contrast = contrast
        self.contrast_temperature = contrast_temperature
        self.reduction = reduction
        self.error = error
        self.temperature = temperature
        self.smoothing = smoothing
        self.contamination = contamination
        self.threshold = threshold
        self.scale = scale
        self.max_epochs = max_epochs
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.lr = lr
        self.optimizer = optimizer
        self.optimizer_params = optimizer_params
        self.lr_schedule = lr_schedule
        self.gradient_clip_value = gradient_clip_value
        self.weight_averaging = weight_averaging
        self.precision = precision
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.callbacks = callbacks
        self.device = device
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def attention(self, X: Any, *, start: int | None = None) -> WindowAttention:
        """Return the attention maps of a window.

        Parameters
        ----------
        X : array-like of shape (n_timepoints, n_channels)
            One series.

        start : int or None, default=None
            Time point at which the window begins; None for the last window.

        Returns
        -------
        maps : WindowAttention
            The global map, that of AutoMask, and their divergence.

        Raises
        ------
        NotFittedError
            Before `fit`.

        ValueError
            If X is not valid, the window does not lie in it, or the detector was
            fitted with ``automask=False``.
        """
        from sklearn_tsrep.data.batches import Pieces
        from sklearn_tsrep.losses.amad import layer_divergences
        from sklearn_tsrep.training.windows import over_windows

        check_is_fitted(self)
        if not self._network_arguments["automask_share"]:
            raise ValueError("There is one attention map only with automask=False.")
        panel = self._read(X, None, None).panel
        start, stop = self._window(int(panel.lengths[0]), start)
        window = Pieces(*np.array([[0], [start], [stop]]))
        reader = self._reader(panel)
        _, outputs = next(over_windows(self.module_, reader, window, batch_size=1))
        own, automask = (
            np.stack([maps[kind][0].exp().cpu().numpy() for maps in outputs.maps])
            for kind in (0, 1)
        )
        divergences = layer_divergences(outputs.maps)
        return WindowAttention(
            own, automask, np.stack([layer[0].cpu().numpy() for layer in divergences])
        )

    def _window(self, n_timepoints: int, start: int | None) -> tuple[int, int]:
        last = max(n_timepoints - self.window_length, 0)
        if start is not None and not 0 <= start <= last:
            raise ValueError(
                f"start must lie between 0 and {last} in {n_timepoints} time points "
                f"with window_length={self.window_length}, got {start}."
            )
        start = last if start is None else start
        return start, min(start + self.window_length, n_timepoints)

    def _network_class(self) -> type[nn.Module]:
        from sklearn_tsrep.nn.amad import AMADNetwork

        return AMADNetwork

    def _network_parameters(self, panel: Panel) -> dict[str, Any]:
        return {
            "n_channels": panel.n_channels,
            "width": self.d_model,
            "n_layers": self.n_layers,
            "n_heads": self.n_heads,
            "dropout_share": self.dropout,
            "automask_share": self.alpha if self.automask else 0.0,
            "attention_scale": self.attention_scale,
            "frequency_init": self.frequency_init,
            "projection": self.automask_projection,
        }

    def _objective(self) -> tuple[type[nn.Module], dict[str, Any]]:
        from sklearn_tsrep.losses.amad import AMADObjective

        return AMADObjective, {
            "divergence_weight": self.divergence_weight,
            "min_phase": self.min_phase,
            "max_phase": self.max_phase,
            "contrast": self.contrast,
            "contrast_temperature": self.contrast_temperature,
            "reduction": self.reduction,
        }

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.d_model % (2 * self.n_heads):
            raise ValueError(
                "d_model must be a multiple of twice n_heads, got "
                f"d_model={self.d_model} and n_heads={self.n_heads}."
            )

    def _time_scores(self, panel: Panel) -> np.ndarray:
        return self._weighted(panel, self._time_scores_of_windows)

    def _channel_scores(self, panel: Panel) -> np.ndarray:
        return self._weighted(panel, self._channel_scores_of_windows)

    def _weighted(self, panel: Panel, scores_of: Any) -> np.ndarray:
        return self._smoothed(panel, scores_of, with_maps=bool(self.temperature))

    def _time_scores_of_windows(self, outputs: Reconstruction) -> Tensor:
        """Return the anomaly scores (batch, time) of steps in their windows."""
        from sklearn_tsrep.losses.amad import mean_of_channels

        errors = mean_of_channels(self._errors(outputs), outputs)
        return self._step_weights(outputs) * errors

    def _channel_scores_of_windows(self, outputs: Reconstruction) -> Tensor:
        """Return the parts (batch, time, n_channels) of these scores."""
        from sklearn_tsrep.losses.amad import n_observed

        weights = self._step_weights(outputs) / n_observed(outputs)
        return weights.unsqueeze(-1) * self._errors(outputs)

    def _errors(self, outputs: Reconstruction) -> Tensor:
        from sklearn_tsrep.losses.amad import channel_errors

        errors = channel_errors(outputs)
        return errors.sqrt() if self.error == "absolute" else errors

    def _step_weights(self, outputs: Reconstruction) -> Tensor:
        """Return the weights (batch, time) of the errors of steps, 1 in the mean."""
        from sklearn_tsrep.losses.amad import divergence_weights

        if not outputs.maps or outputs.maps[0].automask is None:
            return outputs.values.new_ones(outputs.values.shape[:2])
        return divergence_weights(outputs, self.temperature)
