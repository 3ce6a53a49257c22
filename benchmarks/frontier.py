"""Loss against time: what a method reaches for the seconds that its fit takes.

The autoencoder at several numbers of epochs, beside rivals at equal code sizes, on the
tables and splits of the compression suite.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks import ratios
from benchmarks.cells import (
    Cell,
    Fitted,
    add_cell_options,
    measure_cell,
    measure_groups,
    plan_for,
    unmeasured,
)
from benchmarks.compression import CODE_SIZES, QUICK_SIZES, QUICK_TABLES
from benchmarks.datasets import check_names, split_names
from benchmarks.labels import Label, place_labels
from benchmarks.manifolds import GreedyManifold, QuadraticManifold, RidgeManifold
from benchmarks.measuring import FIT_COLUMNS, lost_share, one_thread, time_limit
from benchmarks.methods import COMPRESSORS, UMAP, Builder, is_installed, umap
from benchmarks.ratios import KEY, OURS, REFERENCE, geometric_mean
from benchmarks.records import Row
from benchmarks.reports import ROUNDING, Promise, markdown, three_digits
from benchmarks.suite import Suite
from sklearn_ae import AutoencoderTransformer

# What a label in the picture stands for: parameters that trade loss for time. The
# default fit must be among them, under the name DEFAULT.
DEFAULT = "default"
BUDGETS: dict[str, dict[str, Any]] = {
    "max_iter=2": {"max_iter": 2},
    "max_iter=5": {"max_iter": 5},
    "max_iter=20": {"max_iter": 20},
    DEFAULT: {},
    "max_iter=100": {"max_iter": 100},
}
# Below so many seconds nobody waits.
FROM = 0.1
LIMIT = 600.0
# Of no fit do we believe that it takes less.
LEAST_SECONDS = 1e-6

RATIO = "FVU by PCA's"
# Of the summary; "ours then" is what our curve reaches in the seconds of a rival, and
# "dearest" the seconds at which it ends.
COLUMNS = ["cells", "seconds", "times PCA's", RATIO, "worst", "ours then", "dearest"]
OUR_COLOR = "#1f4e79"
TICKS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5)
# Methods that lose more are drawn here, with their figure beside them.
CEILING = 1.5

INTRO = """\
# Loss against time

Held-out FVU by PCA's and processor seconds of the fit, of the autoencoder at several
numbers of epochs and of other methods, at equal code sizes; geometric means over tables
and code sizes. One thread, no GPU. README.md says what the methods are. Written from
the CSV of the same name by `python -m benchmarks frontier`.
"""


def _ours(parameters: dict[str, Any]) -> Builder:
    """Build the autoencoder with some parameters."""
    return lambda k, seed: AutoencoderTransformer(k, random_state=seed, **parameters)


def our_name(budget: str) -> str:
    """Name the autoencoder at a budget, in the rows."""
    return f"{OURS} {budget}"


OUR_METHODS = [our_name(budget) for budget in BUDGETS]
METHODS: dict[str, Builder] = {
    REFERENCE: COMPRESSORS[REFERENCE],
    **{our_name(budget): _ours(given) for budget, given in BUDGETS.items()},
    "quadratic": QuadraticManifold,
    "greedy quadratic": GreedyManifold,
    "ridge": RidgeManifold,
    UMAP: umap,
    **{
        name: COMPRESSORS[name] for name in COMPRESSORS if name not in (REFERENCE, OURS)
    },
}


def choose_methods(names: Sequence[str] | None) -> list[str]:
    """Choose the methods to run: PCA always, and of the others those installed."""
    check_names("method", names, list(METHODS))
    wanted = [m for m in METHODS if names is None or m in {REFERENCE, *names}]
    for name in wanted:
        if not is_installed(name):
            print(f"{name} is not installed: skipped (benchmarks/README.md says how).")
    return [name for name in wanted if is_installed(name)]


def loss(fitted: Fitted) -> Row:
    """Score the reconstructions of held-out rows."""
    restored = fitted.model.inverse_transform(fitted.codes_test)
    return {"held_out_fvu": lost_share(fitted.split.X_test, restored)}


def measure_fit(cell: Cell, limit: float = LIMIT) -> Row:
    """Measure one cell with one thread; a fit that takes too long gets an error."""
    with one_thread(), time_limit(limit):
        row = measure_cell(cell, METHODS[cell.method], lambda fitted: {}, loss)
    return row | {"threads": 1}


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure what the command line asks for and is not there yet."""
    methods = choose_methods(options.methods)
    sizes = QUICK_SIZES if options.quick else CODE_SIZES
    groups = unmeasured(plan_for(options, QUICK_TABLES, methods, sizes), kept)
    work = partial(measure_fit, limit=options.limit)
    return measure_groups(groups, options.jobs, work)


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    add = parser.add_argument
    add("--methods", type=split_names, metavar="A,B", help="PCA and only these methods")
    add("--jobs", type=int, default=1, help="fits at a time; above 1 blurs the seconds")
    add("--limit", type=float, default=LIMIT, help="processor seconds of a fit")
    add_cell_options(parser)
    parser.set_defaults(n_splits=1)


def cells_of(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lay ratios to PCA and seconds out: a line per cell, a column per method.

    A rival's fit that failed is left out; one of ours is infinitely bad.
    """
    fvu = ratios.held_out_fvu(rows, METHODS)
    rivals = fvu.columns.difference(OUR_METHODS)
    fvu[rivals] = fvu[rivals].replace(np.inf, np.nan)
    seconds = ratios.wide(rows, "cpu_seconds", METHODS).clip(lower=LEAST_SECONDS)
    return ratios.cell_ratios(fvu), ratios.cell_means(seconds)


def our_curve(ratio: pd.DataFrame, seconds: pd.DataFrame) -> pd.DataFrame:
    """Average each of our budgets over cells, the cheapest first; none that failed."""
    ours = [name for name in OUR_METHODS if name in ratio]
    ours = [name for name in ours if np.isfinite(ratio[name]).all()]
    curve = {
        "seconds": geometric_mean(seconds[ours]), "ratio": geometric_mean(ratio[ours])
    }  # fmt: skip
    return pd.DataFrame(curve).sort_values("seconds")


def reached(curve: pd.DataFrame, seconds: float) -> float:
    """Interpolate what ours reaches in so many seconds, in logarithms.

    A dearer budget that is worse counts as the cheaper one, which one would take. Left
    of the curve is its cheapest point: whoever is worse than that is not better.
    """
    best = np.minimum.accumulate(np.log(curve["ratio"]))
    return float(np.exp(np.interp(np.log(seconds), np.log(curve["seconds"]), best)))


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Average each method over its cells, and compare with ours over the same."""
    ratio, seconds = cells_of(rows)
    lines = {}
    for method in ratio:
        there = ratio[method].notna()
        own, own_seconds = ratio[method][there], seconds[method][there]
        mean = geometric_mean(own_seconds)
        line = {
            "cells": len(own),
            "seconds": mean,
            "times PCA's": geometric_mean(own_seconds / seconds[REFERENCE][there]),
            RATIO: geometric_mean(own),
            "worst": own.max(),
        }
        curve = our_curve(ratio[there], seconds[there])
        if method not in (REFERENCE, *OUR_METHODS) and len(curve) and len(own):
            line |= {"ours then": reached(curve, mean), "dearest": curve.seconds.max()}
        lines[method] = line
    table = pd.DataFrame.from_dict(lines, orient="index")
    return table.reindex(columns=COLUMNS)


def dominating(table: pd.DataFrame) -> pd.DataFrame:
    """Select the rivals that are at once cheaper and better than our curve."""
    better = table[RATIO] < table["ours then"] - ROUNDING
    return table[
        better & (table["seconds"] >= FROM) & (table["seconds"] <= table["dearest"])
    ]


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    table = summarise(rows)
    rivals = table["ours then"].notna()
    found = [f"{name} failed" for name in table.index[np.isinf(table[RATIO])]]
    found += [
        f"{name} ({row[RATIO]:.3f}, ours {row['ours then']:.3f})"
        for name, row in dominating(table).iterrows()
    ]
    promised = (
        "no other method is at once cheaper and better than the interpolated curve of "
        f"ours, from {FROM} s on"
    )
    kept = not found if found or rivals.any() else None
    return [Promise(promised, ", ".join(found) or "none", kept)]


def notes(rows: pd.DataFrame) -> list[str]:
    """Describe tables and splits, and say which fits are missing."""
    lines = ratios.table_lines(rows, CODE_SIZES)
    expected = len(rows[KEY[:3]].drop_duplicates())
    for method in METHODS:
        there = rows[rows["method"] == method]
        count = int((there["error"] == "").sum())
        if count < expected:
            missing = f"{expected - count} of {expected} fits missing"
            lines.append(
                f"**{method}: {missing}**" if count else f"{method}: not there"
            )
        if (there["fit_rows"] < there["rows"] // 2).any():
            most = there["fit_rows"].max()
            lines.append(f"{method}: fitted to at most {most:.0f} rows of a table")
    return lines


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show means over all cells, then each table."""
    table = summarise(rows)
    yield "## All tables"
    yield (
        "Geometric means over the cells that a method has, of processor seconds and of "
        "the held-out FVU by PCA's. `ours then`: what the autoencoder reaches in the "
        "same seconds on the same cells, interpolated; `dearest`: the seconds at which "
        "its curve ends."
    )
    yield markdown(table, three_digits)
    ratio, seconds = cells_of(rows)
    for title, values in ((f"Held-out {RATIO}", ratio), ("Processor seconds", seconds)):
        means = np.exp(np.log(values).groupby(level="table").mean()).T
        yield f"## {title}\n\nGeometric means over the code sizes."
        yield markdown(means.rename_axis(None, axis=1), three_digits)


def picture(rows: pd.DataFrame) -> Figure:
    """Draw our curve, and the others as points."""
    table = summarise(rows).replace(np.inf, np.nan).dropna(subset=["seconds", RATIO])
    places = table[["seconds"]].assign(ratio=table[RATIO].clip(upper=CEILING))
    ours = places.loc[table.index.isin(OUR_METHODS)].sort_values("seconds")
    others = places.drop(ours.index)
    above = table.loc[others.index, RATIO] > CEILING
    figure = Figure(figsize=(7, 4.6), dpi=150, layout="constrained")
    ax = figure.subplots()
    ax.set(xscale="log", yscale="log")
    ax.axhline(1, color="0.8", linewidth=1, zorder=0)
    ax.plot(*ours.to_numpy().T, "o-", color=OUR_COLOR, linewidth=2, markersize=6)
    for marker, group in (("D", others[~above]), ("^", others[above])):
        ax.plot(*group.to_numpy().T, marker, color="0.35", markersize=5)
    _dress(ax)
    figure.draw_without_rendering()  # labels need the final layout
    figure.set_layout_engine("none")
    most = table["cells"].max()
    labels = [
        Label(
            _label(name, row, most),
            tuple(places.loc[name]),
            OUR_COLOR if name in OUR_METHODS else "black",
        )
        for name, row in table.iterrows()
    ]
    place_labels(ax, labels, ours.to_numpy())
    return figure


def _dress(ax: Axes) -> None:
    """Set limits, ticks and titles."""
    ax.margins(0.12)
    ax.set_xlabel("processor seconds of the fit (geometric mean)")
    ax.set_ylabel("held-out loss by PCA's (lower is better)")
    low, high = ax.get_ylim()
    ax.set_yticks([tick for tick in TICKS if low <= tick <= high])
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    ax.spines[["top", "right"]].set_visible(False)


def _label(name: str, row: pd.Series, most: int) -> str:
    """Shorten a name, and say where cells are missing or the picture ends."""
    text = name.removeprefix(f"{OURS} ")
    if row[RATIO] > CEILING:
        text += f": {row[RATIO]:.2g}"
    if row["cells"] < most:
        text += f" ({row['cells']:.0f} of {most} cells)"
    return text


def draw(rows: pd.DataFrame, stem: Path) -> None:
    """Write the picture."""
    picture(rows).savefig(stem.with_suffix(".png"))


SUITE = Suite(
    intro=INTRO,
    columns=(
        *KEY, "rows", "columns", "metric", "fit_rows", "held_out_fvu", *FIT_COLUMNS
    ),
    measure=measure,
    report=report,
    promises=promises,
    notes=notes,
    add_options=add_options,
    staying=lambda options, rows: options.resume,
    draw=draw,
)  # fmt: skip
