"""Step two of a fit: training with skorch, whose net is defined here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochTimer, PrintLog
from skorch.helper import predefined_split
from skorch.utils import TeeGenerator
from torch import Tensor, nn

from sklearn_ae._model.autoencoder import Autoencoder
from sklearn_ae._training.batches import ResidentBatches
from sklearn_ae._training.callbacks import BestWeights, EpochTasks, FiniteLoss, OneCycle
from sklearn_ae._training.noise import Corruption, Noise
from sklearn_ae._training.rows import EVALUATION_BATCH, Rows

BETAS = (0.9, 0.99)  # AdamW's; the squares need a shorter memory in so few steps
BATCH_EVENTS = ("on_batch_begin", "on_grad_computed", "on_batch_end")
# With more rows there is less to overfit, and weight decay fades as they grow.
FULL_DECAY_ROWS = 2500
MEAN_OVER_PEAK_RATE = 0.5  # of the one-cycle schedule, cosine up and cosine down


@dataclass(frozen=True)
class TrainingOptions:
    """What the estimator's parameters say about training; names are theirs."""

    learning_rate_init: float
    alpha: float
    loss: str
    noise: Noise | None
    code_penalty: float
    nested_dropout: float
    batch_size: int | None  # None follows the number of rows
    max_iter: int | None  # None follows the number of rows
    n_iter_no_change: int
    tol: float
    verbose: int
    device: str
    callbacks: Sequence[Any]


@dataclass(frozen=True)
class Phase:
    """Some epochs over some rows, with a learning-rate cycle of their own."""

    n_rows: int
    n_epochs: int

    def n_steps(self, batch_size: int) -> int:
        """Return its number of batches."""
        return self.n_epochs * math.ceil(self.n_rows / batch_size)


class Net(NeuralNet):
    """skorch net that keeps one history row an epoch and lets Ctrl-C through.

    Its batches are tensors on its device. A step of a small network takes a
    millisecond, of which skorch's own ways to take it would add a tenth.
    """

    stopped_early = False
    refit_penalty: float | None  # of the last layer, at the end of training

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        timer = [("epoch_timer", EpochTimer())]
        # It lays its table out in every epoch, printed or not.
        return [*timer, ("print_log", PrintLog())] if self.verbose > 1 else timer

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Call the callbacks; for a batch, only those that do something then.

        The net itself would add a row to its history for each batch.
        """
        if method_name not in BATCH_EVENTS:
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
        """Call the module with a batch or with its named arguments."""
        return self.module_(**x) if isinstance(x, dict) else self.module_(x)

    def get_loss(self, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Return the loss of a batch."""
        loss: Tensor = self.criterion_(y_pred, y_true)
        return loss

    def train_step(self, batch: Any, **params: Any) -> dict[str, Any]:
        """Take a step without a closure, which AdamW does not need."""
        self._zero_grad_optimizer()
        step: dict[str, Any] = self.train_step_single(batch, **params)
        parameters = TeeGenerator(self.get_all_learnable_params())
        self.notify(
            "on_grad_computed", named_parameters=parameters, batch=batch, training=True
        )
        self._step_optimizer(None)
        return step

    def _set_training(self, training: bool = True) -> None:
        """Switch the mode where it changes, not in every step."""
        parts = (self.module_, self.criterion_)
        if any(part.training is not training for part in parts):
            super()._set_training(training)

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **params: Any
    ) -> None:
        """Run one epoch; record its mean loss instead of every batch's."""
        if iterator is None:
            return
        total, n_rows = torch.zeros((), dtype=torch.float32, device=self.device), 0
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **params)
            n_in_batch = batch[1][0].shape[0]
            total.add_(step["loss"].detach(), alpha=n_in_batch)
            n_rows += n_in_batch
            self.notify("on_batch_end", batch=batch, training=training, **step)
        name, loss = f"{prefix}_loss", float(total) / n_rows
        earlier = self.history[:-1, name] if len(self.history) > 1 else []
        self.history.record(name, loss)
        self.history.record(f"{name}_best", all(loss < other for other in earlier))

    def fit_loop(self, X: Any, y: Any = None, epochs: Any = None, **params: Any) -> Net:
        """Train; only a callback that ends training may raise KeyboardInterrupt."""
        try:
            super().fit_loop(X, y, epochs, **params)
        except KeyboardInterrupt:
            if not any(_has_ended(callback) for _, callback in self.callbacks_):
                raise
            self.stopped_early = True
        return self


def _has_ended(callback: Any) -> bool:
    """Whether early stopping has used up its patience, or a report has asked to end."""
    if isinstance(callback, EpochTasks):
        return callback.has_stopped
    return isinstance(callback, EarlyStopping) and callback.misses_ >= callback.patience


def check_callback(callback: Any) -> None:
    """Raise unless `callback` is what skorch takes in its list of callbacks."""
    named = isinstance(callback, tuple) and len(callback) == 2
    bare = callback[1] if named else callback
    if not isinstance(bare, Callback):
        raise ValueError(
            f"callbacks holds {callback!r}, but each entry must be an instance of "
            "skorch.callbacks.Callback or a pair of a name and one."
        )


def auto_batch_size(n_samples: int) -> int:
    """Return a sixteenth of the rows, from 32 to 192."""
    return min(max(n_samples // 16, 32), 192)


def resolve_device(device: str) -> str:
    """Turn "auto" into "cuda" where there is one, else "cpu"; check other names."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device={device!r} cannot be used here ({str(error)[:120]}...). Choose "
            "'auto', 'cpu' or "
            "a device that torch offers on this machine, such as 'cuda'."
        ) from error
    return device


def run_epochs(net: Net, rows: Rows, n_epochs: int) -> None:
    """Train on rows, unless it was stopped."""
    if n_epochs > 0 and not net.stopped_early:
        net.fit_loop(rows.to(net.device).dataset(), epochs=n_epochs)


def start_training(
    module: Autoencoder,
    valid: Rows | None,
    *,
    criterion: nn.Module,
    corruption: Corruption | None,
    options: TrainingOptions,
    phases: Sequence[Phase],
    seed: int,
) -> Net:
    """Return a net that is ready for `run_epochs`.

    Parameters
    ----------
    module : Autoencoder
        Changed in place by training.
    valid : Rows or None
        With it, the weights of the epoch with the lowest loss on these rows are kept,
        the start included, and training stops early.
    criterion : nn.Module
        Maps the module's output and the rows to the loss.
    corruption : Corruption or None
        Noise on the input.
    phases : sequence of Phase
        What `run_epochs` will be called with.
    """
    batch_size = options.batch_size or auto_batch_size(phases[-1].n_rows)
    lengths = [phase.n_steps(batch_size) for phase in phases]
    callbacks: list[Any] = [
        ("_schedule", OneCycle(lengths)),
        ("_finite_loss", FiniteLoss()),
    ]
    split = None
    if valid is not None:
        split = predefined_split(valid.to(options.device).dataset())
        callbacks.append(("_best_weights", _best_weights(options)))
    rate = options.learning_rate_init
    total_rate = MEAN_OVER_PEAK_RATE * rate * max(sum(lengths), 1)
    decay = options.alpha * min(1.0, FULL_DECAY_ROWS / phases[-1].n_rows)
    net = Net(
        module,
        criterion=criterion,
        optimizer=torch.optim.AdamW,
        optimizer__lr=rate,
        optimizer__betas=BETAS,
        # At most what sets an idle weight to zero in one step.
        optimizer__weight_decay=min(decay / total_rate, 1 / rate),
        optimizer__fused=True,
        batch_size=batch_size,
        iterator_train=ResidentBatches,
        iterator_train__generator=torch.Generator().manual_seed(seed),
        iterator_train__n_components=module.code_mean.shape[0],
        iterator_train__nested_dropout=options.nested_dropout,
        iterator_train__corruption=corruption,
        iterator_train__noise_generator=corruption and corruption.generator(),
        iterator_valid=ResidentBatches,
        iterator_valid__corruption=corruption,
        iterator_valid__batch_size=max(batch_size, EVALUATION_BATCH),
        train_split=split,
        callbacks=[*callbacks, *options.callbacks],
        device=options.device,
        verbose=options.verbose,
    )
    net.refit_penalty = None
    net.initialize()
    net.notify("on_train_begin", X=None, y=None)
    return net


def set_last_phase(net: Net, phase: Phase) -> None:
    """Change the length of the last phase; its weights decay as much as they would."""
    schedule: OneCycle = dict(net.callbacks_)["_schedule"]
    before, after = schedule.lengths[-1], phase.n_steps(net.batch_size)
    schedule.lengths[-1] = after
    for group in net.optimizer_.param_groups:
        group["weight_decay"] *= before / after


def _best_weights(options: TrainingOptions) -> BestWeights:
    """Return the early stopping of the estimator's parameters."""
    return BestWeights(
        monitor="valid_loss",
        patience=options.n_iter_no_change,
        threshold=options.tol,
        threshold_mode="abs",
    )


def end_training(net: Net) -> None:
    """Tell the callbacks, which may restore earlier weights, that this was all."""
    if len(net.history) > 0:  # else they would look for an epoch
        net.notify("on_train_end", X=None, y=None)


def finished_copy(net: Net) -> Net:
    """Return what the net would be if training ended now."""
    copy = object.__new__(Net)
    copy.__dict__.update(net.__dict__)
    copy.module_, copy.history = deepcopy(net.module_), deepcopy(net.history)
    return finish_training(copy)


def finish_training(net: Net) -> Net:
    """Move the module to the CPU and drop what only training needed."""
    net.module_ = net.module_.to("cpu").eval().requires_grad_(False)
    net.module = type(net.module_)
    net.criterion = net.criterion_ = None
    net.callbacks, net.callbacks_ = None, []
    net.optimizer_ = net.train_split = net.iterator_train__generator = None
    net.iterator_train__corruption = net.iterator_valid__corruption = None
    net.iterator_train__noise_generator = None
    net.device = "cpu"
    return net
