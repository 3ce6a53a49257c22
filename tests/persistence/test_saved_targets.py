"""TargetAugmenter and gradient boosting in files without pickle."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris, make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline

import sklearn_ae
from sklearn_ae import TargetAugmenter
from sklearn_ae._persistence.targets import TARGETS
from sklearn_ae._persistence.trees import TREES


def there_and_back(estimator, tmp_path):
    sklearn_ae.save(estimator, tmp_path / "file")
    return sklearn_ae.load(tmp_path / "file")


def curve():
    """A target that trees know better than a linear model."""
    X = np.random.default_rng(0).standard_normal((300, 4))
    return X, np.abs(X[:, 0]) + X[:, 1]


@pytest.mark.parametrize(
    ("data", "estimator"),
    [
        (load_diabetes(return_X_y=True), None),
        (load_iris(return_X_y=True), None),
        (curve(), None),
        (curve(), Ridge()),
        ((curve()[0], np.ones(300)), None),
    ],
    ids=["linear", "classes", "trees", "given", "nothing"],
)
def test_augmenter_comes_back(data, estimator, tmp_path):
    X, y = data
    augmenter = TargetAugmenter(estimator, random_state=0).fit(X, y)
    loaded = there_and_back(augmenter, tmp_path)
    assert np.array_equal(loaded.transform(X), augmenter.transform(X))
    names = loaded.get_feature_names_out()
    assert names.tolist() == augmenter.get_feature_names_out().tolist()
    for name in ("target_type_", "cv_score_"):
        assert getattr(loaded, name) == getattr(augmenter, name)
    for name in ("is_appended_", "pca_loss_ratio_"):
        assert np.array_equal(getattr(loaded, name), getattr(augmenter, name))
    kinds = [[type(one) for one in several] for several in augmenter.estimators_]
    assert [[type(one) for one in several] for several in loaded.estimators_] == kinds


def test_pipeline_with_a_target_comes_back(tmp_path):
    X, y = curve()
    augmenter = TargetAugmenter(random_state=0)
    model = make_pipeline(augmenter, PCA(2), LinearRegression()).fit(X, y)
    assert len(model[0].estimators_[0]) == 2
    loaded = there_and_back(model, tmp_path)
    assert np.array_equal(loaded.predict(X), model.predict(X))


def test_an_estimator_that_files_do_not_hold_is_named(tmp_path):
    X, y = curve()
    augmenter = TargetAugmenter(KNeighborsRegressor()).fit(X, y)
    with pytest.raises(TypeError, match="KNeighborsRegressor"):
        sklearn_ae.save(augmenter, tmp_path / "file")


@pytest.mark.parametrize(
    ("model", "n_classes"),
    [
        (HistGradientBoostingRegressor(loss="poisson", max_iter=5), 2),
        (HistGradientBoostingRegressor(loss="quantile", quantile=0.3, max_iter=5), 2),
        (HistGradientBoostingClassifier(max_iter=5), 2),
        (HistGradientBoostingClassifier(max_iter=5, early_stopping=True), 3),
    ],
)
def test_gradient_boosting_comes_back(model, n_classes, tmp_path):
    X, y = make_classification(
        n_informative=5, n_classes=n_classes, n_samples=300, random_state=0
    )
    X[::7, 0] = np.nan
    model.fit(X, y)
    loaded = there_and_back(model, tmp_path)
    assert np.array_equal(loaded.predict(X), model.predict(X))
    if hasattr(model, "predict_proba"):
        assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_gradient_boosting_before_its_fit(tmp_path):
    X, y = curve()
    model = TargetAugmenter(HistGradientBoostingRegressor(max_iter=5)).fit(X, y)
    assert not hasattr(there_and_back(model, tmp_path).estimator, "_predictors")


def test_gradient_boosting_with_categories_is_refused(tmp_path):
    X, y = curve()
    X[:, 0] = X[:, 0] > 0
    model = HistGradientBoostingRegressor(categorical_features=[0]).fit(X, y)
    with pytest.raises(TypeError, match="gradient boosting with categories"):
        sklearn_ae.save(model, tmp_path / "file")


def _first(name, value):
    def change(state):
        state[name] = state[name].copy()
        state[name][0] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _first("left", 0),  # a circle
        _first("right", 10_000),
        _first("feature_idx", 4),
        _first("feature_idx", -1),
        _first("is_categorical", 1),
        _first("sizes", 10**12),
        _first("sizes", 0),
        lambda state: state.update(value=state["value"][1:]),
        lambda state: state.update(left=state["left"].astype(float)),
        lambda state: state.pop("gain"),
        lambda state: state.update(n_trees_per_iteration_=3),
        _first("value", np.nan),
        lambda state: state.update(_baseline_prediction=np.full((1, 1), np.inf)),
        lambda state: state.update(
            n_trees_per_iteration_=2, _baseline_prediction=np.zeros((1, 2))
        ),
        lambda state: state.update(_baseline_prediction=np.zeros((1, 2))),
        lambda state: [state.pop(name) for name in ("train_score_", "gain")],
    ],
)
def test_trees_of_a_hostile_file_are_refused(change):
    kind = TREES["sklearn.HistGradientBoostingRegressor"]
    state = kind.take(HistGradientBoostingRegressor(max_iter=4).fit(*curve()))
    assert kind.put(dict(state)).predict(curve()[0]).shape == (300,)
    change(state)
    with pytest.raises((ValueError, KeyError)):
        kind.put(state)


def test_tree_whose_last_node_is_no_leaf_is_refused():
    kind = TREES["sklearn.HistGradientBoostingRegressor"]
    state = kind.take(HistGradientBoostingRegressor(max_iter=1).fit(*curve()))
    state["is_leaf"] = np.zeros_like(state["is_leaf"])
    with pytest.raises(ValueError, match="A tree is damaged"):
        kind.put(state)


@pytest.mark.parametrize(
    "damage",
    [
        {"shares": np.ones(2)},
        {"estimators": [1.0]},
        {"form": None},
        {"estimators": [], "shares": np.empty(0)},
        {"shares": np.full(1, np.nan)},
        {"shares": -np.ones(1)},
    ],
)
def test_damaged_predictors_are_refused(damage):
    augmenter = TargetAugmenter(Ridge()).fit(*curve())
    kind = TARGETS["sklearn_ae.Predictor"]
    parts = kind.take(augmenter._predictors[0])
    assert kind.put(parts).form is parts["form"]
    with pytest.raises(ValueError, match="damaged"):
        kind.put(parts | damage)


@pytest.mark.parametrize(
    "change",
    [
        {"_scale": -1.0},
        {"_scale": np.nan},
        {"classes_": None},
        {"classes_": np.arange(2)},
        {"pca_loss_ratio_": None},
        {"pca_loss_ratio_": np.ones((1, 1))},
    ],
)
def test_what_is_known_of_a_target_has_to_fit_together(change, tmp_path):
    augmenter = TargetAugmenter(LogisticRegression(max_iter=1000))
    augmenter.fit(*load_iris(return_X_y=True)).__dict__.update(change)
    sklearn_ae.save(augmenter, tmp_path / "file")
    with pytest.raises(ValueError, match="damaged"):
        sklearn_ae.load(tmp_path / "file")


def test_a_tree_may_claim_many_columns_but_takes_no_memory():
    kind = TREES["sklearn.HistGradientBoostingRegressor"]
    state = kind.take(HistGradientBoostingRegressor(max_iter=1).fit(*curve()))
    loaded = kind.put(state | {"n_features_in_": 10**15})
    with pytest.raises(ValueError, match="expecting 1000000000000000 features"):
        loaded.predict(curve()[0])


@pytest.mark.parametrize("classes", [[2, 1, 0], [0, 1, 1], [0, 1, 3]])
def test_classes_of_a_hostile_file_are_refused(classes):
    augmenter = TargetAugmenter(random_state=0).fit(*load_iris(return_X_y=True))
    parts = TARGETS["sklearn_ae.Predictor"].take(augmenter._predictors[0])
    form = TARGETS["sklearn_ae.Form"].take(parts["form"])

    def put():
        changed = TARGETS["sklearn_ae.Form"].put(form | {"classes": np.array(classes)})
        TARGETS["sklearn_ae.Predictor"].put(parts | {"form": changed})

    with pytest.raises(ValueError, match="classes"):
        put()
