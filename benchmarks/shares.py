"""Where the time of our training step goes: its pieces called one by one."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Any

import torch

from benchmarks.competitors import captured, crops_given, crops_of_round
from benchmarks.timed import Size, Steps
from sklearn_tsrep import TRepTransformer
from sklearn_tsrep.training.callbacks import WeightAveraging


class TakenApart:
    """A training whose steps are taken piece by piece.

    Losses are computed from outputs cut off from the encoder, so that their backward
    pass ends there and that of the encoder can be timed apart.
    """

    def __init__(self, size: Size, steps: Steps) -> None:
        self.size = size
        self.steps = steps
        self.net, self.source = captured(TRepTransformer, {}, size)
        self.average = next(
            callback
            for _, callback in self.net.callbacks_
            if isinstance(callback, WeightAveraging)
        )

    def seconds(self, number: int) -> dict[str, float]:
        """Return the seconds a step of each piece in a round."""
        crops = crops_of_round(self.size, self.steps, number)
        with crops_given(crops):
            batches = chain.from_iterable(repeat(self.source))
            for _ in range(self.steps.n_untimed):
                self._step(batches)
            taken = [self._step(batches) for _ in range(self.steps.n_timed)]
        return {
            piece: sum(step[piece] for step in taken) / len(taken) for piece in taken[0]
        }

    def _step(self, batches: Iterator[Any]) -> dict[str, float]:
        net = self.net
        spent: dict[str, float] = defaultdict(float)
        clock = _clock(spent)
        network = net.module_.train()
        with clock("optimiser"):
            net.optimizer_.zero_grad()
        with clock("data"):
            batch = next(batches).to(net.device)
        with clock("encoder"):
            outputs = network(batch, net.generator_)
        leaves = type(outputs)(*map(_cut_off, outputs))
        with clock("losses"):
            losses = net.criterion_(network, leaves, net.generator_)
            net.criterion_.monitors(leaves)
            weights = net.criterion_.task_weights
            sum(weights[task] * loss for task, loss in losses.items()).backward()
        with clock("encoder"):
            _go_on_backward(outputs, leaves)
        with clock("optimiser"):
            net.optimizer_.step()
        with clock("averaging"):
            self.average.on_batch_end(net, training=True)
        return spent


def _clock(spent: dict[str, float]) -> Callable[[str], Any]:
    @contextmanager
    def clock(piece: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        spent[piece] += time.perf_counter() - begin

    return clock


def _cut_off(output: Any) -> Any:
    if not (isinstance(output, torch.Tensor) and output.requires_grad):
        return output
    return output.detach().requires_grad_()


def _go_on_backward(outputs: Any, leaves: Any) -> None:
    cut = [
        (output, leaf.grad)
        for output, leaf in zip(outputs, leaves, strict=True)
        if output is not leaf and leaf.grad is not None
    ]
    tensors, gradients = zip(*cut, strict=True)
    torch.autograd.backward(tensors, gradients)
