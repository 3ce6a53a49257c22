"""PCA plus a learned correction, and a network alone: encode, decode, forward.

Plain torch: no data, no training. Rows and reconstructions are centred and scaled (see
`LinearStart`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_ae.networks import ACTIVATIONS, FullyConnected

# From so many times the range of the training rows' codes on, the correction stays what
# it is there: beyond, nobody knows how the surface goes on, and errors grow with the
# distance (floor benchmark, stretched rows).
REACH = 1.25


class Autoencoder(nn.Module):
    """Encoder and decoder with a linear change of basis of the codes between them.

    Subclasses give `raw_encode` and `raw_decode`; the basis is the identity until
    `set_basis`. What concerns PCA does nothing where there is none.

    Shapes: `encode` maps `(batch, n_features) -> (batch, n_components)`, `decode` maps
    back to `(batch, n_features)`.
    """

    code_mean: Tensor
    basis: Tensor
    inverse_basis: Tensor
    network: Any
    components: Any  # of PCA, Tensor (n_components, n_features), or None
    steps: nn.Module | None  # towards the nearest codes
    is_bounded = False  # whether rows of the data stay between 0 and 1
    is_pca = False  # whether there is nothing beside PCA
    has_free_decoder = False  # whether the last layer is linear, and the built-in one

    def __init__(self, *, n_components: int) -> None:
        super().__init__()
        identity = torch.eye(n_components, dtype=torch.float32)
        self.register_buffer("code_mean", torch.zeros_like(identity[0]))
        self.register_buffer("basis", identity)
        self.register_buffer("inverse_basis", identity.clone())
        self.register_buffer("components", None)
        self.steps = None

    @property
    def own_network(self) -> Any:
        """The network as it was given or built, whatever is around it."""
        return getattr(self.network, "ungated", self.network)

    def own_record(self) -> dict[str, float]:
        """Return what the network has to tell of an epoch of training."""
        record = getattr(self.own_network, "epoch_record", None)
        found: Any = record() if callable(record) else {}
        taken = re.compile("batches|epoch|dur|(train|valid)_.*")
        try:
            floats = {name: float(value) for name, value in found.items()}
            is_right = not any(map(taken.fullmatch, floats))
        except (AttributeError, TypeError, ValueError):
            is_right = False
        if not is_right:
            raise ValueError(
                f"epoch_record of {type(self.own_network).__name__} has to return a "
                "dict of floats, with other names than skorch's, but has returned "
                f"{found!r:.100}."
            )
        return floats

    def raw_encode(self, x: Tensor) -> Tensor:
        """Return codes before the change of basis."""
        raise NotImplementedError

    def raw_decode(self, code: Tensor) -> Tensor:
        """Return the reconstruction from codes before the change of basis."""
        raise NotImplementedError

    def set_basis(self, code_mean: Tensor, basis: Tensor, inverse: Tensor) -> None:
        """Show codes as `(code - code_mean) @ basis`; reconstructions stay the same."""
        self.code_mean, self.basis, self.inverse_basis = code_mean, basis, inverse

    def set_pca(self, components: Tensor, code_scale: Tensor, step: Tensor) -> None:
        """Keep the corrections and exchange the PCA that they correct."""

    def set_units(self, components: Tensor, mean: Tensor, scale: Tensor) -> None:
        """Exchange the components, and mean and scale of the data, for exact ones."""

    def set_range(self, lowest: Tensor, highest: Tensor) -> None:
        """Let the correction follow codes no further than the range allows."""

    def shrink(self, factor: float) -> None:
        """Multiply the corrections by `factor`; 0 leaves PCA."""

    @contextmanager
    def shrunk(self, factor: float) -> Iterator[None]:
        """Multiply the corrections by `factor` for a while."""
        yield

    def reopen(self) -> None:
        """Take back what ends a fit, so that training may go on."""
        self.steps = None

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


class Sum(nn.Module):
    """Output of `CorrectedPCA` that may take any value: PCA's plus the correction."""

    def forward(self, linear: Tensor, correction: Tensor, step: Tensor) -> Tensor:
        """Return the reconstruction."""
        return linear + correction * step


class LogisticSum(nn.Module):
    """Output of `CorrectedPCA` between 0 and 1 in the units of the data.

    The correction is added to the logit of PCA's reconstruction, which is kept away
    from 0 and 1. Columns whose step is zero have PCA's, cut off at 0 and 1. Rows of
    the data are `x * scale + mean` of centred and scaled rows.

    Parameters
    ----------
    mean : Tensor of shape (n_features,)
    scale : Tensor of shape ()
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, *, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, linear: Tensor, correction: Tensor, step: Tensor) -> Tensor:
        """Return the reconstruction."""
        share = linear * self.scale + self.mean
        # A logit changes by at least four times what its share changes by.
        shift = correction * (4 * self.scale * step)
        bent = (share.clamp(0.01, 0.99).logit() + shift).sigmoid()
        share = torch.where(step == 0, share.clamp(0, 1), bent)
        return (share - self.mean) / self.scale


class CorrectedPCA(Autoencoder):
    """PCA plus learned corrections of code and reconstruction.

    `code = x P' + s f(x)` and `reconstruction = code P + r g(code)`, with PCA's
    components `P` fixed, and `f`, `g` the encoder and the decoder of a network that
    returns zeros at the start. `column_scale` conditions the inputs of `f`; with a
    `subspace` of m directions, `f` sees and `g` writes the coordinates in these
    directions instead of all columns. `output` joins PCA and correction. A trained
    module may get `steps`, which move the codes, and a `code_range`, lowest and highest
    codes that the correction follows.
    """

    column_scale: Tensor
    code_scale: Tensor
    residual_scale: Tensor
    subspace: Tensor | None
    code_step: Tensor
    code_range: Tensor

    def __init__(
        self,
        *,
        network: Any,
        components: Tensor,
        column_scale: Tensor,
        code_scale: Tensor,
        residual_scale: Tensor,
        subspace: Tensor | None,
        output: Sum | LogisticSum,
    ) -> None:
        super().__init__(n_components=len(components))
        self.register_buffer("column_scale", column_scale)
        self.register_buffer("subspace", subspace)
        for name in ("code_scale", "residual_scale", "code_step"):
            self.register_buffer(name, None)
        self.register_buffer("code_range", None)
        self.set_pca(components, code_scale, residual_scale)
        self.reopen()
        self.network = network
        self.output = output
        self.is_bounded = isinstance(output, LogisticSum)
        built_in = type(network) is FullyConnected
        self.has_free_decoder = built_in and isinstance(output, Sum)

    @property
    def is_pca(self) -> bool:  # type: ignore[override]
        """Whether the corrections are multiplied by zero."""
        return float(self.code_step) == 0.0

    def set_pca(self, components: Tensor, code_scale: Tensor, step: Tensor) -> None:
        """Keep the corrections and exchange the PCA that they correct.

        Parameters
        ----------
        step : Tensor of shape (n_features,)
            What the decoder's correction is multiplied by.
        """
        self.components, self.code_scale = components, code_scale
        self.residual_scale = step
        # A share of the root mean square of what PCA leaves, for each code.
        self.code_step = 0.6 * step.square().sum().div(len(components)).sqrt()

    def set_units(self, components: Tensor, mean: Tensor, scale: Tensor) -> None:
        """Exchange the components, and mean and scale of the data, for exact ones."""
        self.components = components
        if isinstance(self.output, LogisticSum):
            self.output.mean, self.output.scale = mean, scale

    def set_range(self, lowest: Tensor, highest: Tensor) -> None:
        """Let the correction follow codes no further than the range allows."""
        centre, half = (highest + lowest) / 2, REACH * (highest - lowest) / 2
        self.code_range = torch.stack((centre - half, centre + half))

    def reopen(self) -> None:
        """Let the correction follow codes anywhere, without steps."""
        super().reopen()
        end = torch.full_like(self.components[:, 0], torch.inf)
        self.code_range = torch.stack((-end, end))

    def shrink(self, factor: float) -> None:
        """Multiply both corrections by `factor`; 0 leaves PCA."""
        self.code_step = self.code_step * factor
        self.residual_scale = self.residual_scale * factor

    @contextmanager
    def shrunk(self, factor: float) -> Iterator[None]:
        """Multiply both corrections for a while."""
        before = self.code_step, self.residual_scale
        self.shrink(factor)
        try:
            yield
        finally:
            self.code_step, self.residual_scale = before

    def raw_encode(self, x: Tensor) -> Tensor:
        """Return PCA's scores plus the correction, moved by the steps, if any."""
        inputs = x / self.column_scale if self.subspace is None else x @ self.subspace.T
        code = x @ self.components.T + self.network.encode(inputs) * self.code_step
        return code if self.steps is None else self.steps(self, x, code)

    def raw_decode(self, code: Tensor) -> Tensor:
        """Return PCA's reconstruction plus the correction."""
        near = code if self.training else code.clamp(*self.code_range)
        correction = self.to_columns(self.network.decode(near / self.code_scale))
        reconstruction: Tensor = self.output(
            code @ self.components, correction, self.residual_scale
        )
        return reconstruction

    def to_columns(self, outputs: Tensor) -> Tensor:
        """Turn what the network writes into columns."""
        return outputs if self.subspace is None else outputs @ self.subspace


class PlainAutoencoder(Autoencoder):
    """A network alone, between activations of the code and of the output.

    The network sees and writes `(x + offset) / unit` of centred and scaled rows.
    """

    offset: Tensor
    unit: Tensor

    def __init__(
        self,
        *,
        network: Any,
        n_components: int,
        offset: Tensor,
        unit: Tensor,
        code_activation: str,
        output_activation: str,
    ) -> None:
        super().__init__(n_components=n_components)
        self.register_buffer("offset", offset)
        self.register_buffer("unit", unit)
        self.network = network
        self.code_activation = ACTIVATIONS[code_activation]()
        self.output_activation = ACTIVATIONS[output_activation]()
        self.is_bounded = output_activation == "logistic"

    def raw_encode(self, x: Tensor) -> Tensor:
        """Return the network's codes."""
        inputs = (x + self.offset) / self.unit
        code: Tensor = self.code_activation(self.network.encode(inputs))
        return code

    def raw_decode(self, code: Tensor) -> Tensor:
        """Return the network's output in centred and scaled rows."""
        output: Tensor = self.output_activation(self.network.decode(code))
        return output * self.unit - self.offset
