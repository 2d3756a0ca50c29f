"""One skorch net for every method."""

import itertools
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping
from torch import Tensor, nn

from sklearn_tsrep.training.callbacks import StopTraining, WeightAveraging
from sklearn_tsrep.training.seeds import device_generator, seeded_initialization


class SelfSupervisedNet(NeuralNet):
    """Trains a network on batches by a weighted sum of named losses.

    A method brings two classes and a source of batches:

    - the module, whose ``forward(batch, generator)`` returns what the losses need, as
      float32 whatever it computes in;
    - the criterion, whose ``forward(module, outputs, generator)`` returns a dict of
      scalar losses, weighted by its ``task_weights`` (in validation by its
      ``validation_weights``, if it has them), and whose ``monitors(outputs)``
      returns a dict of scalars to watch;
    - an iterable of batches with ``to(device)`` and ``len``, one pass an epoch, drawn
      by its ``rng``, a `numpy.random.Generator`.

    Parameters
    ----------
    module, criterion : type
        The two classes; parameters as ``module__*`` and ``criterion__*``.

    seed : numpy.random.SeedSequence
        Of the initial weights and of what is drawn in training.

    max_steps : int or None, default=None
        Steps of the optimiser after which training ends, also inside an epoch.

    precision : {"float32", "bfloat16"}, default="float32"
        What the module computes in; losses are always float32.

    **parameters
        As in `skorch.NeuralNet`.
    """

    def __init__(
        self,
        module: type[nn.Module],
        criterion: type[nn.Module],
        *,
        seed: np.random.SeedSequence,
        max_steps: int | None = None,
        precision: str = "float32",
        **parameters: Any,
    ) -> None:
        super().__init__(
            module,
            criterion=criterion,
            train_split=None,
            iterator_train=None,
            iterator_valid=None,
            **parameters,
        )
        self.seed = seed
        self.max_steps = max_steps
        self.precision = precision

    def initialize_module(self) -> "SelfSupervisedNet":
        """Build the module from the seed, global generators left as they are."""
        weight_seed, draw_seed, validation_seed = (
            int(seed) for seed in self.seed.generate_state(3)
        )
        with seeded_initialization(weight_seed):
            super().initialize_module()
        self.generator_ = device_generator(draw_seed, self.device)
        self.validation_seed_ = validation_seed
        self.n_steps_ = 0
        return self

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return the batches themselves: they come ready from their source."""
        return _WithinBudget(self, dataset) if training else dataset

    def get_split_datasets(
        self, X: Any, y: Any = None, **parameters: Any
    ) -> tuple[Any, Any]:
        """Return the training batches and the validation batches, if any."""
        return X, y

    def check_data(self, X: Any, y: Any = None) -> None:
        """Accept the batches as they are: estimators have checked their data."""

    @property
    def delivered_module_(self) -> nn.Module:
        """The module with the weights to use after training."""
        for _, callback in self.callbacks_:
            if isinstance(callback, WeightAveraging) and callback.has_started:
                return callback.averaged_module
        return self.module_

    def train_step_single(self, batch: Any, **parameters: Any) -> dict[str, Any]:
        """Compute the losses of a batch and their gradients."""
        self._set_training(True)
        step = self._losses(self.module_, batch, self.generator_)
        _check_finite("loss", step["loss"], self.n_steps_ + 1)
        step["loss"].backward()
        self.n_steps_ += 1
        return step

    def validation_step(self, batch: Any, **parameters: Any) -> dict[str, Any]:
        """Compute the losses of a batch with the weights to be delivered."""
        module = self.delivered_module_.eval()
        generator = device_generator(self.validation_seed_, self.device)
        with torch.no_grad():
            return self._losses(module, batch, generator)

    def _losses(
        self, module: nn.Module, batch: Any, generator: torch.Generator
    ) -> dict[str, Any]:
        with self._autocast():
            outputs = module(
                batch.to(self.device), generator if module.training else None
            )
        criterion = self.criterion_
        terms = criterion(module, outputs, generator)
        weights = criterion.task_weights
        if not module.training:
            weights = getattr(criterion, "validation_weights", weights)
        loss: Tensor = sum(
            weights[name] * term for name, term in terms.items() if name in weights
        )
        return {"loss": loss, "terms": terms, "monitors": criterion.monitors(outputs)}

    def _autocast(self) -> Any:
        if self.precision == "float32":
            return nullcontext()
        device_type = torch.device(self.device).type
        return torch.autocast(device_type, dtype=getattr(torch, self.precision))

    def train(self, batches: Any, validation: Any = None) -> "SelfSupervisedNet":
        """Train for ``max_epochs``, from the present weights on.

        An interruption by the user ends the training with a warning; what was
        learned until then is kept.

        Parameters
        ----------
        batches : iterable of batches
            One pass is an epoch.

        validation : iterable of batches or None, default=None
            To compute the validation loss after each epoch.

        Raises
        ------
        ValueError
            If the loss is no longer finite.
        """
        if not self.initialized_:
            self.initialize()
        self.notify("on_train_begin", X=batches, y=validation)
        try:
            with torch.enable_grad():
                self.fit_loop(batches, validation)
        except StopTraining:
            pass
        except KeyboardInterrupt:
            # skorch's early stopping ends the training by this exception as well.
            if not any(_has_run_out(callback) for _, callback in self.callbacks_):
                warnings.warn(
                    "Training interrupted by user; what was learned is kept.",
                    stacklevel=2,
                )
        weights = nn.utils.parameters_to_vector(self.delivered_module_.parameters())
        _check_finite("largest weight", weights.abs().max(), self.n_steps_)
        self.notify("on_train_end", X=batches, y=validation)
        return self


class _WithinBudget:
    """Batches of an epoch, as many as the budget of steps allows."""

    def __init__(self, net: SelfSupervisedNet, batches: Any) -> None:
        self.net = net
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        remaining = None
        if self.net.max_steps is not None:
            remaining = max(self.net.max_steps - self.net.n_steps_, 0)
        return itertools.islice(self.batches, remaining)


def _check_finite(name: str, value: Tensor, step: int) -> None:
    if not torch.isfinite(value):
        raise ValueError(
            f"Training diverged: the {name} was {value.item()} at step {step}. A lower "
            "lr, gradient_clip_value=1.0 or scale=True may help."
        )


def _has_run_out(callback: Any) -> bool:
    return isinstance(callback, EarlyStopping) and (
        callback.misses_ >= callback.patience
    )
