"""Stays in intensive care, hour by hour, with a label of sepsis for each hour.

All are in ``$TSREP_DATA/anomaly/sepsis.npz``, as DATA.md describes. They are split by
patient: a seed draws who is judged, from the septic and from the others.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from benchmarks.anomaly_data import folder
from benchmarks.datasets import MissingDataError
from benchmarks.parts import HELD_OUT, INSIDE

FILE = "sepsis.npz"
# The paper keeps the end of each stay.
LAST_HOURS = 45


class Stays(NamedTuple):
    """Series (n_channels, n_hours) as recorded, NaN where nothing was, and labels."""

    series: list[np.ndarray]
    labels: list[np.ndarray]

    def of(self, places: Sequence[int]) -> "Stays":
        """Return the stays at these places."""
        return Stays(*([part[place] for place in places] for part in self))


def require() -> None:
    """Raise MissingDataError if the file is not there."""
    file = folder() / FILE
    if not file.is_file():
        raise MissingDataError(f"{file} is not there, see benchmarks/DATA.md")


def load(judged_on: str, seed: int) -> tuple[Stays, Stays]:
    """Return the stays to learn from and those to judge by.

    Inside the training part, those of its patients that the seed draws are held out.
    """
    stays = read()
    learned, judged = split(stays, seed)
    return split(learned, seed) if judged_on == INSIDE else (learned, judged)


def read() -> Stays:
    """Return all stays.

    Raises
    ------
    ValueError
        If a patient occurs twice, the lengths do not sum to the hours, or a label is
        neither 0 nor 1.
    """
    require()
    with np.load(folder() / FILE, allow_pickle=False) as archive:
        values, labels = archive["values"], archive["label"].astype(int)
        lengths, patients = archive["lengths"], archive["patient"]
    _check(values, labels, lengths, patients)
    starts = np.cumsum(lengths)[:-1]
    series = [stay.T for stay in np.split(values, starts)]
    return Stays(series, np.split(labels, starts))


def split(stays: Stays, seed: int) -> tuple[Stays, Stays]:
    """Return the stays of some patients, and those of the others to judge by."""
    is_septic = [bool(labels.any()) for labels in stays.labels]
    learned, judged = train_test_split(
        np.arange(len(is_septic)),
        test_size=HELD_OUT,
        stratify=is_septic,
        random_state=seed,
    )
    return stays.of(learned), stays.of(judged)


def filled(series: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return each series with its last known values carried on."""
    import pandas as pd

    return [pd.DataFrame(one.T).ffill().to_numpy().T for one in series]


def last_hours(series: Sequence[np.ndarray]) -> np.ndarray:
    """Return the last hours of all series (n_features, n_hours), one below the other.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features)
    """
    return np.concatenate([one[..., -LAST_HOURS:].T for one in series])


def patient_of_rows(stays: Stays) -> np.ndarray:
    """Return the number of the patient of each row of `last_hours`."""
    n_rows = [min(len(labels), LAST_HOURS) for labels in stays.labels]
    return np.repeat(np.arange(len(n_rows)), n_rows)


def _check(
    values: np.ndarray, labels: np.ndarray, lengths: np.ndarray, patients: np.ndarray
) -> None:
    if not lengths.sum() == len(values) == len(labels):
        raise ValueError(
            f"{FILE} has {len(values)} hours, {len(labels)} labels, and lengths that "
            f"sum to {lengths.sum()}"
        )
    if len(set(patients.tolist())) < len(lengths):
        raise ValueError(f"{FILE} has a patient twice, who could be on both sides")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"{FILE} has labels that are neither 0 nor 1 (septic)")
