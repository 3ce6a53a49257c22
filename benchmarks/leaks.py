"""Whether `TargetAugmenter` leaks: permuted targets, and scores on new rows."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelBinarizer, StandardScaler

from benchmarks.datasets import Table, load_tables, some_rows, split_names
from benchmarks.measuring import split_table
from benchmarks.methods import linear_model
from benchmarks.records import Row
from benchmarks.reports import Promise, at_most, markdown
from benchmarks.suite import Suite
from sklearn_ae import TargetAugmenter

METHOD = "TargetAugmenter"
PERMUTED = ("diabetes", "wine")
N_DRAWS = 20
N_COMPONENTS = 5
STANDARD_ERRORS = 2.0
ENOUGH_ROWS = 500
MOST_ROWS = 5000
TOLERANCE = 0.02
INSIDE, NEW, CHANCE = "score_inside", "score_new", "score_without"

INTRO = """\
# Leaks

With permuted targets, a linear model behind five codes of PCA is scored with
`TargetAugmenter` in front and without, which is chance. With real ones, `cv_score_` is
compared with what the predictions explain of the target of held-out rows. Written from
the CSV of the same name by `python -m benchmarks leaks`.
"""


def permuted(table: Table, draw: int) -> Row:
    """Score a model behind codes of a permuted target, with it and without."""
    y = np.random.default_rng(draw).permutation(table.y)
    tail = (PCA(N_COMPONENTS), linear_model(table.task))
    augmenter = TargetAugmenter(random_state=draw)
    scores = {
        name: cross_val_score(make_pipeline(StandardScaler(), *steps), table.X, y)
        for name, steps in ((NEW, (augmenter, *tail)), (CHANCE, tail))
    }
    means = {name: float(found.mean()) for name, found in scores.items()}
    return {"table": table.name, "method": METHOD, "case": "permuted", "draw": draw} | (
        means
    )


def real(table: Table, draw: int) -> Row:
    """Compare what is said inside of a fit with the share explained of new rows."""
    split = split_table(some_rows(table, MOST_ROWS), draw)
    augmenter = TargetAugmenter(random_state=draw)
    n_features = split.X.shape[1]
    held_out = augmenter.fit_transform(split.X, split.y)[:, n_features:]
    new = augmenter.transform(split.X_test)[:, n_features:]
    y, y_test = split.y, split.y_test
    if table.task == "classification":
        binarizer = LabelBinarizer().fit(y)
        y, y_test = binarizer.transform(y), binarizer.transform(y_test)
    y, y_test = y.reshape(len(y), -1), y_test.reshape(len(y_test), -1)
    predicted = LinearRegression().fit(held_out, y).predict(new)
    lost = ((y_test - predicted) ** 2).sum() / ((y_test - y.mean(axis=0)) ** 2).sum()
    return {
        "table": table.name,
        "method": METHOD,
        "case": "real",
        "draw": draw,
        INSIDE: augmenter.cv_score_,
        NEW: float(1 - lost),
    }


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure permuted targets, then real ones; in the quick form two of each."""
    tables = load_tables(options.data, options.tables)
    n_draws = 2 if options.quick else N_DRAWS
    n_splits = 1 if options.quick else options.n_splits
    chance = [table for table in tables if table.name in PERMUTED]
    known = [table for table in tables if len(table.X) >= ENOUGH_ROWS]
    known = known[:2] if options.quick else known

    def rows() -> Iterator[Row]:
        for table in chance:
            yield from (permuted(table, draw) for draw in range(n_draws))
        for table in known:
            yield from (real(table, draw) for draw in range(n_splits))

    return rows()


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    add = parser.add_argument
    add("--tables", type=split_names, metavar="A,B", help="only these tables")
    add("--n-splits", type=int, default=5, help="splits of each table with its target")


def chance_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what a permuted target gains, in standard errors."""
    found = rows[rows["case"] == "permuted"]
    gains = (found[NEW] - found[CHANCE]).groupby(found["table"])
    table = pd.DataFrame({"draws": gains.size(), "mean gain": gains.mean()})
    table["standard error"] = gains.std() / np.sqrt(gains.size())
    return table


def real_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return scores inside of fits and on new rows, means over the splits."""
    found = rows[rows["case"] == "real"].groupby("table", sort=False)
    table = found[[INSIDE, NEW]].mean()
    table["difference"] = table[INSIDE] - table[NEW]
    return table.rename(columns={INSIDE: "inside a fit", NEW: "new rows"})


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    promised = []
    chance, known = chance_table(rows), real_table(rows)
    if len(chance):
        excess = chance["mean gain"] - STANDARD_ERRORS * chance["standard error"]
        text = "a permuted target gains at most {:g} beyond two standard errors"
        promised.append(at_most(text, float(excess.max()), 0.0))
    if len(known):
        far = known["difference"].abs()
        text = "scores inside a fit and on new rows differ by at most {:g}"
        promised.append(
            at_most(text, float(far.max()), TOLERANCE, f" ({far.idxmax()})")
        )
    return promised


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show both tables."""
    yield f"## Permuted targets\n\n{markdown(chance_table(rows))}"
    yield f"## Share of the target that is explained\n\n{markdown(real_table(rows))}"


SUITE = Suite(
    intro=INTRO,
    columns=("table", "method", "case", "draw", INSIDE, NEW, CHANCE),
    measure=measure,
    report=report,
    promises=promises,
    add_options=add_options,
)
