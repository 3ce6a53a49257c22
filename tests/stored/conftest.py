"""Stores, and sizes that make every table large."""

import numpy as np
import pytest

from sklearn_ae._data import stored as _stored
from sklearn_ae._data import table as _table
from tests.stores import MOST, hdf5, memmap, own_class, zarr


@pytest.fixture(params=[memmap, hdf5, zarr, own_class], ids=lambda f: f.__name__)
def store(request, tmp_path):
    """Return what puts rows elsewhere."""
    return lambda X: request.param(np.ascontiguousarray(X), tmp_path)


@pytest.fixture
def large(monkeypatch):
    """Every table is large; 32 rows of 12 columns are read, and 100 are drawn."""
    monkeypatch.setattr(_table, "LARGEST_COPY", 0)
    monkeypatch.setattr(_table, "ROWS_PER_BLOCK", 16)
    monkeypatch.setattr(_stored, "VALUES_PER_READ", 32 * 12)
    monkeypatch.setattr(_stored, "n_drawn", lambda n_features: MOST)


@pytest.fixture
def all_drawn(large, monkeypatch):
    """The same, but all rows are drawn."""
    monkeypatch.setattr(_stored, "n_drawn", lambda n_features: 1000)


@pytest.fixture
def weight(curved):
    """How often each row counts, a third of them not at all."""
    drawn = np.random.default_rng(0).uniform(-1, 2, len(curved))
    return drawn.clip(min=0)
