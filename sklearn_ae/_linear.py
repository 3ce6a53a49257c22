"""Step one of a fit: column statistics and the linear start, PCA."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.utils import gen_batches

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
    def from_data(cls, X: NDArray, n_components: int, seed: int) -> LinearStart:
        """Compute the statistics and the principal components of `X`."""
        mean = _column_means(X)
        centred = np.subtract(X, mean, dtype=np.float64)
        scale, column_scale = _column_scales(centred)
        if scale == 0.0:
            return cls._of_constant(mean, n_components)
        centred /= scale
        pca = _fit_pca(centred, n_components, seed)
        components = pca.components_[:n_components]
        residual_scale = np.sqrt(_residual_variances(centred, components))
        code_scale = (centred @ components.T).std(axis=0)
        return cls(
            mean=mean,
            scale=scale,
            column_scale=np.where(column_scale > 0, column_scale, 1.0),
            components=components,
            code_scale=np.where(code_scale > 0, code_scale, 1.0),
            residual_scale=residual_scale,
            total_variance=float((column_scale**2).sum()),
            subspace=_leading_subspace(pca, n_components, centred.shape),
        )

    @classmethod
    def _of_constant(cls, mean: Float64, n_components: int) -> LinearStart:
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
        )

    def of_rows(self, x: NDArray, seed: int) -> LinearStart:
        """Return the start with the PCA of some centred and scaled rows instead."""
        rows = x.astype(np.float64)
        n_components = len(self.components)
        components = _fit_pca(rows, n_components, seed).components_[:n_components]
        code_scale = (rows @ components.T).std(axis=0)
        return replace(
            self,
            components=components,
            code_scale=np.where(code_scale > 0, code_scale, 1.0),
            residual_scale=np.sqrt(_residual_variances(rows, components)),
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

    def score(self, X: NDArray) -> float:
        """Fraction of the variance of `X` that PCA explains, about the mean."""
        error = total = 0.0
        for rows in gen_batches(len(X), ROWS_PER_BLOCK):
            x = self.to_scaled(X[rows], dtype=np.float64)
            error += float(((x - x @ self.components.T @ self.components) ** 2).sum())
            total += float((x**2).sum())
        return 1.0 - error / total if total > 0 else 1.0

    def to_scaled(self, X: NDArray, dtype: type = np.float32) -> NDArray:
        """Centre and scale in float64 (float32 alone would lose offsets), then cast."""
        scaled: NDArray = np.empty(X.shape, dtype=dtype)
        for rows in gen_batches(len(X), ROWS_PER_BLOCK):
            centred = np.subtract(X[rows], self.mean, dtype=np.float64)
            scaled[rows] = centred / self.scale
        return scaled


def _column_means(X: NDArray) -> Float64:
    """Return the means; those of constant columns without rounding errors."""
    low, high = X.min(axis=0), X.max(axis=0)
    means: Float64 = np.where(low == high, low, X.mean(axis=0, dtype=np.float64))
    return means


def _column_scales(centred: Float64) -> tuple[float, Float64]:
    """Return the root mean square of the standard deviations, and these in its units.

    Dividing by the largest entry first keeps the squares within float64's range.
    """
    largest = np.abs(centred).max()
    if not np.isfinite(largest):
        raise ValueError(
            "X contains values too large for float64 arithmetic: its centred columns "
            "overflow. Rescale X to a smaller range before fitting."
        )
    if largest == 0.0:
        return 0.0, np.zeros(centred.shape[1])
    deviations = np.sqrt(np.mean((centred / largest) ** 2, axis=0))
    typical = np.sqrt(np.mean(deviations**2))
    return float(largest * typical), deviations / typical


def _fit_pca(centred: Float64, n_components: int, seed: int) -> PCA:
    """Fit PCA with the whole spectrum where that is cheap, else the leading part."""
    n_samples, n_features = centred.shape
    rank = min(n_samples, n_features)
    if rank > FULL_SPECTRUM_RANK:
        pca = PCA(n_components, random_state=seed)
    else:
        solver = "covariance_eigh" if n_samples >= n_features else "full"
        pca = PCA(rank, svd_solver=solver)
    # Equal rows have no variance to take shares of; the shares are not used here.
    with np.errstate(invalid="ignore"):
        return pca.fit(centred)


def _residual_variances(centred: Float64, components: Float64) -> Float64:
    """Mean squared residual of each column after projection on `components`."""
    total = np.zeros(centred.shape[1])
    for rows in gen_batches(len(centred), ROWS_PER_BLOCK):
        block = centred[rows]
        total += ((block - (block @ components.T) @ components) ** 2).sum(axis=0)
    return total / len(centred)


def _leading_subspace(
    pca: PCA, n_components: int, shape: tuple[int, int]
) -> Float64 | None:
    """Principal directions that a correction needs, or None to use all columns.

    They are those above the noise floor, or those that hold all but REDUNDANT_SHARE of
    what PCA leaves, if these are fewer. The columns themselves train better than as
    many directions do, so half of the directions or more have to go. Where no direction
    beyond PCA's stands out of the noise, dependence may hide from the eigenvalues, as
    in one-hot columns: the floor is not used.
    """
    n_samples, n_features = shape
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


def n_above_noise_floor(eigenvalues: Float64, n_samples: int, n_features: int) -> int:
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
    n_nonzero = min(n_samples - 1, n_features)
    m = np.arange(n_nonzero)
    rest = np.cumsum(eigenvalues[:n_nonzero][::-1])[::-1]
    noise_variance = rest / (n_features - m)
    aspect = (n_features - m) / (n_samples - m)
    below = eigenvalues[:n_nonzero] <= noise_variance * (1 + np.sqrt(aspect)) ** 2
    return int(np.argmax(below)) if below.any() else n_nonzero
