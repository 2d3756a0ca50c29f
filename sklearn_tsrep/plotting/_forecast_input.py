"""What is given of a forecast: values, names of channels, and steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklearn_tsrep.data._values import is_frame_column
from sklearn_tsrep.plotting._input import (
    check_shape,
    column_names,
    plain_dates,
    read_index,
    read_rows,
)


def read_forecast(values: dict[str, Any]) -> dict[str, np.ndarray]:
    """Read all that is there as arrays (n_timepoints, n_channels) that fit."""
    arrays = {name: read_rows(own, name) for name, own in values.items()}
    _check_fit(arrays)
    _check_interval(arrays.get("lower"), arrays.get("upper"))
    return arrays


def _check_fit(arrays: dict[str, np.ndarray]) -> None:
    """Check the shape of all that is there against history and forecast."""
    n_channels = arrays["history"].shape[1]
    horizon = len(arrays["forecast"])
    for name in arrays:
        if arrays[name].shape[1] != n_channels:
            raise ValueError(
                f"{name} must have {n_channels} channel(s), as history has, got "
                f"{arrays[name].shape[1]}."
            )
    for name in arrays.keys() & {"lower", "upper"}:
        check_shape(arrays[name], arrays["forecast"].shape, name)
    if len(arrays.get("truth", ())) > horizon:
        raise ValueError(
            f"truth must have at most {horizon} step(s), as forecast has, got "
            f"{len(arrays['truth'])}."
        )


def _check_interval(lower: np.ndarray | None, upper: np.ndarray | None) -> None:
    if (lower is None) != (upper is None):
        raise ValueError("lower and upper must come together, got one of them.")
    if lower is not None and upper is not None and (lower > upper).any():
        step, channel = np.argwhere(lower > upper)[0]
        raise ValueError(
            f"lower must not be above upper, as in step {step} of channel {channel}."
        )


# Channels ---------------------------------------------------------------------


def read_names(
    values: dict[str, Any], channel_names: Sequence[str] | None
) -> list[str] | None:
    """Return the names that are given, or those in all frames, or None."""
    if channel_names is None:
        return _names_in(values)
    shape = np.shape(values["history"])
    names = np.array([str(name) for name in channel_names])
    check_shape(names, shape[1:] or (1,), "channel_names")
    return names.tolist()


def _names_in(values: dict[str, Any]) -> list[str] | None:
    found = {
        owner: names
        for owner, own in values.items()
        if (names := column_names(own)) is not None
    }
    if not found:
        return _name_of(values["history"])
    first = next(iter(found))
    for owner, names in found.items():
        if names != found[first]:
            raise ValueError(
                f"The channels of {owner} must be those of {first}, {found[first]}, "
                f"got {names}."
            )
    return found[first]


def _name_of(column: Any) -> list[str] | None:
    # polars calls a column without a name "".
    if is_frame_column(column) and column.name not in (None, ""):
        return [str(column.name)]
    return None


# Steps ------------------------------------------------------------------------


def read_steps(values: dict[str, Any], index: Any) -> np.ndarray | None:
    """Return numbers or dates of history and forecast, None where none are given."""
    steps = _steps(values, index)
    if steps is not None and not (steps[1:] > steps[:-1]).all():
        raise ValueError(
            "index, or that of the frames, must increase from each step to the next."
        )
    return steps


def _steps(values: dict[str, Any], index: Any) -> np.ndarray | None:
    history, horizon = values["history"], len(values["forecast"])
    n_before = len(history)
    if index is not None and len(index) == n_before + horizon:
        return read_index(history, index, n_before + horizon)
    if index is not None and len(index) != n_before:
        raise ValueError(
            f"index must hold {n_before} steps, or {n_before + horizon} with those of "
            f"the forecast, got {len(index)}."
        )
    before = read_index(history, index, n_before)
    if before is None:
        return None
    dates = _dates_in(values) if before.dtype.kind == "M" else {}
    whole = [own for own in dates.values() if len(own) == horizon]
    after = (
        whole[0]
        if whole
        else _following(history.index if index is None else index, horizon)
    )
    _check_dates(dates, before[-1], after)
    return np.concatenate([before, after])


def _dates_in(values: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the dates of all that follows the history and has dates."""
    indices = {
        name: read_index(own, None, len(own))
        for name, own in values.items()
        if name != "history"
    }
    return {
        name: index
        for name, index in indices.items()
        if index is not None and index.dtype.kind == "M"
    }


def _check_dates(
    dates: dict[str, np.ndarray], last: np.datetime64, after: np.ndarray
) -> None:
    for name, own in dates.items():
        if own[0] <= last:
            raise ValueError(
                f"The dates of {name} must come after history, which ends at {last}, "
                f"got {own[0]}."
            )
        if not np.array_equal(own, after[: len(own)]):
            raise ValueError(
                f"The dates of {name} must be those of the forecast, from {after[0]} "
                f"on, got {own[0]} to {own[-1]}."
            )


def _following(index: Any, n_steps: int) -> np.ndarray:
    """Return the steps after the last one of an index."""
    if getattr(index, "freq", None) or getattr(index, "inferred_freq", None):
        return _following_dates(index, n_steps)
    steps = plain_dates(index)
    if len(steps) == 1 and steps.dtype.kind != "M":
        return steps + np.arange(1, n_steps + 1)
    gaps = np.diff(steps)
    if not len(gaps) or not np.allclose(gaps.astype(float), gaps[-1].astype(float)):
        raise ValueError(
            "The steps of the forecast cannot be told, since those of history are not "
            f"even. Pass them in index too, which then holds {len(steps) + n_steps}."
        )
    return steps[-1] + gaps[-1] * np.arange(1, n_steps + 1)


def _following_dates(index: Any, n_steps: int) -> np.ndarray:
    import pandas as pd

    if isinstance(index, pd.PeriodIndex):
        later: Any = pd.period_range(index[-1], periods=n_steps + 1)
    else:
        frequency = index.freq or index.inferred_freq
        later = pd.date_range(index[-1], periods=n_steps + 1, freq=frequency)
    return plain_dates(later[1:])
