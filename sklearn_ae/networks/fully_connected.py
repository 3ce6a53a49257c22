"""The built-in network: fully connected layers beside a linear map."""

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import torch
from sklearn.utils.validation import check_scalar
from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


def activation_of(name: str) -> type[nn.Module]:
    """Return the class of an activation."""
    if name not in ACTIVATIONS:
        known = ", ".join(map(repr, ACTIVATIONS))
        raise ValueError(f"activation={name!r} has to be one of {known}.")
    return ACTIVATIONS[name]


def counts(**given: Any) -> list[int]:
    """Return integers; TypeError or ValueError unless they are, and at least 1."""
    for name, value in given.items():
        if isinstance(value, bool):
            raise TypeError(f"{name} must be an instance of int, not bool.")
        check_scalar(value, name, Integral, min_val=1)
    return [int(value) for value in given.values()]


# The decoder starts this many times as wide as Scott's bandwidth.
BANDWIDTHS = 1.5


def _linear(n_in: int, n_out: int, bias: bool = True) -> nn.Linear:
    """Linear layer with uninitialised float32 weights: no generator is touched."""
    given = {"bias": bias, "dtype": torch.float32}
    return nn.utils.skip_init(nn.Linear, n_in, n_out, **given)


class Perceptron(nn.Sequential):
    """Fully connected layers: `(batch, sizes[0]) -> (batch, sizes[-1])`."""

    def __init__(self, *, sizes: Sequence[int], activation: str) -> None:
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes[:-1]):
            layers += [_linear(n_in, n_out), activation_of(activation)()]
        super().__init__(*layers, _linear(sizes[-2], sizes[-1]))

    def hidden(self, x: Tensor) -> Tensor:
        """Return what the last layer is given."""
        return nn.Sequential(*list(self)[:-1])(x)


class Correction(nn.Module):
    """Perceptron beside a linear skip.

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
        for parameter in (*last.parameters(), self.skip.weight):
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Return the correction of such rows."""
        return self.curved(x) + self.skip(x) * self.skip_scale


class EncoderDecoder(nn.Module):
    """A network of two modules, `encoder` and `decoder`."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder: Any = encoder
        self.decoder: Any = decoder

    def encode(self, x: Tensor) -> Tensor:
        """Map rows to codes.

        Parameters
        ----------
        x : torch.Tensor of shape (batch, n_features)
            Rows.

        Returns
        -------
        code : torch.Tensor of shape (batch, n_components)
            Codes.
        """
        code: Tensor = self.encoder(x)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Map codes to rows.

        Parameters
        ----------
        code : torch.Tensor of shape (batch, n_components)
            Codes.

        Returns
        -------
        reconstruction : torch.Tensor of shape (batch, n_features)
            Rows.
        """
        reconstruction: Tensor = self.decoder(code)
        return reconstruction


class FullyConnected(EncoderDecoder):
    """Fully connected encoder and the decoder that mirrors it.

    The default network of :class:`~sklearn_ae.AutoencoderTransformer`. Any other class
    with `encode` and `decode` can take its place as `module`, and any of the arguments
    below, by their names, in its constructor.

    Parameters
    ----------
    n_features : int
        Width of the encoder's input and of the decoder's output.
    n_components : int
        Number of codes.
    hidden_layer_sizes : sequence of int
        Widths of the hidden layers, from the input towards the code.
    activation : str
        Activation of the hidden layers.
    init : {"pca", "random"}
        "pca" puts a linear map beside each perceptron, "random" does not.
    generator : torch.Generator
        Draws all weights as torch does by default, uniform on `+-1/sqrt(fan_in)`.
    """

    def __init__(
        self,
        *,
        n_features: int,
        n_components: int,
        hidden_layer_sizes: Sequence[int],
        activation: str,
        init: str,
        generator: torch.Generator,
    ) -> None:
        sizes = (n_features, *hidden_layer_sizes, n_components)
        build = Correction if init == "pca" else Perceptron
        super().__init__(
            build(sizes=sizes, activation=activation),
            build(sizes=sizes[::-1], activation=activation),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                bound = layer.in_features**-0.5
                for parameter in layer.parameters():
                    nn.init.uniform_(parameter, -bound, bound, generator=generator)

    def start_from_zero(self, n_samples: float) -> None:
        """Let both maps return zeros, and be ready to bend as so many rows can tell.

        It needs `init="pca"`. The last layers are set to zero. The decoder's first
        layer is multiplied by the inverse of the bandwidth that Scott's rule gives for
        standardised codes, `n_samples ** (-1 / (n_components + 4))`, over 1.5, where
        that is above 1 (Scott, 1992, "Multivariate density estimation", section 6.5).
        Without it, few codes bend too little.

        Parameters
        ----------
        n_samples : float
            Number of training rows.
        """
        first: Any = self.decoder.curved[0]
        sharpness = n_samples ** (1 / (first.in_features + 4)) / BANDWIDTHS
        with torch.no_grad():
            for parameter in first.parameters():
                parameter.mul_(max(1.0, sharpness))
        self.encoder.silence()
        self.decoder.silence()
