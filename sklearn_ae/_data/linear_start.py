"""Moments and linear start, the first step of a fit: units of rows and their PCA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_ae._data.columns import column_statistics, positive_scales
from sklearn_ae._data.imputation import Imputer
from sklearn_ae._data.principal_axes import PrincipalAxes
from sklearn_ae._data.table import Float64, Table, row_blocks

# A residual below this share of the variance is rounding error in float32, so there
# is nothing left to learn.
RESIDUAL_FLOOR = 1e-12
# Tables with fewer columns keep all principal components: a noise floor cannot be
# told from so few eigenvalues, and there is little time to save.
MIN_FEATURES_SUBSPACE = 64
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
    n_samples: float  # see `Table.effective_size`
    imputer: Imputer  # of centred and scaled rows
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
    def of_table(cls, table: Table, n_components: int, seed: int) -> LinearStart:
        """Compute the statistics and the principal components of a table.

        Missing cells are imputed before the principal components are sought.
        """
        mean, scale, column_scale = column_statistics(table)
        if scale == 0.0:
            return cls._of_constant(mean, n_components, table.effective_size)
        positive = positive_scales(column_scale)
        imputer = (
            None
            if table.is_complete
            else _fit_imputer(table.drawn(seed), mean, scale, positive)
        )
        blocks = ((_imputed(part, mean, scale, imputer), part.weight) for part in table)
        axes = PrincipalAxes.of_blocks(blocks, table.X.shape, n_components, seed)
        total_variance = float((column_scale**2).sum())
        if imputer is None:
            imputer = Imputer.of_axes(
                axes.components, axes.eigenvalues, len(table), total_variance
            )
        else:  # the mean is that of imputed rows
            imputer = replace(imputer, mean=imputer.mean - axes.mean)
            mean = mean + axes.mean * scale
            total_variance = _total_variance(table, mean, scale)
        return cls(
            mean=mean,
            scale=scale,
            column_scale=positive,
            **_leading(axes, n_components),
            total_variance=total_variance,
            n_samples=table.effective_size,
            imputer=imputer,
            subspace=_leading_subspace(axes, n_components, table),
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
            n_samples=n_samples,
            imputer=Imputer.of_constant(n_features),
            subspace=None,
        )

    def of_rows(self, x: NDArray, weight: NDArray, seed: int) -> LinearStart:
        """Return the start with the PCA of some centred and scaled rows instead."""
        n_components = len(self.components)
        pairs = (
            (x[rows].astype(np.float64), weight[rows]) for rows in row_blocks(*x.shape)
        )
        axes = PrincipalAxes.of_blocks(pairs, x.shape, n_components, seed)
        return replace(self, **_leading(axes, n_components))

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

    def reconstruct(self, x: Float64) -> Float64:
        """Return PCA's reconstruction of centred and scaled rows."""
        return (x @ self.components.T) @ self.components

    def blocks(self, table: Table) -> Iterator[tuple[Float64, Float64, Float64]]:
        """Yield centred, scaled and imputed rows, their weights, and their counts.

        The counts say how often each cell counts, and broadcast to the rows.
        """
        for part in table:
            yield self.to_imputed(part.X), part.weight, part.counts

    def to_imputed(self, X: NDArray) -> Float64:
        """Centre, scale and impute rows in float64."""
        return _imputed(Table.of(X), self.mean, self.scale, self.imputer)

    def to_scaled(self, X: NDArray) -> NDArray[np.float32]:
        """Centre and scale in float64 (float32 alone would lose offsets), then cast."""
        scaled = np.empty(X.shape, dtype=np.float32)
        for rows in row_blocks(*X.shape):
            scaled[rows] = _scaled(X[rows], self.mean, self.scale)
        return scaled


def _scaled(X: NDArray, mean: Float64, scale: float) -> Float64:
    """Centre and scale rows in float64."""
    x: Float64 = np.subtract(X, mean, dtype=np.float64)
    x /= scale
    return x


def _imputed(
    table: Table, mean: Float64, scale: float, imputer: Imputer | None
) -> Float64:
    """Centre and scale rows in float64, and fill their missing cells."""
    x = _scaled(table.X, mean, scale)
    return x if imputer is None or table.is_complete else imputer.transform(x)


def _fit_imputer(
    table: Table, mean: Float64, scale: float, column_scale: Float64
) -> Imputer:
    """Learn what missing cells are expected to be."""
    x = _scaled(table.X, mean, scale)
    return Imputer.of_incomplete(x, column_scale, table.weight)


def _total_variance(table: Table, mean: Float64, scale: float) -> float:
    """Return the mean square of the observed cells, times the number of columns."""
    squares = n_cells = 0.0
    for part in table:
        x = np.nan_to_num(_scaled(part.X, mean, scale))
        squares += float((part.counts * x**2).sum())
        n_cells += float(np.broadcast_to(part.counts, x.shape).sum())
    return squares * len(mean) / n_cells


def _leading(axes: PrincipalAxes, n_components: int) -> dict[str, Any]:
    """Return the fields of a start that follow from the principal axes."""
    deviations = np.sqrt(axes.eigenvalues[:n_components])
    return {
        "components": axes.components[:n_components],
        "code_scale": positive_scales(deviations),
        "residual_scale": np.sqrt(axes.residual_variances(n_components)),
    }


def _leading_subspace(
    axes: PrincipalAxes, n_components: int, table: Table
) -> Float64 | None:
    """Principal directions that a correction needs, or None to use all columns.

    They are those above the noise floor, or those that hold all but REDUNDANT_SHARE of
    what PCA leaves, if these are fewer. The columns themselves train better than as
    many directions do, so half of the directions or more have to go; the fit to a wide
    table then takes less time (ablation benchmark, "no leading subspace"). Where no
    direction beyond PCA's stands out of the noise, dependence may hide from the
    eigenvalues, as in one-hot columns: the floor is not used.
    """
    n_axes, n_features = axes.components.shape
    if n_axes < min(table.X.shape) or n_features < MIN_FEATURES_SUBSPACE:
        return None
    n_directions = n_not_redundant(axes.eigenvalues, n_components)
    n_standing_out = n_above_noise_floor(
        axes.eigenvalues, table.effective_size, n_features
    )
    if n_components < n_standing_out:
        n_directions = min(n_directions, n_standing_out)
    return axes.components[:n_directions] if n_directions <= n_axes // 2 else None


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
