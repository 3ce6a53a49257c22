"""What a fit on a cluster costs, from what was measured on one machine."""

from itertools import product

import numpy as np
import pandas as pd

from sklearn_ae._data import n_drawn

ROWS = tuple(10**n for n in range(6, 11))
WORKERS = (1, 10, 100, 1000)
N_FEATURES = 20
ROWS_PER_BLOCK, MERGED_AT_A_TIME = 2**18, 8
BYTES_OF_SINGLE, BYTES_OF_DOUBLE = 4, 8
TEXT = """\
Seconds are `a + b * rows / workers`: `a` is training, on one worker, and what a cluster
takes to start; `b` is making, reading and summing up a row of 20 columns. Both follow
from the two largest tables, on {workers} workers: a = {start:.1f} s, b = {per_row:.2f}
microseconds. Over the network go the rows drawn and the moments, one of each block of
262,144 rows, at each level at which eight parts are merged, and the model ({model:.1f}
MB) to each worker that uses it. No network was between
these workers: it adds the bytes over its speed."""


def constants(growth: pd.Series, n_workers: int) -> tuple[float, float]:
    """Return the seconds of the start, and those of a row, from two largest fits."""
    (n, less), (m, more) = list(growth.sort_index().items())[-2:]
    per_row = n_workers * (more - less) / (m - n)
    return less - per_row * n / n_workers, per_row


def megabytes(n_rows: int, n_workers: int, n_features: int, model: float) -> float:
    """Return what goes over the network."""
    drawn = BYTES_OF_SINGLE * n_features * min(n_rows, n_drawn(n_features))
    n_parts, size = -(-n_rows // ROWS_PER_BLOCK), 0
    while True:
        size += drawn + BYTES_OF_DOUBLE * n_features**2 * n_parts
        if n_parts <= MERGED_AT_A_TIME:
            return size / 1e6 + model * n_workers
        n_parts = -(-n_parts // MERGED_AT_A_TIME)


def check(growth: pd.Series, n_workers: int) -> pd.DataFrame:
    """Compare with what was measured."""
    start, per_row = constants(growth, n_workers)
    expected = [start + per_row * n / n_workers for n in growth.index]
    table = pd.DataFrame({"measured, s": growth, "model, s": expected})
    table.index = pd.Index([_power(n) for n in growth.index], name="rows")
    return table


def costs(growth: pd.Series, n_workers: int, model: float) -> pd.DataFrame:
    """Return seconds and megabytes for many rows and workers."""
    start, per_row = constants(growth, n_workers)
    lines = [
        {
            "rows": _power(n),
            "workers": str(w),
            "seconds": start + per_row * n / w,
            "megabytes over the network": megabytes(n, w, N_FEATURES, model),
        }
        for n, w in product(ROWS, WORKERS)
    ]
    return pd.DataFrame(lines).set_index(["rows", "workers"])


def text(growth: pd.Series, n_workers: int, model: float) -> str:
    """Say what the model is."""
    start, per_row = constants(growth, n_workers)
    return TEXT.format(
        start=start, per_row=1e6 * per_row, model=model, workers=n_workers
    )


def _power(n_rows: int) -> str:
    return f"10^{round(np.log10(n_rows))}"
