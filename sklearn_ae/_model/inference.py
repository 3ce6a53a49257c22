"""Encoding and decoding of NumPy arrays, in blocks and in the arrays' own precision."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_ae._data import Imputer, Source, missing_cells, row_blocks
from sklearn_ae._model.autoencoder import Autoencoder
from sklearn_ae._model.gauss_newton import (
    Array,
    Convert,
    Decoder,
    Layers,
    affine,
    closer,
    product,
)
from sklearn_ae._model.losses import LossSum, SquaredError
from sklearn_ae._model.threads import inference_mode

# More rows take less time through torch (speed benchmark).
FEW_ROWS = 64


class FusedModule:
    """A corrected PCA with the built-in network, in products of arrays.

    With NumPy's, one row takes a third of the time that it takes through the module, as
    each call of torch takes as long as five of NumPy; with tensors, many rows take 15 %
    less (speed benchmark).

    Parameters
    ----------
    module : CorrectedPCA
        With the built-in network and unbounded outputs.
    convert : callable
        Turns the weights to NumPy's arrays or tensors; rows are of the same kind.
    """

    def __init__(self, module: Any, convert: Convert) -> None:
        self.subspace, unit = None, module.column_scale
        if module.subspace is not None:
            self.subspace, unit = convert(module.subspace.T), torch.ones_like(unit[:1])
        correction = module.network.encoder
        self.correction = Layers.of(correction, unit, module.code_step, convert)
        self.decoder = Decoder.of(module, convert)
        self.components = convert(module.components.T)
        self.mean, self.basis = convert(module.code_mean), convert(module.basis)
        self.offset = convert(-module.code_mean @ module.basis)
        self.inverse_basis = convert(module.inverse_basis)
        self.n_steps = 0
        if module.steps is not None:
            self.n_steps = module.steps.n_steps
            self.metric = convert(module.steps.metric)
            self.shift_cost = float(module.steps.shift_cost)

    def encode(self, x: Array) -> Array:
        """Return the codes of centred and scaled rows."""
        inputs = x if self.subspace is None else product(x, self.subspace)
        shift = self.correction(inputs)
        code = product(x, self.components) + shift
        for _ in range(self.n_steps):
            step = closer(self.decoder, x, code, shift, self.metric, self.shift_cost)
            code, shift = code + step, shift + step
        return affine(code, self.basis, self.offset)

    def decode(self, codes: Array) -> Array:
        """Return the centred and scaled reconstruction of codes."""
        return self.decoder(affine(codes, self.inverse_basis, self.mean))


class Coder:
    """A trained module as maps of NumPy arrays.

    Parameters
    ----------
    module : Autoencoder
        Weights in float64.
    rounded : Autoencoder
        The same in the precision of the rows.
    """

    def __init__(self, module: Autoencoder, rounded: Autoencoder) -> None:
        self.few: FusedModule | None = None
        self.many: Autoencoder | FusedModule = rounded
        if is_fused(module):
            dtype, arrays = rounded.code_mean.numpy().dtype, list[NDArray]()

            def to_array(tensor: Tensor) -> NDArray:
                # Layers stay transposed, which are multiplied by sooner.
                arrays.append(np.array(tensor.detach().numpy(), dtype=dtype))
                return arrays[-1]

            self.few = FusedModule(module, to_array)
            shared = iter(arrays)
            self.many = FusedModule(module, lambda _: torch.from_numpy(next(shared)))

    def encode(self, x: NDArray) -> NDArray:
        """Return the codes of centred and scaled rows."""
        if self.few is not None and len(x) <= FEW_ROWS:
            return cast(NDArray, self.few.encode(x))
        with inference_mode():
            return cast(NDArray, self.many.encode(torch.from_numpy(x)).numpy())

    def decode(self, codes: NDArray) -> NDArray:
        """Return the centred and scaled reconstruction of codes."""
        if self.few is not None and len(codes) <= FEW_ROWS:
            return cast(NDArray, self.few.decode(codes))
        with inference_mode():
            return cast(NDArray, self.many.decode(torch.from_numpy(codes)).numpy())


def is_fused(module: Autoencoder) -> bool:
    """Whether a module is written out in products."""
    return module.has_free_decoder


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
        self.coders = {
            dtype: Coder(module, rounded) for dtype, rounded in self.modules.items()
        }
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
    ) -> tuple[type["Codec"], tuple[Autoencoder, NDArray, float, float, Imputer]]:
        """Pickle what the constructor takes: the float32 copies follow from it."""
        double = np.dtype(np.float64)
        module, mean = self.modules[double], self.mean[double]
        return Codec, (module, mean, self.scale, self.code_scale, self.imputer)

    def encode(self, X: NDArray | Source, out: Any = None) -> Any:
        """Map rows of shape (n_samples, n_features) to codes, new ones or in `out`."""
        coder = self.coders[X.dtype]

        def to_codes(block: NDArray) -> NDArray:
            codes = coder.encode(self._imputed(self._to_scaled(block)))
            codes *= self.code_scale
            check_finite(codes)
            return codes

        return self._map(X, self.shape[1], to_codes, out)

    def decode(self, codes: NDArray) -> NDArray:
        """Map codes of shape (n_samples, n_components) to rows."""
        coder, mean = self.coders[codes.dtype], self.mean[codes.dtype]
        is_bounded = self.modules[codes.dtype].is_bounded

        def to_rows(z: NDArray) -> NDArray:
            rows = coder.decode(z / self.code_scale)
            rows *= self.scale
            rows += mean
            check_finite(rows)
            return rows.clip(0, 1) if is_bounded else rows

        rows: NDArray = self._map(codes, len(mean), to_rows)
        return rows

    def reconstruct(
        self, X: NDArray | Source
    ) -> Iterator[tuple[slice, NDArray, NDArray]]:
        """Yield slices with their centred rows and reconstructions, in `scale`.

        Missing cells of the rows stay NaN.
        """
        coder = self.coders[X.dtype]
        for rows in row_blocks(*X.shape):
            x = self._to_scaled(X[rows])
            reconstruction = coder.decode(coder.encode(self._imputed(x)))
            check_finite(reconstruction)
            yield rows, x, reconstruction

    def losses(self, X: NDArray | Source, weight: NDArray[np.float64]) -> LossSum:
        """Sum the squared errors of rows, and those of the mean."""
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
        return total

    def _to_scaled(self, block: NDArray) -> NDArray:
        """Centre and scale a block of rows; the result is a fresh C-ordered array."""
        with np.errstate(over="ignore", invalid="ignore"):  # results are checked
            scaled: NDArray = np.subtract(block, self.mean[block.dtype], order="C")
            scaled -= self.rest[block.dtype]
            scaled /= self.scale
        return scaled

    def _imputed(self, x: NDArray) -> NDArray:
        """Fill the missing cells of centred and scaled rows."""
        if missing_cells(x) is None:
            return x
        filled: NDArray = self.imputer.transform(x).astype(x.dtype)
        return filled

    @staticmethod
    def _map(
        array: NDArray | Source,
        n_columns: int,
        function: Callable[[NDArray], NDArray],
        out: Any = None,
    ) -> Any:
        """Apply `function`, which checks its results, block by block."""
        with np.errstate(over="ignore", invalid="ignore"):
            blocks = list(row_blocks(*array.shape))
            if len(blocks) == 1 and out is None:
                return function(array[blocks[0]])
            if out is None:
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
