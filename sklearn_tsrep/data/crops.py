"""Random overlapping crops of series: the two contexts of contextual consistency.

References
----------
Yue et al. (2022). TS2Vec: Towards Universal Representation of Time Series. AAAI.
"""

from typing import NamedTuple

import numpy as np


class CropPairs(NamedTuple):
    """Two overlapping crops a series; all are int64 arrays of shape (n_series,).

    The first crop is ``[first_starts, first_stops)``, the second
    ``[second_starts, second_stops)``; they share ``[second_starts, first_stops)``.
    """

    first_starts: np.ndarray
    first_stops: np.ndarray
    second_starts: np.ndarray
    second_stops: np.ndarray


def draw_crop_pairs(
    starts: np.ndarray, stops: np.ndarray, min_overlap: int, rng: np.random.Generator
) -> CropPairs:
    """Draw two overlapping crops inside each range.

    The length of the overlap is uniform in ``[min_overlap, length]``, the second crop
    begins inside the first, both at random; series of equal length get crops of equal
    lengths, at places of their own. A series shorter than ``min_overlap`` is the
    overlap itself.

    Parameters
    ----------
    starts, stops : int array of shape (n_series,)
        The range of each series.

    min_overlap : int
        Shortest overlap.

    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    crops : CropPairs
    """
    lengths = stops - starts
    shared_share, left_share, before_share, after_share = rng.random(4)
    shortest = np.minimum(min_overlap, lengths)
    overlaps = shortest + _share_of(shared_share, lengths - shortest + 1)
    lefts = _share_of(left_share, lengths - overlaps + 1)
    rights = lefts + overlaps
    first_lefts = _share_of(before_share, lefts + 1)
    second_rights = rights + _share_of(after_share, lengths - rights + 1)
    n_places = lengths - second_rights + first_lefts + 1
    shifts = starts - first_lefts + _share_of(rng.random(len(starts)), n_places)
    return CropPairs(
        shifts + first_lefts, shifts + rights, shifts + lefts, shifts + second_rights
    )


def _share_of(share: float | np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.floor(share * counts).astype(np.int64)
