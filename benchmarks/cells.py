"""Measure one method on one table at one code size and one split."""

import os
import platform
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from benchmarks.datasets import Table, Task
from benchmarks.folds import lost_share, versions
from benchmarks.methods import COMPRESSORS, RIVALS, is_installed, linear_model
from benchmarks.peak_memory import PeakMemory

CODE_SIZES = (2, 5, 10, 20)
HELD_OUT = 0.25
# KernelPCA's memory is quadratic in the rows, and its time cubic.
MAX_ROWS = {"KernelPCA": 4000}
KEY = ("table", "n_components", "split", "method")
# Makes an unfitted method, given code size and seed.
Builder = Callable[[int, int], Any]


@dataclass(frozen=True)
class Cell:
    """One method on one table, at one code size and one split."""

    table: Table
    n_components: int
    split: int
    method: str

    @property
    def key(self) -> tuple[str, int, int, str]:
        """Tell this cell from others; the columns of the rows are `KEY`."""
        return (self.table.name, self.n_components, self.split, self.method)


@dataclass(frozen=True)
class Split:
    """A standardised table, split; all methods of a cell see the same."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def split_table(table: Table, split: int) -> Split:
    """Shuffle, hold a quarter of the rows out, standardise by the others.

    In double precision, as a user's columns are behind `StandardScaler`; a method that
    works in single precision converts them itself.
    """
    X, X_test, y, y_test = train_test_split(
        table.X.astype(np.float64), table.y, test_size=HELD_OUT, random_state=split
    )
    scaler = StandardScaler().fit(X)
    return Split(scaler.transform(X), y, scaler.transform(X_test), y_test)


def rows_to_fit(method: str, X: np.ndarray, seed: int) -> np.ndarray:
    """Draw the rows that a method is fitted to: all, where it has no limit."""
    limit = MAX_ROWS.get(method, len(X))
    if len(X) <= limit:
        return X
    return X[np.random.default_rng(seed).choice(len(X), limit, replace=False)]


def _neighbours(task: Task) -> Any:
    """Build the 5-nearest-neighbour model that reads the codes, in their own scale."""
    if task == "regression":
        return KNeighborsRegressor(n_neighbors=5)
    return KNeighborsClassifier(n_neighbors=5)


def _fit(cell: Cell, split: Split, build: Builder) -> tuple[Any, dict[str, float]]:
    """Fit a method and take time and memory."""
    rows = rows_to_fit(cell.method, split.X, cell.split)
    reducer = build(cell.n_components, cell.split)
    with PeakMemory() as memory:
        wall, cpu = time.perf_counter(), time.process_time()
        reducer.fit(rows)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return reducer, {
        "fit_rows": len(rows),
        "fit_seconds": wall,
        "cpu_seconds": cpu,
        "peak_megabytes": memory.megabytes,
    }


def _scores(cell: Cell, split: Split, reducer: Any) -> dict[str, float]:
    """Score reconstructions, and two models on the codes."""
    codes, codes_test = reducer.transform(split.X), reducer.transform(split.X_test)
    train_fvu = lost_share(split.X, reducer.inverse_transform(codes))
    fvu = lost_share(split.X_test, reducer.inverse_transform(codes_test))
    linear = linear_model(cell.table.task).fit(codes, split.y)
    neighbours = _neighbours(cell.table.task).fit(codes, split.y)
    return {
        "held_out_fvu": fvu,
        "explained_variance": 1 - fvu,
        "train_explained_variance": 1 - train_fvu,
        "linear_score": linear.score(codes_test, split.y_test),
        "knn_score": neighbours.score(codes_test, split.y_test),
    }


FIGURES = (
    "fit_rows", "held_out_fvu", "explained_variance", "train_explained_variance",
    "linear_score", "knn_score", "fit_seconds", "cpu_seconds", "peak_megabytes",
)  # fmt: skip


def make_row(cell: Cell, figures: dict[str, float], error: str = "") -> dict[str, Any]:
    """Put figures, error and circumstances into one row, always the same columns."""
    table = cell.table
    return {
        **dict(zip(KEY, cell.key, strict=True)),
        "rows": len(table.X),
        "columns": table.X.shape[1],
        "metric": "accuracy" if table.task == "classification" else "r2",
        **{name: figures.get(name, float("nan")) for name in FIGURES},
        "error": error,
        "threads": torch.get_num_threads(),
        **machine(),
    }


@cache
def machine() -> dict[str, Any]:
    """Name processor and versions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **versions(),
        **{name: version(name) if is_installed(name) else "" for name in RIVALS},
    }


def measure(cell: Cell, build: Builder | None = None) -> dict[str, Any]:
    """Measure one cell; a method that fails gets a row that says why.

    Without ``build`` it is the method of that name, with default parameters.
    """
    build = build or COMPRESSORS[cell.method]
    split = split_table(cell.table, cell.split)
    figures: dict[str, float] = {}
    try:
        warm_up(build)
        reducer, figures = _fit(cell, split, build)
        figures |= _scores(cell, split, reducer)
    except Exception as error:
        return make_row(cell, figures, f"{type(error).__name__}: {error}"[:200])
    return make_row(cell, figures)


@cache
def warm_up(build: Builder) -> None:
    """Fit a method once to a tiny table, so that no fit pays for loading libraries."""
    build(2, 0).fit(np.random.default_rng(0).standard_normal((64, 8)))


def _prepare_process() -> None:
    """Hide GPUs from the methods that look for one: all are measured on the CPU."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


def measure_apart(cells: Iterable[Cell]) -> Iterator[dict[str, Any]]:
    """Yield a row per cell, measured in a fresh process that serves all of them.

    So no method meets the seeds, threads or memory that another has left behind, and
    one that is killed, for want of memory for instance, gets a row that says so.
    """
    waiting = deque(cells)
    while waiting:
        context = get_context("spawn")
        with ProcessPoolExecutor(1, context, _prepare_process) as process:
            while waiting:
                cell = waiting.popleft()
                try:
                    row = process.submit(measure, cell).result()
                except BrokenProcessPool:
                    yield make_row(cell, {}, "the process was killed")
                    break
                yield row
