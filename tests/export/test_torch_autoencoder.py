import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from torch import nn

from sklearn_ae import load, save

CONFIGURATIONS = {
    "default": {},
    "steps": {"transform_max_iter": 2},
    "no steps": {"transform_max_iter": 0},
    "whiten": {"whiten": True},
    "random": {"init": "random", "code_activation": "tanh"},
    "logistic": {"output_activation": "logistic", "loss": "log_loss"},
    "logistic random": {"output_activation": "logistic", "init": "random"},
    "PCA": {"hidden_layer_sizes": ()},
}


class Dropped(nn.Module):
    """A user's network, one of whose layers differs while training."""

    def __init__(self, n_features, n_components):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(n_features, n_components), nn.Dropout(0.5))
        self.outer = nn.Linear(n_components, n_features)

    def encode(self, x):
        return self.inner(x)

    def decode(self, code):
        return self.outer(code).tanh()


@pytest.fixture(scope="module")
def shares(curved):
    """Rows between 0 and 1."""
    low, high = curved.min(axis=0), curved.max(axis=0)
    return np.clip((curved - low) / (high - low), 0, 1)


@pytest.fixture(params=CONFIGURATIONS)
def fitted(request, quick, shares):
    return quick(**CONFIGURATIONS[request.param]).fit(shares)


def maps(model, X, dtype):
    """Return codes and reconstructions of the module, and those of the estimator."""
    module, rows = model.to_torch(dtype), torch.tensor(X, dtype=dtype)
    codes = model.transform(rows.numpy())
    with torch.no_grad():
        found = [module.encode(rows), module.decode(torch.tensor(codes)), module(rows)]
    reconstruction = model.inverse_transform(codes)
    return [part.numpy() for part in found], [codes, reconstruction, reconstruction]


def assert_same_maps(model, X, dtype, tolerance):
    for found, wanted in zip(*maps(model, X, dtype), strict=True):
        assert found.dtype == wanted.dtype
        assert_allclose(found, wanted, rtol=0, atol=tolerance * np.abs(wanted).max())


def test_maps_are_those_of_the_estimator_in_float64(fitted, shares):
    assert_same_maps(fitted, shares, torch.float64, 1e-12)


def test_maps_are_those_of_the_estimator_in_float32(fitted, shares):
    # The steps of codes take up to 20 times the rounding of a product.
    for found, wanted in zip(*maps(fitted, shares, torch.float32), strict=True):
        error, size = np.abs(found - wanted), np.abs(wanted).max()
        assert np.sqrt(np.mean(error**2)) < 1e-6 * size
        assert error.max() < 2e-5 * size


@pytest.mark.parametrize("init", ["pca", "random"])
def test_own_network(init, quick, curved):
    model = quick(module=Dropped, init=init).fit(curved)
    assert_same_maps(model, curved, torch.float64, 1e-12)
    module, rows = model.to_torch(), torch.tensor(curved, dtype=torch.float32)
    codes = module.encode(rows)
    assert not torch.equal(module.train().encode(rows), codes)
    assert torch.equal(module.eval().encode(rows), codes)


def test_wide_tables_with_a_subspace(quick, wide_linear):
    model = quick(n_components=2).fit(wide_linear)
    module = model.to_torch()
    assert "autoencoder.subspace" in module.state_dict()
    assert_same_maps(model, wide_linear, torch.float64, 1e-12)


def test_digits_that_rounding_takes_off_the_mean_come_back(quick, linear):
    X = (linear + 1e5 / 3).astype(np.float32)
    model = quick().fit(X)
    codes = model.transform(X.astype(np.float64))
    with torch.no_grad():
        found = model.to_torch().encode(torch.tensor(X)).numpy()
    assert_allclose(found, codes, rtol=0, atol=1e-5 * np.abs(codes).max())


def test_outputs_stay_between_0_and_1(quick, shares):
    module = quick(output_activation="logistic").fit(shares).to_torch()
    far = module.decode(torch.tensor([[100.0, -100.0], [-1e4, 1e4]]))
    assert far.min() >= 0
    assert far.max() <= 1


def test_training_mode_keeps_the_range_of_corrections(quick, curved):
    module = quick().fit(curved).to_torch()
    far = torch.tensor([[100.0, -100.0]])
    assert torch.equal(module.train().decode(far), module.eval().decode(far))
    assert nn.Sequential(module).train()[0].training


def test_gradients_are_those_of_finite_differences(fitted, shares):
    module = fitted.to_torch(torch.float64)
    rows = torch.tensor(shares[:6], requires_grad=True)
    parameters = tuple(module.parameters())

    def mapped(rows, *_):
        return module.encode(rows), module(rows)

    assert torch.autograd.gradcheck(mapped, (rows, *parameters), fast_mode=True)


def test_all_parameters_learn_through_the_steps(quick, curved):
    module = quick(transform_max_iter=2).fit(curved).to_torch()
    module.encode(torch.tensor(curved, dtype=torch.float32)).square().sum().backward()
    changed = {n for n, p in module.named_parameters() if p.grad.abs().sum() > 0}
    # Codes of rows depend on the decoder, which the steps come close to.
    assert changed == {name for name, _ in module.named_parameters()}


def test_training_the_copy_leaves_the_estimator_alone(quick, curved):
    model = quick().fit(curved)
    codes, module = model.transform(curved), model.to_torch()
    rows = torch.tensor(curved, dtype=torch.float32)
    reconstruction = module(rows)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1)
    before = (reconstruction - rows).square().mean()
    for _ in range(20):
        optimizer.zero_grad()
        loss = (module(rows) - rows).square().mean()
        loss.backward()
        optimizer.step()
    assert loss < before
    assert_array_equal(model.transform(curved), codes)
    assert torch.equal(model.to_torch()(rows), reconstruction)


def test_state_dict_is_a_network_and_buffers(quick, curved):
    model = quick().fit(curved)
    module, other = model.to_torch(), quick(max_iter=1).fit(curved).to_torch()
    names = {name for name, _ in module.named_parameters()}
    assert all(name.startswith("autoencoder.network.") for name in names)
    assert names == {
        f"autoencoder.network.{name}"
        for name, _ in model.net_.module_.network.named_parameters()
    }
    assert {"mean", "rest", "scale", "code_scale"} <= module.state_dict().keys() - names
    rows = torch.tensor(curved, dtype=torch.float32)
    assert not torch.equal(other(rows), module(rows))
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(rows), module(rows))


def test_loaded_estimators_have_the_same_module(quick, curved, tmp_path):
    model = quick().fit(curved)
    save(model, tmp_path / "model.safetensors")
    state = load(tmp_path / "model.safetensors").to_torch().state_dict()
    for name, tensor in model.to_torch().state_dict().items():
        assert torch.equal(state[name], tensor)


def test_row_with_a_missing_cell_has_no_codes_and_others_do(quick, curved):
    module = quick().fit(curved).to_torch()
    rows = torch.tensor(curved[:3], dtype=torch.float32)
    holed = rows.clone()
    holed[1, 0] = torch.nan
    codes = module.encode(holed)
    assert codes[1].isnan().all()
    assert torch.equal(codes[[0, 2]], module.encode(rows)[[0, 2]])


@pytest.mark.parametrize("name", ["steps", "random", "logistic", "PCA"])
def test_compiles_as_one_graph(name, quick, shares):
    torch.compiler.reset()
    module = quick(**CONFIGURATIONS[name]).fit(shares).to_torch()
    compiled = torch.compile(module, fullgraph=True, backend="eager", dynamic=True)
    rows = torch.tensor(shares, dtype=torch.float32)
    torch.testing.assert_close(compiled(rows), module(rows), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(compiled(rows[:9]), module(rows[:9]))


@pytest.mark.parametrize("name", ["steps", "random", "logistic", "PCA"])
def test_exports_for_any_number_of_rows(name, quick, shares):
    module = quick(**CONFIGURATIONS[name]).fit(shares).to_torch()
    rows = torch.tensor(shares, dtype=torch.float32)
    sizes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(module, (rows[:7],), dynamic_shapes=sizes)
    found = program.module()(rows)
    torch.testing.assert_close(found, module(rows), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", [torch.inference_mode, lambda: torch.device("meta")])
def test_modes_of_the_caller_do_not_matter(mode, quick, curved):
    model = quick().fit(curved)
    with mode():
        module = model.to_torch()
    module(torch.tensor(curved, dtype=torch.float32)).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.int64, "float32", None])
def test_other_dtypes_are_refused(dtype, quick, curved):
    text = f"dtype={dtype!r} has to be torch.float32 or torch.float64."
    model = quick().fit(curved)
    with pytest.raises(ValueError, match=re.escape(text)):
        model.to_torch(dtype)


def test_has_to_be_fitted(quick):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        quick().to_torch()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_maps_on_a_gpu(quick, curved):
    module = quick().fit(curved).to_torch(torch.float64)
    rows = torch.tensor(curved)
    wanted = module(rows)
    found = module.to("cuda")(rows.to("cuda")).cpu()
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)
