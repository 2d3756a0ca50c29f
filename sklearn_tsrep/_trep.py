"""T-Rep: representations of time series with time-embeddings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from sklearn_tsrep._base import weights_of_tasks
from sklearn_tsrep._sklearn import Interval, StrOptions
from sklearn_tsrep._transformer import RepresentationTransformer
from sklearn_tsrep.data.panel import Panel

if TYPE_CHECKING:
    from torch import nn

    from sklearn_tsrep.data.batches import ContextBatches, Pieces, SeriesReader


class TRepTransformer(RepresentationTransformer):
    """T-Rep representations of time series, learned without labels.

    A network of dilated convolutions maps each time step to a vector, with the help
    of a learned embedding of the time index. It is trained on four tasks: to tell
    apart instances and time steps by their representations under two random
    contexts, to predict how far apart two steps are in their time-embeddings, and to
    predict the representation of a step from that of a step nearby [1]_.
    `transform` pools the representations of a series into one vector of features,
    `encode` returns those of each time step.

    Parameters
    ----------
    n_latents : int, default=128
        Width of a representation.

    hidden_channels : int, default=64
        Width of the projection of a time step. The convolutions are
        ``hidden_channels + n_time_latents`` wide.

    n_blocks : int, default=10
        Number of residual blocks of two convolutions, with dilations 1, 2, 4, ...; a
        last block to ``n_latents`` follows.

    kernel_size : int, default=3
        Taps of each convolution.

    time_embedding : {"time2vec", "mlp", "rbf"} or None, default="time2vec"
        Kind of time-embedding: a linear component and sines, a network of two layers,
        or Gaussian bumps. None leaves it out together with the two tasks that need
        it, which is the method TS2Vec [2]_.

    n_time_latents : int, default=16
        Width of the time-embedding.

    causal : bool, default=False
        Whether the representation of a step depends on no later step. Convolutions
        are padded on the left only then.

    dropout : float, default=0.1
        Share of the entries of a representation dropped in training.

    mask_ratio : float, default=0.5
        Probability with which a time step is hidden from the network in training,
        anew in each context.

    missing : {"all", "any"}, default="all"
        Whether a time step is masked when all of its channels are missing, or when
        any is. With "all", single missing values enter as the mean of their channel
        (as 0 with ``scale=False``) beside an indicator, from which the network learns
        what a missing value means; if the training panel had none, the indicator has
        no effect.

    task_weights : dict of str to float or None, default=None
        Weights of the tasks ``"instance"``, ``"temporal"``, ``"divergence"`` and
        ``"forecast"``, scaled to sum 1. Tasks left out have weight 1; 0 switches one
        off.

    temporal_unit : int, default=0
        The tasks along time start at the scale of ``2**temporal_unit`` steps, and
        contexts share at least twice as many.

    max_forecast_distance : int, default=10
        Most steps between the step to forecast and the one that it is forecast from,
        in either direction, in steps of the scale.

    identity_share : float, default=0.0
        Share of the pairs of the task "divergence" that hold one step twice. The
        paper has none, its published code a half.

    detach_targets : bool, default=False
        Whether the targets of the tasks with the time-embedding pass no gradient on.

    train_heads : bool, default=True
        Whether the networks that solve the tasks with the time-embedding learn, or
        keep their random weights, as in the paper's published code.

    time_pooling : {"mean", "max"}, default="mean"
        How time-embeddings of neighbouring steps are merged at coarser scales: by
        their mean, or by their maxima, divided by their sum.

    pooling : {"max", "mean", "last", "segments", "multiscale"} or sequence of them, \
            default=("max", "segments")
        How `transform` pools time steps; features of several poolings stand side by
        side. May be changed after fit.

    n_segments : int, default=2
        Number of segments of the pooling "segments". The paper has 10, and no other
        pooling beside them.

    scale : bool, default=True
        Whether to standardise each channel with mean and standard deviation of the
        training panel.

    on_empty : {"raise", "nan"}, default="raise"
        What to do about an instance without any value: an error, or to leave it out
        of training and return a row of NaN for it.

    max_train_length : int or None, default=512
        Longer series are cut into pieces for training. Memory grows with its square;
        None cuts nothing.

    max_epochs : int or "auto", default="auto"
        Passes over the training panel; "auto" for as many as give ``max_steps``.
        0 leaves the random weights: a control that every comparison should carry.

    max_steps : int, default=50
        Steps of the optimiser with ``max_epochs="auto"``. More of them helped on some
        panels of some hundred series and harmed on others; a panel of many thousands
        may want more.

    batch_size : int, default=16
        Most series of a batch.

    lr : float, default=0.003
        Learning rate.

    optimizer : str or type, default="AdamW"
        Name of a class in `torch.optim`, or such a class.

    optimizer_params : dict or None, default=None
        Further keyword arguments of the optimiser.

    lr_schedule : {"cosine", "exponential"} or None, default=None
        Lowers the learning rate with each step: to 0 on a cosine, or to a hundredth
        exponentially.

    gradient_clip_value : float or None, default=None
        Largest norm of the gradient; longer ones are scaled down.

    weight_averaging : {"equal", "ema"} or None, default="equal"
        Which average of the weights of all steps to use after training: with equal
        weights, or an exponential moving average with decay 0.99. None for the
        weights of the last step.

    precision : {"float32", "bfloat16"}, default="float32"
        What the network computes in while it is trained. Losses and weights are
        float32 always, and so are features. "bfloat16" is faster on processors that
        have instructions for it, and slower on others.

    early_stopping : bool, default=False
        Whether to hold back a part of the training series, to stop when the loss on
        it no longer falls, and to return to the weights of its lowest value.

    validation_fraction : float, default=0.1
        Share of the training series to hold back for early stopping.

    n_iter_no_change : int, default=10
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
        Of initial weights, crops, masks and the order of the series. An int gives the
        same bits again at an equal number of torch threads.

    verbose : int or bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    module_ : torch.nn.Module
        The network, in evaluation mode.

    history_ : dict of str to ndarray of shape (`n_iter_`,)
        One entry an epoch: ``"train_loss"``, the loss of each task, and the spread
        (standard deviation) of representations and time-embeddings, which tells a
        collapse; with early stopping also the losses on the part held back.

    loss_curve_ : list of float of length `n_iter_`
        Training loss of each epoch.

    n_iter_ : int
        Number of epochs.

    mean_, scale_ : ndarray of shape (n_channels,), float64
        What each channel is standardised with.

    n_features_in_ : int
        Time points of the series seen in `fit` if they came as a 2-D array, channels
        otherwise.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if `X` was a DataFrame.

    See Also
    --------
    sklearn_tsrep.data.from_long_frame : Panels from long tables.

    Notes
    -----
    Where this implementation departs from the paper, and why, is in the user guide.
    A fitted estimator pickles to numpy arrays and plain values; the torch network is
    rebuilt from them.

    A series of more than 32768 steps (more for a network of more than 10 blocks or of
    longer kernels) is encoded in pieces, which overlap by all steps that a
    representation depends on.
    Features are those of the series encoded at once, but for rounding in single
    precision (up to 1e-5).

    References
    ----------
    .. [1] Fraikin, Bennetot, Allassonnière (2024). "T-Rep: Representation Learning
       for Time Series using Time-Embeddings". ICLR.
    .. [2] Yue et al. (2022). "TS2Vec: Towards Universal Representation of Time
       Series". AAAI.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep import TRepTransformer
    >>> X = np.random.default_rng(0).normal(size=(8, 2, 30))  # 8 series, 2 channels
    >>> trep = TRepTransformer(n_latents=4, n_blocks=2, max_steps=5, random_state=0)
    >>> trep.fit_transform(X).shape
    (8, 12)
    >>> trep.encode(X).shape
    (8, 4, 30)
    """

    _of_first_panel: ClassVar[frozenset[str]] = frozenset({"time_scale"})

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **RepresentationTransformer._parameter_constraints,
        "hidden_channels": [Interval(Integral, 1, None, closed="left")],
        "n_blocks": [Interval(Integral, 0, 30, closed="both")],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "time_embedding": [StrOptions({"time2vec", "mlp", "rbf"}), None],
        "n_time_latents": [Interval(Integral, 1, None, closed="left")],
        "causal": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "mask_ratio": [Interval(Real, 0, 1, closed="left")],
        "missing": [StrOptions({"all", "any"})],
        "task_weights": [dict, None],
        "temporal_unit": [Interval(Integral, 0, 30, closed="both")],
        "max_forecast_distance": [Interval(Integral, 1, None, closed="left")],
        "identity_share": [Interval(Real, 0, 1, closed="both")],
        "detach_targets": ["boolean"],
        "train_heads": ["boolean"],
        "time_pooling": [StrOptions({"mean", "max"})],
    }

    def __init__(
        self,
        n_latents: int = 128,
        *,
        hidden_channels: int = 64,
        n_blocks: int = 10,
        kernel_size: int = 3,
        time_embedding: str | None = "time2vec",
        n_time_latents: int = 16,
        causal: bool = False,
        dropout: float = 0.1,
        mask_ratio: float = 0.5,
        missing: str = "all",
        task_weights: dict[str, float] | None = None,
        temporal_unit: int = 0,
        max_forecast_distance: int = 10,
        identity_share: float = 0.0,
        detach_targets: bool = False,
        train_heads: bool = True,
        time_pooling: str = "mean",
        pooling: str | Sequence[str] = ("max", "segments"),
        n_segments: int = 2,
        scale: bool = True,
        on_empty: str = "raise",
        max_train_length: int | None = 512,
        max_epochs: int | str = "auto",
        max_steps: int = 50,
        batch_size: int = 16,
        lr: float = 3e-3,
        optimizer: str | type = "AdamW",
        optimizer_params: dict[str, Any] | None = None,
        lr_schedule: str | None = None,
        gradient_clip_value: float | None = None,
        weight_averaging: str | None = "equal",
        precision: str = "float32",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        callbacks: list[Any] | None = None,
        device: str = "auto",
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int | bool = False,
    ) -> None:
        self.n_latents = n_latents
        self.hidden_channels = hidden_channels
        self.n_blocks = n_blocks
        self.kernel_size = kernel_size
        self.time_embedding = time_embedding
        self.n_time_latents = n_time_latents
        self.causal = causal
        self.dropout = dropout
        self.mask_ratio = mask_ratio
        self.missing = missing
        self.task_weights = task_weights
        self.temporal_unit = temporal_unit
        self.max_forecast_distance = max_forecast_distance
        self.identity_share = identity_share
        self.detach_targets = detach_targets
        self.train_heads = train_heads
        self.time_pooling = time_pooling
        self.pooling = pooling
        self.n_segments = n_segments
        self.scale = scale
        self.on_empty = on_empty
        self.max_train_length = max_train_length
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

    def _network_class(self) -> type[nn.Module]:
        from sklearn_tsrep.nn.trep import TRepNetwork

        return TRepNetwork

    def _network_parameters(self, panel: Panel) -> dict[str, Any]:
        return {
            "n_channels": panel.n_channels,
            "n_latents": self.n_latents,
            "hidden_channels": self.hidden_channels,
            "n_blocks": self.n_blocks,
            "kernel_size": self.kernel_size,
            "time_embedding": self.time_embedding,
            "n_time_latents": self.n_time_latents,
            "time_scale": float(panel.observed_lengths.max()),
            "causal": self.causal,
            "dropout_share": self.dropout,
            "train_heads": self.train_heads,
        }

    def _objective(self) -> tuple[type[nn.Module], dict[str, Any]]:
        from sklearn_tsrep.losses.trep import TRepObjective

        return TRepObjective, {
            "task_weights": self._normalized_weights(),
            "temporal_unit": self.temporal_unit,
            "max_forecast_distance": self.max_forecast_distance,
            "identity_share": self.identity_share,
            "detach_targets": self.detach_targets,
            "time_pooling": self.time_pooling,
        }

    def _batches(
        self,
        reader: SeriesReader,
        pieces: Pieces,
        seed: np.random.SeedSequence,
        repeatable: bool,
    ) -> ContextBatches:
        from sklearn_tsrep.data.batches import ContextBatches

        if not repeatable:  # what is held back may be short by chance
            self._check_temporal_unit(pieces)
        return ContextBatches(
            reader,
            pieces,
            batch_size=self.batch_size,
            min_overlap=2 ** (self.temporal_unit + 1),
            mask_ratio=self.mask_ratio,
            seed=seed,
            repeatable=repeatable,
        )

    def _reader(self, panel: Panel) -> SeriesReader:
        from sklearn_tsrep.data.batches import SeriesReader
        from sklearn_tsrep.data.scaling import ChannelScaler

        scaler = ChannelScaler(self.mean_, self.scale_)
        return SeriesReader(panel, scaler, self.missing)

    def _hidden_channel(self, hide: int | str) -> int | None:
        channel = super()._hidden_channel(hide)
        # A step without one of its channels is masked then, as without all.
        return None if self.missing == "any" else channel

    def _check_temporal_unit(self, pieces: Pieces) -> None:
        longest = int(pieces.lengths.max())
        along_time = set(self._normalized_weights()) - {"instance"}
        if along_time and longest <= 2**self.temporal_unit:
            raise ValueError(
                f"temporal_unit={self.temporal_unit} leaves no task along time to "
                f"series of at most {longest} time points; it must be at most "
                f"{max(math.ceil(math.log2(longest)) - 1, 0)} for them."
            )

    def _check_parameters(self) -> None:
        super()._check_parameters()
        self._normalized_weights()

    def _normalized_weights(self) -> dict[str, float]:
        """Return the weights of the tasks, with sum 1."""
        contrasts = ("instance", "temporal")
        tasks = (*contrasts, "divergence", "forecast")
        possible = contrasts if self.time_embedding is None else tasks
        given = weights_of_tasks(self.task_weights, dict.fromkeys(tasks, 1.0))
        weights = {task: given[task] for task in possible}
        total = sum(weights.values())
        if not total:
            raise ValueError(
                f"task_weights={self.task_weights!r} leaves no task to learn from"
                + (" without a time-embedding." if self.time_embedding is None else ".")
            )
        return {task: weight / total for task, weight in weights.items() if weight}
