"""Time methods in alternation, so that whatever the machine does meets all alike."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.datasets import curved_redundancy
from benchmarks.measuring import Work, stopwatch

N_FEATURES = 50


@dataclass(frozen=True)
class Measurement:
    """One figure of one method in one case and one repeat.

    Figures of the same repeat were taken in alternation and divide each other.
    """

    section: str
    case: str
    method: str
    repeat: int
    quantity: str  # with its unit: "seconds", "megabytes", ...
    value: float  # NaN where the method failed
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
    sparse_shape: tuple[int, int] = (100_000, 20_000)
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
    sparse_shape=(12_000, 2_000),
)


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
