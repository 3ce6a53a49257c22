"""What test_array_api.py runs in a process that was started for array API dispatch."""

import pickle
import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import (
    check_array_api_input,
    check_array_api_input_and_values,
)

from sklearn_ae import AutoencoderTransformer, load, save
from sklearn_ae._data import namespaces

CHECKS = [check_array_api_input, check_array_api_input_and_values]
CONFIGURATIONS = [
    AutoencoderTransformer(random_state=0),
    AutoencoderTransformer(init="random", max_iter=3, random_state=0),
    AutoencoderTransformer(0.5, max_iter=3, early_stopping=True, random_state=0),
]
PLACES = [
    ("numpy", None, None),
    ("torch", "cpu", "float64"),
    ("torch", "cpu", "float32"),
]
ON_GPU = [("torch", "cuda", "float64"), ("torch", "cuda", "float32")]
DTYPES = [torch.float64, torch.float32]
FITTED = ["mean_", "feature_contributions_", "explained_variance_ratio_"]
METHODS = ["fit_transform", "transform", "score_samples"]


@pytest.fixture(autouse=True)
def dispatch():
    with config_context(array_api_dispatch=True):
        yield


@pytest.fixture
def X(curved):
    """Rows as a tensor; an array with these bits is `X.numpy()`."""
    return torch.tensor(curved)


@pytest.fixture
def fitted(quick, X):
    """Estimators fitted to an array and to a tensor."""
    return quick().fit(X.numpy()), quick().fit(X)


def assert_same(found, wanted):
    """Assert that a tensor has the bits of an array."""
    assert isinstance(found, torch.Tensor)
    assert found.device.type == "cpu"
    assert_array_equal(found.numpy(), wanted, strict=True)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("model", CONFIGURATIONS, ids=str)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_checks_of_scikit_learn(check, model, place):
    check("AutoencoderTransformer", model, *place)


@pytest.mark.gpu
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("model", CONFIGURATIONS, ids=str)
@pytest.mark.parametrize("place", ON_GPU, ids=str)
def test_checks_of_scikit_learn_on_a_gpu(check, model, place):
    check("AutoencoderTransformer", model, *place)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_tensors_have_the_bits_of_arrays(method, dtype, quick, curved):
    X = torch.tensor(curved, dtype=dtype)
    array, tensor = quick().fit(X.numpy()), quick().fit(X)
    assert_same(getattr(tensor, method)(X), getattr(array, method)(X.numpy()))
    for name in FITTED:
        assert_same(getattr(tensor, name), getattr(array, name))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_inverse_transform_and_score(dtype, quick, curved):
    X = torch.tensor(curved, dtype=dtype)
    model = quick().fit(X)
    codes, score = model.transform(X), model.score(X)
    found = model.inverse_transform(codes)
    assert isinstance(score, float)
    with config_context(array_api_dispatch=False):
        assert_same(found, model.inverse_transform(codes.numpy()))
        assert model.score(X.numpy()) == score


def test_whole_numbers_become_float64(quick):
    X = torch.arange(60).reshape(20, 3) ** 2 % 17
    codes = quick().fit_transform(X)
    assert_same(codes, quick().fit_transform(X.numpy()))
    assert codes.dtype == torch.float64


def test_missing_cells(quick, X):
    X[::7, 0] = torch.nan
    codes = quick().fit_transform(X)
    assert_same(codes, quick().fit_transform(X.numpy()))
    assert codes.isfinite().all()


@pytest.mark.parametrize("kind", [torch.tensor, np.array])
def test_weights_are_tensors_or_arrays(kind, quick, X):
    counts = np.arange(len(X)) % 3.0
    model, weight = quick().fit(X, sample_weight=kind(counts)), kind(counts)
    wanted = quick().fit(X.numpy(), sample_weight=counts)
    assert_same(model.transform(X), wanted.transform(X.numpy()))
    score = wanted.score(X.numpy(), sample_weight=counts)
    assert model.score(X, sample_weight=weight) == score


@pytest.mark.parametrize("kind", [torch.tensor, np.array])
def test_partial_fit(kind, quick, X):
    model, wanted, weight = quick(), quick(), np.arange(20) % 3.0
    for rows in (X[:40], X[40:60]):
        model.partial_fit(rows)
        wanted.partial_fit(rows.numpy())
    model.partial_fit(X[60:80], sample_weight=kind(weight))
    wanted.partial_fit(X[60:80].numpy(), sample_weight=weight)
    for name in [*FITTED, "code_correlations_"]:
        assert_same(getattr(model, name), getattr(wanted, name))


def test_fitted_arrays_follow_the_last_rows(quick, X):
    model = quick().partial_fit(X[:40])
    model.partial_fit(X[40:].numpy())
    assert all(isinstance(getattr(model, name), np.ndarray) for name in FITTED)


def test_warm_start_and_clone(quick, X):
    model = quick(warm_start=True).fit(X).fit(X)
    wanted = quick(warm_start=True).fit(X.numpy()).fit(X.numpy())
    assert_same(model.transform(X), wanted.transform(X.numpy()))
    assert_same(model.mean_, wanted.mean_)
    again = clone(model).fit(X.numpy())
    assert isinstance(again.mean_, np.ndarray)


def test_parameters_are_not_moved(quick, X):
    sizes = np.array([8.0])[:0]  # a linear autoencoder
    model = quick(hidden_layer_sizes=sizes).fit(X)
    assert model.hidden_layer_sizes is sizes


def test_pickles_keep_tensors(fitted, X):
    model = pickle.loads(pickle.dumps(fitted[1]))
    assert torch.equal(model.mean_, fitted[1].mean_)
    assert torch.equal(model.transform(X), fitted[1].transform(X))


def test_files_hold_arrays(fitted, X, tmp_path):
    save(fitted[1], tmp_path / "model.safetensors")
    model = load(tmp_path / "model.safetensors")
    for name in FITTED:
        assert_array_equal(getattr(model, name), getattr(fitted[0], name), strict=True)
    assert_same(model.transform(X), model.transform(X.numpy()))


def test_fitted_to_arrays_takes_tensors(fitted, X):
    codes = fitted[0].transform(X)
    assert_same(codes, fitted[0].transform(X.numpy()))
    rows = fitted[0].inverse_transform(codes)
    assert_same(rows, fitted[0].inverse_transform(codes.numpy()))


@pytest.mark.parametrize("kind", [np.array, np.ndarray.tolist, csr_array])
@pytest.mark.parametrize(
    "method", ["transform", "inverse_transform", "score", "score_samples"]
)
def test_fitted_to_tensors_refuses_others(method, kind, fitted, X):
    rows = kind(fitted[0].transform(X.numpy()) if "inverse" in method else X.numpy())
    text = (
        f"Inputs passed to AutoencoderTransformer.{method}() must use the same "
        "namespace and the same device as those passed to fit(), which are "
    )
    with pytest.raises(ValueError, match=re.escape(text)):
        getattr(fitted[1], method)(rows)


@pytest.mark.parametrize("method", ["transform", "score", "score_samples"])
def test_fitted_to_tensors_takes_arrays_without_dispatch(method, fitted, X):
    with config_context(array_api_dispatch=False):
        found = getattr(fitted[1], method)(X.numpy())
    assert_array_equal(found, getattr(fitted[0], method)(X.numpy()))


@pytest.mark.parametrize("kind", [np.array, csr_array])
def test_other_rows_give_what_they_gave(kind, quick, X):
    X[::7, 0] = 0 if kind is csr_array else torch.nan
    rows = kind(X.numpy())
    found = quick().fit_transform(rows)
    with config_context(array_api_dispatch=False):
        assert_array_equal(found, quick().fit_transform(rows), strict=True)


def test_given_array_for_codes_is_written_to(fitted, X):
    out = np.empty((len(X), 2))
    assert fitted[1].transform(X, out=out) is out
    assert_array_equal(out, fitted[0].transform(X.numpy()))


def test_codes_are_not_written_to_a_tensor(fitted, X):
    out = torch.empty((len(X), 2), dtype=X.dtype)
    with pytest.raises(TypeError, match="out is a Tensor, but has to be NumPy's"):
        fitted[1].transform(X, out=out)


def test_given_rows_stay_as_they_are(quick, X):
    quick().fit(X).score_samples(X)
    assert_array_equal(X.numpy(), X)


def test_failed_fit_keeps_tensors(fitted, X):
    mean = fitted[1].mean_
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        fitted[1].fit(X[:1])
    assert fitted[1].mean_ is mean


def test_tensors_of_a_graph_are_refused(quick, X):
    X.requires_grad_()
    with pytest.raises(RuntimeError, match=re.escape("tensor.detach().numpy()")):
        quick().fit(X)


def test_pipelines_and_cross_validation(quick, X):
    model = make_pipeline(MinMaxScaler(), quick())
    wanted = clone(model).fit_transform(X.numpy())
    codes = model.fit_transform(X)
    assert isinstance(codes, torch.Tensor)
    assert_allclose(codes.numpy(), wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())
    scores = cross_val_score(quick(), X, cv=3)
    assert_array_equal(scores, cross_val_score(quick(), X.numpy(), cv=3))


def test_devices_without_float64_get_float32(monkeypatch):
    monkeypatch.setattr(
        namespaces._array_api, "_max_precision_float_dtype", lambda *_: torch.float32
    )
    X = torch.ones(2)
    assert namespaces.placed_like(X, np.ones(3)).dtype == torch.float32
    assert namespaces.placed_like(np.ones(2), np.ones(3)).dtype == np.float64
