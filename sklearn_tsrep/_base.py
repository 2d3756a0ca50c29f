"""The skeleton of estimators that train a network without labels."""

from __future__ import annotations

import math
from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_random_state

from sklearn_tsrep._html import DisplayedEstimator
from sklearn_tsrep._sklearn import Interval, StrOptions
from sklearn_tsrep.data.panel import Panel

if TYPE_CHECKING:
    from torch import nn

    from sklearn_tsrep.data.batches import Pieces, SeriesReader
    from sklearn_tsrep.training.net import SelfSupervisedNet


class TrainingBatches(NamedTuple):
    """What a network is trained on: a seed, and sources of batches."""

    seed: np.random.SeedSequence
    training: Any
    validation: Any | None


class SelfSupervisedEstimator(
    CallbackSupportMixin, DisplayedEstimator, metaclass=ABCMeta
):
    """Trains a network without labels, and keeps its weights as arrays.

    A method names its parameters, says how data is read, and builds its network, its
    objective and its batches. What an estimator does with the network is for the
    classes in between.
    """

    history_: dict[str, np.ndarray]

    # Arguments of the network that the first panel decides, and no later one changes.
    _of_first_panel: ClassVar[frozenset[str]] = frozenset()
    # Those that may change while training goes on, since no weight depends on them.
    _without_weights: ClassVar[frozenset[str]] = frozenset({"dropout_share"})

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "scale": ["boolean"],
        "max_epochs": [
            StrOptions({"auto"}),
            Interval(Integral, 0, None, closed="left"),
        ],
        "max_steps": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "optimizer": [str, type],
        "optimizer_params": [dict, None],
        "lr_schedule": [StrOptions({"cosine", "exponential"}), None],
        "gradient_clip_value": [Interval(Real, 0, None, closed="neither"), None],
        "weight_averaging": [StrOptions({"equal", "ema"}), None],
        "precision": [StrOptions({"float32", "bfloat16"})],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "callbacks": [list, None],
        "device": [str],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def _check_parameters(self) -> None:
        """Raise ValueError where parameters do not fit together.

        To be called before data are looked at: a fit that is refused leaves the one
        before as it was.
        """

    @abstractmethod
    def _network_class(self) -> type[nn.Module]:
        """Return the class of the network."""

    @abstractmethod
    def _network_parameters(self, panel: Panel) -> dict[str, Any]:
        """Return the keyword arguments of the network, plain values only."""

    @abstractmethod
    def _objective(self) -> tuple[type[nn.Module], dict[str, Any]]:
        """Return the class of the objective, and its keyword arguments."""

    @abstractmethod
    def _batches(
        self,
        reader: SeriesReader,
        pieces: Pieces,
        seed: np.random.SeedSequence,
        repeatable: bool,
    ) -> Any:
        """Return the source of batches."""

    @abstractmethod
    def _pieces(self, panel: Panel) -> Pieces:
        """Return the ranges of the series to train on."""

    @abstractmethod
    def _hold_back(
        self, pieces: Pieces, seed: np.random.SeedSequence
    ) -> tuple[Pieces, Pieces]:
        """Split pieces into those to train on and those to validate on."""

    def _reader(self, panel: Panel) -> SeriesReader:
        """Return what reads the series of a panel for the network."""
        from sklearn_tsrep.data.batches import SeriesReader
        from sklearn_tsrep.data.scaling import ChannelScaler

        return SeriesReader(panel, ChannelScaler(self.mean_, self.scale_))

    @property
    def module_(self) -> nn.Module:
        """The fitted torch network, in evaluation mode."""
        if not self.__sklearn_is_fitted__():
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute 'module_' before fit"
            )
        if "_module" not in self.__dict__:
            self._module = self._rebuilt_module()
        return self._module

    def __getstate__(self) -> dict[str, Any]:
        """Leave the torch network out: it is rebuilt from its weights."""
        state = dict(super().__getstate__())
        state.pop("_module", None)
        return state

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_weights")

    def _prepared(self, panel: Panel, *, resumed: bool) -> TrainingBatches:
        """Return what is trained on, and remember what that takes of the panel.

        To be called where what was remembered is forgotten if the panel, or how to
        train, is refused.
        """
        from sklearn_tsrep._callbacks import check_callbacks

        check_callbacks(self.callbacks)
        self._optimizer_arguments()
        seed = self._draw_seed()
        if resumed:
            self._update_network_arguments(panel)
        else:
            self._remember(panel)
            self._split_entropy = seed.entropy
        split = self._split(panel, seed, self.n_iter_ if resumed else 0)
        return TrainingBatches(seed, *split)

    def _train(
        self, batches: TrainingBatches, *, resumed: bool, keep_state: bool
    ) -> None:
        from sklearn_tsrep.training.state import training_state

        seed, training, validation = batches
        n_epochs, max_steps = self._budget(len(training))
        context = self._init_callback_context(max_subtasks=n_epochs)
        context.call_on_fit_task_begin(estimator=self)
        n_steps = n_epochs * len(training) if max_steps is None else max_steps
        callbacks = self._net_callbacks(n_steps, context)
        net = self._make_net(seed, n_epochs, max_steps, callbacks)
        if resumed:
            self._resume(net, training)
        if n_epochs:
            net.train(training, validation)
        self._keep_results(net, resumed)
        self._training_state = training_state(net, training) if keep_state else None
        context.call_on_fit_task_end(estimator=self)

    def _remember(self, panel: Panel) -> None:
        """Take from the panel what does not change when training goes on."""
        from sklearn_tsrep.data.scaling import ChannelScaler

        # Should training fail, old weights must not be used with new statistics.
        self.__dict__.pop("_weights", None)

        scaler = (
            ChannelScaler.fit(panel)
            if self.scale
            else ChannelScaler.identity(panel.n_channels)
        )
        self.mean_, self.scale_ = scaler.mean, scaler.scale
        self._network_arguments = self._network_parameters(panel)

    def _draw_seed(self) -> np.random.SeedSequence:
        drawn = check_random_state(self.random_state).randint(2**31 - 1, size=4)
        return np.random.SeedSequence(drawn.tolist())

    def _split(
        self, panel: Panel, seed: np.random.SeedSequence, n_epochs_before: int
    ) -> tuple[Any, Any]:
        """Return the batches to train on, and those to validate on, if any."""
        reader = self._reader(panel)
        pieces = self._pieces(panel)
        batch_seed = _seed_of(seed.entropy, 2, n_epochs_before)
        if not self.early_stopping:
            return self._batches(reader, pieces, batch_seed, repeatable=False), None
        # A further training draws other crops, but holds back the same series.
        order_seed = _seed_of(self._split_entropy, 0)
        kept, held_back = self._hold_back(pieces, order_seed)
        validation_seed = _seed_of(seed.entropy, 1)
        return (
            self._batches(reader, kept, batch_seed, repeatable=False),
            self._batches(reader, held_back, validation_seed, repeatable=True),
        )

    def _make_net(
        self,
        seed: np.random.SeedSequence,
        n_epochs: int,
        max_steps: int | None,
        callbacks: list[Any],
    ) -> SelfSupervisedNet:
        from sklearn_tsrep.training.device import resolve_device
        from sklearn_tsrep.training.net import SelfSupervisedNet

        objective, objective_arguments = self._objective()
        return SelfSupervisedNet(
            self._network_class(),
            objective,
            seed=seed,
            max_steps=max_steps,
            max_epochs=n_epochs,
            precision=self.precision,
            device=resolve_device(self.device),
            lr=self.lr,
            verbose=0,
            callbacks=callbacks,
            **self._optimizer_arguments(),
            **_prefixed("module", self._network_arguments),
            **_prefixed("criterion", objective_arguments),
        ).initialize()

    def _optimizer_arguments(self) -> dict[str, Any]:
        from sklearn_tsrep.training.device import resolve_device
        from sklearn_tsrep.training.optimizers import optimizer_arguments

        device = resolve_device(self.device)
        return optimizer_arguments(self.optimizer, self.optimizer_params, device)

    def _budget(self, n_batches: int) -> tuple[int, int | None]:
        if self.max_epochs != "auto":
            return int(self.max_epochs), None
        return math.ceil(self.max_steps / n_batches), int(self.max_steps)

    def _net_callbacks(self, n_steps: int, context: Any) -> list[Any]:
        from sklearn_tsrep._callbacks import EpochTasks
        from sklearn_tsrep.training.callbacks import engine_callbacks, stopping_callback

        engine = engine_callbacks(
            n_steps=n_steps,
            weight_averaging=self.weight_averaging,
            gradient_clip_value=self.gradient_clip_value,
            lr_schedule=self.lr_schedule,
            early_stopping=self.early_stopping,
            show_progress=bool(self.verbose),
        )
        own = clone(self.callbacks or [], safe=False)
        stopping = (
            [stopping_callback(self.n_iter_no_change, self.tol)]
            if self.early_stopping
            else []
        )
        method = self._method_callbacks(n_steps)
        return [*method, *engine, *own, EpochTasks(self, context), *stopping]

    def _method_callbacks(self, n_steps: int) -> list[Any]:
        """Return skorch callbacks without which the method does not train."""
        return []

    def _resume(self, net: SelfSupervisedNet, batches: Any) -> None:
        from sklearn_tsrep.training.state import load_weights, resume_training

        if self._training_state is None:
            load_weights(net.module_, self._weights)
        else:
            resume_training(net, batches, self._training_state)

    def _keep_results(self, net: SelfSupervisedNet, resumed: bool) -> None:
        from sklearn_tsrep.training.history import appended, history_columns
        from sklearn_tsrep.training.state import shared_weights

        history = history_columns(net)
        self.history_ = appended(self.history_, history) if resumed else history
        losses = self.history_.get("train_loss", np.empty(0))
        self.loss_curve_ = losses.tolist()
        self.n_iter_ = len(self.loss_curve_)
        self._module = net.delivered_module_.eval().requires_grad_(False)
        self._weights = shared_weights(self._module)

    def _rebuilt_module(self) -> nn.Module:
        from sklearn_tsrep.training.device import resolve_device
        from sklearn_tsrep.training.seeds import seeded_initialization
        from sklearn_tsrep.training.state import load_weights

        with seeded_initialization(0):
            module = self._network_class()(**self._network_arguments)
        load_weights(module, self._weights)
        module.eval().requires_grad_(False)
        return module.to(resolve_device(self.device))

    def _update_network_arguments(self, panel: Panel) -> None:
        wanted = self._network_parameters(panel)
        may_differ = self._of_first_panel | self._without_weights
        changed = [
            name
            for name, value in self._network_arguments.items()
            if name not in may_differ and wanted[name] != value
        ]
        if changed:
            raise ValueError(
                f"Training cannot go on with another network: {', '.join(changed)} "
                "changed since the first fit. Set warm_start=False or clone the "
                "estimator."
            )
        self._network_arguments = self._network_arguments | {
            name: value
            for name, value in wanted.items()
            if name in self._without_weights
        }


def _seed_of(entropy: Any, *purpose: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(entropy, spawn_key=purpose)


def _prefixed(prefix: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}__{name}": value for name, value in arguments.items()}


def weights_of_tasks(
    given: dict[str, float] | None, usual: Mapping[str, float]
) -> dict[str, float]:
    """Return the weight of each task, the usual one where none is given.

    Raises
    ------
    ValueError
        If a task is not known, or a weight is not a finite number of at least 0.
    """
    weights = given or {}
    if not set(weights) <= set(usual) or not all(map(_is_weight, weights.values())):
        raise ValueError(
            f"task_weights must map names from {list(usual)} to finite weights of "
            f"at least 0, got {given!r}."
        )
    return {task: float(weights.get(task, usual[task])) for task in usual}


def _is_weight(value: Any) -> bool:
    return isinstance(value, Real) and 0 <= float(value) < math.inf
