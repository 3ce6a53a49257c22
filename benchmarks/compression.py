"""Compare what methods lose when they compress tables: FVU, time, memory, scores.

``python -m benchmarks.compression``. Every method with its default parameters, at equal
code sizes, on the same splits of the same tables.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pandas as pd
from tqdm import tqdm

from benchmarks import real_tables, report
from benchmarks.cells import CODE_SIZES, KEY, Cell, measure_apart
from benchmarks.compression_report import compression_text, read_rows
from benchmarks.compression_summary import REFERENCE, promises
from benchmarks.datasets import BUNDLED, Table, bundled_table, saved_tables
from benchmarks.methods import COMPRESSORS, is_installed
from benchmarks.promises import print_verdicts

RESULTS = Path(__file__).parent / "results"
N_SPLITS = 3
QUICK_TABLES = ("wine", "breast_cancer")
QUICK_SIZES = (2, 10)


def load_tables(folder: Path | None, names: Sequence[str] | None) -> list[Table]:
    """Load the bundled tables and those of a folder, or only those with given names."""
    tables = [bundled_table(name) for name in BUNDLED]
    tables += [] if folder is None else saved_tables(folder)
    known = {table.name for table in tables}
    if unknown := set(names or ()) - known:
        raise ValueError(f"no table {sorted(unknown)!r}; there are {sorted(known)!r}.")
    return [table for table in tables if names is None or table.name in names]


def choose_methods(names: Sequence[str] | None) -> list[str]:
    """Choose the methods to run: PCA always, and of the others those installed."""
    if unknown := set(names or ()) - set(COMPRESSORS):
        raise ValueError(
            f"no method {sorted(unknown)!r}; there are {list(COMPRESSORS)!r}."
        )
    wanted = COMPRESSORS if names is None else {REFERENCE, *names}
    for name in wanted:
        if not is_installed(name):
            print(f"{name} is not installed: skipped (benchmarks/README.md says how).")
    return [name for name in COMPRESSORS if name in wanted and is_installed(name)]


def plan(
    tables: Iterable[Table],
    methods: Iterable[str],
    n_splits: int = N_SPLITS,
    code_sizes: Iterable[int] = CODE_SIZES,
) -> Iterator[Cell]:
    """List what to measure, a table and method after the other."""
    methods, code_sizes = list(methods), list(code_sizes)
    for table in tables:
        for method in methods:
            for size in code_sizes:
                if size < table.X.shape[1]:
                    for split in range(n_splits):
                        yield Cell(table, size, split, method)


def remaining(cells: Iterable[Cell], path: Path) -> list[Cell]:
    """Leave out what a file already has."""
    if not path.exists():
        return list(cells)
    done = set(read_rows(path)[list(KEY)].itertuples(index=False, name=None))
    return [cell for cell in cells if cell.key not in done]


def _group(cells: Iterable[Cell]) -> list[list[Cell]]:
    """Put the cells of one table and method together, for a process of their own."""
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.table.name, cell.method), []).append(cell)
    return list(groups.values())


def append_row(row: dict[str, Any], path: Path) -> None:
    """Add a line to a CSV, the heading too where the file is new."""
    text = pd.DataFrame([row]).to_csv(
        index=False, header=not path.exists(), float_format="%.6g", lineterminator="\n"
    )
    # One write, so that an interruption leaves no half line.
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(text)


def run(cells: list[Cell], path: Path, n_jobs: int = 1) -> None:
    """Measure the cells, ``n_jobs`` at a time, and write each row as it comes."""
    lock, stopped = Lock(), Event()
    # disable=None: nothing is drawn unless stderr is a terminal.
    bar = tqdm(total=len(cells), desc="compression", leave=False, disable=None)

    def measure_group(group: list[Cell]) -> str:
        for row in measure_apart(group):
            with lock:
                append_row(row, path)
                bar.update()
            if stopped.is_set():
                break
        return f"{group[0].table.name}, {group[0].method}: {len(group)} fits"

    with bar, ThreadPoolExecutor(n_jobs) as threads:
        groups = [threads.submit(measure_group, group) for group in _group(cells)]
        try:
            for group in as_completed(groups):
                tqdm.write(group.result())
        except BaseException:
            stopped.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def write_report(path: Path) -> bool:
    """Sort the CSV, write the report beside it, and tell whether promises are kept."""
    rows = read_rows(path).sort_values(list(KEY))
    report.write_rows(rows, path)
    text_path = path.with_suffix(".md")
    text_path.write_text(compression_text(rows), encoding="utf-8")
    print(f"Wrote {text_path}")
    return print_verdicts(promises(rows))


def split_names(text: str) -> list[str]:
    """Split a list at its commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compression", description=__doc__
    )
    add = parser.add_argument
    add("--data", type=Path, metavar="DIR", help="also use DIR/tabular/*.npz")
    add("--output", type=Path, metavar="DIR", default=RESULTS, help="for the results")
    add("--quick", action="store_true", help="two tables, two code sizes, one split")
    add("--tables", type=split_names, metavar="A,B", help="only these tables")
    add("--methods", type=split_names, metavar="A,B", help="PCA and only these methods")
    add("--n-splits", type=int, default=N_SPLITS, help="splits of each table")
    add("--jobs", type=int, default=1, help="fits at a time; above 1 blurs the seconds")
    add("--resume", action="store_true", help="keep the rows that are already there")
    add("--report-only", action="store_true", help="only write the report anew")
    return parser.parse_args(arguments)


def _measure(options: argparse.Namespace, path: Path) -> None:
    """Measure what the command line asks for."""
    names = options.tables or (QUICK_TABLES if options.quick else None)
    # Loaded first, so that a wrong name is reported before the long part.
    try:
        tables = load_tables(options.data, names)
        methods = choose_methods(options.methods)
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(str(error)) from None
    for line in real_tables.skipped(tables, CODE_SIZES):
        print(line)
    n_splits = 1 if options.quick else options.n_splits
    sizes = QUICK_SIZES if options.quick else CODE_SIZES
    cells = list(plan(tables, methods, n_splits, sizes))
    options.output.mkdir(parents=True, exist_ok=True)
    if options.resume:
        cells = remaining(cells, path)
    else:
        path.unlink(missing_ok=True)
    run(cells, path, options.jobs)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit status is 1 where a promise is not kept."""
    options = parse(arguments)
    suffix = "_quick" if options.quick else ""
    path = options.output / f"compression{suffix}.csv"
    if not options.report_only:
        _measure(options, path)
    if not path.exists():
        raise SystemExit(f"{str(path)!r} does not exist: nothing was measured.")
    return 0 if write_report(path) else 1


if __name__ == "__main__":
    sys.exit(main())
