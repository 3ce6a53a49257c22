"""Rows to train on, and how much each of them, or each of their cells, counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import TensorDataset

from sklearn_ae._inference import as_tensor
from sklearn_ae._linear import LinearStart
from sklearn_ae._missing import missing_cells

EVALUATION_BATCH = 4096


@dataclass(frozen=True)
class Rows:
    """Centred and scaled rows with missing cells filled.

    Weights have the mean 1 over the rows they were made for; None counts all alike.
    """

    x: Tensor  # (n_samples, n_features)
    row_weight: Tensor | None = None  # (n_samples, 1)
    cell_weight: Tensor | None = None  # (n_samples, 1 or n_features), 0 where missing

    @classmethod
    def from_data(
        cls, X: NDArray, weight: NDArray[np.float64] | None, start: LinearStart
    ) -> Rows:
        """Scale the rows of `X`, shape (n_samples, n_features), and fill them."""
        scaled = start.to_scaled(X)
        row_weight = None
        if weight is not None:
            row_weight = as_tensor(weight[:, None] / weight.mean())
        missing = missing_cells(scaled)
        if missing is None:
            return cls(torch.from_numpy(scaled), row_weight, row_weight)
        cell_weight = as_tensor(~missing)
        if row_weight is not None:
            cell_weight = cell_weight * row_weight
        filled = as_tensor(start.filler.fill(scaled.astype(np.float64)))
        return cls(filled, row_weight, cell_weight / cell_weight.mean())

    def __len__(self) -> int:
        return len(self.x)

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
            return TensorDataset(self.x)
        return TensorDataset(self.x, self.cell_weight)
