"""What a network makes of windows, batch by batch in fixed shapes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from sklearn_tsrep.data.batches import Pieces, SeriesReader

_WINDOWS_A_BATCH = 32


def over_windows(
    network: nn.Module,
    reader: SeriesReader,
    windows: Pieces,
    *,
    batch_size: int = _WINDOWS_A_BATCH,
    show_progress: bool = False,
    **network_options: Any,
) -> Iterator[tuple[slice, Any]]:
    """Yield what a network makes of each batch of windows.

    Parameters
    ----------
    network : Module
        In evaluation mode.

    reader : SeriesReader
        Where to read.

    windows : Pieces
        What to read.

    batch_size : int, default=32
        Windows in a batch. The last one is filled up with windows that repeat, so that
        the bits of a window do not depend on how many there are.

    show_progress : bool, default=False
        Whether to show a bar.

    **network_options
        Given to the network with each batch.

    Yields
    ------
    rows : slice
        Which windows; outputs may have more rows behind theirs.

    outputs : object
        Of the network.
    """
    device = next(network.parameters()).device
    n_windows = len(windows.instances)
    begins = range(0, n_windows, batch_size)
    for begin in tqdm(begins, desc="Scoring", unit="batch", disable=not show_progress):
        rows = slice(begin, min(begin + batch_size, n_windows))
        chosen = np.resize(np.arange(rows.start, rows.stop), batch_size)
        batch = reader.read(*windows.select(chosen))
        with torch.inference_mode():
            outputs = network(batch.to(device), **network_options)
        yield rows, outputs


def mean_over_windows(
    network: nn.Module,
    reader: SeriesReader,
    windows: Pieces,
    scores_of: Callable[[Any], Tensor],
    *,
    show_progress: bool = False,
    **network_options: Any,
) -> np.ndarray:
    """Return the mean of scores over the windows that cover a step.

    Parameters
    ----------
    network, reader, show_progress, network_options
        As in `over_windows`.

    windows : Pieces
        They cover every step of each series.

    scores_of : callable
        From outputs of the network to scores (batch, time, ...) of steps.

    Returns
    -------
    means : float64 array of shape (n_steps, ...)
        Series one after another.
    """
    ends = np.cumsum(reader.panel.lengths)
    starts = (ends - reader.panel.lengths)[windows.instances] + windows.starts
    lengths = windows.lengths
    counts = _coverage(starts, lengths, int(ends[-1]))
    totals: np.ndarray | None = None
    batches = over_windows(
        network, reader, windows, show_progress=show_progress, **network_options
    )
    for rows, outputs in batches:
        scores = scores_of(outputs).cpu().numpy()
        if totals is None:
            totals = np.zeros((len(counts), *scores.shape[2:]))
        places = zip(starts[rows], lengths[rows], scores, strict=False)
        for start, length, own in places:
            totals[start : start + length] += own[:length]
    assert totals is not None
    return totals / counts.reshape(-1, *(1 for _ in totals.shape[1:]))


def _coverage(starts: np.ndarray, lengths: np.ndarray, n_steps: int) -> np.ndarray:
    """Return in how many windows each step lies."""
    changes = np.zeros(n_steps + 1, dtype=np.int64)
    np.add.at(changes, starts, 1)
    np.add.at(changes, starts + lengths, -1)
    return changes.cumsum()[:-1]
