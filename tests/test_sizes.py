"""Tables of every size and shape."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA

STARTS = ["pca", "random"]


def reconstruct(estimator, X):
    return estimator.inverse_transform(estimator.transform(X))


@pytest.mark.parametrize("init", STARTS)
@pytest.mark.parametrize("cv", ["auto", None])
@pytest.mark.parametrize("n_samples", [2, 3, 5, 6, 7])
@pytest.mark.filterwarnings("ignore:The fit is PCA:UserWarning")
def test_few_rows_are_enough(quick, curved, init, cv, n_samples):
    X = curved[:n_samples]
    model = quick(1, init=init, cv=cv)
    codes = model.fit_transform(X)
    assert codes.shape == (n_samples, 1)
    assert_allclose(codes.mean(), 0, atol=1e-12)
    assert len(np.unique(codes)) == n_samples


def test_two_rows_are_reconstructed_from_one_code(quick, curved):
    model = quick(1).fit(curved[:2])
    assert_allclose(reconstruct(model, curved[:2]), curved[:2], rtol=1e-9)
    assert model.score(curved[:2]) == pytest.approx(1.0)


def test_too_few_rows_for_cross_validation_are_told_of(quick, curved):
    message = "The fit is PCA: of 8 samples, .* few to train on with n_components=6"
    with pytest.warns(UserWarning, match=message) as found:
        model = quick(6, cv="auto").fit(curved[:8], sample_weight=np.full(8, 3.0))
    assert found[0].filename == __file__
    assert model.shrinkage_ == 0
    # Nobody is told where PCA was asked for, leaves nothing, or need not be confirmed.
    quick(6, cv="auto", hidden_layer_sizes=()).fit(curved[:8])
    quick(7, cv="auto").fit(curved[:8])
    quick(6, cv=None).fit(curved[:8])


@pytest.mark.parametrize("init", STARTS)
@pytest.mark.parametrize("n_samples", [2, 3, 4, 7, 9])
def test_as_many_codes_as_rows(quick, curved, init, n_samples):
    X = curved[:n_samples]
    model = quick(n_samples, init=init, cv="auto").fit(X)
    assert model.transform(X).shape == (n_samples, n_samples)
    assert model.explained_variance_ratio_.shape == (n_samples,)


def test_one_column_is_its_own_code(quick, linear):
    X = linear[:, :1]
    model = quick(1).fit(X)
    assert_allclose(model.transform(X), X - X.mean(), atol=1e-12)
    assert_allclose(reconstruct(model, X), X, rtol=1e-9)
    assert_allclose(model.explained_variance_ratio_, [1.0])


def test_one_column_can_have_several_codes_from_a_random_start(quick, linear):
    X = linear[:, :1]
    model = quick(3, init="random", max_iter=20).fit(X)
    assert model.transform(X).shape == (60, 3)
    assert_array_equal(model.explained_variance_ratio_[1:], [0, 0])
    assert model.score(X) > 0


@pytest.mark.parametrize("init", STARTS)
def test_more_columns_than_rows(quick, curved, init):
    X = curved.T
    model = quick(3, init=init, cv=2).fit(X)
    assert model.transform(X).shape == (12, 3)
    assert reconstruct(model, X).shape == X.shape


def test_more_columns_than_rows_is_no_worse_than_pca(quick, curved):
    X = curved.T
    floor = PCA(3).fit(X).explained_variance_ratio_.sum()
    assert quick(3).fit(X).score(X) >= floor - 1e-12


def test_constant_columns_are_reconstructed_as_they_are(quick, curved):
    X = curved.copy()
    X[:, 3], X[:, 5], X[:, 7] = 7.0, 0.1, -1e6
    model = quick(cv=2).fit(X)
    assert_allclose(reconstruct(model, X)[:, [3, 5, 7]], X[:, [3, 5, 7]], rtol=1e-12)


def test_random_start_learns_constant_columns(quick, curved):
    X = curved.copy()
    X[:, 3], X[:, 5], X[:, 7] = 7.0, 0.1, -1e6
    model = quick(init="random", max_iter=30).fit(X)
    error = reconstruct(model, X)[:, [3, 5, 7]] - X[:, [3, 5, 7]]
    assert_allclose(error, 0, atol=curved.std())


def test_constant_columns_do_not_change_the_codes_of_pca(quick, curved):
    X = np.insert(curved, [0, 4], [0.1, -1e6], axis=1)
    model = quick(hidden_layer_sizes=()).fit(X)
    expected = PCA(2).fit_transform(curved)
    assert_allclose(model.transform(X), expected, atol=1e-7)
    assert_allclose(reconstruct(model, X)[:, [0, 5]], X[:, [0, 5]], rtol=1e-12)


@pytest.mark.parametrize("value", [0.0, 3.0, 0.1, 3.7, -1e9, 1e-300])
@pytest.mark.parametrize("n_samples", [2, 7, 9])
def test_constant_data_are_explained(quick, value, n_samples):
    X = np.full((n_samples, 4), value)
    model = quick(2).fit(X)
    assert_array_equal(model.transform(X), np.zeros((n_samples, 2)))
    assert_allclose(reconstruct(model, X), X, rtol=1e-12)
    assert model.score(X) == 1.0
    assert model.pca_score_ == 1.0
    assert model.best_loss_ == 0.0
    assert_array_equal(model.explained_variance_ratio_, [1.0, 0.0])
    assert_allclose(model.score_samples(X), 0, atol=1e-24 * value**2)


def test_constant_data_give_finite_results_from_a_random_start(quick):
    X = np.full((9, 4), 3.7)
    model = quick(2, init="random").fit(X)
    assert np.isfinite(model.transform(X)).all()
    score = model.score(X)
    assert score in (0.0, 1.0)
    assert model.explained_variance_ratio_.sum() == score


def test_rows_unlike_constant_data_are_not_explained(quick):
    X = np.full((9, 4), 3.0)
    model = quick(2).fit(X)
    assert model.score(X + 1) < 1
    assert (model.score_samples(X + 1) < 0).all()


@pytest.mark.parametrize("whiten", [False, True])
def test_as_many_codes_as_columns_lose_nothing(quick, curved, whiten):
    model = quick(12, whiten=whiten).fit(curved)
    assert_allclose(reconstruct(model, curved), curved, atol=1e-9)
    assert model.n_iter_ == 0
    assert model.score(curved) == pytest.approx(1.0)


def test_random_start_can_have_more_codes_than_columns(quick, linear):
    model = quick(9, init="random").fit(linear)
    assert model.transform(linear).shape == (60, 9)
    assert_allclose(model.explained_variance_ratio_.sum(), model.score(linear))


def test_duplicated_rows_have_equal_codes(quick, curved):
    X = np.tile(curved[:5], (8, 1))
    codes = quick(2).fit_transform(X)
    assert_allclose(codes, np.tile(codes[:5], (8, 1)), rtol=1e-12)
    assert len(np.unique(codes.round(9), axis=0)) == 5


def test_two_distinct_rows_need_one_code(quick, curved):
    X = np.tile(curved[:2], (8, 1))
    model = quick(1).fit(X)
    assert_allclose(reconstruct(model, X), X, rtol=1e-9)


def test_duplicated_columns_are_reconstructed(quick, linear):
    X = np.repeat(linear[:, :2], 3, axis=1)
    model = quick(2).fit(X)
    assert_allclose(reconstruct(model, X), X, rtol=1e-9)


@pytest.mark.parametrize(
    ("n_samples", "fraction", "left"), [(2, 0.1, 1), (3, 0.5, 1), (10, 0.95, 0)]
)
def test_early_stopping_with_too_few_rows_warns_once_and_uses_all(
    quick, curved, n_samples, fraction, left
):
    X = curved[:n_samples]
    model = quick(1, early_stopping=True, validation_fraction=fraction)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X)
    message = f"validation_fraction={fraction} leaves {left} of {n_samples} samples"
    assert [str(warning.message)[: len(message)] for warning in caught] == [message]
    assert caught[0].category is UserWarning
    assert caught[0].filename == __file__
    without = quick(1).fit(X)
    assert_array_equal(model.transform(X), without.transform(X))


def test_early_stopping_that_is_off_has_no_validation_losses(quick, curved):
    model = quick(1, early_stopping=True, validation_fraction=0.9)
    with pytest.warns(UserWarning, match="Early stopping is off for this fit"):
        model.fit(curved[:5])
    assert not model.validation_loss_curve_
    without = quick(1).fit(curved[:5])
    assert_array_equal(model.loss_curve_, without.loss_curve_)


@pytest.mark.parametrize("n_samples", [3, 4, 11])
def test_early_stopping_works_with_few_rows(quick, curved, n_samples):
    X = curved[:n_samples]
    model = quick(1, early_stopping=True).fit(X)
    assert len(model.validation_loss_curve_) == model.n_iter_
    assert np.isfinite(model.transform(X)).all()


@pytest.mark.parametrize("n_samples", [2, 33, 65, 240])
def test_rows_that_no_batch_size_divides(quick, curved, n_samples):
    model = quick(1, batch_size=32).fit(curved[:n_samples])
    assert np.isfinite(model.loss_curve_).all()


@pytest.mark.parametrize("batch_size", [1, 7, 10**12])
def test_batches_of_any_size(quick, curved, batch_size):
    X = curved[:20]
    model = quick(1, batch_size=batch_size, max_iter=2).fit(X)
    assert model.score(X) >= model.pca_score_ - 1e-12


@pytest.mark.parametrize("sizes", [(1,), [3, 2], np.array([4]), (2, 2, 2)], ids=str)
def test_hidden_layers_of_any_number_and_width(quick, linear, sizes):
    model = quick(hidden_layer_sizes=sizes).fit(linear)
    assert model.score(linear) >= model.pca_score_ - 1e-12


@pytest.mark.parametrize("max_iter", [1, 3, "auto"])
def test_epochs_are_counted(quick, linear, max_iter):
    expected = {"auto": range(2, 1000)}.get(max_iter, [max_iter])
    assert quick(max_iter=max_iter).fit(linear).n_iter_ in expected
