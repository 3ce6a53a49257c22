"""Missing cells imputed, and observed ones explained, beside imputers."""

import warnings
from argparse import Namespace
from collections.abc import Iterator
from itertools import chain

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from benchmarks import completion
from benchmarks.datasets import BUNDLED, Table, load_tables
from benchmarks.measuring import FIT_COLUMNS, split_table, timed_fit
from benchmarks.ratios import OURS
from benchmarks.records import Row
from benchmarks.reports import Promise, at_most, markdown
from benchmarks.suite import Suite
from sklearn_ae import AutoencoderTransformer

MISSING_SHARE = 0.2
N_COMPONENTS = 20
TABLES = ("communities", "satimage")
QUICK_TABLES = ("breast_cancer",)
N_MASKS = 3
MOST_FVU = 1.10  # of the observed cells, as a ratio to the fit on complete rows
SECTION = "reconstruction"
FIGURES = ("rmse", "accuracy", "observed_fvu", "complete_fvu")

INTRO = f"""\
# Imputation

{MISSING_SHARE:.0%} of the cells are removed at random and imputed: by scikit-learn's
imputers with default parameters, and by the autoencoder's reconstruction from
{N_COMPONENTS} codes. RMSE of the imputed cells in standard deviations. Further below,
`AutoencoderImputer` completes more tables, mixed ones among them. Written from the
CSV of the same name by `python -m benchmarks imputation`.
"""


IMPUTERS = {
    "SimpleImputer": lambda seed: SimpleImputer(),
    "KNNImputer": lambda seed: KNNImputer(),
    "IterativeImputer": lambda seed: IterativeImputer(random_state=seed),
}


class Imputation:
    """Fills the NaN of standardised columns: by our reconstruction, or an imputer."""

    def __init__(self, method: str, seed: int) -> None:
        self.method, self.seed = method, seed

    def fit(self, X: np.ndarray) -> None:
        """Fit and impute, as it is the time of both that counts."""
        if self.method == OURS:
            model = AutoencoderTransformer(N_COMPONENTS, random_state=self.seed)
            self.imputed = model.inverse_transform(model.fit_transform(X))
            return
        with warnings.catch_warnings():
            # IterativeImputer's ten rounds of default end before its tolerance is met.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.imputed = IMPUTERS[self.method](self.seed).fit_transform(X)


def observed_fvu(X: np.ndarray, reconstruction: np.ndarray) -> float:
    """Fraction of the variance of the observed cells that is lost."""
    error = np.nansum((X - reconstruction) ** 2)
    return float(error / np.nansum((X - np.nanmean(X, axis=0)) ** 2))


def measure_mask(table: Table, seed: int) -> Iterator[Row]:
    """Yield a row per method for one table and one random mask."""
    X = split_table(table, seed).X
    mask = np.random.default_rng(seed).uniform(size=X.shape) < MISSING_SHARE
    mask[mask.all(axis=1)] = False
    holes = np.where(mask, np.nan, X)
    complete = Imputation(OURS, seed)
    complete.fit(X)
    for method in (*IMPUTERS, OURS):
        imputation = Imputation(method, seed)
        figures = timed_fit(imputation, holes)
        error = (imputation.imputed - X)[mask]
        row: Row = {"section": SECTION, "table": table.name, "case": "at random"}
        row |= {"method": method, "split": seed, **figures}
        row["rmse"] = float(np.sqrt(np.mean(error**2)))
        if method == OURS:
            row["observed_fvu"] = observed_fvu(holes, imputation.imputed)
            row["complete_fvu"] = observed_fvu(X, complete.imputed)
        yield row


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure the tables, with several masks each, then those that are completed."""
    wanted = QUICK_TABLES if options.quick else TABLES
    if options.data is None and not set(wanted) <= set(BUNDLED):
        raise ValueError(f"There is no table {', '.join(wanted)}: set --data.")
    tables = load_tables(options.data, wanted)
    seeds = range(1 if options.quick else N_MASKS)
    masked = (measure_mask(t, seed) for t in tables for seed in seeds)
    return chain(chain.from_iterable(masked), completion.measure(options))


def own(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of reconstructions."""
    return rows[rows["section"] == SECTION]


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with the imputers, and with fits to complete rows."""
    found = []
    for name, part in own(rows).groupby("table", sort=False):
        means = part.groupby("method")["rmse"].mean()
        best = means.drop(OURS).min()
        promised = f"{name}: RMSE below the best imputer's, {best:.3f}"
        found.append(Promise(promised, f"{means[OURS]:.3f}", bool(means[OURS] < best)))
        fvu = part["observed_fvu"].mean() / part["complete_fvu"].mean()
        promised = f"{name}: FVU of observed cells at most {{:.2f}} of complete rows'"
        found.append(at_most(promised, fvu, MOST_FVU, "", 3))
    return found


def means(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Average over the masks: a line per table, a column per method, ours first."""
    table = own(rows).groupby(["table", "method"])[column].mean().unstack("method")
    return table[[OURS, *list(IMPUTERS)[::-1]]].rename_axis(None, axis=1)


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show errors and seconds."""
    titles = {
        "rmse": "RMSE of imputed cells",
        "cpu_seconds": "Processor seconds of fit and imputation",
    }
    for column, title in titles.items():
        yield f"## {title}, mean over the masks\n\n{markdown(means(rows, column))}"
    yield from completion.report(rows)


SUITE = Suite(
    intro=INTRO,
    columns=("table", "section", "case", "method", "split", *FIGURES, *FIT_COLUMNS),
    measure=measure,
    report=report,
    promises=promises,
    notes=completion.notes,
)
