"""Files that are damaged, of other origin, or of somebody with bad intent."""

import json
import re
from contextlib import suppress
from warnings import catch_warnings, simplefilter

import numpy as np
import pytest
from sklearn.exceptions import InconsistentVersionWarning

import sklearn_ae
from sklearn_ae import AutoencoderTransformer
from sklearn_ae._persistence.autoencoder import DOCUMENT

load = AutoencoderTransformer.load


@pytest.fixture
def refused(saved, tamper):
    """Return what changes the file and has the error looked at."""

    def refused(change, message):
        tamper(saved, change)
        wanted = "cannot be loaded: .*" + re.escape(message)
        with pytest.raises(ValueError, match=wanted):
            load(saved)

    return refused


def of_estimator(document):
    (state,) = document["estimator"].values()
    return state


def of_fit(document):
    """Return what is known of the fit; its dicts are as they are in memory."""
    return of_estimator(document)["_fit_result"]["sklearn_ae.Fit"]


PREFIX = "AutoencoderTransformer._fit_result.arrays."


@pytest.mark.parametrize("found", [0, 1, 2, 4, "3", 2.5, None, [9] * 99])
def test_another_format_is_named(refused, found):
    def change(document, arrays):
        document.clear()
        document |= {"format": found, "versions": {"sklearn_ae": "9.1"}, "other": 1}
        arrays["start.mean"] = np.ones(6, np.float16)

    message = (
        f"It has format {found!r:.80}, but this version of sklearn_ae reads format 3 "
        "alone. It was written by {'sklearn_ae': '9.1'}."
    )
    refused(change, message)


@pytest.mark.parametrize("package", ["sklearn_ae", "scikit-learn", "skorch", "torch"])
@pytest.mark.parametrize("load", [load, sklearn_ae.load])
def test_another_version_warns(saved, tamper, linear, package, load):
    tamper(saved, lambda document, _: document["versions"].update({package: "0.0.1"}))
    message = f"estimator AutoencoderTransformer ({package}) from version 0.0.1 when"
    with pytest.warns(InconsistentVersionWarning, match=re.escape(message)) as caught:
        model = load(saved)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert model.transform(linear).shape == (60, 2)


def test_parameter_that_is_not_named_has_its_default(saved, tamper):
    tamper(saved, lambda document, _: of_estimator(document).pop("tol") and None)
    assert load(saved).tol == AutoencoderTransformer().tol


class Renamed(AutoencoderTransformer):
    """Another class."""


def test_file_of_another_class_is_refused(saved, linear, tmp_path):
    message = "It holds an instance of AutoencoderTransformer, no Renamed."
    with pytest.raises(ValueError, match=re.escape(message)):
        Renamed.load(saved)
    message = "class Renamed, though it is a subclass of AutoencoderTransformer."
    model = Renamed(2, hidden_layer_sizes=(4,), max_iter=1).fit(linear)
    with pytest.raises(TypeError, match=re.escape(message)):
        model.save(tmp_path / "other")


KEY = {"array": "AutoencoderTransformer._fit_result.arrays.start.mean"}
# What is refused as the value of an entry, and what is said.
BAD_ENTRIES = [
    ("versions", [], "Its entry 'versions' is damaged."),
    ("estimator", None, "Its entry 'estimator' is damaged."),
    ("estimator", {}, "It holds an instance of , no AutoencoderTransformer."),
    ("estimator", {"os.system": "ls"}, "It holds an instance of system, no Auto"),
    ("estimator", {"a": {}, "b": {}}, "It holds an instance of  and , no Auto"),
    ("net", {"module": "os"}, "Its entries are not format, versions and estimator"),
]
BAD_STATES = [
    ("tol", -1.0, "The 'tol' parameter"),
    ("tol", {"float": "nan"}, "The 'tol' parameter"),
    ("tol", {"eval": "1"}, "It holds the unknown 'eval'."),
    ("tol", {"float": "1"}, "A number is damaged."),
    ("tol", {"dict": {}, "tuple": []}, "stands for nothing that can be saved"),
    ("tol", {}, "stands for nothing that can be saved"),
    ("fit", 1, "Its AutoencoderTransformer has the unknown ['fit']."),
    ("__class__", "os", "the unknown ['__class__']."),
    ("module__n", 1, "the unknown ['module__n']."),
    ("net_", 1, "the unknown ['net_']."),
    ("random_state", {"numpy.RandomState": [KEY, 2, 0, 0.0]}, "RandomState is damaged"),
    ("random_state", {"numpy.RandomState": [1, 2, 0, 0.0]}, "'int' object has no"),
    ("noise", {"tuple": 7}, "A sequence is damaged."),
    ("noise", KEY, "It lacks the array 'AutoencoderTransformer._fit_result.arrays."),
    ("noise", {"array": "none"}, "It lacks the array 'none'."),
    ("noise", {"array": ["none"]}, "It holds the unknown 'array'."),
    ("module", {"type": "os.system"}, "'os.system'"),
    ("_sklearn_output_config", {"dict": {"transform": "numpy"}}, "kind of output is"),
    ("_sklearn_output_config", {"dict": {"fit": "pandas"}}, "kind of output is"),
    ("n_features_in_", 7, "The number of features is damaged."),
    ("n_features_in_", 10**400, "The number of features is damaged."),
    ("n_features_in_", True, "Its n_features_in_ is damaged."),
    ("n_features_in_", 6.0, "Its n_features_in_ is damaged."),
    ("feature_names_in_", ["a"], "'list' object has no attribute 'dtype'"),
    (
        "feature_names_in_",
        {"numpy.ndarray": ["objects", [1], ["a"]]},
        "Its feature_names_in_, a str for each of n_features_in_, is damaged.",
    ),
    (
        "feature_names_in_",
        {"numpy.ndarray": ["objects", [6], [1] * 6]},
        "Its feature_names_in_, a str for each of n_features_in_, is damaged.",
    ),
    (
        "feature_names_in_",
        {"numpy.ndarray": ["objects", [10**12], ["a"]]},
        "The shape of objects is damaged.",
    ),
    ("_fit_result", 1, "The number of features is damaged."),
]
BAD_FITS = [
    ("architecture n_components", 10**9, "the shape (2, 6), not (1000000000,"),
    ("architecture n_components", 3, "has the shape (2, 6), not (3, 6)."),
    ("architecture hidden_layer_sizes", {"tuple": [0]}, "=(0,) are not all counts"),
    ("architecture hidden_layer_sizes", {"tuple": ["a"]}, "=('a',) are not all"),
    ("architecture hidden_layer_sizes", [16], "The 'hidden_layer_sizes' parameter"),
    (
        "architecture hidden_layer_sizes",
        {"tuple": [10**9, 10**9]},
        "Its hidden_layer_sizes=(1000000000, 1000000000) is above ",
    ),
    (
        "architecture hidden_layer_sizes",
        {"tuple": [400, 400]},
        "Its hidden_layer_sizes=(400, 400) take ",
    ),
    (
        "architecture hidden_layer_sizes",
        {"tuple": [15]},
        "torch.Size([16, 6]) from checkpo",
    ),
    (
        "architecture hidden_layer_sizes",
        {"tuple": [16, 2]},
        'Missing key(s) in state_dict: "module.network.encoder.curved.4.weight"',
    ),
    (
        "architecture hidden_layer_sizes",
        {"tuple": []},
        'Unexpected key(s) in state_dict: "module.network.encoder.curved.2.',
    ),
    ("architecture activation", "os.system", "The 'activation' parameter"),
    ("architecture init", "random", 'Missing key(s) in state_dict: "module.offset"'),
    ("architecture whiten", "yes", "The 'whiten' parameter"),
    ("architecture bias", True, "lack, or should not have, ['bias']"),
    ("numbers scale", 0, "The 'scale' parameter of its numbers must be a"),
    ("numbers scale", "1", "The 'scale' parameter"),
    ("numbers scale", 10**400, "The 'scale' parameter"),
    ("numbers noise", -1.0, "The 'noise' parameter"),
    ("numbers total", 1.0, "Its numbers lack, or should not have, ['total']"),
    ("numbers loss", {"float": "inf"}, "The 'loss' parameter"),
    ("history", [1], "Its history is damaged: an epoch has no batches."),
    ("history", [{"dict": {"batches": []}}], "an epoch has no train_loss."),
    (
        "history",
        [{"dict": {"batches": [], "train_loss": 0.5}}],
        "an epoch has no valid_loss.",
    ),
    ("is_validated", "yes", "The 'is_validated' parameter"),
    ("arrays start.mean", 1, "Its array 'start.mean' is none of float64."),
    ("other", 1, "should not have, ['other']"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD_ENTRIES, ids=str)
def test_bad_entry_is_refused(refused, name, value, message):
    refused(lambda document, _: document.update({name: value}), message)


@pytest.mark.parametrize(("name", "value", "message"), BAD_STATES, ids=str)
def test_bad_attribute_is_refused(refused, name, value, message):
    refused(lambda document, _: of_estimator(document).update({name: value}), message)


@pytest.mark.parametrize(("where", "value", "message"), BAD_FITS, ids=str)
def test_bad_fit_is_refused(refused, where, value, message):
    *parents, name = where.split()

    def change(document, arrays):
        section = of_fit(document)
        for parent in parents:
            section = section[parent]["dict"]
        section[name] = value

    refused(change, message)


@pytest.mark.parametrize("name", DOCUMENT)
def test_no_part_of_a_fit_may_be_missing(refused, name):
    message = f"lack, or should not have, ['{name}']"
    refused(lambda document, _: of_fit(document).pop(name) and None, message)


def test_file_without_the_fit_is_refused(refused):
    def change(document, arrays):
        del of_estimator(document)["_fit_result"]
        arrays.clear()
        arrays["none"] = np.empty(0)

    refused(change, "is not fitted yet")


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
def test_bad_json_is_refused(refused, text, message):
    refused(lambda document, arrays: text, message)


@pytest.mark.parametrize("deep", ["[", '{"tuple": ['])
@pytest.mark.parametrize("depth", [900, 10_000])
def test_deep_nesting_is_refused(refused, deep, depth):
    end = deep[::-1].translate(str.maketrans("[{", "]}", '":tuple '))

    def change(document, arrays):
        of_estimator(document)["callbacks"] = "DEEP"
        return json.dumps(document).replace('"DEEP"', deep * depth + end * depth)

    refused(change, "")


BAD_ARRAYS = {
    "It lacks the array 'start.mean'": lambda arrays: arrays.pop("start.mean"),
    'Missing key(s) in state_dict: "module.code_mean"': lambda arrays: arrays.pop(
        "module.code_mean"
    ),
    'Unexpected key(s) in state_dict: "net", "module.hook".': lambda arrays: (
        arrays.update({"net": np.ones(1), "module.hook": np.ones(1)})
    ),
    "Its array 'start.mean' is none of float64.": lambda arrays: arrays.update(
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


def change_arrays(change):
    """Return what changes arrays of the fit, by their names, and the list of them."""

    def changed(document, arrays):
        short = {name.removeprefix(PREFIX): one for name, one in arrays.items()}
        change(short)
        arrays.clear()
        arrays |= {PREFIX + name: one for name, one in short.items()}
        listed = {name: {"array": PREFIX + name} for name in short}
        of_fit(document)["arrays"]["dict"] = listed

    return changed


@pytest.mark.parametrize("message", BAD_ARRAYS)
def test_bad_arrays_are_refused(refused, message):
    refused(change_arrays(BAD_ARRAYS[message]), message)


def test_array_that_belongs_to_nothing_is_refused(refused):
    message = "Its arrays ['other'] belong to nothing."
    refused(lambda _, arrays: arrays.update({"other": np.ones(3)}), message)


def test_array_cannot_be_had_twice(refused):
    def change(document, arrays):
        of_estimator(document)["noise"] = {"array": next(iter(arrays))}

    refused(change, "It lacks the array 'AutoencoderTransformer.")


def test_extreme_numbers_load_without_warnings(saved, tamper):
    def change(document, arrays):
        arrays[PREFIX + "start.residual_scale"] = np.full(6, 1e300)
        of_fit(document)["numbers"]["dict"]["total_variance"] = -1e300

    tamper(saved, change)
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
