"""Arrays in, arrays out, block by block."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae._model import inference as _inference


@pytest.fixture
def codec(quick, curved):
    return quick().fit(curved)._fit_result.codec


@pytest.fixture
def cut(monkeypatch):
    """Return what sets the number of rows in a block."""

    def set_size(size):
        def blocks(n_rows, n_features):
            starts = range(0, n_rows, size)
            return (slice(first, min(first + size, n_rows)) for first in starts)

        monkeypatch.setattr(_inference, "row_blocks", blocks)

    return set_size


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", [1, 41, 10**9])
def test_blocks_do_not_change_the_results(codec, curved, cut, dtype, size):
    X = curved.astype(dtype)
    codes, tolerance = codec.encode(X), 100 * np.finfo(dtype).eps
    rows = codec.decode(codes)
    cut(size)
    assert_allclose(codec.encode(X), codes, rtol=tolerance, atol=tolerance)
    assert_allclose(codec.decode(codes), rows, rtol=tolerance, atol=tolerance)


def test_blocks_cover_every_row_once(codec, curved, cut):
    cut(41)
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
