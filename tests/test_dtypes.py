"""Numbers of every kind, size and memory layout."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA

LAYOUTS = {
    "read-only": lambda X: np.frombuffer(X.tobytes()).reshape(X.shape),
    "Fortran": np.asfortranarray,
    "negative strides": lambda X: np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
    "every other row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "big-endian": lambda X: X.astype(">f8"),
    "list of lists": lambda X: X.tolist(),
    "long double": lambda X: X.astype(np.longdouble),
    "objects": lambda X: X.astype(object),
}


@pytest.fixture(params=[{}, {"init": "random"}, {"hidden_layer_sizes": ()}], ids=str)
def model(request, quick, curved):
    return quick(**request.param).fit(curved)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_results_keep_the_floating_dtype(quick, curved, dtype):
    X = curved.astype(dtype)
    model = quick().fit(X)
    codes = model.transform(X)
    assert codes.dtype == dtype
    assert model.fit_transform(X).dtype == dtype
    assert model.inverse_transform(codes).dtype == dtype
    # Squares in the units of X need the range of float64.
    assert model.score_samples(X).dtype == np.float64
    assert isinstance(model.score(X), float)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("fitted", [np.float64, np.float32])
def test_dtype_of_the_rows_decides_and_not_that_of_the_fit(
    quick, curved, fitted, dtype
):
    codes = quick().fit(curved.astype(fitted)).transform(curved.astype(dtype))
    assert codes.dtype == dtype


@pytest.mark.parametrize(
    "dtype", [np.int64, np.int8, np.uint8, np.int32, bool, np.float16]
)
def test_other_numbers_are_taken_as_float64(quick, curved, dtype):
    X = (10 * curved).round().clip(0, 20).astype(dtype)
    model = quick().fit(X)
    codes = model.transform(X)
    assert codes.dtype == np.float64
    expected = quick().fit_transform(X.astype(np.float64))
    assert_array_equal(codes, expected)
    assert model.inverse_transform([[1, 2]]).dtype == np.float64


def test_precisions_agree(model, curved):
    single = curved.astype(np.float32)
    double = single.astype(np.float64)
    codes = model.transform(double)
    assert_allclose(model.transform(single), codes, rtol=1e-4, atol=1e-5)
    assert_allclose(
        model.inverse_transform(codes.astype(np.float32)),
        model.inverse_transform(codes),
        rtol=1e-4,
        atol=1e-5,
    )
    assert_allclose(model.score(single), model.score(double), rtol=1e-5)
    assert_allclose(
        model.score_samples(single), model.score_samples(double), rtol=1e-3, atol=1e-6
    )


def test_fits_in_both_precisions_agree(quick, curved):
    single = curved.astype(np.float32)
    from_single = quick().fit(single)
    from_double = quick().fit(single.astype(np.float64))
    codes = from_double.transform(curved)
    assert_allclose(from_single.transform(curved), codes, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("changes", [{}, {"cv": 3}, {"early_stopping": True}], ids=str)
def test_rounding_of_the_table_does_not_lead_a_fit_elsewhere(quick, curved, changes):
    # Adam's first step would be as long along rounding errors as along gradients.
    settings = {"max_iter": 8, "learning_rate_init": 0.003} | changes
    exact, rounded = (
        quick(**settings).fit(X) for X in (curved, curved.astype(np.float32))
    )
    codes = exact.transform(curved)
    assert_allclose(rounded.transform(curved), codes, atol=1e-5 * codes.std())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layout_does_not_matter(quick, curved, layout):
    X = LAYOUTS[layout](curved)
    expected = quick().fit(curved)
    model = quick().fit(X)
    codes = expected.transform(curved)
    assert_allclose(model.transform(curved), codes, rtol=1e-10, atol=1e-12)
    assert_allclose(expected.transform(X), codes, rtol=1e-10, atol=1e-12)
    assert_allclose(expected.score(X), expected.score(curved), rtol=1e-12)
    layout_of_codes = LAYOUTS[layout](codes)
    assert_allclose(
        expected.inverse_transform(layout_of_codes), expected.inverse_transform(codes)
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_are_left_as_they_are(quick, curved, layout):
    X, untouched = LAYOUTS[layout](curved), LAYOUTS[layout](curved)
    model = quick(cv=2).fit(X)
    model.score_samples(X)
    model.inverse_transform(model.transform(X))
    assert_array_equal(np.asarray(X), np.asarray(untouched))


def test_results_can_be_written_to(model, curved):
    codes = model.transform(curved)
    codes += 1
    model.inverse_transform(codes)[:] = 0
    assert not np.array_equal(model.transform(curved), codes)


@pytest.mark.parametrize("offset", [1e4, -1e8])
def test_large_offset_does_not_change_the_codes(quick, curved, offset):
    X = curved + offset
    model = quick(hidden_layer_sizes=()).fit(X)
    codes = model.transform(X)
    expected = PCA(2).fit_transform(X - offset)
    assert_allclose(codes, expected, atol=1e-6)
    assert_allclose(model.inverse_transform(codes).mean(axis=0), X.mean(axis=0))


@pytest.mark.parametrize("offset", [1e4, -1e8])
def test_large_offset_does_not_hinder_training(quick, curved, offset):
    X = curved + offset
    model = quick(max_iter=10).fit(X)
    expected = quick(max_iter=10).fit(curved)
    assert model.score(X) > model.pca_score_
    assert_allclose(model.score(X), expected.score(curved), rtol=0.02)
    assert len(np.unique(model.transform(X), axis=0)) == len(X)


def test_neighbours_at_a_large_offset_keep_distinct_codes(quick):
    X = 1e8 + np.arange(40.0)[:, None] * [1, -1, 2]
    codes = quick(1).fit_transform(X)
    assert_allclose(np.abs(np.diff(codes[:, 0])), np.sqrt(6), rtol=1e-6)


@pytest.mark.parametrize("offset", [1e4, 1e8])
def test_large_offset_in_float32_keeps_the_codes_centred(quick, curved, offset):
    X = (20 * curved + offset).astype(np.float32)
    model = quick(transform_max_iter=0).fit(X)
    expected = model.transform(X.astype(np.float64))
    tolerance = 1e-4 * expected.std()
    assert_allclose(expected.mean(axis=0), 0, atol=tolerance)
    assert_allclose(model.transform(X), expected, atol=tolerance)


@pytest.mark.parametrize("factor", [1e-46, 1e-100, 1e100, 1e150])
def test_extreme_scale_only_scales_the_codes(quick, curved, factor):
    expected = quick().fit(curved)
    model = quick().fit(curved * factor)
    codes = model.transform(curved * factor)
    assert_allclose(codes / factor, expected.transform(curved), rtol=1e-6, atol=1e-9)
    assert len(np.unique(codes, axis=0)) == len(codes)
    assert_allclose(model.score(curved * factor), expected.score(curved), rtol=1e-9)
    assert_allclose(
        model.inverse_transform(codes) / factor,
        expected.inverse_transform(expected.transform(curved)),
        rtol=1e-6,
        atol=1e-9,
    )


@pytest.mark.parametrize(
    ("dtype", "factor"),
    [
        (np.float32, 1e30),
        (np.float32, 1e-30),
        (np.float64, 1e140),
        (np.float64, 1e-140),
    ],
)
def test_extreme_scale_only_scales_the_errors_of_rows(quick, curved, dtype, factor):
    expected = quick().fit(curved).score_samples(curved)
    X = (curved * factor).astype(dtype)
    found = quick().fit(X).score_samples(X)
    assert_allclose(found / factor**2, expected, rtol=1e-3)


def test_extreme_scale_leaves_whitened_codes_as_they_are(quick, curved):
    expected = quick(whiten=True).fit_transform(curved)
    X = curved * 1e-46
    assert_allclose(quick(whiten=True).fit_transform(X), expected, rtol=1e-6, atol=1e-9)


def test_scale_of_the_data_does_not_change_the_losses(quick, curved):
    first, second = (quick().fit(factor * curved) for factor in (1, 1e20))
    assert_allclose(first.loss_curve_, second.loss_curve_, rtol=1e-4)
    assert_allclose(first.best_loss_, second.best_loss_, rtol=1e-4)
    shares = first.explained_variance_ratio_
    assert_allclose(second.explained_variance_ratio_, shares, rtol=1e-4)


def test_columns_of_very_different_scale_are_weighed_as_by_pca(quick, linear):
    X = linear * [1e8, 1, 1, 1, 1e-8, 1]
    with pytest.warns(UserWarning, match="^Column 0 has more than 99 % of"):
        model = quick(1, hidden_layer_sizes=()).fit(X)
    pca = PCA(1).fit(X)
    assert_allclose(model.transform(X), pca.transform(X), rtol=1e-6, atol=1e-3)
    assert model.score(X) >= pca.explained_variance_ratio_.sum() - 1e-12
