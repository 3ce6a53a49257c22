"""Rows of tensors on a GPU, which stay there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_ae._data.table import VALUES_PER_READ, Float64, Source

# Devices, as torch names their kinds, that compute in float64.
KINDS_OF_GPU = ("cuda", "xpu")


class ResidentRows(Source):
    """Complete, finite rows on the device of a tensor.

    Those that are asked for as an array are copied.

    Parameters
    ----------
    stored : Tensor of shape (n_rows, n_features)
        In float32 or float64.
    index : ndarray of shape (n_rows,) or None
        Of the rows that count; None stands for all.
    """

    def __init__(self, stored: Any, index: NDArray[np.intp] | None = None) -> None:
        super().__init__(stored, index)
        self.dtype = np.dtype(np.float64 if stored.itemsize == 8 else np.float32)

    def taken(self, rows: slice) -> Any:
        """Return some rows as a tensor."""
        return self._taken(rows if self.index is None else self.index[rows])

    def blocks(self, width: int = 1) -> Iterator[slice]:
        """Cut the rows, or others of so many columns if these are more, into slices."""
        size = max(VALUES_PER_READ // max(width, self.shape[1]), 1)
        for first in range(0, len(self), size):
            yield slice(first, min(first + size, len(self)))

    def scaled(self, mean: Float64, scale: float) -> Iterator[tuple[slice, Any]]:
        """Yield slices with their rows, centred and scaled in float64."""
        centre = self.beside(mean)
        for rows in self.blocks():
            yield rows, (self.taken(rows).double() - centre) / scale

    def beside(self, array: NDArray) -> Any:
        """Return an array as a tensor in float64 where the rows are."""
        return self.stored[:0].double().new_tensor(array)

    def values(self) -> tuple[()]:
        """Yield none: all are known to be finite."""
        return ()

    def column_range(self) -> tuple[NDArray, NDArray]:
        """Return the lowest and the highest value of each column."""
        blocks = [self.taken(rows) for rows in self.blocks()]
        low = [block.amin(0).cpu().numpy() for block in blocks]
        high = [block.amax(0).cpu().numpy() for block in blocks]
        return np.min(low, axis=0), np.max(high, axis=0)

    def _read(self, rows: slice | NDArray) -> NDArray:
        array: NDArray = self._taken(rows).cpu().numpy()
        return array

    def _taken(self, rows: slice | NDArray) -> Any:
        stored = self.stored
        if isinstance(rows, slice):
            return stored[rows]
        return stored.index_select(0, stored[:0].long().new_tensor(rows))


def is_resident(tensor: Any) -> bool:
    """Whether a tensor is on a GPU that computes in float64."""
    return tensor.device.type in KINDS_OF_GPU
