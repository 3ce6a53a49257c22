"""Large tensors stay on their GPU; test_array_api.py runs this with dispatch.

Where there is no GPU the processor stands in for one.
"""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.decomposition import PCA

from benchmarks.gpu import copied_to_host
from sklearn_ae import AutoencoderTransformer
from sklearn_ae._data import (
    LinearStart,
    ResidentRows,
    Table,
    namespaces,
    resident,
    where_it_is,
)
from sklearn_ae._export import TorchAutoencoder

STAND_IN = pytest.param("cpu", id="stand-in")
ON_GPU = pytest.param("cuda", marks=pytest.mark.gpu, id="gpu")
CONFIGURATIONS = {
    "default": {},
    "few epochs": {"max_iter": 3},
    "folds": {"cv": 3, "max_iter": 3},
    "held out": {"early_stopping": True, "max_iter": 3},
    "random": {"init": "random", "max_iter": 3},
    "robust": {"loss": "huber", "max_iter": 3},
    "share": {"n_components": 0.9, "max_iter": 3},
    "noise": {"noise": 0.1, "max_iter": 3},
    "whole": {"hidden_layer_sizes": ()},
}


@pytest.fixture(autouse=True)
def dispatch():
    with config_context(array_api_dispatch=True):
        yield


@pytest.fixture(params=[STAND_IN, ON_GPU])
def device(request, monkeypatch):
    """A device whose tensors stay there from a thousand values on."""
    monkeypatch.setattr(resident, "KINDS_OF_GPU", (request.param,))
    monkeypatch.setattr(namespaces, "VALUES_PER_BLOCK", 1000)
    monkeypatch.setattr(resident, "VALUES_PER_READ", 500)
    return request.param


@pytest.fixture
def build(quick, device):
    """Return a factory of estimators that train on the device."""
    return lambda **changes: quick(**changes, device=device)


def as_array(tensor):
    """Return a tensor as an array."""
    assert isinstance(tensor, torch.Tensor)
    return tensor.cpu().numpy()


def fitted_both(model, X, device, **arguments):
    """Fit to a tensor, and to the array as arrays are."""
    tensor = torch.tensor(X, device=device)
    with config_context(array_api_dispatch=False):
        wanted = type(model)(**model.get_params()).fit(X, **arguments)
    return model.fit(tensor, **arguments), wanted, tensor


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_fits_are_those_of_arrays(name, build, device, curved):
    model = build(**CONFIGURATIONS[name])
    found, wanted, X = fitted_both(model, curved, device)
    assert found.mean_.device.type == device
    assert found.n_components_ == wanted.n_components_
    assert found.shrinkage_ == wanted.shrinkage_
    assert_allclose(as_array(found.mean_), wanted.mean_, rtol=1e-12)
    assert_allclose(found.pca_score_, wanted.pca_score_, rtol=1e-9)
    assert_allclose(found.best_loss_, wanted.best_loss_, rtol=0.05)
    assert_allclose(found.score(X), wanted.score(curved), rtol=5e-3)


def test_linear_codes_are_those_of_pca(build, device, curved):
    weight = np.random.default_rng(0).uniform(0, 2, len(curved))
    X = torch.tensor(curved + 100, device=device)
    model = build(hidden_layer_sizes=()).fit(X)
    wanted = PCA(2).fit_transform(curved)
    assert_allclose(as_array(model.transform(X)), wanted, atol=1e-10)
    found, wanted, _ = fitted_both(
        build(hidden_layer_sizes=()), curved, device, sample_weight=weight
    )
    contributions = as_array(found.feature_contributions_)
    assert_allclose(contributions, wanted.feature_contributions_, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_methods_are_those_of_arrays(dtype, build, device, curved):
    X = torch.tensor(curved, dtype=dtype, device=device)
    model = build().fit(X)
    loaded = pickle.loads(pickle.dumps(model))
    tolerance = 1e-5 if dtype is torch.float32 else 1e-12
    for method, rows in {
        "transform": X,
        "score_samples": X,
        "inverse_transform": model.transform(X),
    }.items():
        found = getattr(model, method)(rows)
        assert found.device.type == device
        assert found.dtype == (torch.float64 if method == "score_samples" else dtype)
        assert not found.is_inference()
        with config_context(array_api_dispatch=False):
            wanted = getattr(loaded, method)(rows.cpu().numpy())
        assert_allclose(as_array(found), wanted, atol=tolerance)
    weight = np.arange(len(X)) % 3.0
    with config_context(array_api_dispatch=False):
        wanted = loaded.score(X.cpu().numpy(), sample_weight=weight)
    assert_allclose(model.score(X, sample_weight=weight), wanted, rtol=tolerance)


def test_callbacks_of_sklearn_are_told_arrays(build, device, curved):
    callback = pytest.importorskip("sklearn.callback")
    found = []

    def scoring(model, X, y):
        assert isinstance(X, np.ndarray)
        found.append(model.score(X))
        return {"score": found[-1]}

    monitor = callback.ScoringMonitor(scoring=scoring)
    X = torch.tensor(curved, device=device)
    model = build(max_iter=2).set_callbacks(monitor).fit(X, curved[:, 0])
    assert_allclose(found[-1], model.score(X))


@pytest.mark.parametrize("unit", [1e200, 1e-200])
def test_scores_do_not_depend_on_the_unit(unit, build, device, curved):
    X = torch.tensor(curved, device=device)
    found = build().fit(X * unit).score(X * unit)
    assert_allclose(found, build().fit(X).score(X), rtol=1e-3)


def test_codes_are_decoded_in_blocks_of_rows(build, device, curved, monkeypatch):
    model = build().fit(torch.tensor(curved, device=device))
    codes, n_rows = model.transform(torch.tensor(curved, device=device)), []
    decode = TorchAutoencoder.decode

    def counted(self, codes):
        n_rows.append(len(codes))
        return decode(self, codes)

    monkeypatch.setattr(TorchAutoencoder, "decode", counted)
    model.inverse_transform(codes)
    assert max(n_rows) == 500 // curved.shape[1]


def test_what_stays(device, curved):
    X = torch.tensor(curved, device=device)
    assert isinstance(where_it_is(X), ResidentRows)
    assert isinstance(where_it_is(X[:20]), np.ndarray)
    assert isinstance(where_it_is(X[:20], n_features=100), ResidentRows)
    assert isinstance(where_it_is(X.to(torch.bfloat16).long()), np.ndarray)
    assert isinstance(where_it_is(X[0]), np.ndarray)
    assert isinstance(where_it_is(X[:1].repeat(1, 200)), np.ndarray)
    for value in (torch.nan, torch.inf):
        holed = X.clone()
        holed[3, 3] = value
        assert isinstance(where_it_is(holed), np.ndarray)


def test_rows_are_read(device, curved):
    rows = ResidentRows(torch.tensor(curved, device=device))
    index = np.array([5, 2, 239])
    assert_allclose(rows[index], curved[index])
    assert_allclose(rows.part(index)[1:], curved[index[1:]])
    part = rows.part(np.arange(9)).part(index[:2])
    assert_allclose(as_array(part.taken(slice(0, 2))), curved[index[:2]])
    low, high = rows.column_range()
    assert_allclose((low, high), (curved.min(axis=0), curved.max(axis=0)))


def test_few_rows_of_many_columns_have_axes(device):
    X = np.random.default_rng(0).standard_normal((30, 60))
    rows = Table.of(ResidentRows(torch.tensor(X, device=device)))
    found = LinearStart.of_table(rows, 2, seed=0)
    wanted = LinearStart.of_table(Table.of(X), 2, seed=0)
    assert_allclose(found.components, wanted.components, atol=1e-12)


def test_constant_rows(build, device):
    X = torch.full((400, 4), 3.0, device=device, dtype=torch.float64)
    model = build().fit(X)
    assert model.score(X) == 1.0
    assert_allclose(as_array(model.mean_), 3.0)


def test_errors_are_those_of_arrays(build, device, curved):
    X = torch.tensor(curved, device=device)
    model = build().fit(X)
    with pytest.raises(ValueError, match="12 features"):
        model.transform(X[:, :5].repeat(3, 1))
    with pytest.raises(ValueError, match="5 codes"):
        model.inverse_transform(X[:, :5])
    with pytest.raises(ValueError, match="overflows float32"):
        build().fit(X.float()).transform(X.float() * 1e38)
    with pytest.raises(ValueError, match="same device"):
        model.transform(X.to("meta"))


@pytest.mark.gpu
def test_a_fit_copies_no_rows_to_the_processor():
    """It copies numbers of a row, such as its loss, whatever the number of columns."""
    for n_features in (16, 256):
        X = torch.randn(50_000, n_features, device="cuda", dtype=torch.float64)
        model = AutoencoderTransformer(2, max_iter=1, random_state=0)
        n_bytes = copied_to_host(lambda model=model, X=X: model.fit(X))
        assert 0 < n_bytes < 100 * len(X) + 8e6
        assert copied_to_host(X.cpu) >= X.numel() * 8


LOADING = """
import pickle, sys, numpy as np, torch
assert not torch.cuda.is_available()
model = pickle.load(open(sys.argv[1], "rb"))
rows = np.load(sys.argv[2])
np.save(sys.argv[3], model.transform(rows))
pickle.dump(model, open(sys.argv[1], "wb"))
"""


@pytest.mark.gpu
def test_pickles_travel_to_a_machine_without_a_gpu_and_back(quick, curved, tmp_path):
    X = torch.tensor(curved, device="cuda")
    model = quick(device="cuda").fit(X)
    paths = [tmp_path / name for name in ("model.pickle", "rows.npy", "codes.npy")]
    paths[0].write_bytes(pickle.dumps(model))
    np.save(paths[1], curved)
    command = [sys.executable, "-c", LOADING, *map(str, paths)]
    subprocess.run(command, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}, check=True)
    wanted = as_array(model.transform(X))
    assert_allclose(np.load(paths[2]), wanted, atol=1e-12)
    back = pickle.loads(paths[0].read_bytes())
    assert_allclose(as_array(back.transform(X)), wanted, atol=1e-12)
