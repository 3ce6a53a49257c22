"""Column statistics and the linear start."""

import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA

from sklearn_ae._data import columns as _columns
from sklearn_ae._data import linear_start as _linear
from sklearn_ae._data import principal_axes as _axes
from sklearn_ae._data.linear_start import (
    REDUNDANT_SHARE,
    LinearStart,
    n_above_noise_floor,
    n_not_redundant,
)


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
    return LinearStart.from_data(linear, 2, seed=0)


def test_units_make_the_total_variance_the_number_of_columns(start, linear):
    assert_allclose(start.mean, linear.mean(axis=0))
    assert_allclose(start.scale, np.sqrt(linear.var(axis=0).mean()))
    assert_allclose(start.column_scale * start.scale, linear.std(axis=0))
    assert_allclose(start.total_variance, 6)


def test_rows_are_centred_and_scaled(start, linear):
    expected = (linear - linear.mean(axis=0)) / start.scale
    assert_allclose(start.to_scaled(linear, dtype=np.float64), expected)
    single = start.to_scaled(linear)
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
    assert_allclose(start.score(linear), explained)


def test_score_of_other_rows_is_about_the_training_mean(start, linear):
    other = linear[:9] + 3
    pca = PCA(2).fit(linear)
    error = np.sum((other - pca.inverse_transform(pca.transform(other))) ** 2)
    expected = 1 - error / np.sum((other - pca.mean_) ** 2)
    assert_allclose(start.score(other), expected)


@pytest.mark.parametrize("rows_per_block", [1, 7, 60])
def test_blocks_do_not_change_the_results(linear, start, monkeypatch, rows_per_block):
    monkeypatch.setattr(_axes, "ROWS_PER_BLOCK", rows_per_block)
    monkeypatch.setattr(_linear, "ROWS_PER_BLOCK", rows_per_block)
    other = LinearStart.from_data(linear, 2, seed=0)
    assert_allclose(other.residual_scale, start.residual_scale)
    assert_allclose(other.score(linear), start.score(linear))
    assert_array_equal(other.to_scaled(linear), start.to_scaled(linear))


@pytest.fixture
def in_blocks(monkeypatch):
    """Treat every table as one that is too large to be copied."""
    monkeypatch.setattr(_columns, "LARGEST_COPY", 0)
    monkeypatch.setattr(_columns, "ELEMENTS_PER_BLOCK", 100)


def assert_same_start(start, other):
    for name in ("mean", "scale", "column_scale", "total_variance", "n_samples"):
        assert_allclose(getattr(other, name), getattr(start, name), rtol=1e-12)
    for name in ("components", "code_scale", "residual_scale"):
        assert_allclose(getattr(other, name), getattr(start, name), atol=1e-9)
    for name in ("mean", "scale", "loadings", "noise"):
        expected = getattr(start.filler, name)
        assert_allclose(getattr(other.filler, name), expected, atol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("factor", [1e-300, 1.0, 1e300])
def test_large_tables_get_the_same_start(curved, request, weighted, holes, factor):
    rng = np.random.default_rng(0)
    X = curved * factor
    weight = rng.uniform(0.5, 3, len(X)) if weighted else None
    if holes:
        X = np.where(rng.uniform(size=X.shape) < 0.1, np.nan, X)
    start = LinearStart.from_data(X, 3, seed=0, weight=weight)
    request.getfixturevalue("in_blocks")
    other = LinearStart.from_data(X, 3, seed=0, weight=weight)
    if factor != 1.0:
        start, other = (
            replace(part, mean=part.mean / factor, scale=part.scale / factor)
            for part in (start, other)
        )
    assert_same_start(start, other)


@pytest.mark.parametrize("rank", [5, 1500])
@pytest.mark.parametrize("n_samples", [8, 60])
@pytest.mark.parametrize("weighted", [False, True])
def test_large_wide_tables_get_the_same_start(
    curved, monkeypatch, rank, n_samples, weighted
):
    monkeypatch.setattr(_axes, "FULL_SPECTRUM_RANK", rank)
    X, weight = curved[:n_samples].copy(), None
    if weighted:
        weight = np.random.default_rng(0).uniform(0.5, 3, n_samples)
    start = LinearStart.from_data(X, 3, seed=0, weight=weight)
    monkeypatch.setattr(_columns, "LARGEST_COPY", 0)
    X.flags.writeable = False
    assert_same_start(start, LinearStart.from_data(X, 3, seed=0, weight=weight))


@pytest.mark.usefixtures("in_blocks")
def test_large_tables_start_from_pca(curved):
    start = LinearStart.from_data(curved, 3, seed=0)
    pca = PCA(3, svd_solver="full").fit(curved)
    assert_allclose(start.components, pca.components_, atol=1e-9)
    assert_allclose(start.code_scale * start.scale, pca.transform(curved).std(axis=0))
    residual = curved - pca.inverse_transform(pca.transform(curved))
    expected = np.sqrt((residual**2).mean(axis=0))
    assert_allclose(start.residual_scale * start.scale, expected, rtol=1e-9)


@pytest.mark.usefixtures("in_blocks")
def test_large_tables_keep_digits_at_large_offsets():
    rng = np.random.RandomState(0)
    common = rng.standard_normal((20_000, 1))
    X = 1e11 + common + 0.01 * rng.standard_normal((20_000, 4))
    assert LinearStart.from_data(X, 1, seed=0).score(X) > 0.999
    X = (1e4 + common + 0.1 * rng.standard_normal((20_000, 4))).astype(np.float32)
    assert LinearStart.from_data(X, 1, seed=0).score(X) > 0.99


@pytest.mark.usefixtures("in_blocks")
def test_large_tables_keep_what_pca_explains_entirely(linear):
    X = linear[:, :2] @ np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, -1.0, 5.0]])
    assert not LinearStart.from_data(X, 1, seed=0).is_optimal
    assert LinearStart.from_data(X, 2, seed=0).is_optimal
    assert LinearStart.from_data(np.full((8, 3), 3.0), 2, seed=0).is_optimal


def test_tall_and_wide_tables_get_the_same_start(curved, monkeypatch):
    tall = LinearStart.from_data(curved, 3, seed=0)
    monkeypatch.setattr(_axes, "FULL_SPECTRUM_RANK", 5)
    truncated = LinearStart.from_data(curved, 3, seed=0)
    square = LinearStart.from_data(curved[:12], 3, seed=0)
    assert_allclose(truncated.components, tall.components, atol=1e-6)
    expected = PCA(3, svd_solver="full").fit(curved[:12]).components_
    assert_allclose(square.components, expected, atol=1e-6)


def test_float32_rows_are_summed_in_float64(curved):
    X = (curved + 1e4).astype(np.float32)
    single = LinearStart.from_data(X, 2, seed=0)
    double = LinearStart.from_data(X.astype(np.float64), 2, seed=0)
    assert single.mean.dtype == np.float64
    assert_allclose(single.mean, double.mean, rtol=1e-14)
    assert_allclose(single.components, double.components, atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_constant_data_have_no_variance(value):
    start = LinearStart.from_data(np.full((8, 3), value), 2, seed=0)
    assert (start.scale, start.total_variance) == (1.0, 0.0)
    assert start.is_optimal
    assert_array_equal(start.residual_scale, [0, 0, 0])
    assert start.score(np.full((8, 3), value)) == 1.0


def test_rounding_of_the_mean_is_no_variance(linear):
    X = np.column_stack([linear, np.full(60, 0.1), np.full(60, -1e6 / 3)])
    start = LinearStart.from_data(X, 2, seed=0)
    assert_array_equal(start.column_scale[6:], [1, 1])
    assert_allclose(start.residual_scale[6:], 0, atol=1e-9)
    assert_allclose(start.total_variance, 8)


def test_small_differences_at_a_large_offset_are_variance():
    X = 1e8 + np.arange(40.0).reshape(20, 2) * [1, 0.5]
    start = LinearStart.from_data(X, 1, seed=0)
    assert_allclose(start.scale, np.sqrt(X.var(axis=0).mean()), rtol=1e-6)


@pytest.mark.parametrize("factor", [1e-300, 1e-46, 1e150, 1e300])
def test_squares_neither_overflow_nor_vanish(linear, start, factor):
    other = LinearStart.from_data(linear * factor, 2, seed=0)
    assert_allclose(other.scale / factor, start.scale, rtol=1e-9)
    assert_allclose(other.components, start.components, atol=1e-9)
    assert_allclose(other.residual_scale, start.residual_scale, rtol=1e-6)


def test_overflow_is_refused():
    X = np.array([[1.7e308], [-1.7e308], [-1.7e308]])
    message = re.escape("X contains values too large for float64 arithmetic")
    refused = pytest.raises(ValueError, match=message)
    with np.errstate(all="ignore"), refused:
        LinearStart.from_data(X, 1, seed=0)


@pytest.mark.parametrize(
    ("n_components", "optimal"), [(1, False), (2, True), (3, True)]
)
def test_pca_is_optimal_where_it_leaves_nothing(linear, n_components, optimal):
    X = linear[:, :2] @ np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, -1.0, 5.0]])
    start = LinearStart.from_data(X, n_components, seed=0)
    assert start.is_optimal == optimal


@pytest.mark.parametrize("n_components", [1, 2])
def test_correction_lives_in_the_directions_above_the_noise(wide_linear, n_components):
    start = LinearStart.from_data(wide_linear, n_components, seed=0)
    assert start.subspace.shape == (3, 100)
    assert_allclose(start.subspace @ start.subspace.T, np.eye(3), atol=1e-9)
    assert_allclose(start.subspace[:n_components], start.components, atol=1e-9)
    assert not start.is_optimal


def test_redundant_directions_are_left_to_pca():
    eigenvalues = np.array([100.0, 10.0, 1.0, 0.5, 1e-4, 1e-5, 1e-6])
    assert n_not_redundant(eigenvalues, 1) == 4
    assert n_not_redundant(eigenvalues, 3) == 4
    assert n_not_redundant(eigenvalues, 4) == 7  # what PCA leaves sets the unit
    assert n_not_redundant(eigenvalues, 7) == 7
    assert n_not_redundant(np.ones(100), 2) == 100


def test_correction_of_smooth_columns_needs_few_directions():
    rng = np.random.RandomState(0)
    place = np.linspace(0, 1, 200)
    peaks = np.exp(-(((place - rng.uniform(0, 1, (100, 3, 1))) / 0.3) ** 2))
    X = peaks.sum(axis=1) + 1e-9 * rng.standard_normal((100, 200))
    start = LinearStart.from_data(X, 2, seed=0)
    assert 2 < len(start.subspace) < 25
    left = X - X.mean(axis=0)
    left = left - left @ start.components.T @ start.components
    ignored = left - left @ start.subspace.T @ start.subspace
    assert (ignored**2).sum() <= REDUNDANT_SHARE * (left**2).sum()


def test_few_columns_are_all_used(noise):
    start = LinearStart.from_data(noise, 2, seed=0)
    assert start.subspace is None
    assert not start.is_optimal


@pytest.mark.parametrize("n_factors", [0, 1, 4])
@pytest.mark.parametrize("shape", [(300, 100), (100, 300), (1000, 100)])
@pytest.mark.parametrize("unit", [1e-6, 1.0])
def test_strong_factors_stand_out_of_the_noise(n_factors, shape, unit):
    eigenvalues = spectrum(n_factors, *shape, seed=1, unit=unit)
    assert n_above_noise_floor(eigenvalues, *shape) == n_factors


def test_structure_in_every_direction_leaves_no_noise():
    eigenvalues = 0.5 ** np.arange(80.0)
    assert n_above_noise_floor(eigenvalues, 10_000, 80) > 40


def test_start_of_some_rows_keeps_the_units_of_all(start, linear):
    x = start.to_scaled(linear, dtype=np.float64)[:30]
    part = start.of_rows(x, seed=0)
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
    assert LinearStart.from_data(X, 1, seed=0).score(X) > 0.999
