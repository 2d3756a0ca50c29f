"""Moving averages of scores."""

import numpy as np
from scipy.ndimage import uniform_filter1d


def moving_average(
    values: np.ndarray, observed: np.ndarray, width: int, *, causal: bool = False
) -> np.ndarray:
    """Return the mean over the observed steps around each observed step.

    Parameters
    ----------
    values : float64 array of shape (n_timepoints, ...)
        Of one series; not negative.

    observed : bool array of shape (n_timepoints,)
        Which steps count.

    width : int
        Steps of a window: as many before as behind, one more before if it is even.
        Those beyond the ends of the series do not count.

    causal : bool, default=False
        Whether all of them lie before, but for the step itself.

    Returns
    -------
    means : float64 array of shape (n_timepoints, ...)
        0 at steps that are not observed.
    """
    counted = observed.reshape(-1, *(1 for _ in values.shape[1:])).astype(np.float64)
    origin = steps_around(width)[1] if causal else 0
    totals, counts = (
        uniform_filter1d(part, width, axis=0, mode="constant", origin=origin)
        for part in (values * counted, counted)
    )
    # Running sums leave what is rounding behind a large value, also below 0.
    return counted * np.maximum(totals, 0) / np.maximum(counts, 0.5 / width)


def steps_around(width: int) -> tuple[int, int]:
    """Return how many steps before and behind a step lie in its window."""
    return width // 2, (width - 1) // 2
