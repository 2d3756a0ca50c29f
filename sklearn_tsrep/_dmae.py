"""DMAE: representations of time series by a dual-masked autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_tsrep._base import weights_of_tasks
from sklearn_tsrep._panels import filled_gaps, is_table
from sklearn_tsrep._sklearn import Interval, StrOptions
from sklearn_tsrep._transformer import RepresentationTransformer, written
from sklearn_tsrep.data.panel import Panel

if TYPE_CHECKING:
    from torch import nn

    from sklearn_tsrep.data.batches import Pieces, SeriesReader
    from sklearn_tsrep.data.masked import MaskedBatches

_TASK_WEIGHTS = {"value": 1.0, "latent": 0.0, "alignment": 0.0}
# With patch_length="auto" no more tokens than these are encoded at once.
_MOST_TOKENS = 128


class DMAETransformer(RepresentationTransformer):
    """Representations of time series by a dual-masked autoencoder, without labels.

    A transformer, the student, sees patches of a series of which single values are
    hidden, and other patches not at all. It learns to estimate the hidden values; if
    asked to, also the latents that a teacher, a moving average of the student that sees
    everything, has for the hidden patches, and their features [1]_. `transform` pools
    the latents of a series into one vector of features, `encode` returns those of each
    time step, `impute` fills gaps with what the student makes of them.

    Parameters
    ----------
    n_latents : int, default=128
        Width of the transformer, and of a representation; a multiple of twice
        ``n_heads``.

    n_layers : int, default=2
        Layers of the encoder.

    n_heads : int, default=8
        Heads of its attention.

    n_regressor_layers : int, default=1
        Layers of cross-attention by which latents of hidden patches are estimated.

    patch_length : int or "auto", default="auto"
        Time steps of a patch, which is encoded as one token. "auto" for the fewest
        that give 128 tokens a training series at most.

    attribute_mask_ratio : float, default=0.3
        Share of the values hidden from the student, in runs along time, each channel
        by itself.

    mean_mask_length : float, default=3.0
        Mean length of these runs, in time steps.

    token_mask_ratio : float, default=0.5
        Share of the patches hidden from the student as a whole.

    task_weights : dict of str to float or None, default=None
        Weights of the tasks "value", "latent" and "alignment"; 1, 0 and 0 for
        those that it does not name. A task of weight 0 is left out.

    decorrelation_weight : float, default=50.0
        Weight, within the alignment, of what keeps different features apart.

    teacher_half_life : float, default=0.05
        Share of all training steps after which the weight of a student in the teacher
        falls to a half at first; it rises on a cosine until the teacher stands still.

    n_target_layers : int, default=1
        Layers of the teacher, from the last one down, whose mean is to be estimated.

    encoder : {"teacher", "student"}, default="teacher"
        Whose latents `transform` and `encode` give. May be changed after fit.

    dropout : float, default=0.0
        Share of the outputs of each layer that is dropped in training.

    pooling : {"max", "mean", "last", "segments", "multiscale"} or sequence of them, \
            default=("max", "segments")
        How `transform` pools time steps; features of several poolings stand side by
        side. May be changed after fit.

    n_segments : int, default=2
        Number of segments of the pooling "segments".

    scale : bool, default=True
        Whether to standardise each channel with mean and standard deviation of the
        training panel.

    on_empty : {"raise", "nan"}, default="raise"
        What to do about an instance without any value: an error, or to leave it out
        of training and return a row of NaN for it.

    max_train_length : int or None, default=512
        Longer series are cut into equal pieces for training; None cuts nothing.

    max_epochs : int or "auto", default="auto"
        Passes over the training panel; "auto" for as many as give ``max_steps``.
        0 leaves the random weights: a control that every comparison should carry.

    max_steps : int, default=100
        Steps of the optimiser with ``max_epochs="auto"``.

    batch_size : int, default=64
        Most series of a batch.

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
        weights of the last step; the teacher is an average anyway.

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
        Of initial weights, masks, dropout and the order of the series. An int gives the
        same bits again at an equal number of torch threads.

    verbose : int or bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    module_ : torch.nn.Module
        The network, in evaluation mode.

    history_ : dict of str to ndarray of shape (`n_iter_`,)
        One entry an epoch: ``"train_loss"``, the loss of each task, and, if one asks
        the teacher, the spread (standard deviation) of its latents, which tells a
        collapse; with early stopping also the losses on the part held back.

    loss_curve_ : list of float of length `n_iter_`
        Training loss of each epoch.

    n_iter_ : int
        Number of epochs.

    mean_, scale_ : ndarray of shape (n_channels,), float64
        What each channel is standardised with.

    n_features_in_ : int
        Time points if `fit` was given a 2-D array, channels otherwise.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        If `X` was a DataFrame.

    See Also
    --------
    DMAEImputer : Fills gaps as a step of a pipeline.
    TRepTransformer : Representations by contrast, from convolutions.

    Notes
    -----
    A series longer than the pieces in training is encoded in windows of their length,
    which overlap by a half; a step is taken from the window whose middle is nearest.
    The user guide says what is the abstract's and what was chosen here.

    References
    ----------
    .. [1] "MTS-DMAE: Dual-Masked Autoencoder for Unsupervised Multivariate Time
       Series Representation Learning". arXiv:2509.16078.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep import DMAETransformer
    >>> X = np.random.default_rng(0).normal(size=(8, 2, 30))  # 8 series, 2 channels
    >>> X[0, 1, 3:7] = np.nan
    >>> dmae = DMAETransformer(n_latents=8, n_heads=2, max_steps=5, random_state=0)
    >>> dmae.fit_transform(X).shape
    (8, 24)
    >>> bool(np.isnan(dmae.impute(X)).any())
    False
    """

    _of_first_panel: ClassVar[frozenset[str]] = frozenset({"window_length"})
    _without_weights: ClassVar[frozenset[str]] = frozenset(
        {"dropout_share", "n_target_layers"}
    )

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **RepresentationTransformer._parameter_constraints,
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "n_regressor_layers": [Interval(Integral, 1, None, closed="left")],
        "patch_length": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "attribute_mask_ratio": [Interval(Real, 0, 1, closed="left")],
        "mean_mask_length": [Interval(Real, 1, None, closed="left")],
        "token_mask_ratio": [Interval(Real, 0, 1, closed="left")],
        "task_weights": [dict, None],
        "decorrelation_weight": [Interval(Real, 0, None, closed="left")],
        "teacher_half_life": [Interval(Real, 0, None, closed="neither")],
        "n_target_layers": [Interval(Integral, 1, None, closed="left")],
        "encoder": [StrOptions({"teacher", "student"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        n_latents: int = 128,
        *,
        n_layers: int = 2,
        n_heads: int = 8,
        n_regressor_layers: int = 1,
        patch_length: int | str = "auto",
        attribute_mask_ratio: float = 0.3,
        mean_mask_length: float = 3.0,
        token_mask_ratio: float = 0.5,
        task_weights: dict[str, float] | None = None,
        decorrelation_weight: float = 50.0,
        teacher_half_life: float = 0.05,
        n_target_layers: int = 1,
        encoder: str = "teacher",
        dropout: float = 0.0,
        pooling: str | Sequence[str] = ("max", "segments"),
        n_segments: int = 2,
        scale: bool = True,
        on_empty: str = "raise",
        max_train_length: int | None = 512,
        max_epochs: int | str = "auto",
        max_steps: int = 100,
        batch_size: int = 64,
        lr: float = 1e-3,
        optimizer: str | type = "AdamW",
        optimizer_params: dict[str, Any] | None = None,
        lr_schedule: str | None = None,
        gradient_clip_value: float | None = 1.0,
        weight_averaging: str | None = None,
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
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.n_regressor_layers = n_regressor_layers
        self.patch_length = patch_length
        self.attribute_mask_ratio = attribute_mask_ratio
        self.mean_mask_length = mean_mask_length
        self.token_mask_ratio = token_mask_ratio
        self.task_weights = task_weights
        self.decorrelation_weight = decorrelation_weight
        self.teacher_half_life = teacher_half_life
        self.n_target_layers = n_target_layers
        self.encoder = encoder
        self.dropout = dropout
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

    def reconstruct(self, X: Any) -> np.ndarray | list[np.ndarray]:
        """Return the value that is believed of every entry of a panel.

        Parameters
        ----------
        X : array-like of shape (n_instances, n_channels, n_timepoints), or a panel
            Series with the channels seen in fit, of any length; NaN is missing data,
            wherever it stands.

        Returns
        -------
        values : ndarray of the shape of X, or list of ndarray
            float64; a list where lengths differ, 2-D where X was. With
            ``on_empty="nan"`` NaN for an instance without a value.

        Raises
        ------
        NotFittedError, ValueError
            As `transform`.
        """
        check_is_fitted(self)
        values = self._reconstructed(self._read_observed(X))
        return values[:, 0] if is_table(X) else values  # type: ignore[call-overload]

    def impute(self, X: Any) -> np.ndarray | list[np.ndarray]:
        """Return a panel with its gaps filled; values that are there stay as they are.

        Parameters
        ----------
        X : array-like of shape (n_instances, n_channels, n_timepoints), or a panel
            As in `reconstruct`.

        Returns
        -------
        values : ndarray of the shape of X, or list of ndarray
            As in `reconstruct`; integers, which have no gaps, stay integers.

        Raises
        ------
        NotFittedError, ValueError
            As `transform`.
        """
        check_is_fitted(self)
        panel = self._read_observed(X)
        filled = filled_gaps(panel, self._reconstructed(panel))
        if not panel.is_equal_length:
            return filled
        return np.stack(filled)[:, 0] if is_table(X) else np.stack(filled)

    def _reconstructed(self, panel: Panel) -> np.ndarray | list[np.ndarray]:
        whole = panel.with_ends()
        module: Any = self.module_
        batches = self._computed(module.reconstructor, whole)
        scaled = written(batches, whole, panel.n_channels)
        scale, mean = self.scale_[:, np.newaxis], self.mean_[:, np.newaxis]
        values = [series * scale + mean for series in scaled]
        return np.stack(values) if panel.is_equal_length else values

    def _encoder(self) -> Any:
        self._validate_params()
        return getattr(self.module_, self.encoder)

    def _network_class(self) -> type[nn.Module]:
        from sklearn_tsrep.nn.dmae import DMAENetwork

        return DMAENetwork

    def _network_parameters(self, panel: Panel) -> dict[str, Any]:
        patch_length = self._patch_length(panel)
        n_tokens = -(-self._longest_piece(panel) // patch_length)
        weights = self._task_weights()
        asks_teacher = weights["latent"] or weights["alignment"]
        return {
            "n_channels": panel.n_channels,
            "n_latents": self.n_latents,
            "n_layers": self.n_layers,
            "n_heads": self.n_heads,
            "n_regressor_layers": self.n_regressor_layers,
            "n_target_layers": self.n_target_layers if asks_teacher else 0,
            "patch_length": patch_length,
            "window_length": n_tokens * patch_length,
            "dropout_share": self.dropout,
        }

    def _patch_length(self, panel: Panel) -> int:
        if self.patch_length != "auto":
            return int(self.patch_length)
        if self.__sklearn_is_fitted__():
            return self._network_arguments["patch_length"]
        return -(-self._longest_piece(panel) // _MOST_TOKENS)

    def _longest_piece(self, panel: Panel) -> int:
        lengths = panel.observed_lengths
        if self.max_train_length is None:
            return int(lengths.max())
        n_pieces = np.maximum(-(-lengths // self.max_train_length), 1)
        return int((-(-lengths // n_pieces)).max())

    def _objective(self) -> tuple[type[nn.Module], dict[str, Any]]:
        from sklearn_tsrep.losses.dmae import DMAEObjective

        return DMAEObjective, {
            "task_weights": self._task_weights(),
            "decorrelation_weight": self.decorrelation_weight,
        }

    def _batches(
        self,
        reader: SeriesReader,
        pieces: Pieces,
        seed: np.random.SeedSequence,
        repeatable: bool,
    ) -> MaskedBatches:
        from sklearn_tsrep.data.masked import MaskedBatches

        if not repeatable:  # what is held back may be short by chance
            longest = int(pieces.lengths.max())
            n_tokens = -(-longest // self._network_arguments["patch_length"])
            self._check_something_to_learn(n_tokens)
        return MaskedBatches(
            reader,
            pieces,
            self.batch_size,
            seed,
            repeatable,
            patch_length=self._network_arguments["patch_length"],
            attribute_mask_ratio=self.attribute_mask_ratio,
            mean_mask_length=self.mean_mask_length,
            token_mask_ratio=self.token_mask_ratio,
        )

    def _method_callbacks(self, n_steps: int) -> list[Any]:
        from sklearn_tsrep.training.callbacks import TeacherUpdate

        return [TeacherUpdate(max(self.teacher_half_life * n_steps, 1e-9), n_steps)]

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.n_latents % (2 * self.n_heads):
            raise ValueError(
                "n_latents must be a multiple of twice n_heads, got "
                f"n_latents={self.n_latents} and n_heads={self.n_heads}."
            )
        if self.n_target_layers > self.n_layers:
            raise ValueError(
                "n_target_layers must be at most n_layers, got "
                f"n_target_layers={self.n_target_layers} and n_layers={self.n_layers}."
            )
        self._check_something_to_learn()

    def _check_something_to_learn(self, n_tokens: float = np.inf) -> None:
        """Check that a task has something hidden; one patch is always seen."""
        weights = self._task_weights()
        hides_patches = self.token_mask_ratio > 0 and n_tokens > 1
        learns_values = weights["value"] and (
            self.attribute_mask_ratio or hides_patches
        )
        asks_teacher = weights["latent"] or weights["alignment"]
        if not learns_values and not (asks_teacher and hides_patches):
            raise ValueError(
                "What is hidden leaves no task to learn from: got task_weights="
                f"{weights}, attribute_mask_ratio={self.attribute_mask_ratio}, "
                f"token_mask_ratio={self.token_mask_ratio} and patch_length="
                f"{self.patch_length!r}; a series of one patch has it shown."
            )

    def _task_weights(self) -> dict[str, float]:
        return weights_of_tasks(self.task_weights, _TASK_WEIGHTS)
