"""The change of basis that makes codes behave like PCA's, from their moments."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag
from scipy.optimize import linear_sum_assignment
from sklearn.utils.extmath import svd_flip

Float64 = NDArray[np.float64]

# The variance of a code below this share of the largest is rounding.
NO_VARIANCE = 1e-24
# Codes that X does not depend on linearly are multiplied by at least this share of what
# the first one is, so that the inverse stays well conditioned.
SMALLEST_SCALE = 1e-6


@dataclass
class CodeMoments:
    """Sums and products of codes over rows, to which blocks are added."""

    n_samples: float
    row_sum: Float64  # (n_features,)
    code_sum: Float64  # (n_components,)
    code_products: Float64  # (n_components, n_components)
    cross_products: Float64  # (n_components, n_features), codes with X

    @classmethod
    def empty(cls, n_components: int, n_features: int) -> Self:
        """Return the moments of no rows."""
        return cls(
            n_samples=0,
            row_sum=np.zeros(n_features),
            code_sum=np.zeros(n_components),
            code_products=np.zeros((n_components, n_components)),
            cross_products=np.zeros((n_components, n_features)),
        )

    @classmethod
    def of_axes(cls, components: Float64, covariance: Float64) -> Self:
        """Return those of PCA's scores for rows of this covariance."""
        cross = components @ covariance
        none = np.zeros(cross.shape[1]), np.zeros(len(cross))
        return cls(1.0, *none, cross @ components.T, cross)

    def add(self, x: Any, code: Any, weight: Any) -> None:
        """Add a block of centred rows, their codes, and how often each row counts.

        They are arrays, or tensors on any device.
        """
        weighted = code * weight[:, None]
        self.n_samples += float(weight.sum())
        self.row_sum += _array(weight @ x)
        self.code_sum += _array(weighted.sum(0))
        self.code_products += _array(weighted.T @ code)
        self.cross_products += _array(weighted.T @ x)

    def central(self) -> tuple[Float64, Float64, Float64]:
        """Return mean and covariance of the codes, and their covariance with X."""
        mean = self.code_sum / self.n_samples
        covariance = self.code_products / self.n_samples - np.outer(mean, mean)
        cross = self.cross_products / self.n_samples
        cross -= np.outer(mean, self.row_sum / self.n_samples)
        return mean, covariance, cross


def _array(found: Any) -> Float64:
    """Return an array or a tensor as an array."""
    array: Float64 = found if isinstance(found, np.ndarray) else found.cpu().numpy()
    return array


@dataclass(frozen=True)
class CodeBasis:
    """Affine map of codes, `(code - mean) @ matrix`, and its inverse."""

    mean: Float64  # (n_components,)
    matrix: Float64  # (n_components, n_components)
    inverse: Float64  # (n_components, n_components)
    explained_variance: Float64  # (n_components,), linear share, divisor n_samples

    @classmethod
    def from_moments(
        cls, moments: CodeMoments, whiten: bool, n_effective: float
    ) -> Self:
        """Centre, decorrelate and order the codes, and scale them as PCA does.

        The codes are whitened, rotated by the singular vectors of their
        cross-covariance with X, and scaled by its singular values. For a linear
        autoencoder this gives PCA's scores: whitened scores have the cross-covariance
        `diag(sqrt(eigenvalues)) @ components` with X. What does not vary is multiplied
        by what the first code is. Whitened codes get the divisor `n_effective - 1`.
        """
        mean, covariance, cross = moments.central()
        whitening, colouring, n_constant = _whitening(covariance, mean)
        n_components, n_features = cross.shape
        n_varying = n_components - n_constant
        left, singular, right = np.linalg.svd(
            whitening[:, n_constant:].T @ cross, full_matrices=n_varying > n_features
        )
        if n_varying > 0:
            found = left[:, : len(singular)]
            found[:] = svd_flip(found, right, u_based_decision=False)[0]  # as in PCA
        if n_constant > 0:  # they come last, as they are
            left = np.roll(block_diag(left, np.eye(n_constant)), n_constant, axis=0)
        singular = np.pad(singular, (0, n_components - len(singular)))
        length = np.linalg.norm(left.T @ colouring, axis=1)
        like_first = np.minimum(length * (singular[0] / length[0]), singular[0])
        share = np.where(np.arange(n_components) < n_varying, SMALLEST_SCALE, 1.0)
        scale = np.maximum(singular, share * like_first)
        if whiten:
            scale = np.full(n_components, np.sqrt(1 - 1 / n_effective))
        scale = np.where(scale > 0, scale, 1.0)
        matrix, inverse = whitening @ left * scale, (left / scale).T @ colouring
        return cls(mean, matrix, inverse, singular**2)

    @classmethod
    def permuting(cls, moments: CodeMoments, whiten: bool, n_effective: float) -> Self:
        """Order and scale the codes alone, so that their zeros stay where they are.

        A code explains of X what a linear map of it alone does; its standard deviation
        becomes the root of that, as for PCA's scores.
        """
        mean, covariance, cross = moments.central()
        deviations, varies = _deviations(covariance, mean)
        explained = (cross**2).sum(axis=1) / deviations**2 * varies
        order = np.argsort(-explained, kind="stable")
        wanted = np.maximum(explained, SMALLEST_SCALE**2 * explained.max())
        if whiten:
            wanted = np.full(len(explained), 1 - 1 / n_effective)
        scale = np.where(varies, np.sqrt(wanted) / deviations, 1.0)
        scale = np.where(scale > 0, scale, 1.0)
        matrix, inverse = np.diag(scale)[:, order], np.diag(1 / scale)[order]
        return cls(np.zeros(len(scale)), matrix, inverse, explained[order])

    def aligned(self, codes: Float64, others: Float64) -> Self:
        """Return the basis whose codes have the order and the signs of others.

        Both are of the same rows; codes belong to those that they correlate with.
        """
        together = correlations(codes, others)
        _, order = linear_sum_assignment(-np.abs(together).T)
        signs = np.where(together[order, np.arange(len(order))] < 0, -1.0, 1.0)
        matrix = self.matrix[:, order] * signs
        inverse = self.inverse[order] * signs[:, None]
        return type(self)(self.mean, matrix, inverse, self.explained_variance[order])


def correlations(codes: Float64, others: Float64) -> Float64:
    """Return the correlation of each code with each of others; 0 if one is constant."""
    parts = []
    for part in (codes, others):
        centred = (part - part.mean(axis=0)).astype(np.float64)
        length = np.sqrt((centred**2).sum(axis=0))
        parts.append(centred / np.where(length > 0, length, 1.0))
    found: Float64 = parts[0].T @ parts[1]
    return found


def _deviations(covariance: Float64, mean: Float64) -> tuple[Float64, NDArray]:
    """Return standard deviations, and which are more than rounding; 1 for others."""
    variances = np.diag(covariance)
    varies = variances > np.maximum(NO_VARIANCE * variances.max(), 1e-14 * mean**2)
    return np.sqrt(np.where(varies, variances, 1.0)), varies


def _whitening(covariance: Float64, mean: Float64) -> tuple[Float64, Float64, int]:
    """Return a matrix that whitens codes of this covariance, and its inverse.

    Directions without variance are left as they are. They come first, so many.
    """
    deviations, varies = _deviations(covariance, mean)
    covariance = np.where(np.outer(varies, varies), covariance, 0.0)
    values, vectors = np.linalg.eigh(covariance / np.outer(deviations, deviations))
    # Eigenvalues of a correlation matrix below this are rounding errors.
    is_known = values > 1e-12
    roots = np.sqrt(np.where(is_known, values, 1.0))
    whitening = vectors / deviations[:, None] / roots
    return whitening, (vectors * roots).T * deviations, int((~is_known).sum())
