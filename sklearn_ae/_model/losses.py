"""Losses of single cells, and their sums over rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

# Errors beyond so many standard deviations of what PCA leaves count linearly: Huber's
# choice, which loses 5 % of efficiency where errors are normal.
HUBER_THRESHOLD = 1.35


class CellLoss(nn.Module):
    """Loss of each cell; that of data is `scale ** degree` times that of scaled rows.

    Weights are for losses that are none of single cells; they are not multiplied by.
    """

    degree = 0


class SquaredError(CellLoss):
    """Squared error of each cell."""

    degree = 2

    def forward(
        self, reconstruction: Tensor, x: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Return the losses, in the shape of `x`."""
        return (reconstruction - x).square()


class AbsoluteError(CellLoss):
    """Absolute error of each cell."""

    degree = 1

    def forward(
        self, reconstruction: Tensor, x: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Return the losses, in the shape of `x`."""
        return (reconstruction - x).abs()


class HuberError(CellLoss):
    """Squared error of each cell up to a threshold for its column, linear beyond.

    Huber, P. J. (1964). "Robust estimation of a location parameter". Annals of
    Mathematical Statistics 35(1), 73-101.
    """

    degree = 2
    threshold: Tensor  # (n_features,)

    def __init__(self, threshold: Tensor) -> None:
        super().__init__()
        self.register_buffer("threshold", threshold)

    def forward(
        self, reconstruction: Tensor, x: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Return the losses, in the shape of `x`."""
        error = (reconstruction - x).abs()
        near = torch.minimum(error, self.threshold)
        return near * (2 * error - near)


class LogLoss(CellLoss):
    """Binary cross-entropy of each cell, less what a perfect reconstruction has.

    Rows of the data, between 0 and 1, are `x * scale + mean` of centred and scaled
    rows.
    """

    mean: Tensor  # (n_features,)
    scale: Tensor  # ()

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(
        self, reconstruction: Tensor, x: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Return the losses, in the shape of `x`."""
        found, wanted = (
            (part * self.scale + self.mean).clamp(0, 1) for part in (reconstruction, x)
        )
        entropy = torch.special.entr(wanted) + torch.special.entr(1 - wanted)
        cross = functional.binary_cross_entropy(found, wanted, reduction="none")
        return cross - entropy


class LossSum:
    """Losses of rows, summed over all cells that count, and those of their mean.

    Rows are centred: the mean is zero. Every loss and score of a fit is such a sum, in
    the same unit with and without missing cells.
    """

    def __init__(self, cell_loss: CellLoss) -> None:
        self.cell_loss = cell_loss
        self.losses: list[float] = []
        self.losses_of_mean: list[float] = []
        self.counts: list[float] = []
        # Small arrays, kept between blocks, would scatter the free memory.
        self.by_row: list[float] = []

    @classmethod
    def over(
        cls,
        blocks: Iterable[tuple[Tensor, Tensor]],
        predict: Callable[[Tensor], Tensor],
        cell_loss: CellLoss,
    ) -> LossSum:
        """Sum the losses of what is predicted for blocks of rows with their weights."""
        total = cls(cell_loss)
        with torch.inference_mode():
            for x, weight in blocks:
                total.add(predict(x), x, weight)
        return total

    def add(self, reconstruction: Tensor, x: Tensor, weight: Tensor) -> None:
        """Add rows; their weights broadcast to the cells and are 0 where missing."""
        losses = self.cell_loss(reconstruction, x, weight) * weight
        of_mean = self.cell_loss(torch.zeros_like(x), x, weight) * weight
        self.losses.append(float(losses.sum()))
        self.losses_of_mean.append(float(of_mean.sum()))
        self.by_row += losses.sum(dim=1).cpu().double().tolist()
        self.counts.append(float(weight.sum()) * x.shape[1] / weight.shape[1])

    @property
    def loss(self) -> float:
        """Sum of the losses."""
        return math.fsum(self.losses)

    @property
    def loss_of_mean(self) -> float:
        """Sum of the losses of predicting the mean."""
        return math.fsum(self.losses_of_mean)

    @property
    def n_cells(self) -> float:
        """How many cells count."""
        return math.fsum(self.counts)

    @property
    def share(self) -> float:
        """Loss as a fraction of that of the mean; constant rows are explained."""
        return share_of(self.loss, self.loss_of_mean)


def share_of(loss: float, loss_of_mean: float) -> float:
    """Return a loss as a fraction of another; 0 of 0 is 0."""
    if loss_of_mean == 0.0:
        return 0.0 if loss == 0.0 else 1.0
    return loss / loss_of_mean
