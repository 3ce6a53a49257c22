"""Outliers: rows of the fit, new rows, and what scikit-learn's detectors promise."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_ae
from sklearn_ae import AutoencoderOutlierDetector, AutoencoderTransformer


def quick(**changes):
    given = {"hidden_layer_sizes": (64,), "max_iter": 30, "cv": None}
    transformer = AutoencoderTransformer(1, random_state=0, **given)
    return AutoencoderOutlierDetector(
        transformer, **{"cv": 2, "random_state": 0, **changes}
    )


def linear(**changes):
    return AutoencoderOutlierDetector(PCA(2), random_state=0, **changes)


@pytest.fixture
def rows():
    """Rows around a plane, of which the last two leave it, and the third goes far."""
    rng = np.random.RandomState(0)
    codes = rng.normal(size=(120, 2))
    codes[-3] = 8.0
    X = codes @ rng.normal(size=(2, 5)) + 0.1 * rng.normal(size=(120, 5))
    X[-2:] += 2.0 * rng.normal(size=(2, 5))
    return X


@pytest.fixture
def parabola():
    """Rows along a parabola; the last is in the middle of it, on PCA's line."""
    rng = np.random.RandomState(0)
    t = rng.uniform(-1, 1, 80)
    X = np.column_stack([t, t**2, t + t**2]) + 0.02 * rng.normal(size=(80, 3))
    X[-1] = 0.0, 0.5, 0.5
    return X


def test_rows_off_the_plane_and_far_out_on_it_are_found(rows):
    detector = linear(contamination=3 / 120)
    assert_array_equal(
        np.flatnonzero(detector.fit_predict(rows) == -1), [117, 118, 119]
    )
    assert (linear().fit_predict(rows)[-3:] == -1).all()


def test_row_off_the_curve_is_found_by_the_autoencoder(parabola):
    scores = quick(novelty=True).fit(parabola).held_out_scores_
    assert scores.argmin() == 79
    assert scores[79] < 2 * np.sort(scores)[1]


def test_rows_do_not_hide_themselves(rows):
    """A row that is far out takes a component for itself, if it is trained on."""
    rows[-1] = 0, 0, 50, -50, 0
    pca = PCA(2).fit(rows)
    errors = np.sum((rows - pca.inverse_transform(pca.transform(rows))) ** 2, axis=1)
    assert errors[-1] < np.median(errors)
    for novelty in (True, False):
        scores = linear(novelty=novelty).fit(rows).held_out_scores_
        assert scores.argmin() == 119


def test_distances_are_those_of_codes_and_residuals(rows):
    """One fold after the other, without trimming, computed by hand."""
    detector = linear(novelty=True, cv=KFold(4)).fit(rows)
    squares, residuals = np.empty(120), np.empty((120, 5))
    for train, test in KFold(4).split(rows):
        pca = PCA(2).fit(rows[train])
        codes = pca.transform(rows[test])
        residuals[test] = rows[test] - pca.inverse_transform(codes)
        covariance = ledoit_wolf(pca.transform(rows[train]))[0]
        squares[test] = np.sum(codes @ np.linalg.inv(covariance) * codes, axis=1)
    centred = residuals - residuals.mean(axis=0)
    covariance = ledoit_wolf(residuals)[0]
    squares += np.sum(centred @ np.linalg.inv(covariance) * centred, axis=1)
    expected = -np.sqrt(squares / np.median(squares))
    assert_allclose(detector.held_out_scores_, expected, rtol=1e-6)


def test_a_tenth_is_not_trained_on_unless_rows_are_usual(rows):
    assert linear().fit(rows).transformer_.n_samples_ == 108
    assert linear(contamination=0.25).fit(rows).transformer_.n_samples_ == 90
    assert linear(novelty=True).fit(rows).transformer_.n_samples_ == 120


def test_offset_is_the_quantile_or_the_fence(rows):
    detector = linear(contamination=0.2).fit(rows)
    assert detector.offset_ == np.percentile(detector.held_out_scores_, 20)
    detector = linear().fit(rows)
    low, high = np.percentile(detector.held_out_scores_**2, [25, 75])
    assert_allclose(detector.offset_, -np.sqrt(2.5 * high - 1.5 * low))
    assert np.median(detector.held_out_scores_) == pytest.approx(-1, abs=0.05)


def test_new_rows_are_scored_as_held_out_ones(rows):
    detector = linear(novelty=True).fit(rows[:-3])
    scores = detector.score_samples(rows)
    assert_array_equal(detector.decision_function(rows), scores - detector.offset_)
    assert_array_equal(
        detector.predict(rows), np.where(scores < detector.offset_, -1, 1)
    )
    assert (detector.predict(rows)[-3:] == -1).all()
    assert_allclose(scores[:-3], detector.held_out_scores_, rtol=0.5)


@pytest.mark.parametrize("name", ["predict", "decision_function", "score_samples"])
def test_novelty_says_which_methods_there_are(rows, name):
    detector = linear()
    with pytest.raises(AttributeError) as error:
        getattr(detector, name)
    assert "Set novelty=True to score new rows." in str(error.value.__cause__)
    assert hasattr(detector, "fit_predict")
    detector.fit(rows).set_params(novelty=True)
    assert getattr(detector, name)(rows).shape == (120,)
    with pytest.raises(AttributeError) as error:
        detector.fit_predict  # noqa: B018
    assert "Set novelty=False for fit_predict." in str(error.value.__cause__)


def test_missing_cells_are_left_out(rows):
    holes = rows.copy()
    holes[::7, 1] = np.nan
    scores = quick(novelty=True).fit(holes).held_out_scores_
    assert np.isfinite(scores).all()
    assert scores[-2:].max() < np.median(scores[:-3])
    with pytest.raises(ValueError, match="contains NaN"):
        linear().fit(holes)


def test_rows_that_break_an_exact_redundancy_are_found():
    """By default as by PCA, with as many codes as columns."""
    t = np.random.RandomState(0).randn(400, 1)
    for transformer in (None, PCA(2)):
        detector = AutoencoderOutlierDetector(
            transformer, novelty=True, random_state=0
        ).fit(t * [1.0, 1.8])
        assert np.mean(detector.predict(t * [1.0, -1.8]) == -1) > 0.8


def test_default_has_a_code_for_five_columns():
    build = AutoencoderOutlierDetector()._build
    sizes = [(400, 30), (400, 4), (30, 30), (400, 1), (1000, 600)]
    assert [build(s, 0).n_components for s in sizes] == [6, 2, 1, 1, 50]
    X = np.random.RandomState(0).normal(size=(80, 3))
    given = {"random_state": 0, "novelty": True, "cv": 2}
    fits = [AutoencoderOutlierDetector(**given).fit(X) for _ in range(2)]
    assert fits[0].transformer_.n_iter_ <= 20
    assert_array_equal(fits[0].held_out_scores_, fits[1].held_out_scores_)


@pytest.mark.parametrize("cv", [KFold(3), 3, None, list(KFold(4).split(range(120)))])
def test_folds_hold_out_each_row_once(rows, cv):
    assert linear(cv=cv).fit(rows).held_out_scores_.shape == (120,)


@pytest.mark.parametrize("cv", [ShuffleSplit(3, random_state=0), [([0, 1, 2], [3])]])
def test_other_folds_are_refused(rows, cv):
    with pytest.raises(ValueError, match=re.escape("has to hold out each row once.")):
        linear(cv=cv).fit(rows)
    with pytest.raises(ValueError, match="without more than X"):
        linear(cv=GroupKFold(2)).fit(rows)
    with pytest.raises(ValueError, match=r"not cut 120 rows, .* Give a smaller number"):
        linear(cv=StratifiedKFold(2)).fit(rows)
    with pytest.raises(ValueError, match=r"cv=5 does not cut 4 rows"):
        linear().fit(rows[:4])


def test_text_is_refused_with_its_cure():
    message = r"string to float: 'b'\. .*TableEncoder\(\), AutoencoderOutlierDetector\("
    with pytest.raises(ValueError, match=message):
        linear().fit([["b", 1], ["c", 2]])


@pytest.mark.parametrize("kind", ["on the plane", "too many codes"])
def test_perfect_reconstructions_are_no_distance(rows, kind):
    data = {
        "on the plane": np.random.RandomState(0).normal(size=(40, 2)) @ np.eye(2, 5),
        "too many codes": rows[:, :2],
    }[kind]
    detector = linear(novelty=True).fit(data)
    codes = detector.transformer_.transform(data)
    precision = np.linalg.inv(ledoit_wolf(codes)[0])
    ratios = detector.score_samples(data) ** 2 / np.sum(codes @ precision * codes, 1)
    assert_allclose(ratios, ratios[0])
    if kind == "on the plane":  # where the smallest step aside is far
        assert detector.predict(data + 0.01 * np.eye(5)[4]).max() == -1


def test_constant_rows_are_usual():
    assert_array_equal(quick().fit_predict(np.ones((20, 3))), np.ones(20))


def test_one_row_is_unlike_equal_ones():
    rows = np.repeat(np.random.RandomState(0).normal(size=(1, 5)), 200, axis=0)
    rows[7] += 1
    labels = linear().fit_predict(rows)
    assert_array_equal(np.flatnonzero(labels == -1), [7])


@pytest.mark.parametrize("unit", [1e160, 1e-160])
def test_unit_of_the_rows_does_not_count(rows, unit):
    given = {"hidden_layer_sizes": (8,), "max_iter": 2, "cv": None, "random_state": 0}
    detector = AutoencoderOutlierDetector(
        AutoencoderTransformer(1, **given), cv=2, random_state=0
    )
    scores = clone(detector).fit(rows * unit).held_out_scores_
    assert_allclose(scores, detector.fit(rows).held_out_scores_, rtol=1e-6)


def test_unit_of_the_rows_does_not_count_for_whitened_codes(rows):
    detector = AutoencoderOutlierDetector(PCA(2, whiten=True), random_state=0)
    scores = clone(detector).fit(rows * 1e8).held_out_scores_
    assert_allclose(scores, detector.fit(rows).held_out_scores_, rtol=1e-6)


def test_transformer_needs_the_way_back(rows):
    with pytest.raises(ValueError, match="'transformer' parameter"):
        AutoencoderOutlierDetector(GroupKFold(2)).fit(rows)
    assert AutoencoderOutlierDetector(TruncatedSVD(2)).fit(rows).offset_ < -1


def test_failed_fit_leaves_the_earlier_one(rows):
    detector = linear().fit(rows)
    before = detector.held_out_scores_
    with pytest.raises(ValueError, match="cv=500 does not cut 20 rows"):
        detector.set_params(cv=500).fit(rows[:20])
    assert detector.held_out_scores_ is before


def test_goes_into_pipelines_of_frames(rows):
    frame = pd.DataFrame(rows, columns=list("abcde"))
    model = make_pipeline(StandardScaler(), linear()).set_output(transform="pandas")
    assert_array_equal(model.fit_predict(frame), model.fit_predict(frame))
    assert_array_equal(model[-1].feature_names_in_, list("abcde"))
    assert clone(model[-1]).get_params()["transformer"].n_components == 2


@pytest.mark.parametrize("detector", [quick(novelty=True), linear(novelty=True)])
def test_file_has_the_same_bits(rows, detector, tmp_path):
    sklearn_ae.save(detector.fit(rows), tmp_path / "detector")
    loaded = sklearn_ae.load(tmp_path / "detector")
    assert_array_equal(loaded.score_samples(rows), detector.score_samples(rows))
    assert_array_equal(loaded.predict(rows), detector.predict(rows))
    assert_array_equal(loaded.held_out_scores_, detector.held_out_scores_)


def test_warnings_of_all_folds_are_told_once():
    X = np.random.default_rng(0).normal(size=(60, 5)) * [1, 1000, 1, 1, 1]
    inner = AutoencoderTransformer(2, max_iter=1, random_state=0)
    with pytest.warns(UserWarning, match="Column 1 has more than 99 %") as found:
        AutoencoderOutlierDetector(inner, random_state=0).fit(X)
    assert len(found) == 1
    assert found[0].filename == __file__
    with pytest.raises(UserWarning, match="Column 1 has more"):  # an error in the tests
        AutoencoderOutlierDetector(inner).fit(X)
