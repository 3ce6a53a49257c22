"""Fit a method to a table, at one code size and one split, and score it."""

import os
from argparse import ArgumentParser, Namespace
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from queue import SimpleQueue
from threading import Event
from typing import Any

import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from benchmarks.datasets import Table, Task, load_tables, split_names
from benchmarks.measuring import (
    FIT_COLUMNS,
    Split,
    lost_share,
    split_table,
    timed_fit,
    warm_up,
)
from benchmarks.methods import COMPRESSORS, Builder, linear_model
from benchmarks.ratios import KEY, done_keys, skipped
from benchmarks.records import Row

N_SPLITS = 3
# KernelPCA's memory is quadratic in the rows, and its time cubic; UMAP is slow.
MAX_ROWS = {"KernelPCA": 4000, "UMAP": 4000}
SCORES = ("fit_rows", "held_out_fvu", "train_explained_variance", "linear_score")
COLUMNS = (*KEY, "rows", "columns", "metric", *SCORES, *FIT_COLUMNS)


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

    @property
    def description(self) -> Row:
        """The columns of a row that say what was measured."""
        regression = self.table.task == "regression"
        return {
            **dict(zip(KEY, self.key, strict=True)),
            "rows": len(self.table.X),
            "columns": self.table.X.shape[1],
            "metric": "r2" if regression else "accuracy",
        }


def add_cell_options(parser: ArgumentParser) -> None:
    """Add the options of suites that measure cells."""
    add = parser.add_argument
    add("--tables", type=split_names, metavar="A,B", help="only these tables")
    add("--n-splits", type=int, default=N_SPLITS, help="splits of each table")
    add("--resume", action="store_true", help="keep the rows that are already there")


def plan_for(
    options: Namespace,
    quick_tables: tuple[str, ...],
    methods: list[str],
    code_sizes: tuple[int, ...],
    more: Sequence[Table] = (),
) -> list[list[Cell]]:
    """List what to measure: the cells of each table and method together.

    `more` are tables beside the bundled and the saved ones.
    """
    names = options.tables or (quick_tables if options.quick else None)
    tables = load_tables(options.data, names, more)
    print("\n".join(skipped(tables, code_sizes)))
    return [
        [
            Cell(table, size, split, method)
            for size in code_sizes
            if size < table.X.shape[1]
            for split in range(1 if options.quick else options.n_splits)
        ]
        for table in tables
        for method in methods
    ]


def unmeasured(
    groups: Iterable[list[Cell]], kept: pd.DataFrame
) -> Iterator[list[Cell]]:
    """Yield the groups without cells that have a row already."""
    done = done_keys(kept)
    left = ([cell for cell in group if cell.key not in done] for group in groups)
    return filter(None, left)


def rows_to_fit(method: str, X: np.ndarray, seed: int) -> np.ndarray:
    """Draw the rows that a method is fitted to: all, where it has no limit."""
    limit = MAX_ROWS.get(method, len(X))
    if len(X) <= limit:
        return X
    return X[np.random.default_rng(seed).choice(len(X), limit, replace=False)]


@dataclass(frozen=True)
class Fitted:
    """A fitted method, and its codes of the rows of a split."""

    task: Task
    split: Split
    model: Any

    @cached_property
    def codes(self) -> np.ndarray:
        """Codes of the training rows."""
        return np.asarray(self.model.transform(self.split.X))

    @cached_property
    def codes_test(self) -> np.ndarray:
        """Codes of the held-out rows."""
        return np.asarray(self.model.transform(self.split.X_test))


Scorer = Callable[[Fitted], Row]


def scores(fitted: Fitted) -> Row:
    """Score reconstructions, and a linear model on the codes."""
    split, model = fitted.split, fitted.model
    linear = linear_model(fitted.task).fit(fitted.codes, split.y)
    restored = model.inverse_transform(fitted.codes_test)
    return {
        "held_out_fvu": lost_share(split.X_test, restored),
        "train_explained_variance": 1
        - lost_share(split.X, model.inverse_transform(fitted.codes)),
        "linear_score": linear.score(fitted.codes_test, split.y_test),
    }


def neighbour_score(fitted: Fitted) -> Row:
    """Score five nearest neighbours on the codes, in their own scale."""
    regression = fitted.task == "regression"
    build = KNeighborsRegressor if regression else KNeighborsClassifier
    model = build(n_neighbors=5).fit(fitted.codes, fitted.split.y)
    return {"knn_score": model.score(fitted.codes_test, fitted.split.y_test)}


def measure_cell(
    cell: Cell,
    build: Builder | None = None,
    more: Scorer = neighbour_score,
    score: Scorer = scores,
) -> Row:
    """Measure one cell; a method that fails gets a row that says why.

    Without ``build`` it is the method of that name, with default parameters. ``more``
    measures what else is wanted of the fitted method than ``score``.
    """
    build = build or COMPRESSORS[cell.method]
    row = cell.description
    try:
        warm_up(build)
        split = split_table(cell.table, cell.split)
        rows = rows_to_fit(cell.method, split.X, cell.split)
        model = build(cell.n_components, cell.split)
        row |= {"fit_rows": len(rows), **timed_fit(model, rows)}
        fitted = Fitted(cell.table.task, split, model)
        row |= score(fitted) | more(fitted)
    except Exception as error:
        row["error"] = f"{type(error).__name__}: {error}"[:200]
    return row


def _prepare_process() -> None:
    """Hide GPUs from the methods that look for one: all are measured on the CPU."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


def measure_apart(
    cells: Iterable[Cell], measure: Callable[[Cell], Row] = measure_cell
) -> Iterator[Row]:
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
                    yield {**cell.description, "error": "the process was killed"}
                    break
                yield row


def measure_groups(
    groups: Iterable[list[Cell]],
    n_jobs: int,
    measure: Callable[[Cell], Row] = measure_cell,
) -> Iterator[Row]:
    """Measure so many groups of cells at a time, and yield each row as it comes."""
    rows: SimpleQueue[Row | None] = SimpleQueue()
    stopped = Event()

    def work(group: list[Cell]) -> None:
        for row in measure_apart(group, measure):
            rows.put(row)
            if stopped.is_set():
                return

    with ThreadPoolExecutor(n_jobs) as threads:
        works = [threads.submit(work, group) for group in groups]
        end = threads.submit(lambda: [w.result() for w in works])
        end.add_done_callback(lambda _: rows.put(None))
        try:
            yield from iter(rows.get, None)
            end.result()  # raises what no row tells of
        finally:
            stopped.set()
            threads.shutdown(wait=False, cancel_futures=True)
