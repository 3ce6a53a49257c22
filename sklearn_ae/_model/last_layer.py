"""Least squares for the decoder's last layer, once training has found the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sklearn_ae._model.autoencoder import CorrectedPCA
from sklearn_ae._training.rows import EVALUATION_BATCH, Rows
from sklearn_ae.networks.fully_connected import Correction

# Of the ridge regression: so many rows would weigh as much.
PENALTIES = (100.0, 10.0, 1.0)
# Held-out loss must fall by this share before the layer is refitted, and the largest
# penalty is taken that has this much of the best one's gain: after the fold, the other
# layers see all rows, so that their residuals look smaller than they are.
SMALLEST_REFIT_GAIN = 0.01
SHARE_OF_GAIN = 0.7
MAX_WIDTH = 2000  # of the hidden layer


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
    repetitions : float
        How many rows a row of weight 1 stands for.
    penalties : sequence of float
        Those that can be asked for, above 0.
    """

    def __init__(
        self,
        module: CorrectedPCA,
        rows: Rows,
        repetitions: float,
        penalties: Sequence[float] = PENALTIES,
    ) -> None:
        layer = _last_of(module)
        self.weight, self.bias = layer.weight, layer.bias
        self.trained = self.weight.detach().clone(), self.bias.detach().clone()
        moments = Moments.of(module, rows)
        changes = moments.changes([penalty / repetitions for penalty in penalties])
        self.refits = {
            penalty: self._changed(_to_outputs(module, change), moments, module)
            for penalty, change in zip(penalties, changes, strict=True)
        }

    def _changed(
        self, change: Tensor, moments: Moments, module: CorrectedPCA
    ) -> tuple[Tensor, Tensor]:
        """Return weight and bias of the layer after a change of its weight."""
        weight, bias = self.trained
        mean_left = _to_outputs(module, moments.mean_left[None])[0]
        shift = mean_left - moments.mean @ change
        return weight + change.T.to(weight), bias + shift.to(bias)

    def refit(self, penalty: float) -> None:
        """Set the weights that a penalty leads to."""
        self._set(*self.refits[penalty])

    @contextmanager
    def refitted(self, penalty: float | None) -> Iterator[None]:
        """Set the weights that a penalty leads to for a while; None changes nothing."""
        if penalty is not None:
            self.refit(penalty)
        try:
            yield
        finally:
            self._set(*self.trained)

    def _set(self, weight: Tensor, bias: Tensor) -> None:
        """Set the layer's weights."""
        with torch.no_grad():
            self.weight.copy_(weight)
            self.bias.copy_(bias)


@dataclass(frozen=True)
class Moments:
    """Sums over rows in float64, on the CPU, of hidden outputs and of what is left."""

    count: float  # sum of weights
    mean: Tensor  # (n_hidden,)
    mean_left: Tensor  # (n_features,)
    gram: Tensor  # (n_hidden, n_hidden), products of hidden outputs about their mean
    cross: Tensor  # (n_hidden, n_features), products with what is left

    @classmethod
    def of(cls, module: CorrectedPCA, rows: Rows) -> Moments:
        """Sum over all rows, block by block."""
        decoder = _decoder(module)
        module.eval()
        sums: list[Tensor] = []
        origin = torch.zeros((), dtype=torch.float64)
        with torch.inference_mode():
            for first in range(0, len(rows), EVALUATION_BATCH):
                block = slice(first, first + EVALUATION_BATCH)
                x = rows.x[block]
                code = module.raw_encode(x)
                hidden = _exact(decoder.hidden(code / module.code_scale))
                if first == 0:
                    origin = hidden.mean(dim=0)  # so that little cancels below
                hidden = hidden - origin
                left = _exact(x - module.raw_decode(code))
                weight = torch.ones_like(left[:, :1])
                if rows.cell_weight is not None:
                    weight = _exact(rows.cell_weight[block])
                weighted = hidden * weight
                parts = [
                    weight.sum(),
                    weighted.sum(0),
                    (left * weight).sum(0),
                    hidden.T @ weighted,
                    weighted.T @ left,
                ]
                sums = list(map(torch.add, sums, parts)) if sums else parts
        count, hidden, left, gram, cross = sums
        mean, mean_left = hidden / count, left / count
        return cls(
            count=float(count),
            mean=mean + origin,
            mean_left=mean_left,
            gram=gram - count * torch.outer(mean, mean),
            cross=cross - count * torch.outer(mean, mean_left),
        )

    def changes(self, penalties: Sequence[float]) -> list[Tensor]:
        """Return the regression's coefficients for penalties in units of a row."""
        # Not to amplify rounding errors of hidden outputs that do not vary otherwise.
        smallest = torch.finfo(torch.float32).eps * self.mean.square().mean()
        variance = self.gram.diagonal().mean() / self.count
        unit = float(variance.clamp(min=smallest)) + torch.finfo().tiny
        identity = torch.eye(len(self.gram), dtype=torch.float64)
        return [
            torch.linalg.solve(self.gram + penalty * unit * identity, self.cross)
            for penalty in penalties
        ]


def can_be_refitted(module: CorrectedPCA, rows: Rows) -> bool:
    """Whether all columns have one Gram matrix, and not too large a one.

    They have if no cells are missing. The time grows with the cube of its size.
    """
    return rows.are_whole and _last_of(module).in_features <= MAX_WIDTH


def best_penalty(losses: NDArray[np.float64]) -> float | None:
    """Return the penalty to refit with, or None where it gains too little.

    Parameters
    ----------
    losses : ndarray of shape (1 + len(PENALTIES),)
        Held-out loss without a refit, then for each penalty.
    """
    gains = losses[0] - losses[1:]
    if gains.max() > SMALLEST_REFIT_GAIN * losses[0]:
        return PENALTIES[int(np.argmax(gains >= SHARE_OF_GAIN * gains.max()))]
    return None


def _decoder(module: CorrectedPCA) -> Correction:
    """Return the built-in network's decoder."""
    decoder: Correction = module.network.decoder
    return decoder


def _last_of(module: CorrectedPCA) -> nn.Linear:
    """Return the last layer of the built-in network's decoder."""
    layer = _decoder(module).curved[-1]
    assert isinstance(layer, nn.Linear)
    return layer


def _exact(part: Tensor) -> Tensor:
    """Copy to the CPU, in float64, which not every device has."""
    return part.cpu().double()


def _to_outputs(module: CorrectedPCA, of_rows: Tensor) -> Tensor:
    """Turn changes of rows into those of the decoder's outputs that come closest."""
    step = _exact(module.residual_scale)
    if module.subspace is None:
        return of_rows * torch.where(step > 0, 1 / step, 0.0)
    outputs = _exact(module.subspace) * step
    gram = outputs @ outputs.T
    precision = torch.finfo(torch.float64)
    gram.diagonal().add_(precision.eps * gram.diagonal().max() + precision.tiny)
    return torch.linalg.solve(gram, of_rows @ outputs.T, left=False)
