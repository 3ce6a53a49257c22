"""What methods lose when they compress tables: FVU, time, memory, scores.

Every method with its default parameters, at equal code sizes, on the same splits of the
same tables.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from benchmarks import ratios
from benchmarks.cells import (
    COLUMNS,
    add_cell_options,
    measure_groups,
    plan_for,
    unmeasured,
)
from benchmarks.datasets import check_names, split_names
from benchmarks.methods import COMPRESSORS, RIVALS, is_installed
from benchmarks.ratios import KEY, OURS, REFERENCE, cell_ratios, label
from benchmarks.records import Row
from benchmarks.reports import (
    ROUNDING,
    Promise,
    at_least,
    at_most,
    bullets,
    decimals,
    markdown,
    number,
    signed,
    three_digits,
)
from benchmarks.suite import Suite

CODE_SIZES = (2, 5, 10, 20)
QUICK_TABLES = ("wine", "breast_cancer")
QUICK_SIZES = (2, 10)

WORST_CELL = 1.00
WORST_SPLIT = 1.01
MEDIAN_TO_PCA = 0.65
WORST_TO_RIVAL = 1.02
MEDIAN_TO_RIVAL = 0.85
TIME_TO_DIMKIT = 2 / 3
SCORE_TOLERANCE = 0.01

INTRO = """\
# Compression

What is lost when a table is compressed to k codes and back, by methods with default
parameters. `autoencoder` is `sklearn_ae.AutoencoderTransformer`; `plain` is a PyTorch
loop without refinements and `MLPRegressor` is fitted to its own input, both with layers
of 256 and 128 units on either side of the code; `dimkit` and `encdr` are packages for
the same purpose. README.md says what each figure means. Written from the CSV of the
same name by `python -m benchmarks compression`.
"""


def choose_methods(names: Sequence[str] | None) -> list[str]:
    """Choose the methods to run: PCA always, and of the others those installed."""
    check_names("method", names, list(COMPRESSORS))
    wanted = COMPRESSORS if names is None else {REFERENCE, *names}
    for name in wanted:
        if not is_installed(name):
            print(f"{name} is not installed: skipped (benchmarks/README.md says how).")
    return [name for name in COMPRESSORS if name in wanted and is_installed(name)]


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure what the command line asks for and is not there yet."""
    methods = choose_methods(options.methods)
    sizes = QUICK_SIZES if options.quick else CODE_SIZES
    groups = unmeasured(plan_for(options, QUICK_TABLES, methods, sizes), kept)
    return measure_groups(groups, options.jobs)


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    add = parser.add_argument
    add("--methods", type=split_names, metavar="A,B", help="PCA and only these methods")
    add("--jobs", type=int, default=1, help="fits at a time; above 1 blurs the seconds")
    add_cell_options(parser)


def held_out_fvu(rows: pd.DataFrame) -> pd.DataFrame:
    """Lay the FVU out, the methods in the order of the reports."""
    return ratios.held_out_fvu(rows, COMPRESSORS)


def wide(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Lay a column out, the methods in the order of the reports."""
    return ratios.wide(rows, column, COMPRESSORS)


def ratio_summary(fvu: pd.DataFrame) -> pd.DataFrame:
    """Sum each method's ratios to PCA up, one line per method."""
    by_cell, by_split = cell_ratios(fvu), ratios.split_ratios(fvu)
    lines = {}
    for method in by_cell.columns.drop(REFERENCE):
        cells, splits = by_cell[method].dropna(), by_split[method].dropna()
        lines[method] = {
            "cells": len(cells),
            "median": cells.median(),
            "geometric mean": ratios.geometric_mean(cells),
            "worst": cells.max(),
            "worst cell": label(cells.idxmax()),
            "worst split ratio": splits.max(),
            "worst split": label(splits.idxmax()),
            "below PCA": int((cells < 1).sum()),
        }
    return pd.DataFrame(lines).T


def against_rivals(fvu: pd.DataFrame) -> pd.DataFrame:
    """Divide our FVU by the better rival's, cell by cell; empty where there is none."""
    by_cell = cell_ratios(fvu)
    names = [name for name in RIVALS if name in by_cell]
    if OURS not in by_cell or not names:
        return pd.DataFrame(columns=["better rival", "ratio"], dtype=float)
    both = by_cell.dropna(subset=[OURS]).dropna(subset=names, how="all")
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
    values = wide(rows, column)
    return ratios.cell_means(values.sub(values[REFERENCE], axis=0))


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    fvu = held_out_fvu(rows)
    if OURS not in fvu:
        return []
    linear = ratios.table_means(score_differences(rows, "linear_score"))[OURS]
    dimkit = "processor time of fits over all tables at most {:.2f} times dimkit's"
    return [
        *_to_pca(fvu),
        *_to_rivals(against_rivals(fvu)["ratio"]),
        at_most(dimkit, time_ratio(rows, "cpu_seconds"), TIME_TO_DIMKIT),
        *_linear(linear),
    ]


def _to_pca(fvu: pd.DataFrame) -> Iterator[Promise]:
    """Check our FVU by PCA's."""
    to_pca: tuple[tuple[Callable[..., pd.DataFrame], str, float], ...] = (
        (cell_ratios, "cell", WORST_CELL),
        (ratios.split_ratios, "single split", WORST_SPLIT),
    )
    for divide, kind, limit in to_pca:
        found = divide(fvu)[OURS].dropna()
        promised = f"FVU at most {{:.2f}} times PCA's in every {kind}"
        yield at_most(promised, found.max(), limit, f" ({label(found.idxmax())})")
    median = cell_ratios(fvu)[OURS].median()
    promised = "median of the cells' ratios to PCA at most {:.2f}"
    yield at_most(promised, median, MEDIAN_TO_PCA)


def _to_rivals(ratio: pd.Series) -> Iterator[Promise]:
    """Check our FVU by the better rival's."""
    worst = f" ({label(ratio.idxmax())})" if len(ratio) else ""
    promised = "FVU at most {:.2f} times the better rival's in every cell"
    yield at_most(promised, ratio.max(), WORST_TO_RIVAL, worst)
    promised = "median of the cells' ratios to the better rival at most {:.2f}"
    yield at_most(promised, ratio.median(), MEDIAN_TO_RIVAL)


def _linear(means: pd.Series) -> Iterator[Promise]:
    """Check the linear model on our codes against that on PCA's."""
    tables, average = means.drop("all tables"), means["all tables"]
    promised = (
        f"linear model's score at least PCA's minus {SCORE_TOLERANCE} on every table "
        "(mean over code sizes and splits)"
    )
    worst = f" ({tables.idxmin()})"
    yield at_least(promised, tables.min(), -SCORE_TOLERANCE, worst)
    promised = "linear model's score above PCA's on the average of the tables"
    yield Promise(promised, f"{average:+.4f}", bool(average > 0))


def notes(rows: pd.DataFrame) -> list[str]:
    """Say which methods, rows and fits are not there."""
    lines = ratios.table_lines(rows, CODE_SIZES)
    expected = len(rows[KEY[:3]].drop_duplicates())
    for method in COMPRESSORS:
        count = int((rows["method"] == method).sum())
        if count < expected:
            missing = f"{expected - count} of {expected}"
            lines.append(f"**{method}: {missing} fits not measured**")
    largest = rows.groupby("table")["fit_rows"].transform("max")
    limited = rows[rows["fit_rows"] < largest]
    for (table, method), group in limited.groupby(["table", "method"]):
        used, of = group["fit_rows"].iloc[0], largest[group.index[0]]
        lines.append(
            f"{method} on {table}: fitted to {used:.0f} of {of:.0f} training rows"
        )
    return lines


def ratio_text(fvu: pd.DataFrame) -> Iterator[str]:
    """Show each table's ratios to PCA."""
    table = cell_ratios(fvu).drop(columns=REFERENCE)
    pca = ratios.cell_means(fvu[REFERENCE]).map(three_digits)
    table.insert(0, "PCA's FVU", pca)
    yield (
        "## Held-out FVU by PCA's\n\nMean over the splits by PCA's mean; below 1 the "
        "method loses less than PCA."
    )
    for name, group in table.groupby(level="table"):
        yield f"### {name}\n\n{markdown(group.droplevel('table'))}"
    yield f"### All tables\n\n{markdown(ratio_summary(fvu))}"


def rival_text(fvu: pd.DataFrame) -> Iterator[str]:
    """Compare with the better rival, and list every cell where another is better."""
    table = against_rivals(fvu)
    yield "## Against the better of dimkit and encdr"
    if len(table):
        ratio = table["ratio"]
        yield "Ratios to PCA, and ours by the better rival's."
        yield markdown(table)
        yield (
            f"Median {number(ratio.median())}, worst {number(ratio.max())} "
            f"({label(ratio.idxmax())}); {OURS} is better in "
            f"{int((ratio < 1).sum())} of {len(ratio)} cells."
        )
    else:
        yield "Neither was measured."
    lost = list(losses(cell_ratios(fvu))) or ["none"]
    yield f"### Where another method loses less than {OURS}\n\n{bullets(lost)}"


def losses(table: pd.DataFrame) -> Iterator[str]:
    """Name each cell where ours is not the best, and by whom it is beaten."""
    if OURS not in table:
        return
    for cell, row in table.iterrows():
        better = row[row < row[OURS] - ROUNDING].sort_values()
        if len(better):
            names = ", ".join(f"{name} {number(v)}" for name, v in better.items())
            yield f"{label(cell)}: {OURS} {number(row[OURS])}; {names}"


def time_text(rows: pd.DataFrame) -> Iterator[str]:
    """Show fit seconds."""
    yield "## Fit seconds, summed over code sizes and splits"
    yield markdown(table_totals(rows, "fit_seconds"), decimals(1))
    ratio = time_ratio(rows)
    if not np.isnan(ratio):
        yield (
            f"{OURS} by dimkit, over all fits that both have: {number(ratio)}; in "
            "processor seconds, which other work on the machine disturbs less, "
            f"{number(time_ratio(rows, 'cpu_seconds'))}."
        )


def score_text(rows: pd.DataFrame, column: str, title: str) -> Iterator[str]:
    """Show what a model makes of the codes, as differences from PCA's codes."""
    table = score_differences(rows, column).drop(columns=REFERENCE)
    means = ratios.table_means(table)
    pca = ratios.cell_means(wide(rows, column)[REFERENCE]).map(number)
    table.insert(0, f"{REFERENCE}'s", pca)
    table.insert(0, "metric", rows.groupby(ratios.CELL)["metric"].first())
    yield f"## {title}"
    yield "PCA's score, and the difference of each method from it, mean over splits."
    yield markdown(table, signed)
    yield f"Means over code sizes:\n\n{markdown(means, signed)}"


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Lay the sections out."""
    fvu = held_out_fvu(rows)
    yield from ratio_text(fvu)
    yield from rival_text(fvu)
    yield from time_text(rows)
    yield from score_text(rows, "linear_score", "Linear model on the codes")
    yield from score_text(rows, "knn_score", "Five nearest neighbours on the codes")
    peak = wide(rows, "peak_megabytes").groupby(level="table").max()
    yield "## Peak memory of a fit, in MB beyond what was in use before"
    yield f"The largest over code sizes and splits.\n\n{markdown(peak, decimals(0))}"


SUITE = Suite(
    intro=INTRO,
    columns=(*COLUMNS, "knn_score"),
    measure=measure,
    report=report,
    promises=promises,
    notes=notes,
    add_options=add_options,
    staying=lambda options, rows: options.resume,
)
