"""Compare ways to compress redundant columns before a linear regression.

The main job of the benchmarks: ``python -m benchmarks.redundant_features``. Three
regimes of 900 columns and 1000 rows, then real tables.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmarks import published, real_tables, report
from benchmarks.datasets import REGIMES, Table
from benchmarks.folds import N_FOLDS, Job, measure_all
from benchmarks.methods import REDUCERS

RESULTS = Path(__file__).parent / "results"
N_COMPONENTS = 10
# The quick form fits only the first of the same folds.
N_QUICK_FOLDS = 1
LINEAR_TOLERANCE = 0.005
CURVED_R2 = 0.97
# One fold alone lies further from the mean of five.
CURVED_R2_QUICK = 0.96


def regime_jobs(tables: Iterable[Table], n_components: int) -> Iterator[Job]:
    """List the methods of each regime, and the hidden factors where there are any."""
    for table in tables:
        for method in REDUCERS:
            # The published figure of the case without redundancy has no scaling.
            scale = not (table.name == "none" and method == "nothing")
            yield Job(table, method, n_components, scale)
        if table.factors is not None:
            known = replace(table, X=table.factors)
            yield Job(known, "nothing", n_components, label=report.FACTORS)


def run_regimes(
    tables: Iterable[Table], n_components: int = N_COMPONENTS, n_folds: int = N_FOLDS
) -> pd.DataFrame:
    """Measure every method in every regime, one row per fold."""
    return measure_all(regime_jobs(tables, n_components), n_folds, "regimes")


def verdicts(
    rows: pd.DataFrame, curved_r2: float = CURVED_R2
) -> list[tuple[str, bool]]:
    """Say which promises the regimes keep: each as a sentence, and whether it holds."""
    r2 = rows.groupby(["data", "method"])["score"].mean()
    gap = abs(r2["linear", "autoencoder"] - r2["linear", "PCA"])
    curved = r2["curved", "autoencoder"]
    return [
        (
            f"linear: the autoencoder's R2 is {gap:.4f} from PCA's "
            f"(at most {LINEAR_TOLERANCE})",
            bool(gap <= LINEAR_TOLERANCE),
        ),
        (
            f"curved: the autoencoder's R2 is {curved:.4f} (at least {curved_r2})",
            bool(curved >= curved_r2),
        ),
    ]


def report_regimes(rows: pd.DataFrame, output: Path, stem: str) -> bool:
    """Print the table, write rows and figure, and tell whether promises are kept."""
    print(report.regime_text(rows))
    columns = {"data": "regime", "score": "r2"}
    report.write_rows(
        rows.drop(columns="metric").rename(columns=columns), output / f"{stem}.csv"
    )
    figure_path = output / f"{stem}.png"
    report.regime_figure(rows).savefig(figure_path)
    print(f"Wrote {figure_path}")
    one_fold = rows["fold"].nunique() == 1
    results = verdicts(rows, CURVED_R2_QUICK if one_fold else CURVED_R2)
    for sentence, kept in results:
        print(f"{'kept' if kept else 'MISSED'}  {sentence}")
    return all(kept for _, kept in results)


def report_tables(tables: list[Table], rows: pd.DataFrame, path: Path) -> None:
    """Print the real tables and what was skipped, and write the rows."""
    print(report.real_text(rows))
    for line in real_tables.skipped(tables):
        print(line)
    report.write_rows(rows.rename(columns={"data": "table"}), path)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.redundant_features", description=__doc__
    )
    parser.add_argument(
        "--quick", action="store_true", help="one fold and fewer tables, for CI"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="also use the tables DIR/tabular/*.npz"
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", default=RESULTS, help="where results go"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the whole job; the exit status is 1 where a promise is not kept."""
    options = parse(arguments)
    started = time.perf_counter()
    suffix = "_quick" if options.quick else ""
    n_folds = N_QUICK_FOLDS if options.quick else N_FOLDS
    # Loaded first, so that a wrong folder is reported before the long part.
    try:
        tables = real_tables.load_tables(options.data, options.quick)
    except FileNotFoundError as error:
        raise SystemExit(f"--data: {error}") from None
    options.output.mkdir(parents=True, exist_ok=True)

    print(published.check(), flush=True)
    regimes = [generate() for generate in REGIMES.values()]
    rows = run_regimes(regimes, n_folds=n_folds)
    kept = report_regimes(rows, options.output, f"redundant_features{suffix}")

    rows = real_tables.run(tables, n_folds)
    report_tables(tables, rows, options.output / f"real_tables{suffix}.csv")
    print(f"\nDone in {time.perf_counter() - started:.0f} s.")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
