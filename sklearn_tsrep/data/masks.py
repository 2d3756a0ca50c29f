"""What is hidden from a network in training: single values, and whole tokens."""

import numpy as np


def draw_runs(
    shape: tuple[int, int, int],
    share: float,
    mean_length: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw which values to hide, in runs along time, each channel by itself.

    Runs have geometric lengths, and so have those between them, so that each value is
    hidden with the same probability. A mean length too short for the share is raised
    to the shortest possible one.

    Parameters
    ----------
    shape : (batch, time, n_channels)
        Of the values.

    share : float
        Probability with which a value is hidden, below 1.

    mean_length : float
        Mean length of the hidden runs, in steps.

    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    hidden : bool array of that shape

    References
    ----------
    Zerveas et al. (2021). A Transformer-based Framework for Multivariate Time Series
    Representation Learning, section 3.2.
    """
    mean_length = max(mean_length, share / (1 - share))
    beginning = share / (mean_length * (1 - share))
    hidden = np.empty(shape, dtype=bool)
    if not hidden.size:
        return hidden
    draws = rng.random(shape, dtype=np.float32)
    hidden[:, 0] = draws[:, 0] < share
    for step in range(1, shape[1]):
        probabilities = np.where(hidden[:, step - 1], 1 - 1 / mean_length, beginning)
        hidden[:, step] = draws[:, step] < probabilities
    return hidden


def draw_tokens(
    eligible: np.ndarray, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw which tokens to hide: of each row an exact share, rounded, but never all.

    Parameters
    ----------
    eligible : bool array of shape (batch, n_tokens)
        Which may be hidden.

    share : float
        Of those.

    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    hidden : bool array of shape (batch, n_tokens)
    """
    n_eligible = eligible.sum(axis=1)
    n_hidden = np.minimum(np.rint(share * n_eligible), np.maximum(n_eligible - 1, 0))
    draws = np.where(eligible, rng.random(eligible.shape), np.inf)
    ranks = draws.argsort(axis=1).argsort(axis=1)
    return ranks < n_hidden[:, np.newaxis]


def indices_of(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the chosen entries of each row, padded to one length.

    Parameters
    ----------
    chosen : bool array of shape (batch, n)
        Which ones.

    Returns
    -------
    indices : int64 array of shape (batch, n_most)
        In rising order; 0 where padded.

    valid : bool array of shape (batch, n_most)
        False where padded.
    """
    counts = chosen.sum(axis=1)
    order = np.argsort(~chosen, axis=1, kind="stable")[:, : max(counts.max(), 1)]
    valid = np.arange(order.shape[1]) < counts[:, np.newaxis]
    return np.where(valid, order, 0), valid
