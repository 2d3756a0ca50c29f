"""What the last time points of a series say, at each time point."""

import numpy as np

# Of a channel's standard deviation: windows in which nothing happens are not blown up.
_SMALLEST_SPREAD = 0.1


def last_known(values: np.ndarray, window: int) -> np.ndarray:
    """Return the last value of each channel within the last time points.

    Parameters
    ----------
    values : ndarray of shape (n_timepoints, n_channels)
        Standardised; NaN is missing.

    window : int
        Time points, the last one included, to which what is known goes back.

    Returns
    -------
    known : ndarray of shape (n_timepoints, n_channels)
        0, the mean, where there is none.
    """
    steps = np.arange(len(values))[:, np.newaxis]
    is_there = ~np.isnan(values)
    last = np.maximum.accumulate(np.where(is_there, steps, -window), axis=0)
    known = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.where(steps - last < window, known, 0.0)


def without_level(values: np.ndarray, window: int) -> np.ndarray:
    """Return values without the mean of their last time points, over their spread.

    Parameters
    ----------
    values, window
        As in `last_known`.

    Returns
    -------
    normalized : ndarray of shape (n_timepoints, n_channels)
        NaN where missing.
    """
    is_there = ~np.isnan(values)
    there = np.where(is_there, values, 0.0)
    count, total, squares = (
        rolling_sum(part, window) for part in (is_there, there, there**2)
    )
    mean = total / np.maximum(count, 1)
    variance = np.maximum(squares / np.maximum(count, 1) - mean**2, 0)
    return (values - mean) / np.sqrt(variance + _SMALLEST_SPREAD**2)


def rolling_sum(values: np.ndarray, window: int) -> np.ndarray:
    """Return sums over the last rows, of which there are fewer at the start.

    A window is the start of a block of its length and the end of the one before, so
    that a huge value behind it leaves no rounding error in its sum.
    """
    n_steps, n_channels = values.shape
    n_behind = -n_steps % window
    padded = np.pad(np.asarray(values, np.float64), ((window, n_behind), (0, 0)))
    blocks = padded.reshape(-1, window, n_channels)
    starts, ends = blocks.cumsum(axis=1), np.zeros_like(blocks)
    ends[:, :-1] = blocks[:, :0:-1].cumsum(axis=1)[:, ::-1]
    return (starts[1:] + ends[:-1]).reshape(-1, n_channels)[:n_steps]
