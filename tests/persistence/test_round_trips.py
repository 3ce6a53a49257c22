"""Autoencoders come back from files as they were."""

import pickle
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from skorch.callbacks import Callback

from sklearn_ae import AutoencoderTransformer

load = AutoencoderTransformer.load


def assert_same_results(model, other, X):
    for rows in (X, X.astype(np.float32)):
        codes = model.transform(rows)
        again = other.transform(rows)
        assert again.dtype == rows.dtype
        assert_array_equal(again, codes)
        assert_array_equal(
            other.inverse_transform(codes), model.inverse_transform(codes)
        )
        assert_array_equal(other.score_samples(rows), model.score_samples(rows))
        assert other.score(rows) == model.score(rows)


def parts_of(value):
    """Return what is to be compared part by part, if there is anything."""
    if isinstance(value, NeuralNet):  # settings of its training are not saved
        names = ("module_", "history", "is_refitted", "device", "callbacks_")
        return {name: getattr(value, name) for name in names}
    if isinstance(value, list | tuple):
        return dict(enumerate(value))
    if isinstance(value, dict):
        return value
    is_module = isinstance(value, torch.nn.Module)
    is_ours = type(value).__module__.startswith("sklearn_ae") and not is_module
    return vars(value) if is_ours else None


def assert_same_value(value, other):
    """Compare two attributes, their parts included."""
    assert type(value) is type(other)
    parts = parts_of(value)
    if parts is not None:
        others = parts_of(other)
        assert parts.keys() == others.keys()
        for name, part in parts.items():
            assert_same_value(part, others[name])
    elif isinstance(value, np.ndarray):
        assert value.dtype == other.dtype
        assert_array_equal(value, other)
    elif isinstance(value, torch.nn.Module):
        assert repr(value) == repr(other)
        assert value.training == other.training
        for name, tensor in value.state_dict().items():
            assert torch.equal(tensor, other.state_dict()[name])
            assert tensor.dtype == other.state_dict()[name].dtype
            assert not other.state_dict()[name].requires_grad
    elif isinstance(value, torch.Tensor):
        assert torch.equal(value, other)
    else:
        assert value == other


CASES = [
    {},
    {"init": "random"},
    {"init": "random", "n_components": 14},
    {"early_stopping": True},
    {"cv": 2},
    {"whiten": True},
    {"hidden_layer_sizes": ()},
    {"hidden_layer_sizes": [8, 4]},
    {"n_components": 0.5},
    {"n_components": 5, "max_iter": 20},
    {"n_components": 7, "transform_max_iter": 3},
    {"n_components": None, "max_iter": 2},
    {"batch_size": "auto", "tol": 0},
    {"random_state": None},
]


@pytest.mark.parametrize("changes", CASES, ids=str)
def test_loaded_estimator_is_the_saved_one(quick, curved, round_trip, changes):
    model = quick(**changes).fit(curved)
    other = round_trip(model)
    check_is_fitted(other)
    assert_same_results(model, other, curved)
    assert_same_value(vars(model), vars(other))
    assert other.mean_ is other._fit_result.start.mean
    assert other.net_ is other._fit_result.net
    assert other._codec.modules[np.dtype(np.float64)] is other.net_.module_


@pytest.mark.parametrize("whiten", [False, True])
def test_subspace_is_kept(quick, wide_linear, round_trip, whiten):
    model = quick(2, whiten=whiten).fit(wide_linear)
    assert model._fit_result.start.subspace is not None
    assert_same_results(model, round_trip(model), wide_linear)


def test_network_of_few_directions_may_be_wide(quick, wide_linear, round_trip):
    """Its first layer takes fewer weights than one for all columns would."""
    model = quick(2, hidden_layer_sizes=(128, 64), max_iter=2).fit(wide_linear)
    assert model._fit_result.start.subspace.shape == (3, 100)
    assert_same_results(model, round_trip(model), wide_linear)


def test_missing_cells_are_imputed_alike(quick, curved, round_trip):
    X = np.where(
        np.random.default_rng(0).uniform(size=curved.shape) < 0.1, np.nan, curved
    )
    model = quick().fit(X)
    assert_same_results(model, round_trip(model), X)


@pytest.mark.parametrize("n_components", [3, 4, 5, 6, 10])
def test_steps_are_the_same_to_the_last_bit(quick, round_trip, n_components):
    random = np.random.default_rng(0)
    X = np.sin(random.standard_normal((300, 4)) @ random.standard_normal((4, 30)))
    model = quick(n_components, hidden_layer_sizes=(40, 20)).fit(X)
    assert model.net_.module_.steps is not None
    assert_same_results(model, round_trip(model), X)


def test_constant_data_can_be_saved(quick, round_trip):
    X = np.full((20, 3), 7.0)
    assert_same_results(quick(1).fit(X), round_trip(quick(1).fit(X)), X)


@pytest.mark.parametrize("scale", [1e-300, 1e-40, 1e12, 1e150])
def test_extreme_scales_can_be_saved(quick, curved, round_trip, scale):
    model = quick(whiten=True).fit(curved * scale)
    codes = model.transform(curved * scale)
    assert_array_equal(round_trip(model).transform(curved * scale), codes)


def test_the_same_fit_gives_the_same_file(quick, linear, path, tmp_path):
    model = quick(early_stopping=True).fit(linear)
    model.save(path)
    model.save(tmp_path / "second")
    load(path).save(tmp_path / "third")
    content = path.read_bytes()
    assert (tmp_path / "second").read_bytes() == content
    assert (tmp_path / "third").read_bytes() == content


def test_loaded_estimator_can_be_cloned_pickled_and_refitted(quick, curved, round_trip):
    model = quick().fit(curved)
    other = round_trip(model)
    codes = model.transform(curved)
    assert clone(other).get_params() == model.get_params()
    again = pickle.loads(pickle.dumps(other))
    assert_array_equal(again.transform(curved), codes)
    assert_array_equal(other.fit(curved).transform(curved), codes)
    assert other.fit_transform(curved[:, :5]).shape == (240, 2)


@pytest.mark.parametrize("changes", [{}, {"init": "random"}, {"cv": 2}], ids=str)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_warm_start_goes_on(quick, curved, round_trip, changes, early_stopping):
    changes = {**changes, "early_stopping": early_stopping}
    model = quick(warm_start=True, **changes).fit(curved)
    other = round_trip(model)
    assert_array_equal(
        other.fit(curved).transform(curved), model.fit(curved).transform(curved)
    )


def test_warm_start_refuses_another_network(quick, curved, round_trip):
    other = round_trip(quick(warm_start=True).fit(curved))
    other.set_params(hidden_layer_sizes=(8,))
    message = "continues a fit with hidden_layer_sizes=(16,), but now it is (8,)."
    with pytest.raises(ValueError, match=re.escape(message)):
        other.fit(curved)


def test_parameters_may_have_changed_since_the_fit(quick, curved, round_trip):
    model = quick().fit(curved)
    model.set_params(
        n_components=3, hidden_layer_sizes=(7, 5), whiten=True, init="random"
    )
    other = round_trip(model)
    assert other.get_params() == model.get_params()
    assert_same_results(model, other, curved)


def test_names_of_columns_are_kept(quick, linear, round_trip):
    names = ["a", "b", "ü", "\U0001f600", "", "d\n"]
    table = pd.DataFrame(linear, columns=names)
    other = round_trip(quick().fit(table))
    assert list(other.feature_names_in_) == list(table.columns)
    assert other.feature_names_in_.dtype == object
    assert other.transform(table).shape == (60, 2)
    with pytest.raises(ValueError, match="feature names should match"):
        other.transform(table.rename(columns={"a": "z"}))


def test_kind_of_output_is_kept(quick, linear, round_trip):
    model = quick().set_output(transform="pandas").fit(linear)
    codes = round_trip(model).transform(linear)
    assert list(codes.columns) == list(model.get_feature_names_out())


def test_loaded_estimator_works_in_a_pipeline(quick, linear, round_trip):
    scaler = StandardScaler().fit(linear)
    model = quick().fit(scaler.transform(linear))
    pipeline = make_pipeline(scaler, round_trip(model))
    expected = model.transform(scaler.transform(linear))
    assert_array_equal(pipeline.transform(linear), expected)


def test_numbers_of_numpy_come_back_as_they_were(quick, linear, round_trip):
    model = quick(
        np.int64(2),
        hidden_layer_sizes=np.array([8, 4]),
        tol=np.float32(0.1),
        warm_start=np.bool_(False),
    ).fit(linear)
    other = round_trip(model)
    for name, value in model.get_params().items():
        assert_same_value(value, other.get_params()[name])
    assert_same_results(model, other, linear)


def test_random_state_comes_back_in_its_state(quick, linear, round_trip):
    generator = np.random.RandomState(3)
    generator.standard_normal()  # leaves a second number behind
    model = quick(random_state=generator).fit(linear)
    other = round_trip(model)
    assert_array_equal(other.random_state.normal(size=700), generator.normal(size=700))


def test_other_random_generators_are_refused(quick, linear, path):
    generator = np.random.RandomState(np.random.PCG64(0))
    model = quick(random_state=generator).fit(linear)
    with pytest.raises(
        TypeError, match=r"\.random_state cannot .* RandomState\(PCG64\).*joblib"
    ):
        model.save(path)


class Bell(Callback):
    """Write something into the history that is no plain data."""

    def __repr__(self):
        return "Bell()"

    def on_epoch_end(self, net, **kwargs):
        net.history.record("bell", self)


def test_callbacks_are_refused_by_name(quick, linear, path):
    model = quick(callbacks=[Callback(), ("bell", Bell())]).fit(linear)
    start = "AutoencoderTransformer.callbacks"
    with pytest.raises(TypeError, match=rf"^{start}.0 cannot be saved without pickle"):
        model.save(path)
    model.set_params(callbacks=[("bell", Bell())])
    message = (
        f"{start}.bell cannot be saved without pickle: Bell() is not plain data. "
        "Change it before the fit, or keep the whole with joblib.dump"
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        model.save(path)
    model.set_params(callbacks=None)
    message = (
        r"history\.\d+\.bell cannot be saved without pickle: Bell\(\) is not plain"
    )
    with pytest.raises(TypeError, match=message):
        model.save(path)
    assert not path.exists()


def test_callbacks_do_not_matter_once_they_are_taken_out(quick, linear, round_trip):
    model = quick(callbacks=[Callback()]).fit(linear).set_params(callbacks=None)
    assert_same_results(model, round_trip(model), linear)


def test_numbers_in_the_history_are_kept(quick, linear, round_trip):
    model = quick().fit(linear)
    model.net_.history.record("rate", np.float32(0.5))
    model.net_.history.record("worst", np.nan)
    model.net_.history.record("parts", {"a": (1, [2.0])})
    history = round_trip(model).net_.history
    assert history[-1, "rate"] == 0.5
    assert np.isnan(history[-1, "worst"])
    assert history[-1, "parts"] == {"a": (1, [2.0])}


def test_unfitted_estimator_is_not_saved(quick, path):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        quick().save(path)
    assert not path.exists()


def test_invalid_parameter_is_not_saved(quick, linear, path):
    model = quick().fit(linear).set_params(tol=-1)
    with pytest.raises(ValueError, match="The 'tol' parameter"):
        model.save(path)
    assert not path.exists()


def test_fitted_values_that_are_not_finite_are_not_saved(quick, linear, path):
    model = quick().fit(linear)
    fit = model._fit_result
    model._fit_result = replace(fit, pca_score=np.nan)
    with pytest.raises(ValueError, match=r"The 'pca_score' parameter .* must be"):
        model.save(path)
    model._fit_result = fit
    model.net_.module_.code_mean[0] = np.inf
    message = "The array 'module.code_mean' has entries that are not finite."
    with pytest.raises(ValueError, match=re.escape(message)):
        model.save(path)
    assert not path.exists()
