"""What holds of the codes of the training data."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_less
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from sklearn_ae import AutoencoderTransformer

CONFIGURATIONS = [
    {},
    {"init": "random"},
    {"early_stopping": True},
    {"hidden_layer_sizes": ()},
    {"early_stopping": True, "hidden_layer_sizes": ()},
    {"init": "random", "early_stopping": True},
    {"cv": 2},
]


@pytest.fixture(params=CONFIGURATIONS, ids=str)
def build(request, quick):
    """Return a factory of estimators in one of several configurations."""

    def build_configured(n_components, **changes):
        changes = {"max_iter": 10, **request.param, **changes}
        return quick(n_components, **changes)

    return build_configured


def test_training_codes_are_centred_and_uncorrelated(build, curved):
    codes = build(3).fit_transform(curved)
    covariance = np.cov(codes.T)
    assert_allclose(codes.mean(axis=0), 0, atol=1e-10)
    off_diagonal = covariance - np.diag(np.diag(covariance))
    assert_allclose(off_diagonal, 0, atol=1e-10)
    assert_array_less(np.diff(np.diag(covariance)), 0)


def test_whitened_training_codes_have_identity_covariance(build, curved):
    codes = build(3, whiten=True).fit_transform(curved)
    assert_allclose(codes.mean(axis=0), 0, atol=1e-10)
    assert_allclose(np.cov(codes.T), np.eye(3), atol=1e-8)


def test_explained_shares_are_sorted_and_sum_to_the_score(build, curved):
    model = build(4).fit(curved)
    shares = model.explained_variance_ratio_
    assert shares.shape == (4,)
    assert_array_less(-1e-300, shares)
    assert_array_less(np.diff(shares), 0)
    assert_allclose(shares.sum(), model.score(curved), rtol=1e-9)


def test_whitening_leaves_the_reconstruction_as_it_is(build, curved):
    plain, whitened = (build(3, whiten=whiten).fit(curved) for whiten in (False, True))
    first = plain.inverse_transform(plain.transform(curved))
    second = whitened.inverse_transform(whitened.transform(curved))
    assert_allclose(first, second, atol=1e-9)


def test_change_of_basis_leaves_the_reconstruction_as_it_was(build, curved):
    # The score goes through the network without the basis, the codes through it.
    model = build(3).fit(curved)
    reconstruction = model.inverse_transform(model.transform(curved))
    error = np.sum((curved - reconstruction) ** 2)
    total = np.sum((curved - model.mean_) ** 2)
    assert_allclose(model.score(curved), 1 - error / total, rtol=1e-9)


def test_codes_are_scaled_by_what_they_explain_linearly(build, curved):
    codes = build(3).fit_transform(curved)
    centred = curved - curved.mean(axis=0)
    loadings = codes.T @ centred / len(codes)
    scale = np.linalg.norm(loadings, axis=1)
    # For PCA's scores, the norm of the covariance with X is the variance.
    assert_allclose(scale, codes.var(axis=0), rtol=1e-6)


def test_signs_follow_the_rule_of_pca(build, curved):
    codes = build(3).fit_transform(curved)
    loadings = codes.T @ (curved - curved.mean(axis=0))
    largest = np.abs(loadings).argmax(axis=1)
    assert_array_less(0, loadings[np.arange(3), largest])


def test_signs_do_not_hinge_on_the_seed(quick, curved):
    scores = PCA(2).fit_transform(curved)
    for seed in range(4):
        codes = quick(max_iter=2, random_state=seed).fit_transform(curved)
        assert_array_less(0.5, np.diag(np.corrcoef(codes.T, scores.T)[:2, 2:]))


def test_transform_of_the_training_rows_is_fit_transform(build, curved):
    model = build(2)
    codes = model.fit_transform(curved)
    assert_allclose(model.transform(curved), codes, rtol=1e-12)


def test_poor_fit_has_no_negative_shares(quick, curved):
    model = quick(
        init="random", learning_rate_init=1e-9, activation="identity", max_iter=1
    ).fit(curved)
    assert model.score(curved) < 0
    assert_allclose(model.explained_variance_ratio_, 0)


def test_contributions_are_the_average_derivatives_of_the_codes(build, curved):
    X = curved[:60]
    model = build(2).fit(X)
    step = 1e-5
    expected = np.empty((2, 12))
    for j in range(12):
        shift = step * (np.arange(12) == j)
        difference = model.transform(X + shift) - model.transform(X - shift)
        expected[:, j] = difference.mean(axis=0) / (2 * step)
    assert_allclose(model.feature_contributions_, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("factor", [1e-46, 1e3])
def test_contributions_are_in_units_of_code_per_unit_of_column(quick, curved, factor):
    expected = quick(hidden_layer_sizes=()).fit(curved)
    for whiten, power in ((False, 0), (True, -1)):
        model = quick(hidden_layer_sizes=(), whiten=whiten).fit(factor * curved)
        pca = PCA(2, whiten=whiten).fit(curved)
        scale = np.sqrt(pca.explained_variance_[:, None]) ** power
        assert_allclose(
            model.feature_contributions_ / factor**power,
            expected.feature_contributions_ * scale,
            atol=1e-9,
        )


def test_contributions_to_a_linear_autoencoder_are_components(quick, linear):
    model = quick(3, hidden_layer_sizes=()).fit(linear)
    expected = PCA(3).fit(linear).components_
    assert_allclose(model.feature_contributions_, expected, atol=1e-9)


@pytest.mark.parametrize("offset", [0.0, 1e5])
@pytest.mark.parametrize("sizes", [(), (16,)])
def test_codes_beyond_the_rank_have_axes_of_unit_length(quick, curved, offset, sizes):
    X = offset + curved[:, :1] * [1.0, 1.8, -0.5]
    model = quick(3, hidden_layer_sizes=sizes).fit(X)
    axes = model.components_ @ model.components_.T
    assert_allclose(axes, np.eye(3), atol=0.01)
    assert abs(model.transform(X)[:, 1:]).max() < 1e-9
    # What breaks the redundancy is seen as by PCA.
    moved = model.transform(X + 0.01 * np.eye(3)[0]) - model.transform(X)
    assert_allclose(np.linalg.norm(moved, axis=1), 0.01, rtol=0.01)


def test_contributions_of_many_rows_are_estimated_from_some(quick, curved):
    few = quick().fit(curved)
    model = quick(max_iter=1, learning_rate_init=1e-3).fit(np.repeat(curved, 5, axis=0))
    assert model.feature_contributions_.shape == few.feature_contributions_.shape
    expected = PCA(2).fit(curved).components_
    assert_allclose(model.feature_contributions_, expected, atol=0.05)


def test_constant_columns_contribute_nothing_to_pca(quick, curved):
    X = np.insert(curved, 3, 7.0, axis=1)
    model = quick(hidden_layer_sizes=()).fit(X)
    assert_allclose(model.feature_contributions_[:, 3], 0, atol=1e-12)


@pytest.fixture(scope="module")
def nested_digits():
    X = load_digits().data
    model = AutoencoderTransformer(
        10, nested_dropout=0.15, cv=None, random_state=0, max_iter=30
    )
    shares = PCA(10, svd_solver="full").fit(X).explained_variance_ratio_
    return X, model.fit(X), shares.cumsum()


@pytest.mark.parametrize("n_kept", range(1, 11))
def test_first_codes_of_digits_suffice_with_nested_dropout(nested_digits, n_kept):
    X, model, pca_share = nested_digits
    codes = model.transform(X)
    codes[:, n_kept:] = 0
    error = np.sum((X - model.inverse_transform(codes)) ** 2)
    explained = 1 - error / np.sum((X - X.mean(axis=0)) ** 2)
    assert explained >= 0.9 * pca_share[n_kept - 1]
