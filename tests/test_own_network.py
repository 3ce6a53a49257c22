"""A network of the user's in place of the built-in one."""

import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from torch import nn

from sklearn_ae import AutoencoderTransformer, FullyConnected


class Narrow(nn.Module):
    """One hidden layer, with dropout and statistics of the batches."""

    def __init__(self, n_features, n_components, width=16, dropout=0.0):
        super().__init__()
        self.encode = nn.Sequential(
            nn.Linear(n_features, width),
            nn.BatchNorm1d(width),
            nn.Tanh(),
            nn.Dropout(dropout),
            nn.Linear(width, n_components),
        )
        self.decode = nn.Sequential(
            nn.Linear(n_components, width), nn.Tanh(), nn.Linear(width, n_features)
        )


@pytest.fixture
def narrow(quick):
    """Return a factory of quick estimators with the narrow network."""

    def build(*args, **parameters):
        return quick(*args, **{"module": Narrow, "max_iter": 20, **parameters})

    return build


@pytest.mark.parametrize(
    "changes", [{}, {"cv": 3}, {"early_stopping": True}, {"init": "random"}]
)
def test_own_network_learns(narrow, curved, changes):
    model = narrow(max_iter=40, learning_rate_init=0.02, **changes).fit(curved)
    assert isinstance(model.net_.module_.network, nn.Module)
    assert model.score(curved) > 0.3
    if "init" not in changes:
        assert model.score(curved) > model.pca_score_ + 0.02
    codes = model.transform(curved)
    assert codes.shape == (240, 2)
    assert_allclose(np.cov(codes.T)[0, 1], 0, atol=1e-6)


def test_untrained_correction_is_pca(narrow, curved):
    model = narrow(learning_rate_init=1e-12, max_iter=1).fit(curved)
    assert_allclose(model.score(curved), model.pca_score_, rtol=1e-6)


def test_random_start_shows_the_network_the_data(quick, curved):
    seen = []

    class Recorder(nn.Module):
        def __init__(self, n_features, n_components):
            super().__init__()
            self.inner = nn.Linear(n_features, n_components)
            self.outer = nn.Linear(n_components, n_features)

        def encode(self, x):
            seen.append(x.detach().clone())
            return self.inner(x)

        def decode(self, code):
            return self.outer(code)

    model = quick(module=Recorder, init="random", max_iter=1, batch_size=240)
    with pytest.warns(ConvergenceWarning, match="needs values of about 1"):
        model.fit(curved)
    batch = next(x for x in seen if len(x) == 240 and x.dtype == torch.float32)
    assert_allclose(np.sort(batch, axis=0), np.sort(curved, axis=0), atol=1e-5)


@pytest.mark.parametrize("init", ["pca", "random"])
def test_same_seed_gives_the_same_bits_and_leaves_the_global_generator(
    narrow, curved, init
):
    before = torch.get_rng_state()
    first, second, other = (
        narrow(init=init, random_state=seed, module__dropout=0.3).fit_transform(curved)
        for seed in (0, 0, 1)
    )
    assert_array_equal(first, second)
    assert np.abs(first - other).max() > 1e-6
    assert torch.equal(torch.get_rng_state(), before)


def test_transform_does_without_dropout(narrow, curved):
    model = narrow(module__dropout=0.5).fit(curved)
    assert_array_equal(model.transform(curved), model.transform(curved))


def test_parameters_of_the_network_are_parameters(narrow):
    model = narrow(module__width=8)
    assert model.get_params()["module__width"] == 8
    copy = clone(model.set_params(module__width=4, module__dropout=0.1, tol=0.5))
    found = copy.get_params()
    assert (found["module__width"], found["module__dropout"]) == (4, 0.1)
    assert (found["tol"], found["module"]) == (0.5, Narrow)
    assert "module__width" in repr(copy)


def test_width_of_the_network_reaches_it(narrow, curved):
    for width in (3, 8):
        model = narrow(module__width=width, max_iter=1).fit(curved)
        network = model.net_.module_.network
        widths = [m.out_features for m in network.modules() if isinstance(m, nn.Linear)]
        assert widths == [width, 2, width, 12]


def test_grid_search_over_the_network(narrow, curved):
    grid = {"module__width": [1, 24], "n_components": [1, 2]}
    search = GridSearchCV(narrow(max_iter=30), grid, cv=2).fit(curved)
    assert search.best_params_ == {"module__width": 24, "n_components": 2}


def test_unknown_parameters_are_refused(narrow, curved):
    with pytest.raises(TypeError, match="unexpected keyword argument 'n_component'"):
        AutoencoderTransformer(n_component=3)
    with pytest.raises(ValueError, match="Invalid parameter 'n_component'"):
        AutoencoderTransformer().set_params(n_component=3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'depth'"):
        narrow(module__depth=3).fit(curved)


def test_instance_starts_from_its_weights_and_keeps_them(quick, curved):
    mine = Narrow(12, 2)
    before = {name: value.clone() for name, value in mine.state_dict().items()}
    model = quick(module=mine, init="random", learning_rate_init=1e-12)
    with pytest.warns(ConvergenceWarning, match="has learned nothing. Lower") as found:
        model.fit(curved)
    assert found[0].filename == __file__
    trained = model.net_.module_.network.state_dict()
    weight = "encode.0.weight"
    assert_allclose(trained[weight], before[weight], atol=1e-6)
    model.set_params(learning_rate_init=0.1, max_iter=5).fit(curved)
    for name, value in mine.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("found", [None, {"a": "b"}, {"batches": 1.0}, {3: 4.0}])
def test_record_of_an_epoch_has_to_be_a_dict_of_floats(quick, curved, found):
    class Telling(Narrow):
        def epoch_record(self):
            return found

    message = f"epoch_record of Telling has to return a dict of floats.*{found}"
    with pytest.raises(ValueError, match=message):
        quick(module=Telling).fit(curved)


def test_penalty_of_a_network_may_be_of_its_weights_alone(quick, curved):
    class Small(Narrow):
        def penalty(self):
            return 100 * self.encode[0].weight.square().sum()

    size = [
        float(model.net_.module_.network.encode[0].weight.norm())
        for model in (
            quick(module=module, init="random", max_iter=20).fit(curved)
            for module in (Narrow, Small)
        )
    ]
    assert size[1] < 0.5 * size[0]


def test_share_of_the_variance_needs_a_class(quick, curved):
    network = Narrow(12, 2)
    message = (
        "n_components=0.9 is a share of the variance, which needs a class as module. "
        "Give the number of codes as an int."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(0.9, module=network).fit(curved)


def test_arguments_for_an_instance_are_refused(quick, curved):
    message = "module__width is an argument for a class of your own, but module=Narrow("
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(module=Narrow(12, 2), module__width=3).fit(curved)


def test_shapes_that_do_not_fit_are_named_before_training(quick, curved):
    message = (
        "module.encode of Narrow maps a batch of shape (2, 12) to (2, 3), but (2, 2) "
        "is needed, with n_features=12 and n_components=2."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(module=Narrow(12, 3)).fit(curved)


def test_module_without_encode_is_refused(quick, curved):
    message = "module needs the methods encode and decode, but Linear has no encode."
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(module=nn.Linear(12, 2)).fit(curved)


def test_class_that_is_no_module_is_refused(quick, curved):
    with pytest.raises(ValueError, match="must be a torch module with the methods"):
        quick(module=dict).fit(curved)


def test_built_in_network_can_be_named(quick, curved):
    expected = quick().fit_transform(curved)
    assert_array_equal(quick(module=FullyConnected).fit_transform(curved), expected)


@pytest.mark.parametrize("name", ["activation", "n_components", "depth"])
def test_arguments_for_the_built_in_network_are_refused(quick, curved, name):
    message = f"module__{name} is an argument for a class of your own, but module=None"
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(**{f"module__{name}": 1}).fit(curved)


class Bent(FullyConnected):
    """Codes of its own."""

    def encode(self, x):
        return super().encode(x).tanh() + 1


def test_subclass_of_the_built_in_network_encodes_in_its_own_way(quick, curved):
    start = quick(module=Bent, max_iter=1, learning_rate_init=1e-12).fit(curved)
    assert_allclose(start.score(curved), start.pca_score_, rtol=1e-6)
    model = quick(module=Bent, max_iter=20).fit(curved)
    codes = model.transform(curved)
    assert_allclose(model.transform(curved.astype(np.float32)), codes, atol=1e-4)


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("own_init", ["pca", "random"])
def test_instance_of_the_built_in_network_is_one_like_others(
    quick, curved, init, own_init
):
    mine = FullyConnected(
        n_features=12,
        n_components=2,
        hidden_layer_sizes=(8,),
        activation="tanh",
        init=own_init,
        generator=torch.Generator().manual_seed(0),
    )
    model = quick(module=mine, init=init).fit(curved)
    assert model.transform(curved).shape == (240, 2)
    message = "module.encode of FullyConnected maps a batch of shape (2, 12) to (2, 2)"
    with pytest.raises(ValueError, match=re.escape(message)):
        model.set_params(n_components=3).fit(curved)


def test_own_network_goes_on_from_a_fit(narrow, curved):
    model = narrow(warm_start=True, init="random").fit(curved)
    first = model.best_loss_
    assert model.fit(curved).best_loss_ < first


def test_other_network_does_not_go_on(narrow, curved):
    model = narrow(warm_start=True).fit(curved)
    with pytest.raises(ValueError, match="warm_start=True continues a fit with module"):
        model.set_params(module=None).fit(curved)


def test_share_of_variance_finds_a_size_for_a_class(narrow, curved):
    model = narrow(n_components=0.8, max_iter=10).fit(curved)
    assert 1 <= model.n_components_ <= 4


def test_own_network_takes_missing_cells_and_weights(narrow, curved):
    X = curved.copy()
    X[::7, 3] = np.nan
    model = narrow(max_iter=5).fit(X, sample_weight=np.linspace(1, 2, len(X)))
    assert np.isfinite(model.transform(X)).all()


def test_own_network_cannot_be_saved_without_pickle(narrow, curved, tmp_path):
    model = narrow(max_iter=1).fit(curved)
    with pytest.raises(TypeError, match="cannot be saved without pickle"):
        model.save(tmp_path / "model.safetensors")


@pytest.mark.parametrize("warm_start", [False, True])
def test_frozen_parameters_of_an_instance_stay_frozen(quick, curved, warm_start):
    mine = Narrow(12, 2)
    mine.encode.requires_grad_(False)
    model = quick(module=mine, init="random", warm_start=warm_start)
    model.fit(curved).fit(curved)
    found = model.net_.module_.network.state_dict()
    for name, value in mine.state_dict().items():
        if name.endswith(("weight", "bias")):
            same = torch.equal(found[name].float(), value)
            assert same == name.startswith("encode.")


class Bare(nn.Module):
    """Nothing to train."""

    def encode(self, x):
        return x[:, :2]

    def decode(self, code):
        return code.repeat(1, 6)


def frozen():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        return Narrow(12, 2).requires_grad_(False)


@pytest.mark.parametrize("build", [Bare, frozen])
def test_module_without_anything_to_train_is_refused_without_pca(quick, curved, build):
    message = f"module needs parameters to train, but {type(build()).__name__} has none"
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(module=build(), init="random").fit(curved)


def test_module_without_anything_to_train_can_correct_pca(quick, curved):
    # Its outputs are multiplied by factors, which are trained.
    model = quick(module=frozen(), max_iter=20).fit(curved)
    assert model.score(curved) > model.pca_score_


def test_arrays_as_arguments_can_be_continued(quick, curved):
    class Weighted(Narrow):
        def __init__(self, n_features, n_components, scale):
            super().__init__(n_features, n_components)

    model = quick(module=Weighted, module__scale=np.zeros(3), warm_start=True)
    model.fit(curved).fit(curved)
    with pytest.raises(ValueError, match=re.escape("continues a fit with module__*=")):
        model.set_params(module__scale=np.ones(3)).fit(curved)


def test_network_of_another_dtype_is_refused(quick, curved):
    class Doubling(Narrow):
        def decode_in_double(self, code):
            return code.new_zeros(len(code), 12).double()

    mine = Doubling(12, 2)
    mine.decode = nn.Identity()
    mine.decode.forward = mine.decode_in_double
    message = "module.decode of Doubling maps torch.float32 to torch.float64, but has"
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(module=mine).fit(curved)
