import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import AutoencoderTransformer, ExplainedVarianceDisplay

pytestmark = pytest.mark.usefixtures("closed_figures")


def test_explained_variance_is_that_of_fits(quick, curved, curved_held_out):
    estimator = quick()
    display = ExplainedVarianceDisplay.from_estimator(
        estimator, curved, n_components=(1, 3), X_test=curved_held_out
    )
    assert not hasattr(estimator, "n_components_")
    assert_array_equal(display.n_components, [1, 3])
    expected = [quick(size).fit(curved).score(curved_held_out) for size in (1, 3)]
    assert_array_equal(display.scores, expected)
    deviations = ((curved_held_out - curved.mean(axis=0)) ** 2).sum()
    for size, score in zip((1, 3), display.pca_scores, strict=True):
        pca = PCA(size).fit(curved)
        again = pca.inverse_transform(pca.transform(curved_held_out))
        lost = ((curved_held_out - again) ** 2).sum()
        assert_allclose(score, 1 - lost / deviations)
    assert "held-out rows" in display.ax_.get_ylabel()
    assert [line.get_label() for line in display.lines_] == ["autoencoder", "PCA"]


def test_explained_variance_is_of_the_rows_of_the_fit_by_default(quick, linear):
    display = ExplainedVarianceDisplay.from_estimator(quick(), linear)
    assert_array_equal(display.n_components, [1, 2, 5])  # there are six columns
    ratios = PCA().fit(linear).explained_variance_ratio_
    assert_allclose(display.pca_scores, np.cumsum(ratios)[[0, 1, 4]])
    assert "training rows" in display.ax_.get_ylabel()


def test_explained_variance_is_measured_behind_the_other_steps(quick, linear):
    scaled = StandardScaler().fit_transform(linear)
    plain = ExplainedVarianceDisplay.from_estimator(quick(), scaled, n_components=[1])
    pipeline = make_pipeline(StandardScaler(), quick())
    piped = ExplainedVarianceDisplay.from_estimator(pipeline, linear, n_components=[1])
    assert_array_equal(piped.scores, plain.scores)
    assert_array_equal(piped.pca_scores, plain.pca_scores)


def test_pipeline_of_one_step_is_that_step(quick, linear):
    display = ExplainedVarianceDisplay.from_estimator(
        make_pipeline(quick()), linear, n_components=[2]
    )
    assert_array_equal(display.scores, [quick(2).fit(linear).score(linear)])


def test_missing_values_do_not_hinder_the_comparison_with_pca(quick, linear):
    holes = linear.copy()
    holes[::7, 2] = np.nan
    display = ExplainedVarianceDisplay.from_estimator(quick(), holes, n_components=[2])
    assert np.isfinite(display.pca_scores).all()


def test_too_many_codes_are_refused(linear):
    with pytest.raises(ValueError, match=re.escape("n_components=7")):
        ExplainedVarianceDisplay.from_estimator(
            AutoencoderTransformer(max_iter=1), linear, n_components=(7,)
        )


def test_explained_variance_is_drawn_where_asked(given_axes):
    display = ExplainedVarianceDisplay([1, 2], [0.6, 0.9], [0.5, 0.8])
    assert display.plot(ax=given_axes[1]).ax_ is given_axes[1]
    assert display.figure_ is given_axes[1].figure


@pytest.mark.parametrize("style", ["linestyle", "ls"])
def test_keywords_reach_both_curves(style):
    display = ExplainedVarianceDisplay([1, 2], [0.6, 0.9], [0.5, 0.8])
    display.plot(line_kw={style: ":"})
    assert [line.get_linestyle() for line in display.lines_] == [":", ":"]


def test_numbers_of_codes_are_drawn_in_ascending_order(quick, linear):
    display = ExplainedVarianceDisplay.from_estimator(
        quick(), linear, n_components=[3, 1]
    )
    assert_array_equal(display.n_components, [1, 3])
    expected = [quick(size).fit(linear).score(linear) for size in (1, 3)]
    assert_array_equal(display.scores, expected)


def test_too_many_codes_are_refused_before_any_long_fit(quick, linear):
    class Counting(AutoencoderTransformer):
        fitted = 0

        def fit(self, X, y=None):
            if self.hidden_layer_sizes:
                Counting.fitted += 1
            return super().fit(X)

    estimator = Counting(**quick().get_params())
    with pytest.raises(ValueError, match=re.escape("n_components=7")):
        ExplainedVarianceDisplay.from_estimator(estimator, linear, n_components=(1, 7))
    assert Counting.fitted == 1


def test_rows_to_score_with_other_columns_are_refused(quick, linear):
    message = "X has 3 features, but AutoencoderTransformer is expecting 6"
    with pytest.raises(ValueError, match=re.escape(message)):
        ExplainedVarianceDisplay.from_estimator(quick(), linear, X_test=linear[:, :3])


def test_no_rows_are_refused(quick, linear):
    with pytest.raises(ValueError, match=re.escape("Found array with 0 sample(s)")):
        ExplainedVarianceDisplay.from_estimator(quick(), linear[:0])
