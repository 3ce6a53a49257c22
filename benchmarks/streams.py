"""Streams of rows beside one fit: a section of the scale suite."""

from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import IncrementalPCA

from benchmarks.datasets import Table, load_tables
from benchmarks.measuring import lost_by, split_table, stopwatch
from benchmarks.records import Row
from sklearn_ae import AutoencoderTransformer

N_BATCHES = 100
CODE_SIZES = (2, 10)
TABLES = ("digits", "communities", "satimage", "appliances")
QUICK_TABLES = ("digits",)
ONE, STREAM, INCREMENTAL = "one fit", "partial_fit", "IncrementalPCA"


def tables_of(options: Namespace) -> list[Table]:
    """Load the tables that the options name, or those of enough rows."""
    names = options.tables or (QUICK_TABLES if options.quick else TABLES)
    if options.data is None and not options.tables:
        names = QUICK_TABLES
    return load_tables(options.data, names)


def in_batches(model: Any, X: np.ndarray) -> Any:
    """Fit to one batch after the other; the first has as many rows as codes."""
    n_batches = min(N_BATCHES, len(X) // model.n_components)
    for batch in np.array_split(X, n_batches):
        model.partial_fit(batch)
    return model


def measure_stream(table: Table, n_components: int, draw: int) -> Iterator[Row]:
    """Fit to a table as a whole, and as a stream of its rows in random order."""
    split = split_table(table, draw)
    X = np.random.default_rng(draw).permutation(split.X)
    ours = AutoencoderTransformer(n_components, random_state=draw)
    fits: dict[str, Callable[[], Any]] = {
        ONE: lambda: AutoencoderTransformer(n_components, random_state=draw).fit(X),
        STREAM: lambda: in_batches(ours, X),
        INCREMENTAL: lambda: in_batches(IncrementalPCA(n_components), X),
    }
    for name, fit in fits.items():
        models: list[Any] = []
        clock = stopwatch(partial(_call, fit, models))
        lost = lost_by(models[0], split.X_test)
        yield {
            "table": table.name,
            "n_components": n_components,
            "split": draw,
            "method": name,
            "rows": len(X),
            "explained": 1 - lost,
            **clock,
        }


def _call(fit: Callable[[], Any], found: list[Any]) -> None:
    """Keep what a function returns."""
    found.append(fit())


def gaps(rows: pd.DataFrame) -> pd.DataFrame:
    """Divide what a stream loses by what one fit loses; means of logarithms."""
    lost = 1 - rows.pivot_table(
        "explained", ["table", "n_components", "split"], "method", sort=False
    )
    ratios = lost.div(lost[ONE], axis=0)
    ratios.index = ratios.index.set_levels(ratios.index.levels[1].astype(int), level=1)
    table = np.exp(np.log(ratios).groupby(level=[0, 1], sort=False).mean())
    seconds = rows.pivot_table(
        "cpu_seconds", ["table", "n_components"], "method", sort=False
    )
    table = table.drop(columns=ONE).rename(columns="{} / one fit".format)
    table[f"{ONE}, CPU s"], table[f"{STREAM}, CPU s"] = seconds[ONE], seconds[STREAM]
    return table.rename_axis(index={"n_components": "k"}, columns=None)
