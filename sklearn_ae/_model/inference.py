"""Encoding and decoding of NumPy arrays, in blocks and in the arrays' own precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_ae._data.imputation import Filler, missing_cells
from sklearn_ae._model.autoencoder import Autoencoder
from sklearn_ae._model.fused_encoder import fold_encoder
from sklearn_ae._model.threads import inference_mode

ELEMENTS_PER_BLOCK = 2**20


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
    filler : Filler
        Fills the missing cells of centred and scaled rows.
    """

    def __init__(
        self,
        module: Autoencoder,
        mean: NDArray,
        scale: float,
        code_scale: float,
        filler: Filler,
    ) -> None:
        single, double = np.dtype(np.float32), np.dtype(np.float64)
        self.modules = {double: module, single: deepcopy(module).float()}
        self.folded = fold_encoder(module, scale, code_scale)
        with np.errstate(over="ignore"):  # float32 rows cannot reach such a mean
            self.mean = {double: mean, single: mean.astype(single)}
            # What rounding takes off the mean, to be subtracted after it.
            self.rest = {double: 0.0, single: (mean - self.mean[single]).astype(single)}
        self.scale = scale
        self.code_scale = code_scale
        self.filler = filler
        self.shape = len(mean), len(module.code_mean)  # numbers of features and codes

    def __reduce__(
        self,
    ) -> tuple[type[Codec], tuple[Autoencoder, NDArray, float, float, Filler]]:
        """Pickle what the constructor takes: the float32 copies follow from it."""
        double = np.dtype(np.float64)
        module, mean = self.modules[double], self.mean[double]
        return Codec, (module, mean, self.scale, self.code_scale, self.filler)

    def encode(self, X: NDArray) -> NDArray:
        """Map rows of shape (n_samples, n_features) to codes."""
        n_components = self.shape[1]
        if X.dtype == np.float32 and self.folded is not None:
            return self._map(X, n_components, self._to_folded_codes)
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
        for rows in _blocks(X):
            x = self._to_scaled(X[rows])
            filled = torch.from_numpy(self._filled(x))
            with inference_mode():
                reconstruction = module.reconstruct(filled).numpy()
            check_finite(reconstruction)
            yield rows, x, reconstruction

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

    def _filled(self, x: NDArray) -> NDArray:
        """Fill the missing cells of centred and scaled rows."""
        if missing_cells(x) is None:
            return x
        filled: NDArray = self.filler.fill(x).astype(x.dtype)
        return filled

    def _to_codes(self, block: NDArray) -> NDArray:
        """Encode a block of rows."""
        x = self._filled(self._to_scaled(block))
        codes: NDArray = self.modules[x.dtype].encode(torch.from_numpy(x)).numpy()
        codes *= self.code_scale
        check_finite(codes)
        return codes

    def _to_folded_codes(self, block: NDArray) -> NDArray:
        """Encode a block of float32 rows; only those with missing cells take long."""
        assert self.folded is not None
        codes: NDArray = self.folded(torch.from_numpy(self._to_centred(block))).numpy()
        return codes if np.isfinite(codes).all() else self._to_codes(block)

    @staticmethod
    def _map(
        array: NDArray, n_columns: int, function: Callable[[NDArray], NDArray]
    ) -> NDArray:
        """Apply `function`, which checks its results, block by block."""
        with inference_mode(), np.errstate(over="ignore", invalid="ignore"):
            if len(array) <= _rows_per_block(array):
                return function(array)
            out = np.empty((len(array), n_columns), dtype=array.dtype)
            for rows in _blocks(array):
                out[rows] = function(array[rows])
        return out


def _rows_per_block(array: NDArray) -> int:
    """Return how many rows, and what layers make of them, fit the processor's cache."""
    return min(max(ELEMENTS_PER_BLOCK // array.shape[1], 16), 2048)


def _blocks(array: NDArray) -> Iterator[slice]:
    """Cut rows into blocks."""
    n_rows = _rows_per_block(array)
    for start in range(0, len(array), n_rows):
        yield slice(start, min(start + n_rows, len(array)))


def check_finite(array: NDArray) -> None:
    """Raise where finite input has overflowed on its way through the network."""
    if not np.isfinite(array).all():
        raise ValueError(
            f"The result overflows {array.dtype}: the input holds finite values that "
            "are too large in comparison with the training data. Check their scale, "
            "or pass float64."
        )


def as_tensor(array: NDArray, dtype: torch.dtype = torch.float32) -> Tensor:
    """Copy an array to a tensor; the array's dtype, flags and strides do not matter."""
    return torch.tensor(np.ascontiguousarray(array), dtype=dtype)
