"""Estimators of scikit-learn, and pipelines of them, come back as they were."""

import re
from collections import UserList

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.compose import (
    ColumnTransformer,
    make_column_selector,
    make_column_transformer,
)
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeCV,
)
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

import sklearn_ae
from sklearn_ae import AutoencoderTransformer, TableEncoder
from sklearn_ae._persistence.scikit_learn import ESTIMATORS

N_ROWS = 40
X = np.random.default_rng(0).normal(size=(N_ROWS, 3))
HOLES = np.where(np.arange(3 * N_ROWS).reshape(X.shape) % 7 == 0, np.nan, X)
TEXT = np.random.default_rng(1).choice(
    list("abcd"), (N_ROWS, 2), p=[0.5, 0.4, 0.05, 0.05]
)
OBJECTS = TEXT.astype(object)
y = X @ [1.0, 2.0, 3.0]
LABELS = np.arange(N_ROWS) % 3
FRAME = pd.DataFrame(X, columns=list("abc")).assign(text=TEXT[:, 0])
PASS = "passthrough"


def assert_same(value, other):
    """Compare two attributes, their parts included; memory is ordered alike."""
    if isinstance(value, UserList):  # of columns, before scikit-learn 1.7
        value = value.data
    assert type(value) is type(other)
    if hasattr(value, "get_params"):
        value, other = (dict(sorted(vars(one).items())) for one in (value, other))
    if isinstance(value, dict):
        assert_same(list(value), list(other))
        value, other = list(value.values()), list(other.values())
    if isinstance(value, np.ndarray):
        assert (value.dtype, value.shape) == (other.dtype, other.shape)
        is_packed = value.flags.forc
        assert not is_packed or value.flags.c_contiguous == other.flags.c_contiguous
        value, other = value.ravel().tolist(), other.ravel().tolist()
    if isinstance(value, list | tuple):
        assert len(value) == len(other)
        for one, another in zip(value, other, strict=True):
            assert_same(one, another)
    elif not isinstance(value, make_column_selector):
        assert value == other or (value != value and other != other)


def results(estimator, table):
    """Return all that an estimator makes of a table."""
    names = ("transform", "predict", "predict_proba", "score_samples")
    found = [getattr(estimator, n)(table) for n in names if hasattr(estimator, n)]
    if hasattr(estimator, "transform") and hasattr(estimator, "get_feature_names_out"):
        found.append(estimator.get_feature_names_out())
    return [one.toarray() if hasattr(one, "toarray") else one for one in found]


def assert_kept(round_trip, estimator, table):
    other = round_trip(estimator)
    assert_same(estimator, other)
    for found, expected in zip(
        results(other, table), results(estimator, table), strict=True
    ):
        assert type(found) is type(expected)
        assert_array_equal(found, expected)
    assert_same(clone(estimator), clone(other))


SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False, with_std=False),
    MinMaxScaler(clip=True),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(with_centering=False, with_scaling=False),
    PowerTransformer(),
    PowerTransformer(standardize=False),
    QuantileTransformer(n_quantiles=10),
    SimpleImputer(add_indicator=True),
    SimpleImputer(strategy="constant", fill_value=0),
    MissingIndicator(),
]


@pytest.mark.parametrize("estimator", SCALERS, ids=repr)
def test_scaler_is_kept(round_trip, estimator):
    for rows in (HOLES, HOLES.astype(np.float32)):
        assert_kept(round_trip, estimator.fit(rows), rows)


DECOMPOSITIONS = [
    *(PCA(2, svd_solver=one) for one in ("full", "covariance_eigh", "randomized")),
    PCA(0.9, whiten=True),
    TruncatedSVD(2, random_state=0),
    *(
        GaussianMixture(2, covariance_type=kind, random_state=0)
        for kind in ("full", "tied", "diag", "spherical")
    ),
    FunctionTransformer(),
]


@pytest.mark.parametrize("estimator", DECOMPOSITIONS, ids=repr)
def test_decomposition_is_kept(round_trip, estimator):
    assert_kept(round_trip, estimator.fit(X), X)
    assert_kept(round_trip, estimator.fit(FRAME[["a", "b"]]), FRAME[["a", "b"]])


ENCODERS = [
    OneHotEncoder(),
    OneHotEncoder(sparse_output=False, dtype=np.float32),
    OneHotEncoder(min_frequency=5, drop="first"),
    OneHotEncoder(handle_unknown="ignore", max_categories=3),
    OrdinalEncoder(dtype=np.int32),
    OrdinalEncoder(min_frequency=5),
]


@pytest.mark.parametrize("estimator", ENCODERS, ids=repr)
@pytest.mark.parametrize("dtype", ["O", "U3", "S1"])
def test_encoder_is_kept(round_trip, estimator, dtype):
    table = TEXT.astype(dtype)
    assert_kept(round_trip, clone(estimator).fit(table), table)


def test_missing_and_other_categories_are_kept(round_trip):
    table = OBJECTS.copy()
    table[0, 0], table[1, 0], table[:, 1] = None, np.nan, LABELS
    encoder = OrdinalEncoder(encoded_missing_value=-1).fit(table)
    assert_kept(round_trip, encoder, table)
    assert_kept(round_trip, SimpleImputer(strategy="most_frequent").fit(table), table)
    for numbers in (X[:, :1] > 0, LABELS[:, None], HOLES):
        assert_kept(round_trip, OneHotEncoder().fit(numbers), numbers)


REGRESSORS = [
    LinearRegression(),
    LinearRegression(positive=True, fit_intercept=False),
    Ridge(),
    Ridge(alpha=np.float32(0.1), solver="sag", random_state=0),
    RidgeCV(),
    RidgeCV(alphas=np.array([1.0, 2.0]), cv=3),
    RidgeCV(store_cv_results=True),
    Lasso(),
    LassoCV(),
    ElasticNet(),
    ElasticNetCV(l1_ratio=[0.1, 0.9]),
]


@pytest.mark.parametrize("estimator", REGRESSORS, ids=repr)
def test_regressor_is_kept(round_trip, estimator):
    assert_kept(round_trip, estimator.fit(X, y), X)


@pytest.mark.parametrize("estimator", [LinearRegression(), Ridge(), Lasso()], ids=repr)
def test_regressor_of_two_targets_is_kept(round_trip, estimator):
    assert_kept(round_trip, estimator.fit(X, np.c_[y, -y]), X)


CLASSIFIERS = [LogisticRegression(), LogisticRegressionCV(Cs=3)]


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of parameters' new names
@pytest.mark.parametrize("estimator", CLASSIFIERS)
@pytest.mark.parametrize("labels", [LABELS, LABELS > 0, np.array(list("xyz"))[LABELS]])
def test_classifier_is_kept(round_trip, estimator, labels):
    assert_kept(round_trip, clone(estimator).fit(X, labels), X)


@pytest.mark.parametrize(
    "columns",
    [
        [(StandardScaler(), [0]), (PASS, [1])],
        [(StandardScaler(), slice(0, 2)), ("drop", [2])],
        [(PCA(1), ["a", "b"]), (OneHotEncoder(sparse_output=False), ["text"])],
        [(StandardScaler(), make_column_selector(dtype_include=np.number))],
        [(OneHotEncoder(), make_column_selector("text"))],
    ],
    ids=str,
)
@pytest.mark.parametrize("remainder", ["drop", PASS, OneHotEncoder()], ids=repr)
def test_column_transformer_is_kept(round_trip, columns, remainder):
    model = make_column_transformer(*columns, remainder=remainder)
    assert_kept(round_trip, model.fit(FRAME), FRAME)


def test_output_of_a_pipeline_is_kept(round_trip):
    model = ColumnTransformer(
        [("numbers", make_pipeline(StandardScaler(), PCA(2)), ["a", "b", "c"])]
    ).set_output(transform="pandas")
    pipeline = Pipeline([("columns", model), ("none", None), ("pass", PASS)])
    assert_kept(round_trip, pipeline.fit(FRAME), FRAME)


def test_pipeline_of_a_table_is_kept(round_trip, quick):
    pipeline = make_pipeline(TableEncoder(), quick(2), Ridge()).fit(FRAME, y)
    other = round_trip(pipeline)
    assert_array_equal(other.predict(FRAME), pipeline.predict(FRAME))
    decoder, again = pipeline[:-1], other[:-1]
    found = again.inverse_transform(again.transform(FRAME))
    expected = decoder.inverse_transform(decoder.transform(FRAME))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert_array_equal(other.fit(FRAME, y).predict(FRAME), pipeline.predict(FRAME))


def test_warm_start_goes_on_in_a_pipeline(round_trip, quick):
    pipeline = make_pipeline(
        make_pipeline(PASS, StandardScaler()), quick(1, warm_start=True)
    ).fit(X)
    other = round_trip(pipeline)
    expected = pipeline.fit(X).transform(X)
    assert_array_equal(other.fit(X).transform(X), expected)
    assert_array_equal(clone(other).fit(X).transform(X), clone(other).fit_transform(X))


def test_steps_that_are_not_fitted_stay_so(round_trip):
    scaler = StandardScaler()
    pipeline = Pipeline([("first", scaler), ("last", PCA(1))]).fit(X)
    pipeline.steps[0] = ("first", clone(scaler))
    with pytest.raises(NotFittedError):
        round_trip(pipeline)["first"].transform(X)
    with pytest.raises(NotFittedError):
        sklearn_ae.save(make_pipeline(StandardScaler()), "none")


class Scaler(StandardScaler):
    """What would not come back."""


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            RandomForestRegressor(2),
            "files do not hold the class RandomForestRegressor.",
        ),
        (Scaler(), "files do not hold the class Scaler, though it is a subclass of"),
        (FeatureUnion([("a", PCA(1))]), "files do not hold the class FeatureUnion."),
        (Pipeline([("a", PCA())], memory="m"), "files do not hold its ['memory']."),
    ],
    ids=repr,
)
def test_other_estimators_are_refused_with_the_remedy(path, monkeypatch, step, message):
    monkeypatch.chdir(path.parent)
    pipeline = Pipeline([("outer", Pipeline([("inner", step)]))]).fit(X, y)
    start = "Pipeline.steps.outer.steps.inner cannot be saved without pickle: "
    advice = "Change it before the fit, or keep the whole with joblib.dump, or with sko"
    wanted = re.escape(start + message) + ".*" + re.escape(advice)
    with pytest.raises(TypeError, match=f"^{wanted}"):
        sklearn_ae.save(pipeline, path)
    assert not path.exists()


def test_of_a_search_the_best_is_to_be_saved(path):
    search = GridSearchCV(make_pipeline(PCA(), Ridge()), {"pca__n_components": [1, 2]})
    with pytest.raises(TypeError, match="GridSearchCV; save its best_estimator_"):
        sklearn_ae.save(search.fit(X, y), path)
    sklearn_ae.save(search.best_estimator_, path)
    assert np.array_equal(sklearn_ae.load(path).predict(X), search.predict(X))


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (FunctionTransformer(np.abs), "FunctionTransformer.func cannot .*'absolute'"),
        (LassoCV(cv=KFold(3)), r"LassoCV.cv cannot .*KFold\(.* is not plain data"),
        (Ridge(alpha=np.longdouble(1)), "Ridge.alpha cannot be saved without pickle"),
    ],
    ids=repr,
)
def test_parameters_that_are_no_plain_data_are_refused(path, estimator, message):
    with pytest.raises(TypeError, match=message):
        sklearn_ae.save(estimator.fit(X, y), path)


def test_attributes_of_others_are_refused(path):
    scaler = StandardScaler().fit(X)
    scaler.note_ = "mine"
    with pytest.raises(TypeError, match=r"files do not hold its \['note_'\]"):
        sklearn_ae.save(scaler, path)


def test_what_is_no_estimator_is_refused(path):
    with pytest.raises(TypeError, match="is not an estimator instance"):
        sklearn_ae.save({"a": 1}, path)
    with pytest.raises(ValueError, match="'tol' parameter of PCA must be"):
        sklearn_ae.save(PCA(1).fit(X).set_params(tol=-1), path)


def test_estimator_that_holds_itself_is_refused(path):
    pipeline = make_pipeline(PASS).fit(X)
    pipeline.steps.insert(0, ("self", pipeline))
    with pytest.raises(ValueError, match="holds itself, or is nested deeply"):
        sklearn_ae.save(pipeline, path)


def test_autoencoders_in_a_parameter_are_kept_unfitted(round_trip, quick):
    model = sklearn_ae.AutoencoderImputer(quick(1)).fit(HOLES)
    other = round_trip(model)
    assert not hasattr(other.estimator, "net_")
    assert isinstance(other.estimator, AutoencoderTransformer)
    assert_array_equal(other.transform(HOLES), model.transform(HOLES))


def test_all_estimators_of_the_list_are_tried():
    tried = [*SCALERS, *DECOMPOSITIONS, *ENCODERS, *REGRESSORS, *CLASSIFIERS]
    assert {*map(type, tried), ColumnTransformer, Pipeline} == ESTIMATORS.keys()
