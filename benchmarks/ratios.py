"""From rows to ratios: what the suites on tables and code sizes compute alike.

A *cell* is a table at one code size; its FVU is the mean over the splits.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from benchmarks.datasets import Table

OURS = "autoencoder"
REFERENCE = "PCA"
CELL = ["table", "n_components"]
KEY = [*CELL, "split", "method"]
# Below this share of the variance, differences are rounding.
SMALLEST_FVU = 1e-12


def done_keys(rows: pd.DataFrame) -> set[tuple[object, ...]]:
    """Return what tells rows from others."""
    keys = rows.reindex(columns=KEY)
    return set(keys.itertuples(index=False, name=None))


def wide(
    rows: pd.DataFrame, column: str, methods: Iterable[str] | None = None
) -> pd.DataFrame:
    """Lay a column out: a line per table, code size and split, a column per method."""
    table = rows.pivot(index=KEY[:3], columns="method", values=column)
    known = rows["method"].unique() if methods is None else methods
    return table[[method for method in known if method in table]]


def cell_means(values: pd.DataFrame | pd.Series) -> pd.DataFrame | pd.Series:
    """Average over the splits."""
    return values.groupby(level=CELL).mean()


def held_out_fvu(
    rows: pd.DataFrame, methods: Iterable[str] | None = None
) -> pd.DataFrame:
    """Lay the FVU out; infinite where a fit failed, NaN where it was not measured."""
    fvu = rows["held_out_fvu"].clip(lower=SMALLEST_FVU).fillna(np.inf)
    return wide(rows.assign(fvu=fvu), "fvu", methods)


def split_ratios(fvu: pd.DataFrame) -> pd.DataFrame:
    """Divide each FVU by PCA's on the same split."""
    return fvu.div(fvu[REFERENCE], axis=0)


def cell_ratios(fvu: pd.DataFrame, reference: str = REFERENCE) -> pd.DataFrame:
    """Divide the mean FVU of each cell by the reference's over the same splits."""
    divisor = fvu[reference]
    ratios = {
        method: cell_means(fvu[method]) / cell_means(divisor.where(fvu[method].notna()))
        for method in fvu
    }
    return pd.DataFrame(ratios)


def label(position: tuple[object, ...]) -> str:
    """Name a cell, or a cell and a split."""
    name = f"{position[0]} k={position[1]}"
    return name if len(position) == 2 else f"{name} split {position[2]}"


def geometric_mean(values: pd.DataFrame | pd.Series) -> pd.Series | float:
    """Average ratios: twice and half as much is no change."""
    return np.exp(np.log(values).mean())


def table_means(differences: pd.DataFrame) -> pd.DataFrame:
    """Average over code sizes, with a last line over tables, each counting the same."""
    means = differences.groupby(level="table").mean()
    means.loc["all tables"] = means.mean()
    return means


def skipped(tables: Iterable[Table], code_sizes: Iterable[int]) -> Iterator[str]:
    """Name each code size that would not be smaller than the table."""
    code_sizes = list(code_sizes)
    for table in tables:
        n_features = table.X.shape[1]
        for size in code_sizes:
            if size >= n_features:
                yield f"{table.name} has {n_features} columns: k={size} is skipped."


def table_lines(rows: pd.DataFrame, code_sizes: Iterable[int]) -> list[str]:
    """Describe tables and splits of the rows."""
    code_sizes = list(code_sizes)
    shapes = rows.groupby("table")[["rows", "columns"]].first()
    return [
        f"{rows['split'].nunique()} split(s), a quarter of the rows held out",
        *(
            f"{name}: {shape['rows']} rows, {shape['columns']} columns"
            + "".join(
                f"; k={k} is skipped" for k in code_sizes if k >= shape["columns"]
            )
            for name, shape in shapes.iterrows()
        ),
    ]
