"""Training of one network, with or without the guard against overfitting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_ae._inference import as_tensor
from sklearn_ae._linear import LinearStart
from sklearn_ae._losses import ReconstructionLoss
from sklearn_ae._modules import (
    Autoencoder,
    CorrectedPCA,
    PlainAutoencoder,
    initialize,
)
from sklearn_ae._rows import Rows
from sklearn_ae._shrinkage import (
    FACTORS,
    Folds,
    best_factor,
    splits,
    squared_errors,
)
from sklearn_ae._training import (
    Net,
    Phase,
    TrainingOptions,
    auto_max_iter,
    end_training,
    finish_training,
    run_epochs,
    start_training,
)


@dataclass(frozen=True)
class Architecture:
    """What the estimator's parameters say about the network; names are theirs."""

    n_components: int
    hidden_layer_sizes: Sequence[int]
    activation: str
    init: str
    whiten: bool


def build_module(
    start: LinearStart, architecture: Architecture, seed: int
) -> Autoencoder:
    """Return the untrained network; with init="pca" it is PCA."""
    generator = torch.Generator().manual_seed(seed)
    if architecture.init == "random":
        plain = PlainAutoencoder(
            column_scale=as_tensor(start.column_scale),
            n_components=architecture.n_components,
            hidden_layer_sizes=architecture.hidden_layer_sizes,
            activation=architecture.activation,
        )
        initialize(plain, generator)
        return plain
    corrected = CorrectedPCA(
        components=as_tensor(start.components),
        column_scale=as_tensor(start.column_scale),
        code_scale=as_tensor(start.code_scale),
        residual_scale=as_tensor(start.residual_scale),
        subspace=None if start.subspace is None else as_tensor(start.subspace),
        hidden_layer_sizes=architecture.hidden_layer_sizes,
        activation=architecture.activation,
    )
    initialize(corrected, generator)
    corrected.sharpen(start.n_samples)
    corrected.silence()
    return corrected


def build_criterion(module: Autoencoder, start: LinearStart) -> ReconstructionLoss:
    """Return the loss that fits the module's start."""
    components = module.components if isinstance(module, CorrectedPCA) else None
    return ReconstructionLoss(loss_variance(module, start), components)


def loss_variance(module: Autoencoder, start: LinearStart) -> float:
    """Return the unit of the loss: what PCA leaves, or all for a random start."""
    if isinstance(module, CorrectedPCA) and not start.is_optimal:
        return start.residual_variance
    return start.total_variance or 1.0


def linear_start(
    X: NDArray, n_components: int, seed: int, weight: NDArray[np.float64] | None = None
) -> LinearStart:
    """Return PCA with as many components as there are codes, or as it can have."""
    return LinearStart.from_data(X, min(n_components, *X.shape), seed, weight)


def is_pca(module: Autoencoder) -> bool:
    """Whether the corrections of a module are multiplied by zero."""
    return isinstance(module, CorrectedPCA) and float(module.code_step) == 0.0


class Trainer:
    """Trains modules from one linear start on one set of rows.

    Parameters
    ----------
    rows : Rows
        Training rows.
    """

    def __init__(
        self,
        start: LinearStart,
        architecture: Architecture,
        options: TrainingOptions,
        rows: Rows,
        seed: int,
    ) -> None:
        self.start = start
        self.architecture = architecture
        self.options = options
        self.rows = rows.to(options.device)
        self.seed = seed
        self.n_epochs = options.max_iter or auto_max_iter(len(rows))

    def is_settled(self, folds: Folds | None) -> bool:
        """Whether PCA is the result: it is the optimum, or no correction is sure."""
        linear = len(self.architecture.hidden_layer_sizes) == 0
        unsure = folds is not None and folds.n_used == 0
        return linear or unsure or self.start.is_optimal

    def leave(self) -> Net:
        """Return the net of an untrained module."""
        module = self._untrained(self.start)
        if isinstance(module, CorrectedPCA):
            module.shrink(0.0)
        return finish_training(self._net(module, [Phase(len(self.rows), 0)]))

    def fit(self, previous: Net | None, valid: Rows | None) -> Net:
        """Train on all rows; with validation rows these pick the best epoch."""
        if previous is None or is_pca(previous.module_):
            module = self._untrained(self.start)
        else:
            module = deepcopy(previous.module_).float().requires_grad_(True)
        net = self._net(module, [Phase(len(self.rows), self.n_epochs)], valid=valid)
        improved = True
        if valid is None:
            improved = self._improve(net, self.n_epochs)
        else:
            run_epochs(net, self.rows, self.n_epochs)
            end_training(net)
        if isinstance(module, CorrectedPCA) and not improved and previous is None:
            module.shrink(0.0)
        return finish_training(net)

    def fit_guarded(self, folds: Folds) -> tuple[Net, float]:
        """Train without a fold, judge the correction on it, then train on all rows.

        Each fold is left out by a network of its own, PCA included, and the last of
        them goes on. Returns its net and the factor on its correction.
        """
        first = math.ceil(self.n_epochs / 2)
        second = self.n_epochs - first
        errors = np.zeros(len(FACTORS))
        *others, last = splits(len(self.rows), folds, self.seed)
        silent = replace(self.options, callbacks=(), verbose=0)
        for train, test in others:
            phases = [Phase(len(train), first), Phase(len(self.rows), second)]
            net = self._net(self._module_of(train), phases, silent)
            errors += self._errors_without(net, train, test, first)
        train, test = last
        module = self._module_of(train)
        phases = [Phase(len(train), first), Phase(len(self.rows), second)]
        net = self._net(module, phases)
        errors += self._errors_without(net, train, test, first)
        self._put_under(net, self.start)
        self._improve(net, second)
        # A callback may have restored weights together with the PCA of that time.
        self._put_under(net, self.start)
        factor = best_factor(errors)
        module.shrink(factor)
        pca_error = self.rows.squared_error(self._untrained(self.start))
        if self.rows.squared_error(module) > pca_error:
            factor = 0.0
            module.shrink(factor)
        return finish_training(net), factor

    def held_out_score(self, folds: Folds, trained: bool) -> float:
        """Score rows left out by one fold: of PCA, or of the first half of a fit."""
        ((train, test),) = splits(len(self.rows), folds, self.seed)
        trained = trained and not self.is_settled(None)
        n_epochs = math.ceil(self.n_epochs / 2) if trained else 0
        net = self._net(self._module_of(train), [Phase(len(train), n_epochs)])
        errors = self._errors_without(net, train, test, n_epochs)
        return 1.0 - float(errors.min() / self.rows[test].squared_total())

    def _improve(self, net: Net, n_epochs: int) -> bool:
        """Train on all rows to the end, and go back if that has made them worse."""
        module = net.module_
        before, error = deepcopy(module.state_dict()), self.rows.squared_error(module)
        run_epochs(net, self.rows, n_epochs)
        end_training(net)
        improved = self.rows.squared_error(module) < error
        if not improved:
            module.load_state_dict(before)
        return improved

    def _untrained(self, start: LinearStart) -> Autoencoder:
        """Return an untrained module on a linear start."""
        return build_module(start, self.architecture, self.seed)

    def _module_of(self, train: Tensor) -> CorrectedPCA:
        """Return an untrained module on the PCA of some rows."""
        rows = self.rows[train]
        weight = None
        if rows.row_weight is not None:
            weight = rows.row_weight[:, 0].numpy(force=True)
        start = self.start.of_rows(rows.x.numpy(force=True), self.seed, weight)
        module = self._untrained(start)
        assert isinstance(module, CorrectedPCA)
        return module

    def _errors_without(
        self, net: Net, train: Tensor, test: Tensor, n_epochs: int
    ) -> NDArray[np.float64]:
        """Train on some rows and judge every factor on the correction on the others."""
        run_epochs(net, self.rows[train], n_epochs)
        return squared_errors(net.module_, self.rows[test])

    def _put_under(self, net: Net, start: LinearStart) -> None:
        """Exchange the PCA under a trained correction for that of `start`."""
        module: CorrectedPCA = net.module_
        start = start.turned_to(module.components.numpy(force=True))
        module.rebase(
            *(
                as_tensor(part).to(self.rows.x.device)
                for part in (start.components, start.code_scale, start.residual_scale)
            )
        )
        net.criterion_.components = module.components

    def _net(
        self,
        module: Autoencoder,
        phases: list[Phase],
        options: TrainingOptions | None = None,
        valid: Rows | None = None,
    ) -> Net:
        return start_training(
            module,
            valid,
            criterion=build_criterion(module, self.start),
            options=options or self.options,
            phases=phases,
            seed=self.seed,
        )
