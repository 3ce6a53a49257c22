"""The built-in network."""

import pytest
import torch

from sklearn_ae import FullyConnected
from sklearn_ae.networks.fully_connected import (
    ACTIVATIONS,
    Correction,
    Perceptron,
)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def x(generator):
    return torch.randn(7, 5, generator=generator)


@pytest.fixture
def build():
    """Return a factory of built-in networks."""

    def build(init="pca", seed=0, **changes):
        parameters = {
            "n_features": 5,
            "n_components": 2,
            "hidden_layer_sizes": (4, 3),
            "activation": "tanh",
        }
        generator = torch.Generator().manual_seed(seed)
        return FullyConnected(
            init=init, generator=generator, **{**parameters, **changes}
        )

    return build


def draw(module, generator):
    """Give all parameters values."""
    for parameter in module.parameters():
        torch.nn.init.uniform_(parameter, -1, 1, generator=generator)


def test_correction_vanishes_only_until_it_is_trained(generator):
    correction = Correction(sizes=(5, 4, 2), activation="tanh")
    draw(correction, generator)
    correction.silence()
    x = torch.ones(1, 5)
    assert not correction(x).any()
    correction(x).sum().backward()
    assert correction.skip.weight.grad.abs().min() > 0
    assert correction.curved[-1].weight.grad.abs().min() > 0


def test_correction_is_perceptron_plus_linear_skip(generator):
    correction = Correction(sizes=(5, 4, 2), activation="relu")
    draw(correction, generator)
    x = torch.randn(3, 5, generator=generator)
    expected = correction.curved(x) + x @ correction.skip.weight.T / 5**0.5
    torch.testing.assert_close(correction(x), expected)
    assert correction.skip.bias is None


@pytest.mark.parametrize(
    ("n_samples", "gain"), [(1, 1.0), (10**4, 10 ** (4 / 6) / 1.5)]
)
def test_start_from_zero_sharpens_the_decoder_and_silences_both(
    build, x, n_samples, gain
):
    network = build()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.start_from_zero(n_samples)
    last = ("encoder.curved.4.", "decoder.curved.4.", "encoder.skip", "decoder.skip")
    for name, value in network.state_dict().items():
        factor = gain if name.startswith("decoder.curved.0.") else 1.0
        factor = 0.0 if name.startswith(last) else factor
        torch.testing.assert_close(value, before[name] * factor)
    assert not network.encode(x).any()
    assert not network.decode(x[:, :2]).any()


@pytest.mark.parametrize("init", ["pca", "random"])
def test_decoder_mirrors_the_encoder(build, init):
    network = build(init)
    found = []
    for part in (network.encoder, network.decoder):
        layers = list(part.curved if init == "pca" else part)[::2]
        found.append([(layer.in_features, layer.out_features) for layer in layers])
    assert found[0] == [(5, 4), (4, 3), (3, 2)]
    assert found[1] == [(2, 3), (3, 4), (4, 5)]


@pytest.mark.parametrize("sizes", [(5, 2), (5, 4, 2), (5, 1, 3, 2)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_perceptron_has_activations_between_layers_only(sizes, activation, x):
    perceptron = Perceptron(sizes=sizes, activation=activation)
    assert len(perceptron) == 2 * len(sizes) - 3
    assert isinstance(perceptron[-1], torch.nn.Linear)
    kinds = {type(layer) for layer in list(perceptron)[1::2]}
    assert kinds <= {ACTIVATIONS[activation]}
    assert perceptron(x).shape == (7, 2)


def test_weights_are_drawn_within_the_bound_of_torch(build):
    layer = build("random", n_features=100, hidden_layer_sizes=(400,)).encoder[0]
    layer.requires_grad_(False)
    for parameter in (layer.weight, layer.bias):
        assert parameter.abs().max() <= 0.1
        assert parameter.abs().max() > 0.099
        assert abs(float(parameter.mean())) < 0.01


def test_same_generator_draws_the_same_weights(build):
    drawn = [
        torch.cat([p.detach().ravel() for p in build(seed=seed).parameters()])
        for seed in (1, 1, 2)
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_building_draws_nothing_from_the_global_generator(build):
    before = torch.get_rng_state()
    build()
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_are_float32_whatever_the_default(build):
    torch.set_default_dtype(torch.float64)
    try:
        network = build()
    finally:
        torch.set_default_dtype(torch.float32)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
