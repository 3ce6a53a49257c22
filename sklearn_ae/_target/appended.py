"""Predictions beside a table: how much they count, and what that costs the table."""

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

Float64 = NDArray[np.float64]

# Codes up to which the cost is told.
MOST_CODES = 32


def total_variance(X: NDArray, weight: Float64) -> float:
    """Return the sum of the columns' weighted variances; NaN is left out."""
    return float((_centred(X, weight) ** 2).sum() / weight.sum())


def pca_loss_ratio(X: NDArray, appended: Float64, weight: Float64) -> Float64:
    """Return what PCA with 1, 2, ... codes loses of `X` with more columns and without.

    A direction `v` with the singular value `s` explains `s**2 * sum(v[:n]**2)` of the
    first n columns. 1 where neither loses anything.
    """
    alone = _centred(X, weight)
    n_features = alone.shape[1]
    n_codes = min(MOST_CODES, *alone.shape)
    both = np.hstack([alone, appended * np.sqrt(weight)[:, None]])
    total = (alone**2).sum()
    losses = []
    for matrix in (both, alone):
        _, singular, axes = randomized_svd(matrix, n_codes, random_state=0)
        explained = singular**2 * (axes[:, :n_features] ** 2).sum(axis=1)
        losses.append(np.maximum(total - explained.cumsum(), 0))
    with_target, without = losses
    nothing = 1e-12 * total
    ratio = np.where(with_target > nothing, np.inf, 1.0)
    return np.divide(with_target, without, out=ratio, where=without > nothing)


def _centred(X: NDArray, weight: Float64) -> Float64:
    """Centre columns, replace missing cells by the mean, and apply weights."""
    is_missing = np.isnan(X)
    counts = np.where(is_missing, 0, weight[:, None])
    filled = np.where(is_missing, 0, X).astype(np.float64)
    mean = (filled * counts).sum(axis=0) / np.maximum(counts.sum(axis=0), 1e-300)
    centred: Float64 = np.where(is_missing, 0, filled - mean) * np.sqrt(weight)[:, None]
    return centred
