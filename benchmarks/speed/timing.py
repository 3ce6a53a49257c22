"""Time methods in alternation, so that whatever the machine does meets all alike."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.datasets import curved_redundancy

Work = Callable[[], object]
SECONDS, CPU_SECONDS = "seconds", "cpu_seconds"
N_FEATURES = 50


@dataclass(frozen=True)
class Measurement:
    """One figure of one method in one case and one repeat.

    Attributes
    ----------
    section : str
        Part of the report.
    case : str
        Table or size.
    method : str
        What was measured.
    repeat : int
        Figures of the same repeat were taken in alternation and divide each other.
    quantity : str
        What `value` is, with its unit: "seconds", "megabytes", ...
    value : float
        The figure; NaN where the method failed.
    error : str
        Why it failed.
    """

    section: str
    case: str
    method: str
    repeat: int
    quantity: str
    value: float
    error: str = ""


@dataclass(frozen=True)
class Sizes:
    """How much is measured; the default is the full form."""

    repeats: int = 7
    fit_repeats: int = 3  # where a repeat takes fits of seconds to minutes
    epoch_rows: tuple[int, ...] = (2_000, 20_000, 200_000)
    n_steps: int = 1_600  # of each timing of epochs
    transform_rows: int = 100_000
    single_calls: int = 300
    memory_rows: int = 1_000_000
    scale_rows: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    side_by_side_rows: int = 2_000
    max_iter: int | str = "auto"  # of the fits that run side by side


QUICK = Sizes(
    repeats=3,
    fit_repeats=1,
    epoch_rows=(2_000, 20_000),
    n_steps=400,
    transform_rows=20_000,
    single_calls=100,
    memory_rows=100_000,
    scale_rows=(10_000, 100_000),
)


def stopwatch(work: Work) -> dict[str, float]:
    """Take the seconds of the clock, and those that processors spent on the work."""
    wall, cpu = time.perf_counter(), processor_seconds()
    work()
    return {
        SECONDS: time.perf_counter() - wall,
        CPU_SECONDS: processor_seconds() - cpu,
    }


def processor_seconds() -> float:
    """Sum up the seconds of this process, and those of its children that have ended."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def alternate(
    section: str,
    case: str,
    prepare: Mapping[str, Callable[[], Work]],
    repeats: int,
    warm_up: bool = True,
) -> Iterator[Measurement]:
    """Time each method once per repeat, by default after a round that does not count.

    Parameters
    ----------
    prepare : mapping of str to callable
        For each method a function that does what is not timed, and returns the work
        that is. The method that comes first is another in each repeat.
    """
    names = list(prepare)
    for name in names if warm_up else []:
        prepare[name]()()
    for repeat in range(repeats):
        first = repeat % len(names)
        for name in names[first:] + names[:first]:
            for quantity, value in stopwatch(prepare[name]()).items():
                yield Measurement(section, case, name, repeat, quantity, value)


@contextmanager
def one_thread() -> Iterator[None]:
    """Give all methods one thread: with more, times depend on what else runs."""
    count = torch.get_num_threads()
    with threadpool_limits(1):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(count)


def apart(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function in a fresh process, whose memory nobody has used before."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def make_rows(n_rows: int, dtype: type = np.float32) -> np.ndarray:
    """Draw rows on a curved surface, standardised, as they stand behind a scaler."""
    X = curved_redundancy(n_rows, N_FEATURES).X
    X -= X.mean(axis=0)
    X /= X.std(axis=0)
    return X.astype(dtype)


def shape_name(n_rows: int) -> str:
    """Name a case by its rows."""
    return f"{n_rows} rows"


def load() -> float:
    """Return the mean number of running processes in the last minute, if known."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
