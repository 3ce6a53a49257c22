"""The epochs of a fit as tasks of scikit-learn's callbacks, where it has such."""

from collections.abc import Callable
from typing import Any

from sklearn_ae._data import ResidentRows

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before scikit-learn 1.9 there is no such protocol

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands for the mixin that this version of scikit-learn lacks."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method as it is."""
        return method


class EpochReport:
    """Tells the callbacks of an estimator about its fit and the epochs in it.

    Callbacks may ask for what is in `data`, and for the fitted attributes: those of a
    fit are `attributes_of(fit)`.
    """

    def __init__(
        self,
        owner: Any,
        n_epochs: int,
        data: dict[str, Any],
        attributes_of: Callable[[Any], dict[str, Any]],
    ) -> None:
        self.data = {"estimator": owner, **data}
        if isinstance(data["X"], ResidentRows):
            self.data["X"] = data["X"][:]  # an array
        self.attributes_of = attributes_of
        self.task = self.whole = owner._init_callback_context(max_subtasks=n_epochs)
        self.whole.call_on_fit_task_begin(**self.data)

    def begin_epoch(self) -> None:
        """Tell of an epoch that begins."""
        self.task = self.whole.subcontext("epoch")
        self.task.call_on_fit_task_begin(**self.data)

    def end_epoch(self, snapshot: Callable[[], Any]) -> bool:
        """Tell of the end of an epoch, or else of the fit; return whether to stop."""
        task, self.task = self.task, self.whole
        stop: bool = task.call_on_fit_task_end(
            **self.data,
            reconstruction_attributes=lambda: self.attributes_of(snapshot()),
        )
        return stop
