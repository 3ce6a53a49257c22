"""Rows to train on, and how much each of them, or each of their cells, counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import TensorDataset

from sklearn_ae._data.columns import is_large, table_blocks
from sklearn_ae._data.imputation import missing_cells
from sklearn_ae._data.linear_start import LinearStart
from sklearn_ae._model.inference import as_tensor

EVALUATION_BATCH = 4096


def spread_rows(n_samples: int, n_passes: int) -> NDArray[np.intp]:
    """Return the indices of rows, evenly spread: the fewer, the more passes they cost.

    At most 256 and at least 8, or as many as there are.
    """
    n_rows = min(max(2560 // n_passes, 8), 256, n_samples)
    return np.linspace(0, n_samples - 1, n_rows).round().astype(np.intp)


class RowsInPlace:
    """Rows of a table that are centred and scaled when they are taken.

    They stand where a tensor of all rows would: that of a large table takes memory and
    saves hardly any time. `X` may be read-only.
    """

    device = torch.device("cpu")

    def __init__(self, X: NDArray, start: LinearStart) -> None:
        self.X = X
        self.start = start

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        """Return some rows as a new tensor; an index is on the CPU."""
        if isinstance(index, slice):
            block = self.X[index]
        else:
            block = self.X.take(index.numpy(), axis=0)
        return torch.from_numpy(self.start.to_scaled(block))

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """Return some rows; `dim` is 0, as columns are not to be selected."""
        return self[index]

    def size(self, dim: int) -> int:
        """Return the number of rows or of columns."""
        return self.X.shape[dim]

    def tensor_split(self, n_parts: int) -> Iterator[Tensor]:
        """Take parts of near-equal size one after the other."""
        ends = np.arange(n_parts + 1) * len(self) // n_parts
        return (self[first:last] for first, last in pairwise(ends.tolist()))

    def to(self, device: str) -> RowsInPlace | Tensor:
        """Stay where the table is, or copy all rows to another device."""
        return self if torch.device(device) == self.device else self[:].to(device)


@dataclass(frozen=True)
class Rows:
    """Centred and scaled rows with missing cells filled.

    Weights have the mean 1 over the rows they were made for; None counts all alike.
    """

    x: Any  # Tensor (n_samples, n_features), or RowsInPlace
    row_weight: Tensor | None = None  # (n_samples, 1)
    cell_weight: Tensor | None = None  # (n_samples, 1 or n_features), 0 where missing

    @classmethod
    def from_data(
        cls, X: NDArray, weight: NDArray[np.float64] | None, start: LinearStart
    ) -> Rows:
        """Scale the rows of `X`, shape (n_samples, n_features), and fill them."""
        row_weight = None
        if weight is not None:
            row_weight = as_tensor(weight[:, None] / weight.mean())
        missing = missing_cells(X)
        if missing is None:
            in_place = RowsInPlace(X, start)
            # Rows that are scattered over memory take long to collect.
            ordered = X.flags.c_contiguous and X.flags.aligned
            x = in_place if is_large(X.shape) and ordered else in_place[:]
            return cls(x, row_weight, row_weight)
        cell_weight = as_tensor(~missing)
        if row_weight is not None:
            cell_weight *= row_weight
        cell_weight /= cell_weight.mean()
        return cls(_filled(X, start), row_weight, cell_weight)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def are_whole(self) -> bool:
        """Whether no cell is missing."""
        return self.cell_weight is None or self.cell_weight.shape[1] == 1

    def __getitem__(self, index: Tensor) -> Rows:
        return self._apply(lambda part: part[index])

    def to(self, device: str) -> Rows:
        """Move all parts to a device."""
        return self._apply(lambda part: part.to(device))

    def _apply(self, function: Callable[[Tensor], Tensor]) -> Rows:
        """Apply a function to all parts that there are."""
        row_weight, cell_weight = (
            None if part is None else function(part)
            for part in (self.row_weight, self.cell_weight)
        )
        return Rows(function(self.x), row_weight, cell_weight)

    def dataset(self) -> TensorDataset:
        """Return what batches are cut from: rows and, where there are, weights."""
        if self.cell_weight is None:
            return TensorDataset(self.x)  # which asks for no more than `size`
        return TensorDataset(self.x, self.cell_weight)


def _filled(X: NDArray, start: LinearStart) -> Tensor:
    """Scale and fill all rows."""
    filled = np.empty(X.shape, dtype=np.float32)
    for rows in table_blocks(X.shape):
        scaled = start.to_scaled(X[rows]).astype(np.float64)
        filled[rows] = start.filler.fill(scaled)
    return torch.from_numpy(filled)
