"""Missing cells: which they are, and what a Gaussian expects them to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from sklearn.utils import gen_batches
from threadpoolctl import threadpool_limits

Float64 = NDArray[np.float64]

MAX_FACTORS = 64
ROWS_PER_FACTOR = 5  # with fewer, the Gaussian follows the noise
MAX_ITERATIONS = 30
# Fewer rows tell the covariance well enough.
MAX_ROWS = 10_000
TOLERANCE = 1e-4
# Smallest noise, as a share of a column's variance: keeps the equations well posed.
SMALLEST_NOISE = 1e-6
NUMBERS_PER_BLOCK = 2**22
# More numbers are summed first, which takes no memory.
NUMBERS_TO_SUM = 4096


def missing_cells(X: NDArray) -> NDArray[np.bool_] | None:
    """Return the mask of NaN entries, or None where there are none."""
    if X.size > NUMBERS_TO_SUM:
        with np.errstate(over="ignore", invalid="ignore"):
            if not np.isnan(X.sum()):
                return None
    missing: NDArray[np.bool_] = np.isnan(X)
    return missing if missing.any() else None


def drawn_rows(n_rows: int, seed: int) -> NDArray[np.intp] | slice:
    """Return the rows to fit a filler to: all, or MAX_ROWS that are drawn."""
    if n_rows <= MAX_ROWS:
        return slice(None)
    drawn: NDArray[np.intp] = np.random.RandomState(seed).permutation(n_rows)
    return drawn[:MAX_ROWS]


def check_some_observed(
    missing: NDArray[np.bool_], axis: int, where: str = "", labels: ArrayLike = ()
) -> None:
    """Raise where a column (axis 0) or a row (axis 1) holds no value at all.

    `labels` are the numbers to show, by default positions; `where` goes on after "X".
    """
    empty = np.flatnonzero(missing.all(axis=axis))
    if len(empty) and np.size(labels):
        empty = np.asarray(labels)[empty]
    if len(empty):
        shown = ", ".join(map(str, empty[:5])) + (", ..." if len(empty) > 5 else "")
        kind = ("columns", "rows")[axis]
        raise ValueError(
            f"X{where} has {len(empty)} {kind} in which every value is missing ({kind} "
            f"{shown}): nothing is known about them. Drop them first."
        )


@dataclass(frozen=True)
class Filler:
    """Conditional mean of missing cells, given the observed ones of their row.

    The rows are taken for Gaussian, `x = mean + scale * (loadings @ z + noise)` with
    standard normal factors `z` and white noise: probabilistic PCA.

    Tipping, M. E., & Bishop, C. M. (1999). "Probabilistic principal component
    analysis". Journal of the Royal Statistical Society B 61(3), 611-622.
    """

    mean: Float64  # (n_features,)
    scale: Float64  # (n_features,), standard deviations
    loadings: Float64  # (n_features, n_factors), of columns divided by `scale`
    noise: float  # variance, of columns divided by `scale`

    @classmethod
    def of_constant(cls, n_features: int) -> Filler:
        """Return the filler of rows that all equal the mean."""
        return cls(
            mean=np.zeros(n_features),
            scale=np.ones(n_features),
            loadings=np.zeros((n_features, 1)),
            noise=1.0,
        )

    @classmethod
    def of_pca(cls, pca: PCA, total_variance: float) -> Filler:
        """Return the Gaussian of a PCA of complete, centred rows."""
        return cls.of_axes(
            pca.components_, pca.explained_variance_, pca.n_samples_, total_variance
        )

    @classmethod
    def of_axes(
        cls,
        components: Float64,
        eigenvalues: Float64,
        n_samples: int,
        total_variance: float,
    ) -> Filler:
        """Return the Gaussian of principal axes; the divisor is `n_samples - 1`."""
        n_features = components.shape[1]
        eigenvalues = np.nan_to_num(eigenvalues)
        eigenvalues = eigenvalues * (n_samples - 1) / n_samples  # as total_variance
        most = max(min(n_features - 1, n_samples // ROWS_PER_FACTOR), 1)
        n_factors = min(MAX_FACTORS, len(eigenvalues), most)
        rest = total_variance - eigenvalues[:n_factors].sum()
        smallest = SMALLEST_NOISE * (total_variance / n_features or 1.0)
        noise = max(rest / max(n_features - n_factors, 1), smallest)
        strength: Float64 = np.sqrt(np.maximum(eigenvalues[:n_factors] - noise, 0.0))
        return cls(
            mean=np.zeros(n_features),
            scale=np.ones(n_features),
            loadings=np.multiply(components[:n_factors].T, strength),
            noise=float(noise),
        )

    @classmethod
    def of_incomplete(
        cls, x: Float64, scale: Float64, weight: Float64 | None
    ) -> Filler:
        """Fit the Gaussian to centred rows with NaN by expectation maximisation.

        Ilin, A., & Raiko, T. (2010). "Practical approaches to principal component
        analysis in the presence of missing values". JMLR 11, 1957-2000.
        """
        x = x / scale
        weight = np.ones(len(x)) if weight is None else weight / weight.mean()
        # A second thread costs more than it gains on many small matrices.
        with threadpool_limits(1, user_api="blas"):
            filler = cls._of_filled_with_means(x, weight)
            for _ in range(MAX_ITERATIONS):
                improved = filler._improved(x, weight)
                settled = abs(improved.noise - filler.noise) < TOLERANCE * filler.noise
                settled = settled and improved.noise > SMALLEST_NOISE
                filler = improved
                if settled:
                    break
        return replace(filler, mean=filler.mean * scale, scale=scale)

    @classmethod
    def _of_filled_with_means(cls, x: Float64, weight: Float64) -> Filler:
        """Start expectation maximisation where missing cells equal their means."""
        n_features = x.shape[1]
        rows = np.nan_to_num(x) * np.sqrt(weight)[:, None]
        mirrored = np.concatenate((rows, -rows))  # their mean is zero
        n_components = max(min(len(x) // ROWS_PER_FACTOR, n_features), 1)
        pca = PCA(n_components, svd_solver="full").fit(mirrored)
        total_variance = float((mirrored**2).sum() / len(mirrored))
        return cls.of_pca(pca, total_variance)

    def _improved(self, x: Float64, weight: Float64) -> Filler:
        """Return the parameters after one step of expectation maximisation."""
        n_features, n_factors = self.loadings.shape
        products = np.zeros((n_features, n_factors**2))
        crossed = np.zeros((n_features, n_factors))
        factor_sums = np.zeros((n_features, n_factors))
        counts, sums, squares = np.zeros((3, n_features))
        for rows in self._blocks(len(x)):
            centred, observed = self._observed(x[rows])
            factors, spread = self._factors(centred, observed)
            seconds = np.einsum("ni,nj->nij", factors, factors) + spread
            counted = observed * weight[rows, None]
            weighted = centred * weight[rows, None]
            products += counted.T @ seconds.reshape(len(factors), -1)
            crossed += weighted.T @ factors
            factor_sums += counted.T @ factors
            counts += counted.sum(axis=0)
            sums += weighted.sum(axis=0)
            squares += (weighted * centred).sum(axis=0)
        products = products.reshape(n_features, n_factors, n_factors)
        # A standard normal prior, without which few rows make loadings explode.
        ridge = np.diag(np.full(n_factors, self.noise))
        loadings = np.linalg.solve(products + ridge, crossed[:, :, None])[:, :, 0]
        explained = np.einsum("pi,pij,pj->p", loadings, products, loadings)
        error = squares - 2 * (loadings * crossed).sum(axis=1) + explained
        # A column may be empty in the rows that were drawn.
        shift = (sums - (loadings * factor_sums).sum(axis=1)) / np.maximum(counts, 1e-9)
        return Filler(
            mean=self.mean + shift,
            scale=self.scale,
            loadings=loadings,
            noise=max(float(error.sum() / counts.sum()), SMALLEST_NOISE),
        )

    def fill(self, x: Float64) -> Float64:
        """Return centred and scaled rows with NaN replaced."""
        filled: Float64 = np.array(x, dtype=np.float64)
        incomplete = np.flatnonzero(np.isnan(filled).any(axis=1))
        for block in self._blocks(len(incomplete)):
            rows = incomplete[block]
            centred, observed = self._observed(filled[rows] / self.scale, self.scale)
            factors, _ = self._factors(centred, observed)
            expected = factors @ self.loadings.T * self.scale + self.mean
            filled[rows] = np.where(observed, filled[rows], expected)
        return filled

    def _observed(
        self, x: Float64, scale: Float64 | float = 1.0
    ) -> tuple[Float64, NDArray[np.bool_]]:
        """Centre rows; zero stands for missing cells, which the mask leaves out."""
        observed = ~np.isnan(x)
        return np.where(observed, x - self.mean / scale, 0.0), observed

    def _factors(
        self, centred: Float64, observed: NDArray[np.bool_]
    ) -> tuple[Float64, Float64]:
        """Return mean and covariance of the factors of each row."""
        n_factors = self.loadings.shape[1]
        precision: Float64 = observed @ _outer_products(self.loadings)
        precision = precision.reshape(-1, n_factors, n_factors)
        precision += np.diag(np.full(n_factors, self.noise))
        spread = np.multiply(np.linalg.inv(precision), self.noise, dtype=np.float64)
        projected = centred @ self.loadings
        factors = np.linalg.solve(precision, projected[:, :, None])[:, :, 0]
        return np.asarray(factors, dtype=np.float64), spread

    def _blocks(self, n_rows: int) -> Iterator[slice]:
        """Cut rows so that a matrix of factors for each takes limited memory."""
        n_factors = self.loadings.shape[1]
        size = max(NUMBERS_PER_BLOCK // n_factors**2, 1)
        blocks: Iterator[slice] = gen_batches(n_rows, size) if n_rows else iter(())
        return blocks


def _outer_products(loadings: Float64) -> Float64:
    """Outer product of each row with itself, flattened: `(p, m) -> (p, m * m)`."""
    products: Float64 = np.einsum("pi,pj->pij", loadings, loadings)
    return products.reshape(len(loadings), -1)
