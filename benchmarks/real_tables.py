"""Real tables: a linear model behind PCA and behind the autoencoder."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from benchmarks.datasets import BUNDLED, Table, bundled_table, saved_tables
from benchmarks.folds import N_FOLDS, Job, measure_all

CODE_SIZES = (2, 10)
METHODS = ("PCA", "autoencoder")
QUICK_TABLES = ("digits", "satimage")


def load_tables(folder: Path | None, quick: bool) -> list[Table]:
    """Load the bundled tables and those of a folder, for the quick form only two."""
    tables = [bundled_table(name) for name in BUNDLED]
    tables += [] if folder is None else saved_tables(folder)
    return [table for table in tables if not quick or table.name in QUICK_TABLES]


def skipped(
    tables: Iterable[Table], code_sizes: Iterable[int] = CODE_SIZES
) -> Iterator[str]:
    """Name each code size that would not be smaller than the table."""
    for table in tables:
        n_features = table.X.shape[1]
        for size in code_sizes:
            if size >= n_features:
                yield f"{table.name} has {n_features} columns: k={size} is skipped."


def run(tables: Iterable[Table], n_folds: int = N_FOLDS) -> pd.DataFrame:
    """Measure PCA and the autoencoder at each code size below the number of columns."""
    jobs = [
        # Rows may come sorted by class or time, so they are shuffled first.
        Job(table, method, size, shuffle=True)
        for table in tables
        for size in CODE_SIZES
        for method in METHODS
        if size < table.X.shape[1]
    ]
    return measure_all(jobs, n_folds, "real tables")
