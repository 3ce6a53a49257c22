"""The command: count the codes that a share of the variance takes, beside PCA."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from benchmarks.cells import split_table
from benchmarks.compression import RESULTS
from benchmarks.datasets import Table
from benchmarks.folds import lost_share
from benchmarks.promises import Promise, at_least, at_most, print_verdicts
from benchmarks.real_tables import load_tables
from benchmarks.report import write_rows
from sklearn_ae import AutoencoderTransformer

SHARE = 0.9
SMALLER = 2 / 3  # of the tables: 6 of 9
# By how much codes may explain less of rows that nobody has seen than PCA's do, or than
# what was asked for if that is less.
TOLERANCE = 0.01
QUICK_TABLES = ("breast_cancer", "digits")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, metavar="DIR", help="with tabular/*.npz")
    parser.add_argument("--output", type=Path, metavar="DIR", default=RESULTS)
    parser.add_argument("--quick", action="store_true", help="two bundled tables")
    return parser.parse_args(arguments)


def measure(table: Table) -> Iterator[dict[str, Any]]:
    """Yield a row for PCA and one for ours, fitted to the same rows of a table."""
    split = split_table(table, 0)
    models = {
        "PCA": PCA(SHARE, svd_solver="full"),
        "autoencoder": AutoencoderTransformer(SHARE, random_state=0, device="cpu"),
    }
    for method, model in models.items():
        start = time.perf_counter()
        model.fit(split.X)
        seconds = time.perf_counter() - start
        restored = model.inverse_transform(model.transform(split.X_test))
        yield {
            "table": table.name,
            "method": method,
            "n_components": model.n_components_,
            "held_out_share": 1.0 - lost_share(split.X_test, restored),
            "seconds": seconds,
        }


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    sizes = rows.pivot(index="table", columns="method", values="n_components")
    excess = sizes["autoencoder"] - sizes["PCA"]
    smaller = int((excess < 0).sum())
    shares = rows.pivot(index="table", columns="method", values="held_out_share")
    short = (shares["PCA"].clip(upper=SHARE) - shares["autoencoder"]).max()
    return [
        at_most("codes beyond PCA's at most {:.0f}", excess.max(), 0.0, "", 0),
        at_least(
            f"fewer codes than PCA on at least {{:.0f}} of {len(sizes)} tables",
            smaller,
            np.ceil(SMALLER * len(sizes)),
            "",
            0,
        ),
        at_most(
            f"share of held-out rows at most {{:.2f}} below {SHARE}, or PCA's if lower",
            short,
            TOLERANCE,
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit status is 1 where a promise is not kept."""
    options = parse(arguments)
    tables = load_tables(options.data, quick=False)
    if options.quick:
        tables = [table for table in tables if table.name in QUICK_TABLES]
    rows = pd.DataFrame(row for table in tables for row in measure(table))
    options.output.mkdir(parents=True, exist_ok=True)
    write_rows(rows, options.output / f"shares{'_quick' * options.quick}.csv")
    print(f"\n{rows.round(3).to_string(index=False)}\n")
    return 0 if print_verdicts(promises(rows)) else 1


if __name__ == "__main__":
    sys.exit(main())
