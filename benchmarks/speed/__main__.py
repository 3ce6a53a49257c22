"""Measure speed and memory, method against method in alternation.

``python -m benchmarks.speed``. Ratios count: absolute times depend on the machine.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import torch

from benchmarks.cells import machine
from benchmarks.compression import RESULTS, load_tables, split_names
from benchmarks.datasets import BUNDLED, Table
from benchmarks.promises import print_verdicts
from benchmarks.report import write_rows
from benchmarks.speed import (
    epochs,
    gpu,
    quality,
    scale,
    side_by_side,
    start,
    summary,
    transform,
)
from benchmarks.speed.report import read_rows, speed_text
from benchmarks.speed.timing import QUICK, Measurement, Sizes, load

BUNDLED_TABLE = "digits"  # the only one with rows enough to take time
Section = Callable[[Sizes, list[Table]], Iterator[Measurement]]


def _without_tables(measure: Callable[[Sizes], Iterator[Measurement]]) -> Section:
    """Let a section that needs no table be called like one that does."""
    return lambda sizes, tables: measure(sizes)


SECTIONS: dict[str, Section] = {
    "start": _without_tables(start.measure),
    "epochs": _without_tables(epochs.measure),
    "transform": _without_tables(transform.measure),
    "scale": _without_tables(scale.measure),
    "quality": quality.measure,
    "side_by_side": _without_tables(side_by_side.measure),
    "gpu": _without_tables(gpu.measure),
}


def chosen_sections(names: Sequence[str] | None) -> list[str]:
    """Return the sections to measure: all, or those with given names."""
    if unknown := set(names or ()) - set(SECTIONS):
        raise ValueError(
            f"no section {sorted(unknown)!r}; there are {list(SECTIONS)!r}."
        )
    return [name for name in SECTIONS if names is None or name in names]


def chosen_tables(folder: Path | None, quick: bool) -> list[Table]:
    """Return digits and, in the full form, the tables of a folder."""
    tables = load_tables(None if quick else folder, None)
    return [t for t in tables if t.name == BUNDLED_TABLE or t.name not in BUNDLED]


def run(name: str, sizes: Sizes, tables: list[Table]) -> pd.DataFrame:
    """Measure a section; each row says how busy the machine was."""
    print(f"{name} ...", flush=True)
    rows = [
        {
            "part": name,
            **asdict(measurement),
            "load": load(),
            "threads": torch.get_num_threads(),
            **machine(),
        }
        for measurement in SECTIONS[name](sizes, tables)
    ]
    if not rows:
        print(f"{name}: skipped, there is nothing here to measure it on.")
    return pd.DataFrame(rows)


def write_report(path: Path) -> bool:
    """Write the report beside the CSV, and tell whether the promises are kept."""
    rows = read_rows(path)
    text_path = path.with_suffix(".md")
    text_path.write_text(speed_text(rows), encoding="utf-8")
    print(f"Wrote {text_path}")
    return print_verdicts(summary.promises(rows))


def _kept_rows(path: Path, names: Sequence[str]) -> pd.DataFrame:
    """Read the rows of sections that are not measured anew."""
    if not path.exists():
        return pd.DataFrame()
    rows = read_rows(path)
    return rows[~rows["part"].isin(names)]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=__doc__
    )
    add = parser.add_argument
    add("--data", type=Path, metavar="DIR", help="also use DIR/tabular/*.npz")
    add("--output", type=Path, metavar="DIR", default=RESULTS, help="for the results")
    add("--sections", type=split_names, metavar="A,B", help="only measure these anew")
    add("--quick", action="store_true", help="fewer rows and repeats, one table")
    add("--fit-repeats", type=int, metavar="N", help="repeats where fits take long")
    add("--report-only", action="store_true", help="only write the report anew")
    return parser.parse_args(arguments)


def _measure(options: argparse.Namespace, path: Path) -> None:
    """Measure what the command line asks for; other sections keep their rows."""
    # Loaded first, so that a wrong name is reported before the long part.
    try:
        names = chosen_sections(options.sections)
        tables = chosen_tables(options.data, options.quick)
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(str(error)) from None
    options.output.mkdir(parents=True, exist_ok=True)
    sizes = QUICK if options.quick else Sizes()
    if options.fit_repeats is not None:
        sizes = replace(sizes, fit_repeats=options.fit_repeats)
    rows = _kept_rows(path, names)
    for name in names:
        measured = run(name, sizes, tables)
        rows = pd.concat([rows, measured], ignore_index=True)
        write_rows(rows, path)  # what an interruption leaves


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit status is 1 where a promise is not kept."""
    options = parse(arguments)
    path = options.output / f"speed{'_quick' if options.quick else ''}.csv"
    if not options.report_only:
        _measure(options, path)
    if not path.exists():
        raise SystemExit(f"{str(path)!r} does not exist: nothing was measured.")
    return 0 if write_report(path) else 1


if __name__ == "__main__":
    sys.exit(main())
