"""skorch's net, as far as it is overridden, and what it is built of."""

from __future__ import annotations

import re
import sys
from copy import deepcopy
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochTimer, PrintLog
from skorch.helper import predefined_split
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from sklearn_ae._data import ENOUGH_ROWS, LARGEST_COPY
from sklearn_ae._model import Autoencoder, without_denormals
from sklearn_ae._training.batches import ResidentBatches
from sklearn_ae._training.callbacks import (
    AveragedWeights,
    BestWeights,
    EpochTasks,
    FiniteLoss,
    FirstStep,
    RisingRate,
)
from sklearn_ae._training.noise import Corruption
from sklearn_ae._training.options import TrainingOptions


class Net(NeuralNet):
    """skorch's net, which takes small steps as fast as a loop written by hand.

    Its batches are tensors on its device, and its history has one row an epoch, with
    the last batch alone. An override that only saves time says what the inherited
    method adds, roughly, to a fit to 50 columns in batches of 128.
    """

    module_: Any
    criterion_: Any
    callbacks_: list[tuple[str, Any]]
    stopped_early = False
    is_refitted = False  # whether the last layer was refitted at the end

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        """Time epochs, and lay a table of them out only if it is printed."""
        timer = [("epoch_timer", EpochTimer())]
        log = [("print_log", PrintLog(sink=print_plain))] if self.verbose else []
        return [*timer, *log]

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Call the callbacks; for a batch, only those that do something then: 3 %.

        The inherited method also adds a row to the history for each batch.
        """
        if method_name not in ("on_batch_begin", "on_grad_computed", "on_batch_end"):
            super().notify(method_name, **kwargs)
            return
        for callback in self._listeners(method_name):
            getattr(callback, method_name)(self, **kwargs)

    def _listeners(self, method_name: str) -> list[Any]:
        """Return the callbacks with a method of their own for an event."""
        inherited = getattr(Callback, method_name)
        return [
            callback
            for _, callback in self.callbacks_
            if getattr(getattr(callback, method_name), "__func__", None)
            is not inherited
        ]

    def infer(self, x: Any, **params: Any) -> Any:
        """Call the module with a batch or with its named arguments: 2 %."""
        return self.module_(**x) if isinstance(x, dict) else self.module_(x)

    def get_loss(self, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Return the loss of a batch, whose tensors are in place: 5 %."""
        loss: Tensor = self.criterion_(y_pred, y_true)
        return loss

    def _set_training(self, training: bool = True) -> None:
        """Switch the mode where it changes, not in every step: 4 %.

        In evaluation the module has averaged weights.
        """
        parts = (self.module_, self.criterion_)
        if any(part.training is not training for part in parts):
            super()._set_training(training)
            for _, callback in self.callbacks_:
                if isinstance(callback, AveragedWeights):
                    callback.show(not training)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Let callbacks find the weights that are measured and kept."""
        self._set_training(False)

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **params: Any
    ) -> None:
        """Run one epoch; record its mean loss, and of the batches the last one."""
        if iterator is None:
            return
        name = f"{prefix}_loss"
        total, n_rows = torch.zeros((), dtype=torch.float32, device=self.device), 0
        tells_batches = bool(self._listeners("on_batch_end"))
        with without_denormals():
            for batch in iterator:
                self.notify("on_batch_begin", batch=batch, training=training)
                step = step_fn(batch, **params)
                n_in_batch = batch[1][0].shape[0]
                total.add_(step["loss"].detach(), alpha=n_in_batch)
                n_rows += n_in_batch
                if tells_batches:
                    self._record_batch(prefix, step["loss"], n_in_batch)
                # Without the weights of cells, as scorers concatenate targets.
                told = batch[0], batch[1][0]
                self.notify("on_batch_end", batch=told, training=training, **step)
        self._record_batch(prefix, step["loss"], n_in_batch)
        if training:
            for key, value in self.module_.own_record().items():
                self.history.record(key, value)
        loss = float(total) / n_rows
        earlier = self.history[:-1, name] if len(self.history) > 1 else []
        self.history.record(name, loss)
        self.history.record(f"{name}_best", all(loss < other for other in earlier))

    def _record_batch(self, prefix: str, loss: Tensor, n_rows: int) -> None:
        """Let the history know the last batch, as callbacks that name it expect."""
        if not self.history[-1, "batches"]:
            self.history.new_batch()
        self.history.record_batch(f"{prefix}_loss", loss.item())
        self.history.record_batch(f"{prefix}_batch_size", n_rows)

    def fit_loop(self, X: Any, y: Any = None, epochs: Any = None, **params: Any) -> Net:
        """Train; only a callback that ends training may raise KeyboardInterrupt."""
        try:
            super().fit_loop(X, y, epochs, **params)
        except KeyboardInterrupt:
            if not any(_has_ended(callback) for _, callback in self.callbacks_):
                raise
            self.stopped_early = True
        return self

    def finish(self) -> Net:
        """Move the module to the CPU and drop what only training needed."""
        self.module_ = self.module_.to("cpu").eval().requires_grad_(False)
        self.module = type(self.module_)
        self.criterion = self.criterion_ = None
        self.callbacks, self.callbacks_ = None, []
        self.optimizer_ = self.train_split = self.iterator_train__generator = None
        self.iterator_train__corruption = self.iterator_valid__corruption = None
        self.iterator_train__noise_generator = None
        self.device = "cpu"
        return self

    def finished_copy(self) -> Net:
        """Return what the net would be if training ended now."""
        self._set_training(False)
        copy = finished_net(deepcopy(self.module_), self.batch_size)
        copy.history = deepcopy(self.history)
        copy.is_refitted = self.is_refitted
        return copy


def print_plain(text: str) -> None:
    """Print a line, with skorch's colours in a terminal alone."""
    shown = text if sys.stdout.isatty() else re.sub(r"\x1b\[\d*m", "", text)
    print(shown)  # noqa: T201, as `verbose` asks for it


def _has_ended(callback: Any) -> bool:
    """Whether early stopping has used up its patience, or a report has asked to end."""
    if isinstance(callback, EpochTasks):
        return callback.has_stopped
    return isinstance(callback, EarlyStopping) and callback.misses_ >= callback.patience


def auto_batch_size(n_samples: int) -> int:
    """Return a sixteenth of the rows, from 32 to 192."""
    return min(max(n_samples // 16, 32), 192)


def start_training(
    module: Autoencoder,
    valid: TensorDataset | None,
    *,
    criterion: nn.Module,
    corruption: Corruption | None,
    options: TrainingOptions,
    n_rows: int,
    seed: int,
) -> Net:
    """Return a net that is ready for `run_epochs`.

    Parameters
    ----------
    module : Autoencoder
        Changed in place by training.
    valid : TensorDataset or None
        With it, the weights of the epoch with the lowest loss on these rows are kept,
        the start included, and training stops early.
    criterion : nn.Module
        Maps the module's output and the rows to the loss.
    corruption : Corruption or None
        Noise on the input.
    n_rows : int
        How many there are to train on, of which the size of batches depends.
    """
    batch_size = options.batch_size or auto_batch_size(n_rows)
    callbacks: list[Any] = [
        ("_rising_rate", RisingRate()),
        ("_averaged_weights", AveragedWeights()),
        ("_first_step", FirstStep()),
        ("_finite_loss", FiniteLoss()),
    ]
    if valid is not None:
        callbacks.append(("_best_weights", _best_weights(options)))
    # Each code is a direction in which the decoder may follow noise, in few rows.
    decay = options.alpha * len(module.code_mean) * min(1, ENOUGH_ROWS / 4 / n_rows)
    decay = min(decay, 1 / options.learning_rate_init)  # beyond, weights change signs
    n_features = 1 if valid is None else valid.tensors[0].size(1)
    most_rows = min(LARGEST_COPY // n_features, 4096)
    net = Net(
        module,
        criterion=criterion,
        optimizer=torch.optim.AdamW,
        optimizer__lr=options.learning_rate_init,
        # The squares need a short memory in so few steps.
        optimizer__betas=(0.9, 0.99),
        optimizer__weight_decay=decay,
        optimizer__fused=True,
        batch_size=batch_size,
        iterator_train=ResidentBatches,
        iterator_train__generator=torch.Generator().manual_seed(seed),
        iterator_train__most_rows=None if options.max_iter else ENOUGH_ROWS,
        iterator_train__n_components=module.code_mean.shape[0],
        iterator_train__nested_dropout=options.nested_dropout,
        iterator_train__corruption=corruption,
        iterator_train__noise_generator=corruption and corruption.generator(),
        iterator_valid=ResidentBatches,
        iterator_valid__corruption=corruption,
        iterator_valid__batch_size=max(batch_size, most_rows),  # no step is taken
        train_split=None if valid is None else predefined_split(valid),
        callbacks=[*callbacks, *options.callbacks],
        device=options.device,
        verbose=max(options.verbose - 1, 0),  # a bar is enough
    )
    net.initialize()
    net.notify("on_train_begin", X=None, y=None)
    return net


def run_epochs(net: Net, rows: TensorDataset, n_epochs: int) -> None:
    """Train on rows, unless it was stopped; the module then has averaged weights."""
    if n_epochs > 0 and not net.stopped_early:
        net.fit_loop(rows, epochs=n_epochs)
    net._set_training(False)


def end_training(net: Net) -> None:
    """Tell the callbacks, which may restore earlier weights, that this was all."""
    if len(net.history) > 0:  # else they would look for an epoch
        net.notify("on_train_end", X=None, y=None)


def finished_net(module: Autoencoder, batch_size: int = 1) -> Net:
    """Return the net of a module that needs no training, or no more."""
    net = Net(
        module, criterion=nn.Module, batch_size=batch_size, callbacks=[], verbose=0
    )
    net.initialize()
    return net.finish()


def _best_weights(options: TrainingOptions) -> BestWeights:
    """Return the early stopping of the estimator's parameters."""
    return BestWeights(
        monitor="valid_loss",
        patience=options.n_iter_no_change,
        threshold=options.tol,
        threshold_mode="abs",
    )
