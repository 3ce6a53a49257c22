"""Tables with categories, compressed to few codes and back.

The protocol of the compression benchmark of "Autoencoding Random Forests" (Vu, Kapar,
Wright and Watson, NeurIPS 2025), on its tables and bootstrap samples.
"""

from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas.api.types import is_numeric_dtype
from sklearn import ensemble
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.cells import add_cell_options
from benchmarks.datasets import check_names
from benchmarks.measuring import FIT_COLUMNS, one_thread, timed_fit, warm_up
from benchmarks.methods import COMPRESSORS, Builder
from benchmarks.ratios import OURS, REFERENCE
from benchmarks.records import Row
from benchmarks.reports import Promise, at_least, bullets, decimals, markdown, number
from benchmarks.suite import Suite
from sklearn_ae import TableEncoder

# Codes by columns.
CODE_SHARES = (0.1, 0.2, 0.5, 1.0)
TABLES = (
    "abalone", "banknote", "bc", "car", "diabetes", "forestfires", "king", "marketing",
    "spambase", "student", "telco", "wq",
)  # fmt: skip
QUICK_TABLES = ("car",)
# Their last column is a measurement like the others, and no target.
WITHOUT_TARGET = ("bc", "king")

KEY = ["table", "x", "split", "method"]
FIDELITY, REAL = "boosting_restored", "boosting_real"
FAMD, FOREST = "FAMD", "RFAE"
PUBLISHED = (FOREST, "TTVAE", "TVAE", "VAE", "AE")
CELLS_WON = 0.95
MEANS = {0.1: 0.68, 0.2: 0.79, 0.5: 0.94, 1.0: 0.99}

INTRO = """\
# Tables with categories

Twelve tables are compressed and restored: `max(round(x * columns), 1)` codes, fitted to
each of three bootstrap samples and measured on the rows that are not in it. A score is
the mean over the columns of R2 (numbers; 0 where it is below) or accuracy (categories);
1 is perfect. The figures of RFAE, TTVAE, TVAE, VAE and AE are those published for the
same samples. README.md says what the methods are. Written from the CSV of the same name
by `python -m benchmarks mixed`.
"""


class OneHotTable(TransformerMixin, BaseEstimator):
    """Standardised numbers beside one-hot columns; the largest share decodes.

    As in FAMD, one-hot columns can be divided by the roots of their categories' shares.
    """

    def __init__(self, by_share: bool = False) -> None:
        self.by_share = by_share

    def fit(self, X: pd.DataFrame, y: object = None) -> "OneHotTable":
        """Learn means, scales and categories."""
        one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        numbers = make_column_selector(dtype_include="number")
        text = make_column_selector(dtype_exclude="number")
        self.columns_ = make_column_transformer(
            (StandardScaler(), numbers), (one_hot, text)
        ).fit(X)
        encoded = self.columns_.transform(X)
        self.scale_ = np.ones(encoded.shape[1])
        if self.by_share:
            categories = self.columns_.output_indices_["onehotencoder"]
            self.scale_[categories] = np.sqrt(encoded[:, categories].mean(axis=0))
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Encode rows."""
        return np.asarray(self.columns_.transform(X) / self.scale_)

    def inverse_transform(self, X: np.ndarray) -> pd.DataFrame:
        """Decode rows."""
        X = X * self.scale_
        places = self.columns_.output_indices_
        parts = [
            pd.DataFrame(part.inverse_transform(X[:, places[name]]), columns=columns)
            for name, part, columns in self.columns_.transformers_
            if len(columns)
        ]
        return pd.concat(parts, axis=1)[self.columns_.feature_names_in_]


def _build(encoder: Any, method: str) -> Builder:
    """Put an encoder of tables in front of a method."""
    return lambda k, seed: make_pipeline(clone(encoder), COMPRESSORS[method](k, seed))


METHODS: dict[str, Builder] = {
    OURS: _build(TableEncoder(restore_dtypes=False), OURS),
    FAMD: _build(OneHotTable(by_share=True), REFERENCE),
    REFERENCE: _build(OneHotTable(), REFERENCE),
}


def n_codes(x: float, n_columns: int) -> int:
    """Count the codes for a share of the columns."""
    return max(round(x * n_columns), 1)


def column_scores(real: pd.DataFrame, restored: pd.DataFrame) -> list[float]:
    """Score each column: R2, if not below 0, of numbers; accuracy of categories."""
    return [
        max(r2_score(real[name], restored[name]), 0.0)
        if is_numeric_dtype(real[name])
        else float(np.mean(real[name].to_numpy() == restored[name].to_numpy()))
        for name in real
    ]


def boosted_score(train: pd.DataFrame, test: pd.DataFrame) -> float:
    """Predict the last column of real rows by boosting fitted to given ones."""
    types = {
        name: pd.CategoricalDtype(sorted({*train[name].dropna(), *test[name]}))
        for name in test.columns[:-1]
        if not is_numeric_dtype(test[name])
    }
    X, X_test = (part.iloc[:, :-1].astype(types) for part in (train, test))
    y, y_test = train.iloc[:, -1], test.iloc[:, -1]
    if is_numeric_dtype(y):
        model = ensemble.HistGradientBoostingRegressor(random_state=0)
    elif y.nunique() > 1:
        model = ensemble.HistGradientBoostingClassifier(random_state=0)
    else:
        model = DummyClassifier()
    return float(model.fit(X, y).score(X_test, y_test))


@dataclass(frozen=True)
class Bootstrap:
    """A table, and the rows of one bootstrap sample of it."""

    table: str
    split: int
    train: pd.DataFrame
    test: pd.DataFrame

    @cached_property
    def real_score(self) -> float:
        """Score of boosting that has seen real rows."""
        return boosted_score(self.train, self.test)

    def row(self, x: float, method: str) -> Row:
        """Columns of a row that say what was measured."""
        n_rows, n_columns = self.train.shape
        return {
            **dict(zip(KEY, (self.table, x, self.split, method), strict=True)),
            "n_components": n_codes(x, n_columns),
            "rows": n_rows,
            "columns": n_columns,
        }

    def measure(self, x: float, method: str) -> Row:
        """Fit a method and score what it restores; a failed fit says why."""
        row = self.row(x, method)
        try:
            model = METHODS[method](row["n_components"], 0)
            row |= timed_fit(model, self.train)
            row |= self._scores(model)
        except Exception as error:
            row["error"] = f"{type(error).__name__}: {error}"[:200]
        return row

    def _scores(self, model: Any) -> Row:
        """Score the held-out rows, and boosting on the restored ones."""
        train, test = (
            model.inverse_transform(model.transform(part))
            for part in (self.train, self.test)
        )
        row: Row = {"score": float(np.mean(column_scores(self.test, test)))}
        if self.table in WITHOUT_TARGET:
            return row
        return row | {FIDELITY: boosted_score(train, self.test), REAL: self.real_score}


def load_bootstraps(folder: Path, table: str, n_splits: int) -> Iterator[Bootstrap]:
    """Read a table and split it by its first bootstrap samples."""
    frame = pd.read_csv(folder / f"{table}.csv.gz")
    samples = pd.read_csv(folder / f"{table}.bootstraps.csv.gz")
    for split in range(1, n_splits + 1):
        rows = samples[f"run{split}"]
        train = frame.iloc[rows].reset_index(drop=True)
        yield Bootstrap(table, split, train, frame.drop(index=rows.unique()))


def published_rows(scores: pd.DataFrame, bootstrap: Bootstrap) -> Iterator[Row]:
    """Yield the published figures of a bootstrap sample."""
    table, split = bootstrap.table, bootstrap.split
    here = scores[(scores["dataset"] == table) & (scores["run"] == split)]
    for x, method, score in here[["x", "method", "error"]].itertuples(index=False):
        if x in CODE_SHARES:
            yield {**bootstrap.row(x, method.upper()), "score": score}


def measure_bootstraps(
    bootstraps: Iterable[Bootstrap], scores: pd.DataFrame, done: set[tuple]
) -> Iterator[Row]:
    """Yield the rows of each bootstrap sample that are not done; with one thread."""
    with one_thread():
        for name in (OURS, REFERENCE):
            warm_up(COMPRESSORS[name])
        for bootstrap in bootstraps:
            for row in published_rows(scores, bootstrap):
                if tuple(row[name] for name in KEY) not in done:
                    yield row
            for x, method in product(CODE_SHARES, METHODS):
                if (bootstrap.table, x, bootstrap.split, method) not in done:
                    yield bootstrap.measure(x, method)


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure what the command line asks for and is not there yet."""
    check_names("table", options.tables, TABLES)
    tables = options.tables or (QUICK_TABLES if options.quick else TABLES)
    if options.data is None:
        raise ValueError(f"There is no table {', '.join(tables)}: set --data.")
    folder = options.data / "mixed"
    scores = pd.read_csv(folder / "published_results.csv.gz")
    n_splits = 1 if options.quick else options.n_splits
    bootstraps = (b for t in tables for b in load_bootstraps(folder, t, n_splits))
    keys = kept.reindex(columns=KEY).itertuples(index=False, name=None)
    return measure_bootstraps(bootstraps, scores, set(keys))


def cells(rows: pd.DataFrame, column: str = "score") -> pd.DataFrame:
    """Average over the samples: a line per table and x, a column per method.

    A failed fit counts as 0, which is the worst score that there is.
    """
    if column == "score":
        rows = rows.assign(score=rows["score"].fillna(0.0))
    table = rows.groupby([*KEY[:2], "method"])[column].mean().unstack("method")
    known = [method for method in (*METHODS, *PUBLISHED) if method in table]
    return table[known].rename_axis(None, axis=1)


def means(found: pd.DataFrame) -> pd.DataFrame:
    """Average over the tables, for each x."""
    return found.groupby(level="x").mean()


def won(found: pd.DataFrame) -> pd.DataFrame:
    """Tell in which cells ours is better than each other method."""
    return found.drop(columns=OURS).lt(found[OURS], axis=0)


def lost_cells(found: pd.DataFrame) -> Iterator[str]:
    """Name the cells in which RFAE is at least as good."""
    for (table, x), row in found[~won(found)[FOREST]].iterrows():
        yield f"{table}, x={x:g}: {number(row[OURS])}, RFAE {number(row[FOREST])}"


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised, over all tables."""
    if set(rows["table"]) != set(TABLES):
        return []
    found = cells(rows)
    better = won(found)[FOREST]
    promised = f"better than RFAE in at least {CELLS_WON:.0%} of {len(better)} cells"
    reached = means(found)[OURS]
    return [
        at_least(promised, better.mean(), CELLS_WON, "", 2),
        *(
            at_least(f"x={x:g}: mean score at least {least}", reached[x], least, "", 3)
            for x, least in MEANS.items()
        ),
    ]


def notes(rows: pd.DataFrame) -> list[str]:
    """Describe tables and samples."""
    shapes = rows.groupby("table")[["rows", "columns"]].first()
    sizes = [f"{name}: {n} rows, {m} columns" for name, n, m in shapes.itertuples()]
    return [f"{rows['split'].nunique()} bootstrap sample(s) of each table", *sizes]


def wins_table(found: pd.DataFrame) -> pd.DataFrame:
    """Count the cells in which ours is better, for each x and in all."""
    better = won(found).assign(cells=True)
    table = better.groupby(level="x").sum()
    table.index = table.index.map("{:g}".format)
    table.loc["all"] = better.sum()
    return table.rename_axis("x")


def fidelity(rows: pd.DataFrame) -> pd.DataFrame:
    """Lay the scores of boosting out: real rows, then ours for each x."""
    ours = rows[(rows["method"] == OURS) & rows[REAL].notna()]
    table = ours.pivot_table(index="table", columns="x", values=FIDELITY)
    table.columns = [f"x={x:g}" for x in table.columns]
    table.insert(0, "real rows", ours.groupby("table")[REAL].mean())
    table.loc["mean"] = table.mean()
    return table


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show scores, cells won, seconds and fidelity."""
    found = cells(rows)
    yield f"## Mean score\n\nOver the tables.\n\n{markdown(means(found))}"
    yield "## Cells won\n\nTables on which the autoencoder is better, for each x."
    yield markdown(wins_table(found))
    yield f"Not better than RFAE:\n\n{bullets([*lost_cells(found)] or ['nowhere'])}"
    yield f"## Table by table\n\n{markdown(found)}"
    here = rows[rows["method"].isin(METHODS)]
    seconds = cells(here, "cpu_seconds").groupby(level="table").mean()
    yield "## Processor seconds of a fit\n\nMean over x. None were published."
    yield markdown(seconds, decimals(2))
    yield (
        "## Fidelity\n\nGradient boosting (`HistGradientBoosting`) predicts the last "
        "column of real held-out rows: fitted to the real training rows, and to what "
        "the autoencoder restores of them, target included. R2 of numbers, accuracy "
        f"of categories. Without {' and '.join(WITHOUT_TARGET)}, whose last column is "
        "a measurement like the others."
    )
    yield markdown(fidelity(rows))
    boosted = means(cells(rows[rows[REAL].notna()], FIDELITY))
    yield f"Mean over these tables, by method:\n\n{markdown(boosted)}"


def picture(rows: pd.DataFrame) -> Figure:
    """Draw the mean score by x, a line a method."""
    table = means(cells(rows))
    figure = Figure(figsize=(7, 4.6), dpi=150, layout="constrained")
    ax = figure.subplots()
    places = np.arange(len(table))
    for method in table.mean().sort_values(ascending=False).index:
        ax.plot(places, table[method], label=method, **_style(str(method)))
    _dress(ax, table)
    return figure


def _style(method: str) -> dict[str, Any]:
    """Colour, width, dashes and marker of a line."""
    colors = {OURS: "#1f4e79", FAMD: "#2e8b8b", REFERENCE: "#7fb3d5", FOREST: "#b5432a"}
    return {
        "color": colors.get(method, "0.5"),
        "linewidth": 2.5 if method == OURS else 1.5,
        "linestyle": "--" if method in PUBLISHED else "-",
        "marker": dict(zip(PUBLISHED, "os^vD", strict=True)).get(method, "o"),
        "markersize": 5,
    }


def _dress(ax: Axes, table: pd.DataFrame) -> None:
    """Set titles, ticks and the legend."""
    ax.set_xlabel("number of codes by number of columns")
    ax.set_ylabel("score of held-out rows (1 is perfect)")
    ax.set_xticks(np.arange(len(table)), [f"{x:g}" for x in table.index])
    ax.set_ylim(min(0.3, float(table.min(axis=None)) - 0.03), 1.03)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper left", ncols=2, frameon=False)


def draw(rows: pd.DataFrame, stem: Path) -> None:
    """Write the picture."""
    picture(rows).savefig(stem.with_suffix(".png"))


SUITE = Suite(
    intro=INTRO,
    columns=(
        *KEY, "n_components", "rows", "columns", "score", *FIT_COLUMNS, FIDELITY, REAL
    ),
    measure=measure,
    report=report,
    promises=promises,
    notes=notes,
    add_options=add_cell_options,
    staying=lambda options, rows: options.resume,
    draw=draw,
)  # fmt: skip
