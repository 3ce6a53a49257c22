"""How many codes a share of the variance takes, beside PCA."""

from argparse import Namespace
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from benchmarks.datasets import Table, load_tables
from benchmarks.measuring import FIT_COLUMNS, lost_by, split_table, timed_fit
from benchmarks.ratios import OURS, REFERENCE
from benchmarks.records import Row
from benchmarks.reports import Promise, at_least, at_most, markdown
from benchmarks.suite import Suite
from sklearn_ae import AutoencoderTransformer

SHARE = 0.9
SMALLER = 2 / 3  # of the tables: 6 of 9
# By how much codes may explain less of rows that nobody has seen than PCA's do, or than
# what was asked for if that is less.
TOLERANCE = 0.01
QUICK_TABLES = ("breast_cancer", "digits")

INTRO = f"""\
# Shares of the variance

How many codes take {SHARE:.0%} of the variance (`n_components={SHARE}`), and the share
of the variance of held-out rows that they explain. Written from the CSV of the same
name by `python -m benchmarks shares`.
"""


def measure_tables(tables: Iterable[Table]) -> Iterator[Row]:
    """Yield a row for PCA and one for ours, fitted to the same rows of a table."""
    for table in tables:
        split = split_table(table, 0)
        models = {
            REFERENCE: PCA(SHARE, svd_solver="full"),
            OURS: AutoencoderTransformer(SHARE, random_state=0, device="cpu"),
        }
        for method, model in models.items():
            figures = timed_fit(model, split.X)
            yield {
                "table": table.name,
                "method": method,
                "n_components": model.n_components_,
                "held_out_share": 1.0 - lost_by(model, split.X_test),
                **figures,
            }


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure all tables, for the quick form only two."""
    names = QUICK_TABLES if options.quick else None
    return measure_tables(load_tables(options.data, names))


def wide(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Lay a column out: a line per table, a column per method."""
    table = rows.pivot(index="table", columns="method", values=column)
    return table[[REFERENCE, OURS]].rename_axis(None, axis=1)


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    sizes, shares = wide(rows, "n_components"), wide(rows, "held_out_share")
    excess = sizes[OURS] - sizes[REFERENCE]
    short = (shares[REFERENCE].clip(upper=SHARE) - shares[OURS]).max()
    fewer = f"fewer codes than PCA on at least {{:.0f}} of {len(sizes)} tables"
    below = f"share of held-out rows at most {{:.2f}} below {SHARE}, or PCA's if lower"
    return [
        at_most("codes beyond PCA's at most {:.0f}", excess.max(), 0.0, "", 0),
        at_least(fewer, (excess < 0).sum(), np.ceil(SMALLER * len(sizes)), "", 0),
        at_most(below, short, TOLERANCE),
    ]


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show codes, explained shares and seconds."""
    titles = {
        "n_components": "Number of codes",
        "held_out_share": "Share of the held-out rows' variance",
        "cpu_seconds": "Processor seconds of the fit",
    }
    for column, title in titles.items():
        yield f"## {title}\n\n{markdown(wide(rows, column))}"


SUITE = Suite(
    intro=INTRO,
    columns=("table", "method", "n_components", "held_out_share", *FIT_COLUMNS),
    measure=measure,
    report=report,
    promises=promises,
)
