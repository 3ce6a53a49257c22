"""Ridge regression of the decoder's last layer, once training has found the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_ae._data import is_resident

# So many rows would weigh as much; 10 and 100 differ little (ablation benchmark with
# --values, "penalty").
PENALTY = 30.0
MAX_WIDTH = 2000  # of the hidden layer: the time grows with its cube


def refit_last_layer(
    module: Any, blocks: Iterable[tuple[Tensor, Tensor]], penalty: float = PENALTY
) -> None:
    """Regress what a module leaves on the outputs of its decoder's hidden layers.

    The last layer of the decoder is linear, so its best weights are known once those of
    the others are (variable projection). Training with momentum comes close along
    directions in which the hidden outputs vary much, and not along the others. The
    penalty is on the change of the weights.

    Golub, G. H., & Pereyra, V. (1973). "The differentiation of pseudo-inverses and
    nonlinear least squares problems whose variables separate". SIAM Journal on
    Numerical Analysis 10(2), 413-432.

    Parameters
    ----------
    module : CorrectedPCA
        With the built-in network and unbounded outputs; changed in place.
    blocks : iterable of (x, weight)
        Rows to reconstruct, shape (n_rows, n_features), and how much they count, shape
        (n_rows, 1).
    penalty : float
        In rows of weight 1.
    """
    layer: nn.Linear = module.network.decoder.curved[-1]
    moments = _Moments()
    with torch.inference_mode():
        for x, weight in blocks:
            code = module.raw_encode(x)
            hidden = module.network.decoder.curved.hidden(code / module.code_scale)
            moments.add(_exact(hidden), _exact(x - module.raw_decode(code)), weight)
    change = _to_outputs(module, torch.vstack(moments.regression(penalty)))
    with torch.no_grad():
        layer.weight.add_(change[:-1].T.to(layer.weight))
        layer.bias.add_(change[-1].to(layer.bias))


def has_ridge_solution(module: Any) -> bool:
    """Whether the last layer of a module can be refitted in reasonable time."""
    if not module.has_free_decoder:
        return False
    last: nn.Linear = module.network.decoder.curved[-1]
    return last.in_features <= MAX_WIDTH


class _Moments:
    """Sums over rows, in float64, of hidden outputs and of what is left."""

    def add(self, hidden: Tensor, left: Tensor, weight: Tensor) -> None:
        """Add a block of rows."""
        weight = _exact(weight)
        if not hasattr(self, "sums"):
            self.origin = hidden.mean(dim=0)  # so that little cancels below
            self.sums = [hidden.new_zeros(())] * 5
        hidden = hidden - self.origin
        weighted = hidden * weight
        parts = [
            weight.sum(),
            weighted.sum(0),
            (left * weight).sum(0),
            hidden.T @ weighted,
            weighted.T @ left,
        ]
        self.sums = [total + part for total, part in zip(self.sums, parts, strict=True)]

    def regression(self, penalty: float) -> tuple[Tensor, Tensor]:
        """Return coefficients, shape (n_hidden, n_features), and intercepts."""
        count, hidden, left, gram, cross = self.sums
        mean, mean_left = hidden / count, left / count
        gram = gram - count * torch.outer(mean, mean)
        cross = cross - count * torch.outer(mean, mean_left)
        # Not to amplify rounding errors of hidden outputs that do not vary otherwise.
        smallest = torch.finfo(torch.float32).eps * (mean + self.origin).square().mean()
        variance = (gram.diagonal().mean() / count).clamp(min=smallest)
        unit = float(variance) + torch.finfo(torch.float32).tiny
        identity = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        change = torch.linalg.solve(gram + penalty * unit * identity, cross)
        return change, mean_left - (mean + self.origin) @ change


def _exact(part: Tensor) -> Tensor:
    """Copy to float64, and to the CPU from a device that lacks it."""
    return part.double() if is_resident(part) else part.cpu().double()


def _to_outputs(module: Any, of_rows: Tensor) -> Tensor:
    """Turn changes of rows into those of the decoder's outputs that come closest."""
    step = _exact(module.residual_scale)
    if module.subspace is None:
        return of_rows * torch.where(step > 0, 1 / step, 0.0)
    outputs = _exact(module.subspace) * step
    gram = outputs @ outputs.T
    precision = torch.finfo(torch.float64)
    gram.diagonal().add_(precision.eps * gram.diagonal().max() + precision.tiny)
    return torch.linalg.solve(gram, of_rows @ outputs.T, left=False)
