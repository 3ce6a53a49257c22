"""How well samples resemble the rows of a table: `TableSampler` beside others."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import (
    StratifiedKFold,
    cross_val_score,
    train_test_split,
)
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from benchmarks.datasets import Table, check_names, load_tables, some_rows, split_names
from benchmarks.measuring import CPU_SECONDS, HELD_OUT, one_thread, stopwatch
from benchmarks.records import Row
from benchmarks.reports import Promise, at_most, decimals, markdown
from benchmarks.suite import Suite
from sklearn_ae import AutoencoderTransformer, TableEncoder, TableSampler

OURS, LINEAR = "autoencoder", "PCA"
MOST_ROWS = 6500
REFERENCE, REFERENCE_AUC = "satimage", 0.62
# Codes of the reference; others have one for each five columns, within these ends.
REFERENCE_COMPONENTS, FEWEST, MOST_COMPONENTS = 7, 2, 10
AUC, WITH_TARGET = "auc", "auc_with_target"
SCORE, REAL = "score", "score_real"
NEARER, COPIES = "nearer", "copies"

INTRO = """\
# Samples

As many samples as there are held-out rows (a quarter), of models of the other rows,
with the target as a last column. AUC: how well gradient boosting tells samples from
held-out rows, cross-validated, without the target; 0.5 is perfect. Nearer: how often
the training row nearest to a sample is nearer than that nearest to a held-out row; 0.5
is perfect, 1 are copies. Copies: share of samples that equal a training row. Score: of
gradient boosting on held-out rows, fitted to samples, by that of one fitted to training
rows. Written from the CSV of the same name by `python -m benchmarks samples`.
"""


class Sampler(Protocol):
    """What a method is: something to fit, that gives rows."""

    def fit(self, X: np.ndarray) -> Any:
        """Learn the rows."""

    def sample(self, n_samples: int) -> np.ndarray:
        """Draw rows."""


# Makes an unfitted method, given code size, columns of classes and seed.
Builder = Callable[[int, list[int], int], Sampler]


class GaussianCopula(BaseEstimator):
    """Margins by quantiles, and the correlation of their normal scores."""

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, X: np.ndarray) -> "GaussianCopula":
        """Learn margins and correlation."""
        self.margins_ = QuantileTransformer(
            n_quantiles=len(X), output_distribution="normal", subsample=None
        ).fit(X)
        # Ties have the middle of their scores.
        ranks = pd.DataFrame(X).rank().to_numpy()
        scores = norm.ppf((ranks - 0.5) / len(X))
        self.correlation_ = np.nan_to_num(np.corrcoef(scores, rowvar=False))
        np.fill_diagonal(self.correlation_, 1.0)
        return self

    def sample(self, n_samples: int) -> np.ndarray:
        """Draw rows."""
        rng = np.random.default_rng(self.random_state)
        mean = np.zeros(len(self.correlation_))
        scores = rng.multivariate_normal(
            mean, self.correlation_, n_samples, method="eigh"
        )
        return np.asarray(self.margins_.inverse_transform(scores))


class OneGaussian(BaseEstimator):
    """One Gaussian, of the standardised columns themselves."""

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, X: np.ndarray) -> "OneGaussian":
        """Learn scales and covariance."""
        self.scaler_ = StandardScaler().fit(X)
        density = GaussianMixture(random_state=self.random_state)
        self.density_ = density.fit(self.scaler_.transform(X))
        return self

    def sample(self, n_samples: int) -> np.ndarray:
        """Draw rows."""
        return np.asarray(
            self.scaler_.inverse_transform(self.density_.sample(n_samples)[0])
        )


class Chosen(BaseEstimator):
    """A Gaussian mixture of the size that has the lowest BIC."""

    def fit(self, X: np.ndarray, y: object = None) -> "Chosen":
        """Fit mixtures until three sizes in a row are no better."""
        self.best_, best, worse = GaussianMixture(random_state=0).fit(X), np.inf, 0
        for size in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64):
            if size * X.shape[1] > len(X) or worse == 3:
                break
            mixture = GaussianMixture(size, reg_covar=1e-3, random_state=0).fit(X)
            found = mixture.bic(X)
            worse = 0 if found < best else worse + 1
            if found < best:
                self.best_, best = mixture, found
        return self

    def sample(self, n_samples: int) -> np.ndarray:
        """Draw codes."""
        return np.asarray(self.best_.sample(n_samples)[0])


class Synthesizer(BaseEstimator):
    """CTGAN or TVAE of the package ctgan, with default parameters."""

    def __init__(self, name: str) -> None:
        self.name = name

    def fit(self, X: np.ndarray) -> "Synthesizer":
        """Learn the rows; few values are categories."""
        import ctgan  # type: ignore[import-not-found]

        names = [f"x{i}" for i in range(X.shape[1])]
        frame = pd.DataFrame(X, columns=names)
        few = [name for name in names if frame[name].nunique() <= 10]
        self.model_ = getattr(ctgan, self.name)()
        self.model_.fit(frame, discrete_columns=few)
        return self

    def sample(self, n_samples: int) -> np.ndarray:
        """Draw rows."""
        return self.model_.sample(n_samples).to_numpy(dtype=float)


def _sampler(
    reducer: Any, classes: list[int], seed: int, **changes: Any
) -> TableSampler:
    """Return the sampler behind a reducer, and an encoder of columns of classes."""
    encoder = TableEncoder(categorical_features=classes)
    pipeline = make_pipeline(encoder, reducer)
    return TableSampler(pipeline, random_state=seed, **changes)


def _ours(**changes: Any) -> Builder:
    """Return a builder of the sampler with these parameters."""
    return lambda n_components, classes, seed: _sampler(
        AutoencoderTransformer(n_components, random_state=seed),
        classes,
        seed,
        **changes,
    )


METHODS: dict[str, Builder] = {
    OURS: _ours(),
    f"{OURS}, BIC": _ours(density=Chosen()),
    f"{OURS}, no residuals": _ours(residuals=None),
    LINEAR: lambda n, classes, seed: _sampler(PCA(n), classes, seed),
    "one Gaussian": lambda n, classes, seed: OneGaussian(seed),
    "Gaussian copula": lambda n, classes, seed: GaussianCopula(seed),
    "CTGAN": lambda n, classes, seed: Synthesizer("CTGAN"),
    "TVAE": lambda n, classes, seed: Synthesizer("TVAE"),
}
OPTIONAL = ("CTGAN", "TVAE")
# Variants of ours are no rivals.
RIVALS = (LINEAR, "one Gaussian", "Gaussian copula", *OPTIONAL)


def told_apart(rows: np.ndarray, samples: np.ndarray, seed: int) -> float:
    """Return the AUC of gradient boosting that tells samples from rows."""
    X = np.vstack([rows, samples])
    y = np.repeat([0, 1], [len(rows), len(samples)])
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = HistGradientBoostingClassifier(random_state=seed)
    return float(cross_val_score(model, X, y, cv=folds, scoring="roc_auc").mean())


def nearness(train: np.ndarray, rows: np.ndarray, samples: np.ndarray) -> Row:
    """Compare distances to the nearest training row, of samples and of other rows."""
    scaler = StandardScaler().fit(train)
    search = NearestNeighbors(n_neighbors=1).fit(scaler.transform(train))
    to_rows, to_samples = (
        search.kneighbors(scaler.transform(some))[0][:, 0] for some in (rows, samples)
    )
    ordered = np.sort(to_rows)
    ends = [np.searchsorted(ordered, to_samples, side) for side in ("left", "right")]
    nearer = 1 - np.mean(ends) / len(ordered)
    return {NEARER: float(nearer), COPIES: float((to_samples < 1e-9).mean())}


def predicted(task: str, train: np.ndarray, rows: np.ndarray, seed: int) -> float:
    """Score gradient boosting that predicts the last column of rows."""
    if task == "classification":
        labels = train[:, -1].round()
        if len(np.unique(labels)) == 1:
            return float((rows[:, -1] == labels[0]).mean())
        classifier = HistGradientBoostingClassifier(random_state=seed)
        classifier.fit(train[:, :-1], labels)
        return float(classifier.score(rows[:, :-1], rows[:, -1]))
    regressor = HistGradientBoostingRegressor(random_state=seed)
    regressor.fit(train[:, :-1], train[:, -1])
    return float(regressor.score(rows[:, :-1], rows[:, -1]))


def n_components_of(table: Table) -> int:
    """Return the size of the code for a table."""
    if table.name == REFERENCE:
        return REFERENCE_COMPONENTS
    return int(np.clip(table.X.shape[1] // 5, FEWEST, MOST_COMPONENTS))


def measured(table: Table, methods: Sequence[str], split: int) -> Iterator[Row]:
    """Measure methods on a split of a table."""
    y, classes = table.y, []
    if table.task == "classification":
        classes = [table.X.shape[1]]
        y = np.unique(y, return_inverse=True)[1]
    whole = np.column_stack([table.X, y]).astype(np.float64)
    train, rows = train_test_split(whole, test_size=HELD_OUT, random_state=split)
    real = predicted(table.task, train, rows, split)
    for name in methods:
        sampler = METHODS[name](n_components_of(table), classes, split)
        found: list[np.ndarray] = []
        row: Row = {"table": table.name, "method": name, "split": split}
        row |= {"n_components": n_components_of(table), "rows": len(train)}

        def work(sampler: Sampler = sampler, found: list[np.ndarray] = found) -> None:
            sampler.fit(train)
            found.append(sampler.sample(len(rows)))

        row |= stopwatch(work)
        samples = found[0]
        row[AUC] = told_apart(rows[:, :-1], samples[:, :-1], split)
        row |= {WITH_TARGET: told_apart(rows, samples, split), REAL: real}
        row |= nearness(train, rows, samples)
        many = samples
        if len(samples) < len(train):
            many = sampler.sample(len(train))
        row[SCORE] = predicted(table.task, many, rows, split)
        yield row


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure each method on each table; in the quick form two small tables."""
    check_names("method", options.methods, list(METHODS))
    tables = [
        some_rows(t, MOST_ROWS) for t in load_tables(options.data, options.tables)
    ]
    if options.quick:
        tables = sorted(tables, key=lambda table: table.X.size)[:2]
    installed = find_spec("ctgan") is not None
    names = [name for name in METHODS if installed or name not in OPTIONAL]
    names = [name for name in names if name in (options.methods or names)]
    n_splits = 1 if options.quick else options.n_splits

    def rows() -> Iterator[Row]:
        with one_thread():
            for table in tables:
                for split in range(n_splits):
                    yield from measured(table, names, split)

    return rows()


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    add = parser.add_argument
    add("--tables", type=split_names, metavar="A,B", help="only these tables")
    add("--methods", type=split_names, metavar="A,B", help="only these methods")
    add("--n-splits", type=int, default=6, help="splits of each table")
    add("--resume", action="store_true", help="keep the rows that are there already")


def by_table(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return means over the splits, a row a table and a column a method."""
    found = rows.pivot_table(index="table", columns="method", values=column, sort=False)
    return found[[name for name in METHODS if name in found]]


def means(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean AUC, and medians over the tables, a row a method."""
    columns = (AUC, WITH_TARGET, NEARER, COPIES, "ratio", CPU_SECONDS)
    rows = rows.assign(ratio=rows[SCORE] / rows[REAL])
    found = {name: by_table(rows, name).median() for name in columns}
    found = {"mean auc": by_table(rows, AUC).mean()} | found
    n_splits = rows.groupby("method")["split"].nunique()
    found["splits"] = n_splits.reindex(found["mean auc"].index)
    return pd.DataFrame(found).rename(
        columns={
            WITH_TARGET: "auc with target",
            "ratio": "score by real",
            CPU_SECONDS: "CPU seconds",
        }
    )


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    found, promised = by_table(rows, AUC), []
    if REFERENCE in found.index and OURS in found:
        text = f"AUC on {REFERENCE} is at most {{:g}}"
        promised.append(at_most(text, float(found.loc[REFERENCE, OURS]), REFERENCE_AUC))
    for rival in RIVALS:
        if rival in found and OURS in found:
            median = found[[OURS, rival]].dropna().median()
            text = f"the median AUC is at most that of {rival}, {{:.3f}}"
            promised.append(at_most(text, float(median[OURS]), float(median[rival])))
    return promised


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show medians, then each table."""
    complete = rows.groupby("table")["method"].transform("nunique")
    whole = rows[complete == complete.max()]
    n_tables = whole["table"].nunique()
    yield f"## Medians over the {n_tables} tables with all methods"
    yield markdown(means(whole))
    yield f"## AUC\n\n{markdown(by_table(rows, AUC))}"
    yield f"## AUC with the target\n\n{markdown(by_table(rows, WITH_TARGET))}"
    yield f"## Nearer\n\n{markdown(by_table(rows, NEARER))}"
    ratio = rows.assign(ratio=rows[SCORE] / rows[REAL])
    yield f"## Score by that of real rows\n\n{markdown(by_table(ratio, 'ratio'))}"
    seconds = markdown(by_table(rows, CPU_SECONDS), decimals(1))
    yield f"## Processor seconds, fit and samples\n\n{seconds}"


SUITE = Suite(
    intro=INTRO,
    columns=(
        "table", "method", "split", "n_components", "rows", AUC, WITH_TARGET, NEARER,
        COPIES, SCORE, REAL, "seconds", CPU_SECONDS,
    ),
    measure=measure,
    report=report,
    promises=promises,
    add_options=add_options,
    staying=lambda options, rows: options.resume,
)  # fmt: skip
