"""The loss of batches that trains a module, and the terms that are added to it.

A term is called with named tensors: reconstruction, rows, codes, weights, and the loss
so far; it takes those that it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_ae._model import Autoencoder, CellLoss

# Cost of moving a code away from PCA's score, in units of the loss and in proportion to
# the share of PCA's loss that is still there. Where much remains, codes stay what a
# linear model can read; where bending explains nearly all, it is free. In a table of
# few values, where a surface winds through the columns on little evidence, it costs up
# to four times as much (ablation benchmark, "shift cost").
CODE_SHIFT_COST = 0.5
FEW_VALUES = 10_000  # that double the cost
MOST_TIMES_DEARER = 4.0


def code_shift_cost(n_values: float) -> float:
    """Return the cost of a shift in a table with so many values, rows times columns."""
    return CODE_SHIFT_COST * min(1 + FEW_VALUES / n_values, MOST_TIMES_DEARER)


class ReconstructionLoss(nn.Module):
    """Loss per row, in units of `unit`, summed over the columns.

    The target holds the rows and the weights of their cells, which broadcast to them;
    while training, weights count only if not all of them are 1 (`is_weighted`), and
    terms are added.
    """

    def __init__(
        self,
        cell_loss: CellLoss,
        unit: float,
        *,
        terms: Sequence[Callable[..., Tensor]] = (),
        is_weighted: bool = True,
    ) -> None:
        super().__init__()
        self.cell_loss = cell_loss
        self.unit = unit
        self.terms = terms
        self.is_weighted = is_weighted

    def forward(
        self, output: tuple[Tensor, Tensor], target: Sequence[Tensor]
    ) -> Tensor:
        """Map reconstruction and code of rows, and the target, to a scalar."""
        reconstruction, code = output
        x, weight = target
        error = self.cell_loss(reconstruction, x, weight)
        # To multiply by 1 takes 3 % of a small step.
        if self.is_weighted or not self.training:
            error = error * weight
        loss: Tensor = error.sum() / (len(x) * self.unit)
        if not self.training:
            return loss
        total = loss
        for term in self.terms:
            total = total + term(
                reconstruction=reconstruction,
                rows=x,
                codes=code,
                weights=weight,
                loss=loss,
            )
        return total


@dataclass(frozen=True)
class ShiftCost:
    """Squared distance of codes from the scores on a module's components.

    One of `variance` costs `cost`.
    """

    module: Autoencoder
    cost: float
    variance: float
    is_weighted: bool

    def __call__(
        self, *, codes: Tensor, rows: Tensor, weights: Tensor, loss: Tensor, **_: Any
    ) -> Tensor:
        """Price the distance in a batch."""
        shift = (codes - rows @ self.module.components.T).square()
        if self.is_weighted:  # of a row, what its cells count on average
            shift = shift * weights.mean(dim=1, keepdim=True)
        remaining = loss.detach().clamp(max=1.0)
        price = self.cost * remaining / (len(rows) * self.variance)
        return price * shift.sum()


@dataclass(frozen=True)
class Activity:
    """Mean absolute value of codes over their root mean square, times `cost`.

    The quotient does not fall when all codes shrink together, and is lowest where few
    codes of a row are far from zero (Hoyer, P. O. (2004). "Non-negative matrix
    factorization with sparseness constraints". JMLR 5, 1457-1469).
    """

    cost: float

    def __call__(self, *, codes: Tensor, **_: Any) -> Tensor:
        """Price the codes of a batch."""
        smallest = torch.finfo(codes.dtype).tiny
        size = codes.square().mean().clamp(min=smallest).sqrt()
        return self.cost * (codes.abs().mean() / size)
