"""Rows that are read where they are, sparse ones above all."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, csr_matrix, random_array
from sklearn.decomposition import PCA

from sklearn_ae._data import LinearStart, Table
from sklearn_ae._data import linear_start as _linear_start
from sklearn_ae._data.principal_axes import shifted
from sklearn_ae._data.sparse import SparseRows, array_or_source
from sklearn_ae._data.table import Source


def sparse_table(n_samples, n_features, seed, offset=0.0, density=0.3):
    """Draw rows of low rank, most of them zero but in the first two columns."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((n_samples, 2))
    X = factors @ rng.standard_normal((2, n_features))
    X += 0.1 * rng.standard_normal(X.shape)
    X[rng.uniform(size=X.shape) > density] = 0.0
    X[:, :2] += offset + rng.standard_normal((n_samples, 2))
    return X


@pytest.fixture(params=[Source, lambda X: SparseRows(csr_array(X))])
def build(request):
    """Return what makes a source of an array."""
    return request.param


def test_rows_are_arrays_where_they_are_read(build):
    X = sparse_table(40, 7, seed=0)
    source, index = build(X), np.array([3, 1, 30])
    assert len(source) == 40
    assert (source.shape, source.dtype) == (X.shape, X.dtype)
    assert_array_equal(source[4:9], X[4:9])
    assert_array_equal(source[index], X[index])
    assert_array_equal(source.columns(slice(2, 5)), X[:, 2:5])
    part = source.part(index).part(np.array([2, 0]))
    assert isinstance(part, Source)
    assert part.shape == (2, 7)
    assert_array_equal(part[:], X[[30, 3]])
    kept = X[:, 0] > 0
    assert_array_equal(source.part(kept)[:], X[kept])


def test_ranges_and_averages_are_those_of_the_columns(build):
    X = sparse_table(40, 7, seed=0, offset=1e8)
    X[:, 3], X[:, 4] = 0.0, 3.0
    source, weight = build(X), np.random.default_rng(1).uniform(0.5, 2, 40)
    low, high = source.column_range()
    assert_array_equal(low, X.min(axis=0))
    assert_array_equal(high, X.max(axis=0))
    expected = np.average(X - low, axis=0, weights=weight)
    assert_allclose(source.average(weight, low), expected, rtol=1e-12)
    assert_array_equal(source.average(weight, low)[3:5], 0)
    mean = low + expected
    expected = np.average(((X - mean) / 5) ** 2, axis=0, weights=weight)
    assert_allclose(source.average(weight, mean, 5.0), expected, rtol=1e-12)


def test_duplicate_entries_are_summed_in_a_copy():
    parts = np.ones(3), np.array([1, 1, 0]), np.array([0, 2, 3])
    given, stored = csr_array(parts, shape=(2, 2)), csr_array(parts, shape=(2, 2))
    source = SparseRows(given)
    assert_array_equal(source[:], [[0, 2], [1, 0]])
    assert_array_equal(source.column_range()[1], [1, 2])
    assert_array_equal(source.average(np.ones(2), np.zeros(2), 1.0), [0.5, 2])
    assert_array_equal(given.indices, stored.indices)


def test_products_of_shifted_rows():
    X, centre = sparse_table(6, 4, seed=0), np.arange(4.0)
    rows = shifted(SparseRows(csr_array(X)).operator(), centre)
    factors = np.random.default_rng(1).standard_normal((6, 3))
    assert_allclose(rows.matmat(factors[:4]), (X - centre) @ factors[:4])
    assert_allclose(rows.rmatmat(factors), (X - centre).T @ factors)


@pytest.mark.parametrize("container", [csr_array, csr_matrix])
def test_only_large_sparse_tables_are_sources(container, monkeypatch):
    X = sparse_table(6, 4, seed=0)
    assert array_or_source(X) is X
    assert_array_equal(array_or_source(container(X)), X)
    monkeypatch.setattr("sklearn_ae._data.table.LARGEST_COPY", 23)
    assert array_or_source(X) is X
    assert isinstance(array_or_source(container(X)), SparseRows)


@pytest.mark.parametrize("shape", [(40, 7), (30, 200), (200, 30)])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_start_of_sparse_rows_is_pca(shape, offset, monkeypatch):
    monkeypatch.setattr("sklearn_ae._data.principal_axes.FULL_SPECTRUM_RANK", 10)
    X = sparse_table(*shape, seed=0, offset=offset)
    start = LinearStart.of_table(Table.of(SparseRows(csr_array(X))), 3, seed=0)
    pca = PCA(3, svd_solver="full").fit(X)
    assert_allclose(start.mean, X.mean(axis=0), atol=1e-12)
    assert_allclose(start.components, pca.components_, atol=1e-8)
    deviations = pca.transform(X).std(axis=0)
    assert_allclose(start.code_scale * start.scale, deviations, rtol=1e-9)
    left = X - pca.inverse_transform(pca.transform(X))
    residual = start.residual_scale * start.scale
    assert_allclose(residual, left.std(axis=0), rtol=1e-6, atol=1e-7)


def test_start_of_wide_sparse_rows_is_found_in_their_own_memory():
    X = random_array((3000, 20_000), density=0.001, random_state=0, format="csr")
    tracemalloc.start()
    try:
        start = LinearStart.of_table(Table.of(SparseRows(X)), 3, seed=0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert start.components.shape == (3, 20_000)
    assert peak < 8 * 3000 * 20_000 / 20


def test_start_with_as_many_components_as_there_can_be():
    X = sparse_table(9, 30, seed=0)
    start = LinearStart.of_table(Table.of(SparseRows(csr_array(X))), 9, seed=0)
    assert_allclose(start.components @ start.components.T, np.eye(9), atol=1e-9)
    assert start.residual_variance < 1e-12


@st.composite
def weighted_tables(draw):
    """Sparse rows of some shape, offset and density, with weights."""
    n_samples, n_features = draw(st.integers(2, 30)), draw(st.integers(1, 40))
    seed = draw(st.integers(0, 2**32 - 1))
    offset = draw(st.sampled_from([0.0, 1.0, -1e3]))
    density = draw(st.sampled_from([0.0, 0.1, 0.9]))
    X = sparse_table(n_samples, max(n_features, 2), seed, offset, density)
    X = X[:, -n_features:].astype(draw(st.sampled_from([np.float32, np.float64])))
    if draw(st.booleans()):
        X[:, 0] = X[0, 0]
    return X, np.random.default_rng(seed).uniform(0.5, 2, n_samples)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(weighted_tables())
def test_statistics_of_sparse_rows_are_those_of_dense_ones(table):
    X, weight = table
    dense = LinearStart.of_table(Table(X, weight), 1, seed=0)
    sparse = LinearStart.of_table(Table(SparseRows(csr_array(X)), weight), 1, seed=0)
    assert sparse.scale == pytest.approx(dense.scale, rel=1e-9)
    for name in ("mean", "column_scale"):
        found, expected = getattr(sparse, name), getattr(dense, name)
        assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * dense.scale)
    assert sparse.residual_variance == pytest.approx(
        dense.residual_variance, rel=1e-6, abs=1e-9
    )
    part = _linear_start.ScaledRows(X, dense.mean, dense.scale)
    assert_allclose(dense.in_place(X)[:], part[:])
    scaled = sparse.in_place(SparseRows(csr_array(X)))
    assert_allclose(scaled[:], dense.in_place(X)[:], atol=1e-6)
