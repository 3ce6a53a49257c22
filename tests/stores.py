"""Rows that are not in memory, in each kind of store, and what fits say of them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.utils import check_random_state

from sklearn_ae._data import summary_of

METHODS = ["fit", "transform", "score", "score_samples"]
MOST = 100


class Stored:
    """Rows behind slices alone, which counts how often each is read."""

    def __init__(self, X):
        self.X, self.shape, self.dtype = X, X.shape, X.dtype
        self.n_reads = np.zeros(len(X), dtype=int)

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        self.n_reads[rows] += 1
        return self.X[rows]


def memmap(X, folder):
    mapped = np.memmap(folder / "X", X.dtype, "w+", shape=X.shape)
    mapped[:] = X
    mapped.flush()
    return np.memmap(folder / "X", X.dtype, "r", shape=X.shape)


def hdf5(X, folder):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "X.h5", "w") as file:
        file.create_dataset("X", data=X, chunks=(40, 5))
    return h5py.File(folder / "X.h5", "r")["X"]


def zarr(X, folder):
    zarr = pytest.importorskip("zarr")
    return zarr.array(X, chunks=(40, 5))


def own_class(X, folder):
    return Stored(X)


def drawn_from(X, weight=None, random_state=0):
    """Return the numbers of the rows that a fit draws from large tables."""
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    weight = np.ones(len(X)) if weight is None else weight
    return summary_of(np.asarray(X), weight, seed, most=MOST).drawn.numbers


def results(model, X, given):
    """Return all that a fitted estimator says of rows, given in some form."""
    codes = model.transform(given)
    return codes, model.score_samples(given), model.score(given), model.score(X)


def assert_same(found, expected):
    for part, wanted in zip(found, expected, strict=True):
        assert_array_equal(part, wanted)
