"""Callbacks of skorch: rate and start of steps, averages, best weights, who is told."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from skorch.callbacks import Callback, EarlyStopping
from tqdm import tqdm

# Steps in which the learning rate rises: the first ones would go too far, as Adam takes
# them all in full length.
N_STEPS_RISING = 20
# An average over steps, the last of which count more: as the share of those before a
# step to this power. From 3 on it hardly matters.
POWER = 8


class RisingRate(Callback):
    """Let the learning rate rise to its peak, where it stays."""

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Start with the first step."""
        self.step_ = 0

    def on_batch_begin(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        """Set the rate of the step that follows."""
        if training and self.step_ < N_STEPS_RISING:
            self.step_ += 1
            peak = net.optimizer_.defaults["lr"]
            for group in net.optimizer_.param_groups:
                group["lr"] = peak * self.step_ / N_STEPS_RISING


class AveragedWeights(Callback):
    """Averages of the weights over the steps, which take their place in evaluation.

    With a constant rate the weights keep moving about the optimum, and their average
    lies as near to it as weights whose rate has fallen, after any number of steps.

    Shamir, O., & Zhang, T. (2013). "Stochastic gradient descent for non-smooth
    optimization: convergence results and optimal averaging schemes". ICML 2013.
    """

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Start with the weights as they are."""
        self.weights_ = [w for w in net.module_.parameters() if w.requires_grad]
        self.others_ = [weight.detach().clone() for weight in self.weights_]
        self.n_steps_, self.n_averaged_, self.are_shown_ = 0, 0, False

    def on_batch_begin(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        """Take the weights up that the steps so far have led to."""
        if not training:
            return
        self.show(averages=False)
        if self.n_steps_ - self.n_averaged_ == 2:  # one step moves weights little
            self._take_up()
        self.n_steps_ += 1

    def _take_up(self) -> None:
        """Let the weights count in the averages, for the steps since the last time."""
        n_new, self.n_averaged_ = self.n_steps_ - self.n_averaged_, self.n_steps_
        share = min(n_new * (POWER + 1) / (self.n_steps_ + POWER), 1.0)
        with torch.no_grad():
            for weight, average in zip(self.weights_, self.others_, strict=True):
                average.lerp_(weight, share)

    def show(self, averages: bool) -> None:
        """Let the module have the averages, or the weights that steps go on from."""
        if averages is self.are_shown_:
            return
        if averages and self.n_steps_ > self.n_averaged_:
            self._take_up()
        self.are_shown_ = averages
        for i, weight in enumerate(self.weights_):
            weight.data, self.others_[i] = self.others_[i], weight.data


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
                "StandardScaler. A noise, a loss or a module of your own has to have "
                "finite values, and gradients."
            )


class EpochBar(Callback):
    """Progress bar with the losses of the last epoch and PCA's.

    It is as long as the epochs that are expected, which may become more.

    Parameters
    ----------
    units : dict of float
        What the net's losses are multiplied by to be fractions of the mean's loss, on
        the rows of each.
    pca_loss : float
        PCA's loss, as such a fraction, on the last of them.
    """

    def __init__(self, units: dict[str, float], pca_loss: float) -> None:
        self.n_epochs = 0
        self.units = units
        self.pca_loss = pca_loss

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Show an empty bar where there is none."""
        if not hasattr(self, "bar_"):
            self.bar_ = tqdm(total=self.n_epochs, unit="epoch")

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Show one epoch more."""
        epoch = net.history[-1]
        losses = {
            name: epoch[f"{name}_loss"] * unit
            for name, unit in self.units.items()
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
