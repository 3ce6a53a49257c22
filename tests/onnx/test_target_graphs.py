"""Predictions of a target in ONNX, beside the columns."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from sklearn_ae import TargetAugmenter

skl2onnx = pytest.importorskip("skl2onnx")
pytest.importorskip("sklearn_ae.onnx")


TARGETS = {
    "numbers": lambda X: X[:, 0] ** 2 + X[:, 1],
    "two classes": lambda X: X[:, 0] > 0.5,
    "classes": lambda X: np.digitize(X[:, 0], [0.3, 0.7]),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_default_predictions_of_a_target(target, dtype, curved, codes_of):
    X, y = curved.astype(dtype), TARGETS[target](curved)
    augmenter = TargetAugmenter(random_state=0).fit(X, y)
    assert augmenter.is_appended_.all()
    rows = X.copy()
    rows[::3, 2] = np.nan
    wanted = augmenter.transform(rows)
    assert wanted.shape[1] > X.shape[1]
    atol = 1e-5 if dtype == np.float32 else 1e-6  # sums of leaves are float32
    assert_allclose(codes_of(augmenter, rows), wanted, rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("estimator", "target"), [(Ridge(), "numbers"), (LogisticRegression(), "classes")]
)
def test_predictions_of_an_estimator(estimator, target, curved, codes_of):
    y = TARGETS[target](curved)
    if target == "numbers":
        y = np.column_stack([y, -y, y**2])
    augmenter = TargetAugmenter(estimator).fit(curved, y)
    found = codes_of(augmenter, curved)
    assert found.shape[1] == len(augmenter.get_feature_names_out())
    assert_allclose(found, augmenter.transform(curved), rtol=0, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("target", TARGETS)
def test_predictions_of_trees(target, dtype, curved, codes_of):
    """Thresholds are compared in float64, and missing cells go where trees say."""
    X, y = curved.astype(dtype), TARGETS[target](curved)
    X[::3, 0] = np.nan
    trees = HistGradientBoostingRegressor if target == "numbers" else None
    trees = trees or HistGradientBoostingClassifier
    augmenter = TargetAugmenter(trees(max_iter=10, min_samples_leaf=5)).fit(X, y)
    assert augmenter.is_appended_.all()
    found, wanted = codes_of(augmenter, X), augmenter.transform(X)
    assert_allclose(found, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingRegressor(max_iter=10),
        RandomForestRegressor(10, random_state=0),
        make_pipeline("passthrough", Ridge()),
    ],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_targets_far_from_zero(estimator, dtype, curved, codes_of):
    X, y = curved.astype(dtype), TARGETS["numbers"](curved) + 1e6
    augmenter = TargetAugmenter(estimator).fit(X, y)
    found = codes_of(augmenter, X)
    # Forests add their trees in float32, and linear models predict so of float32 rows.
    is_single = dtype == np.float32 and not hasattr(estimator, "max_iter")
    is_single = is_single or isinstance(estimator, RandomForestRegressor)
    atol = 0.3 if is_single else 1e-5
    assert_allclose(found, augmenter.transform(X), rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("trees", "text"),
    [
        (HistGradientBoostingRegressor(loss="poisson"), "loss='poisson' has no graph"),
        (HistGradientBoostingRegressor(categorical_features=[12]), "with categories"),
    ],
)
def test_trees_without_a_graph(trees, text, curved):
    X = np.column_stack([curved, curved[:, 0] > 0.5])
    trees.set_params(max_iter=5, min_samples_leaf=5)
    augmenter = TargetAugmenter(trees).fit(X, X[:, 12] + 1)
    with pytest.raises(NotImplementedError, match=text):
        skl2onnx.to_onnx(augmenter, X[:1])


def test_classifier_without_probabilities(curved):
    augmenter = TargetAugmenter(LinearSVC()).fit(curved, curved[:, 0] > 0.5)
    assert augmenter.is_appended_.all()
    with pytest.raises(NotImplementedError, match="LinearSVC has no probabilities"):
        skl2onnx.to_onnx(augmenter, curved[:1])


def test_nothing_of_a_target(noise, codes_of):
    y = np.random.default_rng(9).standard_normal(len(noise))
    augmenter = TargetAugmenter(random_state=0).fit(noise, y)
    assert not augmenter.is_appended_.any()
    assert_allclose(codes_of(augmenter, noise), noise)
