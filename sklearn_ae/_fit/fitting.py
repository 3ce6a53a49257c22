"""The three steps of a fit in a row: linear start, training, change of basis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from sklearn_ae._data.columns import cell_weights, effective_size
from sklearn_ae._data.linear_start import LinearStart
from sklearn_ae._fit.shrinkage import Folds
from sklearn_ae._fit.trainer import (
    Architecture,
    Trainer,
    is_pca,
    linear_start,
)
from sklearn_ae._model.autoencoder import Autoencoder, CorrectedPCA, LogisticSum
from sklearn_ae._model.code_basis import CodeBasis, CodeMoments
from sklearn_ae._model.contributions import average_jacobian
from sklearn_ae._model.inference import Codec, as_tensor
from sklearn_ae._model.threads import training_mode
from sklearn_ae._training.callbacks import EpochTasks
from sklearn_ae._training.net import Net, TrainingOptions, finished_copy
from sklearn_ae._training.objective import Objective
from sklearn_ae._training.rows import Rows, spread_rows

Weight = NDArray[np.float64] | None

# What float64 layers make of so many rows stays in the processor's cache.
ROWS_PER_BLOCK = 512


@dataclass(frozen=True)
class Data:
    """Rows of a fit and how often each counts.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        NaN stands for a missing cell.
    weight : ndarray of shape (n_samples,) or None
        Above 0; None counts all alike.
    validation : tuple of two ndarrays or None
        Indices of the rows to train on and of those that pick the best epoch.
    """

    X: NDArray
    weight: Weight
    validation: tuple[NDArray, NDArray] | None

    @property
    def training(self) -> tuple[NDArray, Weight]:
        """Rows to train on."""
        return self._part(0)

    @property
    def judged(self) -> tuple[NDArray, Weight]:
        """Rows that the losses and scores of the fit are measured on."""
        return self._part(1)

    @property
    def n_training(self) -> int:
        """Number of rows to train on."""
        return len(self.X if self.validation is None else self.validation[0])

    def _part(self, which: int) -> tuple[NDArray, Weight]:
        """Return a part of the rows, and all where there is one part only."""
        if self.validation is None:
            return self.X, self.weight
        rows = self.validation[which]
        return self.X[rows], None if self.weight is None else self.weight[rows]


@dataclass(frozen=True)
class Fit:
    """What a fit has found."""

    architecture: Architecture
    net: Net
    start: LinearStart
    codec: Codec
    basis: CodeBasis
    score: float  # fraction of variance explained, all rows given to the fit
    pca_score: float  # of PCA, of the rows that picked the weights
    loss: float  # of the rows that picked the weights; 1 is that of the mean
    contributions: NDArray[np.float64]  # (n_components, n_features)
    shrinkage: float
    is_validated: bool  # whether held-out rows picked the weights
    loss_unit: float  # losses of the mean in one unit of the net's loss

    def loss_curve(self, name: str) -> list[float]:
        """Loss of each epoch as a fraction of the loss of the mean."""
        return [epoch[name] * self.loss_unit for epoch in self.net.history]

    def explained_variance_ratio(self) -> NDArray[np.float64]:
        """Share the score out among the codes as their linear parts are."""
        linear = self.basis.explained_variance
        total = linear.sum()
        shares = linear / total if total > 0 else np.zeros_like(linear)
        return shares * max(self.score, 0.0)


class Report(Protocol):
    """What wants to be told of the epochs of a fit."""

    def begin_epoch(self) -> None:
        """Take note of an epoch that begins."""

    def end_epoch(self, snapshot: Callable[[], Fit]) -> bool:
        """Take note of an epoch that has ended; return whether to stop."""


def fit_autoencoder(
    data: Data,
    architecture: Architecture,
    options: TrainingOptions,
    *,
    folds: Folds | None,
    seed: int,
    previous: Fit | None = None,
    report: Report | None = None,
) -> Fit:
    """Fit an autoencoder.

    Parameters
    ----------
    folds : Folds or None
        Folds of the guard against overfitting; None to go without.
    previous : Fit or None
        Where training starts; None starts afresh.
    report : Report or None
        Is told of every epoch.
    """
    with training_mode():
        X, weight = data.training
        if previous is None:
            start = linear_start(X, architecture.n_components, seed, weight)
        else:
            start, folds = previous.start, None
        rows = Rows.from_data(X, weight, start)
        valid = None
        if data.validation is not None:
            valid = Rows.from_data(*data.judged, start)
        trainer = Trainer(start, architecture, options, rows, seed)
        finish = partial(_finish, trainer, data)
        with trainer.telling(_epoch_tasks(report, finish)):
            if architecture.init == "pca" and trainer.is_settled(folds):
                net, factor = trainer.leave(), 0.0
            elif folds is not None:
                net, factor = trainer.fit_guarded(folds)
            else:
                old = None if previous is None else previous.net
                net = trainer.fit(old, valid)
                factor = 0.0 if is_pca(net.module_) else 1.0
        return finish(net, factor)


def _epoch_tasks(
    report: Report | None, finish: Callable[[Net, float], Fit]
) -> list[EpochTasks]:
    """Return what tells a report about epochs, if there is one."""
    if report is None:
        return []

    def end(net: Net) -> bool:
        return report.end_epoch(lambda: finish(finished_copy(net), 1.0))

    return [EpochTasks(report.begin_epoch, end)]


def _finish(trainer: Trainer, data: Data, net: Net, factor: float) -> Fit:
    """Change the basis of a trained net's codes, and measure the result."""
    module, start, objective = net.module_, trainer.start, trainer.objective
    architecture, (X, weight) = trainer.architecture, (data.X, data.weight)
    _to_double(module, start)
    _project(trainer, module, data)
    codec, basis, moments = _change_basis(module, start, X, weight, architecture)
    loss = moments.mean_squared_error / objective.total
    if data.validation is not None or trainer.options.loss != "squared_error":
        loss = _mean_loss(module, start, *data.judged, objective)
    contributions = _contributions(module, start, X, weight)
    return Fit(
        architecture=architecture,
        net=net,
        start=start,
        codec=codec,
        basis=basis,
        score=moments.score,
        pca_score=start.score(*data.judged),
        loss=loss,
        contributions=contributions / codec.scale * codec.code_scale,
        shrinkage=factor,
        is_validated=data.validation is not None,
        loss_unit=objective.unit / objective.total,
    )


def check_continues(previous: Fit, n_features: int, architecture: Architecture) -> None:
    """Raise unless a fit can go on from the weights of a previous one."""
    sizes, new_sizes = (
        previous.codec.shape,
        (n_features, architecture.n_components),
    )
    if sizes != new_sizes:
        raise ValueError(
            f"warm_start=True continues a fit with (n_features, n_components)={sizes}, "
            f"but now they are {new_sizes}. Set warm_start=False."
        )
    for name in (
        "init",
        "module",
        "module_parameters",
        "hidden_layer_sizes",
        "activation",
        "code_activation",
        "output_activation",
    ):
        before, now = getattr(previous.architecture, name), getattr(architecture, name)
        if _differ(before, now):
            shown = "module__*" if name == "module_parameters" else name
            raise ValueError(
                f"warm_start=True continues a fit with {shown}={before!r}, but now it "
                f"is {now!r}. Set warm_start=False."
            )


def _differ(before: object, now: object) -> bool:
    """Whether two settings are different; arguments of a network may be arrays."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return before.keys() != now.keys() or any(
            _differ(before[name], now[name]) for name in now
        )
    return before is not now and not np.array_equal(before, now)  # type: ignore[arg-type]


def _to_double(module: Autoencoder, start: LinearStart) -> None:
    """Turn a module to float64, with a PCA that is known to as many digits."""
    module.double()
    if not isinstance(module, CorrectedPCA):
        return
    trained, exact = module.components.numpy(), start.components
    if not (is_pca(module) or np.array_equal(trained, exact.astype(np.float32))):
        exact = start.turned_to(trained).components
    module.components = as_tensor(exact, torch.float64)
    if isinstance(module.output, LogisticSum):
        module.output.mean = as_tensor(start.mean, torch.float64)
        module.output.scale = torch.tensor(start.scale, dtype=torch.float64)


def _project(trainer: Trainer, module: Autoencoder, data: Data) -> None:
    """Let the codes of a module take their steps, unless observed cells lose by it."""
    projection = trainer.projection(module, trainer.rows)
    if projection is None:
        return
    assert isinstance(module, CorrectedPCA)
    if trainer.rows.are_whole:  # no row loses
        module.projection = projection
        return
    loss = partial(_mean_loss, module, trainer.start, *data.judged, trainer.objective)
    alone = loss()
    module.projection = projection
    if not loss() <= alone:
        module.projection = None


def _change_basis(
    module: Autoencoder,
    start: LinearStart,
    X: NDArray,
    weight: Weight,
    architecture: Architecture,
) -> tuple[Codec, CodeBasis, CodeMoments]:
    """Make a module's codes behave like PCA's scores."""
    moments = CodeMoments.empty(architecture.n_components, X.shape[1])
    with torch.inference_mode():
        for rows in gen_batches(len(X), ROWS_PER_BLOCK):
            x, missing = start.to_filled(X[rows])
            row_weight = None if weight is None else weight[rows]
            code = module.raw_encode(torch.from_numpy(x))
            reconstruction = module.raw_decode(code).numpy()
            counts = cell_weights(missing, row_weight)
            moments.add(x, code.numpy(), reconstruction, row_weight, counts)
    size = effective_size(len(X), weight)
    build = CodeBasis.permuting if architecture.sparse else CodeBasis.from_moments
    basis = build(moments, architecture.whiten, size)
    module.set_basis(
        *(torch.from_numpy(part) for part in (basis.mean, basis.matrix, basis.inverse))
    )
    if isinstance(module, CorrectedPCA):
        ends = moments.lowest, moments.highest
        module.set_range(*(torch.from_numpy(end) for end in ends))
    code_scale = 1.0 if architecture.whiten else start.scale
    codec = Codec(module, start.mean, start.scale, code_scale, start.filler)
    return codec, basis, moments


def _mean_loss(
    module: Autoencoder,
    start: LinearStart,
    X: NDArray,
    weight: Weight,
    objective: Objective,
) -> float:
    """Loss per row, without noise, as a fraction of the loss of the mean."""
    cell_loss = deepcopy(objective.cell_loss).to("cpu", torch.float64)
    loss = n_cells = 0.0
    with torch.inference_mode():
        for rows in gen_batches(len(X), ROWS_PER_BLOCK):
            x, missing = start.to_filled(X[rows])
            given = torch.from_numpy(x)
            losses = cell_loss(module.reconstruct(given), given).numpy()
            counts = cell_weights(missing, None if weight is None else weight[rows])
            loss += float((counts * losses).sum())
            n_cells += float(np.broadcast_to(counts, x.shape).sum())
    return loss * X.shape[1] / (n_cells * objective.total)


def _contributions(
    module: Autoencoder,
    start: LinearStart,
    X: NDArray,
    weight: Weight,
) -> NDArray[np.float64]:
    """Average Jacobian of the codes; PCA's is known without a pass for each code."""
    if isinstance(module, CorrectedPCA) and is_pca(module):
        return (module.basis.T @ module.components).numpy()
    rows = spread_rows(len(X), len(module.code_mean))
    weight = None if weight is None else weight[rows]
    return average_jacobian(module, start.to_filled(X[rows])[0], weight)
