"""Dask's arrays and frames as blocks of rows, each with its place in the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
from numpy.typing import NDArray

from sklearn_ae._dask.waiting import computed

# Results that are merged at a time, on the way from blocks to the whole.
MERGED_AT_A_TIME = 8


@dataclass(frozen=True)
class Blocks:
    """Rows in parts that workers read."""

    parts: Sequence[Any]  # delayed arrays or frames
    lengths: Sequence[int]
    n_features: int
    names: Sequence[Any] | None  # of a frame's columns

    @classmethod
    def of(cls, X: Any) -> Blocks:
        """Take apart an array or a frame; lengths that are not known are counted."""
        if isinstance(X, dd.DataFrame):
            names: Any = list(X.columns)
            parts, lengths = X.to_delayed(), None
        else:
            names, X = None, in_rows(X)
            parts = X.to_delayed().ravel()
            known = not np.isnan(X.chunks[0]).any()
            lengths = [int(n) for n in X.chunks[0]] if known else None
        if X.shape[1] == 0:
            raise ValueError("X has 0 columns, but at least 1 is needed.")
        if lengths is None:
            lengths = computed([dask.delayed(len)(part) for part in parts])
        return cls(list(parts), lengths, X.shape[1], names)

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return sum(self.lengths)

    @property
    def starts(self) -> list[int]:
        """Positions of the first rows."""
        ends: list[int] = np.cumsum(self.lengths).tolist()
        return [0, *ends[:-1]]

    def of_rows(self, values: Any) -> list[Any]:
        """Cut what has one value a row as the rows are; None stays None."""
        if values is None:
            return [None] * len(self.parts)
        if isinstance(values, dd.Series):
            values = values.to_dask_array(lengths=True)
        if not isinstance(values, da.Array):
            values = np.asarray(values)
        elif np.isnan(values.chunks[0]).any():
            values = values.copy().compute_chunk_sizes()
        if values.shape != (self.n_rows,):
            raise ValueError(
                f"sample_weight has the shape {values.shape}, but X has {self.n_rows} "
                "rows. Give one weight for each."
            )
        if isinstance(values, da.Array):
            return list(values.rechunk((tuple(self.lengths),)).to_delayed())
        return np.split(values, self.starts[1:])

    def counted(self, weights: list[Any]) -> int:
        """Count the rows whose weights, as `of_rows` gives them, are above 0."""
        if weights[0] is None:
            return self.n_rows
        later = dask.delayed(np.count_nonzero)
        return int(sum(computed([later(weight) for weight in weights])))

    def map(self, function: Callable[..., Any], *more: Sequence[Any]) -> list[Any]:
        """Call `function(part, place, ...)` for each part, later."""
        places = map(Place, range(len(self.parts)), self.starts)
        later = dask.delayed(function)
        return [later(*given) for given in zip(self.parts, places, *more, strict=True)]


@dataclass(frozen=True)
class Place:
    """Where a block is: its number, and the position of its first row."""

    number: int
    first: int = -1  # not known

    @contextmanager
    def named(self) -> Iterator[None]:
        """Name the block in errors."""
        try:
            yield
        except (ValueError, TypeError) as error:
            where = f"Block {self.number} of X"
            if self.first >= 0:
                where += f", from row {self.first} on"
            raise type(error)(f"{where}: {error}") from error


def check_names(frame: Any, names: Sequence[Any]) -> None:
    """Raise unless a part has the columns of the whole."""
    if list(frame.columns) != list(names):
        raise ValueError(f"it has the columns {list(frame.columns)}, not {names}.")


def is_dask(X: Any) -> bool:
    """Whether rows are an array or a frame of Dask."""
    return isinstance(X, da.Array | dd.DataFrame)


def in_rows(X: Any) -> Any:
    """Return an array of two dimensions whose blocks are whole rows."""
    if X.ndim != 2:
        raise ValueError(
            f"X has {X.ndim} dimensions, but 2 are needed. Reshape it, for instance "
            "with X.reshape(-1, 1) if it is one column."
        )
    return X if len(X.chunks[1]) == 1 else X.rechunk({1: -1})


def merged(parts: Sequence[Any], merge: Callable[[list[Any]], Any]) -> Any:
    """Merge results in a tree, on the workers."""
    later, level = dask.delayed(merge), list(parts)
    while len(level) > MERGED_AT_A_TIME:
        firsts = range(0, len(level), MERGED_AT_A_TIME)
        level = [later(level[i : i + MERGED_AT_A_TIME]) for i in firsts]
    return later(level)


def total(parts: Iterable[NDArray]) -> NDArray:
    """Add up arrays."""
    return reduce(np.add, parts)
