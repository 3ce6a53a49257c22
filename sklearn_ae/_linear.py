"""Step one of a fit: column statistics and the linear start, PCA."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.utils import gen_batches

from sklearn_ae._missing import Filler, missing_cells

Float64 = NDArray[np.float64]

# A residual below this share of the variance is rounding error in float32, so there
# is nothing left to learn.
RESIDUAL_FLOOR = 1e-12
# Up to this rank the whole spectrum is computed; above it only the leading part is.
FULL_SPECTRUM_RANK = 1500
# Tables with fewer columns keep all principal components: a noise floor cannot be
# told from so few eigenvalues, and there is little time to save.
MIN_FEATURES_NOISE_FLOOR = 64
# Share of what PCA leaves that the directions which a correction ignores may hold.
REDUNDANT_SHARE = 1e-3
ROWS_PER_BLOCK = 4096


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
        missing = missing_cells(X)
        n_samples = effective_size(len(X), weight)
        mean = _column_means(X, weight, missing)
        with np.errstate(over="ignore", invalid="ignore"):  # which is checked next
            centred = np.subtract(X, mean, dtype=np.float64)
        scale, column_scale = _column_scales(centred, weight, missing)
        if scale == 0.0:
            return cls._of_constant(mean, n_components, n_samples)
        centred /= scale
        positive_scale = np.where(column_scale > 0, column_scale, 1.0)
        filler = None
        if missing is not None:
            filler = Filler.of_incomplete(centred, positive_scale, weight, seed)
            centred = filler.fill(centred)
            shift = np.average(centred, axis=0, weights=weight)
            centred -= shift
            mean = mean + shift * scale
            filler = replace(filler, mean=filler.mean - shift)
        pca = _fit_pca(centred, weight, n_components, seed)
        components = pca.components_[:n_components]
        total_variance = float((column_scale**2).sum())
        return cls(
            mean=mean,
            scale=scale,
            column_scale=positive_scale,
            components=components,
            code_scale=_code_scale(centred, weight, components),
            residual_scale=np.sqrt(_residual_variances(centred, weight, components)),
            total_variance=total_variance,
            subspace=_leading_subspace(pca, n_components, n_samples, centred.shape),
            n_samples=n_samples,
            filler=filler or Filler.of_pca(pca, total_variance),
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
        rows = x.astype(np.float64)
        n_components = len(self.components)
        pca = _fit_pca(rows, weight, n_components, seed)
        components = pca.components_[:n_components]
        return replace(
            self,
            components=components,
            code_scale=_code_scale(rows, weight, components),
            residual_scale=np.sqrt(_residual_variances(rows, weight, components)),
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
        for rows in gen_batches(len(X), ROWS_PER_BLOCK):
            centred = np.subtract(X[rows], self.mean, dtype=np.float64)
            scaled[rows] = centred / self.scale
        return scaled


def effective_size(n_rows: int, weight: Float64 | None) -> float:
    """Return how many rows weighted rows stand for: the sum of their weights.

    Weights may be normalised to any sum, so it is at least the number of rows, and at
    most a hundred times as many.
    """
    if weight is None:
        return float(n_rows)
    return float(np.clip(weight.sum(), n_rows, 100 * n_rows))


def cell_weights(
    missing: NDArray[np.bool_] | None, weight: Float64 | None
) -> Float64 | float:
    """Return what each cell counts, in a shape that rows can be multiplied with."""
    row_weight: Float64 | float = 1.0 if weight is None else weight[:, None]
    if missing is None:
        return row_weight
    return np.multiply(row_weight, ~missing, dtype=np.float64)


def _column_means(
    X: NDArray, weight: Float64 | None, missing: NDArray[np.bool_] | None
) -> Float64:
    """Return the means; those of constant columns without rounding errors."""
    low, high = np.nanmin(X, axis=0), np.nanmax(X, axis=0)
    with np.errstate(over="ignore", invalid="ignore"):  # checked when centred
        if weight is None and missing is None:
            means = X.mean(axis=0, dtype=np.float64)
        else:
            centred = np.subtract(X, low, dtype=np.float64)  # keeps digits near offsets
            means = low + _average(centred, weight, missing)
    means = np.where(low == high, low, means)
    return means


def _average(
    values: Float64, weight: Float64 | None, missing: NDArray[np.bool_] | None
) -> Float64:
    """Average over rows, each column over its observed cells."""
    averages: Float64
    if missing is None:
        averages = np.average(values, axis=0, weights=weight)
    else:
        counts = np.broadcast_to(cell_weights(missing, weight), values.shape)
        averages = (counts * np.where(missing, 0.0, values)).sum(axis=0)
        averages /= counts.sum(axis=0)
    return averages


def _column_scales(
    centred: Float64, weight: Float64 | None, missing: NDArray[np.bool_] | None
) -> tuple[float, Float64]:
    """Return the root mean square of the standard deviations, and these in its units.

    Dividing by the largest entry first keeps the squares within float64's range.
    """
    largest = np.nanmax(np.abs(centred))
    if not np.isfinite(largest):
        raise ValueError(
            "X contains values too large for float64 arithmetic: its centred columns "
            "overflow. Rescale X to a smaller range before fitting."
        )
    if largest == 0.0:
        return 0.0, np.zeros(centred.shape[1])
    deviations = np.sqrt(_average((centred / largest) ** 2, weight, missing))
    typical = np.sqrt(np.mean(deviations**2))
    return float(largest * typical), deviations / typical


def _fit_pca(
    centred: Float64, weight: NDArray | None, n_components: int, seed: int
) -> PCA:
    """Fit PCA with the whole spectrum where that is cheap, else the leading part."""
    n_samples, n_features = centred.shape
    rank = min(n_samples, n_features)
    if weight is not None:
        # PCA knows no weights; a mirror image keeps it from centring scaled rows.
        scaled = centred * np.sqrt(weight / weight.mean())[:, None]
        centred = np.concatenate((scaled, -scaled))
    if rank > FULL_SPECTRUM_RANK:
        pca = PCA(n_components, random_state=seed)
    else:
        solver = "covariance_eigh" if n_samples >= n_features else "full"
        pca = PCA(rank, svd_solver=solver)
    # Equal rows have no variance to take shares of; the shares are not used here.
    with np.errstate(invalid="ignore"):
        return pca.fit(centred)


def _code_scale(
    centred: Float64, weight: NDArray | None, components: Float64
) -> Float64:
    """Return standard deviations of the scores, 1 where there is none."""
    scores = centred @ components.T
    if weight is None:
        deviations = scores.std(axis=0)
    else:
        mean = np.average(scores, axis=0, weights=weight)
        deviations = np.sqrt(np.average((scores - mean) ** 2, axis=0, weights=weight))
    return np.where(deviations > 0, deviations, 1.0)


def _residual_variances(
    centred: Float64, weight: NDArray | None, components: Float64
) -> Float64:
    """Mean squared residual of each column after projection on `components`."""
    total = np.zeros(centred.shape[1])
    for rows in gen_batches(len(centred), ROWS_PER_BLOCK):
        block = centred[rows]
        squares = (block - (block @ components.T) @ components) ** 2
        if weight is not None:
            squares *= weight[rows, None]
        total += squares.sum(axis=0)
    return total / (len(centred) if weight is None else weight.sum())


def _leading_subspace(
    pca: PCA, n_components: int, n_samples: float, shape: tuple[int, int]
) -> Float64 | None:
    """Principal directions that a correction needs, or None to use all columns.

    They are those above the noise floor, or those that hold all but REDUNDANT_SHARE of
    what PCA leaves, if these are fewer. The columns themselves train better than as
    many directions do, so half of the directions or more have to go. Where no direction
    beyond PCA's stands out of the noise, dependence may hide from the eigenvalues, as
    in one-hot columns: the floor is not used.
    """
    n_features = shape[1]
    complete = pca.n_components_ == min(shape)
    if not complete or n_features < MIN_FEATURES_NOISE_FLOOR:
        return None
    eigenvalues = pca.explained_variance_
    n_directions = n_not_redundant(eigenvalues, n_components)
    n_standing_out = n_above_noise_floor(eigenvalues, n_samples, n_features)
    if n_components < n_standing_out:
        n_directions = min(n_directions, n_standing_out)
    if n_directions > pca.n_components_ // 2:
        return None
    return pca.components_[:n_directions]


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
