"""Rows with their weights and missing cells, read block by block."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Tables with more values, 64 MB in float64, are never copied as a whole: a fit to a
# million rows of 50 columns takes 50 MB beyond its input (speed benchmark, scale).
LARGEST_COPY = 2**23
# A block, and what layers make of it, stays in the processor's cache (speed benchmark,
# transform).
VALUES_PER_BLOCK = 2**20
ROWS_PER_BLOCK = 2048
# More rows tell statistics, and whether a correction overfits, hardly any better.
ENOUGH_ROWS = 10_000


def is_large(shape: tuple[int, ...]) -> bool:
    """Whether a table is too large to be copied."""
    return math.prod(shape) > LARGEST_COPY


def row_blocks(n_rows: int, n_features: int) -> Iterator[slice]:
    """Cut rows into blocks of at most a million values, but of 16 rows at least."""
    size = min(max(VALUES_PER_BLOCK // n_features, 16), ROWS_PER_BLOCK)
    for first in range(0, n_rows, size):
        yield slice(first, min(first + size, n_rows))


def missing_cells(X: NDArray) -> Mask | None:
    """Return the mask of NaN entries, or None where there are none."""
    if X.size > 4096:  # a sum takes no memory, but some time to be called
        with np.errstate(over="ignore", invalid="ignore"):
            if not np.isnan(X.sum()):
                return None
    missing: Mask = np.isnan(X)
    return missing if missing.any() else None


def check_some_observed(
    missing: Mask, axis: int, where: str = "", labels: ArrayLike = ()
) -> None:
    """Raise where a column (axis 0) or a row (axis 1) holds no value at all.

    `labels` are the numbers to show, by default positions; `where` goes on after "X".
    """
    empty = np.flatnonzero(missing.all(axis=axis))
    if len(empty) == 0:
        return
    numbers = np.asarray(labels)[empty] if np.size(labels) else empty
    shown = ", ".join(map(str, numbers[:5])) + (", ..." if len(empty) > 5 else "")
    kind = ("columns", "rows")[axis]
    raise ValueError(
        f"X{where} has {len(empty)} {kind} in which every value is missing ({kind} "
        f"{shown}): nothing is known about them. Drop them first."
    )


@dataclass(frozen=True)
class Table:
    """Rows, NaN in missing cells, and how often each of them counts."""

    X: NDArray  # (n_samples, n_features)
    weight: Float64  # (n_samples,), above 0

    @classmethod
    def of(cls, X: NDArray) -> Self:
        """Return rows that count once each."""
        return cls(X, np.ones(len(X)))

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, rows: slice | NDArray) -> Self:
        return type(self)(self.X[rows], self.weight[rows])

    def __iter__(self) -> Iterator[Self]:
        """Yield the rows block by block."""
        return (self[rows] for rows in row_blocks(*self.X.shape))

    @property
    def counts(self) -> Float64:
        """How often each cell counts, of a shape that broadcasts to `X`."""
        weight = self.weight[:, None]
        missing = missing_cells(self.X)
        return weight if missing is None else weight * ~missing

    @property
    def is_complete(self) -> bool:
        """Whether no cell is missing."""
        return missing_cells(self.X) is None

    @property
    def effective_size(self) -> float:
        """How many rows these stand for: the sum of their weights.

        Weights may be normalised to any sum, so it is at least the number of rows, and
        at most a hundred times as many.
        """
        return float(np.clip(self.weight.sum(), len(self), 100 * len(self)))

    def drawn(self, seed: int) -> Self:
        """Return at most ENOUGH_ROWS of the rows, drawn at random."""
        if len(self) <= ENOUGH_ROWS:
            return self
        order = np.random.RandomState(seed).permutation(len(self))
        return self[order[:ENOUGH_ROWS]]

    def average(self, function: Callable[[NDArray], Float64]) -> Float64:
        """Average a function of the rows, each column over its observed cells."""
        total = n_counted = np.zeros(self.X.shape[1])
        for block in self:
            counts = np.broadcast_to(block.counts, block.X.shape)
            values = np.nan_to_num(function(block.X), posinf=np.inf, neginf=-np.inf)
            total = total + (values * counts).sum(axis=0)
            n_counted = n_counted + counts.sum(axis=0)
        return total / n_counted

    def column_statistics(self) -> tuple[Float64, float, Float64]:
        """Return means, the root mean square of the deviations, and these in it.

        Constant columns have means without rounding errors, and no deviation.
        """
        low, high = np.nanmin(self.X, axis=0), np.nanmax(self.X, axis=0)
        with np.errstate(over="ignore", invalid="ignore"):  # which is checked next
            # Differences keep digits near offsets, and are 0 in constant columns.
            mean = low + self.average(lambda X: np.subtract(X, low, dtype=np.float64))
            # Rounding keeps the order of numbers, so no row lies farther from the mean.
            farthest = np.abs(np.subtract((low, high), mean, dtype=np.float64))
        largest = float(farthest.max())
        if not np.isfinite(largest):
            raise ValueError(
                "X contains values too large for float64 arithmetic: its centred "
                "columns overflow. Rescale X to a smaller range before fitting."
            )
        if largest == 0.0:
            return mean, 0.0, np.zeros(len(mean))
        # In units that keep squares within float64's range.
        deviations = np.sqrt(
            self.average(
                lambda X: (np.subtract(X, mean, dtype=np.float64) / largest) ** 2
            )
        )
        typical = np.sqrt(np.mean(deviations**2))
        return mean, float(largest * typical), deviations / typical
