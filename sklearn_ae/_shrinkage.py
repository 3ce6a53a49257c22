"""The guard against overfitting: how much of the correction held-out rows confirm."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import KFold
from torch import Tensor

from sklearn_ae._modules import CorrectedPCA

# From PCA alone to the full correction.
FACTORS = (0.0, 0.25, 0.5, 0.75, 1.0)
# Held-out error must fall by this share before PCA is given up.
SMALLEST_GAIN = 0.005

FitFold = Callable[[NDArray, int], tuple[CorrectedPCA, Callable[[NDArray], Tensor]]]


def choose_shrinkage(X: NDArray, fit_fold: FitFold, n_folds: int, seed: int) -> float:
    """Return the factor on the correction with the lowest cross-validated error.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Training rows.
    fit_fold : callable
        Maps rows and a seed to a module fitted on these rows, and a function that
        turns other rows into the module's units.
    """
    errors = np.zeros(len(FACTORS))
    folds = KFold(n_folds, shuffle=True, random_state=seed)
    for fold, (train, test) in enumerate(folds.split(X)):
        module, to_units = fit_fold(X[train], seed + fold)
        errors += squared_errors(module, to_units(X[test]))
    best = int(errors.argmin())
    confirmed = errors[best] <= (1.0 - SMALLEST_GAIN) * errors[0]
    return FACTORS[best] if confirmed else 0.0


def squared_errors(module: CorrectedPCA, x: Tensor) -> NDArray[np.float64]:
    """Sum of squared errors on rows `x` for each factor on the correction."""
    errors = []
    for factor in FACTORS:
        shrunk = deepcopy(module)
        shrunk.shrink(factor)
        with torch.inference_mode():
            errors.append(float((shrunk(x) - x).square().sum()))
    return np.array(errors)
