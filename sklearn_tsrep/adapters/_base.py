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

    @classmethod
    def _small_parameters(cls) -> list[dict[str, Any]]:
        """Return sets of parameters with which a fit takes milliseconds."""
        raise NotImplementedError

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for the checks of sktime.

        Parameters
        ----------
        parameter_set : str, default="default"
            Ignored: there is one.

        Returns
        -------
        params : list of dict
            With each of them a fit takes milliseconds.
        """
        return cls._small_parameters()

    def _chosen(self) -> Any:
        return self._usual_estimator() if self.estimator is None else self.estimator

    def _tags_of(self, estimator: Any) -> dict[str, Any]:
        states = parameters_named("random_state", estimator).values()
        is_repeatable = all(isinstance(state, Integral) for state in states)
        return {
            "property:randomness": "deterministic" if is_repeatable else "stochastic",
            "capability:missing_values": get_tags(estimator).input_tags.allow_nan,
        }

    def _fit_clone(self, X: Any, y: Any = None, **parameters: Any) -> None:
        own = clone(self._chosen())
        own.set_params(**parameters, **_seeds_of_numpy(own))
        self.estimator_ = own.fit(X, y)

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


def parameters_named(name: str, estimator: Any) -> dict[str, Any]:
    """Return what a parameter is in an estimator and in all that it is made of."""
    return {
        path: value
        for path, value in estimator.get_params().items()
        if path.split("__")[-1] == name
    }


def gives_nan(estimator: Any) -> bool:
    """Tell whether a series without a value gives NaN, and is no error."""
    return "nan" in parameters_named("on_empty", estimator).values()


def _seeds_of_numpy(estimator: Any) -> dict[str, int]:
    """Return in 32 bits the seeds of more, which `set_random_state` of sktime draws."""
    return {
        path: int(seed) % 2**32
        for path, seed in parameters_named("random_state", estimator).items()
        if isinstance(seed, Integral) and int(seed) >= 2**32
    }
