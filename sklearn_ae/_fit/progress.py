"""scikit-learn's callback protocol: the epochs of a fit as its tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn_ae._fit.result import Fit


class EpochReport:
    """Tells the callbacks of an estimator about its fit and the epochs in it.

    Parameters
    ----------
    owner : estimator
        Has the callbacks.
    n_epochs : int
        Epochs at most.
    data : dict
        What the callbacks may ask for: `X`, `y` and `metadata`.
    attributes_of : callable
        Maps what a fit has found to the fitted attributes.
    """

    def __init__(
        self,
        owner: Any,
        n_epochs: int,
        data: dict[str, Any],
        attributes_of: Callable[[Fit], dict[str, Any]],
    ) -> None:
        self.data = {"estimator": owner, **data}
        self.attributes_of = attributes_of
        self.whole = owner._init_callback_context(max_subtasks=n_epochs)
        self.whole.call_on_fit_task_begin(**self.data)

    def begin_epoch(self) -> None:
        """Tell of an epoch that begins."""
        self.epoch = self.whole.subcontext("epoch")
        self.epoch.call_on_fit_task_begin(**self.data)

    def end_epoch(self, snapshot: Callable[[], Fit]) -> bool:
        """Tell of an epoch that has ended; return whether training should stop."""
        return self._end(self.epoch, snapshot)

    def end(self, fit: Fit) -> None:
        """Tell of the end of the fit."""
        self._end(self.whole, lambda: fit)

    def _end(self, task: Any, snapshot: Callable[[], Fit]) -> bool:
        """Tell of a task that has ended, with what would be the result there."""
        stop: bool = task.call_on_fit_task_end(
            **self.data,
            reconstruction_attributes=lambda: self.attributes_of(snapshot()),
        )
        return stop


def epoch_report(
    owner: Any,
    n_epochs: int,
    X: Any,
    y: Any,
    sample_weight: Any,
    attributes_of: Callable[[Fit], dict[str, Any]],
) -> EpochReport | None:
    """Return the report of a fit to an estimator's callbacks, if it has any."""
    if not getattr(owner, "_skl_callbacks", None):
        return None
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    data = {"X": X, "y": y, "metadata": metadata}
    return EpochReport(owner, n_epochs, data, attributes_of)
