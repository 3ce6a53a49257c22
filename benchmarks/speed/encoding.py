"""What it costs to encode a mixed table, beside scikit-learn's ColumnTransformer."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from benchmarks.measuring import Work, one_thread
from benchmarks.speed.timing import Measurement, Sizes, alternate, shape_name
from sklearn_ae import TableEncoder

SECTION = "encoding"
OURS, REFERENCE = "TableEncoder", "ColumnTransformer"
N_NUMBERS = 25
# Of the columns of text and of categories; four columns are booleans, five dates.
N_CATEGORIES = np.geomspace(3, 200, 16).round().astype(int)
N_BOOLEANS, N_DATES = 4, 5


def make_table(n_rows: int) -> pd.DataFrame:
    """Draw fifty columns: numbers, text and categories in turn, booleans, and dates."""
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    for i in range(N_NUMBERS):
        columns[f"number{i}"] = rng.standard_normal(n_rows)
    for i, size in enumerate(N_CATEGORIES):
        names = np.array([f"name {j}" for j in range(size)], dtype=object)
        drawn = names[rng.integers(size, size=n_rows)]
        columns[f"text{i}"] = pd.Categorical(drawn) if i % 2 else drawn
    for i in range(N_BOOLEANS):
        columns[f"flag{i}"] = rng.random(n_rows) < 0.3
    for i in range(N_DATES):
        days = rng.integers(10_000, size=n_rows)
        columns[f"date{i}"] = np.datetime64("2000-01-01", "us") + days.astype("m8[D]")
    return pd.DataFrame(columns)


def _ticks(dates: pd.DataFrame) -> np.ndarray:
    """Count dates."""
    return dates.to_numpy().astype(np.int64)


def column_transformer() -> Any:
    """Build what scikit-learn offers: the same columns of the same variance."""
    return make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (
            make_pipeline(FunctionTransformer(_ticks), StandardScaler()),
            make_column_selector(dtype_include="datetime"),
        ),
        remainder=OneHotEncoder(sparse_output=False, dtype=np.float64),
    )


METHODS: dict[str, Callable[[], Any]] = {
    OURS: TableEncoder,
    REFERENCE: column_transformer,
}


def _prepare(method: str, table: pd.DataFrame) -> Work:
    """Fit a new encoder, and encode what it was fitted to."""
    return partial(METHODS[method]().fit_transform, table)


def measure(sizes: Sizes) -> Iterator[Measurement]:
    """Time `fit_transform` of both."""
    table = make_table(sizes.transform_rows)
    methods = {name: partial(_prepare, name, table) for name in METHODS}
    with one_thread():
        case = shape_name(len(table))
        yield from alternate(SECTION, case, methods, sizes.repeats)
