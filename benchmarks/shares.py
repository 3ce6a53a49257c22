"""How many codes a share of the variance takes, beside PCA."""

from argparse import Namespace
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.decomposition import PCA

from benchmarks.datasets import Table, load_tables
from benchmarks.measuring import (
    CPU_SECONDS,
    FIT_COLUMNS,
    Split,
    lost_by,
    one_thread,
    split_table,
    timed_fit,
    warm_up,
)
from benchmarks.ratios import OURS, REFERENCE, geometric_mean
from benchmarks.records import Row
from benchmarks.reports import Promise, at_least, at_most, markdown
from benchmarks.suite import Suite
from sklearn_ae import AutoencoderTransformer

SHARE = 0.9
GIVEN = "autoencoder, number given"  # that the share led to
SEEDS = (0, 1, 2)
SMALLER = 2 / 3  # of the tables: 6 of 9
# By how much codes may explain less of rows that nobody has seen than PCA's do, or than
# what was asked for if that is less.
TOLERANCE = 0.01
MOST_TIMES = 2.0  # what a fit to the share takes, by one to the number
QUICK_TABLES = ("breast_cancer", "digits")

INTRO = f"""\
# Shares of the variance

How many codes take {SHARE:.0%} of the variance (`n_components={SHARE}`), and the share
of the variance of held-out rows that they explain; medians of {len(SEEDS)} seeds.
`{GIVEN}` is a fit that was asked for the number of codes. Written from the CSV of the
same name by `python -m benchmarks shares`.
"""


def measure_tables(tables: Iterable[Table]) -> Iterator[Row]:
    """Yield a row for PCA, and two for ours with each seed, fitted to the same rows."""
    for table in tables:
        split = split_table(table, 0)
        pca = PCA(SHARE, svd_solver="full")
        yield measure_model(REFERENCE, pca, table.name, split)
        for seed in SEEDS:
            ours = AutoencoderTransformer(SHARE, random_state=seed, device="cpu")
            yield measure_model(OURS, ours, table.name, split, seed)
            given = clone(ours).set_params(n_components=ours.n_components_)
            yield measure_model(GIVEN, given, table.name, split, seed)


def measure_model(
    method: str, model: Any, table: str, split: Split, seed: int = 0
) -> Row:
    """Fit a model to the rows of a table, and return its row."""
    figures = timed_fit(model, split.X)
    return {
        "table": table,
        "method": method,
        "seed": seed,
        "n_components": model.n_components_,
        "held_out_share": 1.0 - lost_by(model, split.X_test),
        **figures,
    }


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure all tables, for the quick form only two; with one thread."""
    names = QUICK_TABLES if options.quick else None
    with one_thread():
        warm_up(lambda size, seed: AutoencoderTransformer(size, random_state=seed))
        yield from measure_tables(load_tables(options.data, names))


def wide(rows: pd.DataFrame, column: str, *more: str) -> pd.DataFrame:
    """Lay medians out: a line per table, a column for PCA, ours and more methods."""
    table = rows.groupby(["table", "method"])[column].median().unstack()
    return table[[REFERENCE, OURS, *more]].rename_axis(None, axis=1)


def code_sizes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the number of codes of each table and method."""
    return wide(rows, "n_components").astype(int)


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    sizes, shares = code_sizes(rows), wide(rows, "held_out_share")
    excess = sizes[OURS] - sizes[REFERENCE]
    short = (shares[REFERENCE].clip(upper=SHARE) - shares[OURS]).max()
    fewer = f"fewer codes than PCA on at least {{:.0f}} of {len(sizes)} tables"
    below = f"share of held-out rows at most {{:.2f}} below {SHARE}, or PCA's if lower"
    return [
        at_most("codes beyond PCA's at most {:.0f}", excess.max(), 0.0, "", 0),
        at_least(fewer, (excess < 0).sum(), np.ceil(SMALLER * len(sizes)), "", 0),
        at_most(below, short, TOLERANCE),
        at_most(
            "processor time by that with the number given at most {:.1f} (geom. mean)",
            geometric_mean(times(rows)),
            MOST_TIMES,
        ),
    ]


def times(rows: pd.DataFrame) -> pd.Series:
    """Divide the time of a fit to a share by that of one to the number of codes."""
    seconds = wide(rows, CPU_SECONDS, GIVEN)
    return seconds[OURS] / seconds[GIVEN]


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show codes, explained shares and seconds."""
    yield f"## Number of codes\n\n{markdown(code_sizes(rows))}"
    yield "## Share of the held-out rows' variance"
    yield markdown(wide(rows, "held_out_share"))
    seconds = wide(rows, CPU_SECONDS, GIVEN)
    seconds["autoencoder by that"] = times(rows)
    yield f"## Processor seconds of the fit\n\n{markdown(seconds)}"


SUITE = Suite(
    intro=INTRO,
    columns=("table", "method", "seed", "n_components", "held_out_share", *FIT_COLUMNS),
    measure=measure,
    report=report,
    promises=promises,
)
