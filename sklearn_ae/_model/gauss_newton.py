"""The decoder and its derivatives in products, and the steps of codes that need them.

Arrays are tensors in a fit, on any device and with gradients, and NumPy's in
`transform`, where a call with one row takes a fifth of the time of torch's. What is
written here does for both, and for what torch's functions take for a tensor.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_ae.networks import Correction

Array = Any  # Tensor or ndarray
Convert = Callable[[Tensor], Array]
Slope = Callable[[], Array]


def product(left: Array, right: Array) -> Array:
    """Multiply matrices; small ones take NumPy half as long as by an operator."""
    return left.dot(right) if isinstance(left, np.ndarray) else left @ right


def affine(inputs: Array, weight: Array, offset: Array) -> Array:
    """Multiply by a matrix, and add a row."""
    if not isinstance(inputs, np.ndarray):
        return torch.addmm(offset, inputs, weight)
    sums = inputs.dot(weight)
    sums += offset
    return sums


def _sigmoid_of(x: Array) -> Array:
    if not isinstance(x, np.ndarray):
        return x.sigmoid()
    share = np.exp(-x)  # which is infinite where the share is zero
    share += 1
    return np.reciprocal(share, out=share)


def _identity(x: Array) -> tuple[Array, Slope]:
    return x, lambda: 1.0


def _sigmoid(x: Array) -> tuple[Array, Slope]:
    share = _sigmoid_of(x)
    return share, lambda: share * (1 - share)


def _relu(x: Array) -> tuple[Array, Slope]:
    return x.clip(min=0), lambda: x > 0


def _silu(x: Array) -> tuple[Array, Slope]:
    if not isinstance(x, np.ndarray):
        value = nn.functional.silu(x)
        return value, lambda: _slope_of_silu(value, x.sigmoid())
    share = _sigmoid_of(x)
    value = x * share
    return value, lambda: _slope_of_silu(value, share)


def _slope_of_silu(value: Array, share: Array) -> Array:
    return share + value * (1 - share)


def _tanh(x: Array) -> tuple[Array, Slope]:
    value = np.tanh(x) if isinstance(x, np.ndarray) else x.tanh()
    return value, lambda: 1 - value * value


# Activations, with what makes their derivatives.
ACTIVATIONS: dict[type[nn.Module], Callable[[Array], tuple[Array, Slope]]] = {
    nn.Identity: _identity,
    nn.Sigmoid: _sigmoid,
    nn.ReLU: _relu,
    nn.SiLU: _silu,
    nn.Tanh: _tanh,
}


class Layers(NamedTuple):
    """A correction whose units are multiplied into its weights."""

    bent: list[tuple[Array, Array]]  # matrices (n_in, n_out), offsets of hidden layers
    last: tuple[Array, Array]
    skip: Array  # (n_in, n_out)
    activation: type[nn.Module]

    @classmethod
    def of(
        cls, correction: Correction, unit: Tensor, step: Tensor, convert: Convert
    ) -> Self:
        """Return the map `correction(inputs / unit) * step`.

        Parameters
        ----------
        unit : Tensor of shape (n_in,) or (1,)
        step : Tensor of shape (n_out,) or ()
        convert : callable
            Applied to each matrix and offset.
        """
        curved = list(correction.curved)
        linear = [layer for layer in curved if isinstance(layer, nn.Linear)]
        weights: list[Tensor] = [layer.weight.T for layer in linear]
        weights[0] = weights[0] / unit[:, None]
        weights[-1] = weights[-1] * step
        offsets: list[Tensor] = [layer.bias for layer in linear]
        offsets[-1] = offsets[-1] * step
        skip = correction.skip.weight.T * (correction.skip_scale * step)
        *bent, last = zip(map(convert, weights), map(convert, offsets), strict=True)
        skip = convert(skip / unit[:, None])
        # What a compiler traces must not depend on values.
        if not (torch.compiler.is_compiling() or step.any()):
            bent, last = [], (skip, last[1])
        activation = type(curved[1]) if bent else nn.Identity
        return cls(bent, last, skip, activation)

    def __call__(self, inputs: Array, slopes: list[Array] | None = None) -> Array:
        """Map `(batch, n_in) -> (batch, n_out)`, and note the activations' slopes."""
        hidden, bend = inputs, ACTIVATIONS[self.activation]
        for weight, offset in self.bent:
            hidden, slope = bend(affine(hidden, weight, offset))
            if slopes is not None:
                slopes.append(slope())
        outputs = affine(hidden, *self.last)
        outputs += product(inputs, self.skip)
        return outputs


class Decoder(NamedTuple):
    """PCA's reconstruction plus the correction, from codes before the change of basis.

    Shapes: `(batch, n_components) -> (batch, n_features)`.
    """

    components: Array
    code_range: Array
    layers: Layers
    columns: Array | None  # what outputs of the layers are multiplied by, in a subspace

    @classmethod
    def of(cls, module: Any, convert: Convert = lambda tensor: tensor) -> Self:
        """Return the decoder of a corrected PCA that `has_free_decoder`."""
        step, columns = module.residual_scale, None
        if module.subspace is not None:
            columns, step = convert(module.subspace * step), step.any().to(step)
        correction = module.network.decoder
        layers = Layers.of(correction, module.code_scale, step, convert)
        return cls(
            convert(module.components), convert(module.code_range), layers, columns
        )

    def __call__(self, code: Array) -> Array:
        """Return reconstructions."""
        near = code.clip(*self.code_range)
        return product(code, self.components) + self.to_columns(self.layers(near))

    def to_columns(self, outputs: Array) -> Array:
        """Turn what the layers write into columns."""
        return outputs if self.columns is None else product(outputs, self.columns)


class Linearization:
    """The reconstruction from codes, and products with its derivative there.

    `torch.func` takes 1.7 times as long for blocks of rows and 14 times for one row.

    Parameters
    ----------
    decoder : Decoder
    code : array of shape (n_rows, n_components)
        Codes before the change of basis.
    """

    def __init__(self, decoder: Decoder, code: Array) -> None:
        self.decoder = decoder
        self.slopes: list[Array] = []
        near = code.clip(*decoder.code_range)
        # A correction that stays what it is has no slope.
        self.is_near = near == code
        correction = decoder.to_columns(decoder.layers(near, self.slopes))
        self.reconstruction = product(code, decoder.components) + correction

    def jvp(self, direction: Array) -> Array:
        """Return the change of reconstructions with changes of the codes."""
        layers = self.decoder.layers
        change = inputs = direction * self.is_near
        for (weight, _), slope in zip(layers.bent, self.slopes, strict=True):
            change = product(change, weight) * slope
        change = product(change, layers.last[0]) + product(inputs, layers.skip)
        straight = product(direction, self.decoder.components)
        return straight + self.decoder.to_columns(change)

    def vjp(self, left: Array) -> Array:
        """Return products of the derivative by the codes with vectors of columns."""
        layers, columns = self.decoder.layers, self.decoder.columns
        outputs = left if columns is None else product(left, columns.T)
        change = product(outputs, layers.last[0].T)
        pairs = zip(layers.bent[::-1], self.slopes[::-1], strict=True)
        for (weight, _), slope in pairs:
            change = product(change * slope, weight.T)
        change = change + product(outputs, layers.skip.T)
        straight = product(left, self.decoder.components.T)
        return straight + change * self.is_near


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
    ) -> Self:
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
            decoder = Linearization(Decoder.of(module), code)
            error = _squares(x - decoder.reconstruction)
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
        decoder, shift = Decoder.of(module), code - x @ module.components.T
        for _ in range(self.n_steps):
            step = closer(decoder, x, code, shift, self.metric, self.shift_cost)
            code, shift = code + step, shift + step
        return code


def closer(
    decoder: Decoder,
    x: Array,
    code: Array,
    shift: Array,
    metric: Array,
    shift_cost: Array,
) -> Array:
    """Return one step from the codes of rows, which are shifted from PCA's scores."""
    library = np if isinstance(x, np.ndarray) else torch
    limits: Any = library.finfo(x.dtype)
    here = Linearization(decoder, code)
    left = x - here.reconstruction
    pull = here.vjp(left)
    downhill = pull - shift_cost * shift
    direction = product(downhill, metric)
    gain = _sums(downhill * direction)
    cost = _squares(here.jvp(direction)) + shift_cost * _squares(direction)
    # As far as the error falls along the tangent.
    step = direction * (gain / (cost + float(limits.tiny)))
    before, after = _squares(left), _squares(x - decoder(code + step))
    # Less of it where it brings less than a tenth of what the tangent promises: at a
    # threshold rounding would decide.
    promised = abs(_sums(pull * step)) + float(limits.tiny)
    share = (5 * (before - after) / promised).clip(0, 1)
    # What overflows cannot be compared.
    return library.where(before < math.inf, share * step, 0.0)


def _sums(rows: Array) -> Array:
    """Sum over the columns, which stay one."""
    return rows.sum(axis=1, keepdims=True)


def _squares(rows: Array) -> Array:
    """Sum the squares over the columns, which stay one."""
    return _sums(rows * rows)
