"""Rows of any number in one pass: exact moments, and rows drawn at random.

Summaries of parts become that of the whole, in whatever order they are merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from sklearn_ae._data.table import Float64, missing_cells

# Networks of this size need 10,000 to 1,000,000 visits of rows, whatever the number of
# these (scale benchmark, drawn).
MOST_DRAWN = 2**18
MOST_DRAWN_VALUES = 2**26
# More columns have a covariance that takes longer than a fit.
MOST_COLUMNS_OF_MOMENTS = 4096


def n_drawn(n_features: int) -> int:
    """Return how many rows of a large table are drawn: 262,144, or fewer if wide."""
    return min(MOST_DRAWN, max(MOST_DRAWN_VALUES // n_features, 1))


def is_long(X: Any) -> bool:
    """Whether an array has more rows than are trained on, and moments that tell PCA."""
    is_tall = isinstance(X, np.ndarray) and len(X) > MOST_DRAWN
    has_moments = is_tall and X.shape[1] <= MOST_COLUMNS_OF_MOMENTS
    return has_moments and missing_cells(X) is None


def weights_of_part(sample_weight: Any, n_rows: int) -> Float64:
    """Check the weights of a part of a table, which may all be 0."""
    if sample_weight is None or np.ndim(sample_weight) == 0:
        one = 1.0 if sample_weight is None else sample_weight
        sample_weight = np.full(n_rows, one, dtype=np.float64)
    weight: Float64 = check_array(
        sample_weight,
        dtype=np.float64,
        ensure_2d=False,
        ensure_min_samples=0,
        input_name="sample_weight",
    )
    if weight.shape != (n_rows,):
        raise ValueError(
            f"sample_weight.shape == {weight.shape}, expected {(n_rows,)}: one weight "
            "for each row."
        )
    if (weight < 0).any():
        raise ValueError("Negative values in data passed to `sample_weight`.")
    return weight


@dataclass(frozen=True)
class Moments:
    """Sum of weights, means, and sums of products of deviations from these."""

    size: float
    mean: Float64  # (n_features,)
    products: Float64  # (n_features, n_features)

    @classmethod
    def of_rows(cls, X: NDArray, weight: Float64) -> Self:
        """Sum up rows without missing cells; columns of equal values deviate by 0."""
        first = X[0].astype(np.float64)
        size = float(weight.sum())
        with np.errstate(over="ignore", invalid="ignore"):  # which is checked in a fit
            x: Float64 = np.subtract(X, first, dtype=np.float64)
            shift = weight @ x / size
            x -= shift
            x *= np.sqrt(weight)[:, None]
            return cls(size, first + shift, x.T @ x)

    def merged(self, other: Moments) -> Moments:
        """Return the moments of both, by the pairwise update.

        Chan, T. F., Golub, G. H., and LeVeque, R. J. (1983). "Algorithms for computing
        the sample variance". The American Statistician 37, 242-247.
        """
        size = self.size + other.size
        share = other.size / size
        with np.errstate(over="ignore", invalid="ignore"):
            apart = other.mean - self.mean
            between = np.outer(apart, apart * (self.size * share))
            products = self.products + other.products + between
            return Moments(size, self.mean + apart * share, products)

    @property
    def is_known(self) -> bool:
        """Whether squares are neither beyond float64 nor all rounded to 0."""
        total = np.trace(self.products)
        return bool(np.isfinite(total) and total > np.finfo(np.float64).tiny)

    @property
    def covariance(self) -> Float64:
        """Covariance with the divisor `size`."""
        return self.products / self.size


@dataclass(frozen=True)
class Drawn:
    """Rows drawn at random from a table: those whose numbers hash lowest.

    So rows are in or out whatever the parts that a table comes in, and their order.
    """

    rows: NDArray  # (n_rows, n_features)
    weight: Float64  # (n_rows,)
    numbers: NDArray[np.int64]  # (n_rows,), positions in the whole
    hashes: NDArray[np.uint64]  # (n_rows,)

    @classmethod
    def of_rows(
        cls, X: NDArray, weight: Float64, first: int, seed: int, limit: int
    ) -> Self:
        """Draw rows, numbered from `first` on, whose hashes are below a limit."""
        numbers = np.arange(first, first + len(X))
        hashes = hashes_of(numbers, seed)
        kept = np.flatnonzero((hashes <= np.uint64(limit)) & (weight > 0))
        return cls(X[kept], weight[kept], numbers[kept], hashes[kept])

    @classmethod
    def joined(cls, parts: Iterable[Drawn], most: int) -> Self:
        """Draw so many rows at most from those of parts; they keep their order."""
        listed = list(parts)
        columns = [[getattr(part, n) for part in listed] for n in cls.__match_args__]
        numbers, hashes = map(np.concatenate, columns[2:])
        order = np.lexsort((numbers, hashes))[:most]
        order = order[np.argsort(numbers[order])]
        return cls(*(_gathered(arrays, order) for arrays in columns))

    def __len__(self) -> int:
        return len(self.rows)


def _gathered(arrays: Sequence[NDArray], order: NDArray) -> NDArray:
    """Return rows of arrays, counted through, without a copy of all of these."""
    dtype = reduce(np.promote_types, {array.dtype for array in arrays})
    found, first = np.empty((len(order), *arrays[0].shape[1:]), dtype), 0
    for array in arrays:
        is_here = (order >= first) & (order < first + len(array))
        found[is_here] = array[order[is_here] - first]
        first += len(array)
    return found


@dataclass(frozen=True)
class Summary:
    """What is kept of rows that are read once."""

    n_rows: int
    n_counted: int  # of weight above 0
    moments: Moments | None  # None with missing cells, or many columns
    drawn: Drawn

    @classmethod
    def of_rows(
        cls,
        X: NDArray,
        weight: Float64,
        *,
        first: int,
        seed: int,
        limit: int = 2**64 - 1,
    ) -> Self:
        """Sum up an array of rows, numbered from `first` on."""
        n_rows, drawn = len(X), Drawn.of_rows(X, weight, first, seed, limit)
        counted, moments = weight > 0, None
        if not counted.all():
            X, weight = X[counted], weight[counted]
        if X.shape[1] <= MOST_COLUMNS_OF_MOMENTS and missing_cells(X) is None:
            zeros = np.zeros(X.shape[1])
            moments = Moments(0.0, zeros, np.outer(zeros, zeros))
            if len(X) > 0:
                moments = Moments.of_rows(X, weight)
        return cls(n_rows, len(X), moments, drawn)

    @classmethod
    def merged(cls, parts: Iterable[Summary], most: int) -> Self:
        """Return the summary of all parts, with so many rows drawn at most."""
        n_rows, n_counted, drawn = 0, 0, list[Drawn]()
        moments: Moments | None = None
        for number, part in enumerate(parts):
            n_rows += part.n_rows
            n_counted += part.n_counted
            drawn.append(part.drawn)
            moments = part.moments if number == 0 else _both(moments, part.moments)
        return cls(n_rows, n_counted, moments, Drawn.joined(drawn, most))

    @property
    def is_whole(self) -> bool:
        """Whether all rows that count were drawn."""
        return len(self.drawn) == self.n_counted


def _both(one: Moments | None, other: Moments | None) -> Moments | None:
    """Merge moments, if both are known."""
    if one is None or other is None:
        return None
    if min(one.size, other.size) == 0:
        return one if other.size == 0 else other
    return one.merged(other)


def hash_limit(n_rows: int, most: int) -> int:
    """Return the hash below which at least `most` of so many rows lie, but for luck.

    Of six standard deviations: of a billion tables one has fewer.
    """
    share = (most + 6 * most**0.5 + 36) / max(n_rows, 1)
    return min(int(share * 2**64), 2**64 - 1)


def hashes_of(numbers: NDArray[Any], seed: int) -> NDArray[np.uint64]:
    """Return a random number for each number: the finaliser of SplitMix64.

    Steele, G. L., Lea, D., and Flood, C. H. (2014). "Fast splittable pseudorandom
    number generators". OOPSLA, 453-472.
    """
    start = np.random.RandomState(seed).randint(1 << 62)
    golden = np.uint64(0x9E3779B97F4A7C15)
    z = (numbers.astype(np.uint64) + np.uint64(start)) * golden
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed
