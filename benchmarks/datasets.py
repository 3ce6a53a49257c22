"""Data of the benchmarks: seeded regimes of redundancy, real tables, and images."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.model_selection import train_test_split

Task = Literal["classification", "regression"]

TUNING_WIDTH = 0.4
# Bytes before the lengths of the axes; the last of them is the number of axes.
MAGIC = 4


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
    factors : ndarray of shape (n_samples, n_factors) or None
        The hidden quantities that the columns measure, where they are known.
    """

    name: str
    X: np.ndarray
    y: np.ndarray
    task: Task
    factors: np.ndarray | None = None


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
    return Table("none", X, y, "regression")


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
    return Table("linear", unit * X, y, "regression", factors)


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
    return Table("curved", X, y, "regression", factors)


def spectra(
    n_samples: int = 800,
    n_features: int = 1000,
    n_chemicals: int = 5,
    random_state: int = 0,
) -> Table:
    """Add the bands of a few chemicals up, at many wavelengths.

    A row is scattered: multiplied by a factor of its own, on a baseline of its own that
    rises or falls. The target is the amount of one chemical.
    """
    rng = np.random.default_rng(random_state)
    wavelength = np.linspace(0, 1, n_features)
    size = (4, n_chemicals, 1)
    height, place = rng.uniform(0.2, 1, size), rng.uniform(0, 1, size)
    bands = height * np.exp(
        -(((wavelength - place) / rng.uniform(0.03, 0.2, size)) ** 2)
    )
    amounts = rng.gamma(2, 0.5, (n_samples, n_chemicals))
    X = amounts @ bands.sum(axis=0) * rng.lognormal(0, 0.2, (n_samples, 1))
    X += rng.normal(0, 0.2, (n_samples, 2)) @ [np.ones(n_features), wavelength]
    X += 0.0005 * rng.standard_normal(X.shape)
    return Table("spectra", X, amounts[:, 0], "regression", amounts)


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
    return Table(name, bunch["data"], bunch["target"], task)


def saved_tables(folder: Path) -> Iterator[Table]:
    """Load each ``tabular/*.npz`` of a folder, in the order of the names."""
    paths = sorted((folder / "tabular").glob("*.npz"))
    if not paths:
        raise FileNotFoundError(
            f"{str(folder)!r} has no file tabular/*.npz. Give a folder whose subfolder "
            "'tabular' holds files with the arrays X and y."
        )
    return map(_saved_table, paths)


def _saved_table(path: Path) -> Table:
    """Load one file with the arrays ``X`` and ``y``."""
    with np.load(path) as arrays:
        X, y = arrays["X"], arrays["y"]
    # In double precision, as NIR spectra leave PCA only 4e-6: near single's rounding.
    X = X.astype(np.float64)
    task: Task = "regression" if y.dtype.kind == "f" else "classification"
    return Table(path.stem, X, y, task)


def mixed_frames(
    folder: Path, names: Sequence[str]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Load each ``mixed/NAME.csv.gz`` that is there: numbers in double precision."""
    for name in names:
        if (path := folder / f"mixed/{name}.csv.gz").exists():
            frame = pd.read_csv(path)
            numbers = frame.select_dtypes("number").columns
            yield name, frame.astype(dict.fromkeys(numbers, np.float64))


def load_tables(
    folder: Path | None,
    names: Sequence[str] | None = None,
    more: Sequence[Table] = (),
) -> list[Table]:
    """Load the bundled tables, those of a folder and more, or only those named."""
    tables = [bundled_table(name) for name in BUNDLED]
    tables += [] if folder is None else saved_tables(folder)
    tables += more
    check_names("table", names, [table.name for table in tables])
    return [table for table in tables if names is None or table.name in names]


def some_rows(table: Table, most: int) -> Table:
    """Draw so many rows at most."""
    rows = np.random.default_rng(0).permutation(len(table.X))[:most]
    return replace(table, X=table.X[rows], y=table.y[rows])


def check_names(kind: str, names: Sequence[str] | None, known: Sequence[str]) -> None:
    """Refuse names that are not known."""
    if unknown := sorted(set(names or ()) - set(known)):
        raise ValueError(f"no {kind} {unknown!r}; there are {list(known)!r}.")


def split_names(text: str) -> list[str]:
    """Split a list at its commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


@dataclass(frozen=True)
class Images:
    """Rows to train on and held-out rows, one image each.

    Attributes
    ----------
    train, test : ndarray of shape (n_images, side ** 2)
        float32, from 0 (background) to 1.
    """

    name: str
    train: np.ndarray
    test: np.ndarray

    @property
    def side(self) -> int:
        """Pixels along an edge."""
        return round(self.train.shape[1] ** 0.5)


def read_idx(path: Path) -> np.ndarray:
    """Read the array in a gzipped idx file of bytes.

    The format is described at http://yann.lecun.com/exdb/mnist.
    """
    content = gzip.decompress(path.read_bytes())
    n_axes = content[MAGIC - 1]
    start = MAGIC + 4 * n_axes
    shape = np.frombuffer(content[MAGIC:start], dtype=">u4").astype(int)
    return np.frombuffer(content[start:], dtype=np.uint8).reshape(shape)


def load_images(directory: Path | None, name: str) -> Images:
    """Read `directory/name`, or fall back to scikit-learn's digits and say so."""
    if directory is not None and (directory / name).is_dir():
        train, test = (
            read_idx(directory / name / f"{part}-images-idx3-ubyte.gz")
            for part in ("train", "t10k")
        )
        return Images(name, _as_rows(train), _as_rows(test))
    if name != "digits":
        print(f"There is no {name} here: scikit-learn's digits stand in for it.")
    X = (load_digits().data / 16).astype(np.float32)
    return Images("digits", *train_test_split(X, test_size=0.25, random_state=0))


def _as_rows(images: np.ndarray) -> np.ndarray:
    """Lay bytes out as rows of values between 0 and 1."""
    return images.reshape(len(images), -1) / np.float32(255)


def load_series(directory: Path | None) -> Images:
    """Read what the lights of a house use, day by day, or draw waves and say so.

    A row is the energy in 48 half-hours from any full hour on, over its standard
    deviation. The last quarter is held out, without days that overlap with others.
    """
    path = directory and directory / "tabular/appliances.npz"
    if path is None or not path.exists():
        print("There is no tabular/appliances.npz here: waves stand in for it.")
        return waves()
    with np.load(path) as arrays:
        column = list(arrays["feature_names"]).index("lights")
        lights = arrays["X"][:, column].astype(np.float32)
    halves = lights[: len(lights) // 3 * 3].reshape(-1, 3).mean(axis=1)
    days = np.lib.stride_tricks.sliding_window_view(halves, 48)[::2]
    days = (days / days.std()).astype(np.float32)
    n_train = len(days) * 3 // 4
    return Images("lights", days[: n_train - 24].copy(), days[n_train:].copy())


def waves(n_samples: int = 4000, n_steps: int = 64, random_state: int = 0) -> Images:
    """Draw waves of many lengths, places and heights, which are the three factors."""
    rng = np.random.default_rng(random_state)
    length, place = rng.uniform(0.5, 2.5, (2, n_samples, 1))
    height = rng.uniform(0.5, 1.5, (n_samples, 1))
    X = height * np.sin(2 * np.pi * (length * np.linspace(0, 1, n_steps) + place))
    X = (X + rng.normal(scale=0.1, size=X.shape)).astype(np.float32)
    return Images("waves", *train_test_split(X, test_size=0.25, random_state=0))
