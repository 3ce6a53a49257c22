"""Losses for outliers and heavy tails."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae._data.outliers import outlier_weights
from sklearn_ae._data.table import Table


def factors(X, weight=None):
    """Return the weights of rows, which count alike without weights of their own."""
    table = Table.of(X) if weight is None else Table(X, weight)
    return outlier_weights(table, seed=0)


ROBUST = ["huber", "absolute_error"]


@pytest.fixture
def normal():
    return np.random.default_rng(0).standard_normal((300, 6))


def test_rows_without_outliers_count_alike(normal):
    assert_array_equal(factors(normal), 1.0)


def test_weight_falls_with_the_square_of_the_distance(normal):
    X = np.vstack([normal, np.full((1, 6), 1e2), np.full((1, 6), 1e3)])
    weights = factors(X)
    assert_array_equal(weights[:300], 1.0)
    assert weights[300] / weights[301] == pytest.approx(100, rel=0.02)
    assert weights[300] < 0.02


@pytest.mark.parametrize("value", [1e9, 1e200, 1e308])
def test_row_out_of_all_proportion_counts_nothing(normal, value):
    X = np.vstack([normal, np.full((1, 6), value)])
    assert factors(X)[-1] == 0.0


def test_columns_of_any_units_are_compared(normal):
    X = np.vstack([normal, np.full((1, 6), 50.0)])
    expected = factors(X)
    found = factors(X * [1, 1e3, 1e-3, 1, 1, 7] + 5)
    assert_allclose(found, expected, rtol=1e-9)


def test_constant_columns_do_not_count(normal):
    X = np.vstack([normal, np.full((1, 6), 50.0)])
    wider = np.insert(X, 2, 3.0, axis=1)
    assert_allclose(factors(wider), factors(X), rtol=1e-12)
    assert_array_equal(factors(np.ones((5, 3))), 1.0)


def test_missing_cells_do_not_count(normal):
    X = np.vstack([normal, np.full((1, 6), 1e3)])
    X[:, 2] = np.where(np.arange(301) % 3 == 0, X[:, 2], np.nan)
    weights = factors(X)
    assert_array_equal(weights[:300], 1.0)
    assert weights[300] < 1e-3


def test_outlier_in_a_column_that_is_seldom_known_counts_less(normal):
    X = normal.copy()
    X[:, 2] = np.where(np.arange(300) % 3 == 0, X[:, 2], np.nan)
    X[0, 2] = 1e3
    weights = factors(X)
    assert weights[0] < 1e-3
    assert_array_equal(weights[1:], 1.0)


def test_row_known_in_constant_columns_alone_counts_as_others_do(normal):
    X = np.vstack([normal, np.full((1, 6), 1e3)])
    X[:, 2] = 3.0
    X[7] = np.where(np.arange(6) == 2, 3.0, np.nan)
    weights = factors(X)
    assert_array_equal(weights[:300], 1.0)
    assert weights[300] < 1e-3


@pytest.mark.parametrize("loss", ROBUST)
@pytest.mark.parametrize("changes", [{"cv": 3}, {"early_stopping": True}])
def test_one_row_of_a_million_times_the_scale_does_no_harm(
    quick, curved, curved_held_out, loss, changes
):
    X = curved.copy()
    X[17] *= 1e6
    spoiled = quick(loss=loss, max_iter=30, **changes).fit(X)
    clean = quick(loss=loss, max_iter=30, **changes).fit(curved)
    assert np.isfinite(spoiled.transform(X)).all()
    left = 1 - clean.score(curved_held_out)
    assert 1 - spoiled.score(curved_held_out) < 1.5 * left
    assert clean.score(curved_held_out) > 0.8


def test_squared_error_does_not_stand_such_a_row(quick, curved, curved_held_out):
    X = curved.copy()
    X[17] *= 1e6
    spoiled = quick(max_iter=30).fit(X)
    robust = quick(max_iter=30, loss="huber").fit(X)
    held_out = spoiled.inverse_transform(spoiled.transform(curved_held_out))
    error = np.mean((held_out - curved_held_out) ** 2)
    cleaned = robust.inverse_transform(robust.transform(curved_held_out))
    assert np.mean((cleaned - curved_held_out) ** 2) < 0.3 * error


@pytest.mark.parametrize("loss", ROBUST)
def test_cells_with_heavy_tails_pull_less(quick, curved, curved_held_out, loss):
    rng = np.random.default_rng(0)
    X = curved + 0.05 * rng.standard_t(1.2, curved.shape)
    errors = []
    for name in ("squared_error", loss):
        model = quick(loss=name, max_iter=40).fit(X)
        found = model.inverse_transform(model.transform(curved_held_out))
        errors.append(np.mean((found - curved_held_out) ** 2))
    assert errors[1] < 0.8 * errors[0]


@pytest.mark.parametrize("loss", ROBUST)
@pytest.mark.parametrize("changes", [{}, {"init": "random"}, {"early_stopping": True}])
def test_losses_are_fractions_of_that_of_the_mean(quick, curved, loss, changes):
    model = quick(loss=loss, max_iter=40, **changes).fit(curved)
    assert 0 < model.best_loss_ < 1
    assert model.best_loss_ < model.loss_curve_[0]


def test_absolute_error_is_what_best_loss_says(quick, curved):
    model = quick(loss="absolute_error", max_iter=10).fit(curved)
    found = model.inverse_transform(model.transform(curved))
    expected = np.abs(curved - found).sum() / np.abs(curved - model.mean_).sum()
    assert model.best_loss_ == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("loss", ROBUST)
def test_training_never_ends_above_the_loss_of_pca(quick, noise, loss):
    for cv in (None, 3):
        model = quick(loss=loss, cv=cv, max_iter=10).fit(noise)
        pca = quick(loss=loss, hidden_layer_sizes=()).fit(noise)
        assert model.best_loss_ <= pca.best_loss_ * (1 + 1e-9)


def test_rows_left_out_by_their_distance_keep_the_given_folds_right(quick, curved):
    X = curved.copy()
    X[3] = 1e12
    folds = [
        (np.arange(120, 240), np.arange(120)),
        (np.arange(120), np.arange(120, 240)),
    ]
    model = quick(loss="huber", cv=folds).fit(X)
    kept = np.delete(curved, 3, axis=0)
    inside = [
        (np.arange(119, 239), np.arange(119)),
        (np.arange(119), np.arange(119, 239)),
    ]
    expected = quick(loss="huber", cv=inside).fit(kept)
    assert_allclose(model.score(kept), expected.score(kept), rtol=0.05)


def test_weights_of_rows_count_in_the_medians(normal):
    X = np.random.default_rng(3).standard_t(2, (100, 4))
    counts = np.repeat([1, 5], [80, 20])
    expected = factors(np.repeat(X, counts, axis=0))
    found = factors(X, counts.astype(float))
    assert_allclose(np.repeat(found, counts), expected, rtol=1e-12)


def test_outlier_in_a_sparse_column_counts_less(normal):
    X = np.c_[np.tile(np.eye(30)[:, :2], (10, 1)), normal[:, :2]]
    X[9, 0] = 1e6
    assert factors(X)[9] < 1e-6


def test_outlier_among_equal_rows_counts_less(normal):
    X = np.zeros((300, 3))
    X[:120] = normal[:120, :3]
    X[0] = 1e8
    weights = factors(X)
    assert weights[0] < 1e-10
    assert weights[1:].min() > 0.1
