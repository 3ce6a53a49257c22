"""The three steps of a fit in a row: linear start, training, change of basis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import gen_batches
from torch import Tensor

from sklearn_ae._basis import CodeBasis, CodeMoments
from sklearn_ae._inference import Codec, as_tensor
from sklearn_ae._linear import ROWS_PER_BLOCK, LinearStart
from sklearn_ae._modules import (
    Autoencoder,
    CorrectedPCA,
    PlainAutoencoder,
    initialize,
)
from sklearn_ae._shrinkage import choose_shrinkage
from sklearn_ae._training import (
    Net,
    TrainingOptions,
    one_thread,
    squared_error,
    train,
)


@dataclass(frozen=True)
class Architecture:
    """What the estimator's parameters say about the network; names are theirs."""

    n_components: int
    hidden_layer_sizes: Sequence[int]
    activation: str
    init: str
    whiten: bool


@dataclass(frozen=True)
class Fit:
    """What a fit has found."""

    net: Net
    start: LinearStart
    codec: Codec
    basis: CodeBasis
    score: float  # fraction of variance explained, all rows given to the fit
    shrinkage: float
    loss_unit: float  # fractions of variance in one unit of the net's loss

    def loss_curve(self, name: str) -> list[float]:
        """Loss of each epoch as the fraction of variance unexplained."""
        return [epoch[name] * self.loss_unit for epoch in self.net.history]

    def explained_variance_ratio(self) -> NDArray[np.float64]:
        """Share the score out among the codes as their linear parts are."""
        linear = self.basis.explained_variance
        total = linear.sum()
        shares = linear / total if total > 0 else np.zeros_like(linear)
        return shares * max(self.score, 0.0)


def fit_autoencoder(
    X: NDArray,
    validation: tuple[NDArray, NDArray] | None,
    architecture: Architecture,
    options: TrainingOptions,
    *,
    n_folds: int,
    seed: int,
    previous: Fit | None = None,
) -> Fit:
    """Fit an autoencoder to the rows of `X`.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        All rows.
    validation : tuple of two ndarrays or None
        Indices of the rows to train on and of those that pick the best epoch.
    n_folds : int
        Folds of the guard against overfitting; 0 to go without.
    previous : Fit or None
        Where training starts; None starts afresh.
    """
    # A caller's inference mode would make tensors that autograd refuses.
    with one_thread(), torch.inference_mode(False), torch.enable_grad():
        return _fit(X, validation, architecture, options, n_folds, seed, previous)


def _fit(
    X: NDArray,
    validation: tuple[NDArray, NDArray] | None,
    architecture: Architecture,
    options: TrainingOptions,
    n_folds: int,
    seed: int,
    previous: Fit | None,
) -> Fit:
    """Fit under the threads and the gradient mode that training needs."""
    X_train = X if validation is None else X[validation[0]]
    if previous is None:
        start = linear_start(X_train, architecture, seed)
        module = build_module(start, architecture, seed)
    else:
        start, module = previous.start, _reopened(previous.net)
    if isinstance(module, CorrectedPCA) and _is_linear(start, architecture):
        options, n_folds = replace(options, max_iter=0), 0
    factor = 1.0
    if n_folds and isinstance(module, CorrectedPCA) and previous is None:
        fit_fold = _fold_fitter(architecture, options)
        factor = choose_shrinkage(X_train, fit_fold, n_folds, seed + 1)
    x = as_tensor(start.to_scaled(X_train))
    x_valid = None
    if validation is not None:
        x_valid = as_tensor(start.to_scaled(X[validation[1]]))
    net = _train_from(module, x, x_valid, start, options, seed)
    if isinstance(module, CorrectedPCA):
        module.shrink(factor)
    codec, basis, score = _change_basis(module, start, X, architecture)
    unit = _loss_variance(module, start)
    return Fit(
        net=net,
        start=start,
        codec=codec,
        basis=basis,
        score=score,
        shrinkage=factor,
        loss_unit=unit / (start.total_variance or 1.0),
    )


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
    corrected.silence()
    return corrected


def _loss_variance(module: Autoencoder, start: LinearStart) -> float:
    """Return the unit of the loss: what PCA leaves, or all for a random start."""
    if isinstance(module, CorrectedPCA) and not start.is_optimal:
        return start.residual_variance
    return start.total_variance or 1.0


def linear_start(X: NDArray, architecture: Architecture, seed: int) -> LinearStart:
    """Return PCA with as many components as there are codes, or as it can have."""
    n_components = min(architecture.n_components, *X.shape)
    return LinearStart.from_data(X, n_components, seed)


def _is_linear(start: LinearStart, architecture: Architecture) -> bool:
    """Whether PCA, where the module starts, is already the optimum."""
    return start.is_optimal or len(architecture.hidden_layer_sizes) == 0


def _reopened(net: Net) -> Autoencoder:
    """Return a trainable copy of a fitted net's module."""
    module: Autoencoder = deepcopy(net.module_).float()
    return module.requires_grad_(True)


def _fold_fitter(
    architecture: Architecture, options: TrainingOptions
) -> Callable[[NDArray, int], tuple[CorrectedPCA, Callable[[NDArray], Tensor]]]:
    """Return a function that fits to some rows what the final fit does to all."""
    options = replace(options, callbacks=(), verbose=0)

    def fit_fold(
        X: NDArray, seed: int
    ) -> tuple[CorrectedPCA, Callable[[NDArray], Tensor]]:
        start = linear_start(X, architecture, seed)
        module = build_module(start, architecture, seed)
        assert isinstance(module, CorrectedPCA)
        if not start.is_optimal:
            x = as_tensor(start.to_scaled(X))
            train(
                module,
                x,
                None,
                variance=start.residual_variance,
                options=options,
                seed=seed,
            )
        return module, lambda rows: as_tensor(start.to_scaled(rows))

    return fit_fold


def _train_from(
    module: Autoencoder,
    x: Tensor,
    x_valid: Tensor | None,
    start: LinearStart,
    options: TrainingOptions,
    seed: int,
) -> Net:
    """Train, and go back to the start where training has made the rows worse."""
    initial, before = deepcopy(module.state_dict()), squared_error(module, x)
    variance = _loss_variance(module, start)
    net = train(module, x, x_valid, variance=variance, options=options, seed=seed)
    if x_valid is None and not squared_error(module, x) < before:
        module.load_state_dict(initial)
    return net


def _change_basis(
    module: Autoencoder, start: LinearStart, X: NDArray, architecture: Architecture
) -> tuple[Codec, CodeBasis, float]:
    """Turn the module to float64 and make its codes behave like PCA's scores."""
    module.double()
    if isinstance(module, CorrectedPCA):
        # Training needed float32 only; PCA itself is known to more digits.
        module.components = as_tensor(start.components, torch.float64)
    moments = CodeMoments.empty(architecture.n_components, X.shape[1])
    with torch.inference_mode():
        for rows in gen_batches(len(X), ROWS_PER_BLOCK):
            x = torch.from_numpy(start.to_scaled(X[rows], dtype=np.float64))
            code = module.raw_encode(x)
            moments.add(x.numpy(), code.numpy(), module.raw_decode(code).numpy())
    basis = CodeBasis.from_moments(moments, architecture.whiten)
    module.set_basis(
        *(torch.from_numpy(part) for part in (basis.mean, basis.matrix, basis.inverse))
    )
    code_scale = 1.0 if architecture.whiten else start.scale
    codec = Codec(module, start.mean, start.scale, code_scale)
    return codec, basis, moments.score
