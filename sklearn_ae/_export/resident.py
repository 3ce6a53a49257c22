"""What a codec does with rows that stay on a GPU."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_ae._data import ResidentRows
from sklearn_ae._model import check_finite, share_of


class ResidentCodec:
    """A codec's maps of rows, or of codes, on their device, block by block.

    Parameters
    ----------
    module : TorchAutoencoder
        What `to_torch` gives.
    rows : ResidentRows
        Rows or codes; what is returned has their dtype but for scores.
    """

    def __init__(self, module: Any, rows: ResidentRows) -> None:
        self.module = module.to(rows.stored.device)
        self.rows = rows

    def codes(self) -> Tensor:
        """Return the codes of the rows."""
        return self._mapped(self.module.encode)

    def decoded(self) -> Tensor:
        """Return the rows that codes stand for."""
        return self._mapped(self.module.decode)

    def score_samples(self) -> Tensor:
        """Return minus the squared error of each row, in float64."""
        module, unit = self.module, self.module.scale.double().square()
        return -self._mapped(lambda X: module.squared_errors(X) * unit)

    def share(self, weight: NDArray[np.float64]) -> float:
        """Return squared errors as a fraction of those of the mean."""
        counts = self.rows.beside(weight)
        error = float(counts @ self._mapped(self.module.squared_errors))
        of_mean = float(counts @ self._mapped(self.module.squared_deviations))
        check_finite(np.array([error, of_mean]))
        return share_of(error, of_mean)

    def _mapped(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply a function to blocks of rows, and check what it gives."""
        rows, width = self.rows, len(self.module.mean)
        blocks = map(rows.taken, rows.blocks(width))  # codes are decoded to wide rows
        with torch.no_grad():
            found = torch.cat([function(block) for block in blocks])
        if not math.isfinite(found.sum()):  # or the sum alone is
            check_finite(found.cpu().numpy())
        return found
