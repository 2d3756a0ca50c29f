"""Bridges between scikit-learn's callbacks and skorch's."""

from typing import Any

from skorch.callbacks import Callback

from sklearn_tsrep.training.callbacks import StopTraining


def check_callbacks(callbacks: Any) -> None:
    """Check that a list holds skorch callbacks, or pairs of name and callback."""
    for entry in callbacks or []:
        is_named = isinstance(entry, tuple) and len(entry) == 2
        if not isinstance(entry[1] if is_named else entry, Callback):
            raise TypeError(
                "callbacks must hold skorch callbacks, or tuples of a name and one, "
                f"got {entry!r}. Callbacks of scikit-learn are given to set_callbacks."
            )


class EpochTasks(Callback):
    """Tells scikit-learn's callbacks when an epoch begins and ends.

    Parameters
    ----------
    estimator : estimator
        Which is being fitted.

    fit_context : sklearn.callback.CallbackContext
        Of its fit.
    """

    def __init__(self, estimator: Any, fit_context: Any) -> None:
        self.estimator = estimator
        self.fit_context = fit_context

    def on_train_begin(self, net: Any, **parameters: Any) -> None:
        """No task is open yet."""
        self.context_: Any = None

    def on_epoch_begin(self, net: Any, **parameters: Any) -> None:
        """Open a task for the epoch."""
        self.context_ = self.fit_context.subcontext(task_name="epoch")
        self.context_.call_on_fit_task_begin(estimator=self.estimator)

    def on_epoch_end(self, net: Any, **parameters: Any) -> None:
        """Close the task, and end the training if a callback asks for it."""
        if self._close_task():
            raise StopTraining

    def on_train_end(self, net: Any, **parameters: Any) -> None:
        """Close the task of an epoch that was cut short."""
        if self.context_ is not None:
            self._close_task()

    def _close_task(self) -> bool:
        context, self.context_ = self.context_, None
        return bool(context.call_on_fit_task_end(estimator=self.estimator))
