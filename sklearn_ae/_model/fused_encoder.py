"""The encoder in single precision: units, PCA and basis in few products."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_ae.networks import FullyConnected


@dataclass(frozen=True)
class FusedEncoder:
    """Maps centred rows, in the units of the data, straight to codes.

    `codes = rows @ direct + offset + hidden(rows) @ last`, in float32. One row takes
    half as long as through the module (ablation benchmark, "fused encoder").
    """

    direct: Tensor  # (n_features, n_components)
    offset: Tensor  # (n_components,)
    hidden: list[nn.Module]
    last: Tensor  # (width of the last hidden layer, n_components)

    def __call__(self, rows: Tensor) -> Tensor:
        """Encode rows of shape `(batch, n_features)`."""
        codes = torch.addmm(self.offset, rows, self.direct)
        if not self.hidden:
            return codes
        for layer in self.hidden:
            # Not through its call, which takes as long as a layer does with one row.
            rows = layer.forward(rows)
        return torch.addmm(codes, rows, self.last)


def fuse_encoder(module: Any, scale: float, code_scale: float) -> FusedEncoder | None:
    """Return the encoder of a corrected PCA with the built-in network, in float32.

    None stands for other modules, for codes that take steps, and where float32 cannot
    hold the products.

    Parameters
    ----------
    module : Autoencoder
        Weights in float64.
    scale, code_scale : float
        Units of the rows and of the codes.
    """
    if module.components is None or module.steps is not None:
        return None
    if not isinstance(module.network, FullyConnected):
        return None
    with torch.inference_mode(False), torch.no_grad():
        encoder = _fuse(module, module.network.encoder, scale, code_scale)
    layers = (weight for layer in encoder.hidden for weight in layer.parameters())
    parts = (encoder.direct, encoder.offset, encoder.last, *layers)
    return encoder if all(bool(part.isfinite().all()) for part in parts) else None


def _fuse(
    module: Any, correction: Any, scale: float, code_scale: float
) -> FusedEncoder:
    """Multiply what is linear."""
    step = module.code_step

    def of_columns(inputs: Tensor) -> Tensor:
        """Turn a map of the correction's inputs, one a row, into one of columns."""
        if module.subspace is None:
            return inputs / (module.column_scale[:, None] * scale)
        return module.subspace.T @ inputs / scale

    *hidden, final = correction.curved
    basis = module.basis * code_scale
    skip = correction.skip.weight.T * (correction.skip_scale * step)
    direct = (module.components.T / scale + of_columns(skip)) @ basis
    last = final.weight.T * step @ basis
    if not hidden:  # a single layer joins the linear part
        direct, last = direct + of_columns(last), last[:0]
    elif module.is_pca:
        hidden, last = [], last[:0]
    layers = [deepcopy(layer).float() for layer in hidden]
    if hidden:  # the first makes its inputs itself
        weight = of_columns(hidden[0].weight.T).T.float().contiguous()
        layers[0].weight = nn.Parameter(weight, requires_grad=False)
    offset = (final.bias * step - module.code_mean) @ basis
    return FusedEncoder(direct.float(), offset.float(), layers, last.float())
