"""Targets, folds, weights and columns that are hard to understand, or refused."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.linear_model import (
    LogisticRegression,
    Ridge,
)
from sklearn.model_selection import (
    KFold,
    ShuffleSplit,
)

from sklearn_ae import TargetAugmenter


def appended_by(augmenter, X, y, **params):
    return augmenter.fit_transform(X, y, **params)[:, X.shape[1] :]


def test_folds_have_to_hold_out_each_row_once(diabetes):
    with pytest.raises(ValueError, match="each of 442 rows exactly once"):
        TargetAugmenter(cv=ShuffleSplit(3)).fit(*diabetes)


def test_a_target_is_needed(diabetes):
    with pytest.raises(ValueError, match="requires y to be passed"):
        TargetAugmenter().fit(diabetes[0], None)


@pytest.mark.parametrize("unit", ["datetime64[D]", "timedelta64[D]"])
def test_points_in_time_are_no_target(hidden, unit):
    y = np.arange(300).astype(unit)
    with pytest.raises(TypeError, match="but has to hold classes or numbers"):
        TargetAugmenter().fit(hidden[0], y)


@pytest.mark.parametrize(
    "y",
    [
        np.array(["a", "b", None] * 100, dtype=object),
        pd.Series(["a", "b", None] * 100, dtype="string"),
        pd.Categorical(["a", "b", None] * 100),
        pd.Series([0, 1, None] * 100, dtype="Int64"),
        np.array([0.5, 1.5, np.nan] * 100),
    ],
)
def test_missing_targets_are_refused(hidden, y):
    with pytest.raises(ValueError, match="100 of 300 values are missing"):
        TargetAugmenter(LogisticRegression()).fit(hidden[0], y)


def test_several_columns_of_classes_are_refused(hidden):
    X, y = hidden
    both = np.column_stack([y > 0, y > 1])
    with pytest.raises(ValueError, match="y has 2 columns of classes"):
        TargetAugmenter(LogisticRegression()).fit(X, both)
    given = TargetAugmenter(target_type="continuous", random_state=0).fit(X, both)
    assert given.is_appended_.tolist() == [True, True]


def test_few_numbers_taken_for_classes_are_explained(diabetes):
    X, y = diabetes
    with pytest.raises(ValueError, match="y was taken for 10 classes: set target_type"):
        TargetAugmenter().fit(X[:10], y[:10])
    TargetAugmenter(target_type="continuous").fit(X[:10], y[:10])


@pytest.mark.parametrize("n_values", [0, 1, 30])
def test_columns_of_few_values_are_understood(hidden, n_values):
    X, y = hidden
    X[n_values:, 1] = np.nan
    augmenter = TargetAugmenter(random_state=0)
    assert augmenter.fit_transform(X, y).shape == (300, 21)
    assert np.isfinite(augmenter.transform(X)[:, -1]).all()


@pytest.mark.parametrize(
    ("augmenter", "n_columns"),
    [
        (TargetAugmenter(Ridge()), 1),
        (TargetAugmenter(target_type="continuous"), 1),
        (TargetAugmenter(), 2),
    ],
)
def test_text_taken_for_numbers_is_explained(hidden, augmenter, n_columns):
    y = np.array([["a"], ["b"], ["c"]] * 100)[:, [0] * n_columns]
    with pytest.raises(ValueError, match=r"'a'.*For classes, give one column"):
        augmenter.fit(hidden[0], y)


@pytest.mark.parametrize("estimator", [None, LogisticRegression()])
@pytest.mark.parametrize("missing", [None, np.nan])
@pytest.mark.parametrize("kind", [object, "category"])
def test_classes_cannot_be_missing(hidden, estimator, missing, kind):
    X, y = hidden
    labels = pd.Series(np.where(y > 0, "high", "low"), dtype=object)
    labels[3] = missing
    with pytest.raises(ValueError, match="contains N"):
        TargetAugmenter(estimator, target_type="binary").fit(X, labels.astype(kind))


def test_a_missing_number_is_no_class(hidden):
    X, y = hidden
    y[3] = np.nan
    with pytest.raises(ValueError, match="Input y contains NaN"):
        TargetAugmenter().fit(X, y)


def test_numbers_are_no_classes(hidden):
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        TargetAugmenter(LogisticRegression()).fit(*hidden)


@pytest.mark.parametrize("n_samples", [77, 90, 300])
def test_a_constant_output_does_not_count(hidden, n_samples):
    X, y = (part[:n_samples] for part in hidden)
    augmenter = TargetAugmenter(Ridge(), cv=KFold(4))
    wanted = appended_by(augmenter, X, y)
    for constant in (1.0, 0.1, 1e9 / 3):
        outputs = np.column_stack([y, np.full(n_samples, constant)])
        np.testing.assert_allclose(appended_by(augmenter, X, outputs), wanted)


@pytest.mark.parametrize("estimator", [None, LogisticRegression()])
def test_only_rows_that_count_make_a_target_vary(hidden, estimator):
    X, y = hidden
    y = y > 0
    augmenter = TargetAugmenter(estimator, random_state=0)
    augmenter.fit(X, y, sample_weight=y.astype(float))
    assert augmenter.cv_score_ == 0
    assert not augmenter.is_appended_.any()


def test_folds_need_rows_that_count(hidden):
    X, y = hidden
    weight = np.zeros(len(y))
    weight[:2] = 1
    with pytest.raises(ValueError, match="training rows all have a sample_weight of 0"):
        TargetAugmenter(Ridge(), cv=KFold(2)).fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("estimator", [None, LogisticRegression()])
def test_a_class_of_one_row(hidden, estimator):
    X, y = hidden
    augmenter = TargetAugmenter(estimator).fit(X, y == y[0])
    assert not augmenter.is_appended_.any()


def test_rare_classes_of_many_rows():
    X = np.random.default_rng(0).standard_normal((12_000, 1))
    y = (X[:, 0] > 0).astype(int)
    y[:2] = 2
    augmenter = TargetAugmenter(cv=2, random_state=0).fit(X, y)
    assert augmenter.cv_score_ > 0.9


def test_columns_without_any_value_in_a_fold(hidden):
    X, y = hidden
    X[:, 1] = np.nan
    X[100:, 2] = np.nan
    augmenter = TargetAugmenter(cv=KFold(3), random_state=0).fit(X, y)
    assert augmenter.cv_score_ > 0.9
    assert np.isfinite(augmenter.transform(X)[:, 20:]).all()


def test_splits_may_come_one_by_one(hidden):
    X, y = hidden
    weight = np.ones(len(y))
    with config_context(enable_metadata_routing=True):
        estimator = Ridge().set_fit_request(sample_weight=True)
        found = [
            appended_by(TargetAugmenter(estimator, cv=cv), X, y, sample_weight=weight)
            for cv in (KFold(3), list(KFold(3).split(X)))
        ]
    assert np.array_equal(*found)
    one_by_one = TargetAugmenter(Ridge(), cv=KFold(3).split(X))
    assert np.array_equal(appended_by(one_by_one, X, y), found[0])


def test_there_have_to_be_folds(hidden):
    with pytest.raises(ValueError, match="each of 300 rows exactly once"):
        TargetAugmenter(cv=[]).fit(*hidden)


def test_cost_is_infinite_where_pca_loses_nothing(diabetes):
    ratio = TargetAugmenter(random_state=0).fit(*diabetes).pca_loss_ratio_
    assert np.isfinite(ratio[:9]).all()
    assert ratio[9] == np.inf


def test_trees_are_left_out_where_classes_and_columns_are_many():
    X = np.random.default_rng(0).standard_normal((200, 600))
    y = np.arange(200) % 10
    X[np.arange(200), y] += 10
    augmenter = TargetAugmenter(cv=2, random_state=0).fit(X, y)
    ((linear,),) = augmenter.estimators_
    assert isinstance(linear[-1], LogisticRegression)


def test_a_fit_that_fails_leaves_what_was_learned(hidden):
    X, y = hidden
    augmenter = TargetAugmenter(Ridge()).fit(X, y)
    augmenter.set_params(estimator=LogisticRegression(), cv=[])
    with pytest.raises(ValueError, match="exactly once"):
        augmenter.fit(X, y > 0)
    assert augmenter.target_type_ == "continuous"
    assert len(augmenter.get_feature_names_out()) == augmenter.transform(X).shape[1]


@pytest.mark.parametrize("n_rows", [5, 6, 20])
def test_few_rows_of_numbers(n_rows):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((n_rows, 3)), rng.standard_normal(n_rows)
    found = TargetAugmenter(random_state=0).fit_transform(X, y)
    assert_array_equal(found[:, :3], X)


@pytest.mark.parametrize("counted", [slice(0, 8), slice(50, 100)])
def test_runs_of_rows_that_do_not_count(counted):
    rng = np.random.default_rng(0)
    X, weight = rng.standard_normal((100, 3)), np.zeros(100)
    weight[counted] = 1
    augmenter = TargetAugmenter(random_state=0)
    found = augmenter.fit_transform(X, X[:, 0], sample_weight=weight)
    assert np.isfinite(found).all()
