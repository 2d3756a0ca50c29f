"""Windows that cover series, and what of them is held back."""

import numpy as np

from sklearn_tsrep.data.batches import Pieces


def cut_into_windows(lengths: np.ndarray, window_length: int, stride: int) -> Pieces:
    """Return windows that cover every step of each series.

    They begin at every ``stride`` steps; the last ends with the series. A series
    shorter than a window is one by itself.

    Parameters
    ----------
    lengths : int array of shape (n_series,)
        Steps of each series.

    window_length, stride : int
        Steps of a window, and from one to the next.
    """
    instances, starts, stops = [], [], []
    for instance, length in enumerate(lengths.tolist()):
        last = max(length - window_length, 0)
        own = np.append(np.arange(0, last, stride, dtype=np.int64), last)
        instances.append(np.full(len(own), instance, dtype=np.int64))
        starts.append(own)
        stops.append(np.minimum(own + window_length, length))
    return Pieces(*(np.concatenate(part) for part in (instances, starts, stops)))


def hold_back_tail(windows: Pieces, share: float) -> tuple[Pieces, Pieces]:
    """Split windows into those of the first part of each series and of its last.

    Windows that reach over the border are in neither.

    Raises
    ------
    ValueError
        If one of the two would be empty.
    """
    lengths = np.zeros(windows.instances.max() + 1, dtype=np.int64)
    np.maximum.at(lengths, windows.instances, windows.stops)
    borders = np.round(lengths * (1 - share)).astype(np.int64)[windows.instances]
    is_kept, is_held_back = windows.stops <= borders, windows.starts >= borders
    if not (is_kept.any() and is_held_back.any()):
        raise ValueError(
            "early_stopping=True needs windows before and behind the border at which "
            f"the last {share:.0%} of the longest series ({lengths.max()} time points) "
            "begin. Give a longer series, another validation_fraction, or a smaller "
            "window_length."
        )
    return windows.select(is_kept), windows.select(is_held_back)
