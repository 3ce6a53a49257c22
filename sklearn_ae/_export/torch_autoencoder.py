"""A fitted autoencoder as a torch module in the units of the data."""

from __future__ import annotations

from copy import deepcopy
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_ae._model import Autoencoder, Codec, as_tensor, training_mode

DTYPES = {torch.float32: np.dtype(np.float32), torch.float64: np.dtype(np.float64)}


class TorchAutoencoder(nn.Module):
    """Encoder and decoder between rows of the data and codes.

    Shapes: `encode` maps `(batch, n_features) -> (batch, n_components)`, `decode` maps
    back, and the module itself reconstructs rows.

    Parameters
    ----------
    autoencoder : Autoencoder
        Maps centred and scaled rows; it is trained as it is evaluated, but for layers
        of its network that tell the two apart.
    mean, rest : Tensor of shape (n_features,)
        Centre of the rows, and what rounding took off it.
    scale, code_scale : Tensor of shape ()
        Units of the rows and of the codes.
    """

    mean: Tensor
    rest: Tensor
    scale: Tensor
    code_scale: Tensor

    def __init__(
        self,
        *,
        autoencoder: Autoencoder,
        mean: Tensor,
        rest: Tensor,
        scale: Tensor,
        code_scale: Tensor,
    ) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.register_buffer("mean", mean)
        self.register_buffer("rest", rest)
        self.register_buffer("scale", scale)
        self.register_buffer("code_scale", code_scale)

    @classmethod
    def of_codec(cls, codec: Codec, dtype: torch.dtype) -> Self:
        """Return a copy of a codec for rows of a floating dtype."""
        if dtype not in DTYPES:
            allowed = " or ".join(map(str, DTYPES))
            raise ValueError(f"dtype={dtype!r} has to be {allowed}.")
        kind = DTYPES[dtype]
        with training_mode():  # whatever the caller's device and modes are
            rest = np.broadcast_to(codec.rest[kind], codec.mean[kind].shape)
            module = cls(
                autoencoder=deepcopy(codec.modules[kind]),
                mean=as_tensor(codec.mean[kind], dtype),
                rest=as_tensor(rest, dtype),
                scale=torch.tensor(codec.scale, dtype=dtype),
                code_scale=torch.tensor(codec.code_scale, dtype=dtype),
            )
        return module.requires_grad_(True).eval()

    def train(self, mode: bool = True) -> Self:
        """Set the mode of the network's layers."""
        super().train(mode)
        # The range that corrections follow codes in is part of the map.
        self.autoencoder.training = False
        return self

    def encode(self, X: Tensor) -> Tensor:
        """Return the codes of rows."""
        return self.autoencoder.encode(self._scaled(X)) * self.code_scale

    def decode(self, codes: Tensor) -> Tensor:
        """Return the rows that codes stand for."""
        x = self.autoencoder.decode(codes / self.code_scale)
        rows = x * self.scale + self.mean
        return rows.clamp(0, 1) if self.autoencoder.is_bounded else rows

    def forward(self, X: Tensor) -> Tensor:
        """Return the reconstruction of rows."""
        return self.decode(self.encode(X))

    def squared_errors(self, X: Tensor) -> Tensor:
        """Return the squared error of each row in units of `scale`, in float64."""
        x = self._scaled(X)
        return _squares(x - self.autoencoder.decode(self.autoencoder.encode(x)))

    def squared_deviations(self, X: Tensor) -> Tensor:
        """Return the same of the mean."""
        return _squares(self._scaled(X))

    def _scaled(self, X: Tensor) -> Tensor:
        return (X - self.mean - self.rest) / self.scale


def _squares(x: Tensor) -> Tensor:
    """Sum the squares of each row in float64."""
    return x.double().square().sum(dim=1)
