"""The guard against overfitting: how much of the correction held-out rows confirm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import KFold
from torch import Tensor

from sklearn_ae._modules import CorrectedPCA

# From PCA alone to the full correction.
FACTORS = tuple(step / 10 for step in range(11))
# Held-out error must fall by this share before PCA is given up.
SMALLEST_GAIN = 0.02

# With more rows weight decay suffices.
MAX_SAMPLES = 10_000
MAX_SAMPLES_ALL_FOLDS = 500


@dataclass(frozen=True)
class Folds:
    """How many folds the rows are cut into, and how many of these are left out once.

    None are left out where too few rows would remain.
    """

    n_folds: int
    n_used: int

    def n_left(self, n_samples: int) -> int:
        """Return the fewest rows that remain without a fold."""
        return n_samples - math.ceil(n_samples / self.n_folds)


def auto_folds(n_samples: int, n_components: int) -> Folds | None:
    """Return the folds for so many rows: fewer where each tells more and costs more."""
    if n_samples > MAX_SAMPLES:
        return None
    folds = Folds(3, 3) if n_samples <= MAX_SAMPLES_ALL_FOLDS else Folds(4, 1)
    return (
        folds
        if folds.n_left(n_samples) > max(n_components, 3)
        else Folds(folds.n_folds, 0)
    )


def splits(n_samples: int, folds: Folds, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Return the rows to train on and those left out, for each fold that is used."""
    splitter = KFold(folds.n_folds, shuffle=True, random_state=seed)
    used = islice(splitter.split(np.empty(n_samples)), folds.n_used)
    return [(torch.from_numpy(train), torch.from_numpy(test)) for train, test in used]


def best_factor(errors: NDArray[np.float64]) -> float:
    """Return the factor with the lowest error, or 0 if it hardly improves on PCA."""
    best = int(errors.argmin())
    confirmed = errors[best] <= (1.0 - SMALLEST_GAIN) * errors[0]
    return FACTORS[best] if confirmed else 0.0


def squared_errors(module: CorrectedPCA, x: Tensor) -> NDArray[np.float64]:
    """Sum of squared errors on rows `x` for each factor on the correction."""
    errors = []
    code_step, residual_scale = module.code_step, module.residual_scale
    for factor in FACTORS:
        module.shrink(factor)
        with torch.inference_mode():
            errors.append(float((module.reconstruct(x) - x).square().sum()))
        module.code_step, module.residual_scale = code_step, residual_scale
    return np.array(errors)
