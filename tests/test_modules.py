"""The torch modules, on tensors of their own."""

import pytest
import torch

from sklearn_ae._modules import (
    ACTIVATIONS,
    CorrectedPCA,
    Correction,
    Perceptron,
    PlainAutoencoder,
    initialize,
)


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
def build(components, generator):
    """Return a factory of initialised networks, silent or with a correction."""

    def build_corrected(subspace=None, silent=False, **changes):
        parameters = {
            "components": components,
            "column_scale": torch.tensor([1.0, 2.0, 0.5, 1.0, 1.0]),
            "code_scale": torch.tensor([2.0, 0.5]),
            "residual_scale": torch.tensor([0.1, 0.2, 0.0, 0.3, 0.4]),
            "subspace": subspace,
            "hidden_layer_sizes": (4, 3),
            "activation": "tanh",
        }
        module = CorrectedPCA(**{**parameters, **changes})
        initialize(module, generator)
        if silent:
            module.silence()
        return module.requires_grad_(False)

    return build_corrected


@pytest.fixture
def plain(generator):
    module = PlainAutoencoder(
        column_scale=torch.tensor([1.0, 2.0, 0.5, 1.0, 1.0]),
        n_components=2,
        hidden_layer_sizes=(4, 3),
        activation="tanh",
    )
    initialize(module, generator)
    return module.requires_grad_(False)


def test_silent_network_is_pca(build, components, x):
    module = build(silent=True)
    torch.testing.assert_close(module.raw_encode(x), x @ components.T)
    torch.testing.assert_close(module.reconstruct(x), x @ components.T @ components)


def test_correction_vanishes_only_until_it_is_trained(generator):
    correction = Correction(sizes=(5, 4, 2), activation="tanh")
    initialize(correction, generator)
    correction.silence()
    x = torch.ones(1, 5)
    assert not correction(x).any()
    correction(x).sum().backward()
    assert correction.skip.weight.grad.abs().min() > 0
    assert correction.curved[-1].weight.grad.abs().min() > 0


def test_correction_is_perceptron_plus_linear_skip(generator):
    correction = Correction(sizes=(5, 4, 2), activation="relu")
    initialize(correction, generator)
    x = torch.randn(3, 5, generator=generator)
    expected = correction.curved(x) + x @ correction.skip.weight.T / 5**0.5
    torch.testing.assert_close(correction(x), expected)
    assert correction.skip.bias is None


@pytest.mark.parametrize(
    ("n_samples", "gain"), [(1, 1.0), (10**4, 10 ** (4 / 6) / 1.5)]
)
def test_first_layer_of_the_decoder_follows_the_bandwidth(build, n_samples, gain):
    module = build()
    n_components = len(module.components)
    assert n_components == 2
    before = {name: value.clone() for name, value in module.state_dict().items()}
    module.sharpen(n_samples)
    for name, value in module.state_dict().items():
        factor = gain if name.startswith("g.curved.0.") else 1.0
        torch.testing.assert_close(value, before[name] * factor)


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
        module.f.skip.weight.fill_(1.0)
        module.g.skip.weight.fill_(1.0)
        scale = unit * torch.tensor([0.1, 0.2, 0.0, 0.3, 0.4])
        module.rebase(components, torch.tensor([2.0, 0.5]), scale)
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
    torch.testing.assert_close(shift, module.f(x / scale))


def test_code_scale_conditions_the_input_of_the_decoder(build, components, x):
    module, code = build(), x[:, :2]
    correction = module.raw_decode(code) - code @ components
    expected = module.g(code / torch.tensor([2.0, 0.5])) * module.residual_scale
    torch.testing.assert_close(correction, expected)


def test_plain_autoencoder_is_equivariant_to_column_scale(plain, x):
    unscaled = plain.reconstruct(x)
    plain.column_scale = plain.column_scale * 10
    torch.testing.assert_close(plain.reconstruct(10 * x), 10 * unscaled)
    torch.testing.assert_close(
        plain.raw_encode(10 * x), plain.encoder(x / plain.column_scale * 10)
    )


def test_decoder_mirrors_the_encoder(build, plain):
    corrected = build()
    for first, second in (
        (plain.encoder, plain.decoder),
        (corrected.f.curved, corrected.g.curved),
    ):
        widths, mirrored = (
            [(layer.in_features, layer.out_features) for layer in list(part)[::2]]
            for part in (first, second)
        )
        assert widths == [(5, 4), (4, 3), (3, 2)]
        assert mirrored == [(2, 3), (3, 4), (4, 5)]


@pytest.mark.parametrize("sizes", [(5, 2), (5, 4, 2), (5, 1, 3, 2)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_perceptron_has_activations_between_layers_only(sizes, activation, x):
    perceptron = Perceptron(sizes=sizes, activation=activation)
    assert len(perceptron) == 2 * len(sizes) - 3
    assert isinstance(perceptron[-1], torch.nn.Linear)
    kinds = {type(layer) for layer in list(perceptron)[1::2]}
    assert kinds <= {ACTIVATIONS[activation]}
    assert perceptron(x).shape == (7, 2)


def test_weights_are_drawn_within_the_bound_of_torch(generator):
    layer = torch.nn.Linear(100, 400).requires_grad_(False)
    initialize(layer, generator)
    for parameter in (layer.weight, layer.bias):
        assert parameter.abs().max() <= 0.1
        assert parameter.abs().max() > 0.099
        assert abs(float(parameter.mean())) < 0.01


def test_same_generator_draws_the_same_weights():
    drawn = []
    for seed in (1, 1, 2):
        module = Perceptron(sizes=(5, 4, 2), activation="tanh")
        initialize(module, torch.Generator().manual_seed(seed))
        drawn.append(torch.cat([p.detach().ravel() for p in module.parameters()]))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_building_draws_nothing_from_the_global_generator(build):
    before = torch.get_rng_state()
    build()
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_are_float32_whatever_the_default(generator):
    torch.set_default_dtype(torch.float64)
    try:
        module = Perceptron(sizes=(5, 4, 2), activation="tanh")
        initialize(module, generator)
    finally:
        torch.set_default_dtype(torch.float32)
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}
