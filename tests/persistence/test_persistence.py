"""Pickles of fitted estimators."""

import copy
import io
import os
import pickle
import re
import subprocess
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.exceptions import InconsistentVersionWarning
from skorch.callbacks import Callback

from sklearn_ae import AutoencoderTransformer
from sklearn_ae._persistence import documents, states


def through_joblib(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


COPIES = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "oldest protocol": lambda model: pickle.loads(pickle.dumps(model, protocol=2)),
    "joblib": through_joblib,
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("changes", [{}, {"init": "random"}, {"whiten": True}], ids=str)
def test_copy_gives_the_same_bits(quick, curved, way, changes):
    model = quick(**changes).fit(curved)
    other = COPIES[way](model)
    codes = model.transform(curved)
    assert_array_equal(other.transform(curved), codes)
    assert_array_equal(other.inverse_transform(codes), model.inverse_transform(codes))
    single = curved.astype(np.float32)
    assert_array_equal(other.transform(single), model.transform(single))
    assert other.score(curved) == model.score(curved)
    assert other.loss_curve_ == model.loss_curve_
    assert other.get_params().keys() == model.get_params().keys()
    assert vars(other).keys() == vars(model).keys()


LOAD_IN_ANOTHER_PROCESS = """
import joblib
import numpy as np
from sklearn_ae import AutoencoderTransformer
X = np.load("X.npy")
load = {"joblib": joblib.load, "safetensors": AutoencoderTransformer.load}
for kind in load:
    model = load[kind](f"model.{kind}")
    codes = model.transform(X)
    rows, single = model.inverse_transform(codes), model.transform(X.astype("float32"))
    np.savez(kind, codes=codes, rows=rows, single=single)
"""


def test_another_process_gives_the_same_bits(quick, curved, tmp_path):
    model = quick().fit(curved)
    joblib.dump(model, tmp_path / "model.joblib")
    model.save(tmp_path / "model.safetensors")
    np.save(tmp_path / "X.npy", curved)
    command = [sys.executable, "-W", "error", "-c", LOAD_IN_ANOTHER_PROCESS]
    paths = {**os.environ, "PYTHONPATH": str(Path(documents.__file__).parents[2])}
    subprocess.run(command, cwd=tmp_path, check=True, env=paths)
    codes = model.transform(curved)
    for kind in ("joblib", "safetensors"):
        found = np.load(tmp_path / f"{kind}.npz")
        assert_array_equal(found["codes"], codes)
        assert_array_equal(found["rows"], model.inverse_transform(codes))
        assert_array_equal(found["single"], model.transform(curved.astype(np.float32)))


@pytest.mark.parametrize("way", COPIES)
def test_unfitted_copy_fits_to_the_same_bits(quick, curved, way):
    other = COPIES[way](quick())
    assert_array_equal(other.fit_transform(curved), quick().fit_transform(curved))


@pytest.mark.parametrize("way", COPIES)
def test_copy_can_be_refitted(quick, curved, way):
    model = quick().fit(curved)
    codes = model.transform(curved)
    other = COPIES[way](model)
    assert_array_equal(other.fit_transform(curved[:, :5]).shape, (240, 2))
    assert_array_equal(model.transform(curved), codes)


@pytest.mark.parametrize("way", COPIES)
def test_warm_start_continues_a_copy(quick, curved, way):
    model = quick(warm_start=True).fit(curved)
    other = COPIES[way](model)
    codes = model.transform(curved)
    expected = copy.deepcopy(model).fit(curved).transform(curved)
    assert_array_equal(other.fit(curved).transform(curved), expected)
    assert_array_equal(model.transform(curved), codes)


@pytest.mark.parametrize("changes", [{}, {"cv": 2}, {"early_stopping": True}], ids=str)
def test_pickle_does_not_grow_with_the_rows(quick, curved, changes):
    small, large = (
        len(pickle.dumps(quick(max_iter=2, **changes).fit(np.tile(curved, (n, 1)))))
        for n in (1, 8)
    )
    # One row alone takes a hundred bytes.
    assert abs(large - small) < 500


@pytest.mark.parametrize("changes", [{}, {"cv": 2}, {"early_stopping": True}], ids=str)
def test_pickle_holds_no_row(quick, curved, changes):
    model = quick(**changes).fit(curved)
    blob = pickle.dumps(model)
    start = model._fit_result.start
    scaled = start.to_imputed(curved)
    for rows in (curved, curved.astype(np.float32), scaled, scaled.astype(np.float32)):
        assert not any(row[:3].tobytes() in blob for row in rows)


def test_versions_are_stored_with_the_estimator(quick, linear):
    blob = pickle.dumps(quick().fit(linear))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = pickle.loads(blob)
    assert not hasattr(model, "_versions")


@pytest.mark.parametrize("package", ["sklearn_ae", "scikit-learn", "skorch", "torch"])
def test_another_version_warns(quick, linear, monkeypatch, package):
    versions = documents.versions()
    model = quick().fit(linear)
    monkeypatch.setattr(states, "versions", lambda: {**versions, package: "0.0.1"})
    blob = pickle.dumps(model)
    message = (
        f"unpickle estimator AutoencoderTransformer ({package}) from version 0.0.1"
    )
    with pytest.warns(InconsistentVersionWarning, match=re.escape(message)) as caught:
        loaded = pickle.loads(blob)
    assert len(caught) == 1
    assert caught[0].message.original_sklearn_version == "0.0.1"
    assert caught[0].message.current_sklearn_version == versions[package]
    assert_array_equal(loaded.transform(linear), model.transform(linear))


def test_builds_for_other_devices_are_the_same_version(monkeypatch):
    monkeypatch.setattr(documents, "version", lambda name: "2.10.0+cpu")
    versions = documents.versions.__wrapped__()
    assert versions["torch"] == versions["skorch"] == "2.10.0"


def test_estimator_without_versions_warns(quick, linear):
    model = quick().fit(linear)
    make, arguments, state = model.__reduce_ex__(4)
    del state["_versions"]
    other = make(*arguments)
    with pytest.warns(InconsistentVersionWarning, match="from version None"):
        other.__setstate__(state)
    assert_array_equal(other.transform(linear), model.transform(linear))


class Listener(Callback):
    """Knows the estimator that it listens to."""

    owner = None


@pytest.mark.parametrize("way", COPIES)
def test_copy_keeps_what_files_cannot_hold(quick, linear, way):
    listener = Listener()
    with config_context(enable_metadata_routing=True):
        model = quick(callbacks=[listener]).set_fit_request(sample_weight=True)
    listener.owner = model
    model.fit(linear).more = {"own": model}
    other = COPIES[way](model)
    assert vars(other).keys() == vars(model).keys()
    assert other.get_metadata_routing().fit.requests == {"sample_weight": True}
    whole = model if way == "copy" else other
    assert other.callbacks[0].owner is other.more["own"] is whole
    assert_array_equal(other.transform(linear), model.transform(linear))


class Renamed(AutoencoderTransformer):
    """Another class, with a state of its own."""

    def __getstate__(self):
        return {**super().__getstate__(), "more": 1}


@pytest.mark.parametrize("way", COPIES)
def test_subclass_has_its_own_state(linear, way):
    model = Renamed(max_iter=1, random_state=0).fit(linear)
    other = COPIES[way](model)
    assert other.more == 1
    assert not hasattr(other, "_versions")
    assert_array_equal(other.transform(linear), model.transform(linear))


def test_fitted_weights_are_on_the_cpu_and_in_double_precision(quick, linear):
    module = quick().fit(linear).net_.module_
    tensors = [*module.parameters(), *module.buffers()]
    assert {tensor.device.type for tensor in tensors} == {"cpu"}
    assert {tensor.dtype for tensor in tensors} == {torch.float64}
    assert not module.training
