"""The encoder in single precision: units, PCA and basis in as few steps as can be."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sklearn_ae._model.autoencoder import Autoencoder, CorrectedPCA
from sklearn_ae.networks.fully_connected import Correction, FullyConnected


@dataclass(frozen=True)
class FoldedEncoder:
    """Maps centred rows, in the units of the data, straight to codes.

    `codes = rows @ direct + offset + hidden(rows) @ last`, in float32.
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


def fold_encoder(
    module: Autoencoder, scale: float, code_scale: float
) -> FoldedEncoder | None:
    """Return the encoder of a corrected PCA with the built-in network, in float32.

    None stands for other modules, for codes that are projected, and where float32
    cannot hold the products.

    Parameters
    ----------
    module : Autoencoder
        Weights in float64.
    scale, code_scale : float
        Units of the rows and of the codes.
    """
    if not isinstance(module, CorrectedPCA) or module.projection is not None:
        return None
    network = module.network
    if not isinstance(network, FullyConnected):
        return None
    correction = network.encoder
    assert isinstance(correction, Correction)
    with torch.inference_mode(False), torch.no_grad():
        step = module.code_step
        skip = correction.skip.weight.T * (correction.skip_scale * step)
        linear = module.components.T + _of_columns(module, skip)
        *hidden, final = correction.curved
        assert isinstance(final, nn.Linear)
        basis = module.basis * code_scale
        offset = (final.bias * step - module.code_mean) @ basis
        direct = linear @ basis / scale
        last = final.weight.T * step @ basis
        if not hidden:  # a single layer joins the linear part
            direct, last = direct + _of_columns(module, last) / scale, last[:0]
        elif float(step) == 0.0:
            hidden, last = [], last[:0]
        layers = [deepcopy(layer).float() for layer in hidden]
        if hidden:  # the first makes its inputs itself
            first, folded = hidden[0], layers[0]
            assert isinstance(first, nn.Linear)
            assert isinstance(folded, nn.Linear)
            weight = (_of_columns(module, first.weight.T) / scale).T.float()
            folded.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
        parts = [direct.float(), offset.float(), last.float()]
    weights = (weight for layer in layers for weight in layer.parameters())
    if not all(bool(part.isfinite().all()) for part in (*parts, *weights)):
        return None
    direct, offset, last = parts
    return FoldedEncoder(direct, offset, layers, last)


def _of_columns(module: CorrectedPCA, of_inputs: Tensor) -> Tensor:
    """Turn a map of the correction's inputs, one a row, into one of the columns.

    Without a subspace the inputs are the columns in their own scales; a square matrix
    for that would be too large for wide tables.
    """
    if module.subspace is None:
        return of_inputs / module.column_scale[:, None]
    return module.subspace.T @ of_inputs
