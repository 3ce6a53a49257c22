"""Networks of `sklearn_ae.networks` in files, and files that lie about them."""

import re
from contextlib import suppress
from copy import deepcopy
from warnings import catch_warnings, simplefilter

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

import sklearn_ae
from sklearn_ae import AutoencoderTransformer
from sklearn_ae.networks import NETWORKS, SoftTree
from sklearn_ae.skops import TRUSTED
from tests.persistence.test_hostile_sections import JUNK, places
from tests.persistence.test_round_trips import assert_same_results, assert_same_value

SMALL = {
    "Convolutional": {"channels": (2, np.int64(3)), "pooling": "max"},
    "FullyConnected": {},
    "Recurrent": {"hidden_size": 4, "cell": "lstm", "num_layers": 2},
    "SoftTree": {"depth": 3, "n_trees": 2},
    "Transformer": {"d_model": 4, "nhead": 2, "num_layers": 1, "patch_size": 5},
    "Variational": {
        "hidden_layer_sizes": (4,),
        "init": "random",
        "beta": 999.0,
        "variance": 1e9,
    },
}
STARTS = [(name, start) for name in SMALL for start in ("random", "pca")]
STARTS.remove(("Variational", "pca"))


@pytest.fixture(scope="module")
def X():
    """Rows that may be images, or series, of 16 values."""
    angles = np.linspace(0, 6, 60)[:, None]
    return np.sin(angles * np.linspace(0.2, 1, 16)) + np.cos(angles)


def build(name, **parameters):
    arguments = {f"module__{key}": value for key, value in SMALL[name].items()}
    start = {"init": arguments.pop("module__init", "pca")}
    given = {"module": NETWORKS[f"sklearn_ae.networks.{name}"], "max_iter": 2, **start}
    given |= {"random_state": 0, "cv": None, **arguments, **parameters}
    return AutoencoderTransformer(2, **given)


def test_all_networks_are_tried():
    assert [f"sklearn_ae.networks.{name}" for name in SMALL] == sorted(NETWORKS)


@pytest.mark.parametrize(("name", "init"), STARTS)
def test_loaded_estimator_is_the_saved_one(name, init, X, round_trip):
    model = build(name, init=init).fit(X)
    state = torch.get_rng_state()
    other = round_trip(model)
    assert torch.equal(torch.get_rng_state(), state)
    weights = [*other.net_.module_.parameters()]
    assert not any(weight.requires_grad for weight in weights)
    assert_same_results(model, other, X)
    assert_same_value(vars(model), vars(other))
    codes = model.transform(X)
    found = other.to_torch(torch.float64).encode(torch.from_numpy(X)).detach()
    assert_allclose(found, codes, rtol=0, atol=1e-12)
    assert_array_equal(other.fit(X).transform(X), codes)


def test_network_of_few_weights_is_saved(X, round_trip):
    tiny = {"module__depth": 1, "module__n_trees": 1}
    model = build("SoftTree", init="random", **tiny).fit(X[:, :3])
    assert_same_results(model, round_trip(model), X[:, :3])


@pytest.mark.parametrize("name", SMALL)
def test_warm_start_goes_on(name, X, round_trip):
    model = build(name, init="random", warm_start=True).fit(X)
    other = round_trip(model)
    assert_array_equal(other.fit(X).transform(X), model.fit(X).transform(X))


@pytest.mark.parametrize("name", SMALL)
def test_skops_has_nothing_more_to_trust(name, X):
    skops = pytest.importorskip("skops.io")
    model = build(name).fit(X)
    data = skops.dumps(model)
    assert skops.get_untrusted_types(data=data) == [
        "sklearn_ae._autoencoder.AutoencoderTransformer"
    ]
    assert_same_results(model, skops.loads(data, trusted=TRUSTED), X)


class Own(nn.Module):
    """A network of a user's."""

    def __init__(self, n_features, n_components):
        super().__init__()
        self.encode = nn.Linear(n_features, n_components)
        self.decode = nn.Linear(n_components, n_features)


@pytest.mark.parametrize("module", [Own, Own(16, 2)])
def test_networks_of_users_are_refused(module, X, path):
    model = build("FullyConnected", module=module).fit(X)
    message = r"^AutoencoderTransformer\.module cannot be saved without pickle: "
    with pytest.raises(TypeError, match=message):
        model.save(path)
    with pytest.raises(ValueError, match="The 'module' parameter of its architecture"):
        model.set_params(module=None).save(path)


def test_instances_are_refused_with_what_can_be_saved(X, path):
    model = build("FullyConnected", module=SoftTree(16, 2, depth=1)).fit(X)
    message = "of networks the class can be, SoftTree with its parameters as module__"
    with pytest.raises(TypeError, match=message):
        model.save(path)


def architecture_of(document):
    (state,) = document["estimator"].values()
    return state["_fit_result"]["sklearn_ae.Fit"]["architecture"]["dict"]


OTHER = {"type": "sklearn_ae.networks.SoftTree"}
# Network; parameter; its value; what is said.
BAD_PARAMETERS = [
    ("Convolutional", "channels", [10**6, 10**6], "module__channels=[1000000, 1000"),
    ("Convolutional", "channels", [2, 4], "size mismatch for encoder.3.weight"),
    ("Convolutional", "channels", [2], "Missing key(s) in state_dict"),
    ("Convolutional", "channels", "23", "Its sklearn_ae.Fit is damaged"),
    ("Convolutional", "channels", None, "Its sklearn_ae.Fit is damaged"),
    ("Convolutional", "channels", [-2, -3], "module__channels=[-2, -3] is damaged"),
    ("Convolutional", "channels", [1] * 200, "module__channels has more sizes"),
    ("Convolutional", "kernel_size", 10**9, "module__kernel_size=1000000000 is"),
    ("Convolutional", "kernel_size", 5, "size mismatch for encoder.0.weight"),
    ("Convolutional", "image_shape", [4, 5], "does not have the 16 values"),
    ("Convolutional", "image_shape", [-4, -4], "module__image_shape=[-4, -4] is"),
    ("Convolutional", "image_shape", ["a", 4, 4], "image_shape=['a', 4, 4] is"),
    ("Convolutional", "image_shape", [[1], 4, 4], "image_shape=[[1], 4, 4] is"),
    ("Convolutional", "n_features", 4, "other arrays: unflatten: Provided sizes"),
    ("Convolutional", "n_components", 3, "Its list of sizes of the network is"),
    ("Convolutional", "bias", False, "unexpected keyword argument 'bias'"),
    ("Recurrent", "hidden_size", 10**9, "module__hidden_size=1000000000 is above"),
    ("Recurrent", "hidden_size", 5, "size mismatch for positions"),
    ("Recurrent", "num_layers", 150, "Its module__num_layers=150 is above"),
    ("Recurrent", "num_layers", 3, "Missing key(s) in state_dict: "),
    ("Recurrent", "num_layers", {"float": "inf"}, "module__num_layers=inf is above"),
    ("Recurrent", "num_layers", {"float": "nan"}, "module__num_layers=nan is above"),
    ("Recurrent", "cell", "rnn", "cell='rnn' has to be one of"),
    ("Recurrent", "n_channels", 0, "n_channels == 0, must be >= 1"),
    ("SoftTree", "depth", 60, "other arrays: "),
    ("SoftTree", "depth", 800, "Its sklearn_ae.Fit is damaged"),
    ("SoftTree", "depth", 40, "size mismatch for encoder.splits.weight"),
    ("SoftTree", "n_trees", 10**400, "is above"),
    ("Transformer", "num_layers", 10**9, "module__num_layers=1000000000 is above"),
    ("Transformer", "d_model", 10**5, "module__d_model=100000 is above"),
    ("Transformer", "patch_size", 7, "size mismatch for positions"),
    ("FullyConnected", "hidden_layer_sizes", [10**4] * 2, "take 200"),
    ("FullyConnected", "hidden_layer_sizes", [1] * 200, "has more sizes"),
    ("FullyConnected", "hidden_layer_sizes", [90, 90, -1], "[90, 90, -1] is damaged"),
    ("FullyConnected", "n_features", None, "Its sklearn_ae.Fit is damaged"),
    ("Variational", "n_features", 150, "hidden_layer_sizes=(4,) take 12"),
]


@pytest.mark.parametrize(("network", "name", "value", "message"), BAD_PARAMETERS)
def test_bad_parameter_is_refused(network, name, value, message, X, path, tamper):
    build(network, init="random").fit(X).save(path)

    def change(document, _):
        found = architecture_of(document)
        found.setdefault("module", {"type": f"sklearn_ae.networks.{network}"})
        found.setdefault("module_parameters", {"dict": {}})["dict"][name] = value

    tamper(path, change)
    with pytest.raises(ValueError, match="cannot be loaded: .*" + re.escape(message)):
        sklearn_ae.load(path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"type": "sklearn_ae.networks.Own"}, "'sklearn_ae.networks.Own'"),
        ({"type": "sklearn_ae.networks.NETWORKS"}, "'sklearn_ae.networks.NETWORKS'"),
        ({"type": "torch.nn.Module"}, "'torch.nn.Module'"),
        ({"type": "builtins.int"}, "The 'module' parameter of its architecture"),
        ("sklearn_ae.networks.SoftTree", "The 'module' parameter of its architecture"),
        (None, "The 'module' parameter of its architecture"),
        (OTHER, "unexpected keyword argument 'channels'"),
    ],
)
def test_bad_network_is_refused(value, message, X, path, tamper):
    build("Convolutional").fit(X).save(path)
    tamper(path, lambda document, _: architecture_of(document).update(module=value))
    with pytest.raises(ValueError, match="cannot be loaded: .*" + re.escape(message)):
        sklearn_ae.load(path)


@pytest.mark.parametrize("name", ["module", "module_parameters"])
def test_network_without_its_name_or_parameters_is_refused(name, X, path, tamper):
    build("Recurrent").fit(X).save(path)
    tamper(path, lambda document, _: architecture_of(document).pop(name) and None)
    with pytest.raises(ValueError, match="architecture lack, or should not have"):
        sklearn_ae.load(path)


@pytest.mark.parametrize("name", ["module__cells", "module__encode"])
def test_parameter_that_the_network_does_not_have_is_refused(name, X, path, tamper):
    build("Recurrent").fit(X).save(path)

    def change(document, _):
        (state,) = document["estimator"].values()
        state[name] = 1

    tamper(path, change)
    with pytest.raises(ValueError, match=re.escape(f"has the unknown ['{name}']")):
        sklearn_ae.load(path)


@pytest.mark.parametrize("name", SMALL)
def test_junk_anywhere_loads_or_raises_value_error(name, X, path, tamper):
    rng, n_loaded = np.random.default_rng(0), 0
    build(name, init="random").fit(X).save(path)
    before = path.read_bytes()

    def change(document, arrays):
        arrays["A"] = np.empty((0, 2))
        (state,) = document["estimator"].values()
        found = list(places(architecture_of(document)))
        found += [(state, key) for key in state if key.startswith("module")]
        section, key = found[rng.integers(len(found))]
        section[key] = deepcopy(JUNK[rng.integers(len(JUNK))])

    for _ in range(40):
        path.write_bytes(before)
        tamper(path, change)
        with suppress(ValueError), catch_warnings():
            simplefilter("error")
            sklearn_ae.load(path)
            n_loaded += 1
    assert n_loaded < 27  # what only the next fit would be told
