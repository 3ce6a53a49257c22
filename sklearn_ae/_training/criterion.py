"""The loss of batches that trains a module, and what is added to it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

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
    while training, weights count only if not all of them are 1 (`is_weighted`).

    With `components` (n_components, n_features), training also pays for the squared
    shift of the codes from the scores on them, `shift_cost` for one of `variance`; with
    a `code_penalty`, for the codes' absolute values.
    """

    components: Tensor | None

    def __init__(
        self,
        cell_loss: nn.Module,
        unit: float,
        *,
        components: Tensor | None = None,
        variance: float = 1.0,
        shift_cost: float = 0.0,
        code_penalty: float = 0.0,
        is_weighted: bool = True,
    ) -> None:
        super().__init__()
        self.cell_loss = cell_loss
        self.unit = unit
        self.variance = variance
        self.shift_cost = shift_cost
        self.code_penalty = code_penalty
        self.is_weighted = is_weighted
        self.register_buffer("components", components)

    def forward(
        self, output: tuple[Tensor, Tensor], target: Sequence[Tensor]
    ) -> Tensor:
        """Map reconstruction and code of rows, and the target, to a scalar."""
        reconstruction, code = output
        x, weight = target
        error = self.cell_loss(reconstruction, x)
        # To multiply by 1 takes 3 % of a small step.
        if self.is_weighted or not self.training:
            error = error * weight
        loss: Tensor = error.sum() / (len(x) * self.unit)
        if self.training and self.components is not None:
            loss = loss + self._paid_for_shift(loss, code, x, weight)
        if self.training and self.code_penalty > 0:
            loss = loss + self.code_penalty * mean_activity(code)
        return loss

    def _paid_for_shift(
        self, loss: Tensor, code: Tensor, x: Tensor, weight: Tensor
    ) -> Tensor:
        """Price the distance of codes from PCA's scores."""
        assert self.components is not None
        shift = (code - x @ self.components.T).square()
        if self.is_weighted:  # of a row, what its cells count on average
            shift = shift * weight.mean(dim=1, keepdim=True)
        remaining = loss.detach().clamp(max=1.0)
        price = self.shift_cost * remaining / (len(x) * self.variance)
        return price * shift.sum()


def mean_activity(code: Tensor) -> Tensor:
    """Mean absolute value of codes over their root mean square.

    The quotient does not fall when all codes shrink together, and is lowest where few
    codes of a row are far from zero (Hoyer, P. O. (2004). "Non-negative matrix
    factorization with sparseness constraints". JMLR 5, 1457-1469).
    """
    smallest = torch.finfo(code.dtype).tiny
    return code.abs().mean() / code.square().mean().clamp(min=smallest).sqrt()
