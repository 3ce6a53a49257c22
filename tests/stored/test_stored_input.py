"""Rows that are not in memory: what fits find, and what other methods give."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import KFold

from sklearn_ae._data import table as _table
from tests.stores import (
    METHODS,
    MOST,
    Stored,
    assert_same,
    drawn_from,
    memmap,
    results,
)

CHANGES = [
    {},
    {"cv": 3},
    {"early_stopping": True},
    {"loss": "huber"},
    {"n_components": 0.8, "cv": 3},
    {"init": "random"},
]


def test_small_stored_tables_give_the_bits_of_the_array(quick, curved, weight, store):
    X = np.ascontiguousarray(curved)
    expected = quick(cv=3).fit(X, sample_weight=weight)
    stored = store(X)
    found = quick(cv=3).fit(stored, sample_weight=weight)
    assert_same(results(found, X, stored), results(expected, X, X))
    assert found.score(stored, sample_weight=weight) == expected.score(
        X, sample_weight=weight
    )


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_large_tables_of_which_all_rows_are_drawn_give_the_bits_of_the_array(
    quick, curved, all_drawn, changes
):
    X = np.ascontiguousarray(curved)
    expected, found = quick(**changes).fit(X), quick(**changes).fit(Stored(X))
    assert_same(results(found, X, Stored(X)), results(expected, X, X))
    assert found.pca_score_ == expected.pca_score_


def test_small_memmap_stays_an_array(quick, curved, tmp_path):
    X = np.ascontiguousarray(curved)
    assert_array_equal(
        quick().fit_transform(memmap(X, tmp_path)), quick().fit_transform(X)
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_pca_of_a_large_table_is_that_of_all_rows(
    quick, curved, weight, store, large, weighted
):
    X = np.ascontiguousarray(curved)
    weight = np.round(weight) if weighted else np.ones(len(X))
    model = quick(3, hidden_layer_sizes=()).fit(store(X), sample_weight=weight)
    pca = PCA(3, svd_solver="full").fit(np.repeat(X, weight.astype(int), axis=0))
    assert_allclose(model.mean_, pca.mean_, atol=1e-12)
    found = model._fit_result.start.components
    assert_allclose(np.abs(found @ pca.components_.T), np.eye(3), atol=1e-6)
    # Codes are uncorrelated over the rows drawn: they are in another basis of these.
    reconstruction = model.inverse_transform(model.transform(X))
    expected = pca.inverse_transform(pca.transform(X))
    assert_allclose(reconstruction, expected, atol=1e-9)
    assert len(drawn_from(X, weight)) == MOST
    # What is told of PCA is of all rows, as its moments are.
    share = pca.explained_variance_ratio_.sum()
    assert model.pca_score_ == pytest.approx(share, abs=1e-9)
    assert model.best_loss_ == pytest.approx(1 - share, abs=1e-9)


def test_scores_of_pca_of_a_large_table_are_those_of_scikit_learn(quick, curved, large):
    X = np.ascontiguousarray(curved)
    model = quick(3, hidden_layer_sizes=()).fit(Stored(X))
    pca = PCA(3, svd_solver="full").fit(X)
    expected = pca.explained_variance_ratio_.sum()
    assert model.score(Stored(X)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"cv": 3},
        {"cv": "auto"},
        {"n_components": 0.8, "cv": 3},
        {"n_components": None, "hidden_layer_sizes": ()},
        {"init": "random"},
        {"whiten": True},
        {"nested_dropout": 0.5},
        {"noise": 0.1},
    ],
    ids=str,
)
def test_large_tables_are_fitted_with_every_setting(quick, curved, large, changes):
    model = quick(**changes).fit(Stored(curved))
    codes = model.transform(Stored(curved))
    assert codes.shape == (240, model.n_components_)
    assert np.isfinite(codes).all()
    assert model.n_features_in_ == 12
    if "init" not in changes:
        # The PCA of all rows, on those that were trained on.
        numbers = drawn_from(curved)
        assert model.score(curved[numbers]) >= model.pca_score_ - 1e-12


def test_network_of_a_large_table_beats_pca_on_all_rows(quick, curved, large):
    model = quick(max_iter=30).fit(Stored(curved))
    pca = quick(hidden_layer_sizes=()).fit(curved)
    assert 1 - model.score(Stored(curved)) < 0.5 * (1 - pca.score(curved))


def test_fits_to_a_large_table_are_repeatable(quick, curved, large):
    first, second = (quick(cv=3).fit(Stored(curved)) for _ in range(2))
    assert_same(
        results(first, curved, Stored(curved)), results(second, curved, Stored(curved))
    )
    other = quick(cv=3, random_state=1).fit(Stored(curved))
    assert other.pca_score_ != first.pca_score_


def test_kind_of_store_does_not_matter_for_large_tables(quick, curved, store, large):
    X = np.ascontiguousarray(curved)
    expected, stored = quick().fit(Stored(X)), store(X)
    found = quick().fit(stored)
    assert_same(results(found, X, stored), results(expected, X, Stored(X)))


@pytest.mark.parametrize("changes", [{"early_stopping": True}, {"loss": "huber"}])
def test_rows_held_out_or_weighted_down_leave_the_fit_to_the_rows_drawn(
    quick, curved, weight, large, changes
):
    X, numbers = np.ascontiguousarray(curved), drawn_from(curved, weight)
    found = quick(**changes).fit(Stored(X), sample_weight=weight)
    expected = quick(**changes).fit(X[numbers], sample_weight=weight[numbers])
    assert_same(results(found, X, Stored(X)), results(expected, X, X))


def test_rows_are_read_once_in_a_fit(quick, curved, large):
    stored = Stored(curved)
    quick(cv=3).fit(stored)
    assert_array_equal(stored.n_reads, 1)
    stored = Stored(curved)
    quick(n_components=0.8, loss="huber").fit(stored)
    assert_array_equal(stored.n_reads, 1)


def test_rows_of_small_tables_are_read_once_in_a_fit(quick, curved):
    stored = Stored(curved)
    quick().fit(stored)
    assert_array_equal(stored.n_reads, 1)


@pytest.mark.parametrize("method", METHODS[1:])
def test_rows_are_read_once_by_other_methods(quick, curved, large, method):
    model, stored = quick().fit(curved), Stored(curved)
    getattr(model, method)(stored)
    assert_array_equal(stored.n_reads, 1)


def test_large_table_is_scored_as_the_array(quick, curved, weight, store, large):
    X = np.ascontiguousarray(curved)
    model, stored = quick().fit(X), store(X)
    assert_same(results(model, X, stored), results(model, X, X))
    found = model.score(stored, sample_weight=weight)
    assert found == model.score(X, sample_weight=weight)


def test_float32_stays_float32(quick, curved, store, large):
    X = curved.astype(np.float32)
    stored = store(X)
    model = quick().fit(stored)
    codes = model.transform(stored)
    assert codes.dtype == np.float32
    assert_array_equal(codes, model.transform(X))
    assert model.mean_.dtype == np.float64
    assert_allclose(model.mean_, X.mean(axis=0, dtype=np.float64), atol=1e-9)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, bool])
@pytest.mark.parametrize("limit", [0, 2**23])
def test_integers_and_booleans_become_float64(
    quick, curved, store, large, monkeypatch, dtype, limit
):
    monkeypatch.setattr(_table, "LARGEST_COPY", limit)
    X = (4 * curved.clip(0, 1)).astype(dtype)
    stored = store(X)
    model = quick().fit(stored)
    floats = Stored(np.ascontiguousarray(X.astype(float)))
    expected = quick().fit(floats)
    assert model.transform(stored).dtype == np.float64
    assert_same(results(model, X, stored), results(expected, X, floats))


@pytest.mark.parametrize("limit", [0, 2**23])
def test_codes_are_written_where_they_are_wanted(
    quick, curved, large, tmp_path, monkeypatch, limit
):
    monkeypatch.setattr(_table, "LARGEST_COPY", limit)
    model = quick().fit(curved)
    expected = model.transform(curved)
    for given in (Stored(curved), curved):
        out = np.memmap(tmp_path / "codes", np.float64, "w+", shape=(240, 2))
        assert model.transform(given, out=out) is out
        out.flush()
        written = np.fromfile(tmp_path / "codes").reshape(240, 2)
        assert_array_equal(written, expected)


def test_codes_take_the_dtype_of_where_they_are_written(quick, curved, large):
    model, out = quick().fit(curved), np.empty((240, 2), np.float32)
    model.transform(Stored(curved), out=out)
    assert_array_equal(out, model.transform(curved).astype(np.float32))


def test_codes_are_written_to_hdf5(quick, curved, large, tmp_path):
    h5py = pytest.importorskip("h5py")
    model = quick().fit(curved)
    with h5py.File(tmp_path / "codes.h5", "w") as file:
        out = file.create_dataset("codes", (240, 2), dtype="f8")
        model.transform(Stored(curved), out=out)
        assert_array_equal(out[:], model.transform(curved))


def test_folds_that_name_rows_of_a_small_table_are_taken(quick, curved):
    folds = list(KFold(3).split(curved))
    found, expected = quick(cv=folds), quick(cv=folds)
    assert_array_equal(
        found.fit(Stored(curved)).transform(curved),
        expected.fit(curved).transform(curved),
    )


@pytest.mark.parametrize("changes", [{}, {"cv": 3}, {"early_stopping": True}])
def test_large_tables_may_have_missing_values(quick, curved, store, large, changes):
    X = curved.copy(order="C")
    X[np.random.default_rng(0).uniform(size=X.shape) < 0.1] = np.nan
    numbers, stored = drawn_from(X), store(X)
    found = quick(**changes).fit(stored)
    expected = quick(**changes).fit(X[numbers])
    assert_same(results(found, X, stored), results(expected, X, X))
    assert np.isfinite(found.transform(stored)).all()


def test_rows_with_holes_are_encoded_by_what_complete_rows_told(quick, curved, large):
    X = curved.copy()
    X[::7, 3] = np.nan
    model = quick(max_iter=30).fit(Stored(curved), sample_weight=np.full(240, 1e-3))
    imputed = model.inverse_transform(model.transform(Stored(X)))
    missed = (imputed - curved)[::7, 3]
    assert np.sqrt(np.mean(missed**2)) < 0.5 * curved[:, 3].std()


def test_weights_of_large_tables_leave_out_rows(quick, curved, weight, large):
    X = curved.copy()
    X[weight == 0] = 1e6
    present = quick().fit(Stored(X), sample_weight=weight)
    absent = quick().fit(Stored(curved), sample_weight=weight)
    assert_array_equal(present.transform(curved), absent.transform(curved))


def test_failed_fit_leaves_the_estimator_as_it_was(quick, curved, large):
    model, X = quick().fit(Stored(curved)), curved.copy()
    before = dict(vars(model))
    X[200, 3] = np.inf
    with pytest.raises(ValueError, match="contains infinity"):
        model.fit(Stored(X))
    assert vars(model) == before


def test_fit_goes_on_with_a_large_table(quick, curved, large):
    model = quick(warm_start=True).fit(Stored(curved))
    score = model.score(curved)
    model.fit(Stored(curved)).fit(Stored(curved))
    assert model.score(curved) > score


@pytest.mark.parametrize("unit", [1e160, 1e-170])
def test_squares_that_float64_cannot_hold_do_no_harm(quick, curved, large, unit):
    model = quick().fit(Stored(unit * curved))
    reference = quick().fit(Stored(curved))
    assert model.pca_score_ == pytest.approx(reference.pca_score_, abs=0.02)
    assert model.score(unit * curved) > model.pca_score_


def test_constant_large_tables_are_explained(quick, large):
    X = np.full((240, 12), 0.1)
    model = quick().fit(Stored(X))
    assert_array_equal(model.transform(Stored(X)), np.zeros((240, 2)))
    assert model.score(Stored(X)) == 1.0
    assert_array_equal(model.mean_, 0.1)


def test_global_state_is_untouched(quick, curved, large):
    # The global generator is the one that is asked about.
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.uniform()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    quick().fit(Stored(curved))
    assert np.random.uniform() == expected  # noqa: NPY002


def test_clone_of_what_was_fitted_to_a_store_is_fitted_to_the_same(
    quick, curved, large
):
    model = quick().fit(Stored(curved))
    again = clone(model).fit(Stored(curved))
    assert_array_equal(model.transform(curved), again.transform(curved))


def test_maps_that_joblib_makes_are_in_memory(quick, curved, large, tmp_path):
    folder = tmp_path / "joblib_memmapping_folder_1"
    folder.mkdir()
    for place in (folder, tmp_path):
        X = np.memmap(place / "X", curved.dtype, "w+", shape=curved.shape)
        X[:] = curved
        model = quick().fit(X)
        codes = quick().fit(np.array(X)).transform(curved)
        assert np.array_equal(model.transform(curved), codes) == (place is folder)


def test_parts_of_streams_and_codes_may_be_stored(quick, curved, large):
    model = quick().partial_fit(Stored(curved))
    reference = quick().partial_fit(curved)
    assert_allclose(model.transform(curved), reference.transform(curved), atol=1e-6)
    with pytest.raises(ValueError, match="X has 11 features, but"):
        model.partial_fit(Stored(curved[:, :11]))
    codes = model.transform(curved)
    back = model.inverse_transform(Stored(codes))
    assert_allclose(back, model.inverse_transform(codes), rtol=1e-12)
