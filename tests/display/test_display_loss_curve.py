import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import LossCurveDisplay

pytestmark = pytest.mark.usefixtures("closed_figures")


def labels_of(lines):
    return [line.get_label() for line in lines]


def test_loss_curve_is_that_of_the_estimator(quick, curved):
    autoencoder = quick().fit(curved)
    display = LossCurveDisplay.from_estimator(autoencoder)
    assert_array_equal(display.loss_curve, autoencoder.loss_curve_)
    assert display.validation_loss_curve is None
    assert display.pca_loss == 1.0 - autoencoder.pca_score_
    training, pca = display.lines_
    assert_array_equal(training.get_xdata(), [1, 2, 3, 4])
    assert_array_equal(training.get_ydata(), autoencoder.loss_curve_)
    assert_allclose(pca.get_ydata(), 1.0 - autoencoder.pca_score_)
    assert labels_of(display.lines_) == ["training", "PCA"]
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_ylabel() == "fraction of variance unexplained"
    assert display.figure_ is display.ax_.figure


def test_validation_curve_is_drawn_where_rows_are_held_out(quick, curved):
    autoencoder = quick(early_stopping=True).fit(curved)
    display = LossCurveDisplay.from_estimator(autoencoder)
    assert_array_equal(
        display.lines_[1].get_ydata(), autoencoder.validation_loss_curve_
    )
    expected = ["training", "validation", "PCA, on the validation rows"]
    assert labels_of(display.lines_) == expected


def test_curves_differ_in_more_than_colour(quick, curved):
    display = LossCurveDisplay.from_estimator(quick(early_stopping=True).fit(curved))
    assert len({line.get_linestyle() for line in display.lines_}) == 3


def test_fit_without_epochs_shows_the_level_of_pca_alone(quick, linear):
    autoencoder = quick(hidden_layer_sizes=()).fit(linear)
    display = LossCurveDisplay.from_estimator(autoencoder)
    assert autoencoder.n_iter_ == 0
    assert labels_of(display.lines_) == ["PCA"]


def test_single_epoch_can_be_seen(quick, linear):
    display = LossCurveDisplay.from_estimator(quick(max_iter=1).fit(linear))
    assert display.lines_[0].get_marker() == "o"


def test_other_losses_go_without_the_level_of_pca():
    display = LossCurveDisplay([0.9, 0.8], loss="absolute_error").plot()
    assert labels_of(display.lines_) == ["training"]
    assert "variance" not in display.ax_.get_ylabel()


@pytest.mark.parametrize(
    ("noise", "expected"), [(None, ["training", "PCA"]), (0.5, ["training"])]
)
def test_training_with_noise_goes_without_the_level_of_pca(
    quick, linear, noise, expected
):
    autoencoder = quick().fit(linear)
    autoencoder.noise = noise
    display = LossCurveDisplay.from_estimator(autoencoder)
    assert labels_of(display.lines_) == expected


@pytest.mark.parametrize(
    ("curve", "pca_loss", "log_scale", "expected"),
    [
        ([0.5, 0.4], 0.6, "auto", "linear"),
        ([0.5, 0.01], 0.6, "auto", "log"),
        ([0.5, 0.4], 0.01, "auto", "log"),
        ([0.5, 0.0], 0.6, "auto", "linear"),
        ([], 0.6, "auto", "linear"),
        ([0.5, 0.01], 0.6, False, "linear"),
        ([0.5, 0.4], 0.6, True, "log"),
    ],
)
def test_scale_of_losses_follows_their_range(curve, pca_loss, log_scale, expected):
    display = LossCurveDisplay(curve, pca_loss=pca_loss).plot(log_scale=log_scale)
    assert display.ax_.get_yscale() == expected


def test_last_step_of_a_pipeline_is_shown(quick, curved):
    pipeline = make_pipeline(StandardScaler(), quick()).fit(curved)
    display = LossCurveDisplay.from_estimator(pipeline)
    assert_array_equal(display.loss_curve, pipeline[-1].loss_curve_)


def test_loss_display_needs_a_fitted_estimator(quick):
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(quick())


def test_losses_are_drawn_where_asked(given_axes):
    assert LossCurveDisplay([0.5, 0.4]).plot(given_axes[0]).ax_ is given_axes[0]


@pytest.mark.parametrize("name", ["linewidth", "lw"])
def test_keywords_reach_the_losses(name):
    display = LossCurveDisplay([0.5, 0.4], pca_loss=0.6).plot(line_kw={name: 5})
    assert [line.get_linewidth() for line in display.lines_] == [5, 1.5]


def test_linear_axis_starts_at_zero_and_has_room_at_the_top():
    bottom, top = LossCurveDisplay([0.5, 0.4]).plot().ax_.get_ylim()
    assert bottom == 0
    assert top > 0.52
