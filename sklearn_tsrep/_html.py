"""What was learned, in the HTML that scikit-learn shows of an estimator."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

# Under which names an estimator holds another that it has fitted.
_HELD = ("transformer_", "estimator_")
_MOST_POINTS = 100
_WIDTH, _HEIGHT, _MARGIN = 160, 32, 2


class DisplayedEstimator(BaseEstimator):
    """Shows a summary of its training beside its parameters.

    scikit-learn asks for the fitted attributes wherever it draws an estimator, alone or
    as a step of another; the summary stands above them.
    """

    _doc_link_module = "sklearn_tsrep"
    # An address to put the name of the class into; empty for no link.
    _doc_link_template: ClassVar[str] = ""

    def _get_fitted_attr_html(self, doc_link: str = "") -> FittedDisplay:
        try:
            attributes = super()._get_fitted_attr_html(doc_link)
        except Exception:
            # An attribute may not be to be had: a network on a device of another
            # machine. A notebook shows what there is.
            attributes = None
        return FittedDisplay(summary_html(self), attributes)


class FittedDisplay:
    """The summary of a training, and scikit-learn's table of fitted attributes."""

    def __init__(self, summary: str, attributes: Any) -> None:
        self.summary = summary
        self.attributes = attributes

    def __len__(self) -> int:
        return bool(self.summary) + len(self.attributes or ())

    def _repr_html_inner(self) -> str:
        if not self.attributes:
            return self.summary
        return self.summary + self.attributes._repr_html_inner()


def summary_html(estimator: Any) -> str:
    """Return a table of what was learned; nothing before fit."""
    rows = "".join(
        f'<tr class="default"><td class="param">{escape(name)}</td>'
        f'<td class="value">{escape(value)}</td></tr>'
        for name, value in summary(estimator).items()
    )
    if not rows:
        return ""
    return (
        '<div class="estimator-table"><details open><summary>Training</summary>'
        f'<table class="parameters-table"><tbody>{rows}</tbody></table>'
        f"{_sparkline_of(estimator)}</details></div>"
    )


def summary(estimator: Any) -> dict[str, str]:
    """Return what was learned by name; nothing before fit.

    Nothing is loaded for it: of a network that was saved, and not used since, it says
    the device that was asked for.
    """
    if not _is_fitted(estimator):
        return {}
    trained = trained_part(estimator)
    if trained is None:
        return {"State": "fitted, without a network"}
    return {
        "State": "trained" if trained.n_iter_ else "untrained, random weights",
        "Network": f"{_n_weights(trained):,} weights{_owner(estimator, trained)}",
        "Device": _device(trained),
        **_progress(trained.loss_curve_),
    }


def trained_part(estimator: Any) -> Any:
    """Return who has the network, the estimator or one that it holds, or None."""
    if isinstance(estimator, FrozenEstimator):
        return trained_part(estimator.estimator)
    if not isinstance(estimator, DisplayedEstimator):
        return None
    attributes = vars(estimator)
    if "_weights" in attributes:
        return estimator
    held = (trained_part(attributes.get(name)) for name in _HELD)
    return next((part for part in held if part is not None), None)


def sparkline(values: Sequence[float]) -> str:
    """Return a small line of values as SVG; nothing for fewer than two.

    Of many values it goes through some at equal distances, the last among them.
    """
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if len(finite) < 2:
        return ""
    chosen = np.linspace(0, len(finite) - 1, min(len(finite), _MOST_POINTS))
    points = " ".join(
        f"{x:.1f},{y:.1f}" for x, y in _positions(finite[chosen.round().astype(int)])
    )
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'role="img" aria-label="Training loss by epoch">'
        f'<polyline fill="none" stroke="currentColor" points="{points}"/></svg>'
    )


def _positions(values: np.ndarray) -> np.ndarray:
    """Return where values are drawn (n_values, 2); high ones have a small second."""
    lowest, spread = values.min(), np.ptp(values)
    shares = (values - lowest) / spread if spread else np.full(len(values), 0.5)
    x = np.linspace(_MARGIN, _WIDTH - _MARGIN, len(values))
    y = _HEIGHT - _MARGIN - shares * (_HEIGHT - 2 * _MARGIN)
    return np.column_stack([x, y])


def _is_fitted(estimator: Any) -> bool:
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


def _sparkline_of(estimator: Any) -> str:
    trained = trained_part(estimator)
    return "" if trained is None else sparkline(trained.loss_curve_)


def _n_weights(trained: Any) -> int:
    return sum(weights.size for weights in trained._weights.values())


def _owner(estimator: Any, trained: Any) -> str:
    return "" if trained is estimator else f" of {type(trained).__name__}"


def _device(trained: Any) -> str:
    module = trained.__dict__.get("_module")
    if module is None:
        return str(trained.device)
    return str(next(module.parameters()).device)


def _progress(losses: Sequence[float]) -> dict[str, str]:
    if not losses:
        return {}
    if len(losses) == 1:
        return {"Length": "1 epoch", "Loss": f"{losses[0]:.4g}"}
    return {
        "Length": f"{len(losses):,} epochs",
        "Loss": f"{losses[0]:.4g} to {losses[-1]:.4g}",
    }
