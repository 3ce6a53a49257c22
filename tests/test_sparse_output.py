"""Tables with categories as CSR arrays, and back."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from scipy.sparse import csr_array, issparse
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from sklearn_ae import TableEncoder


def mixed(n_rows=80, holes=False):
    """Two categories that follow from a number, a date and a column of nothing."""
    rng = np.random.default_rng(0)
    size = rng.integers(0, 4, n_rows)
    table = pd.DataFrame(
        {
            "litres": size + 0.1 * rng.standard_normal(n_rows),
            "size": pd.Categorical.from_codes(size, ["s", "m", "l", "xl"]),
            "sold": pd.date_range("2024-01-01", periods=n_rows, freq="D"),
            "nothing": np.full(n_rows, np.nan),
            "place": rng.choice([f"shop {i}" for i in range(6)], n_rows),
        }
    )
    if holes:
        table.loc[::5, "size"] = None
        table.loc[3::7, "litres"] = np.nan
        table.loc[::9, "place"] = None
    return table


WEIGHTS = {"place": 2.0, "litres": 3.0}


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("changes", [{}, {"max_categories": 3}, {"min_frequency": 0.2}])
def test_sparse_numbers_are_dense_ones_before_they_are_centred(holes, weights, changes):
    table = mixed(holes=holes)
    dense = TableEncoder(column_weight=weights, **changes).fit(table)
    sparse = TableEncoder(column_weight=weights, sparse_output=True, **changes)
    expected, found = dense.transform(table), sparse.fit_transform(table)
    assert isinstance(found, csr_array)
    assert found.shape == expected.shape
    differences = expected - found.toarray()
    assert_array_equal(np.isnan(found.toarray()), np.isnan(expected))
    spread = np.nanmax(differences, axis=0) - np.nanmin(differences, axis=0)
    assert_allclose(spread, 0, atol=1e-15)
    assert_allclose(np.nanmean(expected, axis=0), 0, atol=1e-12)
    names = sparse.get_feature_names_out()
    is_category = [name.startswith(("size_", "place_")) for name in names]
    assert (np.nanmin(found.toarray()[:, is_category], axis=0) == 0).all()


def test_zeros_are_not_stored():
    table = mixed()
    encoded = TableEncoder(sparse_output=True).fit_transform(table)
    assert encoded.nnz <= 4 * len(table)
    assert (encoded.data != 0).all()


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("format", ["csr", "csc", "dense"])
def test_tables_come_back_from_sparse_and_dense_numbers(holes, format):
    table = mixed(holes=holes)
    encoder = TableEncoder(sparse_output=True, column_weight=WEIGHTS).fit(table)
    encoded = encoder.transform(table)
    given = encoded.toarray() if format == "dense" else encoded.asformat(format)
    back = encoder.inverse_transform(given)
    assert_frame_equal(back, table.astype({"place": back["place"].dtype}))


def test_missing_and_unknown_categories_are_told_apart():
    encoder = TableEncoder(sparse_output=True).fit(pd.DataFrame({"a": ["x", "y", "x"]}))
    encoded = encoder.transform(pd.DataFrame({"a": ["z", None, "y"]}))
    assert_array_equal(encoded.toarray(), [[0, 0], [np.nan, np.nan], [0, 1]])
    assert encoder.inverse_transform(encoded)["a"].isna().tolist() == [1, 1, 0]


def test_missing_can_be_a_category_of_its_own():
    table = pd.DataFrame({"a": ["x", None, "x"]})
    encoder = TableEncoder(sparse_output=True, encode_missing=True).fit(table)
    assert_array_equal(encoder.transform(table).toarray(), [[1, 0], [0, 1], [1, 0]])


def test_column_without_known_categories_is_encoded():
    encoder = TableEncoder(sparse_output=True).fit(mixed())
    table = mixed().assign(place=None)
    names = encoder.get_feature_names_out()
    is_place = [name.startswith("place") for name in names]
    assert np.isnan(encoder.transform(table)[:, is_place].toarray()).all()


def test_many_categories_are_never_dense():
    n_rows = 20_000
    table = pd.DataFrame({"a": np.arange(n_rows).astype(str)})
    encoder = TableEncoder(sparse_output=True, max_categories=None)
    encoded = encoder.fit_transform(table)  # 3 GB if it were dense
    assert issparse(encoded)
    assert encoded.shape == (n_rows, n_rows)
    assert encoded.nnz == n_rows


@pytest.mark.parametrize("holes", [False, True])
def test_autoencoder_finds_the_codes_of_dense_numbers(quick, holes):
    table, codes, tables = mixed(holes=holes), [], []
    for sparse_output in (False, True):
        encoder = TableEncoder(sparse_output=sparse_output, column_weight=WEIGHTS)
        model = make_pipeline(encoder, quick(3, cv=3)).fit(table)
        codes.append(model.transform(table))
        tables.append(model.inverse_transform(codes[-1]))
    assert_allclose(codes[1], codes[0], atol=1e-5 * codes[0].std())
    assert_frame_equal(tables[1], tables[0], atol=1e-5)


def test_pca_finds_the_codes_of_dense_numbers():
    table = mixed()
    dense = make_pipeline(TableEncoder(), PCA(2, svd_solver="arpack"))
    sparse = make_pipeline(
        TableEncoder(sparse_output=True), PCA(2, svd_solver="arpack", random_state=0)
    )
    assert_allclose(sparse.fit_transform(table), dense.fit_transform(table), atol=1e-9)
