"""partial_fit: what it takes and refuses, keeps and forgets."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import KFold

import sklearn_ae
from sklearn_ae import _partial_fit
from tests.parts import FITTED, assert_same, batches, state, streamed


def test_partial_fit_returns_the_estimator(quick, X):
    model = quick()
    assert model.partial_fit(X[:100]) is model
    assert model.partial_fit(X[100:130], y=None) is model


def test_rows_are_counted(quick, X):
    model = quick()
    for n_rows, part in zip((100, 110, 111), batches(X[:111], 100, 110), strict=True):
        model.partial_fit(part, sample_weight=np.arange(len(part)) % 2 + 1.0)
        assert model.n_samples_seen_ == n_rows


def test_fit_does_not_set_what_partial_fit_sets(quick, X):
    model = quick().fit(X[:100])
    assert not any(hasattr(model, name) for name in FITTED)


@pytest.mark.parametrize("n_rows", [2, 4])
def test_first_call_with_fewer_rows_than_codes_is_refused(quick, X, n_rows):
    message = (
        "n_components=5 must be at most the number of rows in the first call of "
        f"partial_fit, of which {n_rows} count. Pass more rows first; later calls may "
        "have any number."
    )
    model = quick(5)
    with pytest.raises(ValueError, match=re.escape(message)):
        model.partial_fit(X[:n_rows])
    assert not model.__sklearn_is_fitted__()
    assert model.partial_fit(X[:9]).n_samples_seen_ == 9


def test_first_rows_that_do_not_count_are_too_few(quick, X):
    message = "the first call of partial_fit, of which 3 count."
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(5).partial_fit(X[:50], sample_weight=np.repeat([1.0, 0.0], [3, 47]))


@pytest.mark.parametrize("init", ["pca", "random"])
def test_first_call_with_one_row_is_refused(quick, X, init):
    message = "minimum of 2 is required by AutoencoderTransformer"
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(1, init=init).partial_fit(X[:1])


@pytest.mark.parametrize("changes", [{}, {"cv": 3}, {"init": "random"}], ids=str)
def test_same_parts_give_the_same_bits(quick, X, few_kept, changes):
    parts = batches(X[:330], 100, 110, 300)
    first, second = (streamed(quick(**changes), parts) for _ in range(2))
    assert_same(first, second, X)


def test_global_state_is_untouched(quick, X):
    def states():
        # The global generator is the one that is asked about.
        return pickle.dumps(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002

    before = states()
    streamed(quick(), batches(X[:230], 100, 110))
    assert states() == before


def test_generator_as_random_state_goes_on(quick, X):
    found, expected = (
        streamed(
            quick(random_state=np.random.RandomState(0)), batches(X[:230], 100, 110)
        )
        for _ in range(2)
    )
    assert_same(found, expected, X)


def test_pickled_stream_goes_on_with_the_same_result(quick, X, few_kept):
    parts = batches(X[:330], 100, 110, 120, 300)
    expected = streamed(quick(cv=3), parts)
    model = quick(cv=3)
    for part in parts:
        model = pickle.loads(pickle.dumps(model)).partial_fit(part)
    assert_same(model, expected, X)


def test_clone_has_no_stream(quick, X):
    model = clone(quick().partial_fit(X[:100])).partial_fit(X[:60])
    assert model.n_samples_seen_ == 60


def test_fit_forgets_the_stream(quick, X):
    model = streamed(quick(), batches(X[:200], 100, 110)).fit(X[:80])
    assert not any(hasattr(model, name) for name in FITTED)
    assert_array_equal(model.transform(X), quick().fit(X[:80]).transform(X))
    model.partial_fit(X[:90])
    assert model.n_samples_seen_ == 90
    assert_same(model, quick().partial_fit(X[:90]), X)


def test_stream_begins_anew_after_fit_with_other_columns_and_network(quick, X):
    model = quick().partial_fit(X[:100, :5]).fit(X[:100])
    model.set_params(n_components=3, hidden_layer_sizes=(8,))
    assert model.partial_fit(X[:100]).transform(X).shape == (600, 3)


def test_loaded_estimator_begins_anew(quick, X, tmp_path):
    streamed(quick(), batches(X[:120], 100)).save(tmp_path / "model.safetensors")
    model = sklearn_ae.load(tmp_path / "model.safetensors")
    assert not any(hasattr(model, name) for name in FITTED)
    assert model.partial_fit(X[:70]).n_samples_seen_ == 70


@pytest.mark.parametrize(
    ("changes", "shown", "before", "now"),
    [
        ({"n_components": 3}, "(n_features, n_components)", (12, 2), (12, 3)),
        ({"hidden_layer_sizes": (8,)}, "hidden_layer_sizes", (16,), (8,)),
        ({"activation": "tanh"}, "activation", "silu", "tanh"),
        ({"init": "random"}, "init", "pca", "random"),
    ],
    ids=str,
)
@pytest.mark.parametrize("n_more", [5, 100])
def test_changed_network_is_refused(quick, X, changes, shown, before, now, n_more):
    model = quick().partial_fit(X[:100])
    codes = model.transform(X)
    model.set_params(**changes)
    message = (
        f"partial_fit continues a fit with {shown}={before!r}, but now it is {now!r}. "
        "Set it back, or begin with a clone."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        model.partial_fit(X[100 : 100 + n_more])
    assert model.n_samples_seen_ == 100
    assert_array_equal(model.transform(X), codes)
    model.set_params(**{name: getattr(quick(), name) for name in changes})
    assert model.partial_fit(X[100:105]).n_samples_seen_ == 105


def test_training_may_change_in_between(quick, X):
    model = quick().partial_fit(X[:100])
    model.set_params(max_iter=7, cv=3, learning_rate_init=0.02, whiten=True)
    assert model.partial_fit(X[100:200]).n_samples_seen_ == 200
    assert_allclose(model.transform(X[:200]).std(axis=0, ddof=1), 1, rtol=1e-6)


def test_another_number_of_columns_is_refused(quick, X):
    model = quick().partial_fit(X[:100])
    message = "X has 5 features, but AutoencoderTransformer is expecting 12 features"
    with pytest.raises(ValueError, match=re.escape(message)):
        model.partial_fit(X[100:110, :5])


def test_names_of_columns_are_kept_and_others_are_refused(quick, X):
    names = [f"bump{i}" for i in range(12)]
    model = quick().partial_fit(pd.DataFrame(X[:100], columns=names))
    model.partial_fit(pd.DataFrame(X[100:110], columns=names))
    assert_array_equal(model.feature_names_in_, names)
    others = pd.DataFrame(X[110:120], columns=names[::-1])
    with pytest.raises(ValueError, match=re.escape("The feature names should match")):
        model.partial_fit(others)
    model.partial_fit(pd.DataFrame(X[110:160], columns=names))
    assert_array_equal(model.feature_names_in_, names)
    assert model.n_samples_seen_ == 160


BAD_ROWS = {
    "infinity": (np.full((3, 12), np.inf), None, "contains infinity"),
    "missing row": (np.full((3, 12), np.nan), None, "in which every value is missing"),
    "columns": (np.ones((3, 11)), None, "X has 11 features"),
    "no rows": (np.ones((0, 12)), None, "minimum of 1 is required"),
    "negative": (np.ones((3, 12)), -np.ones(3), "Negative values in data"),
    "weights": (np.ones((3, 12)), np.ones(4), "sample_weight.shape == (4,)"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_failed_call_leaves_the_estimator_as_it_was(quick, X, case):
    rows, weight, message = BAD_ROWS[case]
    model = streamed(quick(), batches(X[:110], 100))
    before = state(model)
    with pytest.raises(ValueError, match=re.escape(message)):
        model.partial_fit(rows, sample_weight=weight)
    after = state(model)
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)
    expected = streamed(quick(), batches(X[:150], 100, 110))
    assert_same(model.partial_fit(X[110:150]), expected, X)


def test_interrupted_call_leaves_the_estimator_as_it_was(quick, X, monkeypatch):
    model = quick().partial_fit(X[:100])
    before = state(model)

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(_partial_fit, "fit_autoencoder", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X[100:200])
    assert state(model) == before


def test_first_call_that_fails_leaves_what_was_fitted(quick, X):
    model = quick().fit(X[:100])
    codes = model.transform(X)
    with pytest.raises(ValueError, match=re.escape("contains infinity")):
        model.partial_fit(np.full((5, 12), np.inf))
    assert_array_equal(model.transform(X), codes)


def test_missing_row_is_named_unless_its_weight_is_zero(quick, X):
    rows, weight = X[:220].copy(), np.ones(220)
    rows[[0, 5, 205]], weight[[0, 205]] = np.nan, 0
    message = "X has 1 rows in which every value is missing (rows 5)"
    with pytest.raises(ValueError, match=re.escape(message)):
        quick().partial_fit(rows[:200], sample_weight=weight[:200])
    weight[5] = 0
    model = streamed(quick(), batches(rows, 200), batches(weight, 200))
    other = streamed(quick(), batches(X[:220], 200), batches(weight, 200))
    assert_same(model, other, X)


def test_folds_that_name_rows_end_with_the_rows_that_are_kept(quick, X, few_kept):
    model = quick(cv=KFold(3)).partial_fit(X[:100])
    message = (
        " names rows, but of 200 rows a fit trains on 150, drawn at random, "
        "where not all are kept. Set cv='auto' or a number of folds."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        model.partial_fit(X[100:200])
    assert model.n_samples_seen_ == 100


def test_bad_parameter_is_named(quick, X):
    message = "The 'max_iter' parameter of AutoencoderTransformer must be "
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(max_iter=-1).partial_fit(X)
