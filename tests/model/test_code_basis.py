"""The change of basis, from sums alone."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA

from sklearn_ae._model.code_basis import CodeBasis, CodeMoments


def moments_of(x, code, weight=None, n_blocks=1):
    moments = CodeMoments.empty(code.shape[1], x.shape[1])
    weight = np.ones(len(x)) if weight is None else weight
    parts = (np.array_split(part, n_blocks) for part in (x, code, weight))
    for block in zip(*parts, strict=True):
        moments.add(*block)
    return moments


@pytest.fixture
def x(curved):
    return curved - curved.mean(axis=0)


@pytest.fixture
def code(x):
    """Codes that are correlated, off centre and bent."""
    mixing = np.array([[1, 2, 0], [0, 1, 1], [1, 0, 3]])
    return np.tanh(x[:, :3] @ mixing) + np.array([1.0, -5.0, 100.0])


def test_moments_may_be_added_block_by_block(x, code):
    whole, blocks = moments_of(x, code), moments_of(x, code, n_blocks=7)
    for name in ("n_samples", "row_sum", "code_sum", "code_products", "cross_products"):
        assert_allclose(getattr(blocks, name), getattr(whole, name), atol=1e-9)
    first, second = (CodeBasis.from_moments(m, False, 1.0) for m in (whole, blocks))
    assert_allclose(first.matrix, second.matrix, rtol=1e-6)


def test_weighted_rows_count_as_often(x, code):
    weight = np.arange(len(x)) % 3
    weighted = moments_of(x, code, weight.astype(float))
    repeated = moments_of(*(np.repeat(part, weight, axis=0) for part in (x, code)))
    for name in ("n_samples", "row_sum", "code_sum", "code_products", "cross_products"):
        assert_allclose(getattr(weighted, name), getattr(repeated, name), atol=1e-9)


@pytest.mark.parametrize("whiten", [False, True])
def test_scores_of_pca_in_any_affine_disguise_come_back(curved, x, whiten):
    pca = PCA(3, svd_solver="full", whiten=whiten).fit(curved)
    scores = pca.transform(curved)
    disguise = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 1.0], [3.0, 1.0, -1.0]])
    code = scores @ disguise + [3.0, 0.0, -7.0]
    basis = CodeBasis.from_moments(moments_of(x, code), whiten, n_effective=len(x))
    assert_allclose((code - basis.mean) @ basis.matrix, scores, atol=1e-9)
    expected = pca.explained_variance_ * 239 / 240
    assert_allclose(basis.explained_variance, expected, rtol=1e-9)


@pytest.mark.parametrize("whiten", [False, True])
def test_codes_are_centred_uncorrelated_and_ordered(x, code, whiten):
    basis = CodeBasis.from_moments(moments_of(x, code), whiten, n_effective=len(x))
    new = (code - basis.mean) @ basis.matrix
    assert_allclose(new.mean(axis=0), 0, atol=1e-9)
    covariance = np.cov(new.T)
    assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-9)
    loadings = np.linalg.norm(new.T @ x, axis=1)
    assert (np.diff(loadings) < 0).all()
    assert (np.diff(basis.explained_variance) < 0).all()


def test_whitened_codes_have_unit_variance(x, code):
    basis = CodeBasis.from_moments(moments_of(x, code), whiten=True, n_effective=len(x))
    new = (code - basis.mean) @ basis.matrix
    assert_allclose(np.cov(new.T), np.eye(3), atol=1e-9)


DEGENERATE = {
    "constant code": lambda code: np.column_stack([code[:, 0], np.full(len(code), 7)]),
    "all constant": lambda code: np.full((len(code), 2), 7.0),
    "equal codes": lambda code: code[:, [0, 0, 1]],
    "collinear codes": lambda code: np.column_stack([code, code @ [1, 2, 3]]),
    "tiny code": lambda code: code * [1, 1e-200, 1],
    "huge code": lambda code: code * [1, 1e9, 1],
}


@pytest.mark.parametrize("kind", DEGENERATE)
@pytest.mark.parametrize("whiten", [False, True])
def test_basis_can_be_inverted(x, code, kind, whiten):
    code = DEGENERATE[kind](code)
    basis = CodeBasis.from_moments(moments_of(x, code), whiten, n_effective=len(x))
    centred = code - basis.mean
    assert np.isfinite(basis.matrix).all()
    back = centred @ basis.matrix @ basis.inverse
    assert_allclose(back, centred, rtol=1e-6, atol=1e-6 * np.abs(centred).max())
    new = centred @ basis.matrix
    covariance = new.T @ new / len(new)
    assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-6)


def test_codes_unrelated_to_the_rows_stay_apart(x):
    rng = np.random.default_rng(0)
    unrelated = rng.standard_normal((240, 1))
    unrelated -= x @ np.linalg.lstsq(x, unrelated, rcond=None)[0]
    code = np.column_stack([x[:, 0], unrelated])
    basis = CodeBasis.from_moments(
        moments_of(x, code), whiten=False, n_effective=len(x)
    )
    assert_allclose(basis.matrix @ basis.inverse, np.eye(2), atol=1e-6)
    related, unrelated = np.ptp((code - basis.mean) @ basis.matrix, axis=0)
    assert 1e-8 < unrelated / related < 1e-3


def test_more_codes_than_columns(x):
    code = np.column_stack([x[:, :1], x[:, :1] ** 2, x[:, :1] ** 3])
    basis = CodeBasis.from_moments(
        moments_of(x[:, :1], code), whiten=False, n_effective=len(x)
    )
    assert basis.matrix.shape == basis.inverse.shape == (3, 3)
    assert_array_equal(basis.explained_variance[1:], [0, 0])
    assert_allclose(basis.matrix @ basis.inverse, np.eye(3), atol=1e-6)


def test_largest_loading_is_positive(x, code):
    for signs in ([1, 1, 1], [-1, 1, -1]):
        basis = CodeBasis.from_moments(
            moments_of(x, code * signs), whiten=False, n_effective=len(x)
        )
        loadings = (code * signs @ basis.matrix).T @ x
        assert loadings[np.arange(3), np.abs(loadings).argmax(axis=1)].min() > 0


def test_rounding_in_a_code_without_variance_is_not_blown_up():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 3))
    code = x * [1.0, 0.1, 1e-13]
    basis = CodeBasis.from_moments(
        moments_of(x, code), whiten=False, n_effective=len(x)
    )
    assert np.abs(basis.matrix).max() < 1e3


@pytest.mark.parametrize("seed", range(5))
def test_rounding_in_codes_that_depend_on_each_other_is_not_blown_up(x, seed):
    mixing = np.random.default_rng(seed).standard_normal((3, 2))
    code = np.column_stack([x[:, :3], x[:, :3] @ mixing])
    basis = CodeBasis.from_moments(moments_of(x, code), whiten=True, n_effective=len(x))
    assert np.abs(basis.matrix).max() < 1e3


def test_codes_without_variance_keep_the_scale_of_the_others(x):
    """As PCA's axes do beyond the rank of the rows."""
    q = np.linalg.qr(np.random.default_rng(0).standard_normal((x.shape[1], 5)))[0].T
    rows = x @ q[:3].T @ q[:3]
    for noise, tolerance in ((0.0, 1e-6), (1e-11, 0.05)):  # as rounding leaves it
        noisy = rows + noise * np.random.default_rng(1).standard_normal(rows.shape)
        basis = CodeBasis.from_moments(moments_of(noisy, 4 * noisy @ q.T), False, 240)
        axes = 4 * q.T @ basis.matrix
        assert_allclose(axes.T @ axes, np.eye(5), atol=tolerance)


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("constant", [0.0, 0.1, 7.7, 1e4])
def test_dead_code_stays_apart_from_codes_that_bend(x, whiten, constant):
    """With more codes than columns, of which two are unrelated to X and one is dead."""
    bent = [x[:, :1] ** 2, np.abs(x[:, :1])]
    code = np.hstack([x[:, :2], *bent, np.full((240, 1), constant)])
    basis = CodeBasis.from_moments(moments_of(x[:, :2], code), whiten, 240)
    new = (code - basis.mean) @ basis.matrix
    assert abs(new[:, 4]).max() < 1e-9
    assert (new.std(axis=0)[2:4] > 0).all()
    assert_allclose(basis.matrix @ basis.inverse, np.eye(5), atol=1e-6)
    if not whiten:  # it grows as the others do
        size = np.linalg.norm(basis.matrix, axis=0)
        assert 0.3 < size[4] / size[0] < 3
