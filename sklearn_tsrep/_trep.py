"""T-Rep: representations of time series with time-embeddings."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from sklearn_tsrep._base import RepresentationTransformer
from sklearn_tsrep._sklearn import Interval, StrOptions
from sklearn_tsrep.data.panel import Panel

if TYPE_CHECKING:
    from torch import nn

    from sklearn_tsrep.data.batches import ContextBatches, Pieces, SeriesReader


class TRepTransformer(RepresentationTransformer):
    """T-Rep representations of time series, learned without labels."""

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
        "detach_targets": ["boolean"],
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
        detach_targets: bool = False,
        pooling: str | list[str] = "max",
        n_segments: int = 10,
        scale: bool = True,
        on_empty: str = "raise",
        max_train_length: int | None = 512,
        max_epochs: int | str = "auto",
        max_steps: int = 200,
        batch_size: int = 16,
        lr: float = 1e-3,
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
        self.detach_targets = detach_targets
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
            "time_scale": float(panel.stops.max()),
            "causal": self.causal,
            "dropout_share": self.dropout,
        }

    def _objective(self) -> tuple[type[nn.Module], dict[str, Any]]:
        from sklearn_tsrep.losses.trep import TRepObjective

        return TRepObjective, {
            "task_weights": self._normalized_weights(),
            "temporal_unit": self.temporal_unit,
            "max_forecast_distance": self.max_forecast_distance,
            "detach_targets": self.detach_targets,
        }

    def _batches(
        self,
        reader: SeriesReader,
        pieces: Pieces,
        seed: np.random.SeedSequence,
        repeatable: bool,
    ) -> ContextBatches:
        from sklearn_tsrep.data.batches import ContextBatches

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

    def _normalized_weights(self) -> dict[str, float]:
        """Return the weights of the tasks, with sum 1."""
        contrasts = ("instance", "temporal")
        tasks = (*contrasts, "divergence", "forecast")
        possible = contrasts if self.time_embedding is None else tasks
        given = self.task_weights or {}
        if not set(given) <= set(tasks) or min(given.values(), default=0) < 0:
            raise ValueError(
                f"task_weights must map names from {list(tasks)} to weights of at "
                f"least 0, got {self.task_weights!r}."
            )
        weights = {task: float(given.get(task, 1.0)) for task in possible}
        total = sum(weights.values())
        if not total:
            raise ValueError(
                f"task_weights={self.task_weights!r} leaves no task to learn from"
                + (" without a time-embedding." if self.time_embedding is None else ".")
            )
        return {task: weight / total for task, weight in weights.items()}
