"""Tables and sentences of README.md and the guide that quote results, from these.

They stand between the lines ``<!-- results: NAME -->`` and ``<!-- end -->``.
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import (
    ablation,
    compression,
    imputation,
    ratios,
    records,
    redundant_features,
    streams,
)
from benchmarks import downstream as downstream_suite
from benchmarks import frontier as frontier_suite
from benchmarks import mixed as mixed_suite
from benchmarks import outliers as outliers_suite
from benchmarks import production as production_suite
from benchmarks import scale as scale_suite
from benchmarks import shares as shares_suite
from benchmarks.methods import PREDICTORS, TARGETED, WITH_TARGET
from benchmarks.ratios import OURS, REFERENCE
from benchmarks.reports import decimals, markdown, three_digits, whole

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "guide"
PAGES = (
    ROOT / "README.md",
    *(GUIDE / f"{name}.md" for name in ("codes", "figures", "onnx", "outliers")),
)
RESULTS = Path(__file__).parent / "results"
BLOCK = re.compile(r"(<!-- results: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

# Names in README.md of the methods of the compression suite.
NAMES = {
    "plain": "plain PyTorch loop",
    "MLPRegressor": "`MLPRegressor`, X to X",
}


def regimes(rows: pd.DataFrame) -> str:
    """Show scores and losses of the three regimes."""
    means = redundant_features.summarise(redundant_features.parts(rows)[0])
    means = means.droplevel("n_components")
    table = means["score"].unstack("method", sort=False)
    table = table.rename(columns={"nothing": "all columns"})
    lost = means["held_out_fvu"].unstack("method", sort=False)
    table["lost by PCA"] = lost[REFERENCE]
    table["by the autoencoder"] = lost[OURS]
    table = table[
        ["all columns", REFERENCE, "KernelPCA", OURS, redundant_features.FACTORS,
         "lost by PCA", "by the autoencoder"]
    ]  # fmt: skip
    return markdown(table.rename_axis("redundancy"), decimals(3))


def targeted(rows: pd.DataFrame) -> str:
    """Show scores of the three regimes where methods are told the target."""
    means = redundant_features.summarise(redundant_features.parts(rows)[0])
    means = means.droplevel("n_components")
    table = means["score"].unstack("method", sort=False)
    lost = means["held_out_fvu"].unstack("method", sort=False)
    table = table[[*PREDICTORS, *TARGETED, redundant_features.FACTORS]]
    table = table.rename(columns={WITH_TARGET: "with target"})
    table["lost with target"] = lost[WITH_TARGET]
    table["lost without"] = lost[OURS]
    return markdown(table.rename_axis("redundancy"), decimals(3))


def downstream(rows: pd.DataFrame) -> str:
    """Show linear scores behind five codes."""
    linear = downstream_suite.means(rows, "linear")
    five = linear.xs(downstream_suite.SIZE_OF_PROMISE, level="n_components")
    shown = [downstream_suite.ALL_COLUMNS, REFERENCE, OURS, "PCovR", WITH_TARGET]
    return markdown(
        five[shown].rename(columns={WITH_TARGET: "with target"}), decimals(3)
    )


def compressed(rows: pd.DataFrame) -> str:
    """Show ratios to PCA, and say where another method is better."""
    fvu = compression.held_out_fvu(rows)
    by_cell = ratios.cell_ratios(fvu)
    found = compression.ratio_summary(fvu).sort_values("median").rename(index=NAMES)
    below = found["below PCA"].astype(str) + " of " + found["cells"].astype(str)
    table = pd.DataFrame(
        {
            "median": found["median"].map(decimals(2)),
            "worst cell": found["worst"].map(whole),
            "cells below PCA": below,
        }
    )
    lost = [line.split(":")[0] for line in compression.losses(by_cell)]
    where = f"{len(lost)} of the {len(by_cell)} cells: {', '.join(lost)}"
    notes = [line.strip("*") for line in compression.notes(rows)]
    missing = "; ".join(line for line in notes if line.endswith("not measured"))
    return (
        f"{markdown(table)}\n\nCells in which another method loses less than the "
        f"autoencoder: {where if lost else 'none'}. {missing or 'All were measured'}."
    )


def frontier(rows: pd.DataFrame) -> str:
    """Say what our curve reaches, and who is off it."""
    table = frontier_suite.summarise(rows)
    ours = [
        f"{'the default fit' if budget == frontier_suite.DEFAULT else f'`{budget}`'} "
        f"{row[frontier_suite.RATIO]:.2f} in {three_digits(row['seconds'])} s"
        for budget, row in table.rename(lambda m: m.removeprefix(f"{OURS} ")).iterrows()
        if budget in frontier_suite.BUDGETS
    ]
    beaten = ", ".join(frontier_suite.dominating(table).index) or "no other method"
    missing = [m for m in frontier_suite.METHODS if m not in table.index]
    return (
        f"Geometric means over {table['cells'].max()} cells of "
        f"{rows['table'].nunique()} tables, loss as a ratio to PCA's: "
        f"{'; '.join(ours)}. At once cheaper and better than this curve, from "
        f"{frontier_suite.FROM} s on: {beaten}. "
        f"Not measured: {', '.join(missing) or 'none'}."
    )


def shares(rows: pd.DataFrame) -> str:
    """Say on how many tables fewer codes are taken."""
    sizes = shares_suite.code_sizes(rows)
    fewer = sizes[sizes[OURS] < sizes[REFERENCE]]
    named = ", ".join(
        f"{ours} instead of {pca} on {table}"
        for table, pca, ours in fewer[[REFERENCE, OURS]].itertuples()
    )
    more = int((sizes[OURS] > sizes[REFERENCE]).sum())
    return (
        f"The autoencoder takes fewer codes than PCA on {len(fewer)} of the "
        f"{len(sizes)} tables ({named}), and more on {more or 'none'}."
    )


def imputed(rows: pd.DataFrame) -> str:
    """Show errors of imputed cells."""
    return markdown(imputation.means(rows, "rmse"))


def mixed(rows: pd.DataFrame) -> str:
    """Show mean scores of tables with categories, and count the cells won."""
    found = mixed_suite.cells(rows)
    table = mixed_suite.means(found).T.rename_axis("codes by columns")
    table = table.rename(index=NAMES).rename(columns="{:g}".format)
    better = mixed_suite.won(found)[mixed_suite.FOREST]
    return (
        f"{markdown(table, decimals(2))}\n\nBetter than RFAE in {better.sum()} of "
        f"{len(better)} cells."
    )


def classics(rows: pd.DataFrame) -> str:
    """Say what three codes of Fashion-MNIST lose."""
    lost = rows[rows["case"] == "sigmoid output"].set_index("method")["fvu"]
    random = "textbook, init='random'"
    return (
        "Of Fashion-MNIST, three codes of the textbook network 784-128-64-12-3 lose "
        f"{lost[random]:.2f} of the variance of held-out images, "
        'the defaults with `output_activation="logistic"` '
        f"{lost['defaults, logistic output']:.2f}, and PCA {lost['PCA(3)']:.2f}."
    )


def scaled(rows: pd.DataFrame) -> str:
    """Show seconds and memory of fits to more and more rows."""
    seconds = scale_suite.by_rows(rows, "seconds")
    memory = scale_suite.by_rows(rows, "peak_megabytes")
    shown = [scale_suite.OURS, scale_suite.FILE, scale_suite.CLUSTER]
    rivals = [scale_suite.PCA_, scale_suite.INCREMENTAL]
    table = seconds[[*shown, *rivals]].add_suffix(", s")
    for name in shown:
        table[f"{name}, MB"] = memory[name]
    return markdown(table, whole)


def streamed(rows: pd.DataFrame) -> str:
    """Say what a stream loses in comparison with one fit."""
    ratios = streams.gaps(rows[rows["section"] == "stream"])["partial_fit / one fit"]
    mean = np.exp(np.log(ratios).mean())
    return (
        f"A stream of {streams.N_BATCHES} batches loses {mean:.2f} times what one fit "
        f"does (geometric mean of {len(ratios)} cells; worst {ratios.max():.2f})."
    )


def produced(rows: pd.DataFrame) -> str:
    """Show the time of a call by its rows, and how far codes differ."""
    table = production_suite.seconds(rows)
    apart = production_suite.differences(rows)[production_suite.DIFFERENCE]
    largest = "; ".join(
        f"{method} {value:.0e} ({dtype})" for (dtype, method), value in apart.items()
    )
    return (
        f"{markdown(table.map(production_suite.microseconds))}\n\nLargest difference "
        f"to `transform`, in standard deviations of the codes: {largest}."
    )


def outlying(rows: pd.DataFrame) -> str:
    """Show medians of AUC over tables, and those of the case that is set."""
    table = outliers_suite.medians(rows)
    benign = outliers_suite.by_case(rows).loc[
        (outliers_suite.RARE, outliers_suite.BENIGN)
    ]
    table.loc["20 malignant samples among benign ones"] = benign
    return markdown(table.rename(index={"all": "all three kinds"}), decimals(3))


def stepped(rows: pd.DataFrame) -> str:
    """Show what steps of the codes gain and cost, by what one does."""
    return markdown(ablation.steps_table(rows), decimals(2))


BLOCKS: dict[str, tuple[str, Callable[[pd.DataFrame], str]]] = {
    "regimes": ("redundant_features", regimes),
    "targeted": ("redundant_features", targeted),
    "downstream": ("downstream", downstream),
    "compression": ("compression", compressed),
    "frontier": ("frontier", frontier),
    "shares": ("shares", shares),
    "imputation": ("imputation", imputed),
    "mixed": ("mixed", mixed),
    "scale": ("scale", scaled),
    "streams": ("scale", streamed),
    "production": ("production", produced),
    "classics": ("classics", classics),
    "outliers": ("outliers", outlying),
    "steps": ("ablation", stepped),
}


def updated(text: str) -> str:
    """Return a text with its tables and sentences as the results have them."""

    def block(found: re.Match[str]) -> str:
        suite, write = BLOCKS[found[2]]
        body = write(records.read(RESULTS / f"{suite}.csv"))
        return f"{found[1]}{body}\n{found[3]}"

    return BLOCK.sub(block, text)


def update() -> None:
    """Write the tables and sentences of all pages anew."""
    for page in PAGES:
        text = updated(page.read_text(encoding="utf-8"))
        page.write_text(text, encoding="utf-8")
        print(f"Wrote {page}")
