"""Arrays in, arrays out, block by block."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae._model import inference as _inference


@pytest.fixture
def codec(quick, curved):
    return quick().fit(curved)._fit_result.codec


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("elements", [1, 500, 10**9])
def test_blocks_do_not_change_the_results(codec, curved, monkeypatch, dtype, elements):
    X = curved.astype(dtype)
    codes, tolerance = codec.encode(X), 100 * np.finfo(dtype).eps
    rows = codec.decode(codes)
    monkeypatch.setattr(_inference, "ELEMENTS_PER_BLOCK", elements)
    assert_allclose(codec.encode(X), codes, rtol=tolerance, atol=tolerance)
    assert_allclose(codec.decode(codes), rows, rtol=tolerance, atol=tolerance)


def test_blocks_cover_every_row_once(codec, curved, monkeypatch):
    monkeypatch.setattr(_inference, "ELEMENTS_PER_BLOCK", 500)
    blocks = list(codec.reconstruct(curved))
    assert len(blocks) > 1
    covered = np.concatenate([np.arange(240)[rows] for rows, _, _ in blocks])
    assert_array_equal(covered, np.arange(240))


def test_reconstruction_is_that_of_decoded_codes(codec, curved):
    ((_, x, reconstruction),) = codec.reconstruct(curved)
    decoded = codec.decode(codec.encode(curved))
    mean = curved.mean(axis=0)
    assert_allclose(x * codec.scale + mean, curved)
    assert_allclose(reconstruction * codec.scale + mean, decoded, rtol=1e-9)


def test_shape_is_that_of_rows_and_codes(codec):
    assert codec.shape == (12, 2)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_pickle_restores_both_precisions_from_one(codec, curved, dtype):
    other = pickle.loads(pickle.dumps(codec))
    X = curved.astype(dtype)
    assert_array_equal(other.encode(X), codec.encode(X))
    assert_array_equal(other.decode(other.encode(X)), codec.decode(codec.encode(X)))


@pytest.mark.parametrize("order", ["C", "F"])
def test_tensor_is_a_copy_of_the_array(order):
    array = np.arange(6.0).reshape(2, 3).copy(order=order)
    array.setflags(write=False)
    tensor = _inference.as_tensor(array)
    tensor += 1
    assert_array_equal(array, np.arange(6.0).reshape(2, 3))
    assert_array_equal(tensor.numpy(), array + 1)
