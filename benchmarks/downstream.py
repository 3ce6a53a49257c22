"""What models behind codes are worth: linear, nearest neighbours, gradient boosting.

With and without a target, against all columns, on the tables of the compression suite.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from benchmarks.cells import (
    MAX_ROWS,
    Cell,
    add_cell_options,
    measure_groups,
    plan_for,
    unmeasured,
)
from benchmarks.datasets import Task, check_names, split_names
from benchmarks.measuring import FIT_COLUMNS, lost_share, split_table, timed_fit
from benchmarks.methods import (
    COMPRESSORS,
    TARGETED,
    UMAP,
    WITH_TARGET,
    Builder,
    is_installed,
    linear_model,
    umap,
)
from benchmarks.ratios import CELL, KEY, OURS, REFERENCE, label
from benchmarks.records import Row
from benchmarks.reports import Promise, at_least, at_most, markdown, signed
from benchmarks.suite import Suite

CODE_SIZES = (2, 5, 10, 20)
QUICK_TABLES = ("wine", "diabetes")
QUICK_SIZES = (5,)
ALL_COLUMNS = "all columns"
METHODS: dict[str, Builder] = {
    REFERENCE: COMPRESSORS[REFERENCE],
    "KernelPCA": COMPRESSORS["KernelPCA"],
    UMAP: umap,
    OURS: COMPRESSORS[OURS],
    "PCovR": TARGETED["PCovR"],
    WITH_TARGET: TARGETED[WITH_TARGET],
}
MODELS = ("linear", "neighbours", "boosting")

SIZE_OF_PROMISE = 5
TO_ALL_COLUMNS = 0.005
SHARE_OF_TABLES = 0.9
TO_PCA = 0.01

INTRO = """\
# Models behind codes

Held-out R2 or accuracy of a linear model, five nearest neighbours and gradient boosting
behind codes, and the loss of the columns as a ratio to PCA's. All methods have default
parameters. "PCovR" is PCA behind `TargetAugmenter`, "autoencoder with target" is
`AutoencoderTransformer` behind it. Written from the CSV of the same name by `python -m
benchmarks downstream`.
"""


class _Codes:
    """Keeps the codes of a fit, which with a target are those of held-out rows."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def fit(self, X: np.ndarray, y: np.ndarray) -> None:
        """Fit, and encode the rows."""
        self.codes = np.asarray(self.model.fit_transform(X, y))


def models(task: Task) -> dict[str, Any]:
    """Build what reads the codes."""
    if task == "regression":
        return {
            "linear": linear_model(task),
            "neighbours": KNeighborsRegressor(),
            "boosting": HistGradientBoostingRegressor(random_state=0),
        }
    return {
        "linear": linear_model(task),
        "neighbours": KNeighborsClassifier(),
        "boosting": HistGradientBoostingClassifier(random_state=0),
    }


def measure_cell(cell: Cell) -> Row:
    """Measure models behind the codes of one cell; an error gets a row of its own."""
    row = cell.description
    split = split_table(cell.table, cell.split)
    try:
        codes, codes_test = split.X, split.X_test
        if cell.method != ALL_COLUMNS:
            reducer = METHODS[cell.method](cell.n_components, cell.split)
            codes_of_fit = _Codes(reducer)
            row |= timed_fit(codes_of_fit, split.X, split.y)
            codes = codes_of_fit.codes
            codes_test = np.asarray(reducer.transform(split.X_test))
            if cell.method != UMAP:  # whose way back takes longer than all others
                restored = reducer.inverse_transform(codes_test)
                row["held_out_fvu"] = lost_share(split.X_test, restored)
        for name, model in models(cell.table.task).items():
            fitted = model.fit(codes, split.y)
            row[name] = fitted.score(codes_test, split.y_test)
    except Exception as error:
        row["error"] = f"{type(error).__name__}: {error}"[:200]
    return row


def plan(options: Namespace) -> list[list[Cell]]:
    """List the cells; all columns are a cell of one size, and slow kernels are none."""
    check_names("method", options.methods, list(METHODS))
    names = [m for m in METHODS if m in (options.methods or METHODS)]
    names = [m for m in names if is_installed(m)]
    sizes = QUICK_SIZES if options.quick else CODE_SIZES
    groups = plan_for(options, QUICK_TABLES, names, sizes)
    groups = [
        [
            cell
            for cell in group
            if len(cell.table.X) <= MAX_ROWS.get(cell.method, len(cell.table.X))
        ]
        for group in groups
    ]
    whole = {
        cell.table.name: [
            Cell(cell.table, cell.table.X.shape[1], split, ALL_COLUMNS)
            for split in range(1 if options.quick else options.n_splits)
        ]
        for group in groups
        for cell in group[:1]
    }
    return [*whole.values(), *groups]


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure what the command line asks for and is not there yet."""
    groups = unmeasured(plan(options), kept)
    return measure_groups(groups, options.jobs, measure_cell)


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    add = parser.add_argument
    add("--methods", type=split_names, metavar="A,B", help="only these methods")
    add("--jobs", type=int, default=1, help="fits at a time; above 1 blurs the seconds")
    add_cell_options(parser)


def staying(options: Namespace, rows: pd.DataFrame) -> pd.Series | bool:
    """Tell which rows are kept: with --resume all."""
    return bool(options.resume)


def means(rows: pd.DataFrame, figure: str) -> pd.DataFrame:
    """Average over splits: a line a table and code size, a column a method."""
    table = rows.sort_values("n_components", kind="stable")
    table = table.pivot_table(figure, CELL, "method", sort=False)
    order = {name: i for i, name in enumerate(rows["table"].unique())}
    table = table.sort_index(
        level="table", key=lambda k: k.map(order), kind="stable", sort_remaining=False
    )
    known = [method for method in (ALL_COLUMNS, *METHODS) if method in table]
    table = table[known]
    if ALL_COLUMNS in table:
        whole = table[ALL_COLUMNS].dropna().droplevel("n_components")
        table = table.drop(index=table.index[table[ALL_COLUMNS].notna()])
        table[ALL_COLUMNS] = table.index.get_level_values("table").map(whole)
    return table


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised of linear models behind codes with a target."""
    linear = means(rows, "linear")
    if not {WITH_TARGET, REFERENCE, ALL_COLUMNS} <= {*linear}:
        return []
    few = linear.xs(SIZE_OF_PROMISE, level="n_components")
    enough = few[WITH_TARGET] >= few[ALL_COLUMNS] - TO_ALL_COLUMNS
    below = linear[REFERENCE] - linear[WITH_TARGET]
    return [
        at_least(
            f"{SIZE_OF_PROMISE} codes with target at least all columns less "
            f"{TO_ALL_COLUMNS} on {{:.0%}} of the tables",
            float(enough.mean()),
            SHARE_OF_TABLES,
            digits=2,
        ),
        at_most(
            "with target never below PCA by more than {:g}",
            float(below.max()),
            TO_PCA,
            f" ({label(below.idxmax())})",
        ),
    ]


def lost_ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Divide what codes lose of the columns by what PCA's lose."""
    lost = means(rows[rows["held_out_fvu"].notna()], "held_out_fvu")
    return lost.div(lost[REFERENCE], axis=0)


def differences(rows: pd.DataFrame) -> pd.DataFrame:
    """Sum up differences to PCA's codes: mean and worst cell, for each model."""
    lines = {}
    for model in MODELS:
        found = means(rows, model)
        for method in found.columns.drop(REFERENCE):
            gain = (found[method] - found[REFERENCE]).dropna()
            lines[method, model] = {
                "mean": signed(float(gain.mean())),
                "worst": signed(float(gain.min())),
                "worst cell": label(gain.idxmin()),
                "below PCA": f"{int((gain < 0).sum())} of {len(gain)}",
            }
    index = pd.MultiIndex.from_tuples(lines, names=["codes", "model"])
    return pd.DataFrame(lines.values(), index=index).sort_index(
        level=0, sort_remaining=False
    )


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show the differences to PCA, then each model, then what is lost."""
    yield f"## Against PCA's codes\n\n{markdown(differences(rows))}"
    for model in MODELS:
        yield f"## {model.capitalize()}\n\n{markdown(means(rows, model))}"
    yield f"## Loss of the columns by PCA's\n\n{markdown(lost_ratios(rows))}"
    seconds = means(rows[rows["cpu_seconds"].notna()], "cpu_seconds")
    yield f"## Processor seconds of a fit\n\n{markdown(seconds)}"


SUITE = Suite(
    intro=INTRO,
    columns=(*KEY, "rows", "columns", "metric", *MODELS, "held_out_fvu", *FIT_COLUMNS),
    measure=measure,
    report=report,
    promises=promises,
    add_options=add_options,
    staying=staying,
)
