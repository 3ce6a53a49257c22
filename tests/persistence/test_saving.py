"""Estimators in files without pickle."""

import errno
import json
import os
import pickle
import re
import stat
import struct
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from skorch.callbacks import Callback

from sklearn_ae import AutoencoderTransformer
from sklearn_ae._persistence.header import DOCUMENT

load = AutoencoderTransformer.load


@pytest.fixture
def path(tmp_path):
    """Name of a file that is not there yet."""
    return tmp_path / "model.safetensors"


@pytest.fixture
def saved(quick, linear, path):
    """Save an estimator and return the name of the file."""
    quick(early_stopping=True).fit(linear).save(path)
    return path


def names_in(directory):
    return [file.name for file in directory.iterdir()]


def round_trip(model, path):
    model.save(path)
    return load(path)


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
def test_loaded_estimator_is_the_saved_one(quick, curved, path, changes):
    model = quick(**changes).fit(curved)
    other = round_trip(model, path)
    check_is_fitted(other)
    assert_same_results(model, other, curved)
    assert_same_value(vars(model), vars(other))
    assert other.mean_ is other._fit_result.start.mean
    assert other.net_ is other._fit_result.net
    assert other._codec.modules[np.dtype(np.float64)] is other.net_.module_


@pytest.mark.parametrize("whiten", [False, True])
def test_subspace_is_kept(quick, wide_linear, path, whiten):
    model = quick(2, whiten=whiten).fit(wide_linear)
    assert model._fit_result.start.subspace is not None
    assert_same_results(model, round_trip(model, path), wide_linear)


def test_network_of_few_directions_may_be_wide(quick, wide_linear, path):
    """Its first layer takes fewer weights than one for all columns would."""
    model = quick(2, hidden_layer_sizes=(128, 64), max_iter=2).fit(wide_linear)
    assert model._fit_result.start.subspace.shape == (3, 100)
    assert_same_results(model, round_trip(model, path), wide_linear)


def test_missing_cells_are_imputed_alike(quick, curved, path):
    X = np.where(
        np.random.default_rng(0).uniform(size=curved.shape) < 0.1, np.nan, curved
    )
    model = quick().fit(X)
    assert_same_results(model, round_trip(model, path), X)


@pytest.mark.parametrize("n_components", [3, 4, 5, 6, 10])
def test_steps_are_the_same_to_the_last_bit(quick, path, n_components):
    random = np.random.default_rng(0)
    X = np.sin(random.standard_normal((300, 4)) @ random.standard_normal((4, 30)))
    model = quick(n_components, hidden_layer_sizes=(40, 20)).fit(X)
    assert model.net_.module_.steps is not None
    assert_same_results(model, round_trip(model, path), X)


def test_constant_data_can_be_saved(quick, path):
    X = np.full((20, 3), 7.0)
    assert_same_results(quick(1).fit(X), round_trip(quick(1).fit(X), path), X)


@pytest.mark.parametrize("scale", [1e-300, 1e-40, 1e12, 1e150])
def test_extreme_scales_can_be_saved(quick, curved, path, scale):
    model = quick(whiten=True).fit(curved * scale)
    codes = model.transform(curved * scale)
    assert_array_equal(round_trip(model, path).transform(curved * scale), codes)


def test_the_same_fit_gives_the_same_file(quick, linear, path, tmp_path):
    model = quick(early_stopping=True).fit(linear)
    model.save(path)
    model.save(tmp_path / "second")
    load(path).save(tmp_path / "third")
    content = path.read_bytes()
    assert (tmp_path / "second").read_bytes() == content
    assert (tmp_path / "third").read_bytes() == content


def test_loaded_estimator_can_be_cloned_pickled_and_refitted(quick, curved, path):
    model = quick().fit(curved)
    other = round_trip(model, path)
    codes = model.transform(curved)
    assert clone(other).get_params() == model.get_params()
    again = pickle.loads(pickle.dumps(other))
    assert_array_equal(again.transform(curved), codes)
    assert_array_equal(other.fit(curved).transform(curved), codes)
    assert other.fit_transform(curved[:, :5]).shape == (240, 2)


@pytest.mark.parametrize("changes", [{}, {"init": "random"}, {"cv": 2}], ids=str)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_warm_start_goes_on(quick, curved, path, changes, early_stopping):
    changes = {**changes, "early_stopping": early_stopping}
    model = quick(warm_start=True, **changes).fit(curved)
    other = round_trip(model, path)
    assert_array_equal(
        other.fit(curved).transform(curved), model.fit(curved).transform(curved)
    )


def test_warm_start_refuses_another_network(quick, curved, path):
    other = round_trip(quick(warm_start=True).fit(curved), path)
    other.set_params(hidden_layer_sizes=(8,))
    message = "continues a fit with hidden_layer_sizes=(16,), but now it is (8,)."
    with pytest.raises(ValueError, match=re.escape(message)):
        other.fit(curved)


def test_parameters_may_have_changed_since_the_fit(quick, curved, path):
    model = quick().fit(curved)
    model.set_params(
        n_components=3, hidden_layer_sizes=(7, 5), whiten=True, init="random"
    )
    other = round_trip(model, path)
    assert other.get_params() == model.get_params()
    assert_same_results(model, other, curved)


def test_names_of_columns_are_kept(quick, linear, path):
    names = ["a", "b", "ü", "\U0001f600", "", "d\n"]
    table = pd.DataFrame(linear, columns=names)
    other = round_trip(quick().fit(table), path)
    assert list(other.feature_names_in_) == list(table.columns)
    assert other.feature_names_in_.dtype == object
    assert other.transform(table).shape == (60, 2)
    with pytest.raises(ValueError, match="feature names should match"):
        other.transform(table.rename(columns={"a": "z"}))


def test_kind_of_output_is_kept(quick, linear, path):
    model = quick().set_output(transform="pandas").fit(linear)
    codes = round_trip(model, path).transform(linear)
    assert list(codes.columns) == list(model.get_feature_names_out())


def test_loaded_estimator_works_in_a_pipeline(quick, linear, path):
    scaler = StandardScaler().fit(linear)
    model = quick().fit(scaler.transform(linear))
    pipeline = make_pipeline(scaler, round_trip(model, path))
    expected = model.transform(scaler.transform(linear))
    assert_array_equal(pipeline.transform(linear), expected)


def test_numbers_of_numpy_come_back_as_pythons(quick, linear, path):
    model = quick(
        np.int64(2),
        hidden_layer_sizes=np.array([8, 4]),
        tol=np.float32(0.1),
        warm_start=np.bool_(False),
    ).fit(linear)
    other = round_trip(model, path)
    found = other.get_params()
    assert (type(found["n_components"]), found["n_components"]) == (int, 2)
    assert found["hidden_layer_sizes"] == [8, 4]
    assert (type(found["tol"]), found["tol"]) == (float, float(np.float32(0.1)))
    assert found["warm_start"] is False
    assert_same_results(model, other, linear)


def test_random_state_comes_back_in_its_state(quick, linear, path):
    generator = np.random.RandomState(3)
    generator.standard_normal()  # leaves a second number behind
    model = quick(random_state=generator).fit(linear)
    other = round_trip(model, path)
    assert_array_equal(other.random_state.normal(size=700), generator.normal(size=700))


def test_other_random_generators_are_refused(quick, linear, path):
    generator = np.random.RandomState(np.random.PCG64(0))
    model = quick(random_state=generator).fit(linear)
    with pytest.raises(TypeError, match=r"random_state=RandomState\(PCG64\).*joblib"):
        model.save(path)


class Bell(Callback):
    """Write something into the history that is no plain data."""

    def __repr__(self):
        return "Bell()"

    def on_epoch_end(self, net, **kwargs):
        net.history.record("bell", self)


def test_callbacks_are_refused_by_name(quick, linear, path):
    model = quick(callbacks=[Callback(), ("bell", Bell())]).fit(linear)
    message = "cannot be saved without pickle"
    with pytest.raises(TypeError, match=rf"^callbacks=\[.*{message}"):
        model.save(path)
    model.set_params(callbacks=[("bell", Bell())])
    message = (
        "callbacks=[('bell', Bell())] cannot be saved without pickle: Bell() is not "
        "plain data. Change it before the fit, or keep the estimator with joblib.dump."
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        model.save(path)
    model.set_params(callbacks=None)
    message = "The history of net_ cannot be saved without pickle: Bell() is not plain"
    with pytest.raises(TypeError, match=re.escape(message)):
        model.save(path)
    assert names_in(path.parent) == []


def test_callbacks_do_not_matter_once_they_are_taken_out(quick, linear, path):
    model = quick(callbacks=[Callback()]).fit(linear).set_params(callbacks=None)
    assert_same_results(model, round_trip(model, path), linear)


def test_numbers_in_the_history_are_kept(quick, linear, path):
    model = quick().fit(linear)
    model.net_.history.record("rate", np.float32(0.5))
    model.net_.history.record("worst", np.nan)
    model.net_.history.record("parts", {"a": (1, [2.0])})
    history = round_trip(model, path).net_.history
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
    model._fit_result = replace(model._fit_result, pca_score=np.nan)
    with pytest.raises(ValueError, match=r"The 'pca_score' parameter .* must be"):
        model.save(path)
    model.net_.module_.code_mean[0] = np.inf
    message = "The array 'module.code_mean' has entries that are not finite."
    with pytest.raises(ValueError, match=re.escape(message)):
        model.save(path)
    assert not path.exists()


# Writing


def test_missing_directory_is_named(quick, linear, tmp_path):
    path = tmp_path / "nowhere" / "model.safetensors"
    with pytest.raises(FileNotFoundError, match=re.escape(str(path.parent))):
        quick().fit(linear).save(path)


def test_path_may_be_a_string(quick, linear, path):
    quick().fit(linear).save(str(path))
    assert load(str(path)).n_components_ == 2
    assert names_in(path.parent) == [path.name]


def test_mode_of_the_file_follows_the_umask(quick, linear, path):
    old = os.umask(0o027)
    try:
        quick().fit(linear).save(path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_link_is_followed(quick, linear, path, tmp_path):
    (tmp_path / "models").mkdir()
    target = tmp_path / "models" / "first"
    path.symlink_to(target)
    quick().fit(linear).save(path)
    assert path.is_symlink()
    assert target.is_file()
    assert load(path).n_components_ == 2


@pytest.mark.parametrize("name", ["", os.devnull])
def test_only_files_are_replaced(quick, linear, tmp_path, name):
    with pytest.raises(ValueError, match="is there already, and is no file"):
        quick().fit(linear).save(tmp_path / name)
    assert names_in(tmp_path) == []


def test_directory_that_does_not_exist_is_named(quick, linear, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors' is in no dir"):
        quick().fit(linear).save(tmp_path / "none" / "model.safetensors")


FAULTS = {
    "disk full": OSError(errno.ENOSPC, "No space left on device"),
    "Ctrl-C": KeyboardInterrupt(),
    "memory": MemoryError(),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_fault_leaves_the_earlier_file(
    quick, linear, path, monkeypatch, fault, function
):
    model = quick().fit(linear)
    model.save(path)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise FAULTS[fault]

    owner = Path if function == "replace" else os
    monkeypatch.setattr(owner, function, fail)
    with pytest.raises(type(FAULTS[fault])):
        model.set_params(tol=0.2).save(path)
    assert path.read_bytes() == before
    assert names_in(path.parent) == [path.name]
    with pytest.raises(type(FAULTS[fault])):
        model.save(path.with_name("new"))
    assert names_in(path.parent) == [path.name]


# Reading


def test_missing_file_is_the_usual_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        load(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        load(tmp_path)


def test_truncated_file_says_so(saved):
    content = saved.read_bytes()
    start = re.escape(f"{str(saved)!r} cannot be loaded: ")
    end = "It is truncated or damaged, or no safetensors file at all"
    for length in [*range(0, 64), *range(64, len(content), 97), len(content) - 1]:
        saved.write_bytes(content[:length])
        with pytest.raises(ValueError, match=start + end):
            load(saved)


def foreign_files():
    yield "longer", b"", b"0"
    yield "zeros", None, bytes(100)
    yield "pickle", None, pickle.dumps(AutoencoderTransformer())
    yield "text", None, b"n_components,tol\n" * 100
    header = b'{"a":{"dtype":"F64","shape":[1099511627776],"data_offsets":[0,8]}}'
    yield "claims", None, struct.pack("<Q", len(header)) + header + bytes(8)
    yield "huge header", None, struct.pack("<Q", 2**62) + b"{}"


@pytest.mark.parametrize(("kind", "first", "content"), list(foreign_files()))
def test_other_files_are_refused(saved, kind, first, content):
    before = b"" if first is None else saved.read_bytes()
    saved.write_bytes(before + content)
    with pytest.raises(ValueError, match="no safetensors file at all"):
        load(saved)


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("writer", [pickle.dump, torch.save])
def test_pickle_is_not_run(saved, tmp_path, writer):
    with saved.open("wb") as file:
        writer(Trap(tmp_path / "sprung"), file)
    with pytest.raises(ValueError, match="no safetensors file at all"):
        load(saved)
    assert names_in(tmp_path) == [saved.name]


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_safetensors_of_another_origin_say_so(path, metadata):
    save_file({"weight": np.ones(3, np.float32)}, path, metadata)
    message = (
        "It is a safetensors file, but not one that AutoencoderTransformer.save has "
        "written: its metadata has no entry 'sklearn_ae'."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        load(path)


def parts(path):
    """Return document and arrays of a saved file."""
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return json.loads(file.metadata()["sklearn_ae"]), arrays


def put(path, document, arrays):
    """Write document and arrays as they are."""
    text = document if isinstance(document, str) else json.dumps(document)
    save_file(arrays, path, {"sklearn_ae": text})


def assert_refused(path, document, arrays, message):
    put(path, document, arrays)
    with pytest.raises(ValueError, match="cannot be loaded: .*" + re.escape(message)):
        load(path)


@pytest.mark.parametrize("found", [0, 1, 3, "2", 2.5, None, [9] * 99])
def test_another_format_is_named(saved, found):
    document, arrays = parts(saved)
    document = {"format": found, "versions": {"sklearn_ae": "9.1"}, "other": 1}
    message = (
        f"It has format {found!r:.80}, but this version of sklearn_ae reads format 2 "
        "alone. It was written by {'sklearn_ae': '9.1'}."
    )
    assert_refused(saved, document, arrays, message)


def test_another_format_is_named_before_the_arrays_are_read(saved):
    document, arrays = parts(saved)
    document["format"] = 3
    arrays["start.mean"] = np.ones(6, np.float16)
    assert_refused(saved, document, arrays, "It has format 3, but this version")


@pytest.mark.parametrize("package", ["sklearn_ae", "scikit-learn", "skorch", "torch"])
def test_another_version_warns(saved, linear, package):
    document, arrays = parts(saved)
    document["versions"][package] = "0.0.1"
    put(saved, document, arrays)
    message = f"estimator AutoencoderTransformer ({package}) from version 0.0.1 when"
    with pytest.warns(InconsistentVersionWarning, match=re.escape(message)) as caught:
        model = load(saved)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert model.transform(linear).shape == (60, 2)


def test_parameter_that_is_not_named_has_its_default(saved):
    document, arrays = parts(saved)
    del document["parameters"]["tol"]
    put(saved, document, arrays)
    assert load(saved).tol == AutoencoderTransformer().tol


class Renamed(AutoencoderTransformer):
    """Another class."""


def test_file_of_another_class_is_refused(saved, linear, tmp_path):
    message = "It holds an instance of AutoencoderTransformer, no Renamed."
    with pytest.raises(ValueError, match=re.escape(message)):
        Renamed.load(saved)
    Renamed(2, hidden_layer_sizes=(4,), max_iter=1).fit(linear).save(tmp_path / "other")
    assert type(Renamed.load(tmp_path / "other")) is Renamed


# Values in the document that are refused: where, what, and what is said.
BAD_VALUES = [
    (("format",), 2.0, "The 'format' parameter"),
    (("parameters",), [], "The 'parameters' parameter"),
    (("parameters", "tol"), -1.0, "The 'tol' parameter"),
    (("parameters", "tol"), {"float": "nan"}, "The 'tol' parameter"),
    (("parameters", "fit"), 1, "It has unknown parameters: ['fit']."),
    (("parameters", "__class__"), "os", "unknown parameters: ['__class__']."),
    (("parameters", "module__n"), 1, "unknown parameters: ['module__n']."),
    (("parameters", "tol"), {"eval": "1"}, "stands for nothing that can be saved"),
    (("parameters", "tol"), {"float": "1"}, "stands for nothing that can be saved"),
    (("parameters", "tol"), {"dict": {}, "tuple": []}, "stands for nothing"),
    (("parameters", "random_state"), {"RandomState": [[1], 2, 0, 0.0]}, "is damaged"),
    (
        ("parameters", "random_state"),
        {"RandomState": [[0] * 624, 625, 0, 0.0]},
        "The state of a RandomState is damaged.",
    ),
    (
        ("parameters", "random_state"),
        {"RandomState": [[-1] * 624, 1, 0, 0.0]},
        "The state of a RandomState is damaged.",
    ),
    (("output",), "numpy", "The 'output' parameter"),
    (("n_features_in_",), 7, "'contributions' has the shape (2, 6), not (2, 7)."),
    (("n_features_in_",), 10**400, "'contributions' has the shape (2, 6), not"),
    (
        ("feature_names_in_",),
        ["a"],
        "Its feature_names_in_ are not n_features_in_ strings",
    ),
    (
        ("feature_names_in_",),
        [1] * 6,
        "Its feature_names_in_ are not n_features_in_ strings",
    ),
    (("architecture", "n_components"), 10**9, "has the shape (2, 6), not (1000000000,"),
    (("architecture", "n_components"), 3, "has the shape (2, 6), not (3, 6)."),
    (("architecture", "hidden_layer_sizes"), [0], "=[0] are not all counts"),
    (("architecture", "hidden_layer_sizes"), ["a"], "=['a'] are not all counts"),
    (
        ("architecture", "hidden_layer_sizes"),
        [10**9, 10**9],
        "Its hidden_layer_sizes=(1000000000, 1000000000) take 2000000016000000004 "
        "weights, but it has ",
    ),
    (("architecture", "hidden_layer_sizes"), [15], "torch.Size([16, 6]) from checkpo"),
    (
        ("architecture", "hidden_layer_sizes"),
        [16, 2],
        'Missing key(s) in state_dict: "module.network.encoder.curved.4.weight"',
    ),
    (
        ("architecture", "hidden_layer_sizes"),
        [],
        'Unexpected key(s) in state_dict: "module.network.encoder.curved.2.bias"',
    ),
    (("architecture", "activation"), "os.system", "The 'activation' parameter"),
    (
        ("architecture", "init"),
        "random",
        'Missing key(s) in state_dict: "module.offset"',
    ),
    (("architecture", "whiten"), "yes", "The 'whiten' parameter"),
    (("architecture", "bias"), True, "lack, or should not have, ['bias']"),
    (("numbers", "scale"), 0, "The 'scale' parameter of its numbers must be a"),
    (("numbers", "scale"), "1", "The 'scale' parameter"),
    (("numbers", "scale"), 10**400, "The 'scale' parameter"),
    (("numbers", "noise"), -1.0, "The 'noise' parameter"),
    (("numbers", "total"), 1.0, "Its numbers lack, or should not have, ['total']"),
    (("numbers", "loss"), {"float": "inf"}, "The 'loss' parameter"),
    (("net",), {"module": "os"}, "lack, or should not have, ['net']"),
    (("history",), [1], "Its history is damaged: an epoch has no batches."),
    (("history",), [{"dict": {"batches": []}}], "an epoch has no train_loss."),
    (
        ("history",),
        [{"dict": {"batches": [], "train_loss": 0.5}}],
        "an epoch has no valid_loss.",
    ),
    (("is_validated",), "yes", "The 'is_validated' parameter"),
    (("_fit_result",), 1, "should not have, ['_fit_result']"),
]


@pytest.mark.parametrize(("where", "value", "message"), BAD_VALUES, ids=str)
def test_bad_value_is_refused(saved, where, value, message):
    document, arrays = parts(saved)
    section = document
    for name in where[:-1]:
        section = section[name]
    section[where[-1]] = value
    assert_refused(saved, document, arrays, message)


@pytest.mark.parametrize("name", DOCUMENT)
def test_nothing_may_be_missing(saved, name):
    document, arrays = parts(saved)
    del document[name]
    assert_refused(saved, document, arrays, f"lack, or should not have, ['{name}']")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[" * 10**6, "recursion"),
        ("9" * 10**4, "Exceeds the limit"),
        ("[1]", "Its JSON is not an object."),
        ("null", "Its JSON is not an object."),
    ],
    ids=["empty", "brace", "deep", "digits", "list", "null"],
)
def test_bad_json_is_refused(saved, text, message):
    assert_refused(saved, text, parts(saved)[1], message)


def test_deep_nesting_is_refused(saved):
    document, arrays = parts(saved)
    deep = "[" * 900 + "]" * 900
    document["parameters"]["callbacks"] = "DEEP"
    put(saved, json.dumps(document).replace('"DEEP"', deep), arrays)
    with pytest.raises(ValueError, match="cannot be loaded"):
        load(saved)


BAD_ARRAYS = {
    "It lacks the array 'start.mean'": lambda arrays: arrays.pop("start.mean"),
    'Missing key(s) in state_dict: "module.code_mean"': lambda arrays: arrays.pop(
        "module.code_mean"
    ),
    'Unexpected key(s) in state_dict: "net", "module.hook".': lambda arrays: (
        arrays.update({"net": np.ones(1), "module.hook": np.ones(1)})
    ),
    "Its array 'start.mean' is F32, not F64.": lambda arrays: arrays.update(
        {"start.mean": np.ones(6, np.float32)}
    ),
    "Its array 'start.mean' has the shape (5,)": lambda arrays: arrays.update(
        {"start.mean": np.ones(5)}
    ),
    "Its array 'start.components' has the shape (0, 6)": lambda arrays: arrays.update(
        {"start.components": np.ones((0, 6)), "start.code_scale": np.ones(0)}
    ),
    "Its array 'start.components' has the shape ()": lambda arrays: arrays.update(
        {"start.components": np.array(1.0)}
    ),
    "size mismatch for module.code_mean: copying": lambda arrays: arrays.update(
        {"start.components": np.ones((1, 6)), "start.code_scale": np.ones(1)}
    ),
    "size mismatch for module.basis: copying a param": lambda arrays: arrays.update(
        {"module.basis": np.ones((0, 2))}
    ),
    "Its architecture asks for other arrays: ": lambda arrays: arrays.update(
        {"module.code_step": np.ones(0)}
    ),
    "The array 'start.mean' has entries that are not": lambda arrays: arrays.update(
        {"start.mean": np.full(6, np.nan)}
    ),
    "The array 'module.code_step' has entries that": lambda arrays: arrays.update(
        {"module.code_step": np.array(np.inf)}
    ),
}


@pytest.mark.parametrize("message", BAD_ARRAYS)
def test_bad_arrays_are_refused(saved, message):
    document, arrays = parts(saved)
    BAD_ARRAYS[message](arrays)
    assert_refused(saved, document, arrays, message)


def test_extreme_numbers_load_without_warnings(saved):
    document, arrays = parts(saved)
    arrays["start.residual_scale"] = np.full(6, 1e300)
    document["numbers"]["total_variance"] = -1e300
    put(saved, document, arrays)
    assert load(saved).n_components_ == 2


def test_flipped_bytes_load_or_raise_value_error(saved):
    content = bytearray(saved.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    rng = np.random.default_rng(0)
    n_loaded = 0
    for position in rng.integers(0, header, 100):
        damaged = content.copy()
        damaged[position] ^= 1 << int(rng.integers(8))
        saved.write_bytes(damaged)
        with suppress(ValueError), catch_warnings():
            simplefilter("ignore", InconsistentVersionWarning)
            load(saved)
            n_loaded += 1
    assert n_loaded < 20  # digits of numbers, mostly
