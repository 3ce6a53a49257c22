"""Which sections there are, and what is measured of them."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd

from benchmarks.datasets import BUNDLED, Table, check_names, load_tables, split_names
from benchmarks.records import Row
from benchmarks.speed import (
    encoding,
    epochs,
    quality,
    scale,
    side_by_side,
    sparse,
    start,
    summary,
    transform,
)
from benchmarks.speed.report import INTRO, notes, report
from benchmarks.speed.timing import QUICK, Measurement, Sizes
from benchmarks.suite import Suite

BUNDLED_TABLE = "digits"  # the only one with rows enough to take time
Section = Callable[[Sizes, list[Table]], Iterator[Measurement]]


def _without_tables(measure: Callable[[Sizes], Iterator[Measurement]]) -> Section:
    """Let a section that needs no table be called like one that does."""
    return lambda sizes, tables: measure(sizes)


SECTIONS: dict[str, Section] = {
    "start": _without_tables(start.measure),
    "epochs": _without_tables(epochs.measure),
    "transform": _without_tables(transform.measure),
    "encoding": _without_tables(encoding.measure),
    "scale": _without_tables(scale.measure),
    "sparse": _without_tables(sparse.measure),
    "quality": quality.measure,
    "side_by_side": _without_tables(side_by_side.measure),
    "gpu": _without_tables(epochs.measure_gpu),
}


def chosen_tables(folder: Path | None, quick: bool) -> list[Table]:
    """Return digits and, in the full form, the tables of a folder."""
    tables = load_tables(None if quick else folder)
    return [t for t in tables if t.name == BUNDLED_TABLE or t.name not in BUNDLED]


def measure_sections(
    names: list[str], sizes: Sizes, tables: list[Table]
) -> Iterator[Row]:
    """Measure sections, one after the other."""
    for name in names:
        is_skipped = True
        for measurement in SECTIONS[name](sizes, tables):
            is_skipped = False
            yield {"part": name, **asdict(measurement)}
        if is_skipped:
            print(f"{name}: skipped, there is nothing here to measure it on.")


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure what the command line asks for."""
    check_names("section", options.sections, list(SECTIONS))
    names = [name for name in SECTIONS if name in (options.sections or SECTIONS)]
    sizes = QUICK if options.quick else Sizes()
    if options.fit_repeats is not None:
        sizes = replace(sizes, fit_repeats=options.fit_repeats)
    return measure_sections(names, sizes, chosen_tables(options.data, options.quick))


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    add = parser.add_argument
    add("--sections", type=split_names, metavar="A,B", help="only measure these anew")
    add("--fit-repeats", type=int, metavar="N", help="repeats where fits take long")


SUITE = Suite(
    intro=INTRO,
    columns=("part", "section", "case", "method", "repeat", "quantity", "value"),
    measure=measure,
    report=report,
    promises=summary.promises,
    notes=notes,
    add_options=add_options,
    staying=lambda options, rows: (
        ~rows["part"].isin(options.sections or list(SECTIONS))
    ),
)
