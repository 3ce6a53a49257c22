"""Codes that are moved to where their reconstructions come closer to the rows."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sklearn_ae._model.autoencoder import CorrectedPCA
from sklearn_ae._training.rows import Rows, spread_rows
from sklearn_ae.networks.fully_connected import SLOPES, Correction

# Levenberg's damping, for directions in which the reconstruction hardly moves: a share
# of the matrix's mean diagonal, and of the squared step in its metric.
DAMPING = 1e-2
# By so many roundings the error of a row may seem to rise.
ROUNDINGS = 100


class Projection(nn.Module):
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
        module: CorrectedPCA,
        rows: Rows,
        *,
        unit: float,
        shift_cost: float,
        n_steps: int,
    ) -> Projection:
        """Return the projection for a trained module.

        Parameters
        ----------
        rows : Rows
            What it was trained on.
        unit : float
            Mean squared error per row that PCA leaves.
        shift_cost : float
            Cost of a shift while all of it is left, as in training.
        n_steps : int
            Number of steps.
        """
        x, weight = _some(rows, len(module.components), module.components)
        with torch.no_grad():
            code = module.raw_encode(x)
            tangent = Tangent(module, code)
            remaining = (_sums((x - tangent.reconstruction).square()) * weight).sum()
            price = shift_cost * min(float(remaining) / unit, 1.0)
            axes = torch.eye(code.shape[1]).to(code)
            columns = [
                tangent.pull(tangent.push(axis.expand_as(code))) for axis in axes
            ]
            average = torch.stack([(column * weight).sum(dim=0) for column in columns])
            # PCA's part alone would be the identity.
            average += (price + DAMPING * average.diagonal().mean()) * axes
        # In the order in which a file has it, or products would round differently.
        metric = torch.linalg.inv(average).contiguous()
        return cls(metric, price, n_steps)

    def forward(self, module: CorrectedPCA, x: Tensor, code: Tensor) -> Tensor:
        """Return codes of rows after all steps, from those of the encoder."""
        for _ in range(self.n_steps):
            code = self._closer(module, x, code)
        return code

    def _closer(self, module: CorrectedPCA, x: Tensor, code: Tensor) -> Tensor:
        """Take one step."""
        tangent = Tangent(module, code)
        left = x - tangent.reconstruction
        shift = code - x @ module.components.T
        downhill = tangent.pull(left) - self.shift_cost * shift
        direction = downhill @ self.metric
        change = tangent.push(direction)
        gain = _sums(downhill * direction)
        cost = _sums(change.square()) + self.shift_cost * _sums(direction.square())
        cost = (cost + DAMPING * gain).clamp(min=torch.finfo(x.dtype).tiny)
        moved = code + direction * (gain / cost)
        error, error_before = (
            _sums(part.square()) for part in (x - module.raw_decode(moved), left)
        )
        most = error_before * (1 + ROUNDINGS * torch.finfo(x.dtype).eps)
        # What overflows cannot be compared.
        is_known = (error <= most) & most.isfinite()
        return torch.where(is_known, moved, code)


class Tangent:
    """The reconstruction from codes, and products with its derivative there.

    Parameters
    ----------
    module : CorrectedPCA
        With the built-in network and unbounded outputs.
    code : Tensor of shape (n_rows, n_components)
        Codes before the change of basis.
    """

    def __init__(self, module: CorrectedPCA, code: Tensor) -> None:
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
        correction = last(hidden) + inputs @ self.skip.T
        self.reconstruction = code @ module.components + self._to_columns(correction)

    def push(self, direction: Tensor) -> Tensor:
        """Return the change of reconstructions with changes of the codes."""
        change = inputs = direction * self.code_slope
        for layer, slope in zip(self.layers[:-1], self.slopes, strict=True):
            change = (change @ layer.weight.T) * slope
        change = change @ self.layers[-1].weight.T + inputs @ self.skip.T
        return direction @ self.module.components + self._to_columns(change)

    def pull(self, left: Tensor) -> Tensor:
        """Return products of the derivative by the codes with vectors of columns."""
        outputs = left * self.module.residual_scale
        if self.module.subspace is not None:
            outputs = outputs @ self.module.subspace.T
        change = outputs @ self.layers[-1].weight
        for layer, slope in zip(self.layers[-2::-1], self.slopes[::-1], strict=True):
            change = (change * slope) @ layer.weight
        change = change + outputs @ self.skip
        return left @ self.module.components.T + change * self.code_slope

    def _to_columns(self, correction: Tensor) -> Tensor:
        """Turn the decoder's outputs into columns."""
        if self.module.subspace is not None:
            correction = correction @ self.module.subspace
        return correction * self.module.residual_scale


def _some(rows: Rows, n_components: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows, few enough for one pass per code, and weights that sum to 1."""
    chosen = rows[torch.from_numpy(spread_rows(len(rows), n_components))]
    x, weight = chosen.x.to(like), chosen.row_weight
    weight = torch.ones_like(x[:, :1]) if weight is None else weight.to(like)
    return x, weight / weight.sum()


def _sums(rows: Tensor) -> Tensor:
    """Sum over the columns, which stay one."""
    return rows.sum(dim=1, keepdim=True)
