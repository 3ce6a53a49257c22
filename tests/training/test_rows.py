"""Rows to train on, copied or in place."""

import tracemalloc

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_ae._data import LinearStart, Table
from sklearn_ae._data import table as _table
from sklearn_ae._training import rows as _rows
from sklearn_ae._training.rows import Rows, RowsInPlace


def blocks_of_83_rows(n_rows, n_features):
    return (slice(first, min(first + 83, n_rows)) for first in range(0, n_rows, 83))


@pytest.fixture
def in_place(monkeypatch):
    """Treat every table as one that is too large to be copied."""
    monkeypatch.setattr(_table, "LARGEST_COPY", 0)
    monkeypatch.setattr(_rows, "row_blocks", blocks_of_83_rows)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_in_place_are_those_of_a_copy(curved, dtype):
    X = curved.astype(dtype)
    X.flags.writeable = False
    table = Table.of(X)
    start = LinearStart.of_table(table, 2, seed=0)
    copied, in_place = (
        torch.from_numpy(start.in_place(X)[:]),
        RowsInPlace(start.in_place(X)),
    )
    index = torch.randperm(len(X), generator=torch.Generator().manual_seed(0))[:9]
    assert len(in_place) == in_place.size(0) == len(X)
    assert in_place.size(1) == X.shape[1]
    assert torch.equal(in_place[index], copied[index])
    assert torch.equal(in_place.index_select(0, index), copied[index])
    assert torch.equal(in_place[3:7], copied[3:7])
    parts = list(in_place.tensor_split(7))
    assert torch.equal(torch.cat(parts), copied)
    assert {len(part) for part in parts} <= {len(X) // 7, len(X) // 7 + 1}
    assert in_place.to("cpu") is in_place
    assert in_place.to("meta").shape == copied.shape


@pytest.mark.usefixtures("in_place")
@pytest.mark.parametrize("order", ["C", "F"])
def test_only_rows_in_a_row_are_used_in_place(curved, order):
    X = np.asarray(curved, order=order)
    table = Table.of(X)
    start = LinearStart.of_table(table, 2, seed=0)
    kind = {"C": RowsInPlace, "F": torch.Tensor}[order]
    assert isinstance(Rows.of_table(table, start).x, kind)
    assert isinstance(Rows.of_table(table[::2], start).x, torch.Tensor)


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize(
    "changes", [{}, {"cv": 3}, {"cv": None, "early_stopping": True}]
)
def test_large_tables_are_fitted_as_others_are(quick, curved, request, changes, holes):
    X = curved.copy()
    if holes:
        X[np.random.default_rng(0).uniform(size=X.shape) < 0.1] = np.nan
    weight = np.random.default_rng(1).uniform(0.5, 2, len(X))
    copied = quick(**changes).fit(X, sample_weight=weight)
    request.getfixturevalue("in_place")
    in_place = quick(**changes).fit(X, sample_weight=weight)
    assert_allclose(in_place.loss_curve_, copied.loss_curve_, rtol=1e-3)
    assert_allclose(in_place.score(X), copied.score(X), rtol=1e-3)
    assert_allclose(in_place.transform(X), copied.transform(X), atol=1e-2)


def test_large_tables_are_not_copied():
    rng = np.random.default_rng(0)
    X = np.repeat(rng.standard_normal((210, 40), dtype=np.float32), 1000, axis=0)
    assert X.size > _table.LARGEST_COPY
    tracemalloc.start()
    try:
        table = Table.of(X)
        start = LinearStart.of_table(table, 2, seed=0)
        rows = Rows.of_table(table, start)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(rows.x, RowsInPlace)
    assert peak < 0.8 * X.nbytes


def test_some_rows_are_spread_over_many(monkeypatch):
    monkeypatch.setattr("sklearn_ae._training.rows.ENOUGH_ROWS", 2)
    weight = torch.arange(1.0, 101.0)[:, None]
    rows = Rows(torch.arange(100.0)[:, None], weight, weight)
    some = rows.some()
    assert some.x[:, 0].tolist() == np.linspace(0, 99, 20).round().tolist()
    assert torch.equal(some.row_weight, some.x + 1)
    assert some.some() is some
