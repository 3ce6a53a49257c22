"""Outliers among the rows of a fit: `AutoencoderOutlierDetector` beside others."""

import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from itertools import chain, product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import StandardScaler

from benchmarks.datasets import (
    Table,
    bundled_table,
    check_names,
    load_tables,
    mixed_frames,
    split_names,
)
from benchmarks.measuring import CPU_SECONDS, one_thread, stopwatch
from benchmarks.records import Row
from benchmarks.reports import Promise, at_least, decimals, markdown
from benchmarks.suite import Suite
from sklearn_ae import AutoencoderOutlierDetector, AutoencoderTransformer

OURS, LINEAR, PLAIN = "detector", "detector, PCA", "autoencoder"
REFERENCE, FOREST, PYOD = "PCA", "IsolationForest", "pyod"
AUC, KIND = "auc", "case"
RARE, FAR, SWAPPED, CLEAN = "rare class", "far cells", "swapped cells", "clean rows"
KINDS = (RARE, FAR, SWAPPED)
# Tables of the folder `mixed`, and whether their last column is a class.
MIXED = {
    "abalone": False, "banknote": True, "diabetes": True, "king": False,
    "spambase": True,
}  # fmt: skip
QUICK_TABLES = ("wine",)
MOST_ROWS, SHARE = 600, 0.05
# The case that the detector was made for.
BENIGN, N_MALIGNANT, MARGIN = "breast_cancer", 20, 0.05
# Codes for clean rows, as in the example of the gallery.
DIGITS = "digits"
N_CODES = {DIGITS: 10, BENIGN: 5}

KEY = ["table", KIND, "split", "method"]

INTRO = f"""\
# Outliers

At most {MOST_ROWS} rows of standardised columns, and {SHARE:.0%} more that are to be
found among them: AUC, means over the splits. Rare class: those are of the smaller of
two classes ({N_MALIGNANT} malignant samples among benign ones), or of one of several,
another in each split. Far cells: a fifth of their cells are drawn between the ends of
the columns, and a tenth beyond. Swapped cells: half of their cells are those of another
row. Methods are fitted to the rows that they score. Clean rows: methods are fitted to
two thirds of the images of nine digits, or of the benign samples, and are to tell the
others from all images of the tenth digit, or from malignant samples; `detector` has
`novelty=True`.

`detector` is `AutoencoderOutlierDetector`, also around PCA. `autoencoder` is
`score_samples` of a transformer that has seen the rows, PCA its squared reconstruction
error, with as many codes; pyod its AutoEncoder. All have default parameters. Written
from the CSV of the same name by `python -m benchmarks outliers`.
"""


class Case(NamedTuple):
    """Rows to fit to, rows to score (None: the same), and which of these are odd."""

    table: str
    kind: str
    split: int
    X: np.ndarray
    new: np.ndarray | None
    is_odd: np.ndarray
    n_components: int


def _detector(transformer: Any, case: Case) -> np.ndarray:
    """Score rows by ours."""
    detector = AutoencoderOutlierDetector(
        transformer, novelty=case.new is not None, random_state=case.split
    ).fit(case.X)
    if case.new is None:
        return -detector.held_out_scores_
    return -np.asarray(detector.score_samples(case.new))


def _scored(model: Any, case: Case) -> np.ndarray:
    """Score rows by what has `score_samples`."""
    rows = case.X if case.new is None else case.new
    return -np.asarray(model.fit(case.X).score_samples(rows))


def _pca(case: Case) -> np.ndarray:
    """Return squared reconstruction errors."""
    rows = case.X if case.new is None else case.new
    pca = PCA(case.n_components, svd_solver="full").fit(case.X)
    return np.sum((rows - pca.inverse_transform(pca.transform(rows))) ** 2, axis=1)


def _neighbours(case: Case) -> np.ndarray:
    """Return local outlier factors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rows that are there several times
        model = LocalOutlierFactor(novelty=case.new is not None).fit(case.X)
    if case.new is None:
        return -model.negative_outlier_factor_
    return -model.score_samples(case.new)


def _pyod(case: Case) -> np.ndarray:
    """Score rows by pyod's AutoEncoder."""
    from pyod.models.auto_encoder import AutoEncoder  # type: ignore[import-not-found]

    model = AutoEncoder(random_state=case.split, verbose=0).fit(case.X)
    if case.new is None:
        return np.asarray(model.decision_scores_)
    return np.asarray(model.decision_function(case.new))


METHODS: dict[str, Callable[[Case], np.ndarray]] = {
    OURS: lambda case: _detector(None, case),
    LINEAR: lambda case: _detector(PCA(case.n_components), case),
    PLAIN: lambda case: _scored(
        AutoencoderTransformer(case.n_components, random_state=case.split), case
    ),
    REFERENCE: _pca,
    FOREST: lambda case: _scored(IsolationForest(random_state=case.split), case),
    "LocalOutlierFactor": _neighbours,
    PYOD: _pyod,
}


def n_components_of(X: np.ndarray) -> int:
    """Return the number of codes that the detector has by default."""
    n_rows, width = X.shape
    return max(1, min(max(2, width // 5), width, n_rows // 20))


def with_rare(table: Table, rng: np.random.Generator, split: int) -> list[np.ndarray]:
    """Return rows of all classes but one, and some of that."""
    labels, counts = np.unique(table.y, return_counts=True)
    rare = labels[counts.argmin() if len(labels) == 2 else split % len(labels)]
    rows = rng.permutation(table.X[table.y != rare])[:MOST_ROWS]
    n_odd = N_MALIGNANT if table.name == BENIGN else max(5, round(SHARE * len(rows)))
    return [rows, rng.permutation(table.X[table.y == rare])[:n_odd]]


def with_planted(table: Table, rng: np.random.Generator, kind: str) -> list[np.ndarray]:
    """Return rows, and some of which cells are changed."""
    drawn = rng.permutation(table.X)[: round(MOST_ROWS * (1 + SHARE))]
    n_odd = max(5, round(len(drawn) * SHARE / (1 + SHARE)))
    odd, rows = drawn[:n_odd], drawn[n_odd:]
    if kind == SWAPPED:
        others = rows[rng.integers(len(rows), size=n_odd)]
        return [rows, np.where(rng.random(odd.shape) < 0.5, others, odd)]
    low, high = rows.min(axis=0), rows.max(axis=0)
    far = low + (high - low) * rng.uniform(-0.1, 1.1, odd.shape)
    is_changed = rng.random(odd.shape) < 0.2
    is_changed[np.arange(n_odd), rng.integers(odd.shape[1], size=n_odd)] = True
    return [rows, np.where(is_changed, far, odd)]


def among(table: Table, kind: str, split: int) -> Case:
    """Mix odd rows with others."""
    rng = np.random.default_rng(split)
    planted = with_planted(table, rng, kind) if kind != RARE else None
    rows, odd = planted or with_rare(table, rng, split)
    order = rng.permutation(len(rows) + len(odd))
    X = StandardScaler().fit_transform(np.vstack([rows, odd]))[order]
    is_odd = np.repeat([0, 1], [len(rows), len(odd)])[order]
    return Case(table.name, kind, split, X, None, is_odd, n_components_of(X))


def clean(name: str, split: int) -> Case:
    """Fit to two thirds of usual rows; the others, and unusual ones, are new."""
    table, k = bundled_table(name), N_CODES[name]
    is_usual = table.y == 1 if name == BENIGN else table.y != split
    seed = split if name == BENIGN else 0
    X, rest = train_test_split(table.X[is_usual], test_size=1 / 3, random_state=seed)
    scaler = StandardScaler(with_std=name == BENIGN).fit(X)
    new = scaler.transform(np.vstack([rest, table.X[~is_usual]]))
    is_odd = np.repeat([0, 1], [len(rest), np.sum(~is_usual)])
    return Case(name, CLEAN, split, scaler.transform(X), new, is_odd, k)


def measured(case: Case, methods: list[str]) -> Iterator[Row]:
    """Measure each method."""
    for name in methods:
        found: list[np.ndarray] = []

        def work(name: str = name, found: list[np.ndarray] = found) -> None:
            found.append(METHODS[name](case))

        times = stopwatch(work)
        row: Row = {"table": case.table, KIND: case.kind, "method": name}
        row |= {"split": case.split, "n_components": case.n_components, **times}
        row |= {"rows": len(case.X), "columns": case.X.shape[1]}
        row |= {AUC: roc_auc_score(case.is_odd, found[0])}
        yield row | {"package": f"pyod {version('pyod')}" if name == PYOD else ""}


def _of_numbers(name: str, frame: pd.DataFrame) -> Table:
    """Return the numbers of a table with categories; its last column may be a class."""
    y = frame.pop(frame.columns[-1]).to_numpy() if MIXED[name] else np.zeros(len(frame))
    X = frame.select_dtypes("number").to_numpy(np.float64)
    name = {"diabetes": "pima"}.get(name, name)  # another diabetes is scikit-learn's
    return Table(
        name, X, y, "classification" if len(np.unique(y)) > 1 else "regression"
    )


def tables_of(options: Namespace) -> list[Table]:
    """Load tables, with the numbers of those that are mixed."""
    tables = load_tables(options.data)
    if options.data is not None:
        frames = mixed_frames(options.data, list(MIXED))
        tables += [_of_numbers(name, frame) for name, frame in frames]
    wanted = options.tables or (QUICK_TABLES if options.quick else None)
    check_names("table", wanted, [table.name for table in tables])
    return [table for table in tables if wanted is None or table.name in wanted]


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure the tables, then unknown digits."""
    installed = find_spec("pyod") is not None
    methods = [name for name in METHODS if name != PYOD or installed]
    tables, n_splits = tables_of(options), 1 if options.quick else options.n_splits
    done = set(kept.reindex(columns=KEY).itertuples(index=False, name=None))
    names = [table.name for table in tables]
    n_clean = {DIGITS: 10, BENIGN: n_splits}
    cases = chain(
        (
            among(table, kind, split)
            for table, kind, split in product(tables, KINDS, range(n_splits))
            if kind != RARE or table.task == "classification"
        ),
        (
            clean(name, split)
            for name in N_CODES
            if name in names
            for split in range(n_clean[name])
        ),
    )

    def rows() -> Iterator[Row]:
        with one_thread():
            for case in cases:
                key = case.table, case.kind, case.split
                yield from measured(case, [m for m in methods if (*key, m) not in done])

    return rows()


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    add = parser.add_argument
    add("--tables", type=split_names, metavar="A,B", help="only these tables")
    add("--n-splits", type=int, default=3, help="splits of each table")
    add("--resume", action="store_true", help="keep the rows that are there already")


def by_case(rows: pd.DataFrame, column: str = AUC) -> pd.DataFrame:
    """Return means over the splits, a line a case and a column a method."""
    found = rows.pivot_table(
        index=[KIND, "table"], columns="method", values=column, sort=False
    )
    return found[[name for name in METHODS if name in found]]


def among_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the cases of odd rows among those of the fit."""
    return rows[rows[KIND] != CLEAN]


def medians(rows: pd.DataFrame) -> pd.DataFrame:
    """Return medians over the tables, for each kind and for all of them."""
    found = by_case(among_rows(rows))
    table = found.groupby(level=KIND, sort=False).median()
    table.loc["all"] = found.median()
    clean = by_case(rows[rows[KIND] == CLEAN])
    if len(clean):
        table.loc[CLEAN] = clean.mean()
    return table


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    found, promised = by_case(rows), []
    if (RARE, BENIGN) in found.index:
        benign = found.loc[(RARE, BENIGN)]
        text = f"{BENIGN}: AUC at least PCA's plus {MARGIN}, {{:.3f}}"
        limit = float(benign[REFERENCE]) + MARGIN
        promised.append(at_least(text, float(benign[OURS]), limit))
    for name in N_CODES:
        if (CLEAN, name) in found.index:
            text = f"clean rows of {name}: AUC at least PCA's, {{:.3f}}"
            aucs = found.loc[(CLEAN, name)]
            limit = float(aucs[REFERENCE])
            promised.append(at_least(text, float(aucs[OURS]), limit))
    median = by_case(among_rows(rows)).median()
    for rival in (REFERENCE, FOREST, PYOD):
        text = f"median over the tables at least that of {rival}, {{:.3f}}"
        if rival in median:
            limit = float(median[rival])
            promised.append(at_least(text, float(median[OURS]), limit))
    return promised


def notes(rows: pd.DataFrame) -> list[str]:
    """Say what was measured."""
    rows = among_rows(rows)
    cases = by_case(rows)
    packages = sorted(set(rows["package"].dropna()) - {""}) or ["pyod not measured"]
    return [f"{len(cases)} cases, {rows['split'].nunique()} splits", *packages]


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show medians, then each case."""
    yield f"## AUC, medians over the tables\n\n{markdown(medians(rows))}"
    yield f"## AUC\n\n{markdown(by_case(rows))}"
    spread = rows.groupby([KIND, "table", "method"])[AUC].std().rename(AUC)
    spread = by_case(spread.reset_index()).groupby(level=KIND, sort=False).median()
    yield f"## Standard deviation over the splits, medians\n\n{markdown(spread)}"
    seconds = by_case(rows, CPU_SECONDS).groupby(level=KIND, sort=False).median()
    yield f"## Processor seconds, medians\n\n{markdown(seconds, decimals(2))}"


SUITE = Suite(
    intro=INTRO,
    columns=(
        "table", KIND, "method", "split", "n_components", "rows", "columns", AUC,
        "seconds", CPU_SECONDS, "package",
    ),
    measure=measure,
    report=report,
    promises=promises,
    notes=notes,
    add_options=add_options,
    staying=lambda options, rows: options.resume,
)  # fmt: skip
