"""Moments and linear start, the first step of a fit: units of rows and their PCA."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_ae._data.imputation import Imputer
from sklearn_ae._data.principal_axes import PrincipalAxes, has_moments
from sklearn_ae._data.resident import ResidentRows
from sklearn_ae._data.summary import Moments
from sklearn_ae._data.table import (
    Float64,
    Source,
    Table,
    missing_cells,
    row_blocks,
    source_of,
)

# A residual below this share of the variance is rounding error in float32, so there
# is nothing left to learn.
RESIDUAL_FLOOR = 1e-12
# Tables with fewer columns keep all of them: there is little time to save.
MIN_FEATURES_SUBSPACE = 64
# Share of what PCA leaves that the directions which a correction ignores may hold.
REDUNDANT_SHARE = 1e-3


def positive_scales(deviations: Float64) -> Float64:
    """Return standard deviations to divide by: 1 for those that float32 takes for 0."""
    return np.where(deviations > np.finfo(np.float32).tiny, deviations, 1.0)


@dataclass(frozen=True)
class LinearStart:
    """Column statistics of the training data and its PCA.

    "Scaled" below means `(X - mean) / scale`, where `scale` is the root mean square of
    the columns' standard deviations: total_variance is n_features, 0 for constant data.
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
    def of_table(cls, table: Table, n_components: int, seed: int) -> Self:
        """Compute the statistics of a table, and its PCA once cells are imputed."""
        moments = _resident_moments(table.X, table.weight)
        if moments is not None:
            return cls.of_moments(moments, n_components, table.effective_size)
        mean, scale, column_scale = table.column_statistics()
        positive = positive_scales(column_scale)
        total_variance = float((column_scale**2).sum())
        imputer = None
        if scale == 0.0:  # all rows are equal
            scale, n_features = 1.0, len(mean)
            none, directions = np.zeros(n_features), np.eye(n_components, n_features)
            axes = PrincipalAxes(none, none, directions, np.zeros(n_components))
            imputer = Imputer.of_constant(n_features)
        else:
            if not table.is_complete:
                some = table.drawn(seed)
                x = _scaled(some.X, mean, scale)
                imputer = Imputer.of_incomplete(x, positive, some.weight)
            blocks = ((_imputed(p.X, mean, scale, imputer), p.weight) for p in table)
            axes = _axes(table, scale, blocks, n_components, seed)
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
            subspace=_leading_subspace(axes, n_components, table.X.shape),
        )

    @classmethod
    def of_moments(cls, moments: Moments, n_components: int, n_samples: float) -> Self:
        """Compute statistics and PCA from moments of rows; `n_samples` are drawn."""
        covariance = moments.covariance
        variances = np.diag(covariance)
        scale = float(np.sqrt(variances.mean()))
        column_scale = np.sqrt(variances) / scale
        total_variance = float((column_scale**2).sum())
        mean = np.zeros_like(moments.mean)
        axes = PrincipalAxes.of_covariance(mean, covariance / scale**2)
        return cls(
            mean=moments.mean,
            scale=scale,
            column_scale=positive_scales(column_scale),
            **_leading(axes, n_components),
            total_variance=total_variance,
            n_samples=n_samples,
            imputer=Imputer.of_axes(
                axes.components, axes.eigenvalues, int(n_samples), total_variance
            ),
            subspace=_leading_subspace(axes, n_components, axes.components.shape),
        )

    def of_rows(self, x: NDArray | Source, weight: NDArray, seed: int) -> Self:
        """Return the start with the PCA of some centred and scaled rows instead."""
        n_components = len(self.components)
        moments = _resident_moments(x, weight)
        if moments is not None:
            axes = PrincipalAxes.of_covariance(moments.mean, moments.covariance)
            return replace(self, **_leading(axes, n_components))
        blocks = ((p.X.astype(np.float64), p.weight) for p in Table(x, weight))
        given = Table(x.stored if isinstance(x, Source) else x, weight)
        axes = _axes(given, self.scale, blocks, n_components, seed)
        return replace(self, **_leading(axes, n_components))

    def turned_to(self, components: NDArray) -> Self:
        """Rotate the components as close to others as can be (Procrustes)."""
        left, _, right = np.linalg.svd(components @ self.components.T)
        rotation = left @ right
        code_scale = np.sqrt(np.square(rotation) @ np.square(self.code_scale))
        components = rotation @ self.components
        return replace(self, components=components, code_scale=code_scale)

    def blocks(self, table: Table) -> Iterator[tuple[Float64, Float64, Float64]]:
        """Yield scaled and imputed rows, their weights, and the counts of cells."""
        for part in table:
            yield self.to_imputed(part.X), part.weight, part.counts

    def to_imputed(self, X: NDArray) -> Float64:
        """Centre, scale and impute rows in float64."""
        return _imputed(X, self.mean, self.scale, self.imputer)

    def in_place(self, X: NDArray | Source) -> "ScaledRows":
        """Return what centres and scales rows when they are taken."""
        return ScaledRows(X, self.mean, self.scale)


class ScaledRows(Source):
    """Rows that are centred and scaled when they are read, and float32 then.

    Where they are stored may be read-only.
    """

    def __init__(self, X: NDArray | Source, mean: Float64, scale: float) -> None:
        super().__init__(source_of(X))
        self.mean = mean
        self.scale = scale
        self.dtype = np.dtype(np.float32)

    def part(self, rows: NDArray) -> "ScaledRows":
        """Return some rows where they are."""
        return ScaledRows(self.stored.part(rows), self.mean, self.scale)

    def _read(self, rows: slice | NDArray) -> NDArray[np.float32]:
        # In float64, as float32 alone would lose offsets.
        X = self.stored[rows]
        scaled = np.empty(X.shape, dtype=np.float32)
        for block in row_blocks(*X.shape):
            scaled[block] = _scaled(X[block], self.mean, self.scale)
        return scaled


def _axes(
    rows: Table,
    scale: float,
    blocks: Iterable[tuple[Float64, Float64]],
    n_components: int,
    seed: int,
) -> PrincipalAxes:
    """Find the axes of rows in a scale, by products where rows are no arrays."""
    shape = rows.X.shape
    is_array = source_of(rows.X).operator() is None
    if is_array or has_moments(shape) or n_components == min(shape):
        return PrincipalAxes.of_blocks(blocks, shape, n_components, seed)
    return PrincipalAxes.of_source(rows.X, rows.weight, scale, n_components, seed)


def _resident_moments(rows: Any, weight: Float64) -> Moments | None:
    """Return the moments of rows that stay on a GPU, where these tell axes."""
    if not isinstance(rows, ResidentRows) or not has_moments(rows.shape):
        return None
    first, size = rows[:1][0].astype(np.float64), float(weight.sum())
    total = products = rows.beside(np.zeros(()))
    for at, x in rows.scaled(first, 1.0):
        total = total + rows.beside(weight[at]) @ x
    mean = first + total.cpu().numpy() / size
    for at, x in rows.scaled(mean, 1.0):
        x *= rows.beside(weight[at]).sqrt()[:, None]
        products = products + x.T @ x
    moments = Moments(size, mean, products.cpu().numpy())
    return moments if moments.is_known else None


def _scaled(X: NDArray, mean: Float64, scale: float) -> Float64:
    """Centre and scale rows in float64."""
    x: Float64 = np.subtract(X, mean, dtype=np.float64)
    x /= scale
    return x


def _imputed(
    X: NDArray, mean: Float64, scale: float, imputer: Imputer | None
) -> Float64:
    """Centre and scale rows in float64, and fill their missing cells."""
    x = _scaled(X, mean, scale)
    return x if imputer is None or missing_cells(X) is None else imputer.transform(x)


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
    axes: PrincipalAxes, n_components: int, shape: tuple[int, ...]
) -> Float64 | None:
    """Return the directions that a correction needs, or None to use all columns.

    They are those that hold all but REDUNDANT_SHARE of what PCA leaves. Columns train
    better than as many directions, so half of these or more have to go (ablation
    benchmark, "no leading subspace").
    """
    n_axes, n_features = axes.components.shape
    if n_axes < min(shape) or n_features < MIN_FEATURES_SUBSPACE:
        return None
    n_directions = n_not_redundant(axes.eigenvalues, n_components)
    return axes.components[:n_directions] if n_directions <= n_axes // 2 else None


def n_not_redundant(eigenvalues: Float64, n_components: int) -> int:
    """Count the eigenvalues before those that hold hardly any of PCA's residual."""
    left = np.cumsum(eigenvalues[::-1])[::-1]  # sum from each eigenvalue on
    negligible = left <= REDUNDANT_SHARE * left[min(n_components, len(left) - 1)]
    negligible[: n_components + 1] = False
    return int(np.argmax(negligible)) if negligible.any() else len(eigenvalues)
