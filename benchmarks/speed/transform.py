"""What `transform` costs beyond the encoder: throughput, one row, memory."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from benchmarks.internals import bare_encoder
from benchmarks.measuring import PeakMemory, Work, one_thread
from benchmarks.speed.epochs import HIDDEN_LAYERS, N_COMPONENTS
from benchmarks.speed.timing import (
    Measurement,
    Sizes,
    alternate,
    apart,
    make_rows,
    shape_name,
)
from sklearn_ae import AutoencoderTransformer

SECTION, ROW_SECTION, MEMORY_SECTION = "transform", "one row", "transform memory"
BACK_SECTION = "one row back"
# What the defaults are for fits to more rows and to fewer; the promises are about the
# first, as the table that they name is so large.
OURS, STEPPED = "autoencoder", "autoencoder, one step"
N_STEPS = {OURS: 0, STEPPED: 1}
ENCODER, REFERENCE = "encoder", "PCA"
BLOCKS = (256, 1024, 4096, 16_384)
ROWS_TO_FIT = 1000


def fitted(X: np.ndarray, method: str = OURS) -> AutoencoderTransformer:
    """Fit briefly: only the size of the network matters, and that it is used."""
    estimator = AutoencoderTransformer(
        N_COMPONENTS,
        hidden_layer_sizes=HIDDEN_LAYERS,
        max_iter=10,
        transform_max_iter=N_STEPS[method],
        cv=None,
        device="cpu",
        random_state=0,
    )
    estimator.fit(X[:ROWS_TO_FIT])
    if estimator.shrinkage_ == 0:
        raise RuntimeError("the fit has ended with PCA, which leaves nothing to time.")
    return estimator


def _encode(
    encode: Callable[[Tensor], Tensor], X: np.ndarray, n_rows: int
) -> np.ndarray:
    """Call the bare encoder block by block, without centring, scaling or checks."""
    with torch.inference_mode():
        blocks = torch.from_numpy(X).split(n_rows)
        return torch.cat([encode(block) for block in blocks]).numpy()


def _prepared(work: Work) -> Callable[[], Work]:
    """Make work that needs no preparation look like one that does."""
    return lambda: work


def throughput(sizes: Sizes) -> Iterator[Measurement]:
    """Time `transform`, and the encoder alone with blocks of several sizes."""
    X = make_rows(sizes.transform_rows)
    estimator = fitted(X)
    encoder = bare_encoder(estimator)
    methods = {
        OURS: _prepared(partial(estimator.transform, X)),
        STEPPED: _prepared(partial(fitted(X, STEPPED).transform, X)),
    }
    for n_rows in (*BLOCKS, len(X)):
        if n_rows <= len(X):
            name = f"{ENCODER}, {n_rows} rows at a time"
            methods[name] = _prepared(partial(_encode, encoder, X, n_rows))
    yield from alternate(SECTION, shape_name(len(X)), methods, sizes.repeats)


def one_row(sizes: Sizes) -> Iterator[Measurement]:
    """Time both ways of one row, many times over, and PCA's."""
    X = make_rows(ROWS_TO_FIT)
    reducers = {name: fitted(X, name) for name in N_STEPS}
    reducers[REFERENCE] = PCA(N_COMPONENTS).fit(X)
    codes = reducers[OURS].transform(X[:1])
    calls = sizes.single_calls
    for section, method, row in (
        (ROW_SECTION, "transform", X[:1]),
        (BACK_SECTION, "inverse_transform", codes),
    ):
        for dtype in (np.float32, np.float64):
            methods = {
                name: _prepared(
                    partial(_again, getattr(one, method), row.astype(dtype), calls)
                )
                for name, one in reducers.items()
            }
            case = f"{calls} calls, {np.dtype(dtype)}"
            yield from alternate(section, case, methods, sizes.repeats)


def _again(
    function: Callable[[np.ndarray], np.ndarray], row: np.ndarray, n_calls: int
) -> None:
    """Map the same row so many times."""
    for _ in range(n_calls):
        function(row)


def extra_megabytes(n_rows: int, method: str) -> float:
    """Return the peak memory of `transform` beyond its input and output."""
    X = make_rows(n_rows)
    estimator = fitted(X, method)
    estimator.transform(X[:1])
    with PeakMemory() as memory:
        codes = estimator.transform(X)
    return memory.megabytes - codes.nbytes / 1e6


def measure(sizes: Sizes) -> Iterator[Measurement]:
    """Measure throughput and latency with one thread, and memory in a fresh process."""
    with one_thread():
        yield from throughput(sizes)
        yield from one_row(sizes)
    case = shape_name(sizes.memory_rows)
    for method in N_STEPS:
        value = apart(extra_megabytes, sizes.memory_rows, method)
        yield Measurement(MEMORY_SECTION, case, method, 0, "megabytes", value)
