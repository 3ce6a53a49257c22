"""How much a target should weigh in `TargetAugmenter`: fixed shares, or the folds'."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from benchmarks.datasets import Table, load_tables, some_rows, split_names
from benchmarks.measuring import lost_share, split_table
from benchmarks.methods import linear_model
from benchmarks.records import Row
from benchmarks.reports import markdown, signed
from benchmarks.suite import Suite
from sklearn_ae import TargetAugmenter

SHARES = (0.5, 0.7, 0.9, 0.97)
SEARCHED = "searched"
CODE_SIZES = (2, 5)
QUICK_TABLES = ("wine", "diabetes")
MOST_ROWS = 3000
N_FOLDS = 3
FIGURES = ("linear", "held_out_fvu")

INTRO = """\
# Weight of a target

A linear model behind codes of PCA behind `TargetAugmenter` with fixed values of
`mixing`, and with the largest one whose score in three folds is within a standard error
of the best: held-out R2 or accuracy, and the loss of the columns. Written from the CSV
of the same name by `python -m benchmarks mixing`.
"""


def largest_that_keeps_the_score(results: Mapping[str, Any]) -> int:
    """Choose the least weight of the target that is as good as the best, to chance."""
    scores, best = results["mean_test_score"], np.argmax(results["mean_test_score"])
    error = results["std_test_score"][best] / np.sqrt(N_FOLDS)
    good = np.flatnonzero(scores >= scores[best] - error)
    return int(good[np.argmax(np.asarray(results["param_augmenter__mixing"])[good])])


def measure_cell(table: Table, n_components: int, draw: int) -> Iterator[Row]:
    """Score fixed shares and the search on one split."""
    split = split_table(some_rows(table, MOST_ROWS), draw)
    augmenter = TargetAugmenter(random_state=draw)
    steps = [("augmenter", augmenter), ("pca", PCA(n_components, random_state=draw))]
    pipeline = Pipeline([*steps, ("model", linear_model(table.task))])
    grid = {"augmenter__mixing": SHARES}
    search = GridSearchCV(
        pipeline, grid, cv=N_FOLDS, refit=largest_that_keeps_the_score
    ).fit(split.X, split.y)
    key = {"table": table.name, "n_components": n_components, "split": draw}
    for share in (*SHARES, SEARCHED):
        mixing = share
        if share == SEARCHED:
            mixing = search.best_params_["augmenter__mixing"]
        fitted = pipeline.set_params(augmenter__mixing=mixing).fit(split.X, split.y)
        codec = make_pipeline(*(fitted[name] for name in ("augmenter", "pca")))
        restored = codec.inverse_transform(codec.transform(split.X_test))
        yield {
            **key,
            "method": str(share),
            "mixing": mixing,
            "linear": fitted.score(split.X_test, split.y_test),
            "held_out_fvu": lost_share(split.X_test, restored),
        }


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure the tables that the options name."""
    names = QUICK_TABLES if options.quick and not options.tables else options.tables
    tables = load_tables(options.data, names)
    n_splits = 1 if options.quick else options.n_splits
    return (
        row
        for table in tables
        for n_components in CODE_SIZES
        for draw in range(n_splits)
        for row in measure_cell(table, n_components, draw)
    )


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    add = parser.add_argument
    add("--tables", type=split_names, metavar="A,B", help="only these tables")
    add("--n-splits", type=int, default=2, help="splits of each table")


def means(rows: pd.DataFrame, figure: str) -> pd.DataFrame:
    """Average over splits: a line a table and code size, a column a share."""
    return rows.pivot_table(
        figure, ["table", "n_components"], "method", sort=False
    ).rename_axis(["table", "k"])


def against_default(rows: pd.DataFrame) -> pd.DataFrame:
    """Compare scores and losses with those of the default."""
    scores, lost = (means(rows, figure) for figure in FIGURES)
    gain = scores.sub(scores[str(SHARES[0])], axis=0)
    ratio = np.exp(np.log(lost.div(lost[str(SHARES[0])], axis=0)).mean())
    return pd.DataFrame(
        {
            "score, mean": [signed(float(value)) for value in gain.mean()],
            "score, worst": [signed(float(value)) for value in gain.min()],
            "loss, geometric mean": ratio,
        },
        index=pd.Index(gain.columns, name="mixing"),
    )


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show the comparison with the default, then each table."""
    yield f"## Against the default, {SHARES[0]}\n\n{markdown(against_default(rows))}"
    for title, figure in zip(("Scores", "Loss of the columns"), FIGURES, strict=True):
        yield f"## {title}\n\n{markdown(means(rows, figure))}"
    chosen = rows[rows["method"] == SEARCHED]
    yield f"## What the folds chose\n\n{markdown(means(chosen, 'mixing'))}"


SUITE = Suite(
    intro=INTRO,
    columns=("table", "n_components", "split", "method", "mixing", *FIGURES),
    measure=measure,
    report=report,
    add_options=add_options,
)
