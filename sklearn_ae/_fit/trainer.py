"""Training of one network, with or without the guard against overfitting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sklearn_ae._data.linear_start import LinearStart
from sklearn_ae._fit.epochs import auto_max_iter, extension, judged_epochs
from sklearn_ae._fit.guard import LeftOut, judge
from sklearn_ae._fit.shrinkage import (
    Folds,
    equal_rows,
    splits,
)
from sklearn_ae._model.autoencoder import (
    Autoencoder,
    CorrectedPCA,
    LogisticSum,
    PlainAutoencoder,
    Sum,
)
from sklearn_ae._model.gauss_newton import Projection
from sklearn_ae._model.inference import as_tensor
from sklearn_ae._model.last_layer import (
    PENALTIES,
    LastLayer,
    can_be_refitted,
)
from sklearn_ae._training.callbacks import EpochBar
from sklearn_ae._training.net import (
    Net,
    Phase,
    TrainingOptions,
    end_training,
    finish_training,
    run_epochs,
    set_last_phase,
    start_training,
)
from sklearn_ae._training.noise import Corruption
from sklearn_ae._training.objective import Objective, data_units
from sklearn_ae._training.rows import Rows
from sklearn_ae.networks.fully_connected import FullyConnected, Gated, build_network


@dataclass(frozen=True)
class Architecture:
    """What the estimator's parameters say about the network; names are theirs."""

    n_components: int
    hidden_layer_sizes: Sequence[int]
    activation: str
    code_activation: str
    output_activation: str
    init: str
    whiten: bool
    sparse: bool  # whether the codes' zeros mean something
    n_steps: int = 0  # of the codes towards the rows, in transform
    module: Any = FullyConnected
    module_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_built_in(self) -> bool:
        """Whether the network is the default one."""
        return self.module is FullyConnected

    @property
    def is_linear(self) -> bool:
        """Whether the network bends nothing."""
        return self.is_built_in and len(self.hidden_layer_sizes) == 0

    @property
    def is_bounded(self) -> bool:
        """Whether reconstructions lie between 0 and 1."""
        return self.output_activation == "logistic"


def build_module(
    start: LinearStart, architecture: Architecture, seed: int
) -> Autoencoder:
    """Return the untrained network; with init="pca" it is PCA."""
    if architecture.init == "random":
        return _plain_module(start, architecture, seed)
    # Only the built-in network need not know what its inputs are.
    subspace = start.subspace if architecture.is_built_in else None
    n_inputs = len(start.mean) if subspace is None else len(subspace)
    network = _network(n_inputs, architecture, seed)
    if architecture.is_built_in:
        assert isinstance(network, FullyConnected)
        network.start_from_zero(start.n_samples)
    else:
        network = Gated(network)
    output: Sum | LogisticSum = Sum()
    if architecture.is_bounded:
        mean, scale = data_units(start)
        output = LogisticSum(mean=mean, scale=scale)
    return CorrectedPCA(
        network=network,
        components=as_tensor(start.components),
        column_scale=as_tensor(start.column_scale),
        code_scale=as_tensor(start.code_scale),
        residual_scale=as_tensor(start.residual_scale),
        subspace=None if subspace is None else as_tensor(subspace),
        output=output,
    )


def _plain_module(
    start: LinearStart, architecture: Architecture, seed: int
) -> PlainAutoencoder:
    """Return a network alone.

    It sees standardised columns, or the data as they are where they lie between 0 and 1
    or the network is the user's.
    """
    offset, unit = torch.zeros(len(start.mean)), as_tensor(start.column_scale)
    if architecture.is_bounded or not architecture.is_built_in:
        mean, scale = data_units(start)
        offset, unit = mean / scale, 1 / scale
    return PlainAutoencoder(
        network=_network(len(start.mean), architecture, seed),
        n_components=architecture.n_components,
        offset=offset.to(torch.float32),
        unit=unit,
        code_activation=architecture.code_activation,
        output_activation=architecture.output_activation,
    )


def _network(n_inputs: int, architecture: Architecture, seed: int) -> nn.Module:
    """Return the network that encodes and decodes."""
    offered = {
        "n_features": n_inputs,
        "n_components": architecture.n_components,
        "hidden_layer_sizes": architecture.hidden_layer_sizes,
        "activation": architecture.activation,
        "init": architecture.init,
        "generator": torch.Generator().manual_seed(seed),
    }
    return build_network(architecture.module, architecture.module_parameters, offered)


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
        self.objective = self._build_objective()
        self.bar: EpochBar | None = None

    def _build_objective(self) -> Objective:
        """Return what training minimises."""
        corruption = None
        device = self.options.device
        if self.options.noise is not None:
            mean, scale = (part.to(device) for part in data_units(self.start))
            corruption = Corruption(
                self.options.noise, mean, scale, self.architecture.is_bounded, self.seed
            )
        return Objective.of_start(
            self.options.loss,
            self.start,
            self.rows,
            self._pca if self.architecture.init == "pca" else None,
            code_penalty=self.options.code_penalty,
            corruption=corruption,
        )

    @contextmanager
    def telling(self, callbacks: Sequence[Any]) -> Iterator[None]:
        """Tell callbacks of the epochs, and where it is wanted a progress bar."""
        told = list(self.options.callbacks)
        with ExitStack() as stack:
            if self.options.verbose == 1:
                level = self.objective
                bar = EpochBar(self.n_epochs, level.unit / level.total, level.pca_share)
                self.bar = stack.enter_context(closing(bar))
                told.append(self.bar)
            self.options = replace(self.options, callbacks=[*told, *callbacks])
            yield

    def is_settled(self, folds: Folds | None) -> bool:
        """Whether PCA is the result: it is the optimum, or no correction is sure."""
        linear = self.architecture.is_linear
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
            module = deepcopy(previous.module_).float()
            if isinstance(module, CorrectedPCA):
                module.projection = None
                module.forget_range()
            fresh = self._untrained(self.start).parameters()
            for parameter, new in zip(module.parameters(), fresh, strict=True):
                parameter.requires_grad_(new.requires_grad)
        net = self._net(module, [Phase(len(self.rows), self.n_epochs)], valid=valid)
        improved = True
        if valid is None:
            net.refit_penalty = None if previous is None else previous.refit_penalty
            improved = self._improve(net, self.n_epochs, net.refit_penalty)
        else:
            run_epochs(net, self.rows, self.n_epochs)
            end_training(net)
        if isinstance(module, CorrectedPCA) and previous is None:
            judged = self.rows if valid is None else valid.to(self.options.device)
            if not improved or self._is_below_pca(module, judged):
                module.shrink(0.0)
        return finish_training(net)

    def _is_below_pca(self, module: Autoencoder, rows: Rows) -> bool:
        """Whether a module that is better than at its start is worse than PCA.

        Only a bounded one can be: it starts with a PCA that is kept from 0 and 1.
        """
        if not self.architecture.is_bounded:
            return False
        loss_of_pca = self.objective.loss(self._pca(), rows)
        return self.objective.loss(module, rows) > loss_of_pca

    def fit_guarded(self, folds: Folds) -> tuple[Net, float]:
        """Train without a fold, judge the correction on it, then train on all rows.

        Each fold is left out by a network of its own, PCA included, and the last of
        them goes on. Returns its net and the factor on its correction.
        """
        first = judged_epochs(self.n_epochs)
        net, left_out = self._without_folds(folds, first)
        penalty, factor, share_left = judge(left_out, self.objective)
        n_epochs = self.n_epochs - first
        is_free = self.options.max_iter is None and not net.stopped_early
        if is_free and factor > 0:
            n_epochs = self._extend(net, n_epochs, share_left)
        module = net.module_
        self._put_under(net, self.start)
        self._improve(net, n_epochs)
        # A callback may have restored weights together with the PCA of that time.
        self._put_under(net, self.start)
        self._refit(module, penalty)
        net.refit_penalty = penalty
        module.shrink(factor)
        if self._loss(module) > self._loss(self._pca()):
            factor = 0.0
            module.shrink(factor)
        return finish_training(net), factor

    def _extend(self, net: Net, n_epochs: int, share_left: float) -> int:
        """Let the last phase take as many epochs as it is worth."""
        longer = round(n_epochs * extension(len(self.rows), share_left))
        set_last_phase(net, Phase(len(self.rows), longer))
        if self.bar is not None:
            self.bar.extend(longer - n_epochs)
        return longer

    def _without_folds(self, folds: Folds, n_epochs: int) -> tuple[Net, list[LeftOut]]:
        """Train a network without each fold, from the PCA of the rows that remain.

        Only the last of them, which is returned to go on with all rows, tells the
        callbacks.
        """
        pairs = self._splits(folds)
        callbacks: tuple[EpochBar, ...] = ()
        if self.bar is not None:
            self.bar.n_epochs += n_epochs * (len(pairs) - 1)
            callbacks = (self.bar,)
        silent = replace(self.options, callbacks=callbacks, verbose=0)
        left_out = []
        for i, (train, test) in enumerate(pairs):
            phases = [
                Phase(len(train), n_epochs),
                Phase(len(self.rows), self.n_epochs - n_epochs),
            ]
            options = self.options if i == len(pairs) - 1 else silent
            net = self._net(self._module_of(train), phases, options)
            rows = self.rows[train]
            run_epochs(net, rows, n_epochs)
            layer = self._last_layer(net.module_, rows)
            projection = self.projection(net.module_, rows)
            fold = partial(self.rows.__getitem__, test)
            left_out.append(LeftOut(net.module_, layer, projection, fold))
        return net, left_out

    def _splits(self, folds: Folds) -> list[tuple[Tensor, Tensor]]:
        """Return the rows to train on and those left out."""
        numbers = None if folds.given else equal_rows(self.rows.x[:])
        return splits(len(self.rows), folds, self.seed, numbers)

    def _last_layer(
        self,
        module: CorrectedPCA,
        rows: Rows,
        penalties: Sequence[float] = PENALTIES,
    ) -> LastLayer | None:
        """Return the regression of a last layer that may be refitted."""
        if not (self._is_least_squares(module) and can_be_refitted(module, rows)):
            return None
        return LastLayer(module, rows, self._repetitions(), penalties)

    def _refit(self, module: Autoencoder, penalty: float | None) -> None:
        """Refit the last layer on all rows, if there is a penalty."""
        if penalty is None:
            return
        assert isinstance(module, CorrectedPCA)
        layer = self._last_layer(module, self.rows, [penalty])
        if layer is not None:
            layer.refit(penalty)

    def _repetitions(self) -> float:
        """Return how many rows a row of weight 1 stands for."""
        return self.start.n_samples / len(self.rows)

    def projection(self, module: Autoencoder, rows: Rows) -> Projection | None:
        """Return the steps for the codes of a module that was trained on some rows.

        None where they are not known, or none are wanted.
        """
        n_steps = self.architecture.n_steps
        if n_steps == 0 or is_pca(module) or not self._is_least_squares(module):
            return None
        assert isinstance(module, CorrectedPCA)
        return Projection.of_rows(
            module,
            rows,
            unit=self.objective.unit,
            shift_cost=self.objective.shift_cost,
            n_steps=n_steps,
        )

    def _is_least_squares(self, module: Autoencoder) -> bool:
        """Whether errors of reconstructions from whole codes are all that counts."""
        nested = self.options.nested_dropout > 0
        return not nested and self.objective.is_least_squares(module)

    def held_out_score(self, folds: Folds, trained: bool) -> float:
        """Score rows left out by one fold: of PCA, or of what the guard would see."""
        ((train, test),) = self._splits(folds)
        trained = trained and not self.is_settled(None)
        n_epochs = judged_epochs(self.n_epochs) if trained else 0
        net = self._net(self._module_of(train), [Phase(len(train), n_epochs)])
        run_epochs(net, self.rows[train], n_epochs)
        projection = None
        if trained:
            projection = self.projection(net.module_, self.rows[train])
        fold = partial(self.rows.__getitem__, test)
        left_out = LeftOut(net.module_, None, projection, fold)
        variance = self.objective.of_variance()
        factor = judge([left_out], variance).factor
        loss = left_out.loss(variance, stepping=True, factor=factor)
        return 1.0 - loss / variance.loss_of_mean(self.rows[test])

    def _improve(self, net: Net, n_epochs: int, penalty: float | None = None) -> bool:
        """Train on all rows to the end, and go back if that has made them worse.

        What continues a fit that was refitted has to be refitted too.
        """
        module = net.module_
        before, loss = deepcopy(module.state_dict()), self._loss(module)
        run_epochs(net, self.rows, n_epochs)
        end_training(net)
        self._refit(module, penalty)
        improved = self._loss(module) < loss
        if not improved:
            module.load_state_dict(before)
        return improved

    def _loss(self, module: Autoencoder) -> float:
        """Sum of losses on the training rows."""
        return self.objective.loss(module, self.rows)

    def _untrained(self, start: LinearStart) -> Autoencoder:
        """Return an untrained module on a linear start."""
        return build_module(start, self.architecture, self.seed)

    def _pca(self) -> Autoencoder:
        """Return PCA alone, where the rows are."""
        module = self._untrained(self.start)
        assert isinstance(module, CorrectedPCA)
        module.shrink(0.0)
        return module.to(self.options.device)

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
            criterion=self.objective.criterion(module, self.start),
            corruption=self.objective.corruption,
            options=options or self.options,
            phases=phases,
            seed=self.seed,
        )
