"""Least squares for the decoder's last layer, once training has found the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_ae._losses import SquaredError
from sklearn_ae._modules import CorrectedPCA, Sum
from sklearn_ae._network import Correction, FullyConnected
from sklearn_ae._objective import Objective
from sklearn_ae._rows import EVALUATION_BATCH, Rows

# Of the ridge regression: so many rows would weigh as much.
PENALTIES = (100.0, 10.0, 1.0)
# Held-out loss must fall by this share before the layer is refitted, and the largest
# penalty is taken that has this much of the best one's gain: after the fold, the other
# layers see all rows, so that their residuals look smaller than they are.
SMALLEST_GAIN = 0.01
SHARE_OF_GAIN = 0.7


class LastLayer:
    """Ridge regression of what a module leaves on the outputs of its hidden layers.

    The last layer of the decoder is linear, so its best weights are known once those of
    the others are. Training with momentum comes close along directions in which the
    hidden outputs vary much, and not along the others. The penalty is on the change.

    Golub, G. H., & Pereyra, V. (1973). "The differentiation of pseudo-inverses and
    nonlinear least squares problems whose variables separate". SIAM Journal on
    Numerical Analysis 10(2), 413-432.

    Parameters
    ----------
    module : CorrectedPCA
        Changed in place by `refit`.
    rows : Rows
        What is to be reconstructed.
    objective : Objective
        Has the noise on the input.
    """

    def __init__(self, module: CorrectedPCA, rows: Rows, objective: Objective) -> None:
        layer: Any = _decoder(module).curved[-1]
        self.weight, self.bias = layer.weight, layer.bias
        self.trained = self.weight.detach().clone(), self.bias.detach().clone()
        count, mean_left, self.mean, self.gram, cross = _moments(
            module, rows, objective
        )
        # Not to amplify rounding errors of hidden outputs that do not vary otherwise.
        smallest = torch.finfo(torch.float32).eps * self.mean.square().mean()
        variance = self.gram.diagonal().mean() / count
        self.unit = float(variance.clamp(min=smallest)) + torch.finfo().tiny
        self.cross = _to_outputs(module, cross)
        self.mean_left = _to_outputs(module, mean_left[None])[0]

    def refit(self, penalty: float) -> None:
        """Set the weights that a penalty above 0 leads to."""
        ridge = penalty * self.unit * torch.eye(len(self.gram), dtype=torch.float64)
        change = torch.linalg.solve(self.gram + ridge, self.cross)
        weight, bias = self.trained
        with torch.no_grad():
            self.weight.copy_(weight + change.T.to(weight))
            self.bias.copy_(bias + (self.mean_left - self.mean @ change).to(bias))

    @contextmanager
    def refitted(self, penalty: float | None) -> Iterator[None]:
        """Set the weights that a penalty leads to for a while; None changes nothing."""
        if penalty is not None:
            self.refit(penalty)
        try:
            yield
        finally:
            with torch.no_grad():
                self.weight.copy_(self.trained[0])
                self.bias.copy_(self.trained[1])


def can_be_refitted(module: CorrectedPCA, rows: Rows, objective: Objective) -> bool:
    """Whether the last layer is that of a least-squares problem with one Gram matrix.

    It is not with another loss, bounded outputs, missing cells or a user's network.
    """
    built_in = type(module.network) is FullyConnected
    squared = isinstance(objective.cell_loss, SquaredError)
    whole_rows = rows.cell_weight is None or rows.cell_weight.shape[1] == 1
    return built_in and squared and whole_rows and isinstance(module.output, Sum)


def best_penalty(losses: NDArray[np.float64]) -> float | None:
    """Return the penalty to refit with, or None where it gains too little.

    Parameters
    ----------
    losses : ndarray of shape (1 + len(PENALTIES),)
        Held-out loss without a refit, then for each penalty.
    """
    gains = losses[0] - losses[1:]
    if gains.max() >= SMALLEST_GAIN * losses[0]:
        return PENALTIES[int(np.argmax(gains >= SHARE_OF_GAIN * gains.max()))]
    return None


def _moments(
    module: CorrectedPCA, rows: Rows, objective: Objective
) -> tuple[float, Tensor, Tensor, Tensor, Tensor]:
    """Sum over rows in float64, on the CPU.

    Returns the sum of weights, the means of residuals and hidden outputs, and the
    centred sums of the products of hidden outputs with each other and with residuals.
    """
    decoder = _decoder(module)
    module.eval()
    noisy = _noisy(objective)
    sums: list[Tensor] = []
    origin = torch.zeros((), dtype=torch.float64)
    with torch.inference_mode():
        for first in range(0, len(rows), EVALUATION_BATCH):
            block = slice(first, first + EVALUATION_BATCH)
            x = rows.x[block]
            code = module.raw_encode(noisy(x))
            hidden = _exact(decoder.hidden(code / module.code_scale))
            if first == 0:
                origin = hidden.mean(dim=0)  # about the mean, so that little cancels
            hidden = hidden - origin
            left = _exact(x - module.raw_decode(code))
            weight = torch.ones_like(left[:, :1])
            if rows.cell_weight is not None:
                weight = _exact(rows.cell_weight[block])
            weighted = hidden * weight
            parts = [
                weight.sum(),
                (left * weight).sum(0),
                weighted.sum(0),
                hidden.T @ weighted,
                weighted.T @ left,
            ]
            sums = list(map(torch.add, sums, parts)) if sums else parts
    count, left, hidden, gram, cross = sums
    mean_left, mean = left / count, hidden / count
    gram = gram - count * torch.outer(mean, mean)
    cross = cross - count * torch.outer(mean, mean_left)
    return float(count), mean_left, mean + origin, gram, cross


def _noisy(objective: Objective) -> Callable[[Tensor], Tensor]:
    """Return what puts the noise of training on rows."""
    corruption = objective.corruption
    if corruption is None:
        return lambda x: x
    generator = corruption.generator()
    return lambda x: corruption(x, generator)


def _decoder(module: CorrectedPCA) -> Correction:
    """Return the built-in network's decoder."""
    decoder: Correction = module.network.decoder
    return decoder


def _exact(part: Tensor) -> Tensor:
    """Copy to the CPU in float64."""
    return part.to("cpu", torch.float64)


def _to_outputs(module: CorrectedPCA, of_rows: Tensor) -> Tensor:
    """Turn changes of rows into those of the decoder's outputs that come closest."""
    step = _exact(module.residual_scale)
    if module.subspace is None:
        return of_rows * torch.where(step > 0, 1 / step, 0.0)
    outputs = _exact(module.subspace) * step
    gram = outputs @ outputs.T
    smallest = torch.finfo(torch.float64).eps * gram.diagonal().max()
    gram.diagonal().add_(smallest)
    return torch.linalg.solve(gram, of_rows @ outputs.T, left=False)
