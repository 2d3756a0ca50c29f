"""What the engine adds to skorch's callbacks."""

import copy
import math
from collections import defaultdict
from typing import Any

import numpy as np
import torch
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    GradientNormClipping,
    LRScheduler,
)
from torch import Tensor, nn
from torch.optim.swa_utils import (
    AveragedModel,
    get_ema_multi_avg_fn,
    get_swa_multi_avg_fn,
)
from tqdm.auto import tqdm


class StopTraining(Exception):
    """Ends the training; what was learned is kept."""


class WeightAveraging(Callback):
    """Keeps an average of the weights of all steps.

    Parameters
    ----------
    kind : {"equal", "ema"}, default="equal"
        All steps with equal weight, or an exponential moving average.

    decay : float, default=0.99
        Of the moving average.
    """

    def __init__(self, kind: str = "equal", decay: float = 0.99) -> None:
        self.kind = kind
        self.decay = decay

    @property
    def has_started(self) -> bool:
        """Whether there is an average yet."""
        return hasattr(self, "average_")

    @property
    def averaged_module(self) -> nn.Module:
        """The module with the averaged weights."""
        return self.average_.module

    def on_train_begin(self, net: Any, **parameters: Any) -> None:
        """Start from the present weights, or go on with the average at hand."""
        if not self.has_started:
            self.start(net)

    def start(self, net: Any) -> None:
        """Start anew from the present weights."""
        # The default for equal weights is many times slower without a GPU.
        average = (
            get_ema_multi_avg_fn(self.decay)
            if self.kind == "ema"
            else get_swa_multi_avg_fn()
        )
        self.average_ = AveragedModel(net.module_, multi_avg_fn=average)

    def on_batch_end(self, net: Any, training: bool = False, **parameters: Any) -> None:
        """Take the weights of the step into the average."""
        if training:
            self.average_.update_parameters(net.module_)


class TeacherUpdate(Callback):
    """Lets the module's ``teacher`` follow its ``student``, ever more slowly.

    After each step the teacher is a moving average of the students so far. Its decay
    has at first the half-life that is given, and rises to 1 on half a cosine.

    Parameters
    ----------
    half_life : float
        Steps after which the weight of a student has fallen to a half.

    n_steps : int
        Steps until the teacher stands still.
    """

    def __init__(self, half_life: float, n_steps: int) -> None:
        self.half_life = half_life
        self.n_steps = n_steps

    def decay(self, step: int) -> float:
        """Return the decay of the average at a step, counted from 1."""
        progress = min((step - 1) / max(self.n_steps, 1), 1.0)
        first = 0.5 ** (1 / self.half_life)
        return 1 - (1 - first) * (math.cos(math.pi * progress) + 1) / 2

    @torch.no_grad()
    def on_batch_end(self, net: Any, training: bool = False, **parameters: Any) -> None:
        """Take the student of this step into the average."""
        if training:
            update = get_ema_multi_avg_fn(self.decay(net.n_steps_))
            module = net.module_
            averaged, present = (
                list(part.parameters()) for part in (module.teacher, module.student)
            )
            update(averaged, present, None)


class LossTerms(Callback):
    """Writes the mean of each loss term and monitor over an epoch into the history."""

    def on_epoch_begin(self, net: Any, **parameters: Any) -> None:
        """Forget the epoch before."""
        self.values_: dict[str, list[Tensor]] = defaultdict(list)
        self.sizes_: dict[str, list[int]] = defaultdict(list)

    def on_batch_end(
        self,
        net: Any,
        batch: Any = None,
        training: bool = False,
        terms: dict[str, Tensor] | None = None,
        monitors: dict[str, Tensor] | None = None,
        **parameters: Any,
    ) -> None:
        """Collect the values of one batch."""
        prefix = "" if training else "valid_"
        losses = {f"{name}_loss": term for name, term in (terms or {}).items()}
        for name, value in {**losses, **(monitors or {})}.items():
            # Asking a GPU for each value at once would keep it waiting.
            self.values_[prefix + name].append(value.detach())
            self.sizes_[prefix + name].append(len(batch))

    def on_epoch_end(self, net: Any, **parameters: Any) -> None:
        """Record the means, weighted by the sizes of the batches."""
        for name, values in self.values_.items():
            mean = np.average(torch.stack(values).tolist(), weights=self.sizes_[name])
            net.history.record(name, float(mean))


class BestWeights(Callback):
    """Keeps the weights of the epoch with the lowest validation loss."""

    def on_train_begin(self, net: Any, **parameters: Any) -> None:
        """Nothing is known yet."""
        self.best_loss_ = np.inf
        self.best_weights_: dict[str, Tensor] | None = None

    def on_epoch_end(self, net: Any, **parameters: Any) -> None:
        """Keep the weights if they are the best so far."""
        loss = net.history[-1, "valid_loss"]
        if loss < self.best_loss_:
            self.best_loss_ = loss
            self.best_weights_ = copy.deepcopy(net.delivered_module_.state_dict())

    def on_train_end(self, net: Any, **parameters: Any) -> None:
        """Deliver the best weights."""
        if self.best_weights_ is not None:
            net.delivered_module_.load_state_dict(self.best_weights_)


class EpochBar(Callback):
    """A progress bar over the epochs, with the latest loss."""

    def on_train_begin(self, net: Any, **parameters: Any) -> None:
        """Open the bar."""
        self.bar_ = tqdm(total=net.max_epochs, desc="Training", unit="epoch")

    def on_epoch_end(self, net: Any, **parameters: Any) -> None:
        """Move on by an epoch."""
        last = net.history[-1]
        losses = {
            name: f"{last[name]:.4g}"
            for name in ("train_loss", "valid_loss")
            if name in last
        }
        self.bar_.set_postfix(losses)
        self.bar_.update()

    def on_train_end(self, net: Any, **parameters: Any) -> None:
        """Close the bar."""
        self.bar_.close()


def engine_callbacks(
    *,
    n_steps: int,
    weight_averaging: str | None,
    gradient_clip_value: float | None,
    lr_schedule: str | None,
    early_stopping: bool,
    show_progress: bool,
) -> list[Callback]:
    """Return the callbacks for the parameters that all methods share.

    Parameters
    ----------
    n_steps : int
        Steps of the optimiser that the learning-rate schedule spans.

    weight_averaging, gradient_clip_value, lr_schedule, early_stopping
        As in the estimators.

    show_progress : bool
        Whether to show a bar.
    """
    callbacks: list[Callback] = [LossTerms()]
    if weight_averaging is not None:
        callbacks.append(WeightAveraging(weight_averaging))
    if gradient_clip_value is not None:
        callbacks.append(GradientNormClipping(gradient_clip_value))
    if lr_schedule is not None:
        callbacks.append(_schedule(lr_schedule, n_steps))
    if show_progress:
        callbacks.append(EpochBar())
    if early_stopping:
        callbacks.append(BestWeights())
    return callbacks


def stopping_callback(n_iter_no_change: int, tol: float) -> Callback:
    """Return what ends the training when the validation loss no longer falls.

    It has to be the last of all callbacks: those behind it miss the end of the last
    epoch.
    """
    return EarlyStopping(patience=n_iter_no_change, threshold=tol, threshold_mode="abs")


def _schedule(name: str, n_steps: int) -> LRScheduler:
    n_steps = max(n_steps, 1)  # an untrained control has none
    policies: dict[str, dict[str, Any]] = {
        "cosine": {"policy": "CosineAnnealingLR", "T_max": n_steps},
        "exponential": {"policy": "ExponentialLR", "gamma": 0.01 ** (1 / n_steps)},
    }
    return LRScheduler(**policies[name], step_every="batch", event_name="lr")
