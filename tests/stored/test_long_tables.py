"""Arrays of more rows than are trained on."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.model_selection import KFold

from sklearn_ae._data import stored as _stored
from sklearn_ae._data import summary as _summary
from sklearn_ae._data import table as _table
from tests.stores import MOST, Stored

LOGISTIC = {"output_activation": "logistic", "init": "random"}


@pytest.fixture(autouse=True)
def long(monkeypatch):
    """Tables of more than 100 rows are long, and large; they are read by 32 rows."""
    monkeypatch.setattr(_summary, "MOST_DRAWN", MOST)
    monkeypatch.setattr(_table, "LARGEST_COPY", 0)
    monkeypatch.setattr(_stored, "VALUES_PER_READ", 32 * 12)


@pytest.fixture
def X(curved):
    return np.ascontiguousarray(curved)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"cv": 3},
        {"early_stopping": True},
        {"loss": "huber"},
        {"n_components": 0.8, "cv": 3},
        {"init": "random"},
        {"hidden_layer_sizes": ()},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_array_gives_the_bits_of_a_file_with_the_same_rows(quick, X, changes, dtype):
    X = X.astype(dtype)
    weight = np.random.default_rng(0).uniform(-1, 2, len(X)).clip(min=0)
    found = quick(**changes).fit(X, sample_weight=weight)
    expected = quick(**changes).fit(Stored(X), sample_weight=weight)
    assert_array_equal(found.transform(X), expected.transform(X))
    assert_array_equal(found.loss_curve_, expected.loss_curve_)
    assert found.best_loss_ == expected.best_loss_
    assert found.pca_score_ == expected.pca_score_


def test_pca_is_that_of_all_rows(quick, X):
    model, pca = quick(3, hidden_layer_sizes=()).fit(X), PCA(3).fit(X)
    assert_allclose(model.mean_, pca.mean_, atol=1e-12)
    expected = pca.inverse_transform(pca.transform(X))
    assert_allclose(model.inverse_transform(model.transform(X)), expected, atol=1e-9)
    ratio = pca.explained_variance_ratio_
    assert_allclose(model.explained_variance_ratio_, ratio, rtol=1e-9)
    assert model.score(X) == pytest.approx(ratio.sum(), rel=1e-9)
    assert model.pca_score_ == 1 - model.best_loss_ == pytest.approx(ratio.sum())


def test_as_many_rows_as_are_trained_on_are_trained_on_whole(quick, X):
    found = quick().fit(X[:MOST])
    assert found._fit_result.start.n_samples == MOST
    longer = quick().fit(X[: MOST + 1])
    assert longer._fit_result.start.n_samples == MOST
    assert found.pca_score_ != longer.pca_score_


def test_folds_that_name_rows_are_of_all_rows(quick, X):
    model = quick(cv=KFold(3, shuffle=True, random_state=0)).fit(X)
    assert model._fit_result.start.n_samples == len(X)


def test_columns_keep_their_names(quick, X):
    frame = pd.DataFrame(X, columns=[f"column {i}" for i in range(X.shape[1])])
    model = quick().fit(frame)
    assert_array_equal(model.feature_names_in_, frame.columns)
    expected = quick().fit(X)
    assert model.best_loss_ == expected.best_loss_
    assert model.loss_curve_ == expected.loss_curve_
    assert_allclose(model.transform(frame), expected.transform(X), atol=1e-9)


def test_order_in_memory_does_not_matter(quick, X):
    found = quick().fit(np.asfortranarray(X)).transform(X)
    assert_array_equal(found, quick().fit(X).transform(X))


def test_all_rows_are_trained_on_where_cells_are_missing(quick, X):
    X = X.copy()
    X[2:, 3] = np.nan  # whatever is drawn, a column keeps what is known of it
    model = quick().fit(X)
    assert model._fit_result.start.n_samples == len(X)
    assert np.isfinite(model.transform(X)).all()


@pytest.mark.parametrize("row", range(0, 240, 40))
def test_rows_without_any_value_are_named_whether_drawn_or_not(quick, X, row):
    X = X.copy()
    X[row] = np.nan
    message = f"X has 1 rows in which every value is missing (rows {row})"
    with pytest.raises(ValueError, match=re.escape(message)):
        quick().fit(X)
    weight = np.ones(len(X))
    weight[row] = 0
    quick().fit(X, sample_weight=weight)


@pytest.mark.parametrize("row", range(0, 240, 40))
def test_shares_are_checked_whether_drawn_or_not(quick, X, row):
    X = (X - X.min()) / np.ptp(X)
    X[row, 0] = 1.5
    with pytest.raises(ValueError, match="needs values between 0 and 1"):
        quick(**LOGISTIC).fit(X)


@pytest.mark.parametrize("weight", [np.nan, -1.0, 1e308])
def test_weights_are_checked_whether_drawn_or_not(quick, X, weight):
    weights = np.full(len(X), weight)
    with pytest.raises(ValueError, match="sample_weight"):
        quick().fit(X, sample_weight=weights)


def test_rows_that_hardly_count_are_not_drawn(quick, X):
    weight = np.full(len(X), 1e-40)
    weight[::40] = 1.0
    found = quick(cv=None).fit(X, sample_weight=weight)
    expected = quick(cv=None).fit(X[::40])
    assert found._fit_result.start.n_samples == len(X[::40])
    assert found.pca_score_ == pytest.approx(expected.pca_score_, rel=1e-9)


def test_fit_goes_on_with_the_rows_drawn(quick, X):
    model = quick(warm_start=True).fit(X)
    before = model.best_loss_
    assert model.fit(X).best_loss_ <= before
    assert model._fit_result.start.n_samples == MOST


def test_pca_that_goes_on_with_other_rows_is_measured_on_these(quick, X):
    model = quick(2, hidden_layer_sizes=(), warm_start=True).fit(X)
    other = X * np.linspace(0.5, 2, 12) + 10
    model.fit(other)
    found = model.explained_variance_ratio_.sum()
    # The rows drawn, 100 of 240, are not all that are scored.
    assert found == pytest.approx(model.score(other), abs=0.1)
    assert model.best_loss_ == pytest.approx(1 - found)
