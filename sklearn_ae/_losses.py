"""Loss terms on tensors."""

from __future__ import annotations

from torch import Tensor, nn

# Cost of moving a code away from PCA's score, in units of squared error and in
# proportion to the share of PCA's error that is still there. Where much remains, codes
# stay what a linear model can read; where bending explains nearly all, it is free.
# benchmarks/compression.py measures both, loss and linear score, at this value.
CODE_SHIFT_COST = 0.1


class ReconstructionLoss(nn.Module):
    """Squared error per row, divided by `variance`, both summed over the columns.

    With `components` (n_components, n_features), training also pays for the squared
    shift of the codes from the scores on them.
    """

    components: Tensor | None

    def __init__(self, variance: float, components: Tensor | None = None) -> None:
        super().__init__()
        self.variance = variance
        self.register_buffer("components", components)

    def forward(self, output: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
        """Map reconstruction and code of rows, and the rows, to a scalar."""
        reconstruction, code = output
        loss = (reconstruction - x).square().sum() / (len(x) * self.variance)
        if self.training and self.components is not None:
            shift = (code - x @ self.components.T).square().sum()
            remaining = loss.detach().clamp(max=1.0)
            price = CODE_SHIFT_COST * remaining / (len(x) * self.variance)
            loss = loss + price * shift
        return loss
