"""Step one of a fit: the linear start, PCA, and the units it works in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from sklearn_ae._data.columns import (
    Table,
    cell_weights,
    column_statistics,
    effective_size,
    is_large,
    positive_scales,
)
from sklearn_ae._data.imputation import Filler, drawn_rows, missing_cells
from sklearn_ae._data.principal_axes import (
    ROWS_PER_BLOCK,
    PrincipalAxes,
    is_told_by_covariance,
)

Float64 = NDArray[np.float64]

# A residual below this share of the variance is rounding error in float32, so there
# is nothing left to learn.
RESIDUAL_FLOOR = 1e-12
# Tables with fewer columns keep all principal components: a noise floor cannot be
# told from so few eigenvalues, and there is little time to save.
MIN_FEATURES_NOISE_FLOOR = 64
# Share of what PCA leaves that the directions which a correction ignores may hold.
REDUNDANT_SHARE = 1e-3


@dataclass(frozen=True)
class LinearStart:
    """Column statistics of the training data and its PCA, in units of `scale`.

    "Scaled" below means `(X - mean) / scale`, where `scale` is the root mean square of
    the columns' standard deviations, so that total_variance equals n_features (0 for
    constant data).
    """

    mean: Float64  # (n_features,), in the units of X
    scale: float  # in the units of X; 1.0 for constant data
    column_scale: Float64  # (n_features,), standard deviations, scaled
    components: Float64  # (n_components, n_features), orthonormal rows
    code_scale: Float64  # (n_components,), standard deviations of the scores, scaled
    residual_scale: Float64  # (n_features,), what PCA leaves per column, scaled
    total_variance: float  # summed over columns, scaled
    n_samples: float  # see `effective_size`
    filler: Filler  # what missing cells of centred and scaled rows are expected to be
    subspace: Float64 | None  # (n_directions, n_features), orthonormal rows

    @property
    def residual_variance(self) -> float:
        """Variance that PCA leaves unexplained, summed over columns, scaled."""
        return float((self.residual_scale**2).sum())

    @property
    def is_optimal(self) -> bool:
        """Whether no correction can be learned, as PCA leaves nothing."""
        return self.residual_variance <= RESIDUAL_FLOOR * self.total_variance

    @classmethod
    def from_data(
        cls, X: NDArray, n_components: int, seed: int, weight: Float64 | None = None
    ) -> LinearStart:
        """Compute the statistics and the principal components of `X`.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            May hold NaN, which is filled before the principal components are sought.
        weight : ndarray of shape (n_samples,) or None
            How many times each row counts, above 0.
        """
        table = Table.of(X, weight)
        n_samples = effective_size(len(X), weight)
        mean, scale, column_scale = column_statistics(table)
        if scale == 0.0:
            return cls._of_constant(mean, n_components, n_samples)
        positive_scale = positive_scales(column_scale)
        filler = _fit_filler(table, mean, scale, positive_scale, seed)
        filled = partial(_to_filled, mean=mean, scale=scale, filler=filler)
        axes, shift = _principal_axes(table, filled, n_components, seed)
        total_variance = float((column_scale**2).sum())
        if filler is None:
            filler = axes.filler(total_variance)
        else:
            filler = replace(filler, mean=filler.mean - shift)
        return cls(
            mean=mean + shift * scale,
            scale=scale,
            column_scale=positive_scale,
            components=axes.components[:n_components],
            code_scale=axes.code_scale,
            residual_scale=np.sqrt(axes.residual_variances),
            total_variance=total_variance,
            subspace=_leading_subspace(axes, n_components, n_samples, X.shape),
            n_samples=n_samples,
            filler=filler,
        )

    @classmethod
    def _of_constant(
        cls, mean: Float64, n_components: int, n_samples: float
    ) -> LinearStart:
        """Start for data whose rows are all equal: every code is zero."""
        n_features = len(mean)
        return cls(
            mean=mean,
            scale=1.0,
            column_scale=np.ones(n_features),
            components=np.eye(n_components, n_features),
            code_scale=np.ones(n_components),
            residual_scale=np.zeros(n_features),
            total_variance=0.0,
            subspace=None,
            n_samples=n_samples,
            filler=Filler.of_constant(n_features),
        )

    def of_rows(
        self, x: NDArray, seed: int, weight: NDArray | None = None
    ) -> LinearStart:
        """Return the start with the PCA of some centred and scaled rows instead."""
        n_components = len(self.components)
        rows = x.astype(np.float64)
        axes = PrincipalAxes.of_rows(rows, weight, n_components, seed)
        return replace(
            self,
            components=axes.components[:n_components],
            code_scale=axes.code_scale,
            residual_scale=np.sqrt(axes.residual_variances),
        )

    def turned_to(self, components: NDArray) -> LinearStart:
        """Rotate the components among themselves as close to others as can be.

        The orthogonal Procrustes problem; PCA's reconstruction is the same.
        """
        left, _, right = np.linalg.svd(components @ self.components.T)
        rotation = left @ right
        variances = np.square(rotation) @ np.square(self.code_scale)
        return replace(
            self,
            components=rotation @ self.components,
            code_scale=np.sqrt(variances),
        )

    def score(self, X: NDArray, weight: Float64 | None = None) -> float:
        """Fraction of the variance of `X` that PCA explains, about the mean."""
        error = total = 0.0
        for rows in gen_batches(len(X), ROWS_PER_BLOCK):
            x, missing = self.to_filled(X[rows])
            counts = cell_weights(missing, None if weight is None else weight[rows])
            left = x - x @ self.components.T @ self.components
            error += float((counts * left**2).sum())
            total += float((counts * x**2).sum())
        return 1.0 - error / total if total > 0 else 1.0

    def to_filled(self, X: NDArray) -> tuple[Float64, NDArray[np.bool_] | None]:
        """Centre, scale and fill rows in float64; return which cells were missing."""
        x: Float64 = self.to_scaled(X, dtype=np.float64)
        missing = missing_cells(x)
        return (x if missing is None else self.filler.fill(x)), missing

    def to_scaled(self, X: NDArray, dtype: type = np.float32) -> NDArray:
        """Centre and scale in float64 (float32 alone would lose offsets), then cast."""
        scaled: NDArray = np.empty(X.shape, dtype=dtype)
        # Not `gen_batches`, whose checks take as long as a batch of training.
        for first in range(0, len(X), ROWS_PER_BLOCK):
            rows = slice(first, first + ROWS_PER_BLOCK)
            scaled[rows] = _to_filled(X[rows], self.mean, self.scale)
        return scaled


def _to_filled(
    rows: NDArray, mean: Float64, scale: float, filler: Filler | None = None
) -> Float64:
    """Centre and scale rows in float64, and fill them."""
    x: Float64 = np.subtract(rows, mean, dtype=np.float64)
    x /= scale
    return x if filler is None else filler.fill(x)


def _fit_filler(
    table: Table, mean: Float64, scale: float, column_scale: Float64, seed: int
) -> Filler | None:
    """Learn what missing cells are expected to be, where there are any."""
    if table.is_complete:
        return None
    rows = drawn_rows(len(table.X), seed)
    weight = None if table.weight is None else table.weight[rows]
    x = _to_filled(table.X[rows], mean, scale)
    return Filler.of_incomplete(x, column_scale, weight)


def _principal_axes(
    table: Table, filled: Callable[[NDArray], Float64], n_components: int, seed: int
) -> tuple[PrincipalAxes, Float64]:
    """Find the axes of rows that `filled` scales and fills, and their mean.

    The mean of complete rows is zero by construction and taken to be.
    """
    X, weight = table.X, table.weight
    if is_large(X.shape) and is_told_by_covariance(X.shape):
        mean, covariance = _moments(table, filled)
        axes = PrincipalAxes.of_covariance(covariance, len(X), n_components)
        return axes, np.zeros_like(mean) if table.is_complete else mean
    x, shift = filled(X), np.zeros(X.shape[1])
    if not table.is_complete:
        shift = np.average(x, axis=0, weights=weight)
        x -= shift
    return PrincipalAxes.of_rows(x, weight, n_components, seed), shift


def _moments(
    table: Table, filled: Callable[[NDArray], Float64]
) -> tuple[Float64, Float64]:
    """Return mean and covariance of rows, block by block."""
    n_features = table.X.shape[1]
    total, products = np.zeros(n_features), np.zeros((n_features, n_features))
    size = 0.0
    for block, weight, _ in table:
        x = filled(block)
        if weight is None:
            size += len(x)
            total += x.sum(axis=0)
        else:
            size += float(weight.sum())
            total += weight @ x
            x *= np.sqrt(weight)[:, None]
        products += x.T @ x
    mean = total / size
    return mean, products / size - np.outer(mean, mean)


def _leading_subspace(
    axes: PrincipalAxes, n_components: int, n_samples: float, shape: tuple[int, ...]
) -> Float64 | None:
    """Principal directions that a correction needs, or None to use all columns.

    They are those above the noise floor, or those that hold all but REDUNDANT_SHARE of
    what PCA leaves, if these are fewer. The columns themselves train better than as
    many directions do, so half of the directions or more have to go. Where no direction
    beyond PCA's stands out of the noise, dependence may hide from the eigenvalues, as
    in one-hot columns: the floor is not used.
    """
    n_features = shape[1]
    n_axes = len(axes.components)
    complete = n_axes == min(shape)
    if not complete or n_features < MIN_FEATURES_NOISE_FLOOR:
        return None
    eigenvalues = axes.eigenvalues
    n_directions = n_not_redundant(eigenvalues, n_components)
    n_standing_out = n_above_noise_floor(eigenvalues, n_samples, n_features)
    if n_components < n_standing_out:
        n_directions = min(n_directions, n_standing_out)
    if n_directions > n_axes // 2:
        return None
    return axes.components[:n_directions]


def n_not_redundant(eigenvalues: Float64, n_components: int) -> int:
    """Count the leading eigenvalues without which PCA's residual is hardly smaller.

    Those after them hold at most REDUNDANT_SHARE of the sum beyond `n_components`.
    """
    left = np.cumsum(eigenvalues[::-1])[::-1]  # sum from each eigenvalue on
    negligible = left <= REDUNDANT_SHARE * left[min(n_components, len(left) - 1)]
    negligible[: n_components + 1] = False
    return int(np.argmax(negligible)) if negligible.any() else len(eigenvalues)


def n_above_noise_floor(eigenvalues: Float64, n_samples: float, n_features: int) -> int:
    """Count the leading eigenvalues that cannot be those of white noise.

    The smallest `m` is sought for which eigenvalue `m + 1` lies below the upper edge
    of the Marchenko-Pastur law for white noise of the variance that the remaining
    eigenvalues have on average.

    Parameters
    ----------
    eigenvalues : ndarray of shape (min(n_samples, n_features),)
        Eigenvalues of the covariance matrix, in descending order.

    References
    ----------
    Johnstone, I. M. (2001). "On the distribution of the largest eigenvalue in
    principal components analysis". Annals of Statistics 29(2), 295-327.
    """
    n_nonzero = max(min(int(n_samples) - 1, n_features, len(eigenvalues)), 0)
    m = np.arange(n_nonzero)
    rest = np.cumsum(eigenvalues[:n_nonzero][::-1])[::-1]
    noise_variance = rest / (n_features - m)
    aspect = (n_features - m) / (n_samples - m)
    below = eigenvalues[:n_nonzero] <= noise_variance * (1 + np.sqrt(aspect)) ** 2
    return int(np.argmax(below)) if below.any() else n_nonzero
