"""The estimator against its oracle, PCA."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from skorch.callbacks import Callback

from sklearn_ae._fit import train as _train


class HeldOutRows(Callback):
    """Note the rows that judge the epochs, in the units of the module."""

    def on_epoch_begin(self, net, dataset_valid=None, **kwargs):
        self.rows = dataset_valid.tensors[0].numpy(force=True).astype(np.float64)


def oracle(X, n_components, **parameters):
    return PCA(n_components, svd_solver="full", **parameters).fit(X)


def reconstruct(estimator, X):
    return estimator.inverse_transform(estimator.transform(X))


def pca_score(pca, X):
    """Fraction of the variance of other rows that a fitted PCA explains."""
    error = np.sum((X - reconstruct(pca, X)) ** 2)
    return 1 - error / np.sum((X - pca.mean_) ** 2)


def split_held_out(estimator, X):
    """Return the rows trained on and those held out, as a fit has chosen them."""
    centred = X - estimator.mean_
    seen = estimator.callbacks[0].rows
    directions = seen / np.linalg.norm(seen, axis=1, keepdims=True)
    cosines = centred @ directions.T / np.linalg.norm(centred, axis=1, keepdims=True)
    held_out = cosines.max(axis=1) > 1 - 1e-9
    assert held_out.sum() == len(seen)
    return X[~held_out], X[held_out]


@pytest.mark.parametrize("n_components", [1, 2, 3, 6])
def test_linear_autoencoder_reconstructs_as_pca(quick, linear, n_components):
    model = quick(n_components, hidden_layer_sizes=()).fit(linear)
    expected = reconstruct(oracle(linear, n_components), linear)
    assert_allclose(reconstruct(model, linear), expected, rtol=1e-5)
    assert model.n_iter_ == 0


@pytest.mark.parametrize("n_components", [1, 2, 3, 6])
@pytest.mark.parametrize("whiten", [False, True])
def test_linear_autoencoder_gives_scores_of_pca(quick, linear, n_components, whiten):
    model = quick(n_components, hidden_layer_sizes=(), whiten=whiten).fit(linear)
    pca = oracle(linear, n_components, whiten=whiten)
    expected = pca.transform(linear)
    assert_allclose(model.transform(linear), expected, atol=1e-8 * expected.max())
    other = linear[:7] * 1.3 - 0.2
    assert_allclose(model.transform(other), pca.transform(other), rtol=1e-6, atol=1e-8)


def test_linear_autoencoder_gives_pca_of_more_columns_than_rows(quick, curved):
    X = curved.T
    model = quick(4, hidden_layer_sizes=()).fit(X)
    pca = oracle(X, 4)
    assert_allclose(model.transform(X), pca.transform(X), atol=1e-8)
    assert_allclose(reconstruct(model, X), reconstruct(pca, X), atol=1e-8)


def test_linear_autoencoder_explains_variance_as_pca(quick, linear):
    model = quick(3, hidden_layer_sizes=()).fit(linear)
    expected = oracle(linear, 3)
    names = ("explained_variance_ratio_", "explained_variance_", "noise_variance_")
    for name in names:
        assert_allclose(getattr(model, name), getattr(expected, name), rtol=1e-9)
    share = expected.explained_variance_ratio_.sum()
    assert_allclose(model.score(linear), share, rtol=1e-9)


def test_score_of_other_rows_is_that_of_pca(quick, linear):
    model = quick(2, hidden_layer_sizes=()).fit(linear[:40])
    expected = pca_score(oracle(linear[:40], 2), linear[40:])
    assert_allclose(model.score(linear[40:]), expected, rtol=1e-9)


@pytest.mark.parametrize("learning_rate_init", [1e-9, 0.02, 1.0, 10.0])
@pytest.mark.parametrize("table", ["curved", "noise"])
def test_training_rows_are_never_worse_than_with_pca(
    quick, table, learning_rate_init, request
):
    X = request.getfixturevalue(table)
    model = quick(learning_rate_init=learning_rate_init, batch_size=8).fit(X)
    floor = oracle(X, 2).explained_variance_ratio_.sum()
    assert model.score(X) >= floor - 1e-12


def test_fit_that_training_ruins_is_pca_itself(quick, curved):
    model = quick(learning_rate_init=10.0).fit(curved)
    pca = oracle(curved, 2)
    assert min(model.loss_curve_) > 1 - model.pca_score_
    assert_allclose(model.transform(curved), pca.transform(curved), atol=1e-9)


@pytest.mark.parametrize(
    ("first", "n_samples", "random_state"),
    [(0, 30, 0), (0, 30, 1), (60, 20, 1), (60, 27, 0), (30, 17, 0)],
)
def test_training_rows_are_never_worse_than_with_pca_and_cross_validation(
    quick, curved, first, n_samples, random_state
):
    # Steps this large bend code and reconstruction against each other, so that part
    # of the correction can be worse than all of it and than none.
    X = curved[first : first + n_samples]
    model = quick(
        cv=2,
        learning_rate_init=0.3,
        batch_size=16,
        max_iter=8,
        random_state=random_state,
    ).fit(X)
    floor = oracle(X, 2).explained_variance_ratio_.sum()
    assert model.score(X) >= floor - 1e-12


@pytest.mark.parametrize("cv", [None, 2])
def test_curved_table_is_far_better_held_out_than_with_pca(
    quick, curved, curved_held_out, cv
):
    model = quick(max_iter=20, cv=cv).fit(curved)
    unexplained = 1 - pca_score(oracle(curved, 2), curved_held_out)
    assert 1 - model.score(curved_held_out) < 0.4 * unexplained
    assert model.shrinkage_ > 0.8


def test_cross_validation_falls_back_to_pca_on_noise(quick, noise):
    free = quick(max_iter=30).fit(noise)
    validated = quick(max_iter=30, cv=3).fit(noise)
    pca = oracle(noise, 2)
    assert free.score(noise) > pca.explained_variance_ratio_.sum() + 0.01
    assert validated.shrinkage_ == 0.0
    assert_allclose(validated.transform(noise), pca.transform(noise), atol=1e-9)


def test_training_ends_where_the_folds_confirm_nothing(quick, noise, curved):
    for max_iter, first in ((30, 15), (5, 3)):
        assert quick(max_iter=max_iter, cv=3).fit(noise).n_iter_ == first
        assert quick(max_iter=max_iter, cv=3).fit(curved).n_iter_ == max_iter


def test_cross_validation_can_keep_part_of_the_correction(quick, curved, monkeypatch):
    whole = quick(max_iter=10).fit(curved)
    half_left = 0.5
    monkeypatch.setattr(_train, "cross_validated_shrinkage", lambda *args: half_left)
    half = quick(max_iter=10, cv=3).fit(curved)
    assert half.shrinkage_ == 0.5
    assert half.pca_score_ < half.score(curved) < whole.score(curved)


@pytest.mark.parametrize(
    "changes", [{"cv": None}, {"init": "random"}, {"early_stopping": True}], ids=str
)
def test_fit_goes_without_cross_validation(quick, noise, monkeypatch, changes):
    monkeypatch.setattr(_train, "cross_validated_shrinkage", None)
    assert quick(**{"cv": 3, **changes}).fit(noise).shrinkage_ == 1.0


@pytest.mark.parametrize("n_components", [3, 4])
def test_linear_structure_in_many_columns_is_left_to_pca(
    quick, wide_linear, n_components
):
    model = quick(n_components, cv=2).fit(wide_linear)
    pca = oracle(wide_linear, n_components)
    assert model.shrinkage_ == 0.0
    expected = pca.transform(wide_linear)
    assert_allclose(model.transform(wide_linear), expected, atol=1e-8)
    assert_allclose(
        model.feature_contributions_, pca.components_, atol=1e-9 * expected.max()
    )


def test_few_codes_for_many_columns_are_trained(quick, wide_linear):
    model = quick(2).fit(wide_linear)
    assert model.n_iter_ == 4
    floor = oracle(wide_linear, 2).explained_variance_ratio_.sum()
    assert model.score(wide_linear) >= floor - 1e-12


def test_nothing_is_trained_where_pca_leaves_nothing(quick, linear):
    X = linear[:, :3] @ np.ones((3, 5)) + linear[:, :1]
    model = quick(2).fit(X)
    assert model.n_iter_ == 0
    assert_allclose(reconstruct(model, X), X, rtol=1e-9)


def test_early_stopping_keeps_pca_where_training_only_ruins(quick, curved):
    model = quick(
        early_stopping=True,
        callbacks=[HeldOutRows()],
        n_iter_no_change=3,
        max_iter=20,
        learning_rate_init=10.0,
    ).fit(curved)
    assert model.n_iter_ == 3
    assert min(model.validation_loss_curve_) > model.best_loss_
    pca = oracle(split_held_out(model, curved)[0], 2)
    assert_allclose(
        model.inverse_transform(model.transform(curved)),
        reconstruct(pca, curved),
        atol=1e-9,
    )
    assert_allclose(model.score(curved), pca_score(pca, curved), rtol=1e-9)


def test_early_stopping_keeps_the_best_epoch(quick, curved):
    X = curved[:40]
    model = quick(
        early_stopping=True,
        callbacks=[HeldOutRows()],
        validation_fraction=0.3,
        n_iter_no_change=5,
        tol=0.0,
        batch_size=16,
        max_iter=100,
        transform_max_iter=0,
    ).fit(X)
    curve = np.array(model.validation_loss_curve_)
    best = curve.argmin()
    assert best > 0
    assert len(curve) - 1 - best == 5
    # Training is in float32, the loss of the kept weights is taken in float64.
    assert_allclose(model.best_loss_, curve[best], rtol=1e-4)
    train, held_out = split_held_out(model, X)
    error = np.sum((held_out - reconstruct(model, held_out)) ** 2) / len(held_out)
    of_mean = np.sum((held_out - train.mean(axis=0)) ** 2) / len(held_out)
    assert_allclose(model.best_loss_, error / of_mean, rtol=1e-9)


def test_held_out_rows_are_compared_with_pca_of_the_others(quick, curved):
    model = quick(
        early_stopping=True, validation_fraction=0.25, callbacks=[HeldOutRows()]
    ).fit(curved)
    train, held_out = split_held_out(model, curved)
    assert len(held_out) == 60
    assert_allclose(model.mean_, train.mean(axis=0), rtol=1e-12)
    expected = pca_score(oracle(train, 2), held_out)
    assert_allclose(model.pca_score_, expected, rtol=1e-9)


@pytest.mark.parametrize("n_components", [1, 2, 4])
def test_pca_score_is_that_of_pca_on_the_training_rows(quick, curved, n_components):
    expected = oracle(curved, n_components).explained_variance_ratio_.sum()
    model = quick(n_components, max_iter=1).fit(curved)
    assert_allclose(model.pca_score_, expected, rtol=1e-9)


def test_random_start_learns(quick, curved):
    model = quick(init="random", max_iter=60).fit(curved)
    assert model.loss_curve_[0] > 0.5
    assert model.score(curved) > 0.8


def test_random_start_has_no_linear_path(quick, curved):
    model = quick(init="random", learning_rate_init=1e-12, max_iter=1).fit(curved)
    assert model.score(curved) < 0.5 * model.pca_score_


@pytest.mark.parametrize("activation", ["logistic", "relu", "silu", "tanh"])
def test_every_activation_bends(quick, curved, activation):
    model = quick(activation=activation, max_iter=20).fit(curved)
    assert model.score(curved) > model.pca_score_ + 0.02


def test_identity_has_nothing_to_add_to_pca(quick, curved):
    model = quick(activation="identity", max_iter=20).fit(curved)
    assert_allclose(model.score(curved), model.pca_score_, rtol=1e-6)


def test_steps_of_few_rows_and_of_all_rows_learn(quick, curved):
    for batch_size in (5, 10_000):
        model = quick(batch_size=batch_size, max_iter=8).fit(curved)
        assert model.score(curved) > model.pca_score_ + 0.01


def test_one_hidden_layer_may_be_given_as_a_number(quick, curved):
    expected = quick(hidden_layer_sizes=(8,)).fit_transform(curved)
    found = quick(hidden_layer_sizes=8).fit_transform(curved)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("factor", [1e47, 1e150])
def test_columns_that_one_column_dwarfs_beyond_float32(quick, linear, factor):
    X = linear * ([factor] + [1.0] * 5)
    model = quick().fit(X)
    pca = PCA(2).fit(X)
    assert_allclose(model.score(X), 1.0)
    assert_allclose(model.transform(X)[:, 0], pca.transform(X)[:, 0], rtol=1e-9)
    back = model.inverse_transform(model.transform(X))
    assert_allclose(back[:, 0], X[:, 0], rtol=1e-9)


def test_attributes_of_pca_add_up(quick, curved):
    model = quick(3, max_iter=10).fit(curved)
    total = curved.var(axis=0, ddof=1).sum()
    explained = model.explained_variance_
    assert model.score(curved) > model.pca_score_
    assert_allclose(explained, total * model.explained_variance_ratio_, rtol=1e-9)
    assert_allclose(explained.sum() + 9 * model.noise_variance_, total, rtol=1e-9)
    assert_array_equal(model.components_, model.feature_contributions_)
    everything = quick(12).fit(curved)
    assert_allclose(everything.noise_variance_, 0, atol=1e-9)


def test_attributes_of_pca_beyond_float64_are_numbers(quick):
    X = np.outer(np.arange(9.0), np.arange(1, 6)) * 1e200
    model = quick(1, hidden_layer_sizes=()).fit(X)
    assert model.score(X) == 1
    assert_array_equal(model.explained_variance_, [np.inf])
    assert model.noise_variance_ == 0
