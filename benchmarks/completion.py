"""Numeric and mixed tables with missing cells, completed by imputers."""

import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from benchmarks.datasets import load_tables, mixed_frames
from benchmarks.measuring import one_thread, time_limit, timed_fit
from benchmarks.records import Row
from benchmarks.reports import bullets, markdown, number
from sklearn_ae import AutoencoderImputer

SECTION = "completion"
SHARE = 0.2  # of the cells is missing
MOST_ROWS = 1500
N_MASKS = 2
MIXED = ("student", "forestfires", "marketing", "abalone")
QUICK_TABLES = ("breast_cancer",)
# Iterative imputers fit a regression per column and round: processor seconds at most,
# and columns from which on they are not tried.
LIMIT, WIDE = 60.0, 200
OURS, SIMPLE = "AutoencoderImputer", "SimpleImputer"
BAYES, TREES = "IterativeImputer", "IterativeImputer, trees"
ITERATIVE = (BAYES, TREES)

RMSE, ACCURACY, CPU = "rmse", "accuracy", "cpu_seconds"
KEY = ["table", "case"]
TITLES = {
    RMSE: "RMSE of missing numbers, in standard deviations",
    ACCURACY: "Accuracy of missing categories",
    CPU: "Processor seconds of fit and imputation",
}
INTRO = f"""\
## Tables completed

`AutoencoderImputer(random_state=0)` beside scikit-learn's imputers, on numeric and
mixed tables of at most {MOST_ROWS:,} rows. {SHARE:.0%} of the cells are missing: at
random, or in blocks (a third of the columns, side by side, in about {3 * SHARE:.0%}
of the rows). In front of scikit-learn's imputers text becomes ordinals, all columns are
standardised, and imputed ordinals are rounded to the nearest category; SimpleImputer
takes the most frequent. Trees are `ExtraTreesRegressor(n_estimators=10)`, in three
rounds."""


def trees() -> IterativeImputer:
    """Return an imputer that regresses columns with trees."""
    forest = ExtraTreesRegressor(n_estimators=10, random_state=0)
    return IterativeImputer(forest, max_iter=3, random_state=0)


def text_columns(frame: pd.DataFrame) -> list[str]:
    """Name the columns that hold categories."""
    return [c for c in frame if not pd.api.types.is_numeric_dtype(frame[c])]


def complete_columns(holes: pd.DataFrame) -> pd.DataFrame:
    """Fill in the mean of numbers, and the most frequent category."""
    text = text_columns(holes)
    filled = holes.copy()
    for strategy, names in (
        ("mean", [c for c in holes if c not in text]),
        ("most_frequent", text),
    ):
        if names:
            imputer = SimpleImputer(strategy=strategy)
            filled[names] = imputer.fit_transform(holes[names].to_numpy())
    return filled


def complete_numbers(imputer: Any, holes: pd.DataFrame) -> pd.DataFrame:
    """Fill in what an imputer of numbers finds behind ordinals of one scale."""
    text = text_columns(holes)
    numbers, coder, scaler = holes.copy(), OrdinalEncoder(), StandardScaler()
    if text:
        numbers[text] = coder.fit_transform(holes[text].astype(object))
    scaled = scaler.fit_transform(numbers.to_numpy(dtype=np.float64))
    found = scaler.inverse_transform(imputer.fit_transform(scaled))
    filled = pd.DataFrame(found, holes.index, holes.columns)
    if text:
        nearest = filled[text].round().clip(0, numbers[text].max(), axis=1)
        categories = coder.inverse_transform(np.array(nearest))
        filled = filled.astype(dict.fromkeys(text, object))
        filled[text] = categories
    return filled


METHODS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    OURS: lambda holes: AutoencoderImputer(random_state=0).fit_transform(holes),
    TREES: lambda holes: complete_numbers(trees(), holes),
    BAYES: lambda holes: complete_numbers(IterativeImputer(random_state=0), holes),
    "KNNImputer": lambda holes: complete_numbers(KNNImputer(), holes),
    SIMPLE: complete_columns,
}


class Completion:
    """A method whose fit completes a table, as it is the time of both that counts."""

    def __init__(self, method: str) -> None:
        self.method = method

    def fit(self, holes: pd.DataFrame) -> None:
        """Keep the completed table."""
        with warnings.catch_warnings():
            # Rounds end before IterativeImputer's tolerance is met.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.filled = METHODS[self.method](holes)


def at_random(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Tell which cells are missing, each with the same chance; never a whole row."""
    mask = rng.uniform(size=shape) < SHARE
    mask[mask.all(axis=1)] = False
    return mask


def in_blocks(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Let a third of the columns, side by side, be missing in some rows."""
    n_rows, n_columns = shape
    width = max(1, round(n_columns / 3))
    start = rng.integers(n_columns - width + 1)
    n_holed = round(SHARE * n_rows * n_columns / width)
    mask = np.zeros(shape, dtype=bool)
    mask[rng.permutation(n_rows)[:n_holed], start : start + width] = True
    return mask


CASES = {"at random": at_random, "in blocks": in_blocks}


@dataclass(frozen=True)
class Cell:
    """A complete table, and which of its cells are missing."""

    table: str
    case: str
    split: int
    complete: pd.DataFrame
    mask: np.ndarray

    @property
    def holes(self) -> pd.DataFrame:
        """What the methods see."""
        return self.complete.mask(self.mask)


def cells_of(table: str, frame: pd.DataFrame, split: int) -> Iterator[Cell]:
    """Draw rows, and the missing cells of each case."""
    drawn = frame.sample(min(len(frame), MOST_ROWS), random_state=split)
    for case, draw in CASES.items():
        mask = draw(drawn.shape, np.random.default_rng(split))
        yield Cell(table, case, split, drawn.reset_index(drop=True), mask)


def average(parts: list[np.ndarray]) -> float:
    """Average the values of several arrays; NaN where there is none."""
    values = np.concatenate([[], *parts])
    return float(values.mean()) if len(values) else float("nan")


def scores(cell: Cell, filled: pd.DataFrame) -> Row:
    """Compare imputed cells with the true ones; columns of one value do not count."""
    errors, hits = [], []
    text = text_columns(cell.complete)
    for missing, name in zip(cell.mask.T, cell.complete, strict=True):
        true, found = cell.complete[name].to_numpy(), filled[name].to_numpy()
        if name in text:
            hits.append((true == found)[missing])
        elif (scale := true.std()) > 0:
            errors.append((((true - found) / scale) ** 2)[missing])
    return {RMSE: average(errors) ** 0.5, ACCURACY: average(hits)}


def measure_method(cell: Cell, method: str, limit: float = LIMIT) -> Row:
    """Complete a table on one thread; what takes too long gets an error."""
    completion = Completion(method)
    row: Row = {"section": SECTION, "table": cell.table, "case": cell.case}
    row |= {"method": method, "split": cell.split, "threads": 1}
    try:
        with one_thread(), time_limit(limit):
            row |= timed_fit(completion, cell.holes)
    except TimeoutError as error:
        return row | {"error": str(error)}
    return row | scores(cell, completion.filled)


def frames(options: Namespace) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give the numeric tables, then the mixed ones that are there."""
    for table in load_tables(options.data, QUICK_TABLES if options.quick else None):
        names = [f"x{j}" for j in range(table.X.shape[1])]
        yield table.name, pd.DataFrame(table.X.astype(np.float64), columns=names)
    if not options.quick and options.data is not None:
        yield from mixed_frames(options.data, MIXED)


def measure(options: Namespace) -> Iterator[Row]:
    """Yield a row for each method, case, mask and table."""
    for name, frame in frames(options):
        wide = frame.shape[1] >= WIDE
        methods = [m for m in METHODS if not (wide and m in ITERATIVE)]
        for split in range(N_MASKS):
            for cell in cells_of(name, frame, split):
                yield from (measure_method(cell, method) for method in methods)


def own(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of this module."""
    return rows[rows["section"] == SECTION]


def notes(rows: pd.DataFrame) -> list[str]:
    """Name the tables that are too wide for a method, or that are not there."""
    rows = own(rows)
    found = []
    for method in METHODS if len(rows) else ():
        tables = rows["table"][rows["method"] == method]
        if missing := [t for t in rows["table"].unique() if t not in set(tables)]:
            found.append(
                f"{method} is skipped from {WIDE} columns on: {', '.join(missing)}"
            )
    if absent := [name for name in MIXED if name not in set(rows["table"])]:
        found.append(f"mixed tables not measured: {', '.join(absent)}")
    return found


def means(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Average over the masks: a line per table and case, a column per method.

    A method that was stopped on one of the masks has no mean.
    """
    groups = own(rows).groupby([*KEY, "method"], sort=False)
    table = groups[column].mean().where(groups["error"].max() == "")
    wide = table.unstack("method").reindex(columns=list(METHODS))
    return wide.dropna(how="all").rename_axis(None, axis=1)


def losses(rows: pd.DataFrame) -> Iterator[str]:
    """Say where another imputer is better than ours, and by how much."""
    for column, sign, word in ((RMSE, 1, "RMSE"), (ACCURACY, -1, "accuracy")):
        if (table := means(rows, column)).empty:
            continue
        best = (sign * table).idxmin(axis=1)
        lost = [
            f"{', '.join(place)}: {best[place]} has the {word} "
            f"{number(line[best[place]])}, ours {number(line[OURS])}"
            for place, line in table.iterrows()
            if best[place] != OURS
        ]
        yield f"{word}: another is better in {len(lost)} of {len(table)} cases"
        yield from lost


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show errors, accuracy and seconds, and where ours is not the best."""
    if own(rows).empty:
        return
    yield INTRO
    for column, title in TITLES.items():
        if len(table := means(rows, column)):
            yield f"### {title}\n\n{markdown(table)}"
    yield f"### Where AutoencoderImputer is not the best\n\n{bullets([*losses(rows)])}"
