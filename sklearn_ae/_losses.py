"""Loss terms on tensors."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

# Cost of moving a code away from PCA's score, in units of squared error and in
# proportion to the share of PCA's error that is still there. Where much remains, codes
# stay what a linear model can read; where bending explains nearly all, it is free.
# benchmarks/compression.py measures both, loss and linear score, at this value.
CODE_SHIFT_COST = 0.1


class ReconstructionLoss(nn.Module):
    """Squared error per row, divided by `variance`, both summed over the columns.

    The target holds the rows and, if not all cells count alike, weights that can be
    broadcast to them.

    With `components` (n_components, n_features), training also pays for the squared
    shift of the codes from the scores on them.
    """

    components: Tensor | None

    def __init__(self, variance: float, components: Tensor | None = None) -> None:
        super().__init__()
        self.variance = variance
        self.register_buffer("components", components)

    def forward(
        self, output: tuple[Tensor, Tensor], target: Sequence[Tensor]
    ) -> Tensor:
        """Map reconstruction and code of rows, and the target, to a scalar."""
        reconstruction, code = output
        x, *weight = target
        error = (reconstruction - x).square()
        if weight:
            error = error * weight[0]
        loss = error.sum() / (len(x) * self.variance)
        if self.training and self.components is not None:
            shift = (code - x @ self.components.T).square()
            if weight:  # of a row, the mean over its cells
                shift = shift * weight[0].mean(dim=1, keepdim=True)
            remaining = loss.detach().clamp(max=1.0)
            price = CODE_SHIFT_COST * remaining / (len(x) * self.variance)
            loss = loss + price * shift.sum()
        return loss
