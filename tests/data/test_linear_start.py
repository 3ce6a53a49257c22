"""Column statistics and the linear start."""

import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA

from sklearn_ae._data import linear_start as _linear_start
from sklearn_ae._data import principal_axes as _axes
from sklearn_ae._data import table as _table
from sklearn_ae._data.linear_start import (
    REDUNDANT_SHARE,
    LinearStart,
    n_not_redundant,
)
from sklearn_ae._data.table import Table


def start_of(X, n_components, weight=None):
    """Return the linear start of rows, which count alike without weights."""
    table = Table.of(X) if weight is None else Table(X, weight)
    return LinearStart.of_table(table, n_components, seed=0)


def reconstruct(start, x):
    """PCA's reconstruction of centred and scaled rows."""
    return x @ start.components.T @ start.components


def score(start, X):
    """Share of the squared distances from the training mean that PCA explains."""
    x = start.to_imputed(X)
    return 1 - np.sum((x - reconstruct(start, x)) ** 2) / np.sum(x**2)


def spectrum(n_factors, n_samples, n_features, seed, unit=1.0):
    """Eigenvalues of factors five times as strong as white noise can look."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    if n_factors:
        loadings = np.linalg.qr(rng.standard_normal((n_features, n_factors))).Q.T
        strength = 5 * (1 + np.sqrt(n_features / n_samples)) * np.sqrt(n_features)
        X = X + strength * rng.standard_normal((n_samples, n_factors)) @ loadings
    return PCA().fit(unit * X).explained_variance_


@pytest.fixture
def start(linear):
    return start_of(linear, 2)


def test_units_make_the_total_variance_the_number_of_columns(start, linear):
    assert_allclose(start.mean, linear.mean(axis=0))
    assert_allclose(start.scale, np.sqrt(linear.var(axis=0).mean()))
    assert_allclose(start.column_scale * start.scale, linear.std(axis=0))
    assert_allclose(start.total_variance, 6)


def test_rows_are_centred_and_scaled(start, linear):
    expected = (linear - linear.mean(axis=0)) / start.scale
    assert_allclose(start.to_imputed(linear), expected)
    single = start.in_place(linear)[:]
    assert single.dtype == np.float32
    assert_allclose(single, expected, rtol=1e-6)


def test_components_and_scales_are_those_of_pca(start, linear):
    pca = PCA(2, svd_solver="full").fit(linear)
    assert_allclose(start.components, pca.components_, atol=1e-9)
    assert_allclose(start.code_scale * start.scale, pca.transform(linear).std(axis=0))
    residual = linear - pca.inverse_transform(pca.transform(linear))
    expected = np.sqrt((residual**2).mean(axis=0))
    assert_allclose(start.residual_scale * start.scale, expected, rtol=1e-9)


def test_residual_variance_is_what_pca_leaves(start, linear):
    explained = PCA(2).fit(linear).explained_variance_ratio_.sum()
    assert_allclose(start.residual_variance / start.total_variance, 1 - explained)
    assert_allclose(score(start, linear), explained)


def test_score_of_other_rows_is_about_the_training_mean(start, linear):
    other = linear[:9] + 3
    pca = PCA(2).fit(linear)
    error = np.sum((other - pca.inverse_transform(pca.transform(other))) ** 2)
    expected = 1 - error / np.sum((other - pca.mean_) ** 2)
    assert_allclose(score(start, other), expected)


@pytest.fixture
def cut(monkeypatch):
    """Let tables be read in blocks of so many rows."""

    def give(rows_per_block):
        def row_blocks(n_rows, n_features):
            for first in range(0, n_rows, rows_per_block):
                yield slice(first, min(first + rows_per_block, n_rows))

        for module in (_table, _linear_start):
            monkeypatch.setattr(module, "row_blocks", row_blocks)

    return give


@pytest.mark.parametrize("rows_per_block", [1, 7, 60])
def test_blocks_do_not_change_the_results(linear, start, cut, rows_per_block):
    cut(rows_per_block)
    other = start_of(linear, 2)
    assert_allclose(other.residual_scale, start.residual_scale)
    assert_allclose(score(other, linear), score(start, linear))
    assert_array_equal(other.in_place(linear)[:], start.in_place(linear)[:])


@pytest.fixture
def in_blocks(cut):
    """Read tables in many blocks."""
    cut(7)


def assert_same_start(start, other):
    for name in ("mean", "scale", "column_scale", "total_variance", "n_samples"):
        assert_allclose(getattr(other, name), getattr(start, name), rtol=1e-12)
    for name in ("components", "code_scale", "residual_scale"):
        assert_allclose(getattr(other, name), getattr(start, name), atol=1e-9)
    for name in ("mean", "scale", "loadings", "noise"):
        expected = getattr(start.imputer, name)
        assert_allclose(getattr(other.imputer, name), expected, atol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("factor", [1e-300, 1.0, 1e300])
def test_many_blocks_give_the_same_start(curved, request, weighted, holes, factor):
    rng = np.random.default_rng(0)
    X = curved * factor
    weight = rng.uniform(0.5, 3, len(X)) if weighted else None
    if holes:
        X = np.where(rng.uniform(size=X.shape) < 0.1, np.nan, X)
    start = start_of(X, 3, weight)
    request.getfixturevalue("in_blocks")
    other = start_of(X, 3, weight)
    if factor != 1.0:
        start, other = (
            replace(part, mean=part.mean / factor, scale=part.scale / factor)
            for part in (start, other)
        )
    assert_same_start(start, other)


@pytest.mark.parametrize("rank", [5, 1500])
@pytest.mark.parametrize("n_samples", [8, 60])
@pytest.mark.parametrize("weighted", [False, True])
def test_many_blocks_of_wide_tables_give_the_same_start(
    curved, monkeypatch, cut, rank, n_samples, weighted
):
    monkeypatch.setattr(_axes, "FULL_SPECTRUM_RANK", rank)
    X, weight = curved[:n_samples].copy(), None
    if weighted:
        weight = np.random.default_rng(0).uniform(0.5, 3, n_samples)
    start = start_of(X, 3, weight)
    cut(7)
    X.flags.writeable = False
    assert_same_start(start, start_of(X, 3, weight))


@pytest.mark.usefixtures("in_blocks")
def test_many_blocks_start_from_pca(curved):
    start = start_of(curved, 3)
    pca = PCA(3, svd_solver="full").fit(curved)
    assert_allclose(start.components, pca.components_, atol=1e-9)
    assert_allclose(start.code_scale * start.scale, pca.transform(curved).std(axis=0))
    residual = curved - pca.inverse_transform(pca.transform(curved))
    expected = np.sqrt((residual**2).mean(axis=0))
    assert_allclose(start.residual_scale * start.scale, expected, rtol=1e-9)


@pytest.mark.usefixtures("in_blocks")
def test_many_blocks_keep_digits_at_large_offsets():
    rng = np.random.RandomState(0)
    common = rng.standard_normal((20_000, 1))
    X = 1e11 + common + 0.01 * rng.standard_normal((20_000, 4))
    assert score(start_of(X, 1), X) > 0.999
    X = (1e4 + common + 0.1 * rng.standard_normal((20_000, 4))).astype(np.float32)
    assert score(start_of(X, 1), X) > 0.99


@pytest.mark.usefixtures("in_blocks")
def test_many_blocks_keep_what_pca_explains_entirely(linear):
    X = linear[:, :2] @ np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, -1.0, 5.0]])
    assert not start_of(X, 1).is_optimal
    assert start_of(X, 2).is_optimal
    assert start_of(np.full((8, 3), 3.0), 2).is_optimal


def test_tall_and_wide_tables_get_the_same_start(curved, monkeypatch):
    tall = start_of(curved, 3)
    monkeypatch.setattr(_axes, "FULL_SPECTRUM_RANK", 5)
    truncated = start_of(curved, 3)
    square = start_of(curved[:12], 3)
    assert_allclose(truncated.components, tall.components, atol=1e-6)
    expected = PCA(3, svd_solver="full").fit(curved[:12]).components_
    assert_allclose(square.components, expected, atol=1e-6)


def test_float32_rows_are_summed_in_float64(curved):
    X = (curved + 1e4).astype(np.float32)
    single = start_of(X, 2)
    double = start_of(X.astype(np.float64), 2)
    assert single.mean.dtype == np.float64
    assert_allclose(single.mean, double.mean, rtol=1e-14)
    assert_allclose(single.components, double.components, atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_constant_data_have_no_variance(value):
    start = start_of(np.full((8, 3), value), 2)
    assert (start.scale, start.total_variance) == (1.0, 0.0)
    assert start.is_optimal
    assert_array_equal(start.residual_scale, [0, 0, 0])
    assert_array_equal(reconstruct(start, start.to_imputed(np.full((2, 3), value))), 0)


def test_rounding_of_the_mean_is_no_variance(linear):
    X = np.column_stack([linear, np.full(60, 0.1), np.full(60, -1e6 / 3)])
    start = start_of(X, 2)
    assert_array_equal(start.column_scale[6:], [1, 1])
    assert_allclose(start.residual_scale[6:], 0, atol=1e-9)
    assert_allclose(start.total_variance, 8)


def test_small_differences_at_a_large_offset_are_variance():
    X = 1e8 + np.arange(40.0).reshape(20, 2) * [1, 0.5]
    start = start_of(X, 1)
    assert_allclose(start.scale, np.sqrt(X.var(axis=0).mean()), rtol=1e-6)


@pytest.mark.parametrize("factor", [1e-300, 1e-46, 1e150, 1e300])
def test_squares_neither_overflow_nor_vanish(linear, start, factor):
    other = start_of(linear * factor, 2)
    assert_allclose(other.scale / factor, start.scale, rtol=1e-9)
    assert_allclose(other.components, start.components, atol=1e-9)
    assert_allclose(other.residual_scale, start.residual_scale, rtol=1e-6)


def test_overflow_is_refused():
    X = np.array([[1.7e308], [-1.7e308], [-1.7e308]])
    message = re.escape("X contains values too large for float64 arithmetic")
    refused = pytest.raises(ValueError, match=message)
    with np.errstate(all="ignore"), refused:
        start_of(X, 1)


@pytest.mark.parametrize(
    ("n_components", "optimal"), [(1, False), (2, True), (3, True)]
)
def test_pca_is_optimal_where_it_leaves_nothing(linear, n_components, optimal):
    X = linear[:, :2] @ np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, -1.0, 5.0]])
    start = start_of(X, n_components)
    assert start.is_optimal == optimal


@pytest.mark.parametrize("n_components", [1, 2])
def test_correction_lives_in_directions_not_redundant(wide_linear, n_components):
    start = start_of(wide_linear, n_components)
    assert start.subspace.shape == (3, 100)
    assert_allclose(start.subspace @ start.subspace.T, np.eye(3), atol=1e-9)
    assert_allclose(start.subspace[:n_components], start.components, atol=1e-9)
    assert not start.is_optimal


def test_all_columns_are_used_where_nothing_beyond_pca_stands_out(wide_linear):
    assert start_of(wide_linear, 3).subspace is None


def test_redundant_directions_are_left_to_pca():
    eigenvalues = np.array([100.0, 10.0, 1.0, 0.5, 1e-4, 1e-5, 1e-6])
    assert n_not_redundant(eigenvalues, 1) == 4
    assert n_not_redundant(eigenvalues, 3) == 4
    assert n_not_redundant(eigenvalues, 4) == 7  # what PCA leaves sets the unit
    assert n_not_redundant(eigenvalues, 7) == 7
    assert n_not_redundant(np.ones(100), 2) == 100
    assert n_not_redundant(np.array([1.0, 0.0, 0.0, 0.0]), 2) == 3


def test_correction_of_smooth_columns_needs_few_directions():
    rng = np.random.RandomState(0)
    place = np.linspace(0, 1, 200)
    peaks = np.exp(-(((place - rng.uniform(0, 1, (100, 3, 1))) / 0.3) ** 2))
    X = peaks.sum(axis=1) + 1e-9 * rng.standard_normal((100, 200))
    start = start_of(X, 2)
    assert 2 < len(start.subspace) < 25
    left = X - X.mean(axis=0)
    left = left - left @ start.components.T @ start.components
    ignored = left - left @ start.subspace.T @ start.subspace
    assert (ignored**2).sum() <= REDUNDANT_SHARE * (left**2).sum()


def test_few_columns_are_all_used(noise):
    start = start_of(noise, 2)
    assert start.subspace is None
    assert not start.is_optimal


def test_start_of_some_rows_keeps_the_units_of_all(start, linear):
    x = start.to_imputed(linear)[:30]
    part = start.of_rows(x, np.ones(30), seed=0)
    assert (part.scale, part.total_variance) == (start.scale, start.total_variance)
    assert_array_equal(part.mean, start.mean)
    expected = PCA(2, svd_solver="full").fit(x).components_
    assert_allclose(part.components, expected, atol=1e-9)
    assert_allclose(part.code_scale, (x @ expected.T).std(axis=0))


def test_turned_components_span_the_same_space(start):
    angle = 0.7
    rotation = np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    wanted = rotation @ start.components
    turned = start.turned_to(wanted)
    assert_allclose(turned.components, wanted, atol=1e-12)
    first = start.components.T @ start.components
    assert_allclose(turned.components.T @ turned.components, first, atol=1e-12)
    assert_array_equal(turned.residual_scale, start.residual_scale)


def test_turning_to_the_same_components_changes_nothing(start):
    turned = start.turned_to(start.components)
    assert_allclose(turned.components, start.components, atol=1e-12)
    assert_allclose(turned.code_scale, start.code_scale)


def test_large_offset_is_no_rounding_error():
    rng = np.random.RandomState(0)
    common = rng.standard_normal((20_000, 1))
    X = 1e11 + common + 0.01 * rng.standard_normal((20_000, 4))
    assert score(start_of(X, 1), X) > 0.999


def test_weights_of_rows_count_in_the_start_of_some(start, linear):
    x = start.to_imputed(linear)[:30]
    counts = np.repeat([1, 2], 15)
    expected = start.of_rows(np.repeat(x, counts, axis=0), np.ones(45), seed=0)
    found = start.of_rows(x, counts.astype(float), seed=0)
    assert_allclose(found.components, expected.components, atol=1e-9)
    assert_allclose(found.code_scale, expected.code_scale)


@pytest.mark.parametrize("weighted", [False, True])
def test_imputed_rows_are_centred_and_have_the_stated_variance(curved, weighted):
    rng = np.random.default_rng(0)
    weight = rng.uniform(0.2, 3, len(curved)) if weighted else np.ones(len(curved))
    # The larger a value, the less likely it is known.
    known = rng.uniform(0, 1.5, curved.shape) > curved
    X = np.where(known, curved, np.nan)
    start = start_of(X, 2, weight)
    x = start.to_imputed(X)
    assert_allclose(weight @ x, 0, atol=1e-9)
    counts = known * weight[:, None]
    observed = (counts * x**2).sum() / counts.sum()
    assert_allclose(start.total_variance, observed * X.shape[1])
