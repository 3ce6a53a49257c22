"""partial_fit: rows that come in parts."""

import pickle
import re
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import KFold

import sklearn_ae
from sklearn_ae import _partial_fit
from sklearn_ae._fit import stream as _stream
from tests.conftest import bumps

FITTED = ["n_samples_seen_", "code_correlations_"]


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


def batches(X, *ends):
    """Cut rows at the ends."""
    return np.split(X, ends)


def streamed(model, parts, weights=None):
    """Go on with each of the parts."""
    weights = [None] * len(parts) if weights is None else weights
    for part, weight in zip(parts, weights, strict=True):
        model.partial_fit(part, sample_weight=weight)
    return model


def kept_rows(model):
    """Return the rows that are kept, and their weights."""
    drawn = model._stream.summary.drawn
    return drawn.rows, drawn.weight


def state(model):
    """Attributes, of which fitted ones are the same objects as long as they stay."""
    return dict(vars(model))


def assert_same(found, expected, X):
    codes = found.transform(X)
    assert_array_equal(codes, expected.transform(X))
    assert_array_equal(
        found.inverse_transform(codes), expected.inverse_transform(codes)
    )
    for name in [*FITTED, "pca_score_", "shrinkage_", "mean_", "loss_curve_"]:
        assert_array_equal(getattr(found, name), getattr(expected, name))


def test_partial_fit_returns_the_estimator(quick, X):
    model = quick()
    assert model.partial_fit(X[:100]) is model
    assert model.partial_fit(X[100:130], y=None) is model


@pytest.mark.parametrize("changes", [{}, {"cv": 3}, {"early_stopping": True}], ids=str)
def test_first_call_is_a_fit(quick, X, changes):
    found, expected = quick(**changes).partial_fit(X), quick(**changes).fit(X)
    assert_array_equal(found.transform(X), expected.transform(X))
    assert found.pca_score_ == expected.pca_score_
    assert found.n_samples_seen_ == len(X)
    assert_array_equal(found.code_correlations_, np.ones(2))


def test_rows_are_counted(quick, X):
    model = quick()
    for n_rows, part in zip((100, 110, 111), batches(X[:111], 100, 110), strict=True):
        model.partial_fit(part, sample_weight=np.arange(len(part)) % 2 + 1.0)
        assert model.n_samples_seen_ == n_rows


def test_fit_does_not_set_what_partial_fit_sets(quick, X):
    model = quick().fit(X[:100])
    assert not any(hasattr(model, name) for name in FITTED)


def test_later_calls_may_have_one_row(quick, X):
    model = streamed(quick(5), batches(X[:103], 100, 101, 102))
    assert model.n_samples_seen_ == 103
    assert_allclose(model.mean_, X[:103].mean(axis=0), atol=1e-12)


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


def test_whole_fits_come_whenever_rows_have_grown_by_a_quarter(quick, X, whole_fits):
    streamed(quick(max_iter=1), batches(X[:160], 100, 110, 124, 125, 140, 156))
    assert whole_fits == [100, 125, 160]


def test_whole_fit_of_a_short_stream_is_that_of_all_rows(quick, X):
    model = streamed(quick(cv=3), batches(X[:300], 100, 110))
    expected = quick(cv=3).fit(X[:300])
    assert_allclose(model.pca_score_, expected.pca_score_, rtol=1e-12)
    assert_allclose(model.score(X), expected.score(X), rtol=1e-9)
    # Codes may differ in order and signs, which those before had.
    found, wanted = model.transform(X), expected.transform(X)
    together = np.corrcoef(found.T, wanted.T)[:2, 2:]
    assert_allclose(np.abs(together).max(axis=0), 1, atol=1e-9)


@pytest.mark.parametrize("ends", [(100, 110), (100, 300, 301), (150, 300, 450)])
@pytest.mark.parametrize("weighted", [False, True])
def test_pca_is_that_of_all_rows(quick, X, few_kept, ends, weighted):
    weight = np.ones(len(X))
    if weighted:
        weight = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
        weight[300] = 2.0
    model = quick(3, hidden_layer_sizes=())
    streamed(model, batches(X, *ends), batches(weight, *ends))
    pca = PCA(3, svd_solver="full").fit(np.repeat(X, weight.astype(int), axis=0))
    assert_allclose(model.mean_, pca.mean_, atol=1e-12)
    reconstruction = model.inverse_transform(model.transform(X))
    expected = pca.inverse_transform(pca.transform(X))
    assert_allclose(reconstruction, expected, atol=1e-9)


@pytest.mark.parametrize("changes", [{}, {"cv": 3}, {"transform_max_iter": 0}], ids=str)
def test_never_below_pca_of_all_rows_on_the_rows_kept(quick, X, few_kept, changes):
    weight = np.random.default_rng(0).uniform(0, 2, len(X))
    model, ends = quick(**changes), (100, 120, 300, 310, 400, 401)
    seen = 0
    for part, counts in zip(batches(X, *ends), batches(weight, *ends), strict=True):
        model.partial_fit(part, sample_weight=counts)
        seen += len(part)
        start, (rows, counted) = model._fit_result.start, kept_rows(model)
        assert len(rows) == min(seen, 150)
        assert_allclose(
            start.mean, np.average(X[:seen], axis=0, weights=weight[:seen]), atol=1e-12
        )
        deviations = rows - start.mean
        left = deviations - deviations @ start.components.T @ start.components
        total = np.sum(counted @ deviations**2)
        share = np.sum(counted @ left**2) / total
        assert model.pca_score_ == pytest.approx(1 - share, abs=1e-9)
        assert model.score(rows, sample_weight=counted) >= 1 - share - 1e-9


def test_rows_kept_are_drawn_from_the_whole_stream(quick, X, few_kept):
    model = streamed(quick(max_iter=1), batches(X, 200, 400))
    numbers = model._stream.summary.drawn.numbers
    counts = np.histogram(numbers, 3, (0, 600))[0]
    assert counts.sum() == 150
    assert counts.min() > 25
    assert_array_equal(kept_rows(model)[0], X[numbers])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"init": "random"},
        {"early_stopping": True},
        {"cv": 3},
        {"cv": "auto"},
        {"n_components": 0.9, "cv": 3},
        {"n_components": None},
        {"n_components": 12},
        {"loss": "huber"},
        {"loss": "absolute_error"},
        {"hidden_layer_sizes": ()},
        {"whiten": True},
        {"output_activation": "logistic"},
        {"output_activation": "logistic", "loss": "log_loss"},
        {"init": "random", "code_penalty": 0.1},
        {"init": "random", "n_components": 15},
        {"noise": 0.1, "nested_dropout": 0.5},
        {"warm_start": True},
    ],
    ids=str,
)
def test_every_setting_runs_through_several_parts(quick, X, few_kept, changes):
    X = X[:240].clip(0, 1)
    model = quick(**{"max_iter": 2, **changes})
    for part in batches(X, 100, 110, 140, 170, 175):
        model.partial_fit(part)
        n_components = model.n_components_
        assert model.code_correlations_.shape == (n_components,)
        assert (np.abs(model.code_correlations_) <= 1 + 1e-9).all()
        codes = model.transform(X)
        assert codes.shape == (240, n_components)
        assert np.isfinite(codes).all()
        assert np.isfinite(model.score(X))
        if model.whiten:
            rows, _ = kept_rows(model)
            assert_allclose(model.transform(rows).std(axis=0, ddof=1), 1, rtol=1e-6)
    assert model.n_samples_seen_ == 240


def test_whitened_codes_in_between_have_unit_variance(quick, X):
    model = streamed(quick(whiten=True), batches(X[:110], 100))
    assert_allclose(model.transform(X[:110]).std(axis=0, ddof=1), 1, rtol=1e-6)


def test_codes_in_between_are_centred_and_uncorrelated(quick, X):
    codes = streamed(quick(), batches(X[:110], 100)).transform(X[:110])
    assert_allclose(codes.mean(axis=0), 0, atol=1e-9)
    assert abs(np.corrcoef(codes.T)[0, 1]) < 1e-9


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("sizes", [(), (16,)], ids=["linear", "network"])
def test_codes_keep_order_and_signs_where_the_network_is_not_refitted(
    quick, X, whole_fits, whiten, sizes
):
    model = quick(3, hidden_layer_sizes=sizes, whiten=whiten).partial_fit(X[:400])
    before = model.transform(X)
    for part in batches(X[400:490], 30, 60):
        model.partial_fit(part)
        after = model.transform(X)
        together = np.diag(np.corrcoef(before.T, after.T)[:3, 3:])
        assert (together > 0.97).all()
        assert (model.code_correlations_ > 0.97).all()
        before = after
    assert whole_fits == [400]


@pytest.mark.parametrize("sizes", [(), (16,)], ids=["linear", "network"])
def test_codes_keep_order_and_signs_where_the_network_is_refitted(
    quick, X, whole_fits, sizes
):
    model = quick(hidden_layer_sizes=sizes, max_iter=20).partial_fit(X[:200])
    before = model.transform(X)
    model.partial_fit(X[200:])
    assert whole_fits == [200, 600]
    together = np.corrcoef(before.T, model.transform(X).T)[:2, 2:]
    assert (np.diag(together) > np.abs(together[[0, 1], [1, 0]])).all()
    assert (np.diag(together) > 0.9).all()


def test_order_is_kept_when_the_order_of_the_variances_changes(quick):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 3)) * [3.0, 2.0, 0.1]
    model = quick(hidden_layer_sizes=()).partial_fit(X)
    before = model.transform(X)
    model.partial_fit(rng.standard_normal((600, 3)) * [2.0, 5.0, 0.1])
    together = np.corrcoef(before.T, model.transform(X).T)[:2, 2:]
    assert (np.diag(together) > 0.97).all()
    # Which is told by what the codes explain.
    ratio = model.explained_variance_ratio_
    assert ratio[1] > ratio[0]
    assert_allclose(ratio.sum(), model.score(kept_rows(model)[0]), rtol=1e-9)


def test_correlations_tell_of_codes_that_changed(quick):
    rng = np.random.default_rng(0)
    first = rng.standard_normal((200, 4)) * [3.0, 2.0, 0.1, 0.1]
    second = rng.standard_normal((2000, 4)) * [0.1, 2.0, 0.1, 5.0]
    model = quick(hidden_layer_sizes=()).partial_fit(first).partial_fit(second)
    assert model.code_correlations_.min() < 0.5
    assert model.code_correlations_.max() > 0.9


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


@pytest.mark.parametrize("changes", [{}, {"cv": 3}, {"early_stopping": True}], ids=str)
def test_missing_values_come_and_go(quick, X, changes):
    holes = X[:300].copy()
    holes[np.random.default_rng(0).uniform(size=holes.shape) < 0.1] = np.nan
    holes[:100], holes[110:120] = X[:100], X[110:120]
    model = quick(**changes)
    for part in batches(holes, 100, 110, 120, 290):
        model.partial_fit(part)
        assert np.isfinite(model.transform(holes)).all()
        assert np.isfinite(model.mean_).all()
    assert model.score(X) > 0.5


def test_missing_values_in_the_first_rows(quick, X):
    holes = X[:100].copy()
    holes[::7, 3] = np.nan
    model = quick().partial_fit(holes).partial_fit(X[100:110])
    assert_array_equal(quick().fit(holes).mean_, quick().partial_fit(holes).mean_)
    assert np.isfinite(model.transform(holes)).all()


def test_rows_of_weight_zero_do_not_matter(quick, X, few_kept):
    weight, given = np.ones(300), X[:300].copy()
    left_out = np.random.default_rng(0).uniform(size=300) < 0.3
    weight[left_out], given[left_out] = 0, 1e6
    ends = (150, 170)
    model = streamed(quick(), batches(given, *ends), batches(weight, *ends))
    other = streamed(quick(), batches(X[:300], *ends), batches(weight, *ends))
    assert_same(model, other, X)
    assert_allclose(model.mean_, X[:300][~left_out].mean(axis=0), atol=1e-12)


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


def test_weights_are_those_of_repeated_rows(quick, X):
    weight = np.random.default_rng(0).integers(1, 4, 160).astype(float)
    repeated = np.repeat(X[:160], weight.astype(int), axis=0)
    n_first = int(weight[:100].sum())
    linear = partial(quick, hidden_layer_sizes=())
    found = streamed(linear(), batches(X[:160], 100), batches(weight, 100))
    expected = streamed(linear(), batches(repeated, n_first))
    assert_allclose(found.transform(X), expected.transform(X), atol=1e-9)
    assert found.pca_score_ == pytest.approx(expected.pca_score_, rel=1e-9)


@pytest.mark.parametrize("limit", [0, 2**23])
def test_sparse_rows_are_dense_rows(quick, X, few_kept, monkeypatch, limit):
    rows = np.where(X[:330] < 0.3, 0.0, X[:330])
    parts = batches(rows, 100, 110, 300)
    expected = streamed(quick(), parts)
    monkeypatch.setattr("sklearn_ae._data.table.LARGEST_COPY", limit)
    model = streamed(quick(), [csr_array(part) for part in parts])
    assert_allclose(model.transform(X), expected.transform(X), atol=1e-6)
    assert model.n_samples_seen_ == 330


def test_float32_stays_float32(quick, X, few_kept):
    rows = X[:330].astype(np.float32)
    model = streamed(quick(), batches(rows, 100, 110, 300))
    assert model.transform(rows).dtype == np.float32
    assert kept_rows(model)[0].dtype == np.float32
    assert_allclose(model.mean_, rows.mean(axis=0, dtype=np.float64), atol=1e-9)
    both = quick().partial_fit(X[:100]).partial_fit(rows[100:110])
    assert both.transform(X).dtype == np.float64


def test_integers_are_taken(quick, X):
    rows = (10 * X[:110]).astype(int)
    model = streamed(quick(), batches(rows, 100))
    expected = streamed(quick(), batches(rows.astype(float), 100))
    assert_same(model, expected, X)


def test_rows_that_a_robust_loss_leaves_out_stay_out(quick, X):
    given = X[:460].copy()
    given[5], given[100:350:2] = 1e12, -1e12
    model = streamed(quick(loss="huber", max_iter=20), batches(given, 400))
    score = model.score(X[460:])
    assert model.n_samples_seen_ == 460
    pca = quick(hidden_layer_sizes=()).fit(X)
    assert score > pca.score(X[460:])


def test_what_was_learned_is_given_up_where_new_rows_deny_it(quick, X, whole_fits):
    model = quick(max_iter=30).partial_fit(X[:400])
    assert model.shrinkage_ > 0
    noise = np.random.default_rng(0).standard_normal((90, 12))
    model.partial_fit(noise)
    assert whole_fits == [400]
    assert model.shrinkage_ < 0.5
    rows, _ = kept_rows(model)
    assert model.score(rows) >= model.pca_score_ - 1e-9


def test_what_was_learned_is_kept_where_new_rows_confirm_it(quick, X, whole_fits):
    model = quick(max_iter=30).partial_fit(X[:400])
    before = model.score(X[490:])
    model.partial_fit(X[400:490])
    assert whole_fits == [400]
    assert model.shrinkage_ > 0.5
    assert 1 - model.score(X[490:]) < 1.1 * (1 - before)


def test_correction_that_is_kept_in_part_does_not_fade(quick, X, whole_fits):
    model, gains = quick(max_iter=20).partial_fit(X[:400]), []
    model._fit_result = replace(model._fit_result, shrinkage=0.5)
    for part in batches(X[400:412], 3, 6, 9):
        model.partial_fit(part)
        assert model.shrinkage_ == 0.5
        gains.append(model.score(kept_rows(model)[0]) - model.pca_score_)
    assert gains[0] > 0.01
    assert_allclose(gains, gains[0], rtol=0.1)
    assert whole_fits == [400]


def test_pca_goes_on_as_pca(quick, noise):
    model = streamed(quick(cv=3), batches(noise, 40, 45))
    assert model.shrinkage_ == 0
    pca = PCA(2).fit(noise)
    assert model.score(noise) == pytest.approx(
        pca.explained_variance_ratio_.sum(), rel=1e-9
    )


def test_constant_rows_come_before_others(quick, X):
    constant = np.full((20, 12), 0.1)
    model = streamed(quick(), [constant, constant[:3]])
    assert_array_equal(model.transform(constant), 0)
    assert model.score(constant) == 1.0
    model.partial_fit(X[:1]).partial_fit(X[1:300])
    assert model.score(X) >= 0.5


@pytest.mark.filterwarnings("ignore:The fit is PCA:UserWarning")
def test_few_first_rows_are_enough(quick, X):
    model = quick(2, cv="auto").partial_fit(X[:2])
    for i in range(2, 12):
        model.partial_fit(X[i : i + 1])
    assert model.n_samples_seen_ == 12
    assert np.isfinite(model.transform(X)).all()


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


def test_stream_is_nearly_as_good_as_one_fit(quick, curved_held_out):
    X, settings = bumps(600, seed=7), {"max_iter": 20, "cv": "auto"}
    whole = quick(**settings).fit(X)
    model = streamed(quick(**settings), np.split(X, 10))
    losses = [1 - one.score(curved_held_out) for one in (model, whole)]
    assert losses[0] < 1.2 * losses[1]
    pca = quick(hidden_layer_sizes=()).fit(X)
    assert losses[0] < 0.2 * (1 - pca.score(curved_held_out))
