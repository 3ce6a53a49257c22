"""The torch modules, on tensors of their own."""

import pytest
import torch

from sklearn_ae._model.autoencoder import (
    CorrectedPCA,
    LogisticSum,
    PlainAutoencoder,
    Sum,
)
from sklearn_ae.networks.fully_connected import FullyConnected


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def x(generator):
    return torch.randn(7, 5, generator=generator)


@pytest.fixture
def components(generator):
    square = torch.randn(5, 5, generator=generator)
    return torch.linalg.qr(square).Q[:, :2].T.contiguous()


@pytest.fixture
def network(generator):
    """Return a factory of networks."""

    def build_network(n_features=5, init="pca"):
        return FullyConnected(
            n_features=n_features,
            n_components=2,
            hidden_layer_sizes=(4, 3),
            activation="tanh",
            init=init,
            generator=generator,
        )

    return build_network


@pytest.fixture
def build(components, network):
    """Return a factory of initialised modules, silent or with a correction."""

    def build_corrected(subspace=None, silent=False, **changes):
        inner = network(5 if subspace is None else len(subspace))
        if silent:
            inner.start_from_zero(1)
        parameters = {
            "network": inner,
            "components": components,
            "column_scale": torch.tensor([1.0, 2.0, 0.5, 1.0, 1.0]),
            "code_scale": torch.tensor([2.0, 0.5]),
            "residual_scale": torch.tensor([0.1, 0.2, 0.0, 0.3, 0.4]),
            "subspace": subspace,
            "output": Sum(),
        }
        return CorrectedPCA(**{**parameters, **changes}).requires_grad_(False)

    return build_corrected


@pytest.fixture
def build_plain(network):
    """Return a factory of networks alone."""

    def build(**changes):
        parameters = {
            "network": network(init="random"),
            "n_components": 2,
            "offset": torch.zeros(5),
            "unit": torch.tensor([1.0, 2.0, 0.5, 1.0, 1.0]),
            "code_activation": "identity",
            "output_activation": "identity",
        }
        return PlainAutoencoder(**{**parameters, **changes}).requires_grad_(False)

    return build


@pytest.fixture
def plain(build_plain):
    return build_plain()


def test_silent_network_is_pca(build, components, x):
    module = build(silent=True)
    torch.testing.assert_close(module.raw_encode(x), x @ components.T)
    torch.testing.assert_close(module.reconstruct(x), x @ components.T @ components)


def test_shrinking_to_zero_leaves_pca(build, components, x):
    module = build()
    pca = x @ components.T @ components
    assert not torch.allclose(module.reconstruct(x), pca)
    module.shrink(0.0)
    torch.testing.assert_close(module.reconstruct(x), pca)


def test_shrinking_multiplies_both_corrections(build, components, x):
    module, whole = build(), None
    shift = module.raw_encode(x) - x @ components.T
    whole = module.raw_decode(x[:, :2]) - x[:, :2] @ components
    module.shrink(0.25)
    torch.testing.assert_close(module.raw_encode(x) - x @ components.T, 0.25 * shift)
    part = module.raw_decode(x[:, :2]) - x[:, :2] @ components
    torch.testing.assert_close(part, 0.25 * whole)


def test_columns_that_pca_explains_are_not_corrected(build, components, x):
    module = build()
    code = x[:, :2]
    correction = module.raw_decode(code) - code @ components
    assert not correction[:, 2].any()
    assert correction[:, [0, 1, 3, 4]].abs().min() > 0


def test_units_of_the_correction_are_those_of_the_residual(build, components, x):
    small, large = build(silent=True), build(silent=True)
    for module, unit in ((small, 1.0), (large, 10.0)):
        module.network.encoder.skip.weight.fill_(1.0)
        module.network.decoder.skip.weight.fill_(1.0)
        scale = unit * torch.tensor([0.1, 0.2, 0.0, 0.3, 0.4])
        module.set_pca(components, torch.tensor([2.0, 0.5]), scale)
    shifts = [module.raw_encode(x) - x @ components.T for module in (small, large)]
    torch.testing.assert_close(10 * shifts[0], shifts[1])
    rows = [m.raw_decode(x[:, :2]) - x[:, :2] @ components for m in (small, large)]
    torch.testing.assert_close(10 * rows[0], rows[1])


def test_basis_shows_codes_otherwise_and_keeps_the_reconstruction(build, plain, x):
    for module in (build(), plain):
        before = module.reconstruct(x)
        torch.testing.assert_close(module.encode(x), module.raw_encode(x))
        mean = torch.tensor([1.0, -2.0])
        basis = torch.tensor([[2.0, 1.0], [0.0, 0.5]])
        module.set_basis(mean, basis, torch.linalg.inv(basis))
        expected = (module.raw_encode(x) - mean) @ basis
        torch.testing.assert_close(module.encode(x), expected)
        torch.testing.assert_close(module.decode(module.encode(x)), before)
        torch.testing.assert_close(module.reconstruct(x), before)


def test_forward_gives_reconstruction_and_code(build, plain, x):
    for module in (build(), plain):
        reconstruction, code = module(x)
        torch.testing.assert_close(reconstruction, module.reconstruct(x))
        torch.testing.assert_close(code, module.raw_encode(x))
        assert (reconstruction.shape, code.shape) == ((7, 5), (7, 2))


def test_rows_can_be_reconstructed_from_their_first_codes(build, plain, x):
    for module in (build(), plain):
        n_kept = torch.tensor([[0], [1], [2], [1], [2], [0], [1]])
        reconstruction, code = module(x, n_kept)
        torch.testing.assert_close(code, module.raw_encode(x))
        kept = code * torch.tensor(
            [[0, 0], [1, 0], [1, 1], [1, 0], [1, 1], [0, 0], [1, 0]]
        )
        torch.testing.assert_close(reconstruction, module.raw_decode(kept))


def test_subspace_is_all_that_the_correction_sees_and_writes(build, components, x):
    subspace = torch.linalg.qr(torch.ones(5, 1) + torch.eye(5)).Q[:, :3].T
    outside = torch.eye(5) - subspace.T @ subspace
    module = build(subspace=subspace, residual_scale=torch.full((5,), 0.3))
    other = x + x @ outside * 3
    shift = module.raw_encode(x) - x @ components.T
    torch.testing.assert_close(module.raw_encode(other) - other @ components.T, shift)
    correction = module.raw_decode(x[:, :2]) - x[:, :2] @ components
    torch.testing.assert_close(correction @ outside, torch.zeros(7, 5))
    assert correction.abs().max() > 0.01


def test_column_scale_conditions_the_input_of_the_correction(build, components, x):
    scale = torch.tensor([1.0, 2.0, 0.5, 1.0, 1.0])
    module = build()
    shift = (module.raw_encode(x) - x @ components.T) / module.code_step
    torch.testing.assert_close(shift, module.network.encode(x / scale))


def test_code_scale_conditions_the_input_of_the_decoder(build, components, x):
    module, code = build(), x[:, :2]
    correction = module.raw_decode(code) - code @ components
    inner = module.network.decode(code / torch.tensor([2.0, 0.5]))
    expected = inner * module.residual_scale
    torch.testing.assert_close(correction, expected)


def test_plain_autoencoder_is_equivariant_to_its_unit(plain, x):
    unscaled = plain.reconstruct(x)
    plain.unit = plain.unit * 10
    torch.testing.assert_close(plain.reconstruct(10 * x), 10 * unscaled)


def test_plain_autoencoder_shows_the_network_the_data(build_plain, x):
    mean, scale = torch.arange(5.0), torch.tensor(3.0)
    plain = build_plain(offset=mean / scale, unit=1 / scale)
    inner, data = plain.network, x * scale + mean
    torch.testing.assert_close(plain.raw_encode(x), inner.encode(data))
    expected = (inner.decode(inner.encode(data)) - mean) / scale
    torch.testing.assert_close(plain.reconstruct(x), expected)


def test_activations_of_code_and_output_bound_them(build_plain, x):
    plain = build_plain(code_activation="relu", output_activation="logistic")
    code = plain.raw_encode(100 * x)
    assert (code >= 0).all()
    assert (code == 0).any()
    shares = plain.raw_decode(code) / plain.unit
    assert (shares.min() >= 0) & (shares.max() <= 1)


@pytest.fixture
def logistic():
    return LogisticSum(mean=torch.full((5,), 0.5), scale=torch.tensor(0.2))


def test_logistic_output_without_correction_is_pca_cut_off(build, logistic, x):
    module = build(output=logistic)
    module.shrink(0.0)
    pca = 20 * x @ module.components.T @ module.components
    found = module.reconstruct(20 * x) * 0.2 + 0.5
    torch.testing.assert_close(found, (pca * 0.2 + 0.5).clamp(0, 1))
    assert {0.0, 1.0} < set(found.ravel().tolist())


def test_logistic_output_starts_near_pca_and_can_learn(logistic, x):
    zero, step = torch.zeros_like(x).requires_grad_(True), torch.ones(5)
    found = logistic(20 * x, zero, step) * 0.2 + 0.5
    expected = (20 * x * 0.2 + 0.5).clamp(0.01, 0.99)
    torch.testing.assert_close(found, expected)
    (gradient,) = torch.autograd.grad(found.sum(), zero)
    assert gradient.min() > 0


def test_logistic_output_follows_small_corrections_as_a_sum_does(logistic):
    middle, correction = torch.zeros(1, 5), torch.full((1, 5), 0.01)
    found = logistic(middle, correction, torch.full((5,), 0.5))
    torch.testing.assert_close(found, 0.5 * correction, rtol=1e-3, atol=0)


def test_factor_lasts_only_as_long_as_it_should(build, x):
    module = build()
    before = module.reconstruct(x)
    with module.shrunk(0.5):
        assert not torch.allclose(module.reconstruct(x), before)
    torch.testing.assert_close(module.reconstruct(x), before)
