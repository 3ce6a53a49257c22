"""The making of a module, with a network that is built in or the user's."""

import re

import numpy as np
import pytest
import torch

from sklearn_ae._data import LinearStart, Table
from sklearn_ae._model.build import Architecture, Gated, build_autoencoder


class Shifted(torch.nn.Module):
    """Encode the first columns, and decode them to a constant."""

    def __init__(self, n_features, n_components, shift=1.0):
        super().__init__()
        self.n_features, self.n_components = n_features, n_components
        self.shift = torch.nn.Parameter(torch.tensor(shift))

    def encode(self, x):
        return x[:, : self.n_components]

    def decode(self, code):
        return code.new_zeros(len(code), self.n_features) + self.shift


@pytest.fixture
def build():
    """Return a factory of the networks in an untrained autoencoder of 5 columns."""
    table = Table.of(np.random.default_rng(0).standard_normal((9, 5)))
    start = LinearStart.of_table(table, 2, seed=0)

    def build_network(module, **parameters):
        architecture = Architecture(
            n_components=2,
            hidden_layer_sizes=(4, 3),
            activation="tanh",
            code_activation="identity",
            output_activation="identity",
            init="random",
            whiten=False,
            sparse=False,
            module=module,
            module_parameters=parameters,
        )
        return build_autoencoder(start, architecture, seed=0).network

    return build_network


def test_class_gets_the_arguments_that_it_names(build):
    network = build(Shifted, shift=3.0)
    assert (network.n_features, network.n_components) == (5, 2)
    assert network.shift.item() == 3.0


def test_instance_is_copied(build):
    mine = Shifted(5, 2)
    network = build(mine)
    assert network is not mine
    assert network.shift is not mine.shift
    assert network.shift.item() == 1.0


def test_instance_in_double_precision_is_trained_in_single(build):
    network = build(Shifted(5, 2).double())
    assert network.shift.dtype == torch.float32


@pytest.mark.parametrize(
    ("mine", "message"),
    [
        (
            Shifted(5, 3),
            "module.encode of Shifted maps a batch of shape (2, 5) to (2, 3), but "
            "(2, 2) is needed, with n_features=5 and n_components=2.",
        ),
        (
            Shifted(7, 2),
            "module.decode of Shifted maps a batch of shape (2, 2) to (2, 7), but "
            "(2, 5) is needed, with n_features=5 and n_components=2.",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_named(build, mine, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        build(mine)


def test_failure_of_a_network_names_what_it_was_given(build):
    class Mine(Shifted):
        def encode(self, x):
            return torch.nn.functional.linear(x, torch.ones(2, 6))

    mine = Mine(5, 2)
    message = "module.encode of Mine fails on a batch of shape (2, 5): mat1 and mat2"
    with pytest.raises(ValueError, match=re.escape(message)):
        build(mine)


def test_module_without_parameters_is_refused(build):
    class Bare(Shifted):
        def __init__(self, n_features, n_components):
            super().__init__(n_features, n_components)
            del self.shift
            self.shift = 1.0

    message = "module needs parameters to train, but Bare has none. Register its layers"
    with pytest.raises(ValueError, match=re.escape(message)):
        build(Bare)


def test_gate_lets_nothing_through_until_it_is_trained():
    x = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    gated = Gated(Shifted(5, 2))
    assert not gated.encode(x).any()
    assert not gated.decode(x[:, :2]).any()
    (gated.encode(x).sum() + gated.decode(x[:, :2]).sum()).backward()
    assert gated.encoder_gate.grad.abs() > 0
    assert gated.decoder_gate.grad.abs() > 0
