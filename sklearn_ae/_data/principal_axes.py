"""Principal axes of centred rows, from their moments where these tell them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import diags_array
from scipy.sparse.linalg import LinearOperator, aslinearoperator, svds
from sklearn.utils.extmath import randomized_svd, svd_flip

from sklearn_ae._data.table import Float64, Source

# Up to this rank the whole spectrum is computed; above it only the leading part is, as
# PCA does by default with so many columns.
FULL_SPECTRUM_RANK = 1500


def has_moments(shape: tuple[int, ...]) -> bool:
    """Whether axes follow from a covariance that takes less than the rows."""
    n_samples, n_features = shape
    return n_samples >= n_features and n_features <= FULL_SPECTRUM_RANK


@dataclass(frozen=True)
class PrincipalAxes:
    """Mean and principal axes of weighted rows; the divisor is the sum of weights."""

    mean: Float64  # (n_features,)
    variances: Float64  # (n_features,), of the columns
    components: Float64  # (n_axes, n_features), orthonormal rows
    eigenvalues: Float64  # (n_axes,), in descending order

    @classmethod
    def of_blocks(
        cls,
        blocks: Iterable[tuple[Float64, Float64]],
        shape: tuple[int, ...],
        n_components: int,
        seed: int,
    ) -> Self:
        """Find the axes of rows that come in blocks with their weights.

        Tall tables are never in memory as a whole: their covariance is summed up.
        """
        if has_moments(shape):
            return cls._of_moments(blocks, shape[1])
        x, weight = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        return cls._of_rows(x, weight, n_components, seed)

    @classmethod
    def _of_moments(
        cls, blocks: Iterable[tuple[Float64, Float64]], n_features: int
    ) -> Self:
        """Decompose the covariance of rows that are centred but for rounding."""
        size, total = 0.0, np.zeros(n_features)
        products = np.zeros((n_features, n_features))
        for x, weight in blocks:
            size += float(weight.sum())
            total += weight @ x
            scaled = x * np.sqrt(weight)[:, None]
            products += scaled.T @ scaled
        mean = total / size
        return cls.of_covariance(mean, products / size - np.outer(mean, mean))

    @classmethod
    def of_covariance(cls, mean: Float64, covariance: Float64) -> Self:
        """Decompose a covariance."""
        values, vectors = np.linalg.eigh(covariance)
        vectors = np.ascontiguousarray(vectors.T[::-1])
        _, components = svd_flip(None, vectors, u_based_decision=False)
        eigenvalues = np.maximum(values[::-1], 0.0)
        return cls(mean, np.diag(covariance), components, eigenvalues)

    @classmethod
    def _of_rows(
        cls, x: Float64, weight: Float64, n_components: int, seed: int
    ) -> Self:
        """Decompose rows: all axes where that is cheap, else the leading ones."""
        shares = weight / weight.sum()
        mean = shares @ x
        scaled = (x - mean) * np.sqrt(shares)[:, None]
        variances = (scaled**2).sum(axis=0)
        if min(x.shape) > FULL_SPECTRUM_RANK and n_components < 0.8 * min(x.shape):
            _, singular, right = randomized_svd(
                scaled, n_components, random_state=seed, flip_sign=False
            )
        else:
            _, singular, right = np.linalg.svd(scaled, full_matrices=False)
        _, components = svd_flip(None, right, u_based_decision=False)
        return cls(mean, variances, components, singular**2)

    @classmethod
    def of_source(
        cls,
        source: Source,
        weight: Float64,
        scale: float,
        n_components: int,
        seed: int,
    ) -> Self:
        """Find the leading axes of rows, divided by a scale, from their products."""
        rows, shares = source.operator(), weight / weight.sum()
        mean = rows.rmatvec(shares)
        roots = aslinearoperator(diags_array(np.sqrt(shares)))
        first = np.random.RandomState(seed).uniform(-1, 1, min(rows.shape))
        _, singular, right = svds(roots @ shifted(rows, mean), n_components, v0=first)
        _, components = svd_flip(None, right[::-1], u_based_decision=False)
        variances = source.average(weight, mean, scale)
        eigenvalues = (singular[::-1] / scale) ** 2
        return cls(mean / scale, variances, components, eigenvalues)

    def residual_variances(self, n_components: int) -> Float64:
        """Return what the leading axes leave of each column."""
        known = self.eigenvalues[:, None] * self.components**2
        left = np.maximum(self.variances - known.sum(axis=0), 0.0)
        left += known[n_components:].sum(axis=0)
        rounding = np.finfo(np.float64).eps * len(left) * self.variances
        return np.where(left > rounding, left, 0.0)


def shifted(rows: LinearOperator, centre: Float64) -> LinearOperator:
    """Return what multiplies rows from which a centre is subtracted."""
    ones = aslinearoperator(np.ones((rows.shape[0], 1)))
    return rows - ones @ aslinearoperator(centre[None])
