"""What scikit-learn's tools ask of a transformer, beyond its own checks."""

import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import EarlyStopping

TARGETS = {
    "text": lambda n: ["spam"] * n,
    "nothing": lambda n: None,
    "numbers": lambda n: np.arange(n),
    "NaN": lambda n: np.full(n, np.nan),
    "another length": lambda n: [1, 2],
    "table": lambda n: np.zeros((n, 3)),
    "not even a sequence": lambda n: Untouchable(),
}


class Untouchable:
    """Raise whatever is asked of it."""

    def __getattribute__(self, name):
        raise AssertionError(f"y.{name} was asked for")


@pytest.fixture
def frame(linear):
    return pd.DataFrame(linear, columns=[f"column {j}" for j in range(6)])


@pytest.fixture
def target(curved):
    return curved[:, 0] + curved[:, 5] ** 2


@pytest.mark.parametrize("target", TARGETS)
def test_y_is_ignored(quick, linear, target):
    y = TARGETS[target](len(linear))
    expected = quick().fit(linear).transform(linear)
    assert_array_equal(quick().fit(linear, y).transform(linear), expected)
    assert_array_equal(quick().fit_transform(linear, y), expected)
    model = quick().fit(linear, y=y)
    assert model.score(linear, y) == model.score(linear)


def test_fit_returns_the_estimator(quick, linear):
    model = quick()
    assert model.fit(linear) is model


def test_fit_leaves_the_parameters_as_they_are(quick, linear):
    sizes, callbacks = [8, 4], []
    model = quick(hidden_layer_sizes=sizes, callbacks=callbacks, device="auto")
    before = model.get_params()
    after = model.fit(linear).get_params()
    assert all(after[name] is before[name] for name in before)
    assert (sizes, callbacks) == ([8, 4], [])


def test_only_the_number_of_codes_can_be_positional(quick):
    estimator_class = type(quick())
    assert estimator_class(3).n_components == 3
    with pytest.raises(TypeError, match="positional argument"):
        estimator_class(3, (8,))


def test_clone_is_unfitted_and_fits_to_the_same_bits(quick, linear):
    model = quick(hidden_layer_sizes=[8], callbacks=[EarlyStopping("train_loss")])
    codes = model.fit_transform(linear)
    copy = clone(model)
    assert not copy.__sklearn_is_fitted__()
    assert copy.get_params()["hidden_layer_sizes"] == [8]
    assert copy.callbacks[0] is not model.callbacks[0]
    assert_array_equal(copy.fit_transform(linear), codes)


def test_pipeline_scales_reduces_and_regresses(quick, curved, target):
    pipeline = make_pipeline(StandardScaler(), quick(max_iter=10), LinearRegression())
    pipeline.fit(curved, target)
    codes = pipeline[:-1].transform(curved)
    assert codes.shape == (240, 2)
    assert pipeline.score(curved, target) > 0.5
    reconstruction = pipeline[:-1].inverse_transform(codes)
    assert np.mean((reconstruction - curved) ** 2) < 0.3 * curved.var()


def test_grid_search_compares_code_sizes(quick, curved):
    search = GridSearchCV(quick(max_iter=2), {"n_components": [1, 2, 3]}, cv=3)
    search.fit(curved)
    scores = search.cv_results_["mean_test_score"]
    assert search.best_params_ == {"n_components": 3}
    assert scores[0] < scores[1] < scores[2] <= 1
    assert search.best_estimator_.transform(curved).shape == (240, 3)


def test_grid_search_within_a_pipeline(quick, curved, target):
    pipeline = make_pipeline(StandardScaler(), quick(max_iter=2), LinearRegression())
    grid = {"autoencodertransformer__n_components": [1, 3]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(curved, target)
    assert search.best_params_ == {"autoencodertransformer__n_components": 3}


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_give_the_scores_of_one_process(quick, curved, backend):
    expected = cross_val_score(quick(cv=2), curved, cv=3)
    with joblib.parallel_config(backend, n_jobs=2), warnings.catch_warnings():
        # A worker that takes long to start is not this package's concern.
        warnings.filterwarnings("ignore", "A worker stopped", UserWarning)
        scores = cross_val_score(quick(cv=2), curved, cv=3, error_score="raise")
    assert_allclose(scores, expected, atol=1e-3)


def test_column_transformer_reduces_some_columns(quick, frame):
    transformer = ColumnTransformer(
        [("codes", quick(1), ["column 0", "column 3", "column 5"])],
        remainder="passthrough",
    )
    out = transformer.fit_transform(frame)
    assert out.shape == (60, 4)
    assert list(transformer.get_feature_names_out()) == [
        "codes__autoencodertransformer0",
        "remainder__column 1",
        "remainder__column 2",
        "remainder__column 4",
    ]


def test_codes_are_named_after_the_estimator(quick, linear):
    model = quick(3).fit(linear)
    expected = [f"autoencodertransformer{j}" for j in range(3)]
    assert list(model.get_feature_names_out()) == expected


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_output_can_be_a_data_frame(quick, linear, library):
    model = quick(2).set_output(transform=library)
    out = model.fit_transform(linear)
    assert type(out).__module__.split(".")[0] == library
    assert list(out.columns) == ["autoencodertransformer0", "autoencodertransformer1"]
    expected = quick(2).fit_transform(linear)
    assert_array_equal(out.to_numpy(), expected)
    assert_array_equal(model.transform(linear).to_numpy(), expected)


def test_output_configuration_survives_a_refit(quick, linear):
    model = quick(2).set_output(transform="pandas")
    model.fit(linear).fit(linear)
    assert isinstance(model.transform(linear), pd.DataFrame)


def test_data_frame_gives_the_codes_of_its_numbers(quick, frame, linear):
    model = quick().fit(frame)
    assert list(model.feature_names_in_) == list(frame.columns)
    assert model.n_features_in_ == 6
    codes = model.transform(frame)
    assert isinstance(codes, np.ndarray)
    expected = quick().fit_transform(linear)
    assert_allclose(codes, expected, rtol=1e-9, atol=1e-12)
    assert model.inverse_transform(codes).shape == frame.shape


def test_polars_frame_gives_the_codes_of_its_numbers(quick, frame, linear):
    polars = pl.DataFrame({name: frame[name].to_numpy() for name in frame})
    expected = quick().fit_transform(linear)
    assert_allclose(quick().fit_transform(polars), expected, rtol=1e-9, atol=1e-12)


def test_data_frame_of_mixed_numbers_is_taken_as_float64(quick, frame):
    frame = frame.assign(**{"column 0": [0, 1, 2] * 20, "column 1": [True, False] * 30})
    codes = quick().fit_transform(frame)
    expected = quick().fit_transform(frame.to_numpy(dtype=np.float64))
    assert codes.dtype == np.float64
    assert_array_equal(codes, expected)


def test_columns_in_another_order_are_refused(quick, frame):
    model = quick().fit(frame)
    with pytest.raises(ValueError, match="must be in the same order"):
        model.transform(frame[frame.columns[::-1]])


def test_codes_in_a_data_frame_can_be_decoded(quick, frame):
    model = quick().set_output(transform="pandas").fit(frame)
    codes = model.transform(frame)
    expected = model.inverse_transform(codes.to_numpy())
    assert_array_equal(model.inverse_transform(codes), expected)


def test_score_samples_are_minus_squared_errors(quick, curved, curved_held_out):
    model = quick().fit(curved)
    reconstruction = model.inverse_transform(model.transform(curved_held_out))
    errors = np.sum((curved_held_out - reconstruction) ** 2, axis=1)
    assert_allclose(model.score_samples(curved_held_out), -errors, rtol=1e-9)


def test_score_sums_the_errors_of_the_rows(quick, curved, curved_held_out):
    model = quick().fit(curved)
    total = np.sum((curved_held_out - curved.mean(axis=0)) ** 2)
    expected = 1 + model.score_samples(curved_held_out).sum() / total
    assert_allclose(model.score(curved_held_out), expected, rtol=1e-9)


def test_score_of_the_mean_is_zero(quick, curved):
    pca = PCA(2).fit(curved)
    # A row in the direction of the last component is reconstructed as the mean.
    away = PCA(12).fit(curved).components_[-1:] + curved.mean(axis=0)
    model = quick(hidden_layer_sizes=()).fit(curved)
    assert_allclose(model.score(away), 0, atol=1e-9)
    assert_allclose(pca.transform(away), 0, atol=1e-9)


def test_outlier_has_the_lowest_score(quick, curved, curved_held_out):
    model = quick(max_iter=10).fit(curved)
    odd = curved_held_out[:1] * np.tile([1, -1], 6)
    scores = model.score_samples(np.vstack([curved_held_out, odd]))
    assert scores.argmin() == len(curved_held_out)


def test_codes_do_not_depend_on_the_rows_beside_them(quick, curved, curved_held_out):
    model = quick().fit(curved)
    codes = model.transform(curved_held_out)
    one_by_one = np.vstack([model.transform(row[None]) for row in curved_held_out])
    assert_allclose(one_by_one, codes, rtol=1e-12, atol=1e-13)
    order = np.random.default_rng(0).permutation(len(codes))
    assert_allclose(
        model.transform(curved_held_out[order]), codes[order], rtol=1e-12, atol=1e-13
    )


def test_large_tables_are_encoded_in_blocks_like_small_ones(quick, curved):
    model = quick().fit(curved)
    tall = np.tile(curved, (40, 1))
    codes = model.transform(tall)
    assert_allclose(codes, np.tile(codes[:240], (40, 1)), rtol=1e-12, atol=1e-13)
    assert_allclose(model.score(tall), model.score(curved), rtol=1e-12)
    assert_allclose(
        model.score_samples(tall).sum(), 40 * model.score_samples(curved).sum()
    )


def test_fit_and_transform_leave_the_fit_as_it_is(quick, curved):
    model = quick().fit(curved)
    before = joblib.hash(vars(model))
    model.inverse_transform(model.transform(curved))
    model.score(curved.astype(np.float32))
    assert joblib.hash(vars(model)) == before


def test_nothing_is_written_to_disk(quick, curved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    for changes in ({"cv": 2}, {"early_stopping": True}, {"verbose": 1}):
        quick(**changes).fit(curved).transform(curved)
    assert list(tmp_path.iterdir()) == []
