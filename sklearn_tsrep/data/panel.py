"""A panel: many series with the same channels, and where each begins and ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

# A memory map may be larger than memory, so its values are looked at in tiles
# of at most this many.
_VALUES_PER_TILE = 2**20


@dataclass(frozen=True, eq=False, repr=False)
class Panel:
    """Series with the same channels, of equal or unequal length.

    Steps at the beginning or the end of a series in which every channel is NaN
    are padding; NaN anywhere else is a gap. The values stay where they are, in
    the dtype in which they came.

    Parameters
    ----------
    series : sequence of ndarray of shape (n_channels, length_i)
        One array of numbers an instance. A whole array or memory map of shape
        (n_instances, n_channels, n_timepoints) is such a sequence.
    starts : ndarray of int64 of shape (n_instances,)
        The first step of each instance at which any channel has a value.
    stops : ndarray of int64 of shape (n_instances,)
        One past the last such step. An instance without any value has start
        and stop 0.

    See Also
    --------
    sklearn_tsrep.data.containers.as_panel : Read a panel from any container.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep.data.panel import Panel
    >>> panel = Panel.from_series([np.array([[np.nan, 1.0, 2.0]]), np.ones((1, 5))])
    >>> panel
    Panel(n_instances=2, n_channels=1, lengths=3 to 5)
    >>> panel.starts, panel.stops
    (array([1, 0]), array([3, 5]))
    """

    series: np.ndarray | Sequence[np.ndarray]
    starts: np.ndarray
    stops: np.ndarray

    @classmethod
    def from_series(
        cls, series: np.ndarray | Sequence[np.ndarray], *, name: str = "X"
    ) -> Panel:
        """Make a panel of checked series by looking up where each has values.

        Parameters
        ----------
        series : sequence of ndarray of shape (n_channels, length_i)
            The instances: at least one, of a real dtype, each with as many
            channels as the others and at least one step.
        name : str, default="X"
            What to call the data in error messages.

        Returns
        -------
        panel : Panel
            The panel, which holds `series` itself.

        Raises
        ------
        ValueError
            If a value is infinite.
        """
        if isinstance(series, np.ndarray):
            return cls(series, *_observed_spans(series, name))
        spans = [
            _observed_spans(values[np.newaxis], name, first_instance=i)
            for i, values in enumerate(series)
        ]
        starts, stops = np.concatenate(spans, axis=1)
        return cls(series, starts, stops)

    def with_ends(self) -> Panel:
        """Return the panel with its padding as gaps, but for empty instances."""
        return replace(self.with_trailing_gaps(), starts=np.zeros_like(self.starts))

    def with_trailing_gaps(self) -> Panel:
        """Return the panel with its padding at the end as gaps, as `with_ends`."""
        return replace(self, stops=np.where(self.stops > 0, self.lengths, 0))

    def __len__(self) -> int:
        """Return the number of instances."""
        return len(self.series)

    def __repr__(self) -> str:
        """Tell the sizes, not the values."""
        shortest, longest = self.lengths.min(), self.lengths.max()
        lengths = f"{longest}" if self.is_equal_length else f"{shortest} to {longest}"
        return (
            f"Panel(n_instances={len(self)}, n_channels={self.n_channels}, "
            f"lengths={lengths})"
        )

    @property
    def n_channels(self) -> int:
        """Number of channels, which all instances share."""
        return int(self.series[0].shape[0])

    @cached_property
    def lengths(self) -> np.ndarray:
        """Number of steps of each instance, int64, padding included."""
        if isinstance(self.series, np.ndarray):
            return np.full(len(self), self.series.shape[2], dtype=np.int64)
        return np.array([values.shape[1] for values in self.series], dtype=np.int64)

    @property
    def observed_lengths(self) -> np.ndarray:
        """Number of steps of each instance without its padding, int64."""
        return self.stops - self.starts

    @property
    def is_equal_length(self) -> bool:
        """Whether all instances have the same number of steps, padding included."""
        return bool((self.lengths == self.lengths[0]).all())


def _observed_spans(
    values: np.ndarray, name: str, *, first_instance: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Find where the observed steps of equally long instances start and stop."""
    n_instances, _, n_steps = values.shape
    if values.dtype.kind != "f":
        return (
            np.zeros(n_instances, dtype=np.int64),
            np.full(n_instances, n_steps, dtype=np.int64),
        )
    starts = np.full(n_instances, n_steps, dtype=np.int64)
    stops = np.zeros(n_instances, dtype=np.int64)
    for rows, steps in _tiles(values.shape):
        tile = values[rows, :, steps]
        is_finite = np.isfinite(tile)
        if is_finite.all():
            first, stop = steps.start, steps.stop
        else:
            _check_no_infinity(tile, name, first_instance + rows.start, steps.start)
            first, stop = _first_and_stop(is_finite, steps, n_steps)
        starts[rows] = np.minimum(starts[rows], first)
        stops[rows] = np.maximum(stops[rows], stop)
    starts[stops == 0] = 0
    return starts, stops


def _tiles(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Cut (instances, channels, steps) into slices of instances and of steps."""
    n_instances, n_channels, n_steps = shape
    width = min(n_steps, max(1, _VALUES_PER_TILE // n_channels))
    height = max(1, _VALUES_PER_TILE // (n_channels * width))
    for row in range(0, n_instances, height):
        for step in range(0, n_steps, width):
            yield (
                slice(row, min(row + height, n_instances)),
                slice(step, min(step + width, n_steps)),
            )


def _first_and_stop(
    is_finite: np.ndarray, steps: slice, n_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Find the span within a tile; rows without values get (n_steps, 0)."""
    is_observed = np.any(is_finite, axis=1)  # (instances, steps)
    first = steps.start + is_observed.argmax(axis=1)
    stop = steps.stop - is_observed[:, ::-1].argmax(axis=1)
    has_value = is_observed.any(axis=1)
    return np.where(has_value, first, n_steps), np.where(has_value, stop, 0)


def _check_no_infinity(
    tile: np.ndarray, name: str, first_instance: int, first_step: int
) -> None:
    is_infinite = np.isinf(tile)
    if not is_infinite.any():
        return
    row, channel, step = np.unravel_index(is_infinite.argmax(), tile.shape)
    raise ValueError(
        f"{name} has an infinite value (inf) in instance {first_instance + row}, "
        f"channel {channel}, step {first_step + step}. Values must be finite, or NaN "
        "where they are missing."
    )
