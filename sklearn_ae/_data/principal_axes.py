"""Principal axes of centred rows, and what the first of them leave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.utils import gen_batches
from sklearn.utils.extmath import svd_flip

from sklearn_ae._data.columns import is_large, positive_scales
from sklearn_ae._data.imputation import Filler

Float64 = NDArray[np.float64]

# Up to this rank the whole spectrum is computed; above it only the leading part is.
FULL_SPECTRUM_RANK = 1500
ROWS_PER_BLOCK = 4096


@dataclass(frozen=True)
class PrincipalAxes:
    """Principal components of rows, and statistics of the first `n_components`."""

    components: Float64  # (n_components or more, n_features), orthonormal rows
    eigenvalues: Float64  # of the covariance with the divisor n_rows - 1
    n_rows: int  # mirror images included
    code_scale: Float64  # (n_components,), standard deviations of scores, 1 for none
    residual_variances: Float64  # (n_features,), of what n_components leave

    def filler(self, total_variance: float) -> Filler:
        """Return what fills the missing cells of such rows."""
        return Filler.of_axes(
            self.components, self.eigenvalues, self.n_rows, total_variance
        )

    @classmethod
    def of_rows(
        cls, centred: Float64, weight: NDArray | None, n_components: int, seed: int
    ) -> PrincipalAxes:
        """Fit PCA to rows, shape (n_samples, n_features); it may centre them anew."""
        pca = _fit_pca(centred, weight, n_components, seed)
        components = pca.components_[:n_components]
        return cls(
            components=pca.components_,
            eigenvalues=pca.explained_variance_,
            n_rows=pca.n_samples_,
            code_scale=_code_scale(centred, weight, components),
            residual_variances=_residual_variances(centred, weight, components),
        )

    @classmethod
    def of_covariance(
        cls, covariance: Float64, n_rows: int, n_components: int
    ) -> PrincipalAxes:
        """Decompose a covariance matrix as PCA does; its divisor is `n_rows`."""
        values, vectors = np.linalg.eigh(covariance)
        values = np.maximum(values[::-1], 0.0)
        _, components = svd_flip(None, vectors.T[::-1], u_based_decision=False)
        left = values[n_components:, None] * components[n_components:] ** 2
        deviations = np.sqrt(values[:n_components])
        return cls(
            components=components,
            eigenvalues=values * (n_rows / (n_rows - 1)),
            n_rows=n_rows,
            code_scale=positive_scales(deviations),
            residual_variances=left.sum(axis=0),
        )


def is_told_by_covariance(shape: tuple[int, ...]) -> bool:
    """Whether the whole spectrum is computed, and from the covariance matrix."""
    n_samples, n_features = shape
    return n_samples >= n_features and n_features <= FULL_SPECTRUM_RANK


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
    copy = not is_large(centred.shape)
    if rank > FULL_SPECTRUM_RANK:
        pca = PCA(n_components, copy=copy, random_state=seed)
    else:
        solver = "covariance_eigh" if n_samples >= n_features else "full"
        pca = PCA(rank, copy=copy, svd_solver=solver)
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
    return positive_scales(deviations)


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
