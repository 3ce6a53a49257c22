"""The change of basis that makes codes behave like PCA's, from their moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

# The variance of a code below this share of the largest is rounding.
NO_VARIANCE = 1e-24
# Codes that X does not depend on linearly get at least this share of the first's scale,
# so that the inverse stays well conditioned.
SMALLEST_SCALE = 1e-6


@dataclass
class CodeMoments:
    """What codes are like over rows, from sums and extremes; blocks may be added."""

    n_samples: float
    row_sum: Float64  # (n_features,)
    code_sum: Float64  # (n_components,)
    code_products: Float64  # (n_components, n_components)
    cross_products: Float64  # (n_components, n_features), codes with X
    lowest: Float64  # (n_components,), of the codes
    highest: Float64  # (n_components,)

    @classmethod
    def empty(cls, n_components: int, n_features: int) -> CodeMoments:
        """Return the moments of no rows."""
        return cls(
            n_samples=0,
            row_sum=np.zeros(n_features),
            code_sum=np.zeros(n_components),
            code_products=np.zeros((n_components, n_components)),
            cross_products=np.zeros((n_components, n_features)),
            lowest=np.full(n_components, np.inf),
            highest=np.full(n_components, -np.inf),
        )

    def add(self, x: Float64, code: Float64, weight: Float64) -> None:
        """Add a block of centred rows, their codes, and how often each row counts."""
        weighted = code * weight[:, None]
        self.n_samples += float(weight.sum())
        self.row_sum += weight @ x
        self.code_sum += weighted.sum(axis=0)
        self.code_products += weighted.T @ code
        self.cross_products += weighted.T @ x
        self.lowest = np.minimum(self.lowest, code.min(axis=0))
        self.highest = np.maximum(self.highest, code.max(axis=0))


@dataclass(frozen=True)
class CodeBasis:
    """Affine map of codes, `(code - mean) @ matrix`, and its inverse."""

    mean: Float64  # (n_components,)
    matrix: Float64  # (n_components, n_components)
    inverse: Float64  # (n_components, n_components)
    explained_variance: Float64  # (n_components,), linear share, divisor n_samples

    @classmethod
    def from_moments(
        cls, moments: CodeMoments, whiten: bool, n_effective: float | None = None
    ) -> CodeBasis:
        """Centre, decorrelate and order the codes, and scale them as PCA does.

        The codes are whitened, rotated by the singular vectors of their
        cross-covariance with X, and scaled by its singular values. For a linear
        autoencoder this gives PCA's scores: whitened scores have the cross-covariance
        `diag(sqrt(eigenvalues)) @ components` with X. Whitened codes get the divisor
        `n_effective - 1`; None stands for the moments' own number of rows.
        """
        n_samples, n_components = moments.n_samples, len(moments.code_sum)
        mean = moments.code_sum / n_samples
        covariance = moments.code_products / n_samples - np.outer(mean, mean)
        whitening, colouring = _whitening(covariance)
        cross_covariance = moments.cross_products / n_samples
        cross_covariance -= np.outer(mean, moments.row_sum / n_samples)
        cross = whitening.T @ cross_covariance
        wide = n_components > cross.shape[1]
        left, singular, right = np.linalg.svd(cross, full_matrices=wide)
        singular = np.pad(singular, (0, n_components - len(singular)))
        left = left * _signs(right, n_components)
        if whiten:
            size = n_effective or n_samples
            scale = np.full(n_components, np.sqrt((size - 1) / size))
        else:
            scale = np.maximum(singular, SMALLEST_SCALE * singular[0])
            scale = np.where(scale > 0, scale, 1.0)
        return cls(
            mean=mean,
            matrix=whitening @ left * scale,
            inverse=(left / scale).T @ colouring,
            explained_variance=singular**2,
        )

    @classmethod
    def permuting(
        cls, moments: CodeMoments, whiten: bool, n_effective: float | None = None
    ) -> CodeBasis:
        """Order and scale the codes alone, so that their zeros stay where they are.

        A code explains of X what a linear map of it alone does; its standard deviation
        becomes the root of that, as for PCA's scores.
        """
        n_samples, n_components = moments.n_samples, len(moments.code_sum)
        mean = moments.code_sum / n_samples
        variances = np.diag(moments.code_products) / n_samples - mean**2
        varies = variances > NO_VARIANCE * variances.max()
        deviations = np.where(varies, np.sqrt(np.where(varies, variances, 1.0)), 1.0)
        covariance = moments.cross_products / n_samples
        covariance -= np.outer(mean, moments.row_sum / n_samples)
        explained = (covariance**2).sum(axis=1) / deviations**2 * varies
        order = np.argsort(-explained, kind="stable")
        scale = np.ones(n_components)
        size = n_effective or n_samples
        if whiten:
            scale[varies] = np.sqrt((size - 1) / size) / deviations[varies]
        else:
            target = np.maximum(explained, SMALLEST_SCALE**2 * explained.max())
            scale[varies] = np.sqrt(target[varies]) / deviations[varies]
            scale = np.where(scale > 0, scale, 1.0)
        identity = np.eye(n_components)
        return cls(
            mean=np.zeros(n_components),
            matrix=(identity * scale)[:, order],
            inverse=(identity / scale)[order],
            explained_variance=explained[order],
        )


def _whitening(covariance: Float64) -> tuple[Float64, Float64]:
    """Return a matrix that whitens codes of this covariance, and its inverse.

    Directions without variance are left as they are, so that the map stays invertible.
    """
    squares = np.maximum(np.diag(covariance), 0.0)
    varies = squares > NO_VARIANCE * squares.max()
    deviations = np.where(varies, np.sqrt(squares), 1.0)
    covariance = np.where(np.outer(varies, varies), covariance, 0.0)
    values, vectors = np.linalg.eigh(covariance / np.outer(deviations, deviations))
    # Eigenvalues of a correlation matrix below this are rounding errors.
    roots = np.sqrt(np.where(values > 1e-12, values, 1.0))
    return vectors / deviations[:, None] / roots, (vectors * roots).T * deviations


def _signs(right: Float64, n_components: int) -> Float64:
    """Signs that make the largest entry of each right singular vector positive.

    This is how `PCA` fixes its signs.
    """
    largest = np.abs(right).argmax(axis=1)
    signs = np.sign(right[np.arange(len(right)), largest])
    signs = np.pad(signs, (0, max(0, n_components - len(signs))), constant_values=1.0)
    return np.where(signs == 0, 1.0, signs[:n_components])
