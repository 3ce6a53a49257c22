"""The built-in network in few products gives what the module gives."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae._model.inference import FEW_ROWS


def assert_fused(model, X):
    """Compare the maps of few rows, and of many, with the module's.

    Products of another order may lose as much to rounding as those of the module do.
    """
    codec = model._codec
    rows = codec._imputed(codec._to_scaled(np.asarray(X)))
    exact = codec.modules[np.dtype(np.float64)].encode(torch.from_numpy(rows)).numpy()
    for dtype, share in ((np.float64, 1e-9), (np.float32, 1e-4)):
        coder, x = codec.coders[np.dtype(dtype)], rows.astype(dtype)
        plain = codec.modules[np.dtype(dtype)]
        codes = plain.encode(torch.from_numpy(x))
        back = plain.decode(codes).numpy()
        codes = codes.numpy()
        lost = np.abs(codes - exact).max()
        assert lost <= 10 * share * codes.std()
        atol = share * codes.std() + lost
        for n in (1, FEW_ROWS):
            found, decoded = coder.few.encode(x[:n]), coder.few.decode(codes[:n])
            assert found.dtype == decoded.dtype == dtype
            assert_allclose(found, codes[:n], rtol=0, atol=atol)
            assert_allclose(decoded, back[:n], rtol=0, atol=share * back.std())
            assert_array_equal(found, coder.encode(x[:n]))
            assert_array_equal(decoded, coder.decode(codes[:n]))
        more = np.resize(x, (FEW_ROWS + 1, x.shape[1]))
        expected = plain.encode(torch.from_numpy(more))
        assert_allclose(coder.encode(more), expected, rtol=0, atol=atol)
        expected = plain.decode(expected)
        found = coder.decode(coder.encode(more))
        assert_allclose(found, expected, rtol=0, atol=10 * share * back.std())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"transform_max_iter": 0},
        {"transform_max_iter": 3, "cv": 3},
        {"whiten": True},
        {"hidden_layer_sizes": (8, 6, 4), "activation": "tanh"},
        {"hidden_layer_sizes": (), "activation": "relu"},
        {"activation": "logistic"},
        {"activation": "relu", "hidden_layer_sizes": (8,)},
        {"activation": "identity"},
        {"output_activation": "identity", "loss": "huber"},
    ],
    ids=str,
)
@pytest.mark.parametrize("factor", [1.0, 1e-5, 1e6])
def test_products_give_what_the_module_gives(quick, curved, changes, factor):
    X = factor * (curved + [0, 10, -10] * 4)
    assert_fused(quick(**{"max_iter": 10, "cv": None, **changes}).fit(X), X)


@pytest.mark.parametrize("n_steps", [0, 1])
def test_products_see_the_subspace(quick, wide_linear, n_steps):
    model = quick(2, max_iter=10, transform_max_iter=n_steps).fit(wide_linear)
    assert model.net_.module_.subspace is not None
    assert_fused(model, wide_linear)


def test_pca_alone_has_no_hidden_layers(quick, noise):
    model = quick(cv=3).fit(noise)
    assert model.shrinkage_ == 0
    for coder in model._codec.coders.values():
        assert coder.few.correction.bent == coder.few.decoder.layers.bent == []
    assert_fused(model, noise)


def test_weights_are_held_once_for_each_precision(quick, curved):
    for coder in quick().fit(curved)._codec.coders.values():
        first = coder.few.components, coder.many.components.numpy()
        last = coder.few.decoder.layers.last[0], coder.many.decoder.layers.last[0]
        assert np.shares_memory(*first)
        assert np.shares_memory(last[0], last[1].numpy())


def test_missing_cells_are_imputed(quick, curved):
    X = curved.copy()
    X[::3, 2] = np.nan
    assert_fused(quick(max_iter=10).fit(X), X)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_threads_share_an_estimator(quick, curved, dtype):
    model, X = quick(max_iter=5).fit(curved), curved.astype(dtype)
    expected = [model.transform(X[i : i + 1]) for i in range(40)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: model.transform(X[i : i + 1]), range(40)))
    assert_array_equal(found, expected)


@pytest.mark.parametrize("changes", [{"init": "random"}, {"module": "own"}])
def test_other_networks_stay_in_torch(quick, curved, changes):
    class Own(torch.nn.Linear):
        def __init__(self, n_features, n_components):
            super().__init__(n_features, n_components)

        def encode(self, x):
            return self(x)

        def decode(self, code):
            return code @ self.weight

    changes = {k: Own if v == "own" else v for k, v in changes.items()}
    codec = quick(max_iter=1, **changes).fit(curved)._codec
    for dtype, coder in codec.coders.items():
        assert coder.few is None
        assert coder.many.code_mean.numpy().dtype == dtype


def test_wide_tables_take_no_square_matrix(quick):
    X = np.random.default_rng(0).standard_normal((30, 2000))
    for coder in quick().fit(X)._codec.coders.values():
        layers = (coder.few.correction, coder.few.decoder.layers)
        weights = [weight for part in layers for weight, _ in (*part.bent, part.last)]
        assert max(weight.size for weight in weights) <= 2000 * 16
