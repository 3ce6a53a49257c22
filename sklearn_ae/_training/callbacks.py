"""Callbacks of skorch: rate and start of steps, best weights, losses, who is told."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import torch
from skorch.callbacks import Callback, EarlyStopping
from tqdm import tqdm

WARM_UP = 0.1  # share of the steps in which the learning rate rises to its peak


class OneCycle(Callback):
    """Set the learning rate of each step, with a cycle for each phase.

    `LRScheduler` with `LambdaLR` does the same, but takes 3 % of a small step.

    Parameters
    ----------
    lengths : sequence of int
        Steps of each phase.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = list(lengths)

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Start with the first step."""
        self.step_ = 0

    def on_batch_begin(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        """Set the rate of the step that follows."""
        if training:
            rate = net.optimizer_.defaults["lr"]
            rate *= one_cycle_each(self.step_, self.lengths)
            for group in net.optimizer_.param_groups:
                group["lr"] = rate
            self.step_ += 1


def one_cycle_each(step: int, lengths: Sequence[int]) -> float:
    """Share of the peak learning rate at a step where each phase has a cycle."""
    for n_steps in lengths:
        if step < n_steps:
            return one_cycle(step, n_steps)
        step -= n_steps
    return 0.0


def one_cycle(step: int, n_steps: int) -> float:
    """Share of the peak learning rate at a step: a short rise, then half a cosine.

    Smith, L. N., & Topin, N. (2019). "Super-convergence: very fast training of neural
    networks using large learning rates". Proc. SPIE 11006.
    """
    n_rising = max(1, round(WARM_UP * n_steps))
    if step < n_rising:
        return (step + 1) / n_rising
    return 0.5 + 0.5 * math.cos(math.pi * (step - n_rising) / (n_steps - n_rising + 1))


class FirstStep(Callback):
    """Take no first step along gradients that are rounding errors.

    At PCA's optimum the encoder's are, and Adam's first step is as long for them as for
    others: fits to copies of a table in float32 and in float64 would part there.
    """

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Wait for the first step."""
        self.is_over_ = False

    def on_grad_computed(self, net: Any, named_parameters: Any, **kwargs: Any) -> None:
        """Set what is nothing beside the largest gradient to zero."""
        if self.is_over_:
            return
        self.is_over_ = True
        grads = [part.grad for _, part in named_parameters if part.grad is not None]
        sizes = [float(grad.abs().max()) for grad in grads]
        for grad, size in zip(grads, sizes, strict=True):
            if size < torch.finfo(grad.dtype).eps ** 0.5 * max(sizes):
                grad.zero_()


class BestWeights(EarlyStopping):
    """Early stopping whose best weights include those before the first epoch.

    They are copied to where the last ones were: memory for new ones takes longer.
    """

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Take the untrained module's loss as the one to beat."""
        super().on_train_begin(net, **kwargs)
        loss, n_rows = 0.0, 0
        for batch in net.get_iterator(net.train_split(None)[1], training=False):
            step = net.validation_step(batch)
            loss += float(step["loss"]) * len(batch[1][0])
            n_rows += len(batch[1][0])
        self.dynamic_threshold_ = self._calc_new_threshold(loss / n_rows)
        self.weights_ = deepcopy(net.module_.state_dict())

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Keep the weights if they are the best."""
        super().on_epoch_end(net, **kwargs)
        if self.best_epoch_ == net.history[-1, "epoch"]:
            for name, value in net.module_.state_dict().items():
                self.weights_[name].copy_(value)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Go back to the best weights."""
        if self.best_epoch_ != net.history[-1, "epoch"]:
            net.module_.load_state_dict(self.weights_)
            text = f"Restoring best model from epoch {self.best_epoch_}."
            self._sink(text, verbose=net.verbose)


class FiniteLoss(Callback):
    """Stop with an error when the loss is not finite; skorch alone would go on."""

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Check the epoch that has just ended."""
        if not math.isfinite(net.history[-1, "train_loss"]):
            raise ValueError(
                f"Training diverged in epoch {len(net.history)}: the loss is "
                f"{net.history[-1, 'train_loss']}. Lower learning_rate_init (now "
                f"{net.optimizer_.defaults['lr']!r}) or scale X, for instance with "
                "StandardScaler. A noise or a module of your own has to return finite "
                "values."
            )


class EpochBar(Callback):
    """Progress bar with the losses of the last epoch and PCA's.

    Parameters
    ----------
    n_epochs : int
        Length of the bar, over all networks that are trained one after the other.
    loss_unit : float
        What the net's losses are multiplied by to be fractions of the mean's loss.
    pca_loss : float
        PCA's loss, as such a fraction.
    """

    def __init__(self, n_epochs: int, loss_unit: float, pca_loss: float) -> None:
        self.n_epochs = n_epochs
        self.loss_unit = loss_unit
        self.pca_loss = pca_loss

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Show an empty bar where there is none."""
        if not hasattr(self, "bar_"):
            self.bar_ = tqdm(total=self.n_epochs, unit="epoch")

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Show one epoch more."""
        epoch = net.history[-1]
        losses = {
            name: epoch[f"{name}_loss"] * self.loss_unit
            for name in ("train", "valid")
            if f"{name}_loss" in epoch
        }
        losses["PCA"] = self.pca_loss
        self.bar_.set_postfix({name: f"{loss:.3g}" for name, loss in losses.items()})
        self.bar_.update()

    def extend(self, n_epochs: int) -> None:
        """Expect so many epochs more."""
        self.n_epochs += n_epochs
        if hasattr(self, "bar_"):
            self.bar_.total = self.n_epochs

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
