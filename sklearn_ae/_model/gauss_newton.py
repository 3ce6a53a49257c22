"""Gauss-Newton steps that take codes to where reconstructions are nearer to rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_ae.networks import Correction


def _slope_of_silu(x: Tensor) -> Tensor:
    share = x.sigmoid()
    return share * (1 + x * (1 - share))


# Derivatives of the activations.
SLOPES: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {
    nn.Identity: torch.ones_like,
    nn.Sigmoid: lambda x: x.sigmoid() * (1 - x.sigmoid()),
    nn.ReLU: lambda x: (x > 0).to(x.dtype),
    nn.SiLU: _slope_of_silu,
    nn.Tanh: lambda x: 1 - x.tanh().square(),
}


class GaussNewton(nn.Module):
    """Steps that take the codes of rows towards the nearest points of the decoder.

    PCA's scores are those of the nearest point in a plane. An encoder only comes close
    to the nearest point of a curved surface, the less so for rows that it has not seen
    (Cremer, C., Li, X., & Duvenaud, D. (2018). "Inference suboptimality in variational
    autoencoders". ICML 2018). A step goes from there down the gradient of the squared
    error, in the metric of the average Gauss-Newton matrix and as far as the error
    falls along the tangent. A row that it would leave worse keeps its code.

    Parameters
    ----------
    metric : Tensor of shape (n_components, n_components)
        Inverse of the average Gauss-Newton matrix.
    shift_cost : float
        Cost of a squared distance from PCA's scores, as in training.
    n_steps : int
        Number of steps.
    """

    metric: Tensor
    shift_cost: Tensor

    def __init__(self, metric: Tensor, shift_cost: float, n_steps: int) -> None:
        super().__init__()
        self.register_buffer("metric", metric)
        self.register_buffer("shift_cost", metric.new_tensor(shift_cost))
        self.n_steps = n_steps

    @classmethod
    def of_rows(
        cls,
        module: Any,
        x: Tensor,
        weight: Tensor,
        *,
        unit: float,
        shift_cost: float,
        n_steps: int,
    ) -> GaussNewton:
        """Return the steps for a trained module.

        Parameters
        ----------
        module : CorrectedPCA
            With the built-in network and unbounded outputs.
        x : Tensor of shape (n_rows, n_features)
            Some of the rows that it was trained on.
        weight : Tensor of shape (n_rows, 1)
            How much each of them counts.
        unit : float
            Mean squared error per row that PCA leaves.
        shift_cost : float
            Cost of a shift while all of it is left, as in training.
        n_steps : int
            Number of steps.
        """
        with torch.no_grad():
            code = module.raw_encode(x)
            decoder = Linearization(module, code)
            error = _sums((x - decoder.reconstruction).square())
            price = shift_cost * min(float((error * weight).sum()) / unit, 1.0)
            axes = torch.eye(code.shape[1]).to(code)
            columns = [decoder.vjp(decoder.jvp(axis.expand_as(code))) for axis in axes]
            average = torch.stack([(column * weight).sum(dim=0) for column in columns])
            average += price * axes
        # In the order in which a file has it, or products would round differently.
        metric = torch.linalg.inv(average).contiguous()
        return cls(metric, price, n_steps)

    def forward(self, module: Any, x: Tensor, code: Tensor) -> Tensor:
        """Return codes of rows after all steps, from those of the encoder."""
        for _ in range(self.n_steps):
            code = self._closer(module, x, code)
        return code

    def _closer(self, module: Any, x: Tensor, code: Tensor) -> Tensor:
        """Take one step."""
        decoder = Linearization(module, code)
        left = x - decoder.reconstruction
        shift = code - x @ module.components.T
        downhill = decoder.vjp(left) - self.shift_cost * shift
        direction = downhill @ self.metric
        change = decoder.jvp(direction)
        gain = _sums(downhill * direction)
        cost = _sums(change.square()) + self.shift_cost * _sums(direction.square())
        # As far as the error falls along the tangent.
        cost = cost.clamp(min=torch.finfo(x.dtype).tiny)
        moved = code + direction * (gain / cost)
        error, error_before = (
            _sums(part.square()) for part in (x - module.raw_decode(moved), left)
        )
        # By some roundings the error may seem to rise.
        most = error_before * (1 + 100 * torch.finfo(x.dtype).eps)
        # What overflows cannot be compared.
        is_known = (error <= most) & most.isfinite()
        return torch.where(is_known, moved, code)


class Linearization:
    """The reconstruction from codes, and products with its derivative there.

    Written out for the built-in network, as `torch.func` takes 1.7 times as long for
    blocks of rows and 14 times for one row.

    Parameters
    ----------
    module : CorrectedPCA
        With the built-in network and unbounded outputs.
    code : Tensor of shape (n_rows, n_components)
        Codes before the change of basis.
    """

    def __init__(self, module: Any, code: Tensor) -> None:
        decoder: Correction = module.network.decoder
        self.module = module
        self.layers = [
            layer for layer in decoder.curved if isinstance(layer, nn.Linear)
        ]
        self.skip = decoder.skip.weight * decoder.skip_scale
        near = code.clamp(*module.code_range)
        # A correction that stays what it is has no slope.
        self.code_slope = (near == code).to(code) / module.code_scale
        inputs = hidden = near / module.code_scale
        self.slopes = []
        *bent, last = self.layers
        for layer, activation in zip(bent, list(decoder.curved)[1::2], strict=True):
            sums = layer(hidden)
            hidden = activation(sums)
            self.slopes.append(SLOPES[type(activation)](sums))
        correction = module.to_columns(last(hidden) + inputs @ self.skip.T)
        correction = correction * module.residual_scale
        self.reconstruction = code @ module.components + correction

    def jvp(self, direction: Tensor) -> Tensor:
        """Return the change of reconstructions with changes of the codes."""
        change = inputs = direction * self.code_slope
        for layer, slope in zip(self.layers[:-1], self.slopes, strict=True):
            change = (change @ layer.weight.T) * slope
        change = change @ self.layers[-1].weight.T + inputs @ self.skip.T
        change = self.module.to_columns(change) * self.module.residual_scale
        return direction @ self.module.components + change

    def vjp(self, left: Tensor) -> Tensor:
        """Return products of the derivative by the codes with vectors of columns."""
        outputs = left * self.module.residual_scale
        if self.module.subspace is not None:
            outputs = outputs @ self.module.subspace.T
        change = outputs @ self.layers[-1].weight
        for layer, slope in zip(self.layers[-2::-1], self.slopes[::-1], strict=True):
            change = (change * slope) @ layer.weight
        change = change + outputs @ self.skip
        return left @ self.module.components.T + change * self.code_slope


def _sums(rows: Tensor) -> Tensor:
    """Sum over the columns, which stay one."""
    return rows.sum(dim=1, keepdim=True)
