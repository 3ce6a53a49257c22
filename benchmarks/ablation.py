"""What each mechanism of a fit is worth: switched off, one at a time."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import replace
from itertools import chain

import numpy as np
import pandas as pd

from benchmarks import cells, ratios
from benchmarks.cells import Cell, measure_cell
from benchmarks.datasets import REGIMES, Table, spectra, split_names
from benchmarks.measuring import CPU_SECONDS
from benchmarks.ratios import REFERENCE, done_keys
from benchmarks.records import Row
from benchmarks.reports import bullets, decimals, markdown, number, signed
from benchmarks.smooth_rows import smooth_table
from benchmarks.suite import Suite
from benchmarks.variants import (
    ALL_ROWS,
    DEFAULT,
    ONE_ROW,
    OTHER_SEED,
    STEPS,
    SWITCHED_OFF,
    VARIANTS,
    Variant,
    choose_variants,
)

CODE_SIZES = (2, 10)
QUICK_TABLES = ("wine",)
# What the package exists for: few quantities behind many columns, and many rows.
GENERATED: dict[str, Callable[[], Table]] = {
    "curved": REGIMES["curved"],
    "spectra": spectra,
    "smooth": smooth_table,
}
MARGIN = 0.01  # another seed alone often makes smaller differences

INTRO = f"""\
# Ablation

What `AutoencoderTransformer` loses, and how long it takes, with one mechanism of a fit
switched off or one value changed. **The defaults were chosen on these tables, which
flatters them.** `{OTHER_SEED}` changes nothing but `random_state`: what it shows is
chance. All variants take turns on each split of a table at a code size, numbers of
steps (`transform_max_iter`) among themselves. Written from the CSV of the same name by
`python -m benchmarks ablation`.
"""

# Promises that fall without a mechanism by which no tables gain much, and the test that
# shows it.
PROMISES = {
    "shrinkage by the steps alone": (
        "new rows are reconstructed as PCA does where nothing bends",
        "benchmarks/test_floor.py::test_what_only_steps_come_nearer_to_stays_pca",
    ),
    "any gain counts": (
        "a gain of few rows decides nothing",
        "fit/test_cross_validation.py::test_gain_of_few_rows_does_not_decide",
    ),
    "equal rows in any fold": (
        "rows that were trained on confirm nothing",
        "fit/test_budget.py::test_repeated_rows_of_a_large_table_confirm_nothing",
    ),
    "shift cost not in steps": (
        "linear models read the codes of diabetes almost as well as PCA's scores",
        "benchmarks/test_compression.py::"
        "test_linear_models_read_codes_almost_as_well_as_scores",
    ),
    "no range": (
        "rows far out lose what they lose with PCA",
        "test_range.py::test_far_rows_lose_what_they_lose_with_pca",
    ),
}

_COLUMNS = [
    "**FVU**: held-out FVU by the default's, geometric mean over the cells (a table at "
    "one code size, mean over the splits); below 1 the variant is better",
    f"**better**, **worse**: cells in which it is so by more than {MARGIN:.0%}",
    "**worst by PCA's**: the largest FVU of a cell by PCA's",
    "**linear**, **worst linear**: score of a linear model on the codes, minus that "
    "on PCA's, mean over the cells and the worst of them",
    "**CPU s**, **CPU**: processor seconds of all fits; by the default's (geom. mean)",
]


def measure_cells(
    group: Iterable[Cell], variants: dict[str, Variant], done: Container[object] = ()
) -> Iterator[Row]:
    """Yield rows of PCA and of all variants; in each cell another comes first."""
    names = list(variants)
    for position, cell in enumerate(group):
        first = position % len(names)
        if cell.key not in done:
            yield measure_cell(cell, more=lambda fitted: {})
        for name in names[first:] + names[:first]:
            own = replace(cell, method=name)
            if own.key not in done:
                yield variants[name].measure(own)


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure what the command line asks for and is not there yet."""
    variants = choose_variants(options.variants, options.values)
    generated = [make() for make in GENERATED.values()]
    groups = cells.plan_for(
        options, QUICK_TABLES, [REFERENCE], CODE_SIZES, more=generated
    )
    return measure_cells(chain.from_iterable(groups), variants, done_keys(kept))


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    add = parser.add_argument
    add("--variants", type=split_names, metavar="A,B", help="the default and these")
    add("--values", action="store_true", help="also other values of the defaults")
    cells.add_cell_options(parser)


def counted_fvu(rows: pd.DataFrame) -> pd.DataFrame:
    """Lay the FVU out; where PCA leaves nothing, differences are rounding."""
    fvu = ratios.held_out_fvu(rows)
    return fvu[fvu[REFERENCE] > ratios.SMALLEST_FVU]


def real(rows: pd.DataFrame) -> pd.DataFrame:
    """Leave generated tables out, unless there are no others."""
    is_real = ~rows["table"].isin(GENERATED)
    return rows[is_real | ~is_real.any()]


def mean_ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Return FVU and processor time of each variant by the default's."""
    seconds = ratios.wide(rows, CPU_SECONDS)
    fvu = ratios.cell_ratios(counted_fvu(rows), DEFAULT)
    parts = {"FVU": fvu, "CPU": seconds.div(seconds[DEFAULT], axis=0)}
    return pd.DataFrame({k: ratios.geometric_mean(part) for k, part in parts.items()})


def linear_gains(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the linear score minus PCA's, a line a cell, a column a variant."""
    scores = ratios.wide(rows, "linear_score")
    return ratios.cell_means(scores.sub(scores[REFERENCE], axis=0))


def variant_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Sum the variants up, a line each, the default first."""
    rows = real(rows)
    fvu = counted_fvu(rows)
    to_pca, to_default = (ratios.cell_ratios(fvu, n) for n in (REFERENCE, DEFAULT))
    linear, means = linear_gains(rows), mean_ratios(rows)
    table = pd.DataFrame(
        {
            "FVU": means["FVU"],
            "better": (to_default < 1 - MARGIN).sum(),
            "worse": (to_default > 1 + MARGIN).sum(),
            "worst by PCA's": to_pca.max(),
            "linear": linear.mean().map(signed),
            "worst linear": linear.min().map(signed),
            "CPU s": ratios.wide(rows, CPU_SECONDS).sum().map(decimals(1)),
            "CPU": means["CPU"],
        }
    )
    return in_order(table)


def generated_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return FVU and time by the default's, and linear scores, of generated tables."""
    found = {}
    for name, part in rows[rows["table"].isin(GENERATED)].groupby("table"):
        means = mean_ratios(part).assign(linear=linear_gains(part).mean())
        found[name] = means.add_suffix(f", {name}")
    columns = [found[name] for name in GENERATED if name in found]
    return in_order(pd.concat(columns, axis=1)) if columns else pd.DataFrame()


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Put variants in the order in which they are listed, and leave PCA out."""
    return table.loc[[name for name in VARIANTS if name in table.index]]


def worth(table: pd.DataFrame, generated: pd.DataFrame) -> list[str]:
    """Name the variants that lose little on the real tables and on each generated one.

    Less than 2 % of FVU and .005 of the linear score, wherever defaults were measured.
    """
    both = table[["FVU", "linear"]].astype({"linear": float}).join(generated)
    fvu, linear = both.filter(like="FVU"), both.filter(like="linear")
    loses = (fvu >= 1.02) | fvu.isna()
    misread = (linear <= linear.loc[DEFAULT] - 0.005) | linear.isna()
    small = ~loses.any(axis=1) & ~misread.any(axis=1) & table.index.isin(SWITCHED_OFF)
    found = table[small].drop(index=DEFAULT)[["FVU", "linear", "CPU"]]
    lines = []
    for name, fvu, score, cpu in found.itertuples():
        lines.append(f"{name}: FVU {number(fvu)}, linear {score}, CPU {number(cpu)}")
        if name in PROMISES:
            promise, test = PROMISES[name]
            lines[-1] += f"; stays: {promise} (`tests/{test}`)"
    return lines


def transform_times(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the times of `transform` with the variants that change it."""
    times = real(rows).dropna(subset=[ONE_ROW]).groupby("method", sort=False)
    return times.agg({ONE_ROW: "median", ALL_ROWS: "sum"})


def steps_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return loss and times by the number of steps of codes, those of one being 1."""
    found = variant_table(rows)[["FVU", "CPU"]].join(transform_times(rows))
    found = found.reindex(list(STEPS)).set_axis(STEPS.values()).rename_axis("steps")
    found.columns = ["loss", "fit", "`transform` of one row", "of many rows"]
    return found / found.loc[1]


def notes(rows: pd.DataFrame) -> list[str]:
    """Describe tables, and say how many cells count."""
    n_cells = len(ratios.cell_means(counted_fvu(real(rows))))
    return [*ratios.table_lines(rows, CODE_SIZES), f"{n_cells} cells count for FVU"]


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Lay the sections out."""
    table, generated = variant_table(rows), generated_table(rows)
    yield f"## Variants\n\nOf the real tables, if there are any:\n\n{bullets(_COLUMNS)}"
    yield markdown(table.rename_axis("variant"))
    yield "### Less than 2 % of FVU and .005 of the linear score"
    yield bullets(worth(table, generated) or ["none"])
    if len(generated):
        yield "## Generated tables, by the default's"
        yield markdown(generated.rename_axis("variant"))
    yield "## Transform, in processor time"
    yield markdown(transform_times(rows).rename_axis("variant"))
    fvu = ratios.cell_ratios(counted_fvu(rows), DEFAULT)
    logs = np.log(fvu.drop(columns=REFERENCE)).groupby(level="table").mean()
    yield "## Held-out FVU by the default's, table by table"
    yield markdown(np.exp(logs).T.loc[list(table.index)].rename_axis("variant"))


SUITE = Suite(
    intro=INTRO,
    columns=(*cells.COLUMNS, ONE_ROW, ALL_ROWS),
    measure=measure,
    report=report,
    notes=notes,
    add_options=add_options,
    staying=lambda options, rows: options.resume,
)
