"""Rows with their weights and missing cells, read block by block."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Tables with more values, 64 MB in float64, are never copied as a whole (speed
# benchmark, scale).
LARGEST_COPY = 2**23
# A block, and what layers make of it, stays in the processor's cache (speed benchmark,
# transform).
VALUES_PER_BLOCK = 2**20
ROWS_PER_BLOCK = 2048
# Read at a time of what is elsewhere, 32 MB in float64: what is stored in chunks is
# slow in small slices, and so is a GPU.
VALUES_PER_READ = 2**22
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


def cell_counts(X: NDArray, weight: Float64) -> Float64:
    """How often each cell of weighted rows counts, of a shape that broadcasts to X."""
    missing = missing_cells(X)
    return weight[:, None] if missing is None else weight[:, None] * ~missing


class Source:
    """Rows that stay where they are, and are arrays where they are read.

    Parameters
    ----------
    stored : array
        Of two dimensions; its rows are taken by slices and by indices.
    index : ndarray of shape (n_rows,) or None
        Of the rows that count; None stands for all.
    """

    def __init__(self, stored: Any, index: NDArray[np.intp] | None = None) -> None:
        self.stored = stored
        self.index = index
        n_rows, n_features = stored.shape
        self.shape = (n_rows if index is None else len(index), n_features)
        self.dtype: np.dtype = stored.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | NDArray) -> NDArray:
        """Return some rows as an array."""
        return self._read(rows if self.index is None else self.index[rows])

    def part(self, rows: NDArray) -> "Source":
        """Return some rows where they are."""
        index = np.arange(len(self)) if self.index is None else self.index
        return type(self)(self.stored, index[rows])

    def columns(self, where: slice) -> NDArray:
        """Return some columns as an array."""
        blocks = row_blocks(*self.shape)
        return np.concatenate([self[rows][:, where] for rows in blocks])

    def values(self) -> Iterable[NDArray]:
        """Yield arrays of all values but zeros that are known to be."""
        return (self[rows] for rows in row_blocks(*self.shape))

    def column_range(self) -> tuple[NDArray, NDArray]:
        """Return the lowest and the highest value of each column; NaN is left out."""
        low, high = [], []
        for rows in row_blocks(*self.shape):
            block = self[rows]
            low.append(np.fmin.reduce(block, axis=0))
            high.append(np.fmax.reduce(block, axis=0))
        return np.fmin.reduce(low), np.fmax.reduce(high)

    def average(
        self, weight: Float64, centre: NDArray, unit: float | None = None
    ) -> Float64:
        """Average deviations from a centre or, in units, their squares.

        Each column is averaged over its cells that are not missing.
        """
        total = n_counted = np.zeros(self.shape[1])
        for rows in row_blocks(*self.shape):
            X = self[rows]
            counts = np.broadcast_to(cell_counts(X, weight[rows]), X.shape)
            found = deviations(X, centre, unit)
            values = np.nan_to_num(found, posinf=np.inf, neginf=-np.inf)
            total = total + (values * counts).sum(axis=0)
            n_counted = n_counted + counts.sum(axis=0)
        return total / n_counted

    def operator(self) -> Any:
        """Return what multiplies the rows without reading them; None stands for no."""
        return None

    def _read(self, rows: slice | NDArray) -> NDArray:
        stored = self.stored
        return stored[rows] if isinstance(rows, slice) else stored.take(rows, 0)


def deviations(X: NDArray, centre: NDArray, unit: float | None) -> Float64:
    """Subtract a centre in float64; with a unit, divide by it and square."""
    centred: Float64 = np.subtract(X, centre, dtype=np.float64)
    return centred if unit is None else (centred / unit) ** 2


def source_of(X: NDArray | Source) -> Source:
    """Return rows as what reads them."""
    return X if isinstance(X, Source) else Source(X)


def values_of(X: NDArray | Source) -> Iterable[NDArray]:
    """Return arrays of all values but zeros that are known to be."""
    return X.values() if isinstance(X, Source) else (X,)


def stays_in_place(X: NDArray | Source) -> bool:
    """Whether rows are taken where they are; such as lie scattered take long."""
    if isinstance(X, Source):
        return True
    return is_large(X.shape) and X.flags.c_contiguous and X.flags.aligned


def holds_nothing(X: NDArray | Source, axis: int) -> Mask:
    """Return which columns (axis 0) or rows (axis 1) hold no value at all."""
    blocks = row_blocks(*X.shape)
    empty = [np.isnan(X[rows]).all(axis=axis) for rows in blocks]
    return np.concatenate(empty) if axis == 1 else np.all(empty, axis=0)


def check_some_observed(
    X: NDArray | Source, axis: int, where: str = "", labels: ArrayLike = ()
) -> None:
    """Raise where a column (axis 0) or a row (axis 1) holds no value at all.

    `labels` are the numbers to show, by default positions; `where` goes on after "X".
    """
    empty = np.flatnonzero(holds_nothing(X, axis))
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

    X: Any  # (n_samples, n_features), array or Source
    weight: Float64  # (n_samples,), above 0

    @classmethod
    def of(cls, X: NDArray | Source) -> Self:
        """Return rows that count once each."""
        return cls(X, np.ones(len(X)))

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, rows: slice | NDArray) -> Self:
        """Return some rows as an array."""
        return type(self)(self.X[rows], self.weight[rows])

    def part(self, rows: NDArray) -> Self:
        """Return some rows, which a source leaves where they are."""
        if isinstance(self.X, Source):
            return type(self)(self.X.part(rows), self.weight[rows])
        return self[rows]

    def __iter__(self) -> Iterator[Self]:
        """Yield the rows block by block."""
        return (self[rows] for rows in row_blocks(*self.X.shape))

    @property
    def counts(self) -> Float64:
        """How often each cell of an array counts; it broadcasts to `X`."""
        return cell_counts(self.X, self.weight)

    @property
    def is_complete(self) -> bool:
        """Whether no cell is missing."""
        return all(missing_cells(values) is None for values in values_of(self.X))

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
        return self.part(order[:ENOUGH_ROWS])

    def column_statistics(self) -> tuple[Float64, float, Float64]:
        """Return means, the root mean square of the deviations, and these in it.

        Constant columns have means without rounding errors, and no deviation.
        """
        source = source_of(self.X)
        low, high = source.column_range()
        with np.errstate(over="ignore", invalid="ignore"):  # which is checked next
            # Differences keep digits near offsets, and are 0 in constant columns.
            mean = low + source.average(self.weight, low)
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
        deviations = np.sqrt(source.average(self.weight, mean, largest))
        typical = np.sqrt(np.mean(deviations**2))
        return mean, float(largest * typical), deviations / typical
