"""Bridges between scikit-learn's callbacks and skorch's."""

from typing import Any

from skorch.callbacks import Callback

from sklearn_tsrep.training.callbacks import StopTraining


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

    def on_epoch_begin(self, net: Any, **parameters: Any) -> None:
        """Open a task for the epoch."""
        self.context_ = self.fit_context.subcontext(task_name="epoch")
        self.context_.call_on_fit_task_begin(estimator=self.estimator)

    def on_epoch_end(self, net: Any, **parameters: Any) -> None:
        """Close the task, and end the training if a callback asks for it."""
        if self.context_.call_on_fit_task_end(estimator=self.estimator):
            raise StopTraining
