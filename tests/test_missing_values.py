"""Missing values: NaN in X."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.utils import get_tags


@pytest.fixture(scope="module")
def mask(curved):
    """A fifth of the cells, no whole row."""
    mask = np.random.default_rng(0).uniform(size=curved.shape) < 0.2
    mask[mask.all(axis=1)] = False
    return mask


@pytest.fixture(scope="module")
def holes(curved, mask):
    """The curved rows with missing cells."""
    return np.where(mask, np.nan, curved)


def rmse(imputed, X, mask):
    return np.sqrt(np.mean((imputed - X)[mask] ** 2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("changes", [{}, {"cv": 3}, {"early_stopping": True}])
def test_rows_with_holes_get_codes_and_reconstructions(quick, holes, dtype, changes):
    X = holes.astype(dtype)
    model = quick(**changes)
    codes = model.fit_transform(X)
    assert codes.dtype == dtype
    assert np.isfinite(codes).all()
    assert np.isfinite(model.inverse_transform(codes)).all()
    assert np.isfinite(model.score_samples(X)).all()
    assert_array_equal(np.isnan(X), np.isnan(holes))  # left as it was


@pytest.mark.parametrize("init", ["pca", "random"])
def test_reconstruction_is_an_imputation(quick, curved, holes, mask, init):
    model = quick(
        hidden_layer_sizes=(64,),
        max_iter=200,
        init=init,
        learning_rate_init=0.01,
    )
    imputed = model.inverse_transform(model.fit_transform(holes))
    for other in (SimpleImputer(), KNNImputer()):
        assert rmse(imputed, curved, mask) < rmse(
            other.fit_transform(holes), curved, mask
        )


def test_score_counts_observed_cells(quick, holes):
    model = quick().fit(holes)
    reconstruction = model.inverse_transform(model.transform(holes))
    errors = np.nansum((holes - reconstruction) ** 2)
    total = np.nansum((holes - model.mean_) ** 2)
    assert_allclose(model.score(holes), 1 - errors / total, rtol=1e-9)


def test_score_of_a_row_is_scaled_up_to_all_columns(quick, curved, holes):
    model = quick().fit(curved)
    errors = holes - model.inverse_transform(model.transform(holes))
    expected = -np.nanmean(errors**2, axis=1) * curved.shape[1]
    assert_allclose(model.score_samples(holes), expected, rtol=1e-9)


def test_observed_cells_are_explained_nearly_as_well_as_complete(quick, curved, holes):
    settings = {"hidden_layer_sizes": (32,), "max_iter": 60, "learning_rate_init": 0.01}
    complete = quick(**settings).fit(curved)
    incomplete = quick(**settings).fit(holes)
    assert 1 - incomplete.score(holes) < 1.5 * (1 - complete.score(curved))


def test_fit_on_complete_rows_takes_holes_later(quick, curved, holes, mask):
    model = quick(max_iter=40).fit(curved)
    complete = ~mask.any(axis=1)
    codes = model.transform(holes)
    assert_array_equal(codes[complete], model.transform(curved)[complete])
    imputed = model.inverse_transform(codes)
    means = SimpleImputer().fit_transform(holes)
    assert rmse(imputed, curved, mask) < 0.5 * rmse(means, curved, mask)


def test_never_below_pca_on_observed_cells(quick, curved, holes):
    model = quick(cv=3, max_iter=10).fit(holes)
    pca = quick(hidden_layer_sizes=()).fit(holes)
    assert model.score(holes) >= pca.score(holes)
    assert_allclose(pca.score(holes), pca.pca_score_, rtol=1e-9)


def test_row_beside_another_does_not_matter(quick, holes):
    model = quick().fit(holes)
    whole = model.transform(holes)
    parts = np.concatenate([model.transform(row[None]) for row in holes])
    assert_allclose(parts, whole, rtol=1e-7, atol=1e-9)


def test_holes_and_weights_go_together(quick, holes):
    weight = np.random.default_rng(0).integers(0, 3, len(holes))
    settings = {"hidden_layer_sizes": (), "batch_size": 10_000}
    repeated = quick(**settings).fit(np.repeat(holes, weight, axis=0))
    weighted = quick(**settings).fit(holes, sample_weight=weight)
    assert_allclose(weighted.mean_, repeated.mean_, rtol=1e-5)
    expected = np.repeat(repeated.transform(holes), weight, axis=0)
    codes = np.repeat(weighted.transform(holes), weight, axis=0)
    # Expectation maximisation stops near its limit.
    assert_allclose(codes, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("method", ["transform", "score", "score_samples"])
def test_rows_without_any_value_are_refused(quick, linear, method):
    model = quick().fit(linear)
    X = linear.copy()
    X[[3, 5]] = np.nan
    message = "X has 2 rows in which every value is missing (rows 3, 5)"
    with pytest.raises(ValueError, match=re.escape(message)):
        getattr(model, method)(X)


def test_column_without_any_value_is_fine_after_the_fit(quick, linear):
    X = linear.copy()
    X[:, 2] = np.nan
    assert np.isfinite(quick().fit(linear).transform(X)).all()


def test_constant_columns_with_holes(quick):
    X = np.tile([1.0, 2.0, 3.0], (20, 1))
    X[3, 1] = X[5, 0] = np.nan
    model = quick(1).fit(X)
    assert_allclose(model.inverse_transform(model.transform(X))[3], [1.0, 2.0, 3.0])


def test_tags_allow_missing_values(quick):
    assert get_tags(quick()).input_tags.allow_nan


@pytest.mark.parametrize("changes", [{"cv": None}, {"early_stopping": True}])
def test_best_loss_has_the_unit_of_the_curves(quick, holes, changes):
    # The curves are those of the encoder's codes.
    model = quick(
        max_iter=40, learning_rate_init=1e-3, transform_max_iter=0, **changes
    ).fit(holes)
    curve = model.validation_loss_curve_ or model.loss_curve_
    assert_allclose(model.best_loss_, min(curve), rtol=0.1)


def test_column_that_only_held_out_rows_know_is_named(quick, linear):
    X = np.array(linear)
    X[1:, 3] = np.nan
    models = [quick(early_stopping=True, random_state=seed) for seed in range(20)]

    def fit_all():
        for model in models:
            model.fit(X)

    message = "X, without the rows held out, has 1 columns in which every value"
    with pytest.raises(ValueError, match=message):
        fit_all()
