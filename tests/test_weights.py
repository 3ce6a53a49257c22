"""Rows that count more or less than others."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.model_selection import (
    KFold,
    RepeatedKFold,
    StratifiedKFold,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
)

from sklearn_ae import AutoencoderTransformer


@pytest.fixture(scope="module")
def weight():
    """How often each of 240 rows counts: 0 to 3 times."""
    return np.random.default_rng(0).integers(0, 4, 240)


@pytest.fixture(params=[(), (16,)], ids=["linear", "network"])
def full_batch(quick, request):
    """Return a factory of estimators that train on all rows at once."""

    def build(**changes):
        sizes = {"hidden_layer_sizes": request.param, "batch_size": 10_000}
        return quick(**{**sizes, **changes})

    return build


def test_scikit_learns_check_of_repeated_rows_passes_without_batches():
    model = AutoencoderTransformer(hidden_layer_sizes=())
    check_sample_weight_equivalence_on_dense_data("AutoencoderTransformer", model)


@pytest.mark.parametrize("cv", [None, 3, "auto"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_weight_zero_leaves_a_row_out(quick, curved, weight, cv, early_stopping):
    model = quick(cv=cv, early_stopping=early_stopping)
    present = (weight > 0).astype(float)
    expected = model.fit(curved[weight > 0]).transform(curved)
    assert_array_equal(model.fit(curved, None, present).transform(curved), expected)


def test_weight_two_is_a_row_given_twice(full_batch, curved, weight):
    repeated = full_batch().fit(np.repeat(curved, weight, axis=0))
    weighted = full_batch().fit(curved, sample_weight=weight)
    linear = repeated.hidden_layer_sizes == ()
    for name in ("mean_", "pca_score_"):
        expected = getattr(repeated, name)
        assert_allclose(getattr(weighted, name), expected, rtol=1e-12)
    for name in ("explained_variance_ratio_", "best_loss_", "loss_curve_"):
        expected = getattr(repeated, name)
        rtol = 1e-9 if linear else 1e-3
        assert_allclose(getattr(weighted, name), expected, rtol=rtol)
    codes, expected = weighted.transform(curved), repeated.transform(curved)
    # Adam amplifies rounding: another order of the rows moves codes by 0.003, too.
    assert_allclose(codes, expected, rtol=0, atol=1e-9 if linear else 0.01)


def test_weights_change_the_fit(full_batch, curved, weight):
    plain = full_batch().fit(curved)
    weighted = full_batch().fit(curved, sample_weight=weight)
    assert np.abs(weighted.mean_ - plain.mean_).max() > 1e-3
    assert weighted.score(curved, sample_weight=weight) > plain.score(
        curved, sample_weight=weight
    )


def test_weights_of_one_are_no_weights(quick, curved):
    expected = quick(cv=3).fit_transform(curved)
    ones = np.ones(len(curved), dtype=int)
    codes = quick(cv=3).fit_transform(curved, sample_weight=ones)
    assert_array_equal(codes, expected)


def test_codes_are_centred_and_uncorrelated_with_their_weights(quick, curved, weight):
    codes = quick(cv=3).fit(curved, sample_weight=weight).transform(curved)
    repeated = np.repeat(codes, weight, axis=0)
    assert_allclose(repeated.mean(axis=0), 0, atol=1e-9)
    assert abs(np.corrcoef(repeated.T)[0, 1]) < 1e-9


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_score_counts_rows_by_their_weights(quick, curved, weight, dtype):
    X = curved.astype(dtype)
    model = quick().fit(X)
    expected = model.score(np.repeat(X, weight, axis=0))
    assert_allclose(model.score(X, sample_weight=weight), expected, rtol=1e-6)


@pytest.mark.parametrize("changes", [{"early_stopping": True}, {"cv": 3}])
def test_never_below_pca_by_the_same_weights(quick, curved, weight, changes):
    model = quick(max_iter=10, **changes).fit(curved, sample_weight=weight)
    pca = quick(hidden_layer_sizes=()).fit(curved, sample_weight=weight)
    assert model.score(curved, sample_weight=weight) >= pca.score(
        curved, sample_weight=weight
    )


def test_share_of_the_variance_counts_weights(quick):
    rng = np.random.default_rng(0)
    wide, narrow = rng.standard_normal((2, 60, 1)) * [[[1.0]], [[0.01]]]
    X = np.block([[wide, 0 * wide], [narrow, rng.standard_normal((60, 1))]])
    sizes = [
        quick(0.95, hidden_layer_sizes=()).fit(X, sample_weight=w).n_components_
        for w in (np.ones(120), np.repeat([1.0, 1e-6], 60))
    ]
    assert sizes == [2, 1]


def test_given_folds_count_all_rows(quick, curved, weight):
    folds = list(KFold(4).split(curved))
    model = quick(cv=folds).fit(curved, sample_weight=weight)
    kept = weight > 0
    position = np.cumsum(kept) - 1
    inside = [tuple(position[part[kept[part]]] for part in pair) for pair in folds]
    expected = quick(cv=inside).fit(curved[kept], sample_weight=weight[kept])
    assert_array_equal(model.transform(curved), expected.transform(curved))
    assert model.shrinkage_ > 0


def test_splitter_gives_the_folds(quick, curved):
    splitter = KFold(3, shuffle=True, random_state=1)
    expected = quick(cv=list(splitter.split(curved))).fit_transform(curved)
    assert_array_equal(quick(cv=splitter).fit_transform(curved), expected)


def test_folds_without_rows_are_refused(quick, curved):
    half = np.arange(120)
    with pytest.raises(ValueError, match="gives no splits, or one without rows"):
        quick(cv=[(half, [])]).fit(curved)


@pytest.mark.parametrize(
    "cv",
    [StratifiedKFold(3), [(np.arange(120), np.arange(200, 300))]],
    ids=["needs y", "out of range"],
)
def test_splits_that_these_rows_do_not_have_are_refused(quick, curved, cv):
    message = "does not split 240 samples without y into rows to train on"
    with pytest.raises(ValueError, match=message):
        quick(cv=cv).fit(curved)


BAD_WEIGHTS = {
    "negative": (np.full(240, -1.0), "Negative values in data"),
    "too few": (np.ones(239), "sample_weight.shape == (239,), expected (240,)"),
    "NaN": (np.full(240, np.nan), "contains NaN"),
    "all but one": (np.eye(240)[0], "sample_weight has 1 entries above 0"),
}


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_bad_weights_are_refused(quick, curved, case):
    bad, message = BAD_WEIGHTS[case]
    with pytest.raises(ValueError, match=re.escape(message)):
        quick().fit(curved, sample_weight=bad)


def test_weights_that_are_all_zero_are_refused(quick, curved):
    # Some versions of scikit-learn refuse them in words of their own.
    message = "sample_weight has 0 entries above 0|at least one non-zero number"
    with pytest.raises(ValueError, match=message):
        quick().fit(curved, sample_weight=np.zeros(len(curved)))


def test_weights_are_routed_to_fit_and_score(quick, curved, weight):
    with config_context(enable_metadata_routing=True):
        model = quick().set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        found = cross_validate(model, curved, params={"sample_weight": weight}, cv=2)
    expected = []
    for train, test in KFold(2).split(curved):
        fitted = quick().fit(curved[train], None, weight[train])
        expected.append(fitted.score(curved[test], sample_weight=weight[test]))
    assert_allclose(found["test_score"], expected, rtol=1e-12)


def test_weights_are_routed_through_a_pipeline(quick, curved, weight):
    with config_context(enable_metadata_routing=True):
        model = quick().set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, model).fit(curved, sample_weight=weight)
    scaled = StandardScaler().fit_transform(curved)
    expected = quick().fit(scaled, sample_weight=weight).transform(scaled)
    assert_array_equal(pipeline.transform(curved), expected)


@pytest.mark.parametrize("total", [0.5, 1.0, 1.5, 240.0, 1e12])
def test_whitened_codes_have_unit_variance_whatever_weights_add_up_to(
    quick, curved, total
):
    weight = np.full(len(curved), total / len(curved))
    codes = quick(whiten=True).fit(curved, sample_weight=weight).transform(curved)
    assert_allclose(codes.std(axis=0), 1.0, rtol=0.01)


@pytest.mark.parametrize("factor", [1e-30, 1 / 240, 1e250])
def test_scale_of_the_weights_hardly_matters(quick, curved, factor):
    weight = np.full(len(curved), factor)
    expected = quick(hidden_layer_sizes=()).fit(curved)
    model = quick(hidden_layer_sizes=()).fit(curved, sample_weight=weight)
    assert_allclose(model.transform(curved), expected.transform(curved), atol=1e-9)
    score = quick(max_iter=20).fit(curved, sample_weight=weight).score(curved)
    assert abs(score - quick(max_iter=20).fit(curved).score(curved)) < 0.02


def test_missing_row_is_named_by_its_own_number(quick, linear):
    X, weight = np.array(linear), np.ones(len(linear))
    X[[0, 5]], weight[0] = np.nan, 0
    with pytest.raises(ValueError, match=re.escape("(rows 5)")):
        quick().fit(X, sample_weight=weight)


def test_more_folds_than_rows_are_fine_when_they_are_given(quick, linear):
    cv = RepeatedKFold(n_splits=2, n_repeats=31, random_state=0)
    assert 0 <= quick(cv=cv, max_iter=1).fit(linear).shrinkage_ <= 1
