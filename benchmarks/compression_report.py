"""Lay the compression benchmark out as Markdown, from its CSV alone."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import compression_summary as summary
from benchmarks.cells import CODE_SIZES, KEY
from benchmarks.compression_summary import OURS, REFERENCE
from benchmarks.markdown import (
    VERSIONS,
    bullets,
    distinct,
    machine_lines,
    markdown,
    number,
)
from benchmarks.methods import COMPRESSORS, RIVALS
from benchmarks.promises import ROUNDING, verdicts

_INTRO = """\
# Compression

What is lost when a table is compressed to k codes and back, by methods with default
parameters. `autoencoder` is `sklearn_ae.AutoencoderTransformer`; `plain` is a PyTorch
loop without refinements and `MLPRegressor` is fitted to its own input, both with layers
of 256 and 128 units on either side of the code; `dimkit` and `encdr` are packages for
the same purpose. README.md says what each figure means. Written from the CSV of the
same name by `python -m benchmarks.compression`.
"""

_TEXT = ("table", "method", "metric", "error", "cpu", *VERSIONS, *RIVALS)


def read_rows(path: Path) -> pd.DataFrame:
    """Read the measured rows."""
    rows = pd.read_csv(path, dtype=dict.fromkeys(_TEXT, str))
    return rows.fillna(dict.fromkeys(_TEXT, ""))


def _small(value: float) -> str:
    """Print an FVU with three digits, however small."""
    return f"{value:.3g}"


def signed(value: float) -> str:
    """Print a difference with its sign."""
    return "-" if np.isnan(value) else f"{value:+.3f}"


def _whole(value: float) -> str:
    """Print a number without decimals."""
    return "-" if np.isnan(value) else f"{value:.0f}"


def circumstances(
    rows: pd.DataFrame,
    methods: Iterable[str] = COMPRESSORS,
    code_sizes: Iterable[int] = CODE_SIZES,
) -> str:
    """Name machine, versions, tables, and what is missing."""
    code_sizes = list(code_sizes)
    processor, software = machine_lines(rows)
    lines = [
        f"{processor}, {distinct(rows, 'threads')} thread(s) of torch",
        software,
        f"{rows['split'].nunique()} split(s), a quarter of the rows held out",
    ]
    shapes = rows.groupby("table")[["rows", "columns"]].first()
    lines += [
        f"{name}: {shape['rows']} rows, {shape['columns']} columns"
        + "".join(f"; k={k} is skipped" for k in code_sizes if k >= shape["columns"])
        for name, shape in shapes.iterrows()
    ]
    return "## Machine, versions, tables\n\n" + bullets(
        [*lines, *missing(rows, methods)]
    )


def missing(rows: pd.DataFrame, methods: Iterable[str] = COMPRESSORS) -> Iterator[str]:
    """Say which methods, rows and fits are not there."""
    expected = len(rows[[*summary.CELL, "split"]].drop_duplicates())
    for method in methods:
        count = int((rows["method"] == method).sum())
        if count < expected:
            yield f"**{method}: {expected - count} of {expected} fits not measured**"
    largest = rows.groupby("table")["fit_rows"].transform("max")
    limited = rows[rows["fit_rows"] < largest]
    for (table, method), group in limited.groupby(["table", "method"]):
        used, of = group["fit_rows"].iloc[0], largest[group.index[0]]
        yield f"{method} on {table}: fitted to {used:.0f} of {of:.0f} training rows"
    failed = rows[rows["error"] != ""]
    for (method, error), group in failed.groupby(["method", "error"]):
        cells = map(summary.label, group[list(KEY[:3])].itertuples(index=False))
        yield f"**failed**: {method}, {', '.join(cells)}: {error}"


def ratios(rows: pd.DataFrame) -> str:
    """Show each table's ratios to PCA."""
    fvu = summary.held_out_fvu(rows)
    table = summary.cell_ratios(fvu).drop(columns=REFERENCE)
    pca = summary.cell_means(fvu[REFERENCE]).map(_small)
    table.insert(0, "PCA's FVU", pca)
    parts = [
        "## Held-out FVU by PCA's\n\nMean over the splits by PCA's mean; below 1 the "
        "method loses less than PCA."
    ]
    for name, group in table.groupby(level="table"):
        parts.append(f"### {name}\n\n{markdown(group.droplevel('table'))}")
    parts.append(f"### All tables\n\n{markdown(summary.ratio_summary(fvu))}")
    return "\n\n".join(parts)


def rivals(rows: pd.DataFrame) -> str:
    """Compare with the better rival, and list every cell where another is better."""
    fvu = summary.held_out_fvu(rows)
    table = summary.against_rivals(fvu)
    parts = ["## Against the better of dimkit and encdr"]
    if len(table):
        ratio = table["ratio"]
        parts += [
            "Ratios to PCA, and ours by the better rival's.",
            markdown(table),
            f"Median {number(ratio.median())}, worst {number(ratio.max())} "
            f"({summary.label(ratio.idxmax())}); {OURS} is better in "
            f"{int((ratio < 1).sum())} of {len(ratio)} cells.",
        ]
    else:
        parts.append("Neither was measured.")
    lost = list(losses(summary.cell_ratios(fvu))) or ["none"]
    parts += [f"### Where another method loses less than {OURS}", bullets(lost)]
    return "\n\n".join(parts)


def losses(table: pd.DataFrame) -> Iterator[str]:
    """Name each cell where ours is not the best, and by whom it is beaten."""
    if OURS not in table:
        return
    for cell, row in table.iterrows():
        better = row[row < row[OURS] - ROUNDING].sort_values()
        if len(better):
            names = ", ".join(
                f"{name} {number(value)}" for name, value in better.items()
            )
            yield f"{summary.label(cell)}: {OURS} {number(row[OURS])}; {names}"


def times(rows: pd.DataFrame) -> str:
    """Show fit seconds."""
    totals = markdown(summary.table_totals(rows, "fit_seconds"), _seconds)
    parts = ["## Fit seconds, summed over code sizes and splits", totals]
    ratio = summary.time_ratio(rows)
    if not np.isnan(ratio):
        cpu = summary.time_ratio(rows, "cpu_seconds")
        parts.append(
            f"{OURS} by dimkit, over all fits that both have: {number(ratio)}; in "
            f"processor seconds, which other work on the machine disturbs less, "
            f"{number(cpu)}."
        )
    return "\n\n".join(parts)


def _seconds(value: float) -> str:
    """Print seconds with a decimal."""
    return "-" if np.isnan(value) else f"{value:.1f}"


def scores(rows: pd.DataFrame, column: str, title: str) -> str:
    """Show what a model makes of the codes, as differences from PCA's codes."""
    table = summary.score_differences(rows, column).drop(columns=REFERENCE)
    means = summary.table_means(table)
    pca = summary.cell_means(summary.wide(rows, column)[REFERENCE]).map(number)
    metric = rows.groupby(summary.CELL)["metric"].first()
    table.insert(0, f"{REFERENCE}'s", pca)
    table.insert(0, "metric", metric)
    return "\n\n".join(
        [
            f"## {title}",
            "PCA's score, and the difference of each method from it, mean over splits.",
            markdown(
                table, lambda value: value if isinstance(value, str) else signed(value)
            ),
            "Means over code sizes:",
            markdown(means, signed),
        ]
    )


def memory(rows: pd.DataFrame) -> str:
    """Show the peak memory of the fits."""
    peak = summary.wide(rows, "peak_megabytes").groupby(level="table").max()
    return (
        "## Peak memory of a fit, in MB beyond what was in use before\n\n"
        "The largest over code sizes and splits.\n\n" + markdown(peak, _whole)
    )


def compression_text(rows: pd.DataFrame) -> str:
    """Write the whole report."""
    parts = [
        _INTRO.strip(),
        circumstances(rows),
        verdicts(summary.promises(rows)),
        ratios(rows),
        rivals(rows),
        times(rows),
        scores(rows, "linear_score", "Linear model on the codes"),
        scores(rows, "knn_score", "Five nearest neighbours on the codes"),
        memory(rows),
    ]
    return "\n\n".join(parts) + "\n"
