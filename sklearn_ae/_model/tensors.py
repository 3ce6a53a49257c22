"""Tensors from arrays."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


def as_tensor(array: NDArray, dtype: torch.dtype = torch.float32) -> Tensor:
    """Copy an array to a tensor; the array's dtype, flags and strides do not matter."""
    # A copy, as NumPy calls a single value contiguous whatever its strides are.
    return torch.tensor(array.copy(), dtype=dtype)


def data_units(start: Any) -> tuple[Tensor, Tensor]:
    """Return mean and scale: rows of the data are `x * scale + mean` of scaled ones."""
    return as_tensor(start.mean), torch.tensor(start.scale, dtype=torch.float32)
