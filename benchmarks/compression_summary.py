"""The arithmetic of the compression report: from measured rows to ratios and verdicts.

A *cell* is a table at one code size; its FVU is the mean over the splits.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from benchmarks.methods import COMPRESSORS, RIVALS
from benchmarks.promises import Promise, at_most

OURS = "autoencoder"
REFERENCE = "PCA"
CELL = ["table", "n_components"]
# Below this share of the variance, differences are rounding.
SMALLEST_FVU = 1e-12

WORST_CELL = 1.00
WORST_SPLIT = 1.01
MEDIAN_TO_PCA = 0.65
WORST_TO_RIVAL = 1.02
MEDIAN_TO_RIVAL = 0.85
TIME_TO_DIMKIT = 1 / 3
SCORE_TOLERANCE = 0.01


def wide(
    rows: pd.DataFrame, column: str, methods: Iterable[str] = COMPRESSORS
) -> pd.DataFrame:
    """Lay a column out: a line per table, code size and split, a column per method."""
    table = rows.pivot(index=[*CELL, "split"], columns="method", values=column)
    return table[[method for method in methods if method in table]]


def cell_means(values: pd.DataFrame | pd.Series) -> pd.DataFrame | pd.Series:
    """Average over the splits."""
    return values.groupby(level=CELL).mean()


def held_out_fvu(
    rows: pd.DataFrame, methods: Iterable[str] = COMPRESSORS
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


def ratio_summary(fvu: pd.DataFrame) -> pd.DataFrame:
    """Sum each method's ratios to PCA up, one line per method."""
    by_cell, by_split = cell_ratios(fvu), split_ratios(fvu)
    lines = {}
    for method in by_cell.columns.drop(REFERENCE):
        cells, splits = by_cell[method].dropna(), by_split[method].dropna()
        lines[method] = {
            "cells": len(cells),
            "median": cells.median(),
            "geometric mean": np.exp(np.log(cells).mean()),
            "worst": cells.max(),
            "worst cell": label(cells.idxmax()),
            "worst split ratio": splits.max(),
            "worst split": label(splits.idxmax()),
            "below PCA": int((cells < 1).sum()),
        }
    return pd.DataFrame(lines).T


def against_rivals(fvu: pd.DataFrame) -> pd.DataFrame:
    """Divide our FVU by the better rival's, cell by cell; empty where there is none."""
    ratios = cell_ratios(fvu)
    names = [name for name in RIVALS if name in ratios]
    if OURS not in ratios or not names:
        return pd.DataFrame(columns=["better rival", "ratio"])
    both = ratios.dropna(subset=[OURS]).dropna(subset=names, how="all")
    rivals = both[names]
    return both[[OURS, *names]].assign(
        **{
            "better rival": rivals.idxmin(axis=1),
            "ratio": both[OURS] / rivals.min(axis=1),
        }
    )


def table_totals(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Sum a column over code sizes and splits, with a last line over all tables."""
    values = wide(rows, column)
    totals = values.groupby(level="table").sum(min_count=1)
    totals.loc["all tables"] = values.sum(min_count=1)
    return totals


def time_ratio(rows: pd.DataFrame, column: str = "fit_seconds") -> float:
    """Divide our fit time by dimkit's, over the fits that both have."""
    values = wide(rows, column)
    if not {OURS, "dimkit"} <= set(values):
        return float("nan")
    both = values[[OURS, "dimkit"]].dropna().sum()
    return float(both[OURS] / both["dimkit"]) if both["dimkit"] else float("nan")


def score_differences(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Subtract PCA's score on the same split, and average over the splits."""
    scores = wide(rows, column)
    return cell_means(scores.sub(scores[REFERENCE], axis=0))


def table_means(differences: pd.DataFrame) -> pd.DataFrame:
    """Average over code sizes, with a last line over tables, each counting the same."""
    means = differences.groupby(level="table").mean()
    means.loc["all tables"] = means.mean()
    return means


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    fvu = held_out_fvu(rows)
    if OURS not in fvu:
        return []
    return [
        *_to_pca(fvu),
        *_to_rivals(against_rivals(fvu)),
        _time(time_ratio(rows)),
        *_scores(table_means(score_differences(rows, "linear_score"))[OURS]),
    ]


def _to_pca(fvu: pd.DataFrame) -> list[Promise]:
    """Check our FVU by PCA's."""
    by_cell, by_split = (f(fvu)[OURS].dropna() for f in (cell_ratios, split_ratios))
    cell, split = by_cell.idxmax(), by_split.idxmax()
    return [
        at_most(
            "FVU at most {:.2f} times PCA's in every cell",
            by_cell[cell],
            WORST_CELL,
            f" ({label(cell)})",
        ),
        at_most(
            "FVU at most {:.2f} times PCA's in every single split",
            by_split[split],
            WORST_SPLIT,
            f" ({label(split)})",
        ),
        at_most(
            "median of the cells' ratios to PCA at most {:.2f}",
            by_cell.median(),
            MEDIAN_TO_PCA,
        ),
    ]


def _to_rivals(cells: pd.DataFrame) -> list[Promise]:
    """Check our FVU by the better rival's."""
    ratio = cells["ratio"].astype(float)
    worst = f" ({label(ratio.idxmax())})" if len(ratio) else ""
    return [
        at_most(
            "FVU at most {:.2f} times the better rival's in every cell",
            ratio.max(),
            WORST_TO_RIVAL,
            worst,
        ),
        at_most(
            "median of the cells' ratios to the better rival at most {:.2f}",
            ratio.median(),
            MEDIAN_TO_RIVAL,
        ),
    ]


def _time(ratio: float) -> Promise:
    """Check our fit time by dimkit's."""
    return at_most(
        "fit time over all tables at most {:.2f} times dimkit's", ratio, TIME_TO_DIMKIT
    )


def _scores(means: pd.Series) -> list[Promise]:
    """Check the linear model on our codes against that on PCA's."""
    tables, average = means.drop("all tables"), means["all tables"]
    worst = tables.idxmin()
    return [
        Promise(
            f"linear model's score at least PCA's minus {SCORE_TOLERANCE} on every "
            "table (mean over code sizes and splits)",
            f"{tables[worst]:+.4f} ({worst})",
            bool(tables[worst] >= -SCORE_TOLERANCE),
        ),
        Promise(
            "linear model's score above PCA's on the average of the tables",
            f"{average:+.4f}",
            bool(average > 0),
        ),
    ]
