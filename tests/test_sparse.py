"""Sparse rows give what dense ones give, and are never dense as a whole if large."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import (
    coo_array,
    csc_array,
    csr_array,
    csr_matrix,
    random_array,
)

from sklearn_ae import AutoencoderTransformer
from sklearn_ae._data import table as _table
from sklearn_ae._data.sparse import SparseRows

CHANGES = [
    {},
    {"cv": 3},
    {"early_stopping": True},
    {"loss": "huber"},
    {"n_components": 0.8, "cv": 3},
    {"init": "random"},
    {"output_activation": "logistic", "loss": "log_loss"},
]


@pytest.fixture
def X(curved):
    """Rows of which a third of the cells are zero."""
    # By rows, as sparse ones are: sums in another order differ in their last digits.
    return np.where(curved < 0.3, 0.0, curved.clip(max=1.0)).copy(order="C")


@pytest.fixture
def weight(X):
    return np.random.default_rng(0).uniform(0.5, 2, len(X))


@pytest.fixture
def large(monkeypatch):
    """Treat every table as one that is too large to be copied."""
    monkeypatch.setattr(_table, "LARGEST_COPY", 0)


def with_large_indices(X):
    sparse = csr_matrix(X)
    sparse.indices = sparse.indices.astype(np.int64)
    sparse.indptr = sparse.indptr.astype(np.int64)
    return sparse


def with_explicit_zeros(X):
    sparse = csr_array(X + 1.0)
    sparse.data -= 1.0
    return sparse


def halved(X):
    """Store each entry twice, as its halves, in no order."""
    parts = coo_array(X)
    rows, columns = (np.tile(part, 2) for part in parts.coords)
    data = np.tile(parts.data, 2) / 2
    order = np.argsort(rows, kind="stable")
    ends = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(X)))])
    return csr_array((data[order], columns[order], ends), shape=X.shape)


CONTAINERS = [
    csr_array, csr_matrix, csc_array, coo_array, with_large_indices, halved,
    with_explicit_zeros,
]  # fmt: skip


def results(model, X, weight):
    """Return all that a fitted estimator says of rows."""
    codes, scores = model.transform(X), model.score_samples(X)
    return codes, model.inverse_transform(codes), scores, model.score(X, None, weight)


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_kind_of_sparse_matrix_is_taken(quick, X, weight, container):
    if container is with_explicit_zeros:
        X = (X + 1.0) - 1.0
    dense = quick().fit(X, sample_weight=weight)
    sparse = quick().fit(container(X), sample_weight=weight)
    expected = results(dense, X, weight)
    for i, found in enumerate(results(sparse, container(X), weight)):
        assert_array_equal(found, expected[i])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_small_sparse_tables_give_the_bits_of_dense_ones(
    quick, X, weight, changes, dtype
):
    X = X.astype(dtype)
    dense = quick(**changes).fit(X, sample_weight=weight)
    sparse = quick(**changes).fit(csr_array(X), sample_weight=weight)
    assert_array_equal(sparse.transform(csr_array(X)), dense.transform(X))
    assert sparse.transform(csr_array(X)).dtype == dtype


@pytest.mark.parametrize("container", [csr_matrix, halved, with_large_indices])
@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_large_sparse_tables_give_what_dense_ones_give(
    quick, X, weight, large, changes, container
):
    dense = quick(**changes).fit(X, sample_weight=weight)
    sparse = quick(**changes).fit(container(X), sample_weight=weight)
    expected = results(dense, X, weight)
    for found, wanted in zip(
        results(sparse, container(X), weight), expected, strict=True
    ):
        assert_allclose(found, wanted, atol=1e-5 * np.std(expected[0]))
    assert_allclose(sparse.mean_, dense.mean_)
    assert_allclose(
        sparse.feature_contributions_, dense.feature_contributions_, atol=1e-5
    )


def test_integers_and_booleans_become_float64(quick, X):
    expected = quick().fit((X > 0).astype(float)).transform(X)
    for dtype in (np.int32, bool):
        found = quick().fit(csr_array((X > 0).astype(dtype))).transform(X)
        assert_array_equal(found, expected)


def test_fit_goes_on_with_sparse_rows(quick, X, large):
    dense, sparse = (quick(warm_start=True) for _ in range(2))
    for _ in range(2):
        dense.fit(X)
        sparse.fit(csr_array(X))
    assert_allclose(sparse.transform(X), dense.transform(X), atol=1e-5)


def wide(n_samples=70, n_features=400):
    """Draw sparse rows of two factors in many columns."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0.5, 1.5, (n_samples, 2)) @ rng.uniform(0, 1, (2, n_features))
    return X * (rng.uniform(size=X.shape) < 0.3)


@pytest.mark.parametrize("changes", [{}, {"cv": 3}, {"n_components": 0.1, "cv": 3}])
def test_more_columns_than_rows(quick, large, changes, monkeypatch):
    X = wide()
    monkeypatch.setattr("sklearn_ae._data.linear_start.MIN_FEATURES_SUBSPACE", 1000)
    dense = quick(**changes).fit(X)
    sparse = quick(**changes).fit(csr_array(X))
    scale = dense.transform(X).std()
    assert_allclose(sparse.pca_score_, dense.pca_score_, rtol=1e-9)
    assert_allclose(sparse.transform(X), dense.transform(X), atol=1e-3 * scale)


def test_missing_values_are_those_of_dense_rows(quick, X):
    X[::7, 3] = np.nan
    dense, sparse = quick().fit(X), quick().fit(csr_array(X))
    assert_array_equal(sparse.transform(csr_array(X)), dense.transform(X))
    assert_array_equal(sparse.score_samples(csr_array(X)), dense.score_samples(X))


def test_missing_values_of_a_large_sparse_table_are_refused(quick, X, large):
    X[::7, 3] = np.nan
    message = f"X of shape {X.shape} is sparse, holds NaN and is too large"
    with pytest.raises(ValueError, match=re.escape(message)):
        quick().fit(csr_array(X))
    with pytest.raises(
        ValueError, match=re.escape("SimpleImputer, or pass X.toarray()")
    ):
        quick().fit(csr_array(X))


def test_large_sparse_rows_with_missing_values_are_encoded(quick, X, large):
    model, holes = quick().fit(csr_array(X)), X.copy()
    holes[::7, 3] = np.nan
    assert_array_equal(model.transform(csr_array(holes)), model.transform(holes))
    holes[5] = np.nan
    with pytest.raises(ValueError, match=re.escape("1 rows in which every value")):
        model.transform(csr_array(holes))


@pytest.mark.parametrize("method", ["fit", "transform", "score", "score_samples"])
@pytest.mark.parametrize("limit", [0, 2**23])
def test_infinite_values_are_refused(quick, X, method, limit, monkeypatch):
    monkeypatch.setattr(_table, "LARGEST_COPY", limit)
    model = quick().fit(X)
    X[3, 4] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        getattr(model, method)(csr_array(X))


def test_shares_of_a_large_sparse_table_are_checked(quick, X, large):
    with pytest.raises(ValueError, match="lie between 0 and 2"):
        quick(output_activation="logistic").fit(csr_array(2 * X / X.max()))


@pytest.fixture
def blocks(monkeypatch):
    """Note the sizes of all dense blocks of sparse rows; tables of 0.1 MB are large."""
    monkeypatch.setattr(_table, "LARGEST_COPY", 2**17)
    monkeypatch.setattr("sklearn_ae._training.net.LARGEST_COPY", 2**17)
    monkeypatch.setattr(_table, "VALUES_PER_BLOCK", 2**14)
    found = []
    for name in ("_read", "columns"):
        method = getattr(SparseRows, name)

        def noted(self, where, method=method):
            block = method(self, where)
            found.append(block.size)
            return block

        monkeypatch.setattr(SparseRows, name, noted)
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {"cv": 3},
        {"early_stopping": True, "validation_fraction": 0.5},
        {"loss": "absolute_error", "output_activation": "logistic"},
        {"n_components": 0.05},
    ],
    ids=str,
)
@pytest.mark.parametrize("shape", [(3000, 100), (400, 900)])
def test_dense_blocks_are_small(quick, blocks, shape, changes):
    X = random_array(shape, density=0.02, random_state=0, format="csr")
    model = quick(**{"max_iter": 1, "hidden_layer_sizes": (4,), **changes}).fit(X)
    model.score_samples(X)
    model.score(X)
    assert sum(blocks) > 2 * X.shape[0] * X.shape[1]
    # Derivatives are averaged over at most 256 rows.
    assert max(blocks) <= max(2**17, 256 * X.shape[1])


def test_tags_say_that_sparse_rows_are_taken():
    assert AutoencoderTransformer().__sklearn_tags__().input_tags.sparse
