"""Rules that turn scores into an offset, below which a time step is an anomaly.

Scores are those of scikit-learn's ``score_samples``: the higher, the more normal. A
step is an anomaly where its score is below the offset; one at the offset is normal.
"""

import warnings
from collections.abc import Callable
from numbers import Real
from typing import Any, Literal

import numpy as np
from scipy import stats

from sklearn_tsrep.data._values import read_array

# With fewer, two parameters of a tail are noise.
_MIN_EXCESSES = 10


def fit_offset(
    scores: Any,
    rule: str = "quantile",
    contamination: float | Literal["auto"] = "auto",
    y: Any = None,
) -> float:
    """Choose the offset below which a score is that of an anomaly.

    Parameters
    ----------
    scores : array-like of shape (n_timepoints,)
        Scores of training or validation data, higher for normal steps.

    rule : {"quantile", "pot", "mad", "best_f1"}, default="quantile"
        How to choose.

        - ``"quantile"``: a share `contamination` of the scores lies below, see
          `quantile_offset`; ``"auto"`` is 0.01.
        - ``"pot"``: peaks over threshold. A further normal step is below with
          probability `contamination`, extrapolated by extreme-value theory, see
          `pot_offset`; ``"auto"`` is 0.001.
        - ``"mad"``: as many robust deviations below the median as leave the share
          `contamination` of a normal distribution, see `mad_offset`; ``"auto"`` is
          0.00135, three deviations.
        - ``"best_f1"``: the largest F1 score on labelled steps, see `best_f1_offset`.
          `contamination` is not used.

    contamination : float in (0, 0.5] or "auto", default="auto"
        Share of anomalies, or for ``"pot"`` the risk of a false alarm at a step.

    y : array-like of shape (n_timepoints,), default=None
        Labels, 1 for anomalies and 0 for normal steps. Read by ``"best_f1"`` only,
        which needs them.

    Returns
    -------
    offset : float
        A step with ``score < offset`` is an anomaly.

    Raises
    ------
    TypeError
        If scores or labels are not numbers.

    ValueError
        If scores are missing or infinite, the rule is unknown, the contamination lies
        outside its range, or ``"best_f1"`` lacks labels.

    Warns
    -----
    UserWarning
        If ``"pot"`` can fit no tail and takes the quantile instead.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep.thresholds import fit_offset
    >>> scores = -np.arange(200.0)
    >>> offset = fit_offset(scores, "quantile", contamination=0.05)
    >>> print(offset, np.mean(scores < offset))
    -189.05 0.05
    >>> y = np.arange(200) >= 120
    >>> print(fit_offset(scores, "best_f1", y=y))
    -119.5
    """
    if rule not in list(THRESHOLDS):  # which may be no key at all
        raise ValueError(f"rule must be one of {list(THRESHOLDS)}, got {rule!r}.")
    scores = check_scores(scores)
    if rule == "best_f1":
        if y is None:
            raise ValueError("The rule 'best_f1' needs y, with 1 for anomalies.")
        return best_f1_offset(scores, y)
    return THRESHOLDS[rule](scores, _share(contamination, rule))


def check_scores(scores: Any, name: str = "scores") -> np.ndarray:
    """Return scores as a float array of shape (n_timepoints,), a view where it can be.

    Raises
    ------
    TypeError
        If they are not numbers.

    ValueError
        If they have another shape, are empty, or some are NaN or infinite.
    """
    values = read_array(scores, name)
    if values.ndim != 1 or not len(values):
        raise ValueError(
            f"{name} must have the shape (n_timepoints,), got {values.shape}."
        )
    if values.dtype != np.float32:
        values = values.astype(np.float64, copy=False)
    is_bad = ~np.isfinite(values)
    if is_bad.any():
        raise ValueError(
            f"{name} must be finite, got {is_bad.sum()} that are NaN or infinite, the "
            f"first at step {is_bad.argmax()}."
        )
    return values


def check_labels(labels: Any, n_timepoints: int, name: str = "y") -> np.ndarray:
    """Return labels, 1 for anomalies and 0 for normal steps, as a boolean array.

    Raises
    ------
    TypeError
        If they are not numbers.

    ValueError
        If they have another shape, or values other than 0 and 1.
    """
    values = read_array(labels, name)
    if values.shape != (n_timepoints,):
        raise ValueError(
            f"{name} must have one label a time step, shape ({n_timepoints},), got "
            f"{values.shape}."
        )
    is_anomaly = values == 1
    if not (is_anomaly | (values == 0)).all():
        message = f"{name} must be 1 for anomalies and 0 for normal steps"
        if np.isin(values, (-1, 1)).all():
            raise ValueError(f"{message}, got -1 and 1: pass {name} == -1.")
        raise ValueError(f"{message}, got {np.unique(values)[:5]}.")
    return is_anomaly


def quantile_offset(scores: np.ndarray, share: float) -> float:
    """Return the quantile of scores, interpolated as in scikit-learn's detectors.

    Parameters
    ----------
    scores : ndarray of shape (n_timepoints,)
        Finite scores.

    share : float
        Share below the offset. Of ``n`` scores that are all different,
        ``ceil(share * (n - 1))`` lie below; of scores with ties fewer, and none if
        more than this share are equally low.

    Returns
    -------
    offset : float

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep.thresholds import quantile_offset
    >>> print(quantile_offset(np.array([3.0, 1.0, 2.0, 5.0, 4.0]), 0.25))
    2.0
    """
    return float(np.quantile(scores, share))


def pot_offset(scores: np.ndarray, risk: float, *, level: float = 0.98) -> float:
    r"""Extrapolate the tail of low scores: peaks over threshold.

    With losses :math:`-s`, a generalised Pareto distribution of shape
    :math:`\gamma` and scale :math:`\sigma` is fitted to the :math:`N_t` excesses of
    :math:`n` losses over their quantile :math:`t`. A loss then lies with probability
    :math:`q` above

    .. math:: z_q = t + \frac{\sigma}{\gamma}
              \left(\left(\frac{q n}{N_t}\right)^{-\gamma} - 1\right),

    or :math:`t - \sigma \ln(q n / N_t)` for :math:`\gamma = 0`. Unlike a quantile,
    it can ask for a risk smaller than one step of the training data.

    Parameters
    ----------
    scores : ndarray of shape (n_timepoints,)
        Finite scores.

    risk : float
        Probability :math:`q` that a normal step falls below the offset. A risk that
        is not below the share of the excesses needs no extrapolation: then it is the
        quantile of the scores.

    level : float in (0, 1), default=0.98
        The initial quantile :math:`t` of the losses, beyond which the tail begins.

    Returns
    -------
    offset : float
        The score :math:`-z_q`. If no tail can be fitted, `quantile_offset` with the
        share `risk`.

    Warns
    -----
    UserWarning
        If no tail can be fitted: there are fewer than 10 excesses, they are all
        equal, or the fit ends outside the distributions that have a likelihood
        (:math:`\gamma \leq -1`).

    References
    ----------
    A. Siffer, P.-A. Fouque, A. Termier and C. Largouet, "Anomaly Detection in Streams
    with Extreme Value Theory", KDD 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import norm
    >>> from sklearn_tsrep.thresholds import pot_offset
    >>> scores = np.random.default_rng(0).normal(size=20_000)
    >>> print(f"{pot_offset(scores, 1e-4):.1f}, expected {norm.ppf(1e-4):.1f}")
    -3.7, expected -3.7
    """
    losses = -scores.astype(np.float64)
    start = float(np.quantile(losses, level))
    excesses = losses[losses > start] - start
    n_expected = risk * len(losses)
    if risk >= 1 - level or 0 < len(excesses) <= n_expected:
        return quantile_offset(scores, risk)
    try:
        excess = _excess_at(n_expected / max(len(excesses), 1), excesses)
    except _NoTailError as reason:
        warnings.warn(
            f"No tail can be fitted to the lowest scores: {reason}. The offset is "
            f"their quantile at {risk:g} instead.",
            stacklevel=2,
        )
        return quantile_offset(scores, risk)
    return -(start + excess)


class _NoTailError(ValueError):
    """Why excesses have no generalised Pareto distribution."""


def _excess_at(probability: float, excesses: np.ndarray) -> float:
    """Return what an excess is above with this probability."""
    if len(excesses) < _MIN_EXCESSES:
        raise _NoTailError(
            f"{len(excesses)} lie beyond the initial level, {_MIN_EXCESSES} are needed"
        )
    if np.ptp(excesses) == 0:
        raise _NoTailError("all beyond the initial level are equal")
    # The optimiser stops at absolute tolerances, so that the unit matters to it.
    unit = np.median(excesses)
    try:
        shape, _, scale = stats.genpareto.fit(excesses / unit, 0.1, floc=0, scale=1)
    except stats.FitError as error:
        raise _NoTailError(f"the fit failed ({error})") from error
    excess = unit * stats.genpareto.isf(probability, shape, scale=scale)
    if shape <= -1 or not np.isfinite(excess):
        raise _NoTailError(f"the fit ended at the shape {shape:.3g}")
    return float(excess)


def mad_offset(scores: np.ndarray, n_deviations: float) -> float:
    """Return the median less a number of robust standard deviations.

    Parameters
    ----------
    scores : ndarray of shape (n_timepoints,)
        Finite scores.

    n_deviations : float
        How many deviations. One is 1.4826 times the median absolute deviation from
        the median, which is the standard deviation of normally distributed scores.
        Where more than half of the scores are equal, it is 1.2533 times the mean
        absolute deviation from the median, which is the same for normal ones.

    Returns
    -------
    offset : float
        For constant scores their value, so that none is below.

    References
    ----------
    B. Iglewicz and D. C. Hoaglin, "How to Detect and Handle Outliers", ASQC Quality
    Press, 1993.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep.thresholds import mad_offset
    >>> print(f"{mad_offset(np.array([1.0, 2.0, 3.0, 4.0, 90.0]), 2):.2f}")
    0.03
    """
    median = np.median(scores)
    deviation = stats.median_abs_deviation(scores, scale="normal")
    if deviation == 0:
        deviation = np.sqrt(np.pi / 2) * np.abs(scores - median).mean()
    return float(median - n_deviations * deviation)


def best_f1_offset(scores: np.ndarray, y: Any) -> float:
    """Return the offset with the largest point-wise F1 score on labelled steps.

    Parameters
    ----------
    scores : ndarray of shape (n_timepoints,)
        Finite scores.

    y : array-like of shape (n_timepoints,)
        Labels, 1 for anomalies and 0 for normal steps.

    Returns
    -------
    offset : float
        Halfway between two neighbouring scores, or just above the largest if it is
        best to call all steps anomalies. Of several that are as good, the one with
        the fewest alarms.

    Raises
    ------
    ValueError
        If no step is an anomaly, or labels are not 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep.thresholds import best_f1_offset
    >>> best_f1_offset(np.array([0.0, 1.0, 2.0, 3.0]), [1, 1, 0, 0])
    1.5
    """
    is_anomaly = check_labels(y, len(scores))
    if not is_anomaly.any():
        raise ValueError("The rule 'best_f1' needs at least one anomaly in y.")
    order = np.argsort(scores)
    ordered = scores[order]
    n_hits = np.cumsum(is_anomaly[order])
    f1 = 2 * n_hits / (np.arange(1, len(scores) + 1) + n_hits[-1])
    # Equal scores are called anomalies together or not at all.
    last_of_equals = np.flatnonzero(np.append(np.diff(ordered) > 0, True))
    best = last_of_equals[f1[last_of_equals].argmax()]
    if best == len(scores) - 1:
        return float(np.nextafter(ordered[best], np.inf, dtype=ordered.dtype))
    return _between(ordered[best], ordered[best + 1])


def _between(low: np.floating, high: np.floating) -> float:
    """Return the middle, above `low` also where no number lies between the two."""
    middle = low / 2 + high / 2
    return float(middle if middle > low else high)


def _share(contamination: float | Literal["auto"], rule: str) -> float:
    if isinstance(contamination, str) and contamination == "auto":
        return AUTO_CONTAMINATION[rule]
    is_number = isinstance(contamination, Real) and not isinstance(contamination, bool)
    if not is_number or not 0 < contamination <= 0.5:
        raise ValueError(
            "contamination must be 'auto' or a number above 0 and up to 0.5, got "
            f"{contamination!r}."
        )
    return float(contamination)


def _mad_offset_for(scores: np.ndarray, share: float) -> float:
    return mad_offset(scores, float(stats.norm.isf(share)))


# Offsets of scores and of a share of anomalies; "best_f1" goes by labels instead.
THRESHOLDS: dict[str, Callable[[np.ndarray, Any], float]] = {
    "quantile": quantile_offset,
    "pot": pot_offset,
    "mad": _mad_offset_for,
    "best_f1": best_f1_offset,
}

# What "auto" stands for. That of "mad" is what lies three deviations below the mean
# of a normal distribution.
AUTO_CONTAMINATION = {"quantile": 0.01, "pot": 0.001, "mad": float(stats.norm.sf(3))}
