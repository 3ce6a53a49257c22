"""partial_fit: what rows that come in parts lead to."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.decomposition import PCA

from tests.conftest import bumps
from tests.parts import assert_same, batches, kept_rows, streamed


@pytest.mark.parametrize("changes", [{}, {"cv": 3}, {"early_stopping": True}], ids=str)
def test_first_call_is_a_fit(quick, X, changes):
    found, expected = quick(**changes).partial_fit(X), quick(**changes).fit(X)
    assert_array_equal(found.transform(X), expected.transform(X))
    assert found.pca_score_ == expected.pca_score_
    assert found.n_samples_seen_ == len(X)
    assert_array_equal(found.code_correlations_, np.ones(2))


def test_later_calls_may_have_one_row(quick, X):
    model = streamed(quick(5), batches(X[:103], 100, 101, 102))
    assert model.n_samples_seen_ == 103
    assert_allclose(model.mean_, X[:103].mean(axis=0), atol=1e-12)


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


def test_stream_is_nearly_as_good_as_one_fit(quick, curved_held_out):
    X, settings = bumps(600, seed=7), {"max_iter": 20, "cv": "auto"}
    whole = quick(**settings).fit(X)
    model = streamed(quick(**settings), np.split(X, 10))
    losses = [1 - one.score(curved_held_out) for one in (model, whole)]
    assert losses[0] < 1.2 * losses[1]
    pca = quick(hidden_layer_sizes=()).fit(X)
    assert losses[0] < 0.2 * (1 - pca.score(curved_held_out))
