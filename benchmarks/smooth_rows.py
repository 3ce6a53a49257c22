"""Any number of rows on a curved surface, made where and when they are read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets import Table

N_FACTORS = 5
ROWS_PER_SEED = 2**16


@dataclass(frozen=True)
class SmoothRows:
    """Columns that follow five factors along curves, with noise.

    Slices of rows are the same however they are cut, so that files, workers and arrays
    hold equal tables.
    """

    n_rows: int
    n_features: int
    seed: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.n_rows, self.n_features

    @property
    def dtype(self) -> np.dtype:
        """Single precision."""
        return np.dtype(np.float32)

    def __len__(self) -> int:
        return self.n_rows

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.n_rows)
        first, last = start // ROWS_PER_SEED, -(-stop // ROWS_PER_SEED)
        made = [self._made(number) for number in range(first, last)]
        if not made:
            return np.empty((0, self.n_features), np.float32)
        skipped = first * ROWS_PER_SEED
        return np.concatenate(made)[start - skipped : stop - skipped]

    def _made(self, number: int) -> np.ndarray:
        """Make the rows that share a seed."""
        shape = np.random.default_rng(0)
        weights = shape.standard_normal((2, N_FACTORS, self.n_features), np.float32)
        rng = np.random.default_rng((self.seed, 1 + number))
        factors = rng.standard_normal((ROWS_PER_SEED, N_FACTORS), np.float32)
        X = np.tanh(factors @ weights[0])
        X += np.sin(factors @ weights[1]) * np.float32(0.3)
        noise = rng.standard_normal(X.shape, np.float32)
        noise *= np.float32(0.1)
        X += noise
        return X

    def to_dask(self, rows_per_block: int) -> Any:
        """Return an array of Dask whose blocks are made on the workers."""
        import dask.array as da

        rows = da.arange(self.n_rows, chunks=rows_per_block)
        return rows.map_blocks(
            _block,
            whole=self,
            size=rows_per_block,
            dtype=np.float32,
            new_axis=1,
            chunks=(rows.chunks[0], (self.n_features,)),
            meta=np.empty((0, 0), np.float32),
        )

    def to_file(self, path: Path) -> np.memmap:
        """Write all rows to a file, and return its map."""
        with path.open("wb") as file:
            for start in range(0, self.n_rows, ROWS_PER_SEED):
                self[start : start + ROWS_PER_SEED].tofile(file)
        return np.memmap(path, np.float32, "r", shape=self.shape)


def smooth_table(n_rows: int = 15_000, n_features: int = 30) -> Table:
    """Return rows in memory, and a column more as the target."""
    X = SmoothRows(n_rows, n_features + 1)[:].astype(np.float64)
    return Table("smooth", X[:, :-1], X[:, -1], "regression")


def _block(
    block: np.ndarray, whole: SmoothRows, size: int, block_id: Any = None
) -> np.ndarray:
    """Make one block."""
    start = 0 if block_id is None else block_id[0] * size
    return whole[start : start + len(block)]
