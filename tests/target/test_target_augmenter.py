"""TargetAugmenter: what it appends, what it leaves alone, and where it fits in."""

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import subspace_angles
from sklearn import config_context
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import (
    LassoCV,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import AutoencoderTransformer, TargetAugmenter


def standardised(X):
    return StandardScaler().fit_transform(X)


def appended_by(augmenter, X, y, **params):
    return augmenter.fit_transform(X, y, **params)[:, X.shape[1] :]


def principal_covariates(X, y, predictions, mixing, n_components):
    """Return scores of PCovR in its first formulation (de Jong & Kiers, 1992)."""
    X, predictions = X - X.mean(axis=0), (predictions - predictions.mean())[:, None]
    total = np.square(y - y.mean()).sum()
    gram = mixing * X @ X.T / np.square(X).sum()
    gram += (1 - mixing) * predictions @ predictions.T / total
    return np.linalg.eigh(gram)[1][:, -n_components:]


@pytest.mark.parametrize("mixing", [0.9, 0.5, 0.1])
def test_pca_behind_it_is_principal_covariates_regression(diabetes, mixing):
    X, y = diabetes
    regressor = Ridge(0.1)
    augmenter = TargetAugmenter(regressor, mixing=mixing).fit(X, y)
    scores = PCA(3).fit_transform(augmenter.transform(X))
    predictions = regressor.fit(X, y).predict(X)
    expected = principal_covariates(X, y, predictions, mixing, 3)
    assert subspace_angles(scores, expected).max() < 1e-6


def test_codes_keep_a_target_that_variance_does_not_show(hidden):
    X, y = hidden
    scores = {
        name: cross_val_score(make_pipeline(step, PCA(2), LinearRegression()), X, y)
        for name, step in (
            ("without", "passthrough"),
            ("with", TargetAugmenter(random_state=0)),
        )
    }
    assert scores["without"].mean() < 0.3
    assert scores["with"].mean() > 0.97


def test_autoencoder_behind_it_keeps_target_and_rows(hidden):
    X, y = hidden
    augmenter = TargetAugmenter(random_state=0)
    reducer = AutoencoderTransformer(5, max_iter=5, random_state=0)
    model = make_pipeline(augmenter, reducer)
    codes = model.fit_transform(X[:200], y[:200])
    linear = LinearRegression().fit(codes, y[:200])
    assert linear.score(model.transform(X[200:]), y[200:]) > 0.97
    assert model.inverse_transform(codes).shape == (200, 20)


def test_share_of_the_variance_is_what_is_asked_for(hidden):
    X, y = hidden
    y = X[:, 0]  # predicted without error
    for mixing in (0.8, 0.2):
        augmenter = TargetAugmenter(LinearRegression(), mixing=mixing).fit(X, y)
        variances = augmenter.transform(X).var(axis=0)
        share = variances[:20].sum() / variances.sum()
        assert share == pytest.approx(mixing, abs=1e-6)


def test_mixing_one_appends_nothing(diabetes):
    augmenter = TargetAugmenter(mixing=1.0, random_state=0)
    assert augmenter.fit_transform(*diabetes).shape == diabetes[0].shape
    assert augmenter.cv_score_ > 0.3


@pytest.mark.parametrize("mixing", [0, -0.1, 1.1])
def test_mixing_is_above_zero_and_at_most_one(diabetes, mixing):
    with pytest.raises(ValueError, match="'mixing' parameter"):
        TargetAugmenter(mixing=mixing).fit(*diabetes)


def test_training_rows_get_predictions_of_folds_without_them(diabetes):
    X, y = diabetes
    neighbour = KNeighborsRegressor(1)
    # Its own nearest neighbour is the row itself, which tells the target.
    y = X[:, 0] + 0.1 * np.random.default_rng(0).standard_normal(len(y))
    augmenter = TargetAugmenter(neighbour, cv=KFold(3))
    held_out = appended_by(augmenter, X, y)[:, 0]
    seen = augmenter.transform(X)[:, -1]
    assert np.corrcoef(seen, y)[0, 1] > 0.999
    expected = np.empty(len(y))
    for train, test in KFold(3).split(X):
        expected[test] = neighbour.fit(X[train], y[train]).predict(X[test])
    assert np.corrcoef(held_out, expected)[0, 1] == pytest.approx(1)


def test_a_target_that_is_chance_leaves_rows_alone(diabetes):
    X, y = diabetes
    rng = np.random.default_rng(0)
    for _ in range(5):
        augmenter = TargetAugmenter(random_state=0)
        assert appended_by(augmenter, X, rng.permutation(y)).shape[1] == 0
        assert not augmenter.is_appended_.any()
        assert augmenter.cv_score_ < 0.02
        assert np.array_equal(augmenter.transform(X), X)
        assert (augmenter.pca_loss_ratio_ == 1).all()


def test_a_constant_target_leaves_rows_alone(diabetes):
    X, y = diabetes
    for constant in (np.zeros(len(y)), np.full(len(y), "one")):
        augmenter = TargetAugmenter(random_state=0)
        assert np.array_equal(augmenter.fit_transform(X, constant), X)
        assert augmenter.cv_score_ == 0


@pytest.fixture
def repeated():
    """Forty subjects measured ten times: columns tell the subject, not the target."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 10)
    X = rng.standard_normal((40, 8))[groups] + 0.1 * rng.standard_normal((400, 8))
    return X, rng.standard_normal(40)[groups], groups


def test_groups_stay_together(repeated):
    X, y, groups = repeated
    assert TargetAugmenter(random_state=0).fit(X, y).is_appended_.all()
    for cv in (5, GroupKFold(4)):
        augmenter = TargetAugmenter(cv=cv, random_state=0)
        assert appended_by(augmenter, X, y, groups=groups).shape[1] == 0
        assert augmenter.cv_score_ < 0.05


def test_groups_and_weights_are_routed(repeated):
    X, y, groups = repeated
    weight = np.where(groups < 20, 1.0, 2.0)
    with config_context(enable_metadata_routing=True):
        augmenter = TargetAugmenter(Ridge().set_fit_request(sample_weight=True))
        augmenter.set_fit_request(sample_weight=True)
        model = make_pipeline(augmenter, PCA(2))
        model.fit(X, y, groups=groups, sample_weight=weight)
    expected = Ridge().fit(X, y, sample_weight=weight)
    direct = TargetAugmenter(Ridge()).fit(X, y, sample_weight=weight, groups=groups)
    assert not model[0].is_appended_.any()
    assert model[0].cv_score_ == direct.cv_score_
    y = X[:, 0]
    expected.fit(X, y, sample_weight=weight)
    with config_context(enable_metadata_routing=True):
        model.fit(X, y, sample_weight=weight)
    assert np.array_equal(model[0].estimators_[0][0].coef_, expected.coef_)


def test_default_estimator_gets_weights_with_and_without_routing(hidden):
    X, y = hidden
    y = np.where(np.arange(300) < 150, y, -y)
    weight = np.where(np.arange(300) < 150, 1.0, 1e-3)
    for enabled in (False, True):
        with config_context(enable_metadata_routing=enabled):
            augmenter = TargetAugmenter(random_state=0)
            augmenter.fit(X, y, sample_weight=weight)
        prediction = augmenter.transform(X)[:, -1]
        assert np.corrcoef(prediction, X[:, 0])[0, 1] > 0.99


def test_weights_that_an_estimator_does_not_take_are_refused(hidden):
    augmenter = TargetAugmenter(KNeighborsRegressor())
    with pytest.raises(ValueError, match="takes no sample_weight"):
        augmenter.fit(*hidden, sample_weight=np.ones(300))


def test_what_the_default_estimator_does_not_take_is_refused(hidden):
    with pytest.raises(TypeError, match=r"\['eggs'\], which the default"):
        TargetAugmenter().fit(*hidden, eggs=1)


@pytest.mark.parametrize(
    ("y", "estimator", "expected"),
    [
        (["no", "yes"] * 50, None, "binary"),
        ([True, False] * 50, None, "binary"),
        ([0, 1] * 50, None, "binary"),
        ([0, 1, 2, 3] * 25, None, "multiclass"),
        (list("abcd") * 25, None, "multiclass"),
        (list(range(50)) * 2, None, "continuous"),
        ([0.5, 1.5] * 50, None, "continuous"),
        ([[1, 2], [3, 4]] * 50, None, "continuous"),
        ([0, 1] * 50, Ridge(), "continuous"),
        (list(range(20)) * 5, RidgeClassifier(), "multiclass"),
    ],
)
def test_kind_of_target(y, estimator, expected):
    X = np.random.default_rng(0).standard_normal((100, 3))
    assert TargetAugmenter(estimator).fit(X, y).target_type_ == expected


def test_target_type_and_estimator_have_to_agree(hidden):
    X, y = hidden
    with pytest.raises(ValueError, match=r"is a regressor\. Leave target_type='auto'"):
        TargetAugmenter(Ridge(), target_type="binary").fit(X, y > 0)
    with pytest.raises(ValueError, match="y has 3 different values"):
        TargetAugmenter(target_type="binary").fit(X, np.arange(300) % 3)


def test_classes_are_appended_as_centred_probabilities():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    augmenter = TargetAugmenter(LogisticRegression(max_iter=1000), random_state=0)
    probabilities = augmenter.fit(X, names).transform(X)[:, 4:]
    expected = LogisticRegression(max_iter=1000).fit(X, names).predict_proba(X)
    ratio = probabilities / (expected - 1 / 3)
    assert ratio == pytest.approx(np.full((150, 3), ratio[0, 0]))
    assert list(augmenter.classes_) == ["setosa", "versicolor", "virginica"]
    assert list(augmenter.get_feature_names_out()[4:]) == [
        "targetaugmenter_setosa",
        "targetaugmenter_versicolor",
        "targetaugmenter_virginica",
    ]


def test_a_class_that_is_missing_in_a_fold_has_no_probability_there():
    X, y = load_iris(return_X_y=True)
    augmenter = TargetAugmenter(LogisticRegression(max_iter=1000), cv=KFold(3))
    augmented = augmenter.fit_transform(X, y)  # rows are sorted by class
    assert augmented.shape == (150, 4)
    assert augmenter.cv_score_ < 0


def test_two_classes_are_one_column():
    X, y = load_breast_cancer(return_X_y=True)
    augmenter = TargetAugmenter(random_state=0).fit(standardised(X), y)
    assert augmenter.get_feature_names_out()[30:].tolist() == ["targetaugmenter_1"]


def test_classifiers_without_probabilities_give_classes():
    X, y = load_iris(return_X_y=True)
    appended = appended_by(TargetAugmenter(RidgeClassifier(), random_state=0), X, y)
    assert all(len(np.unique(column)) == 2 for column in appended.T)


def test_only_outputs_that_are_known_are_appended(hidden):
    X, y = hidden
    chance = np.random.default_rng(1).standard_normal(300)
    augmenter = TargetAugmenter(random_state=0)
    appended = appended_by(augmenter, X, np.column_stack([chance, 1e6 * y]))
    assert augmenter.is_appended_.tolist() == [False, True]
    assert augmenter.get_feature_names_out()[20:].tolist() == ["targetaugmenter_1"]
    assert np.corrcoef(appended[:, 0], y)[0, 1] > 0.99
    # Each output has its share, whatever its unit.
    assert appended.var() == pytest.approx(20 / 2, rel=0.15)


def test_unit_and_origin_of_the_target_do_not_matter(diabetes):
    X, y = diabetes
    first, second = (
        appended_by(TargetAugmenter(Ridge(), random_state=0), X, target)
        for target in (y, 1e-6 * y - 3)
    )
    assert np.allclose(first, second)


def test_missing_cells_stay(diabetes):
    X, y = diabetes
    X = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
    augmented = TargetAugmenter(random_state=0).fit_transform(X, y)
    assert np.array_equal(augmented[:, :10], X, equal_nan=True)
    assert np.isfinite(augmented[:, 10:]).all()
    with pytest.raises(ValueError, match="contains NaN"):
        TargetAugmenter(Ridge()).fit(X, y)


def test_way_back(diabetes):
    X, y = diabetes
    augmenter = TargetAugmenter(random_state=0)
    augmented = augmenter.fit_transform(X, y)
    assert np.array_equal(augmenter.inverse_transform(augmented), X)
    with pytest.raises(ValueError, match="X has 10 columns, but transform gives 11"):
        augmenter.inverse_transform(X)


def test_frames(diabetes):
    X = pd.DataFrame(diabetes[0], columns=[f"c{i}" for i in range(10)])
    augmenter = TargetAugmenter(random_state=0).set_output(transform="pandas")
    for frame in (augmenter.fit_transform(X, diabetes[1]), augmenter.transform(X)):
        assert frame.columns.tolist() == [*X.columns, "targetaugmenter_0"]


def test_single_precision_stays(diabetes):
    X, y = diabetes
    augmenter = TargetAugmenter(random_state=0)
    assert augmenter.fit_transform(X.astype(np.float32), y).dtype == np.float32
    assert augmenter.transform(X).dtype == np.float64


def test_grid_search_over_mixing(hidden):
    pipeline = make_pipeline(
        TargetAugmenter(random_state=0), PCA(1), LinearRegression()
    )
    grid = {"targetaugmenter__mixing": [0.5, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(*hidden)
    assert search.best_params_ == {"targetaugmenter__mixing": 0.5}


def test_default_mixes_a_linear_model_and_trees(hidden):
    X = hidden[0]
    X, target = X[:, :5], np.abs(X[:, 0]) + X[:, 1]
    trees = HistGradientBoostingRegressor(random_state=0)
    scores = [
        TargetAugmenter(estimator, random_state=0).fit(X, target).cv_score_
        for estimator in (None, Ridge(), trees)
    ]
    assert scores[0] > max(scores[1:])


def test_cost_of_the_reconstruction_is_told(hidden):
    X, y = hidden
    augmenter = TargetAugmenter(random_state=0)
    augmented = augmenter.fit_transform(X, y)
    for k in (1, 4):
        reducer = PCA(k).fit(augmented)
        restored = reducer.inverse_transform(reducer.transform(augmented))[:, :20]
        alone = PCA(k).fit(X)
        expected = alone.inverse_transform(alone.transform(X))
        ratio = np.square(X - restored).sum() / np.square(X - expected).sum()
        assert augmenter.pca_loss_ratio_[k - 1] == pytest.approx(ratio, rel=1e-3)


def test_same_seed_same_bits(diabetes):
    first, second = (
        TargetAugmenter(random_state=0).fit_transform(*diabetes) for _ in range(2)
    )
    assert np.array_equal(first, second)


def test_default_finds_few_columns_among_many():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 200))
    y = X[:, 0] - X[:, 1] + 0.1 * rng.standard_normal(150)
    augmenter = TargetAugmenter(random_state=0).fit(X, y)
    kinds = [type(one[-1]) for one in augmenter.estimators_[0] if hasattr(one, "steps")]
    assert LassoCV in kinds
    assert augmenter.cv_score_ > 0.95
