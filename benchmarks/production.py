"""The same numbers in scikit-learn, torch and ONNX, and the time that each takes."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA

from benchmarks.datasets import Table, load_tables, some_rows, split_names
from benchmarks.measuring import SECONDS, Work, one_thread, split_table
from benchmarks.records import Row
from benchmarks.reports import Promise, at_most, markdown
from benchmarks.speed.timing import N_FEATURES, alternate, make_rows
from benchmarks.suite import Suite
from sklearn_ae import AutoencoderTransformer

N_COMPONENTS = 5
MOST_ROWS = 2000
# Numbers of rows, each with the calls of one repeat and the repeats.
SIZES = {1: (400, 25), 1000: (50, 5), 1_000_000: (1, 5)}
QUICK_SIZES = {1: (200, 5), 1000: (10, 5)}
BLOCK = 4096
REFERENCE, OURS, TORCH, ONNX, ONNX_ENCODER, ONNX_PCA = (
    "PCA",
    "autoencoder",
    "autoencoder, torch",
    "autoencoder, ONNX",
    "its encoder, ONNX",
    "PCA, ONNX",
)
DTYPES = {"float32": np.float32, "float64": np.float64}
NUMBERS, TIME = "numbers", "time"
DIFFERENCE, ROUNDING = "difference", "rounding"
LARGEST = {"float32": 1e-5, "float64": 1e-9}
MOST_MICROSECONDS = 30.0  # of one row

INTRO = """\
# Production

Codes of held-out rows of each table by `to_torch()` and by a graph in onnxruntime, next
to those of `transform` in the same dtype: the largest difference in units of the codes'
standard deviation. "Rounding" is how far `transform` of float32 and of float64 rows
differ. Then the time of one call, by the number of its rows, on one thread, in the
median repeat; beyond 4,096 rows torch and ONNX are called with blocks. "Its encoder" is
a fit with `transform_max_iter=0`. What is promised of one row is compared with the
fastest repeat, as other work on the machine only adds to it. Written from the CSV of
the same name by `python -m benchmarks production`.
"""

Encode = Callable[[np.ndarray], np.ndarray]


def graph_of(estimator: Any, X: np.ndarray) -> Encode:
    """Return what a graph makes of rows, on one thread."""
    import onnxruntime
    import skl2onnx

    import sklearn_ae.onnx  # noqa: F401, for its converters

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = skl2onnx.to_onnx(estimator, X[:1]).SerializeToString()
    session = onnxruntime.InferenceSession(model, options)
    name = session.get_inputs()[0].name
    return lambda rows: session.run(None, {name: rows})[0]


def module_of(estimator: AutoencoderTransformer, X: np.ndarray) -> Encode:
    """Return what the torch module makes of rows."""
    module: Any = estimator.to_torch(dtype=torch.from_numpy(X[:1]).dtype)

    def encode(rows: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            codes: np.ndarray = module.encode(torch.from_numpy(rows)).numpy()
        return codes

    return encode


def numbers(table: Table) -> Iterator[Row]:
    """Compare the ways on held-out rows: a thousand at a time, and one by one."""
    split = split_table(some_rows(table, MOST_ROWS), 0)
    n_components = min(N_COMPONENTS, *split.X.shape)
    estimator = AutoencoderTransformer(n_components, random_state=0).fit(split.X)
    unit = estimator.transform(split.X).std()
    for name, dtype in DTYPES.items():
        rows = split.X_test.astype(dtype)
        wanted = estimator.transform(rows)
        exact = estimator.transform(rows.astype(np.float64))
        single = np.concatenate([estimator.transform(row[None]) for row in rows])
        for method, build in ((TORCH, module_of), (ONNX, graph_of)):
            encode = build(estimator, rows)
            alone = np.concatenate([encode(row[None]) for row in rows])
            apart = np.abs(encode(rows) - wanted).max(axis=1) / unit
            apart_alone = np.abs(alone - single).max(axis=1) / unit
            both = np.maximum(apart, apart_alone)
            yield {
                "table": table.name,
                "method": method,
                "case": NUMBERS,
                "dtype": name,
                DIFFERENCE: both.max(),
                "most": np.quantile(both, 0.99),
                ROUNDING: np.abs(wanted - exact).max() / unit,
            }


def in_blocks(encode: Encode) -> Encode:
    """Return what encodes block by block, as `transform` does by itself."""

    def encode_all(rows: np.ndarray) -> np.ndarray:
        if len(rows) <= BLOCK:
            return encode(rows)
        parts = np.split(rows, range(BLOCK, len(rows), BLOCK))
        return np.concatenate([encode(part) for part in parts])

    return encode_all


def _calls(encode: Encode, X: np.ndarray, n_calls: int) -> Work:
    def work() -> None:
        for _ in range(n_calls):
            encode(X)

    return work


def times(sizes: dict[int, tuple[int, int]]) -> Iterator[Row]:
    """Time all ways on rows of 50 columns; the fit takes one step of `transform`."""
    for name, dtype in DTYPES.items():
        X = make_rows(max(sizes), dtype)
        some = X[:MOST_ROWS]
        fit = AutoencoderTransformer(N_COMPONENTS, max_iter=10, random_state=0)
        ae, pca = clone(fit).fit(some), PCA(N_COMPONENTS).fit(some)
        encoder = fit.set_params(transform_max_iter=0).fit(some)
        ways: dict[str, Encode] = {
            REFERENCE: pca.transform,
            OURS: ae.transform,
            TORCH: in_blocks(module_of(ae, some)),
            ONNX: in_blocks(graph_of(ae, some)),
            ONNX_ENCODER: in_blocks(graph_of(encoder, some)),
            ONNX_PCA: in_blocks(graph_of(pca, some)),
        }
        for n_rows, (n_calls, repeats) in sizes.items():
            prepare = {
                method: partial(_calls, encode, X[:n_rows], n_calls)
                for method, encode in ways.items()
            }
            for found in alternate(TIME, name, prepare, repeats):
                if found.quantity == SECONDS:
                    yield {
                        "table": f"{N_FEATURES} columns",
                        "method": found.method,
                        "case": TIME,
                        "dtype": name,
                        "n_rows": n_rows,
                        "repeat": found.repeat,
                        SECONDS: found.value / n_calls,
                    }


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Compare numbers, then times; the quick form takes two tables and no million."""
    tables = load_tables(options.data, options.tables)
    tables = tables[:2] if options.quick else tables

    def rows() -> Iterator[Row]:
        for table in tables:
            yield from numbers(table)
        with one_thread():
            yield from times(QUICK_SIZES if options.quick else SIZES)

    return rows()


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    text = "compare numbers on these tables alone"
    parser.add_argument("--tables", type=split_names, metavar="A,B", help=text)


def differences(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the largest differences over the tables, and of how many rows."""
    found = rows[rows["case"] == NUMBERS].groupby(["dtype", "method"], sort=False)
    table = found[[DIFFERENCE, "most", ROUNDING]].max()
    table.insert(0, "tables", found.size())
    worst = found[DIFFERENCE].idxmax()
    table["worst table"] = rows["table"][worst].to_numpy()
    return table.rename(columns={"most": "99 % of rows"})


def seconds(rows: pd.DataFrame, share: float = 0.5) -> pd.DataFrame:
    """Return the time of a call in microseconds, a quantile of the repeats."""
    found = rows[rows["case"] == TIME].copy()
    found["n_rows"] = found["n_rows"].astype(int)
    groups = found.groupby(["n_rows", "dtype", "method"], sort=False)[SECONDS]
    return groups.quantile(share).unstack("method", sort=False) * 1e6


def microseconds(value: float) -> str:
    """Show three digits, and thousands."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    found, promised = differences(rows), []
    for (dtype, method), row in found.iterrows():
        text = f"{method} differs from `transform` of {dtype} by at most {{:g}}"
        apart = float(row[DIFFERENCE])
        promised.append(at_most(text, apart, LARGEST[dtype], f" ({apart:.0e})"))
    for dtype, fastest in seconds(rows, 0.0)[ONNX].loc[1].items():
        text = f"{ONNX}: one row of {dtype} takes at most {{:g}} microseconds"
        where = f" ({N_COMPONENTS} codes, the fastest repeat)"
        promised.append(at_most(text, fastest, MOST_MICROSECONDS, where, digits=1))
    return promised


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show both tables."""
    shown = differences(rows).map(lambda v: f"{v:.1e}" if isinstance(v, float) else v)
    yield f"## Numbers\n\n{markdown(shown)}"
    yield f"## Microseconds of a call\n\n{markdown(seconds(rows).map(microseconds))}"


SUITE = Suite(
    intro=INTRO,
    columns=("table", "method", "case", "dtype", "n_rows", "repeat", SECONDS,
             DIFFERENCE, "most", ROUNDING),
    measure=measure,
    report=report,
    promises=promises,
    add_options=add_options,
)  # fmt: skip
