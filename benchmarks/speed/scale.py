"""How time and memory of a fit grow with the rows."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.measuring import CPU_SECONDS, PeakMemory, Work, one_thread
from benchmarks.speed.epochs import HIDDEN_LAYERS, N_COMPONENTS
from benchmarks.speed.timing import (
    N_FEATURES,
    Measurement,
    Sizes,
    alternate,
    apart,
    make_rows,
    shape_name,
)
from sklearn_ae import AutoencoderTransformer

SECTION, MEMORY_SECTION = "scale", "fit memory"
OURS = "autoencoder"
N_EPOCHS = 2
PER_ROW = "cpu_microseconds"
SINGLE, DOUBLE, COPY = "float32 input", "float64 input", "a float32 copy"
DTYPES = {SINGLE: np.float32, DOUBLE: np.float64}
WARM_UP_ROWS = 1000
MAX_FITS = 3


def build() -> AutoencoderTransformer:
    """Build the estimator that is fitted to all numbers of rows."""
    return AutoencoderTransformer(
        N_COMPONENTS,
        hidden_layer_sizes=HIDDEN_LAYERS,
        max_iter=N_EPOCHS,
        transform_max_iter=0,  # as in the larger fits, so that all do the same work
        cv=None,
        device="cpu",
        random_state=0,
    )


def times(sizes: Sizes) -> Iterator[Measurement]:
    """Time fits to tables of growing size, per row and epoch."""
    largest = max(sizes.scale_rows)
    X = make_rows(largest)

    def prepare(n_rows: int) -> Work:
        def work() -> None:
            for _ in range(n_fits(n_rows, largest)):
                build().fit(X[:n_rows])

        return work

    n_rows = {shape_name(n): n for n in sizes.scale_rows}
    fits = {name: partial(prepare, n) for name, n in n_rows.items()}
    build().fit(X[:WARM_UP_ROWS])
    for figure in alternate(
        SECTION, "row and epoch", fits, sizes.fit_repeats, warm_up=False
    ):
        if figure.quantity == CPU_SECONDS:
            n = n_rows[figure.method]
            value = 1e6 * figure.value / (n * N_EPOCHS * n_fits(n, largest))
            yield replace(figure, quantity=PER_ROW, value=value)


def n_fits(n_rows: int, largest: int) -> int:
    """Return how many fits are timed together, where one is short."""
    return max(1, min(MAX_FITS, largest // n_rows))


def peak_megabytes(n_rows: int, dtype: type) -> float:
    """Return the peak memory of a fit beyond its input."""
    X = make_rows(n_rows, dtype)
    build().fit(X[:WARM_UP_ROWS])
    with PeakMemory() as memory:
        build().fit(X)
    return memory.megabytes


def measure(sizes: Sizes) -> Iterator[Measurement]:
    """Measure time with one thread, and memory in a fresh process for each dtype."""
    with one_thread():
        yield from times(sizes)
    case = shape_name(sizes.memory_rows)
    copy = sizes.memory_rows * N_FEATURES * np.dtype(np.float32).itemsize / 1e6
    yield Measurement(MEMORY_SECTION, case, COPY, 0, "megabytes", copy)
    for name, dtype in DTYPES.items():
        value = apart(peak_megabytes, sizes.memory_rows, dtype)
        yield Measurement(MEMORY_SECTION, case, name, 0, "megabytes", value)
