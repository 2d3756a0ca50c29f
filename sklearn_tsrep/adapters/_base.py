"""What adapters share: an estimator of scikit-learn inside of one of sktime."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Self

from sklearn.base import clone
from sklearn.utils import get_tags

# What scikit-learn keeps on an estimator that stands in one of its pipelines.
_OF_SCIKIT_LEARN = ("_parent_callback_ctx", "_skl_callbacks")


class EstimatorAdapter:
    """Holds an estimator, of which a clone is fitted.

    An adapter puts this before the base class of sktime, says what it adapts if it is
    given nothing, and hands data on. Tags of an object say what its estimator can do.
    """

    _tags: ClassVar[dict[str, Any]] = {
        "authors": "sklearn-tsrep developers",
        "maintainers": "sklearn-tsrep developers",
        "property:randomness": "stochastic",
        "capability:missing_values": True,
    }

    def __init__(self, estimator: Any = None) -> None:
        self.estimator = estimator
        super().__init__()
        self.set_tags(**self._tags_of(self._chosen()))  # type: ignore[attr-defined]

    @classmethod
    def _usual_estimator(cls) -> Any:
        """Return what is adapted if nothing is given."""
        raise NotImplementedError

    def _chosen(self) -> Any:
        return self._usual_estimator() if self.estimator is None else self.estimator

    def _tags_of(self, estimator: Any) -> dict[str, Any]:
        states = values_of(estimator, "random_state")
        is_repeatable = all(isinstance(state, Integral) for state in states)
        return {
            "property:randomness": "deterministic" if is_repeatable else "stochastic",
            "capability:missing_values": get_tags(estimator).input_tags.allow_nan,
        }

    def _fit_clone(self, *data: Any, **parameters: Any) -> None:
        self.estimator_ = clone(self._chosen()).set_params(**parameters).fit(*data)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of the estimator by ``estimator__<name>``.

        Parameters
        ----------
        **params : dict
            Parameters by name.

        Returns
        -------
        self : object
            As it was constructed, with other parameters.
        """
        super().set_params(**params)  # type: ignore[misc]
        # Tags follow the parameters of the estimator, which sktime sets last.
        return self.reset()

    def reset(self) -> Self:
        """Return to the state after construction, with the parameters of now.

        Returns
        -------
        self : object
            Not fitted.
        """
        own = vars(self)
        kept = {name: own[name] for name in _OF_SCIKIT_LEARN if name in own}
        super().reset()  # type: ignore[misc]
        own.update(kept)
        return self


def values_of(estimator: Any, name: str) -> list[Any]:
    """Return what a parameter is in an estimator and in all that it is made of."""
    return [
        value
        for path, value in estimator.get_params().items()
        if path.split("__")[-1] == name
    ]
