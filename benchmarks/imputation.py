"""The command: impute missing cells, and explain observed ones, beside imputers."""

import argparse
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from benchmarks.cells import split_table
from benchmarks.compression import RESULTS
from benchmarks.datasets import Table
from benchmarks.real_tables import load_tables
from benchmarks.report import write_rows
from sklearn_ae import AutoencoderTransformer

MISSING_SHARE = 0.2
N_COMPONENTS = 20
TABLES = ("satimage", "communities")
QUICK_TABLES = ("breast_cancer",)
N_MASKS = 3
MOST_FVU = 1.10  # of the observed cells, as a ratio to the fit on complete rows
IMPUTERS = {
    "SimpleImputer": lambda seed: SimpleImputer(),
    "KNNImputer": lambda seed: KNNImputer(),
    "IterativeImputer": lambda seed: IterativeImputer(random_state=seed),
}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, metavar="DIR", help="with tabular/*.npz")
    parser.add_argument("--output", type=Path, metavar="DIR", default=RESULTS)
    parser.add_argument("--quick", action="store_true", help="one bundled table")
    return parser.parse_args(arguments)


def impute(method: str, X: np.ndarray, seed: int) -> np.ndarray:
    """Fill the NaN of standardised columns, by our reconstruction or by an imputer."""
    with warnings.catch_warnings():
        # IterativeImputer's ten rounds of default end before its tolerance is met.
        warnings.simplefilter("ignore", ConvergenceWarning)
        if method in IMPUTERS:
            return np.asarray(IMPUTERS[method](seed).fit_transform(X))
    model = AutoencoderTransformer(N_COMPONENTS, random_state=seed)
    return model.inverse_transform(model.fit_transform(X))


def observed_fvu(X: np.ndarray, reconstruction: np.ndarray) -> float:
    """Fraction of the variance of the observed cells that is lost."""
    error = np.nansum((X - reconstruction) ** 2)
    return float(error / np.nansum((X - np.nanmean(X, axis=0)) ** 2))


def measure(table: Table, seed: int) -> Iterator[dict[str, Any]]:
    """Yield a row per method for one table and one random mask."""
    X = split_table(table, seed).X
    mask = np.random.default_rng(seed).uniform(size=X.shape) < MISSING_SHARE
    mask[mask.all(axis=1)] = False
    holes = np.where(mask, np.nan, X)
    complete = observed_fvu(X, impute("autoencoder", X, seed))
    for method in (*IMPUTERS, "autoencoder"):
        start = time.perf_counter()
        imputed = impute(method, holes, seed)
        seconds = time.perf_counter() - start
        ours = method == "autoencoder"
        yield {
            "table": table.name,
            "mask": seed,
            "method": method,
            "rmse": np.sqrt(np.mean((imputed - X)[mask] ** 2)),
            "observed_fvu": observed_fvu(holes, imputed) if ours else np.nan,
            "complete_fvu": complete if ours else np.nan,
            "seconds": seconds,
        }


def verdicts(rows: pd.DataFrame) -> Iterator[tuple[bool, str]]:
    """Yield for each table whether the promises are kept, and the figures."""
    for name, part in rows.groupby("table", sort=False):
        means = part.groupby("method")["rmse"].mean()
        ours, best = means["autoencoder"], means.drop("autoencoder").min()
        yield ours < best, f"{name}: RMSE {ours:.3f}, the best imputer's {best:.3f}"
        fvu = part["observed_fvu"].mean() / part["complete_fvu"].mean()
        yield fvu <= MOST_FVU, f"{name}: FVU of observed cells {fvu:.3f} of complete"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit status is 1 where a promise is not kept."""
    options = parse(arguments)
    wanted = QUICK_TABLES if options.quick else TABLES
    tables = [t for t in load_tables(options.data, quick=False) if t.name in wanted]
    if not tables:
        raise SystemExit(f"There is no table {', '.join(wanted)}: set --data.")
    seeds = range(1 if options.quick else N_MASKS)
    rows = pd.DataFrame(
        row for table in tables for seed in seeds for row in measure(table, seed)
    )
    options.output.mkdir(parents=True, exist_ok=True)
    suffix = "_quick" if options.quick else ""
    write_rows(rows, options.output / f"imputation{suffix}.csv")
    summary = rows.groupby(["table", "method"], sort=False)[["rmse", "seconds"]].mean()
    print(f"\n{summary.round(3).to_string()}\n")
    kept = list(verdicts(rows))
    for good, text in kept:
        print("kept  " if good else "MISSED", text)
    return 0 if all(good for good, _ in kept) else 1


if __name__ == "__main__":
    sys.exit(main())
