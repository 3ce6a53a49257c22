"""Networks for images, series and trees: they learn, and go wherever the others go."""

import pickle
import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning

import sklearn_ae
from sklearn_ae import AutoencoderTransformer
from sklearn_ae.networks import (
    Convolutional,
    Recurrent,
    SoftTree,
    Transformer,
    Variational,
)

SMALL = {
    Convolutional: {"channels": (4, 8)},
    Recurrent: {"hidden_size": 8, "cell": "lstm"},
    Transformer: {"d_model": 8, "nhead": 2, "num_layers": 1, "patch_size": 5},
    SoftTree: {"depth": 3, "n_trees": 2},
    Variational: {"hidden_layer_sizes": (16,)},
}
CORRECTIONS = [cls for cls in SMALL if cls is not Variational]


@pytest.fixture(scope="module")
def digits():
    """Images of 8 x 8 pixels between 0 and 1."""
    return load_digits().data[:400] / 16


@pytest.fixture(scope="module")
def waves():
    """Series of 16 steps: waves of many lengths and places, of unit height."""
    rng = np.random.default_rng(0)
    length, place = rng.uniform(0.5, 2.5, (2, 400, 1))
    return np.sin(2 * np.pi * (length * np.linspace(0, 1, 16) + place))


def build(cls, n_components, **parameters):
    arguments = {f"module__{name}": value for name, value in SMALL[cls].items()}
    given = {"module": cls, "init": "random", "max_iter": 2, "random_state": 0}
    return AutoencoderTransformer(n_components, **given | arguments | parameters)


def lost(model, X):
    return ((model.inverse_transform(model.transform(X)) - X) ** 2).sum()


@pytest.mark.parametrize(
    ("cls", "parameters"),
    [
        (Convolutional, {"max_iter": 40}),
        (Convolutional, {"max_iter": 40, "module__pooling": "max"}),
        (SoftTree, {"max_iter": 60}),
        (Variational, {"max_iter": 60, "alpha": 0.0}),
    ],
)
def test_images_are_learned(cls, parameters, digits):
    model = build(cls, 2, **parameters).fit(digits)
    assert lost(model, digits) < 0.9 * lost(PCA(2).fit(digits), digits)


@pytest.mark.parametrize(
    ("cls", "parameters"),
    [
        (Recurrent, {"module__hidden_size": 32, "module__cell": "gru"}),
        (Transformer, {"module__d_model": 32, "module__patch_size": 4}),
    ],
)
def test_series_are_learned(cls, parameters, waves):
    given = {"max_iter": 150, "learning_rate_init": 0.005, **parameters}
    model = build(cls, 3, **given).fit(waves)
    assert lost(model, waves) < 0.5 * lost(PCA(3).fit(waves), waves)


@pytest.mark.parametrize("cls", [Convolutional, Variational])
def test_unknown_activation_is_named(cls, digits):
    message = "activation='gelu' has to be one of 'identity', 'logistic', 'relu'"
    with pytest.raises(ValueError, match=message):
        build(cls, 3, module__activation="gelu").fit(digits)


@pytest.mark.parametrize("cls", SMALL)
def test_units_of_the_data_do_not_matter(cls, digits):
    score = build(cls, 3).fit(digits).score(digits)
    X = 1024 * digits + 512
    assert build(cls, 3).fit(X).score(X) == pytest.approx(score, abs=1e-3)


@pytest.mark.parametrize("cls", CORRECTIONS)
def test_a_correction_is_no_worse_than_pca(cls, digits):
    model = build(cls, 3, init="pca", max_iter=3).fit(digits)
    assert model.score(digits) >= model.pca_score_ - 1e-9


@pytest.mark.parametrize("cls", SMALL)
def test_pickles_clones_and_torch_modules(cls, digits):
    model = build(cls, 3).fit(digits)
    codes = model.transform(digits)
    assert (pickle.loads(pickle.dumps(model)).transform(digits) == codes).all()
    assert (clone(model).fit(digits).transform(digits) == codes).all()
    module = model.to_torch(torch.float64)
    found = module.encode(torch.from_numpy(digits)).detach()
    assert_allclose(found, codes, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cls", SMALL)
def test_graphs_of_loaded_estimators(cls, digits, tmp_path):
    skl2onnx = pytest.importorskip("skl2onnx")
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("sklearn_ae.onnx")
    model = build(cls, 3).fit(digits)
    model.save(tmp_path / "model")
    loaded = sklearn_ae.load(tmp_path / "model")
    graph = skl2onnx.to_onnx(loaded, digits[:1]).SerializeToString()
    (codes,) = runtime.InferenceSession(graph).run(None, {"X": digits})
    wanted = model.transform(digits)
    # onnxruntime's cells approximate their activations.
    tolerance = 5e-3 if cls is Recurrent else 1e-4
    assert_allclose(codes, wanted, rtol=0, atol=tolerance * wanted.std())


def test_colours_and_sides_that_are_odd():
    network = Convolutional(7 * 5 * 3, 4, image_shape=(7, 5, 3), channels=(2, 3))
    rows = torch.rand(6, 105)
    assert network.encode(rows).shape == (6, 4)
    assert network.decode(network.encode(rows)).shape == rows.shape
    # One channel of one pixel is one column.
    images = rows.reshape(6, 7, 5, 3)
    seen = []
    network.encoder[0].register_forward_hook(lambda _, given, __: seen.extend(given))
    network.encode(rows)
    assert torch.equal(seen[0][:, 1], images[:, :, :, 1])


@pytest.mark.parametrize("n_features", [16, 18])
def test_channels_and_patches_of_series(n_features):
    rows = torch.rand(5, n_features)
    for network in (
        Recurrent(n_features, 3, n_channels=2),
        Transformer(n_features, 3, n_channels=2, patch_size=5),
    ):
        code = network.encode(rows)
        assert code.shape == (5, 3)
        assert network.decode(code).shape == rows.shape


def test_shares_of_leaves():
    tree = SoftTree(6, 2, depth=4, n_trees=3).encoder
    shares = tree.leaves(torch.randn(7, 6))
    assert shares.shape == (7, 3, 16)
    assert_allclose(shares.sum(dim=2).detach(), 1.0, rtol=1e-5)
    assert shares.min() >= 0
    # Far on one side of every split, a row is in one leaf.
    with torch.no_grad():
        tree.splits.weight.zero_()
        tree.splits.bias.fill_(50.0)
    assert_allclose(tree.leaves(torch.zeros(1, 6))[0, :, 0].detach(), 1.0)


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: Convolutional(10, 2), "image_shape=None does not have the 10 values"),
        (lambda: Convolutional(16, 2, image_shape=(4, 5)), "does not have the 16"),
        (lambda: Convolutional(16, 2, kernel_size=2), "kernel_size=2 has to be odd"),
        (lambda: Convolutional(16, 2, pooling="mean"), "has to be 'stride' or 'max'"),
        (lambda: Convolutional(4, 2, channels=(1,) * 4), "4 levels of channels"),
        (lambda: Recurrent(10, 2, n_channels=3), "n_channels=3 does not divide the 10"),
        (lambda: Recurrent(10, 2, cell="rnn"), "cell='rnn' has to be one of"),
        (lambda: Transformer(10, 2, nhead=3), "nhead=3 does not divide d_model=64"),
        (lambda: Convolutional(16, 2, image_shape=16), "image_shape=16 does not have"),
        (lambda: Convolutional(16, 2, channels=(8, 0)), "channels == 0, must be >= 1"),
        (lambda: Recurrent(10, 2, n_channels=0), "n_channels == 0, must be >= 1"),
        (lambda: Transformer(10, 2, patch_size=0), "patch_size == 0, must be >= 1"),
        (lambda: Transformer(10, 2, nhead=0), "nhead == 0, must be >= 1"),
        (lambda: SoftTree(4, 2, depth=0), "depth == 0, must be >= 1"),
    ],
)
def test_wrong_arguments(build, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        build()


@pytest.mark.parametrize(
    ("network", "name", "value"),
    [
        (Convolutional, "image_shape", (4.0, 4)),
        (Convolutional, "channels", (8, 0.5)),
        (Convolutional, "kernel_size", "3"),
        (Recurrent, "hidden_size", 8.0),
        (Transformer, "num_layers", 1.5),
        (SoftTree, "n_trees", 2.5),
        (SoftTree, "depth", True),
        (Convolutional, "image_shape", ((4, 4),)),
        (Convolutional, "image_shape", (4, None)),
        (Convolutional, "channels", ((4, 2),)),
        (Convolutional, "channels", np.array(4)),
    ],
)
def test_numbers_that_are_not_whole(network, name, value):
    with pytest.raises(TypeError, match=f"{name} must be an instance of int, not"):
        network(16, 2, **{name: value})


@pytest.mark.parametrize(
    ("network", "name"),
    [
        (Convolutional, "kernel_size"),
        (Recurrent, "hidden_size"),
        (Recurrent, "n_channels"),
        (Transformer, "patch_size"),
        (SoftTree, "depth"),
    ],
)
def test_integers_of_numpy(network, name):
    net = network(16, 2, **{name: np.int64(1)})
    assert net.decode(net.encode(torch.zeros(3, 16))).shape == (3, 16)


def test_one_level_of_channels_may_be_a_number():
    one, same = (Convolutional(16, 2, channels=given) for given in (8, np.array([8])))
    shapes = [{k: v.shape for k, v in net.state_dict().items()} for net in (one, same)]
    assert shapes[0] == shapes[1]
    assert one.encoder[0].out_channels == 8


def test_weights_of_leaves_say_what_they_are_multiplied_by():
    tree = SoftTree(4, 2, depth=3, n_trees=1)
    weights = tree.state_dict()
    weights["decoder.gain"] = 2 * weights["decoder.gain"]
    other = SoftTree(4, 2, depth=3, n_trees=1)
    other.load_state_dict(weights)
    code = torch.ones(1, 2)
    torch.testing.assert_close(other.decode(code), 2 * tree.decode(code))
    del weights["decoder.gain"]
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict(weights)


def test_a_blank_image_is_told_of(digits):
    model = build(Convolutional, 2, max_iter=12, learning_rate_init=3.0)
    with pytest.warns(ConvergenceWarning, match="no nearer to the rows than"):
        model.fit(digits)
    assert model.score(digits) < 0.01
