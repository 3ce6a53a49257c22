"""What a fit to a wide sparse table takes: memory, seconds and the share explained."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.decomposition import PCA, TruncatedSVD

from benchmarks.measuring import (
    CPU_SECONDS,
    SECONDS,
    one_thread,
    peak_resident,
    stopwatch,
)
from benchmarks.speed.timing import Measurement, Sizes, apart
from sklearn_ae import AutoencoderTransformer

SECTION = "sparse"
OURS = "autoencoder"
EXPLAINED, PEAK = "explained", "megabytes"
N_COMPONENTS = 10
CELLS_PER_ROW = 0.001  # of the columns
SPREAD = 0.004  # of the cells around a row's place, of the circle
METHODS: dict[str, Callable[[], Any]] = {
    OURS: lambda: AutoencoderTransformer(N_COMPONENTS, random_state=0, device="cpu"),
    "TruncatedSVD": lambda: TruncatedSVD(N_COMPONENTS, random_state=0),
    "PCA": lambda: PCA(N_COMPONENTS, svd_solver="arpack", random_state=0),
}


def make_sparse_rows(n_rows: int, n_features: int) -> csr_array:
    """Count events of rows in the columns near their places on a circle."""
    rng = np.random.default_rng(0)
    per_row = max(round(CELLS_PER_ROW * n_features), 2)
    rows, places = np.arange(n_rows).repeat(per_row), rng.uniform(size=n_rows)
    events = places[rows] + SPREAD * rng.standard_normal(len(rows))
    columns = (events % 1.0 * n_features).astype(int) % n_features
    X = csr_array((np.ones(len(rows)), (rows, columns)), shape=(n_rows, n_features))
    X.sum_duplicates()
    return X


def figures(method: str, n_rows: int, n_features: int) -> dict[str, float]:
    """Fit a method; the peak is that of the whole process, libraries included."""
    X, model = make_sparse_rows(n_rows, n_features), METHODS[method]()
    with one_thread():
        values = stopwatch(lambda: model.fit(X))
    share = float(model.explained_variance_ratio_.sum())
    return {**values, PEAK: peak_resident(), EXPLAINED: share}


def measure(sizes: Sizes) -> Iterator[Measurement]:
    """Fit each method in a fresh process."""
    n_rows, n_features = sizes.sparse_shape
    case = f"{n_rows} rows, {n_features} columns"
    for method in METHODS:
        found = apart(figures, method, n_rows, n_features)
        for quantity in (SECONDS, CPU_SECONDS, PEAK, EXPLAINED):
            yield Measurement(SECTION, case, method, 0, quantity, found[quantity])
