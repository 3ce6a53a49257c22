"""Callbacks of skorch that tell the outside about epochs: a bar, and scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skorch.callbacks import Callback
from tqdm import tqdm


class EpochBar(Callback):
    """Progress bar with the losses of the last epoch and PCA's.

    Parameters
    ----------
    n_epochs : int
        Length of the bar.
    loss_unit : float
        What the net's losses are multiplied by to be fractions of the mean's loss.
    pca_loss : float or None
        PCA's loss, as such a fraction.
    """

    def __init__(self, n_epochs: int, loss_unit: float, pca_loss: float | None) -> None:
        self.n_epochs = n_epochs
        self.loss_unit = loss_unit
        self.pca_loss = pca_loss

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Show an empty bar."""
        self.bar_ = tqdm(total=self.n_epochs, unit="epoch")

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Show one epoch more."""
        epoch = net.history[-1]
        losses = {
            name: epoch[f"{name}_loss"] * self.loss_unit
            for name in ("train", "valid")
            if f"{name}_loss" in epoch
        }
        if self.pca_loss is not None:
            losses["PCA"] = self.pca_loss
        self.bar_.set_postfix({name: f"{loss:.3g}" for name, loss in losses.items()})
        self.bar_.update()

    def close(self) -> None:
        """Leave the bar as it is."""
        if hasattr(self, "bar_"):
            self.bar_.close()


class EpochTasks(Callback):
    """Reports epochs as tasks, and ends training where the report asks for it.

    Parameters
    ----------
    begin : callable
        Called before each epoch.
    end : callable
        Called after each epoch with the net; returns whether training should stop.
    """

    def __init__(self, begin: Callable[[], None], end: Callable[[Any], bool]) -> None:
        self.begin = begin
        self.end = end
        self.has_stopped = False

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Report an epoch that begins."""
        self.begin()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Report an epoch that has ended."""
        if self.end(net):
            self.has_stopped = True
            raise KeyboardInterrupt  # how skorch is told to end training
