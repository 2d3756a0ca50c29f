"""The history of a training as columns."""

import numpy as np

from sklearn_tsrep.training.net import SelfSupervisedNet

# Counts of skorch's own, and the duration, which differs between equal trainings.
_LEFT_OUT = {
    "batches",
    "dur",
    "train_batch_count",
    "train_loss_best",
    "valid_batch_count",
    "valid_loss_best",
}


def history_columns(net: SelfSupervisedNet) -> dict[str, np.ndarray]:
    """Return the history of a net as columns, one entry an epoch.

    What a callback has not recorded in an epoch is NaN there.
    """
    # An epoch that an interruption cut short has no loss yet.
    rows = [row for row in net.history if "train_loss" in row]
    names = dict.fromkeys(name for row in rows for name in row if name not in _LEFT_OUT)
    return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}


def appended(
    before: dict[str, np.ndarray], after: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Append columns; one that only one part has is NaN in the other."""
    n_before, n_after = (len(part.get("epoch", ())) for part in (before, after))
    columns = {
        name: np.concatenate(
            [
                before.get(name, np.full(n_before, np.nan)),
                after.get(name, np.full(n_after, np.nan)),
            ]
        )
        for name in {**before, **after}
    }
    if columns:
        columns["epoch"] = np.arange(1, n_before + n_after + 1)
    return columns
