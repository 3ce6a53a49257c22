"""Other ways to encode what is hard: many categories, dates, skewed numbers."""

from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction import FeatureHasher
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, QuantileTransformer

from benchmarks.measuring import FIT_COLUMNS, one_thread, timed_fit
from benchmarks.mixed import column_scores
from benchmarks.records import Row
from benchmarks.reports import markdown
from benchmarks.suite import Suite
from sklearn_ae import AutoencoderTransformer, TableEncoder

N_ROWS, N_HELD_OUT = 3_000, 1_000
N_SPLITS, QUICK_ROWS = 1, 1_000
CODE_SIZES = (2,)
WIDTH = 255  # columns of a categorical column: TableEncoder's default
HOURS = {"hour": 24, "week": 24 * 7, "year": 24 * 365.25}

KEY = ["table", "n_components", "method"]
OWN, OTHERS = "own_score", "others_score"
RARE, HASHED = "rare group", "hashed"
NUMBER, CYCLES = "number", "number and cycles"
SCALED, POWER, QUANTILES = "standardised", "power", "quantiles"

INTRO = f"""\
# Encodings of tables

A column of 2,000 postcodes, which follow from two factors as the other columns do,
evenly frequent or by Zipf's law: `TableEncoder`'s group of rare categories beside
`FeatureHasher`, whose {WIDTH} columns are decoded to the most frequent category of
each. And columns that follow the hour, the weekday and the month of a date: the date as
a number, as `TableEncoder` has it, beside sine and cosine of these cycles as further
columns. And log-normal columns: standardised, as by default, beside
`PowerTransformer()` and `QuantileTransformer(output_distribution="normal")` as
`numeric_transformer`. Equal numbers of codes; scores of held-out rows are R2 of numbers
and dates and accuracy of categories. Written from the CSV of the same name by
`python -m benchmarks encodings`.
"""


def postcodes(n_rows: int, seed: int, is_even: bool) -> pd.DataFrame:
    """Draw places on a grid, with what depends on the place."""
    rng = np.random.default_rng(seed)
    chances = np.ones(2_000) if is_even else 1 / np.arange(5.0, 2_005.0)
    order = np.random.default_rng(0).permutation(2_000)
    place = order[rng.choice(2_000, size=n_rows, p=chances / chances.sum())]
    north, east = place // 50 / 40, place % 50 / 50
    noise = rng.normal(scale=0.05, size=(4, n_rows))
    return pd.DataFrame(
        {
            "code": [f"P{one:04d}" for one in place],
            "north": north + noise[0],
            "east": east + noise[1],
            "price": np.sin(5 * north) * east + noise[2],
            "rent": (north - east) ** 2 + noise[3],
            "region": [f"R{int(8 * one)}" for one in north],
            "coast": np.where(east > 0.8, "yes", "no"),
        }
    )


def clocks(n_rows: int, seed: int) -> pd.DataFrame:
    """Draw hours of two years, with what depends on hour, weekday and month."""
    rng = np.random.default_rng(seed)
    hours = rng.integers(2 * 24 * 365, size=n_rows)
    phase = {name: 2 * np.pi * hours / length for name, length in HOURS.items()}
    noise = rng.normal(scale=0.3, size=(4, n_rows))
    return pd.DataFrame(
        {
            "time": np.datetime64("2021-01-01", "us") + hours.astype("m8[h]"),
            "load": np.cos(phase["hour"]) + noise[0],
            "light": np.maximum(np.cos(phase["hour"] + 0.5), 0) + noise[1],
            "visits": (hours // 24 % 7 > 4) + noise[2],
            "heat": np.cos(phase["year"]) + noise[3],
        }
    )


def skewed(n_rows: int, seed: int) -> pd.DataFrame:
    """Draw columns that are exponentials of what follows from two factors."""
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, n_rows))
    parts = (a, b, a + b, a - b, a * b, np.abs(a), np.sin(2 * b))
    return pd.DataFrame(
        {
            f"amount{i}": np.exp(part + 0.1 * rng.standard_normal(n_rows))
            for i, part in enumerate(parts)
        }
    )


class HashedCategories(TransformerMixin, BaseEstimator):
    """Hash the categories of a column, so that those of a bucket become one."""

    def fit(self, X: pd.DataFrame, y: object = None) -> "HashedCategories":
        """Learn the most frequent category of each bucket."""
        codes, counts = np.unique(X["code"], return_counts=True)
        order = np.argsort(counts)  # later ones replace earlier ones
        buckets = self._buckets(codes[order])
        self.common_ = dict(zip(buckets, codes[order], strict=True))
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Replace each category by the most frequent one of its bucket."""
        buckets = self._buckets(X["code"])
        return X.assign(code=[self.common_.get(one) for one in buckets])

    def inverse_transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the table as it is."""
        return X

    @staticmethod
    def _buckets(codes: Any) -> list[int]:
        hasher = FeatureHasher(WIDTH, input_type="string", alternate_sign=False)
        return hasher.transform([[one] for one in codes]).indices.tolist()


class WithCycles(TransformerMixin, BaseEstimator):
    """Add sine and cosine of the cycles of a date."""

    def fit(self, X: pd.DataFrame, y: object = None) -> "WithCycles":
        """Learn nothing."""
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Append columns."""
        hours = X["time"].to_numpy().astype("M8[h]").astype(float)
        phases = {name: 2 * np.pi * hours / HOURS[name] for name in HOURS}
        return X.assign(
            **{f"{name} sine": np.sin(phase) for name, phase in phases.items()},
            **{f"{name} cosine": np.cos(phase) for name, phase in phases.items()},
        )

    def inverse_transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Remove the columns."""
        return X.iloc[:, : -2 * len(HOURS)]


TABLES: dict[str, Callable[[int, int], pd.DataFrame]] = {
    "postcodes, Zipf": lambda n, seed: postcodes(n, seed, is_even=False),
    "postcodes, even": lambda n, seed: postcodes(n, seed, is_even=True),
    "clocks": clocks,
    "skewed": skewed,
}
# What stands in front of TableEncoder.
FIRST = {RARE: (), HASHED: (HashedCategories(),)}
CLOCK_FIRST = {NUMBER: (), CYCLES: (WithCycles(),)}
# What scales numbers.
SCALERS = {
    SCALED: None,
    POWER: PowerTransformer(),
    QUANTILES: QuantileTransformer(output_distribution="normal"),
}
METHODS = {"clocks": CLOCK_FIRST, "skewed": SCALERS}


@dataclass(frozen=True)
class Cell:
    """A table drawn with a seed: rows to fit, and held-out ones."""

    table: str
    split: int
    n_rows: int

    def measure(self, n_components: int, method: str) -> Row:
        """Fit, and score the column in question, and the others."""
        first = (FIRST | CLOCK_FIRST).get(method, ())
        encoder = TableEncoder(
            max_categories=WIDTH,
            numeric_transformer=SCALERS.get(method),
            restore_dtypes=False,
        )
        model = make_pipeline(
            *first,
            encoder,
            AutoencoderTransformer(n_components, random_state=0, device="cpu"),
        )
        train = TABLES[self.table](self.n_rows, 2 * self.split)
        test = TABLES[self.table](N_HELD_OUT, 2 * self.split + 1)
        values = (self.table, n_components, method)
        row: Row = dict(zip(KEY, values, strict=True)) | {"split": self.split}
        row |= timed_fit(model, train)
        restored = model.inverse_transform(model.transform(test))
        own, *others = column_scores(_numbers(test), _numbers(restored))
        return row | {OWN: own, OTHERS: float(np.mean(others))}


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose dates are numbers."""
    dates = table.select_dtypes("datetime")
    return table.assign(**{name: dates[name].astype("int64") for name in dates})


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure all encodings of all tables; with one thread."""
    n_rows = QUICK_ROWS if options.quick else N_ROWS
    with one_thread():
        for table in TABLES:
            methods = METHODS.get(table, FIRST)
            for split in range(1 if options.quick else N_SPLITS):
                for n_components in CODE_SIZES:
                    for method in methods:
                        yield Cell(table, split, n_rows).measure(n_components, method)


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show the scores, and the seconds."""
    for title, tables, methods in (
        ("Thousands of categories", ["postcodes, Zipf", "postcodes, even"], FIRST),
        ("Cycles of dates", ["clocks"], CLOCK_FIRST),
        ("Skewed numbers", ["skewed"], SCALERS),
    ):
        part = rows[rows["table"].isin(tables)]
        found = part.groupby(KEY, sort=False)[[OWN, OTHERS, FIT_COLUMNS[1]]].mean()
        table = found.unstack("method").swaplevel(axis=1)
        table = table.reindex(columns=list(methods), level=0)
        table.columns = [", ".join(pair) for pair in table.columns]
        yield f"## {title}\n\n{markdown(table)}"


SUITE = Suite(
    intro=INTRO,
    columns=(*KEY, "split", OWN, OTHERS, *FIT_COLUMNS),
    measure=measure,
    report=report,
)
