"""What is normal in series, by several kinds of evidence, and how far others are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.data.rolling import without_level
from sklearn_tsrep.data.scaling import ChannelScaler
from sklearn_tsrep.detection._combination import combined, training_quantiles
from sklearn_tsrep.detection._scorers import Reach, Scorer, normalized_shares
from sklearn_tsrep.detection._sequence import Encoding, Sequence
from sklearn_tsrep.features.smoothing import moving_average, steps_around

# Scaled values beyond are cut off: a channel that was constant may leap by millions.
_LARGEST_VALUE = 20.0
# Of the mean over time points around in a score; the rest is that of its own.
_SHARE_OF_MEAN = 0.5


@dataclass
class Normality:
    """Scores time points by several kinds of evidence, and combines them.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_channels,)
        What channels are standardised with.

    encoding : Encoding or None
        What represents the time points.

    window : int
        Time points to which the last known value, and what is taken for the level of
        a series, go back.

    normalize : bool
        Whether values lose that level, and their spread around it.

    causal : bool
        Whether no score depends on time points that follow.

    smoothing : int
        Time points over whose mean, half and half with their own, the scores of each
        kind are.

    combination : str
        As in `combined`.

    batch_size : int
        Time points that are scored at a time, where that is possible.

    scorers : list of Scorer
        The kinds of evidence.

    quantiles : list of ndarray
        Of the scores of each kind in training.
    """

    mean: np.ndarray
    scale: np.ndarray
    encoding: Encoding | None
    window: int
    normalize: bool
    causal: bool
    smoothing: int
    combination: str
    batch_size: int
    scorers: list[Scorer]
    quantiles: list[np.ndarray]

    def learn(self, panel: Panel) -> np.ndarray:
        """Learn from normal series, and return how strange their time points are.

        Scorers that remember what they have seen judge them by what is learned from
        the others.
        """
        sequences = list(self.sequences(panel))
        scores = [
            self._all_smoothed(scorer.learn(sequences), sequences)
            for scorer in self.scorers
        ]
        is_observed = np.concatenate([one.is_observed for one in sequences])
        self.quantiles = [training_quantiles(own[is_observed]) for own in scores]
        return self._combined(scores, is_observed)

    def learn_more(self, panel: Panel) -> None:
        """Learn from further normal series; units of scores stay as they are."""
        sequences = list(self.sequences(panel))
        for scorer in self.scorers:
            scorer.learn_more(sequences)

    def scores(self, panel: Panel) -> np.ndarray:
        """Return how strange time points are, series one after another."""
        return self._of_all(panel, self._scores)

    def parts(self, panel: Panel) -> np.ndarray:
        """Return the parts (n_timepoints, n_channels) of channels in the scores."""
        return self._of_all(panel, self._parts)

    def scores_from(self, panel: Panel, begin: int, first: int) -> np.ndarray:
        """Return the scores of one series from a time point on.

        ``first`` is the index of its first time point in a longer series.
        """
        (whole,) = self.sequences(panel, first)
        return self._of_sequence(whole, self._scores, begin)

    def standardized(self, panel: Panel) -> Iterator[np.ndarray]:
        """Yield the series (n_timepoints, n_channels), NaN where missing."""
        scaler = ChannelScaler(self.mean, self.scale, largest=_LARGEST_VALUE)
        for series in panel.series:
            values = scaler(series.T)
            if self.normalize:
                values = without_level(values, self.window).astype(np.float32)
            yield values

    def sequences(self, panel: Panel, first: int = 0) -> Iterator[Sequence]:
        """Yield the series as scorers look at them."""
        for values in self.standardized(panel):
            yield Sequence(values, self.window, self.encoding, first)

    @property
    def n_before(self) -> int | None:
        """Time points before one that its score depends on; None for all of them."""
        reach = self._reach()
        return reach and reach[0] + (self.window if self.normalize else 0)

    def _scores(self, sequence: Sequence) -> np.ndarray:
        scores = [
            self._smoothed(scorer.scores(sequence), sequence) for scorer in self.scorers
        ]
        return self._combined(scores, sequence.is_observed)

    def _parts(self, sequence: Sequence) -> np.ndarray:
        """Return scores by channel: the mean of the shares that each kind gives."""
        parts = [
            self._smoothed(scorer.parts(sequence), sequence) for scorer in self.scorers
        ]
        totals = [own.sum(axis=1) for own in parts]
        scores = self._combined(totals, sequence.is_observed)
        shares = np.mean([normalized_shares(own) for own in parts], axis=0)
        return scores[:, np.newaxis] * shares

    def _combined(
        self, scores: list[np.ndarray], is_observed: np.ndarray
    ) -> np.ndarray:
        together = combined(scores, self.quantiles, self.combination)
        return np.where(is_observed, together, 0.0)

    def _smoothed(self, scores: np.ndarray, sequence: Sequence) -> np.ndarray:
        means = moving_average(
            scores, sequence.is_observed, self.smoothing, causal=self.causal
        )
        return _SHARE_OF_MEAN * means + (1 - _SHARE_OF_MEAN) * scores

    def _all_smoothed(
        self, scores: list[np.ndarray], sequences: list[Sequence]
    ) -> np.ndarray:
        pairs = zip(scores, sequences, strict=True)
        return np.concatenate([self._smoothed(*pair) for pair in pairs])

    def _of_all(
        self, panel: Panel, scores_of: Callable[[Sequence], np.ndarray]
    ) -> np.ndarray:
        return np.concatenate(
            [self._of_sequence(one, scores_of) for one in self.sequences(panel)]
        )

    def _of_sequence(
        self,
        whole: Sequence,
        scores_of: Callable[[Sequence], np.ndarray],
        begin: int = 0,
    ) -> np.ndarray:
        """Return scores from a time point on, of some at a time if they allow it."""
        reach = self._reach()
        size = len(whole) if reach is None else self.batch_size
        return np.concatenate(
            [
                _of_range(whole, start, min(start + size, len(whole)), reach, scores_of)
                for start in range(begin, len(whole), size)
            ]
        )

    def _reach(self) -> Reach:
        """Return how many time points around one its score depends on; None for all."""
        reaches = [scorer.reach(self.encoding) for scorer in self.scorers]
        known = [reach for reach in reaches if reach is not None]
        if len(known) < len(reaches):
            return None
        before, after = (max(sides) for sides in zip(*known, strict=True))
        averaged = steps_around(self.smoothing)
        if self.causal:
            averaged = sum(averaged), 0
        return before + self.window + averaged[0], after + averaged[1]


def _of_range(
    whole: Sequence,
    begin: int,
    stop: int,
    reach: Reach,
    scores_of: Callable[[Sequence], np.ndarray],
) -> np.ndarray:
    """Return the scores of a range of time points, from no more than they depend on."""
    before, after = reach or (begin, len(whole) - stop)
    first = max(begin - before, 0)
    part = replace(
        whole, values=whole.values[first : stop + after], first=whole.first + first
    )
    return scores_of(part)[begin - first : stop - first]
