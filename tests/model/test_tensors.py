"""Tensors from arrays."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from sklearn_ae._model.tensors import as_tensor


@pytest.mark.parametrize("order", ["C", "F"])
def test_tensor_is_a_copy_of_the_array(order):
    array = np.arange(6.0).reshape(2, 3).copy(order=order)
    array.setflags(write=False)
    tensor = as_tensor(array)
    tensor += 1
    assert_array_equal(array, np.arange(6.0).reshape(2, 3))
    assert_array_equal(tensor.numpy(), array + 1)


@pytest.mark.parametrize("n_rows", [1, 3])
def test_strides_of_the_array_do_not_matter(n_rows):
    array = np.arange(1.0 * n_rows)[::-1, None][:, ::-1]
    assert_array_equal(as_tensor(array, torch.float64).numpy(), array)
