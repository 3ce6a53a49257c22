"""Data of the benchmarks: three seeded regimes of redundancy, and real tables."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

Task = Literal["classification", "regression"]

TUNING_WIDTH = 0.4


@dataclass(frozen=True)
class Table:
    """A table with its target.

    Attributes
    ----------
    name : str
        What the table is called in reports.
    X : ndarray of shape (n_samples, n_features)
        The columns, unscaled.
    y : ndarray of shape (n_samples,)
        A class label or a number for each row.
    task : {"classification", "regression"}
        Says whether ``y`` holds class labels or numbers.
    feature_names : tuple of str
        One name per column.
    factors : ndarray of shape (n_samples, n_factors) or None
        The hidden quantities that the columns measure, where they are known.
    """

    name: str
    X: np.ndarray
    y: np.ndarray
    task: Task
    feature_names: tuple[str, ...]
    factors: np.ndarray | None = None


def _regime(
    name: str, X: np.ndarray, y: np.ndarray, factors: np.ndarray | None
) -> Table:
    """Name the columns of a generated regime."""
    names = tuple(f"x{j}" for j in range(X.shape[1]))
    return Table(name, X, y, "regression", names, factors)


def no_redundancy(
    n_samples: int = 1000, n_features: int = 900, random_state: int = 0
) -> Table:
    """Draw independent columns, of which the target needs only the first.

    With the default arguments this is the published case, number for number.
    """
    # The published figures come from NumPy's old generator; a private RandomState gives
    # the numbers that np.random.seed would, and leaves the global generator alone.
    rng = np.random.RandomState(random_state)
    X = rng.randn(n_samples, n_features)
    y = 2 * X[:, 0] + 1 + 0.1 * rng.randn(n_samples)
    return _regime("none", X, y, None)


def linear_redundancy(
    n_samples: int = 1000,
    n_features: int = 900,
    n_factors: int = 10,
    random_state: int = 0,
) -> Table:
    """Measure a few quantities in many units, each column with its own noise.

    Column ``j`` measures factor ``j % n_factors`` in a unit between 0.01 and 100, from
    an origin of its own, with noise of 0.1 to 0.3 standard deviations of the factor.
    """
    rng = np.random.default_rng(random_state)
    factors = rng.standard_normal((n_samples, n_factors))
    unit = 10.0 ** rng.uniform(-2, 2, n_features)
    origin = rng.uniform(-5, 5, n_features)
    noise = rng.uniform(0.1, 0.3, n_features)
    X = factors[:, np.arange(n_features) % n_factors]
    X = X + noise * rng.standard_normal((n_samples, n_features)) + origin
    y = 2 * factors[:, 0] + 1 + 0.1 * rng.standard_normal(n_samples)
    return _regime("linear", unit * X, y, factors)


def curved_redundancy(
    n_samples: int = 1000,
    n_features: int = 900,
    n_factors: int = 10,
    random_state: int = 0,
) -> Table:
    """Measure a few quantities through bumps, as sensors with a preferred value do.

    Column ``j`` is ``exp(-(u - c_j)^2 / (2 * 0.4^2))`` of ``u``, factor
    ``j % n_factors``, with a preferred value ``c_j`` in [-1.2, 1.2], plus Gaussian
    noise of 0.1.
    """
    rng = np.random.default_rng(random_state)
    factors = rng.uniform(-1, 1, (n_samples, n_factors))
    preferred = rng.uniform(-1.2, 1.2, n_features)
    distance = factors[:, np.arange(n_features) % n_factors] - preferred
    X = np.exp(-(distance**2) / (2 * TUNING_WIDTH**2))
    X = X + 0.1 * rng.standard_normal((n_samples, n_features))
    y = 2 * factors[:, 0] + 1 + 0.1 * rng.standard_normal(n_samples)
    return _regime("curved", X, y, factors)


REGIMES: dict[str, Callable[..., Table]] = {
    "none": no_redundancy,
    "linear": linear_redundancy,
    "curved": curved_redundancy,
}

_BUNDLED: dict[str, tuple[Callable[[], dict], Task]] = {
    "digits": (load_digits, "classification"),
    "breast_cancer": (load_breast_cancer, "classification"),
    "wine": (load_wine, "classification"),
    "diabetes": (load_diabetes, "regression"),
}

BUNDLED = tuple(_BUNDLED)


def bundled_table(name: str) -> Table:
    """Load one of the tables that come with scikit-learn."""
    load, task = _BUNDLED[name]
    bunch = load()
    names = tuple(str(column) for column in bunch["feature_names"])
    return Table(name, bunch["data"], bunch["target"], task, names)


def saved_tables(folder: Path) -> Iterator[Table]:
    """Load each ``tabular/*.npz`` of a folder, in the order of the names."""
    paths = sorted((folder / "tabular").glob("*.npz"))
    if not paths:
        raise FileNotFoundError(
            f"{str(folder)!r} has no file tabular/*.npz. Give a folder whose subfolder "
            "'tabular' holds files with the arrays X, y and feature_names."
        )
    return map(_saved_table, paths)


def _saved_table(path: Path) -> Table:
    """Load one file with the arrays ``X``, ``y`` and ``feature_names``."""
    with np.load(path) as arrays:
        X, y, names = (arrays[key] for key in ("X", "y", "feature_names"))
    # In double precision, as NIR spectra leave PCA only 4e-6: near single's rounding.
    X = X.astype(np.float64)
    task: Task = "regression" if y.dtype.kind == "f" else "classification"
    return Table(path.stem, X, y, task, tuple(str(name) for name in names))
