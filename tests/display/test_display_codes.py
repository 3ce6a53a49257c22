import re

import matplotlib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import CodesDisplay

pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.fixture(scope="module")
def fitted(quick, curved):
    return quick(3).fit(curved)


def test_codes_are_those_of_the_estimator(fitted, curved):
    display = CodesDisplay.from_estimator(fitted, curved, components=(2, 0))
    assert_array_equal(display.codes, fitted.transform(curved)[:, [2, 0]])
    ratio = fitted.explained_variance_ratio_
    assert_array_equal(display.explained_variance_ratio, ratio[[2, 0]])
    assert_array_equal(display.scatter_[0].get_offsets(), display.codes)
    assert display.figure_ is display.ax_.figure
    assert display.colorbar_ is None


def test_axes_are_named_like_principal_components(fitted, curved):
    display = CodesDisplay.from_estimator(fitted, curved, components=(0, 2))
    first, _, third = 100 * fitted.explained_variance_ratio_
    assert display.ax_.get_xlabel() == f"code 1 ({first:.0f} % of variance)"
    assert display.ax_.get_ylabel() == f"code 3 ({third:.0f} % of variance)"
    assert CodesDisplay(display.codes).plot().ax_.get_xlabel() == "code 1"


@pytest.mark.parametrize(
    "names", [["b", "a"], [1, 0], [True, False], list("abcdef"), range(12)]
)
def test_classes_have_a_colour_and_a_marker_of_their_own(fitted, curved, names):
    y = np.resize(np.array(names), len(curved))
    display = CodesDisplay.from_estimator(fitted, curved, y)
    assert display.colorbar_ is None
    labels = [points.get_label() for points in display.scatter_]
    assert labels == [str(name) for name in sorted(names)]
    assert sum(len(points.get_offsets()) for points in display.scatter_) == len(y)
    markers = {points.get_paths()[0].vertices.tobytes() for points in display.scatter_}
    assert len(markers) == len(names)
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == labels


def test_numbers_have_a_colour_bar(fitted, curved):
    display = CodesDisplay.from_estimator(fitted, curved, curved[:, 0])
    (points,) = display.scatter_
    assert_array_equal(points.get_array(), curved[:, 0])
    assert display.colorbar_.ax.get_ylabel() == "y"
    assert display.ax_.get_legend() is None


def test_pca_and_pipelines_are_drawn_alike(fitted, curved, given_axes):
    left, right = given_axes
    display = CodesDisplay.from_estimator(PCA(2).fit(curved), curved, ax=left)
    assert display.ax_ is left
    pipeline = make_pipeline(StandardScaler(), PCA(2)).fit(curved)
    display = CodesDisplay.from_estimator(pipeline, curved, ax=right)
    assert_array_equal(display.codes, pipeline.transform(curved))
    ratio = pipeline[-1].explained_variance_ratio_
    assert_array_equal(display.explained_variance_ratio, ratio)


def test_codes_in_data_frames_are_drawn(quick, curved):
    autoencoder = quick().set_output(transform="pandas").fit(curved)
    display = CodesDisplay.from_estimator(autoencoder, curved)
    assert display.codes.shape == (240, 2)


def test_keywords_reach_the_points(fitted, curved):
    display = CodesDisplay.from_estimator(fitted, curved, scatter_kw={"s": 50})
    assert_array_equal(display.scatter_[0].get_sizes(), [50])


def test_codes_that_do_not_exist_are_refused(fitted, curved):
    with pytest.raises(IndexError, match="index 3 is out of bounds"):
        CodesDisplay.from_estimator(fitted, curved, components=(0, 3))


def test_codes_are_counted_from_the_end_too(fitted, curved):
    display = CodesDisplay.from_estimator(fitted, curved, components=(-1, 0))
    assert display.components == (2, 0)
    assert display.ax_.get_xlabel().startswith("code 3 ")


def test_other_codes_go_without_a_share_of_variance(curved):
    pipeline = make_pipeline(PCA(2), StandardScaler()).fit(curved)
    display = CodesDisplay.from_estimator(pipeline, curved)
    assert display.ax_.get_xlabel() == "code 1"


def test_y_of_another_length_is_refused(fitted, curved):
    message = "inconsistent numbers of samples: [240, 3]"
    with pytest.raises(ValueError, match=re.escape(message)):
        CodesDisplay.from_estimator(fitted, curved, [1, 2, 3])


def test_codes_display_needs_a_fitted_estimator(quick, curved):
    with pytest.raises(NotFittedError):
        CodesDisplay.from_estimator(quick(), curved)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_rows_of_unknown_class_are_a_class(fitted, curved, missing):
    y = np.resize(np.array(["a", missing, "b"], dtype=object), len(curved))
    display = CodesDisplay.from_estimator(fitted, curved, y)
    labels = [points.get_label() for points in display.scatter_]
    assert sorted(labels) == sorted(["a", "b", str(missing)])
    assert [len(points.get_offsets()) for points in display.scatter_] == [80, 80, 80]


def test_rows_of_unknown_number_are_a_class_too(fitted, curved):
    y = np.resize([1.0, np.nan], len(curved))
    display = CodesDisplay.from_estimator(fitted, curved, y)
    assert [len(points.get_offsets()) for points in display.scatter_] == [120, 120]


def test_rows_without_a_number_are_grey_on_a_scale(fitted, curved):
    y = curved[:, 0].copy()
    y[::3] = np.nan
    display = CodesDisplay.from_estimator(fitted, curved, y)
    (points,) = display.scatter_
    assert not np.ma.is_masked(points.get_offsets())
    display.figure_.canvas.draw()
    grey = matplotlib.colors.to_rgb("lightgrey")
    assert_array_equal(points.get_facecolors()[::3, :3], np.tile(grey, (80, 1)))
    limits = (np.nanmin(y), np.nanmax(y))
    assert points.get_clim() == limits


def test_numbers_in_a_column_of_objects_have_a_colour_bar(fitted, curved):
    display = CodesDisplay.from_estimator(fitted, curved, curved[:, 0].astype(object))
    assert display.colorbar_ is not None


def test_legend_of_many_classes_fits_beside_the_points(fitted, curved):
    y = [f"class {number % 60:02d}" for number in range(len(curved))]
    display = CodesDisplay.from_estimator(fitted, curved, y)
    display.figure_.canvas.draw()
    looks = {
        (points.get_paths()[0].vertices.tobytes(), points.get_facecolors().tobytes())
        for points in display.scatter_
    }
    assert len(looks) == 60
    legend = display.ax_.get_legend().get_window_extent()
    assert legend.y0 >= 0
    assert display.ax_.get_window_extent().height > legend.height / 2


def test_more_classes_than_can_be_told_apart_are_refused(fitted, curved):
    message = "y has 240 classes, but at most 60 can be told apart."
    with pytest.raises(ValueError, match=re.escape(message)):
        CodesDisplay.from_estimator(fitted, curved, [str(n) for n in range(240)])


@pytest.mark.parametrize("kind", [list, pd.DataFrame])
def test_codes_of_any_array_like_are_drawn(kind):
    display = CodesDisplay(kind([[1.0, 2.0], [3.0, 4.0]])).plot()
    assert_array_equal(display.scatter_[0].get_offsets(), [[1, 2], [3, 4]])
