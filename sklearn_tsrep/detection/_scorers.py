"""Ways to say how strange time points are: each one learns, scores, and gives reasons.

A scorer learns from the normal series of a detector. Then it gives each time point of a
sequence a score of at least 0, and says what channels have in it. What it keeps is
arrays and plain values.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.decomposition import IncrementalPCA
from sklearn.utils import gen_batches

from sklearn_tsrep.data.rolling import rolling_sum
from sklearn_tsrep.detection._memory import Search, coreset, evenly, local_scales
from sklearn_tsrep.detection._sequence import Encoding, Sequence
from sklearn_tsrep.detection._windows import Windows

Reach = tuple[int, int] | None
_OfWindows = Callable[[Windows, np.ndarray], np.ndarray]

# Values of windows at a time, so that memory is bounded.
_VALUES_AT_ONCE = 2**22
# Training windows are scored by what is learned from the others.
_N_FOLDS = 4
# Windows that components are learned from at a time, for each component and at least.
_WINDOWS_A_COMPONENT = 2
_WINDOWS_AT_ONCE = 128
# Values of a window for each of its components: something has to be left over.
_VALUES_A_COMPONENT = 10
# Windows to choose a coreset from, as many times as are kept.
_CANDIDATES = 20
# Of the usual change: no change at all before does not make any infinite.
_SMALLEST_CHANGE = 1e-2
_NONE = np.empty((0, 0), dtype=np.float32)


class Scorer(ABC):
    """Says how strange the time points of a sequence are."""

    @property
    def state(self) -> dict[str, Any]:
        """What it was made with and has learned, which makes it anew."""
        return {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]

    @abstractmethod
    def reach(self, encoding: Encoding | None) -> Reach:
        """Return how many time points around one its score depends on.

        None where that is not known.
        """

    @abstractmethod
    def learn(self, sequences: list[Sequence]) -> list[np.ndarray]:
        """Learn from normal sequences, and return the scores of each.

        Where the scorer remembers what it has seen, and that is enough, they are the
        scores that time points would have if it had not seen them.
        """

    @abstractmethod
    def learn_more(self, sequences: list[Sequence]) -> None:
        """Learn from further normal sequences."""

    @abstractmethod
    def scores(self, sequence: Sequence) -> np.ndarray:
        """Return scores (n_timepoints,), at least 0."""

    @abstractmethod
    def parts(self, sequence: Sequence) -> np.ndarray:
        """Return what channels have in them (n_timepoints, n_channels)."""


@dataclass
class WindowScorer(Scorer):
    """Scores windows at every time point.

    Parameters
    ----------
    length : int
        Time points of a window.

    n_kept : int
        Windows to learn from at most.

    causal : bool
        Whether the score of a time point is that of the window that ends there, or the
        mean over all that hold it.
    """

    length: int
    n_kept: int
    causal: bool

    @abstractmethod
    def learn_from(self, windows: Windows, indices: np.ndarray) -> None:
        """Learn from some windows."""

    @abstractmethod
    def judge(self, windows: Windows, indices: np.ndarray) -> np.ndarray:
        """Return the scores of some windows."""

    @abstractmethod
    def judge_channels(self, windows: Windows, indices: np.ndarray) -> np.ndarray:
        """Return what channels have in these scores (n_chosen, n_channels)."""

    def reach(self, encoding: Encoding | None) -> Reach:
        return self.length - 1, 0 if self.causal else self.length - 1

    def learn(self, sequences: list[Sequence]) -> list[np.ndarray]:
        windows = self.windows(sequences)
        observed = windows.observed
        scores = np.zeros(len(windows))
        # Of fewer, a block could have something in common with all others.
        can_fold = len(observed) >= _N_FOLDS * self.length
        if can_fold:
            for block in np.array_split(observed, _N_FOLDS):
                self.learn_from(windows, self._apart_from(block, observed))
                scores[block] = self._in_batches(self.judge, windows, block)
        self.learn_from(windows, observed)
        if not can_fold:
            scores[observed] = self._in_batches(self.judge, windows, observed)
        return windows.at_time_points(scores)

    def scores(self, sequence: Sequence) -> np.ndarray:
        return self._at_time_points(sequence, self.judge)

    def parts(self, sequence: Sequence) -> np.ndarray:
        return self._at_time_points(sequence, self.judge_channels)

    def windows(self, sequences: list[Sequence]) -> Windows:
        """Return the windows of sequences."""
        return Windows(sequences, self.length, self.causal)

    def _at_time_points(self, sequence: Sequence, of_windows: _OfWindows) -> np.ndarray:
        windows = self.windows([sequence])
        judged = self._in_batches(of_windows, windows, np.arange(len(windows)))
        (at_time_points,) = windows.at_time_points(judged)
        return at_time_points

    def _apart_from(self, block: np.ndarray, observed: np.ndarray) -> np.ndarray:
        """Return the windows that have nothing in common with those of a block."""
        is_near = (observed > block[0] - self.length) & (
            observed < block[-1] + self.length
        )
        return observed[~is_near]

    def _in_batches(
        self, of_windows: _OfWindows, windows: Windows, indices: np.ndarray
    ) -> np.ndarray:
        n_values = windows.sequences[0].values.shape[1] * self.length
        size = max(_VALUES_AT_ONCE // n_values, 1)
        return np.concatenate(
            [
                of_windows(windows, indices[rows])
                for rows in gen_batches(len(indices), size)
            ]
        )


@dataclass
class NearestNormal(WindowScorer):
    """How far a window is from the nearest of the normal ones.

    Parameters
    ----------
    length, n_kept, causal
        As in `WindowScorer`.

    n_neighbors : int
        Nearest windows, over whose distances the mean is taken.

    local_scale : bool
        Whether the distance to a normal window is divided by how far that is from
        its own neighbours.

    selection : {"even", "coreset"}
        Which windows are kept.

    is_exact : bool
        Whether the nearest ones are searched exactly.

    of_latents : bool
        Whether windows are compared by their mean representation, or by their values.

    seed : int
        Of the coreset.
    """

    n_neighbors: int
    local_scale: bool
    selection: str
    is_exact: bool
    of_latents: bool
    seed: int
    memory: np.ndarray = field(default_factory=lambda: _NONE)
    memory_values: np.ndarray = field(default_factory=lambda: _NONE)
    scales: np.ndarray = field(default_factory=lambda: _NONE)
    mean: np.ndarray = field(default_factory=lambda: _NONE)
    deviation: np.ndarray = field(default_factory=lambda: _NONE)
    n_seen: int = 0

    def reach(self, encoding: Encoding | None) -> Reach:
        own = super().reach(encoding)
        assert own is not None
        if not self.of_latents:
            return own
        assert encoding is not None
        beside = encoding.reach
        return beside and (own[0] + beside[0], own[1] + beside[1])

    def learn_from(self, windows: Windows, indices: np.ndarray) -> None:
        n_candidates = self.n_kept * (_CANDIDATES if self._covers else 1)
        candidates = indices[evenly(len(indices), n_candidates)]
        described = self._described(windows, candidates)
        self.mean = described.mean(axis=0, dtype=np.float64).astype(np.float32)
        self.deviation = self._deviations(described)
        self.n_seen = len(indices)
        self._keep((described - self.mean) / self.deviation, windows.values(candidates))

    def learn_more(self, sequences: list[Sequence]) -> None:
        windows = self.windows(sequences)
        self.n_seen += len(windows.observed)
        n_old, n_new = self._kept_of(len(windows.observed))
        old = evenly(len(self.memory), n_old)
        new = windows.observed[evenly(len(windows.observed), n_new)]
        self._keep(
            np.concatenate([self.memory[old], self._rows(windows, new)]),
            np.concatenate([self.memory_values[old], windows.values(new)]),
        )

    def _kept_of(self, n_new: int) -> tuple[int, int]:
        """Return how many of the windows kept, and of new ones, go on.

        Each that was ever seen has the same chance, unless they are to cover all.
        """
        if self._covers:
            return len(self.memory), min(n_new, _CANDIDATES * self.n_kept)
        share = round(self.n_kept * n_new / self.n_seen)
        n_new = min(n_new, max(share, self.n_kept - len(self.memory)))
        return min(len(self.memory), self.n_kept - n_new), n_new

    @property
    def _covers(self) -> bool:
        return self.selection == "coreset"

    def judge(self, windows: Windows, indices: np.ndarray) -> np.ndarray:
        scores, _ = self._compared(windows, indices)
        return scores

    def judge_channels(self, windows: Windows, indices: np.ndarray) -> np.ndarray:
        scores, nearest = self._compared(windows, indices)
        differences = windows.values(indices) - self.memory_values[nearest]
        return _by_channel(scores, differences, self.length)

    def _compared(
        self, windows: Windows, indices: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores of windows, and which of the normal ones is nearest."""
        distances, nearest = self._search(self._rows(windows, indices))
        if self.local_scale:
            distances = distances / self.scales[nearest]
        return distances.mean(axis=1), nearest[:, 0]

    def _keep(self, rows: np.ndarray, values: np.ndarray) -> None:
        if self._covers:
            chosen = coreset(rows, self.n_kept, self.seed)
            rows, values = rows[chosen], values[chosen]
        self.memory = np.ascontiguousarray(rows, np.float32)
        self.memory_values = np.ascontiguousarray(values, np.float32)
        if self.local_scale:
            self.scales = local_scales(self.memory, self.n_neighbors)
        self.__dict__.pop("_search", None)

    @cached_property
    def _search(self) -> Search:
        return Search(self.memory, self.n_neighbors, self.is_exact)

    def _rows(self, windows: Windows, indices: np.ndarray) -> np.ndarray:
        return (self._described(windows, indices) - self.mean) / self.deviation

    def _described(self, windows: Windows, indices: np.ndarray) -> np.ndarray:
        if self.of_latents:
            return windows.latents(indices)
        return windows.values(indices)

    def _deviations(self, described: np.ndarray) -> np.ndarray:
        """Return what rows are divided by; values are standardised already."""
        if not self.of_latents:
            return np.ones(1, np.float32)
        deviations = described.std(axis=0, dtype=np.float64)
        return np.where(deviations > 0, deviations, 1.0).astype(np.float32)


@dataclass
class PrincipalComponents(WindowScorer):
    """What the principal components of normal windows leave of a window.

    Parameters
    ----------
    length, n_kept, causal
        As in `WindowScorer`.

    n_components : int
        Components at most; fewer for windows of few values.
    """

    n_components: int
    model: IncrementalPCA | None = None

    def learn_from(self, windows: Windows, indices: np.ndarray) -> None:
        chosen = indices[evenly(len(indices), self.n_kept)]
        self.model = None
        self._update(windows, chosen)

    def learn_more(self, sequences: list[Sequence]) -> None:
        windows = self.windows(sequences)
        observed = windows.observed
        self._update(windows, observed[evenly(len(observed), self.n_kept)])

    def judge(self, windows: Windows, indices: np.ndarray) -> np.ndarray:
        return np.linalg.norm(self._left_over(windows, indices), axis=1)

    def judge_channels(self, windows: Windows, indices: np.ndarray) -> np.ndarray:
        left_over = self._left_over(windows, indices)
        return _by_channel(np.linalg.norm(left_over, axis=1), left_over, self.length)

    def _left_over(self, windows: Windows, indices: np.ndarray) -> np.ndarray:
        assert self.model is not None
        components = self.model.components_.astype(np.float32)
        centred = windows.values(indices) - self.model.mean_.astype(np.float32)
        left_over = centred - (centred @ components.T) @ components
        return left_over * windows.is_there(indices)

    def _update(self, windows: Windows, indices: np.ndarray) -> None:
        n_values = windows.sequences[0].values.shape[1] * self.length
        if self.model is None:
            possible = min(len(indices), max(n_values // _VALUES_A_COMPONENT, 1))
            self.model = IncrementalPCA(min(self.n_components, possible))
        size = max(self.model.n_components * _WINDOWS_A_COMPONENT, _WINDOWS_AT_ONCE)
        # Windows that are all alike have no variance to take shares of.
        with np.errstate(invalid="ignore", divide="ignore"):
            for rows in gen_batches(
                len(indices), size, min_batch_size=self.model.n_components
            ):
                self.model.partial_fit(windows.values(indices[rows]))


def _by_channel(scores: np.ndarray, differences: np.ndarray, length: int) -> np.ndarray:
    """Split scores among channels by the squares of (n_rows, n_channels * length)."""
    squares = np.square(differences, dtype=np.float64)
    of_channels = squares.reshape(len(squares), -1, length).sum(axis=2)
    return scores[:, np.newaxis] * normalized_shares(of_channels)


def normalized_shares(parts: np.ndarray) -> np.ndarray:
    """Return parts (n_rows, n_channels) over their sums; equal ones where all are 0."""
    totals = parts.sum(axis=1, keepdims=True)
    equal = np.full_like(parts, 1 / parts.shape[1])
    return np.divide(parts, totals, out=equal, where=totals > 0)


@dataclass
class Reconstruction(Scorer):
    """How far values are from what a transformer believes of them."""

    def reach(self, encoding: Encoding | None) -> Reach:
        return None

    def learn(self, sequences: list[Sequence]) -> list[np.ndarray]:
        return [self.scores(one) for one in sequences]

    def learn_more(self, sequences: list[Sequence]) -> None:
        """Learn nothing: the transformer stays as it is."""

    def scores(self, sequence: Sequence) -> np.ndarray:
        return self.parts(sequence).sum(axis=1)

    def parts(self, sequence: Sequence) -> np.ndarray:
        assert sequence.encoding is not None
        if not sequence.is_observed.any():
            return np.zeros(sequence.values.shape)
        believed = sequence.encoding.reconstructed(sequence.values)
        errors = np.abs(sequence.values - believed)
        is_there = ~np.isnan(sequence.values)
        n_there = np.maximum(is_there.sum(axis=1, keepdims=True), 1)
        return np.where(is_there, errors, 0.0) / n_there


@dataclass
class HiddenStep(Scorer):
    """How much a time point changes its own representation.

    Parameters
    ----------
    n_before : int or None
        Time points before by whose mean change a change is divided; None for the
        change itself.

    context : int
        Time points before that a representation depends on.

    usual : float
        The mean change of the time points learned from.
    """

    n_before: int | None
    context: int
    usual: float = 0.0

    def reach(self, encoding: Encoding | None) -> Reach:
        return self.context + (self.n_before or 0), 0

    def learn(self, sequences: list[Sequence]) -> list[np.ndarray]:
        changes = [self._changes(one, ["all"])[0] for one in sequences]
        is_observed = np.concatenate([one.is_observed for one in sequences])
        self.usual = float(np.concatenate(changes)[is_observed].mean())
        return [
            self._adjusted(own, one.is_observed)
            for own, one in zip(changes, sequences, strict=True)
        ]

    def learn_more(self, sequences: list[Sequence]) -> None:
        """Learn nothing: the transformer stays as it is."""

    def scores(self, sequence: Sequence) -> np.ndarray:
        (changes,) = self._changes(sequence, ["all"])
        return self._adjusted(changes, sequence.is_observed)

    def parts(self, sequence: Sequence) -> np.ndarray:
        channels = range(sequence.values.shape[1])
        changes, *of_channels = self._changes(sequence, ["all", *channels])
        scores = self._adjusted(changes, sequence.is_observed)
        shares = normalized_shares(np.stack(of_channels, axis=1))
        return scores[:, np.newaxis] * shares

    def _changes(self, sequence: Sequence, hidden: list[int | str]) -> list[np.ndarray]:
        """Return the change (n_timepoints,) by each channel, or "all", that is hidden.

        0 at time points without a value.
        """
        if not sequence.is_observed.any():
            return [np.zeros(len(sequence)) for _ in hidden]
        encoding, values = sequence.encoding, sequence.values
        assert encoding is not None
        seen = encoding.causal_latents(values, sequence.first)
        changes = []
        for hide in hidden:
            expected = encoding.causal_latents(values, sequence.first, hide)
            change = np.abs(seen - expected).sum(axis=1, dtype=np.float64)
            changes.append(np.where(sequence.is_observed, np.nan_to_num(change), 0.0))
        return changes

    def _adjusted(self, changes: np.ndarray, is_observed: np.ndarray) -> np.ndarray:
        if self.n_before is None:
            return changes
        before = np.stack([changes, is_observed], axis=1)[:-1]
        before = np.concatenate([np.zeros((1, 2)), before])
        total, count = rolling_sum(before, self.n_before).T
        smallest = _SMALLEST_CHANGE * (self.usual or 1.0)
        means = np.divide(
            total, count, out=np.full(len(changes), self.usual), where=count > 0
        )
        return changes / np.maximum(means, smallest)
