"""Rows of a stream, and what is kept of them."""

import numpy as np
import pytest

from sklearn_ae import _partial_fit
from sklearn_ae._fit import stream as _stream
from tests.conftest import bumps


@pytest.fixture(scope="module")
def X():
    """Rows of a stream, one after the other in memory, as those that are kept."""
    return np.ascontiguousarray(bumps(600, seed=3))


@pytest.fixture
def few_kept(monkeypatch):
    """Of a stream 150 rows are kept."""
    monkeypatch.setattr(_stream, "ENOUGH_ROWS", 150)


@pytest.fixture
def whole_fits(monkeypatch):
    """Note the numbers of rows of all whole fits."""
    found, fit = [], _partial_fit.fit_autoencoder

    def noted(data, *args, **kwargs):
        found.append(len(data.training))
        return fit(data, *args, **kwargs)

    monkeypatch.setattr(_partial_fit, "fit_autoencoder", noted)
    return found
