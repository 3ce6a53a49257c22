"""What makes a suite, and how any of them runs: measure, write rows, report."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from benchmarks import records
from benchmarks.records import Row
from benchmarks.reports import Promise, bullets, machine_lines, promise_lines


@dataclass(frozen=True)
class Suite:
    """One benchmark.

    Attributes
    ----------
    intro : str
        How the report begins, in Markdown: title, and what is compared.
    columns : tuple of str
        Of the rows, in front of `records.CIRCUMSTANCES`.
    measure : callable
        Gets the options and the rows that stay. It loads what they name at once, so
        that a wrong name is reported before the long part, and returns an iterator that
        gives a row for each fit.
    report : callable
        Gets the rows and gives the sections of the report.
    promises : callable
        Gets the rows and compares them with what was promised.
    notes : callable
        Gets the rows and says what they were measured on, and what is missing.
    add_options : callable
        Adds the options of this suite alone to a parser.
    staying : callable
        Gets options and rows, and tells of each row that was measured before whether it
        stays.
    draw : callable
        Gets the rows and the stem of the file names of pictures.
    """

    intro: str
    columns: tuple[str, ...]
    measure: Callable[[Namespace, pd.DataFrame], Iterator[Row]]
    report: Callable[[pd.DataFrame], Iterator[str]]
    promises: Callable[[pd.DataFrame], list[Promise]] = lambda rows: []
    notes: Callable[[pd.DataFrame], list[str]] = lambda rows: []
    add_options: Callable[[ArgumentParser], None] = lambda parser: None
    staying: Callable[[Namespace, pd.DataFrame], pd.Series | bool] = (
        lambda options, rows: False
    )
    draw: Callable[[pd.DataFrame, Path], None] = lambda rows, stem: None

    def run(self, options: Namespace) -> bool:
        """Measure and report; tell whether no promise is missed."""
        path = options.stem.with_suffix(".csv")
        if not options.report_only:
            self._measure(options, path)
        rows = records.read(path)
        if rows.empty:
            raise SystemExit(f"{str(path)!r} has no rows: nothing was measured.")
        text = self.text(rows)
        options.stem.with_suffix(".md").write_text(text, encoding="utf-8")
        self.draw(rows, options.stem)
        print(f"{text}\nWrote {options.stem}.*")
        return all(promise.kept is not False for promise in self.promises(rows))

    def _measure(self, options: Namespace, path: Path) -> None:
        """Measure what the options ask for, and write each row as it comes."""
        rows = records.read(path)
        kept = rows
        if len(rows):
            kept = rows[pd.Series(self.staying(options, rows), index=rows.index)]
        try:
            measured = self.measure(options, kept)
        except (FileNotFoundError, ValueError) as error:
            raise SystemExit(str(error)) from None
        records.start(kept, self.columns, path)
        place = ""
        # disable=None: no bar is drawn unless stderr is a terminal.
        for row in tqdm(measured, desc=options.stem.name, leave=False, disable=None):
            records.append(row, self.columns, path)
            if (here := str(row[self.columns[0]])) != place:
                place = here
                tqdm.write(f"{place} ...")

    def text(self, rows: pd.DataFrame) -> str:
        """Write the report."""
        circumstances = bullets(
            [*machine_lines(rows), *self.notes(rows), *failed(rows)]
        )
        parts = [self.intro.strip(), f"## Machine and versions\n\n{circumstances}"]
        if promises := promise_lines(self.promises(rows)):
            parts.append(f"## What was promised\n\n{bullets(promises)}")
        return "\n\n".join([*parts, *filter(None, self.report(rows))]) + "\n"


def failed(rows: pd.DataFrame) -> Iterator[str]:
    """Name each fit that failed, with its error."""
    for (method, error), group in rows[rows["error"] != ""].groupby(
        ["method", "error"], sort=False
    ):
        keys = ["table", "n_components", "split", "case", "repeat"]
        places = group[[key for key in keys if key in group]].drop_duplicates()
        names = ", ".join(" ".join(map(str, place)) for place in places.to_numpy())
        yield f"**failed**: {method}, {names}: {error}"
