"""The encoder of float32 rows, in as few steps as can be."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_ae._model.fused_encoder import fuse_encoder


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"whiten": True},
        {"cv": 3},
        {"hidden_layer_sizes": (8, 6, 4)},
        {"hidden_layer_sizes": ()},
        {"activation": "tanh"},
        {"output_activation": "identity", "loss": "huber"},
    ],
    ids=str,
)
@pytest.mark.parametrize("factor", [1.0, 1e-5, 1e6])
def test_fused_encoder_gives_the_codes(quick, curved, changes, factor):
    X = (factor * (curved + [0, 10, -10] * 4)).astype(np.float32)
    model = quick(max_iter=10, transform_max_iter=0, **changes).fit(X)
    assert model._codec.fused is not None
    codes = model.transform(X.astype(np.float64))
    found = model.transform(X)
    assert_allclose(found, codes, rtol=0, atol=1e-4 * codes.std())


def test_fused_encoder_sees_the_subspace(quick, wide_linear):
    X = wide_linear.astype(np.float32)
    model = quick(2, max_iter=10, transform_max_iter=0).fit(X)
    assert model.net_.module_.subspace is not None
    codes = model.transform(X.astype(np.float64))
    assert_allclose(model.transform(X), codes, rtol=0, atol=1e-4 * codes.std())


def test_pca_alone_is_one_product(quick, curved, noise):
    model = quick(hidden_layer_sizes=()).fit(curved)
    assert model._codec.fused.hidden == []
    of_noise = quick(cv=3).fit(noise)
    assert of_noise.shrinkage_ == 0
    assert of_noise._codec.fused.hidden == []


def test_rows_with_missing_cells_are_imputed_all_the_same(quick, curved):
    X = curved.copy()
    X[::3, 2] = np.nan
    model = quick(transform_max_iter=0).fit(X)
    assert model._codec.fused is not None
    assert_allclose(
        model.transform(X.astype(np.float32)), model.transform(X), atol=1e-4
    )


@pytest.mark.parametrize("changes", [{"init": "random"}, {"module": "own"}])
def test_other_networks_are_not_fused(quick, curved, changes):
    class Own(torch.nn.Linear):
        def __init__(self, n_features, n_components):
            super().__init__(n_features, n_components)

        def encode(self, x):
            return self(x)

        def decode(self, code):
            return code @ self.weight

    changes = {k: Own if v == "own" else v for k, v in changes.items()}
    assert quick(max_iter=1, **changes).fit(curved)._codec.fused is None


def test_products_beyond_float32_are_not_fused(quick, curved):
    model = quick(transform_max_iter=0).fit(curved)
    module = model._codec.modules[np.dtype(np.float64)]
    assert fuse_encoder(module, 1.0, 1.0) is not None
    assert fuse_encoder(module, 1e-45, 1.0) is None


def test_wide_tables_take_no_square_matrix(quick, monkeypatch):
    sizes = []
    plain = torch.Tensor.__matmul__

    def noted(self, other):
        sizes.append(max(self.numel(), other.numel()))
        return plain(self, other)

    X = np.random.default_rng(0).standard_normal((30, 2000))
    codec = quick(transform_max_iter=0).fit(X)._codec
    module = codec.modules[np.dtype(np.float64)]
    monkeypatch.setattr(torch.Tensor, "__matmul__", noted)
    assert fuse_encoder(module, 1.0, 1.0) is not None
    assert max(sizes) <= 2000 * 16
