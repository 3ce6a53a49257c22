"""Plain torch modules: encode, decode, forward. No data, no training."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


# Step of the code's correction, as a share of the root mean square of what PCA leaves.
CODE_STEP = 0.6
# The decoder starts this many times as wide as Scott's bandwidth.
BANDWIDTHS = 1.5


def _linear(n_in: int, n_out: int, bias: bool = True) -> nn.Linear:
    """Linear layer with uninitialised float32 weights: no generator is touched."""
    layer: nn.Linear = nn.utils.skip_init(
        nn.Linear, n_in, n_out, bias=bias, dtype=torch.float32
    )
    return layer


def initialize(module: nn.Module, generator: torch.Generator) -> None:
    """Draw all linear weights as torch does, from `generator` alone.

    Uniform on +-1/sqrt(fan_in), the default of `torch.nn.Linear`.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=generator)


class Perceptron(nn.Sequential):
    """Fully connected layers: `(batch, sizes[0]) -> (batch, sizes[-1])`."""

    def __init__(self, *, sizes: Sequence[int], activation: str) -> None:
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes[:-1]):
            layers += [_linear(n_in, n_out), ACTIVATIONS[activation]()]
        super().__init__(*layers, _linear(sizes[-2], sizes[-1]))


class Correction(nn.Module):
    """Perceptron beside a linear skip, zero until trained.

    An adaptive optimiser moves all weights of the skip alike, so that their sum over
    many inputs would run ahead of the perceptron's; the root of `n_in` divides it.

    Shapes: `(batch, n_in) -> (batch, n_out)`.
    """

    def __init__(self, *, sizes: Sequence[int], activation: str) -> None:
        super().__init__()
        self.curved = Perceptron(sizes=sizes, activation=activation)
        self.skip = _linear(sizes[0], sizes[-1], bias=False)
        self.skip_scale = sizes[0] ** -0.5

    def silence(self) -> None:
        """Set the last layers to zero, so that the correction vanishes."""
        last = self.curved[-1]
        assert isinstance(last, nn.Linear)
        for layer in (last, self.skip):
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        correction: Tensor = self.curved(x) + self.skip(x) * self.skip_scale
        return correction


class Autoencoder(nn.Module):
    """Encoder and decoder with a linear change of basis of the codes between them.

    Rows and reconstructions are centred and scaled (see `LinearStart`). Subclasses
    give `raw_encode` and `raw_decode`; the basis is the identity until `set_basis`.

    Shapes: `encode` maps `(batch, n_features) -> (batch, n_components)`, `decode` maps
    back to `(batch, n_features)`.
    """

    code_mean: Tensor
    basis: Tensor
    inverse_basis: Tensor

    def __init__(self, *, n_components: int) -> None:
        super().__init__()
        identity = torch.eye(n_components, dtype=torch.float32)
        self.register_buffer("code_mean", torch.zeros_like(identity[0]))
        self.register_buffer("basis", identity)
        self.register_buffer("inverse_basis", identity.clone())

    def raw_encode(self, x: Tensor) -> Tensor:
        """Return codes before the change of basis."""
        raise NotImplementedError

    def raw_decode(self, code: Tensor) -> Tensor:
        """Return the reconstruction from codes before the change of basis."""
        raise NotImplementedError

    def set_basis(self, code_mean: Tensor, basis: Tensor, inverse: Tensor) -> None:
        """Show codes as `(code - code_mean) @ basis`; reconstructions stay the same."""
        self.code_mean, self.basis, self.inverse_basis = code_mean, basis, inverse

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes of centred and scaled rows."""
        return (self.raw_encode(x) - self.code_mean) @ self.basis

    def decode(self, code: Tensor) -> Tensor:
        """Return the centred and scaled reconstruction of codes."""
        return self.raw_decode(code @ self.inverse_basis + self.code_mean)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the reconstruction; the basis cancels and is left out."""
        return self.raw_decode(self.raw_encode(x))

    def forward(self, x: Tensor, n_kept: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return what losses need: the reconstruction, and the code without basis.

        With `n_kept`, shape `(batch, 1)`, a row is reconstructed from so many of its
        codes alone, the rest being zero.
        """
        code = self.raw_encode(x)
        if n_kept is None:
            return self.raw_decode(code), code
        position = torch.arange(code.shape[1], device=code.device)
        return self.raw_decode(code * (position < n_kept)), code


class CorrectedPCA(Autoencoder):
    """PCA plus learned corrections of code and reconstruction.

    `code = x P' + s f(x)` and `reconstruction = code P + r g(code)`, with PCA's
    components `P` fixed, and `f`, `g` zero at the start. `column_scale` conditions the
    inputs of `f`; with a `subspace` of m directions, `f` sees and `g` writes the
    coordinates in these directions instead of all columns.
    """

    components: Tensor
    column_scale: Tensor
    code_scale: Tensor
    residual_scale: Tensor
    subspace: Tensor | None
    code_step: Tensor

    def __init__(
        self,
        *,
        components: Tensor,
        column_scale: Tensor,
        code_scale: Tensor,
        residual_scale: Tensor,
        subspace: Tensor | None,
        hidden_layer_sizes: Sequence[int],
        activation: str,
    ) -> None:
        n_components, n_features = components.shape
        super().__init__(n_components=n_components)
        for name, value in (("column_scale", column_scale), ("subspace", subspace)):
            self.register_buffer(name, value)
        for name in ("components", "code_scale", "residual_scale", "code_step"):
            self.register_buffer(name, None)
        self.rebase(components, code_scale, residual_scale)
        n_inputs = n_features if subspace is None else len(subspace)
        sizes = (n_inputs, *hidden_layer_sizes, n_components)
        self.f = Correction(sizes=sizes, activation=activation)
        self.g = Correction(sizes=sizes[::-1], activation=activation)

    def silence(self) -> None:
        """Set both corrections to zero: the module is PCA then."""
        self.f.silence()
        self.g.silence()

    def sharpen(self, n_samples: float) -> None:
        """Let the untrained `g` bend as sharply as so many rows can tell.

        Its first layer is multiplied by the inverse of the bandwidth that Scott's rule
        gives for standardised codes, `n_samples ** (-1 / (n_components + 4))`, over
        BANDWIDTHS, where that is above 1. Without it, few codes bend too little.

        Scott, D. W. (1992). "Multivariate density estimation", section 6.5.
        """
        sharpness = n_samples ** (1 / (len(self.components) + 4)) / BANDWIDTHS
        first = self.g.curved[0]
        with torch.no_grad():
            for parameter in first.parameters():
                parameter.mul_(max(1.0, sharpness))

    def rebase(self, components: Tensor, code_scale: Tensor, step: Tensor) -> None:
        """Keep the corrections and put another PCA under them; `step` per column."""
        self.components, self.code_scale = components, code_scale
        self.residual_scale = step
        self.code_step = CODE_STEP * step.square().sum().div(len(components)).sqrt()

    def shrink(self, factor: float) -> None:
        """Multiply both corrections by `factor`; 0 leaves PCA."""
        self.code_step = self.code_step * factor
        self.residual_scale = self.residual_scale * factor

    def raw_encode(self, x: Tensor) -> Tensor:
        """Return PCA's scores plus the correction."""
        inputs = x / self.column_scale if self.subspace is None else x @ self.subspace.T
        return x @ self.components.T + self.f(inputs) * self.code_step

    def raw_decode(self, code: Tensor) -> Tensor:
        """Return PCA's reconstruction plus the correction."""
        correction = self.g(code / self.code_scale)
        if self.subspace is not None:
            correction = correction @ self.subspace
        return code @ self.components + correction * self.residual_scale


class PlainAutoencoder(Autoencoder):
    """Textbook autoencoder: a perceptron to the code and its mirror image back.

    `column_scale` turns rows into standardised columns and reconstructions back.
    """

    column_scale: Tensor

    def __init__(
        self,
        *,
        column_scale: Tensor,
        n_components: int,
        hidden_layer_sizes: Sequence[int],
        activation: str,
    ) -> None:
        super().__init__(n_components=n_components)
        self.register_buffer("column_scale", column_scale)
        sizes = (len(column_scale), *hidden_layer_sizes, n_components)
        self.encoder = Perceptron(sizes=sizes, activation=activation)
        self.decoder = Perceptron(sizes=sizes[::-1], activation=activation)

    def raw_encode(self, x: Tensor) -> Tensor:
        """Return the encoder's output."""
        code: Tensor = self.encoder(x / self.column_scale)
        return code

    def raw_decode(self, code: Tensor) -> Tensor:
        """Return the decoder's output, rescaled to the columns."""
        reconstruction: Tensor = self.decoder(code) * self.column_scale
        return reconstruction
