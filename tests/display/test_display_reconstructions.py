import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import ReconstructionDisplay

pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.fixture(scope="module")
def fitted(quick, curved):
    return quick(3).fit(curved)


def reconstruct(estimator, X):
    return estimator.inverse_transform(estimator.transform(X))


def test_images_stand_above_their_codes_and_reconstructions(fitted, curved):
    display = ReconstructionDisplay.from_estimator(
        fitted, curved, image_shape=(3, 4), n_images=5
    )
    assert_array_equal(display.original, curved[:5])
    assert_array_equal(display.codes, fitted.transform(curved[:5]))
    assert_array_equal(display.reconstruction, reconstruct(fitted, curved[:5]))
    assert display.axes_.shape == (3, 5)
    above, _, below = display.axes_[:, 2]
    assert_array_equal(above.images[0].get_array(), curved[2].reshape(3, 4))
    decoded = display.reconstruction[2].reshape(3, 4)
    assert_array_equal(below.images[0].get_array(), decoded)
    assert above.images[0].get_clim() == below.images[0].get_clim()
    bars = [bar.get_height() for bar in display.axes_[1, 2].patches]
    assert_array_equal(bars, display.codes[2])
    assert display.figure_ is above.figure


def test_fewer_images_than_asked_for_are_all_drawn(fitted, curved):
    display = ReconstructionDisplay.from_estimator(
        fitted, curved[:2], image_shape=(3, 4)
    )
    assert display.axes_.shape == (3, 2)


def test_what_is_encoded_has_a_row_of_its_own(fitted, curved):
    noisy = curved + 0.1
    display = ReconstructionDisplay.from_estimator(
        fitted, curved, image_shape=(3, 4), X_input=noisy, n_images=2
    )
    assert_array_equal(display.original, curved[:2])
    assert_array_equal(display.inputs, noisy[:2])
    assert_array_equal(display.reconstruction, reconstruct(fitted, noisy[:2]))
    labels = [axis.get_ylabel().split("\n")[0] for axis in display.axes_[:, 0]]
    assert labels == ["original", "input", "code", "reconstruction"]


def test_columns_stand_against_their_reconstructions(fitted, curved):
    display = ReconstructionDisplay.from_estimator(fitted, curved)
    assert_array_equal(display.original, curved)
    assert_array_equal(display.reconstruction, reconstruct(fitted, curved))
    expected = r2_score(curved, display.reconstruction, multioutput="raw_values")
    assert_allclose(display.r2_scores, expected)
    assert display.axes_.shape == (12,)
    assert display.axes_[4].get_title() == f"column 4\nR2 = {expected[4]:.2f}"
    points = display.axes_[4].collections[0].get_offsets()
    assert_array_equal(points[:, 0], curved[:, 4])
    assert_array_equal(points[:, 1], display.reconstruction[:, 4])


def test_columns_of_largest_variance_are_drawn(quick, wide_linear):
    display = ReconstructionDisplay.from_estimator(
        quick().fit(wide_linear), wide_linear
    )
    largest = np.sort(np.argsort(-wide_linear.var(axis=0))[:12])
    assert_array_equal(display.original, wide_linear[:, largest])
    assert display.feature_names == [f"column {j}" for j in largest]


def test_columns_are_chosen_by_name_and_by_number(quick, linear):
    table = pd.DataFrame(linear, columns=list("abcdef"))
    pipeline = make_pipeline(StandardScaler(), quick()).fit(table)
    display = ReconstructionDisplay.from_estimator(pipeline, table, features=["c", 0])
    assert display.feature_names == ["c", "a"]
    assert_array_equal(display.original, linear[:, [2, 0]])
    assert display.axes_.shape == (2,)


def test_table_with_holes_is_compared_with_the_whole(quick, linear):
    holes = linear.copy()
    holes[::5, 1] = np.nan
    autoencoder = quick().fit(holes)
    display = ReconstructionDisplay.from_estimator(autoencoder, linear, X_input=holes)
    assert_array_equal(display.reconstruction, reconstruct(autoencoder, holes))
    display = ReconstructionDisplay.from_estimator(autoencoder, holes)
    assert np.isfinite(display.r2_scores).all()


def test_constant_columns_have_the_score_of_scikit_learn(quick, linear):
    constant = np.column_stack([linear, np.ones(len(linear))])
    display = ReconstructionDisplay.from_estimator(quick().fit(constant), constant)
    assert display.r2_scores[-1] == 1.0


def test_many_rows_are_thinned_for_drawing_alone(fitted, curved):
    many = np.tile(curved, (10, 1))
    display = ReconstructionDisplay.from_estimator(fitted, many, features=[0])
    assert len(display.original) == 2400
    assert len(display.axes_[0].collections[0].get_offsets()) == 2000


def test_display_from_arrays_needs_no_names(curved):
    display = ReconstructionDisplay(curved[:, :2], curved[:, :2]).plot()
    assert [axis.get_title() for axis in display.axes_] == ["column 0", "column 1"]
    display = ReconstructionDisplay(curved, curved, image_shape=(3, 4))
    display.original, display.reconstruction = curved[:2], curved[:2]
    assert display.plot().axes_.shape == (2, 2)


@pytest.mark.parametrize("image_shape", [None, (3, 4)])
def test_place_of_given_axes_is_divided(fitted, curved, given_axes, image_shape):
    display = ReconstructionDisplay.from_estimator(
        fitted, curved, image_shape=image_shape, ax=given_axes[0]
    )
    assert display.figure_ is given_axes[0].figure
    place = given_axes[0].get_subplotspec()
    for axis in display.axes_.flat:
        assert axis.get_subplotspec().get_topmost_subplotspec() == place


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (3, 5)}, "cannot reshape array of size 12 into shape (3,5)"),
        ({"features": ["a"]}, "'a' is not in list"),
        ({"features": "a"}, "'a' is not in list"),
        ({"X_input": np.ones((3, 12))}, "inconsistent numbers of samples: [240, 3]"),
    ],
)
def test_what_does_not_fit_is_refused(fitted, curved, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ReconstructionDisplay.from_estimator(fitted, curved, **arguments)


def test_column_that_does_not_exist_is_refused(fitted, curved):
    with pytest.raises(IndexError, match="index 12 is out of bounds"):
        ReconstructionDisplay.from_estimator(fitted, curved, features=[0, 12])


def test_estimator_has_to_decode(curved):
    with pytest.raises(AttributeError, match="inverse_transform"):
        ReconstructionDisplay.from_estimator(Nystroem().fit(curved), curved)


def test_reconstruction_display_needs_a_fitted_estimator(quick, curved):
    with pytest.raises(NotFittedError):
        ReconstructionDisplay.from_estimator(quick(), curved)


def test_single_column_can_be_asked_for(fitted, curved):
    display = ReconstructionDisplay.from_estimator(fitted, curved, features=3)
    assert display.feature_names == ["column 3"]


def test_unknown_columns_have_no_score_and_come_last(fitted, curved):
    unknown = curved.copy()
    unknown[:, 3] = np.nan
    display = ReconstructionDisplay.from_estimator(
        fitted, unknown, X_input=curved, features=[2, 3]
    )
    assert_array_equal(np.isnan(display.r2_scores), [False, True])
    wide, complete = np.tile(unknown, 2), np.tile(curved, 2)
    display = ReconstructionDisplay.from_estimator(
        PCA(2).fit(complete), wide, X_input=complete
    )
    assert "column 3" not in display.feature_names


def test_labels_beside_a_single_image_are_not_cut(fitted, curved):
    display = ReconstructionDisplay.from_estimator(
        fitted, curved, image_shape=(3, 4), n_images=1
    )
    display.figure_.canvas.draw()
    for axis in display.axes_[:, 0]:
        assert axis.yaxis.label.get_window_extent().x0 >= 0


@pytest.mark.parametrize("image_shape", [None, (3, 4)])
def test_sparse_rows_are_drawn_as_dense_ones(fitted, curved, image_shape):
    dense, sparse = (
        ReconstructionDisplay.from_estimator(
            fitted, X, X_input=X, image_shape=image_shape
        )
        for X in (curved, csr_array(curved))
    )
    assert_array_equal(sparse.original, dense.original)
    assert_allclose(sparse.reconstruction, dense.reconstruction)
