"""Rows to train on as tensors, and how much each of their cells counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import TensorDataset

from sklearn_ae._data import (
    ENOUGH_ROWS,
    LARGEST_COPY,
    ResidentRows,
    Source,
    Table,
    is_large,
    is_resident,
    row_blocks,
    stays_in_place,
)


def spread_rows(n_samples: int, n_passes: int) -> NDArray[np.intp]:
    """Return the indices of rows, evenly spread: the fewer, the more passes they cost.

    At most 256 and at least 8, or as many as there are.
    """
    n_rows = min(max(2560 // n_passes, 8), 256, n_samples)
    return np.linspace(0, n_samples - 1, n_rows).round().astype(np.intp)


class RowsInPlace:
    """Rows of a source that become tensors when they are taken.

    They stand where a tensor of all rows would: that of a large table takes memory and
    saves hardly any time.
    """

    device = torch.device("cpu")

    def __init__(self, source: Source) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        """Return some rows as a new tensor; an index is on the CPU."""
        where = index if isinstance(index, slice) else index.numpy()
        return torch.from_numpy(self.source[where])

    def part(self, index: Tensor) -> RowsInPlace:
        """Return some rows where they are."""
        return RowsInPlace(self.source.part(index.numpy()))

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """Return some rows; `dim` is 0, as columns are not to be selected."""
        return self[index]

    def size(self, dim: int) -> int:
        """Return the number of rows or of columns."""
        return self.source.shape[dim]

    def tensor_split(self, n_parts: int) -> Iterator[Tensor]:
        """Take parts of near-equal size one after the other."""
        ends = np.arange(n_parts + 1) * len(self) // n_parts
        return (self[first:last] for first, last in pairwise(ends.tolist()))

    def to(self, device: str) -> RowsInPlace | Tensor:
        """Stay where the table is, or copy all rows to another device."""
        if torch.device(device) == self.device:
            return self
        rows = torch.empty(self.source.shape, dtype=torch.float32, device=device)
        for block in row_blocks(*self.source.shape):
            rows[block] = self[block].to(device)
        return rows


@dataclass(frozen=True)
class Rows:
    """Centred, scaled and imputed rows; weights have the mean 1."""

    x: Any  # Tensor (n_samples, n_features), or RowsInPlace
    row_weight: Tensor  # (n_samples, 1)
    cell_weight: Tensor  # (n_samples, 1 or n_features), 0 where missing

    @classmethod
    def of_table(cls, table: Table, start: Any) -> Rows:
        """Bring rows into the units of a linear start, and impute missing cells."""
        row_weight = _with_mean_one(table.weight[:, None])
        if isinstance(table.X, ResidentRows):
            return cls(_scaled(table.X, start), row_weight, row_weight)
        if table.is_complete:
            in_place = RowsInPlace(start.in_place(table.X))
            x = in_place if stays_in_place(table.X) else in_place[:]
            return cls(x, row_weight, row_weight)
        imputed = np.empty(table.X.shape, dtype=np.float32)
        for rows in row_blocks(*table.X.shape):
            imputed[rows] = start.to_imputed(table.X[rows])
        return cls(torch.from_numpy(imputed), row_weight, _with_mean_one(table.counts))

    def __len__(self) -> int:
        return len(self.x)

    @property
    def are_whole(self) -> bool:
        """Whether no cell is missing."""
        return self.cell_weight.shape[1] == 1

    @property
    def count_alike(self) -> bool:
        """Whether every cell has the weight 1."""
        return self.are_whole and bool((self.row_weight == 1).all())

    def __getitem__(self, index: Tensor) -> Rows:
        stays = isinstance(self.x, RowsInPlace) and is_large(
            (len(index), self.x.size(1))
        )
        x = self.x.part(index) if stays else self.x[index]
        return Rows(x, self.row_weight[index], self.cell_weight[index])

    def some(self) -> Rows:
        """Return 100,000 rows at most, evenly spread: more tell losses no better.

        Of many columns they are fewer, but 10,000 at least.
        """
        n_rows = 10 * LARGEST_COPY // self.x.size(1)
        n_rows = min(max(n_rows, ENOUGH_ROWS), 10 * ENOUGH_ROWS)
        if len(self) <= n_rows:
            return self
        spread = np.linspace(0, len(self) - 1, n_rows).round().astype(np.intp)
        return self[torch.from_numpy(spread)]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield rows and the weights of their cells block by block."""
        for rows in row_blocks(len(self), self.x.size(1)):
            yield self.x[rows], self.cell_weight[rows]

    def scaled(self) -> NDArray | Source:
        """Return the centred and scaled rows, where they are if that is in place."""
        if isinstance(self.x, RowsInPlace):
            return self.x.source
        if is_resident(self.x):
            return ResidentRows(self.x)
        rows: NDArray = self.x.numpy(force=True)
        return rows

    def to(self, device: str) -> Rows:
        """Move all parts to a device."""
        return Rows(*(getattr(self, name).to(device) for name in self.__match_args__))

    def dataset(self) -> TensorDataset:
        """Return what batches are cut from: rows and weights of cells."""
        return TensorDataset(self.x, self.cell_weight)  # which asks for `size` alone


def _scaled(rows: ResidentRows, start: Any) -> Tensor:
    """Centre and scale rows where they are."""
    x = torch.empty(rows.shape, dtype=torch.float32, device=rows.stored.device)
    for where, block in rows.scaled(start.mean, start.scale):
        x[where] = block
    return x


def _with_mean_one(weight: NDArray) -> Tensor:
    """Divide weights by their mean."""
    return torch.from_numpy((weight / weight.mean()).astype(np.float32))
