"""Codes far from those of the training rows."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA

from sklearn_ae import AutoencoderTransformer
from sklearn_ae._model.autoencoder import REACH


@pytest.fixture(scope="module")
def fitted(curved):
    return AutoencoderTransformer(2, random_state=0).fit(curved)


def module_of(model):
    return model._fit_result.codec.modules[np.dtype(np.float64)]


def endless(module):
    end = torch.full_like(module.code_range[0], torch.inf)
    return torch.stack((-end, end))


def test_range_is_a_multiple_of_that_of_the_training_rows(fitted, curved):
    module = module_of(fitted)
    raw = fitted.transform(curved) / fitted._fit_result.codec.code_scale
    raw = raw @ module.inverse_basis.numpy() + module.code_mean.numpy()
    lowest, highest = module.code_range.numpy()
    assert_allclose(highest - lowest, REACH * np.ptp(raw, axis=0), rtol=1e-9)
    assert_allclose(highest + lowest, raw.max(axis=0) + raw.min(axis=0), rtol=1e-6)


def test_reconstructions_go_on_in_a_plane(fitted, curved):
    codes = fitted.transform(curved)[:20]
    far = [fitted.inverse_transform(factor * codes) for factor in (1e5, 2e5, 3e5)]
    assert_allclose(far[2] - far[1], far[1] - far[0], rtol=1e-6)
    rank = np.linalg.matrix_rank(far[1] - far[0], tol=1e-6 * np.abs(far[0]).max())
    assert rank == 2


def take_the_module(model):
    """Let a model's codes and rows pass through the module that `net_` has."""
    for dtype, coder in model._codec.coders.items():
        coder.few, coder.many = None, model._codec.modules[dtype]


def test_rows_in_range_do_not_notice(fitted, curved):
    fitted = deepcopy(fitted)
    take_the_module(fitted)
    before = fitted.score_samples(curved)
    module = module_of(fitted)
    code_range = module.code_range
    module.code_range = endless(module)
    free = fitted.score_samples(curved)
    shifted = fitted.score_samples(3 * curved)
    module.code_range = code_range
    assert_array_equal(before, free)
    assert (shifted != fitted.score_samples(3 * curved)).mean() > 0.5


def test_far_rows_lose_what_they_lose_with_pca():
    rng = np.random.default_rng(0)
    z = rng.uniform(-1, 1, 300)
    X = np.column_stack([z, z, z**2, z**2]) + 0.01 * rng.standard_normal((300, 4))
    model = AutoencoderTransformer(1, random_state=0).fit(X)
    pca = PCA(1).fit(X)

    def lost(one, rows):
        reconstructed = one.inverse_transform(one.transform(rows))
        return np.square(rows - reconstructed).sum()

    assert lost(model, X) < 0.1 * lost(pca, X)
    far = np.array([[1e4, 1e4, 0.0, 0.0]])
    ratio = lost(model, far) / lost(pca, far)
    assert ratio < 1.05
    assert_allclose(-model.score_samples(far), lost(model, far), rtol=1e-9)
    module_of(model).code_range = endless(module_of(model))
    take_the_module(model)
    assert -model.score_samples(far) > 100 * lost(pca, far)


def test_range_is_open_where_training_goes_on(curved):
    model = AutoencoderTransformer(2, warm_start=True, max_iter=4, random_state=0)
    model.fit(curved)
    first = module_of(model).code_range.clone()
    model.fit(np.vstack([curved, 3 * curved]))
    assert (module_of(model).code_range.abs() > 1.5 * first.abs()).all()
