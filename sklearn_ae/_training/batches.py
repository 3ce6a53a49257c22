"""Batches of training: rows in random order, and what is done to the input."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from sklearn_ae._data import is_large
from sklearn_ae._training.noise import Corruption


class ResidentBatches:
    """Batches of near-equal size cut from one resident tensor.

    Each batch is a pair of input and target: rows of shape `(batch, n_features)`, and
    a tuple of the same rows and the weights of their cells. With nested dropout, the
    first is a dict of the module's arguments. With a generator, every pass uses a fresh
    permutation.

    Parameters
    ----------
    corruption, noise_generator : Corruption or None, torch.Generator or None
        What is done to the input, and what it draws from; with None, every pass draws
        the same.
    n_components, nested_dropout : int, float
        Number of codes, and the share of rows that are to be reconstructed from a
        random number of their first codes, log-uniform from 1.
    most_rows : int or None
        How many rows a pass with a generator draws at most.
    """

    def __init__(
        self,
        dataset: TensorDataset,
        batch_size: int,
        generator: torch.Generator | None = None,
        n_components: int = 1,
        nested_dropout: float = 0.0,
        corruption: Corruption | None = None,
        noise_generator: torch.Generator | None = None,
        most_rows: int | None = None,
    ) -> None:
        self.tensors = dataset.tensors
        self.n_rows = min(len(dataset), most_rows or len(dataset))
        self.n_batches = math.ceil(self.n_rows / batch_size)
        self.generator = generator
        self.n_components = n_components
        self.nested_dropout = nested_dropout
        self.corruption = corruption
        self.noise_generator = noise_generator

    def __iter__(
        self,
    ) -> Iterator[tuple[Tensor | dict[str, Tensor], tuple[Tensor, ...]]]:
        noise_generator = self.noise_generator
        if self.corruption is not None and noise_generator is None:
            noise_generator = self.corruption.generator()
        for target in self._targets():
            batch = target[0]
            if self.corruption is not None and noise_generator is not None:
                batch = self.corruption(batch, noise_generator)
            if self.generator is not None and self.nested_dropout > 0:
                yield {"x": batch, "n_kept": self._n_kept(batch)}, target
            else:
                yield batch, target

    def _targets(self) -> Iterator[tuple[Tensor, ...]]:
        """Cut the rows, and what belongs to them, into batches."""
        if self.generator is None:
            parts = (tensor.tensor_split(self.n_batches) for tensor in self.tensors)
            yield from zip(*parts, strict=True)
            return
        rows = self.tensors[0]
        order = torch.randperm(len(rows), generator=self.generator)[: self.n_rows]
        order = order.to(rows.device)
        if is_large((rows.size(0), rows.size(1))):
            for index in order.tensor_split(self.n_batches):
                yield tuple(tensor.index_select(0, index) for tensor in self.tensors)
            return
        # All at once, as each of many short calls costs a share of a short step.
        shuffled = (tensor.index_select(0, order) for tensor in self.tensors)
        parts = (tensor.tensor_split(self.n_batches) for tensor in shuffled)
        yield from zip(*parts, strict=True)

    def _n_kept(self, batch: Tensor) -> Tensor:
        """Draw how many codes each row keeps, shape `(batch, 1)`."""
        exponent, chance = torch.rand(
            2, len(batch), 1, generator=self.generator, dtype=torch.float32
        )
        drawn = (self.n_components**exponent).floor()
        cut = chance < self.nested_dropout
        n_kept = torch.where(cut, drawn, float(self.n_components))
        return n_kept.to(batch.device)
