"""Encoding and decoding of NumPy arrays, in blocks and in the arrays' own precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray

from sklearn_ae._data import Imputer, missing_cells, row_blocks
from sklearn_ae._model.autoencoder import Autoencoder
from sklearn_ae._model.fused_encoder import fuse_encoder
from sklearn_ae._model.losses import LossSum, SquaredError
from sklearn_ae._model.threads import inference_mode


class Codec:
    """A trained module with the units of its rows and codes.

    float32 arrays pass through a float32 copy of the module, float64 arrays through
    the float64 module: the sums of a float32 product depend on the number of rows
    beside a row, which float64 users would notice.

    Parameters
    ----------
    module : Autoencoder
        Weights in float64, on the CPU, in evaluation mode.
    mean : ndarray of shape (n_features,)
        Centre of the rows.
    scale, code_scale : float
        Units of the rows and of the codes.
    imputer : Imputer
        Fills the missing cells of centred and scaled rows.
    """

    def __init__(
        self,
        module: Autoencoder,
        mean: NDArray,
        scale: float,
        code_scale: float,
        imputer: Imputer,
    ) -> None:
        single, double = np.dtype(np.float32), np.dtype(np.float64)
        self.modules = {double: module, single: deepcopy(module).float()}
        self.fused = fuse_encoder(module, scale, code_scale)
        with np.errstate(over="ignore"):  # float32 rows cannot reach such a mean
            self.mean = {double: mean, single: mean.astype(single)}
            # What rounding takes off the mean, to be subtracted after it.
            self.rest = {double: 0.0, single: (mean - self.mean[single]).astype(single)}
        self.scale = scale
        self.code_scale = code_scale
        self.imputer = imputer
        self.shape = len(mean), len(module.code_mean)  # numbers of features and codes

    def __reduce__(
        self,
    ) -> tuple[type[Codec], tuple[Autoencoder, NDArray, float, float, Imputer]]:
        """Pickle what the constructor takes: the float32 copies follow from it."""
        double = np.dtype(np.float64)
        module, mean = self.modules[double], self.mean[double]
        return Codec, (module, mean, self.scale, self.code_scale, self.imputer)

    def encode(self, X: NDArray) -> NDArray:
        """Map rows of shape (n_samples, n_features) to codes."""
        n_components = self.shape[1]
        if X.dtype == np.float32 and self.fused is not None:
            return self._map(X, n_components, self._to_fused_codes)
        return self._map(X, n_components, self._to_codes)

    def decode(self, codes: NDArray) -> NDArray:
        """Map codes of shape (n_samples, n_components) to rows."""
        module, mean = self.modules[codes.dtype], self.mean[codes.dtype]

        def to_rows(z: NDArray) -> NDArray:
            rows = module.decode(torch.from_numpy(z / self.code_scale)).numpy()
            rows = rows * self.scale + mean
            check_finite(rows)
            return rows.clip(0, 1) if module.is_bounded else rows

        return self._map(codes, len(mean), to_rows)

    def reconstruct(self, X: NDArray) -> Iterator[tuple[slice, NDArray, NDArray]]:
        """Yield slices with their centred rows and reconstructions, in `scale`.

        Missing cells of the rows stay NaN.
        """
        module = self.modules[X.dtype]
        for rows in row_blocks(*X.shape):
            x = self._to_scaled(X[rows])
            imputed = torch.from_numpy(self._imputed(x))
            with inference_mode():
                reconstruction = module.reconstruct(imputed).numpy()
            check_finite(reconstruction)
            yield rows, x, reconstruction

    def loss_share(self, X: NDArray, weight: NDArray[np.float64]) -> float:
        """Return the squared errors of rows as a fraction of those of the mean."""
        total = LossSum(SquaredError())
        for rows, x, reconstruction in self.reconstruct(X):
            missing = missing_cells(x)
            counts = weight[rows, None]
            if missing is not None:
                x, counts = np.where(missing, 0.0, x), counts * ~missing
            parts = (
                torch.from_numpy(part.astype(np.float64))
                for part in (reconstruction, x, counts)
            )
            total.add(*parts)
        check_finite(np.array([total.loss, total.loss_of_mean]))
        return total.share

    def _to_scaled(self, block: NDArray) -> NDArray:
        """Centre and scale a block of rows; the result is a fresh C-ordered array."""
        with np.errstate(over="ignore", invalid="ignore"):  # results are checked
            centred = self._to_centred(block)
            centred /= self.scale
        return centred

    def _to_centred(self, block: NDArray) -> NDArray:
        """Centre a block of rows; the result is a fresh C-ordered array."""
        centred: NDArray = np.subtract(block, self.mean[block.dtype], order="C")
        centred -= self.rest[block.dtype]
        return centred

    def _imputed(self, x: NDArray) -> NDArray:
        """Fill the missing cells of centred and scaled rows."""
        if missing_cells(x) is None:
            return x
        filled: NDArray = self.imputer.transform(x).astype(x.dtype)
        return filled

    def _to_codes(self, block: NDArray) -> NDArray:
        """Encode a block of rows."""
        x = self._imputed(self._to_scaled(block))
        codes: NDArray = self.modules[x.dtype].encode(torch.from_numpy(x)).numpy()
        codes *= self.code_scale
        check_finite(codes)
        return codes

    def _to_fused_codes(self, block: NDArray) -> NDArray:
        """Encode a block of float32 rows; only those with missing cells take long."""
        assert self.fused is not None
        codes: NDArray = self.fused(torch.from_numpy(self._to_centred(block))).numpy()
        return codes if np.isfinite(codes).all() else self._to_codes(block)

    @staticmethod
    def _map(
        array: NDArray, n_columns: int, function: Callable[[NDArray], NDArray]
    ) -> NDArray:
        """Apply `function`, which checks its results, block by block."""
        with inference_mode(), np.errstate(over="ignore", invalid="ignore"):
            blocks = list(row_blocks(*array.shape))
            if len(blocks) == 1:
                return function(array)
            out = np.empty((len(array), n_columns), dtype=array.dtype)
            for rows in blocks:
                out[rows] = function(array[rows])
        return out


def check_finite(array: NDArray) -> None:
    """Raise where finite input has overflowed on its way through the network."""
    if not np.isfinite(array).all():
        raise ValueError(
            f"The result overflows {array.dtype}: the input holds finite values that "
            "are too large in comparison with the training data. Check their scale, "
            "or pass float64."
        )
