"""The Gaussian that imputes missing cells."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.covariance import OAS
from sklearn.impute import KNNImputer

from sklearn_ae._data import imputation, missing_cells
from sklearn_ae._data.imputation import MAX_FACTORS, Imputer


def rmse(imputed, X, mask):
    return np.sqrt(np.mean((imputed - X)[mask] ** 2))


def imputer_of(x):
    """The imputer of complete, centred rows."""
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    return Imputer.of_axes(vectors.T[::-1], values[::-1], len(x), values.sum())


def covariance_of(imputer):
    covariance = imputer.loadings @ imputer.loadings.T
    covariance += imputer.noise * np.eye(len(covariance))
    return imputer.scale[:, None] * covariance * imputer.scale


def with_holes(shape, share, seed=0):
    """Rows near a plane, in columns of variance 1, with and without missing cells."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((shape[0], 2)) @ rng.standard_normal((2, shape[1]))
    x += 0.3 * rng.standard_normal(shape)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    mask = rng.uniform(size=shape) < share
    mask[mask.all(axis=1)] = False
    return x, mask, np.where(mask, np.nan, x)


def test_missing_cells_are_found_among_large_numbers():
    X = np.array([[1e308, 1e308], [-1e308, 1.0]])
    assert missing_cells(X) is None
    X[0, 1] = np.nan
    assert_array_equal(missing_cells(X), [[False, True], [False, False]])


# Systems of missing cells are solved where these are few, else those of factors.
@pytest.mark.parametrize("unknown", [[1], [1, 4], [0, 1, 4], [0, 1, 2, 3]])
def test_imputer_gives_the_conditional_mean_of_a_gaussian(unknown):
    rng = np.random.default_rng(0)
    loadings, scale = rng.standard_normal((5, 2)), rng.uniform(0.5, 3, 5)
    mean = rng.standard_normal(5)
    imputer = Imputer(mean=mean, scale=scale, loadings=loadings, noise=0.3)
    x = rng.standard_normal((1, 5)) * 2
    expected, _ = conditional(mean, covariance_of(imputer), x[0], unknown)
    holes = x.copy()
    holes[0, unknown] = np.nan
    imputed = imputer.transform(holes)
    assert_allclose(imputed[0, unknown], expected, rtol=1e-9)
    known = np.setdiff1d(range(5), unknown)
    assert_array_equal(imputed[0, known], x[0, known])


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_steps_end_where_expected_moments_are_those_of_the_gaussian(share):
    x, _, holes = with_holes((80, 4), share)
    weight = np.random.default_rng(0).uniform(0.5, 1.5, 80)
    imputer = imputer_of(x)
    for _ in range(500):
        imputer, _ = imputer._improved(holes, weight / weight.mean())
    mean, covariance = moments(imputer, holes, weight)
    assert_allclose(imputer.mean, mean, atol=1e-7)
    assert_allclose(covariance_of(imputer), covariance, atol=1e-7)


def conditional(mean, covariance, row, unknown):
    """Mean and covariance of some cells, given the others of the row."""
    known = np.setdiff1d(range(len(row)), unknown)
    inverse = np.linalg.inv(covariance[np.ix_(known, known)])
    weights = covariance[np.ix_(unknown, known)] @ inverse
    spread = covariance[np.ix_(unknown, unknown)]
    spread = spread - weights @ covariance[np.ix_(known, unknown)]
    return mean[unknown] + weights @ (row[known] - mean[known]), spread


def moments(imputer, holes, weight):
    """Mean and covariance that a Gaussian expects of the rows, one after the other."""
    imputed, spread = holes.copy(), np.zeros((holes.shape[1],) * 2)
    for row, row_weight in zip(imputed, weight / weight.sum(), strict=True):
        unknown = np.flatnonzero(np.isnan(row))
        cells = np.ix_(unknown, unknown)
        row[unknown], rest = conditional(
            imputer.mean, covariance_of(imputer), row, unknown
        )
        spread[cells] += row_weight * rest
    mean = np.average(imputed, axis=0, weights=weight)
    return mean, spread + np.cov(imputed.T, ddof=0, aweights=weight)


def test_few_steps_are_enough_where_few_cells_are_missing(monkeypatch):
    _, _, holes = with_holes((500, 20), 0.05)
    ended = Imputer.of_incomplete(holes, np.ones(20), np.ones(len(holes)))
    monkeypatch.setattr(imputation, "MAX_ITERATIONS", 4)
    stopped = Imputer.of_incomplete(holes, np.ones(20), np.ones(len(holes)))
    assert_array_equal(stopped.loadings, ended.loadings)


@pytest.mark.parametrize("trusted", [500, np.inf])
@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_steps_end_near_their_limit(monkeypatch, share, trusted):
    monkeypatch.setattr(imputation, "TRUSTED", (trusted / 500,))
    _, mask, holes = with_holes((500, 10), share)
    ended = Imputer.of_incomplete(holes, np.ones(10), np.ones(len(holes)))
    limit = ended
    for _ in range(100):
        limit, _ = limit._improved(holes, np.ones(500), trusted)
    left = rmse(ended.transform(holes), limit.transform(holes), mask)
    assert left < 0.1  # standard deviations


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("shape", [(600, 8), (60, 30), (100, 150)])
def test_imputer_does_better_than_the_means(shape, share):
    x, mask, holes = with_holes(shape, share)
    holes[0] = x[0]  # so that no column is empty
    imputed = Imputer.of_incomplete(
        holes, np.ones(shape[1]), np.ones(len(holes))
    ).transform(holes)
    assert rmse(imputed, x, mask) < rmse(np.zeros(shape), x, mask)


@pytest.mark.parametrize("trusted", imputation.TRUSTED)
def test_repeated_rows_are_weighted_rows(monkeypatch, trusted):
    monkeypatch.setattr(imputation, "TRUSTED", (trusted,))
    _, _, holes = with_holes((200, 6), 0.3)
    weight = np.random.default_rng(0).integers(1, 4, 200)
    repeated = np.repeat(holes, weight, axis=0)
    expected = Imputer.of_incomplete(repeated, np.ones(6), np.ones(len(repeated)))
    imputer = Imputer.of_incomplete(holes, np.ones(6), weight.astype(float))
    assert_allclose(covariance_of(imputer), covariance_of(expected), atol=1e-9)
    assert_allclose(imputer.mean, expected.mean, atol=1e-9)


def test_rows_drawn_without_missing_cells_have_the_gaussian_of_complete_ones(
    monkeypatch,
):
    monkeypatch.setattr(imputation, "TRUSTED", (np.inf,))
    x, _, _ = with_holes((200, 6), 0.3)
    imputer = Imputer.of_incomplete(x, np.ones(6), np.ones(len(x)))
    assert_allclose(covariance_of(imputer), x.T @ x / 200, atol=1e-9)


def test_column_that_is_empty_in_the_rows_drawn_is_imputed_by_its_mean():
    _, _, holes = with_holes((200, 6), 0.3)
    holes[:, 2] = np.nan
    imputed = Imputer.of_incomplete(holes, np.ones(6), np.ones(len(holes))).transform(
        holes
    )
    assert_allclose(imputed[:, 2], 0, atol=1e-9)
    assert np.isfinite(imputed).all()


def test_no_matrix_of_all_columns_by_all_columns_is_made():
    n_features = 3000
    _, _, holes = with_holes((40, n_features), 0.05)
    tracemalloc.start()
    imputer = Imputer.of_incomplete(holes, np.ones(n_features), np.ones(len(holes)))
    imputer.transform(holes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * n_features**2 / 2


def test_complete_rows_are_left_as_they_are(linear):
    imputer = imputer_of(linear)
    assert_array_equal(imputer.transform(linear), linear)


def test_gaussian_of_incomplete_rows_is_near_that_of_complete_ones():
    rng = np.random.default_rng(0)
    loadings = rng.standard_normal((6, 2))
    x = rng.standard_normal((3000, 2)) @ loadings.T
    x += 0.3 * rng.standard_normal(x.shape)
    holes = np.where(rng.uniform(size=x.shape) < 0.3, np.nan, x)
    imputer = Imputer.of_incomplete(
        holes, np.nanstd(holes, axis=0), np.ones(len(holes))
    )
    spread = covariance_of(imputer)
    truth = loadings @ loadings.T + 0.09 * np.eye(6)
    assert np.abs(spread - truth).max() < 0.1 * np.abs(truth).max()


def test_imputer_of_many_columns_keeps_some_directions_only():
    x = np.random.default_rng(0).standard_normal((400, 150))
    imputer = imputer_of(x)
    assert imputer.loadings.shape == (150, MAX_FACTORS)


def test_gaussian_of_complete_rows_has_their_covariance():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 2)) @ rng.standard_normal((2, 8))
    x = x + 0.5 * rng.standard_normal(x.shape)
    x -= x.mean(axis=0)
    covariance = x.T @ x / len(x)
    assert_allclose(covariance_of(imputer_of(x)), covariance, atol=1e-9)


@pytest.mark.parametrize("shape", [(8, 5), (60, 12), (1, 3)])
def test_variances_are_shrunk_like_those_of_scikit_learn(shape):
    x = np.random.default_rng(0).standard_normal(shape) * np.arange(1, shape[1] + 1)
    x = np.concatenate([x, -x])  # centred
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    values, axes = np.maximum(values[::-1], 0.0), vectors.T[::-1]
    imputer = Imputer.of_axes(axes, values, 1000, values.sum(), trusted=len(x))
    expected = OAS(assume_centered=True).fit(x).covariance_
    assert_allclose(covariance_of(imputer), expected, rtol=1e-6, atol=1e-6)


def test_hidden_cells_tell_how_far_variances_are_shrunk():
    """Far where columns have nothing in common, not where they repeat each other."""
    rng = np.random.default_rng(0)
    x, mask, _ = with_holes((60, 30), 0.2)
    unrelated = np.where(mask, np.nan, rng.standard_normal(x.shape))
    assert Imputer._trusted(unrelated, np.ones(60), 60.0) < np.inf
    repeated = np.repeat(rng.standard_normal((60, 10)), 3, axis=1)
    repeated[mask] = np.nan
    assert Imputer._trusted(repeated, np.ones(60), 60.0) == np.inf


def test_what_is_missing_together_is_hidden_together():
    """Of two columns that are one another's opposite, as indicators can be."""
    rng = np.random.default_rng(0)
    x, mask, _ = with_holes((60, 30), 0.2)
    unrelated = np.where(mask, np.nan, rng.standard_normal(x.shape))
    both = np.hstack([unrelated, -unrelated])
    assert Imputer._trusted(both, np.ones(60), 60.0) < np.inf


def test_few_rows_do_not_make_the_imputer_follow_the_noise():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 2)) @ rng.standard_normal((2, 60))
    x += 0.3 * rng.standard_normal(x.shape)
    mask = rng.uniform(size=x.shape) < 0.2
    holes = np.where(mask, np.nan, x)
    imputer = Imputer.of_incomplete(
        holes, np.nanstd(holes, axis=0), np.ones(len(holes))
    )
    assert rmse(imputer.transform(holes), x, mask) < rmse(
        KNNImputer().fit_transform(holes), x, mask
    )
