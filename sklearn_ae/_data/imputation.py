"""What a Gaussian expects missing cells to be."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from sklearn_ae._data.table import Float64, Table

# Directions of the Gaussian: more hardly matter, and take long.
MAX_FACTORS = 64
# With fewer rows for each direction, the Gaussian follows the noise.
ROWS_PER_FACTOR = 5
# Steps of expectation maximisation: reached where most cells are missing.
MAX_ITERATIONS = 50
# Distance from the limit at which it ends, in standard deviations of a column: nearer
# to it, the Gaussian follows the noise.
TOLERANCE = 0.015
# Variances are shrunk as if there were so many times as many rows, which hidden cells
# choose (imputation benchmark).
TRUSTED = (np.inf, 1.0, 0.5)
# Smallest noise, as a share of a column's variance: keeps the equations well posed.
SMALLEST_NOISE = 1e-6


@dataclass(frozen=True)
class Imputer:
    """Conditional mean of missing cells, given the observed ones of their row.

    The rows are taken for Gaussian, `x = mean + scale * (loadings @ z + noise)` with
    standard normal factors `z` and white noise: probabilistic PCA (Tipping & Bishop,
    1999, Journal of the Royal Statistical Society B 61(3), 611-622).
    """

    mean: Float64  # (n_features,)
    scale: Float64  # (n_features,), standard deviations
    loadings: Float64  # (n_features, n_factors), of columns divided by `scale`
    noise: float  # variance, of columns divided by `scale`

    @classmethod
    def of_constant(cls, n_features: int) -> Self:
        """Return the imputer of rows that all equal the mean."""
        zeros = np.zeros(n_features)
        return cls(zeros, np.ones(n_features), loadings=zeros[:, None], noise=1.0)

    @classmethod
    def of_axes(
        cls,
        components: Float64,
        eigenvalues: Float64,
        n_samples: int,
        variance: float,
        trusted: float = np.inf,
    ) -> Self:
        """Return the Gaussian of principal axes with their variances and the total.

        They are shrunk as if they were those of `trusted` rows.
        """
        n_features = components.shape[1]
        n_factors = min(_most_factors(n_samples, n_features), len(eigenvalues))
        counts = np.ones(n_factors + 1)
        counts[-1] = max(n_features - n_factors, 1)
        rest = max(variance - eigenvalues[:n_factors].sum(), 0.0) / counts[-1]
        variances = np.append(eigenvalues[:n_factors], rest)
        typical = variance / n_features
        variances += _shrinkage(variances, counts, trusted) * (typical - variances)
        smallest = SMALLEST_NOISE * (typical or 1.0)
        noise = max(variances[-1], smallest)
        # Expectation maximisation never moves a loading of zero.
        strength = np.sqrt(np.maximum(variances[:-1] - noise, smallest))
        return replace(
            cls.of_constant(n_features),
            loadings=np.multiply(components[:n_factors].T, strength, dtype=np.float64),
            noise=float(noise),
        )

    @classmethod
    def of_incomplete(cls, x: Float64, scale: Float64, weight: Float64) -> Self:
        """Fit the Gaussian to centred rows with NaN by expectation maximisation."""
        n_rows = Table(x, weight).effective_size
        x, weight = x / scale, weight / weight.mean()
        # A second thread costs more than it gains on many small matrices.
        with threadpool_limits(1, user_api="blas"):
            trusted = cls._trusted(x, weight, n_rows)
            start = cls._of_mean_imputed(np.nan_to_num(x), weight)
            imputer = start._converged(x, weight, trusted)
        return replace(imputer, mean=imputer.mean * scale, scale=scale)

    @classmethod
    def _trusted(cls, x: Float64, weight: Float64, n_rows: float) -> float:
        """Return the number of rows with which hidden cells are predicted best.

        Every other row hides what another one lacks, so that columns which are missing
        together, such as the indicators of a category, are hidden together.
        """
        hidden = np.isnan(x)[np.random.RandomState(0).permutation(len(x))]
        hidden[::2] = False
        holes, known = np.where(hidden, np.nan, x), hidden & ~np.isnan(x)
        imputer, losses = cls._of_mean_imputed(np.nan_to_num(holes), weight), []
        for share in TRUSTED:
            imputer = imputer._converged(holes, weight, share * n_rows)
            missed = np.where(known, imputer.transform(holes) - x, 0.0)
            losses.append(weight * (missed**2).sum(axis=1))
        sums = np.sum(losses, axis=1)
        # One standard error has to be gained by more shrinkage.
        lost = losses - losses[sums.argmin()]
        is_close = lost.sum(axis=1) <= np.sqrt((lost**2).sum(axis=1))
        return TRUSTED[int(is_close.argmax())] * n_rows

    def _converged(self, x: Float64, weight: Float64, trusted: float) -> Self:
        """Take steps of expectation maximisation until they hardly matter."""
        imputer, before = self, np.nan_to_num(x)
        n_missing = float(weight @ np.isnan(x).sum(axis=1))
        # A step goes about the observed share of the way that remains.
        tolerance = TOLERANCE * (1 - n_missing / x.size)
        for _ in range(MAX_ITERATIONS):
            imputer, imputed = imputer._improved(x, weight, trusted)
            change = weight @ ((imputed - before) ** 2).sum(axis=1)
            if change <= n_missing * tolerance**2:
                break
            before = imputed
        return imputer

    @classmethod
    def _of_mean_imputed(cls, x: Float64, weight: Float64) -> Self:
        """Start where missing cells equal their means, 0."""
        rows = x * np.sqrt(weight)[:, None]
        n_rows, n_factors = len(rows), _most_factors(*rows.shape)
        _, singular, axes = randomized_svd(rows, n_factors, random_state=0)
        return cls.of_axes(axes, singular**2 / n_rows, n_rows, (rows**2).sum() / n_rows)

    def _improved(
        self, x: Float64, weight: Float64, trusted: float = np.inf
    ) -> tuple[Self, Float64]:
        """Take a step of expectation maximisation; return the imputed rows as well.

        The covariance that is expected appears in its product with the loadings only,
        from which its axes follow (Nystroem's approximation, exact in the limit).
        """
        n_rows, reduced = len(x), self._reduced_loadings()
        imputed, products, variance = x.copy(), np.zeros_like(reduced), 0.0
        for rows, columns, gains, expected in self._conditionals(x):
            imputed[rows[:, None], columns] = expected
            gains *= self.noise * weight[rows, None, None]
            products += _sums_by_column(gains, columns, len(reduced))
            variance += self.noise * weight[rows].sum() * columns.shape[1]
            variance += (gains * reduced[columns]).sum()
        mean = np.average(imputed, axis=0, weights=weight)
        centred = (imputed - mean) * np.sqrt(weight)[:, None]
        products += centred.T @ (centred @ reduced)
        variance += (centred**2).sum()
        lengths = np.sqrt((reduced**2).sum(axis=0))
        axes, variances = _nystroem_axes(products / lengths, reduced / lengths)
        variances, variance = variances / n_rows, float(variance) / n_rows
        improved = self.of_axes(axes.T, variances, n_rows, variance, trusted)
        return replace(improved, mean=mean), imputed

    def transform(self, x: Float64) -> Float64:
        """Return centred and scaled rows with NaN replaced."""
        imputed: Float64 = np.array(x, dtype=np.float64)
        for rows, columns, _, expected in self._conditionals(imputed):
            imputed[rows[:, None], columns] = expected
        return imputed

    def _conditionals(
        self, x: Float64
    ) -> Iterator[tuple[NDArray, NDArray, Float64, Float64]]:
        """Yield what is expected of missing cells, for rows that miss equally many.

        They are rows (n,), columns (n, m), gains (n, m, n_factors) and values (n, m).
        With the part `R` of `_reduced_loadings` that missing cells have, the covariance
        of these is `C = noise * inv(I - R @ R.T)`; their gains are `C @ R / noise`.
        """
        missing, reduced = np.isnan(x), self._reduced_loadings()
        counts = missing.sum(axis=1)
        for count in np.unique(counts[counts > 0]):
            alike = np.flatnonzero(counts == count)
            # 1 MB of numbers at a time stays in the processor's cache.
            size = max(2**17 // (count * reduced.shape[1]), 1)
            for first in range(0, len(alike), size):
                rows = alike[first : first + size]
                columns = np.nonzero(missing[rows])[1].reshape(-1, count)
                centred = np.where(missing[rows], 0, (x[rows] - self.mean) / self.scale)
                gains = _gains(reduced[columns])
                expected = (gains @ (centred @ reduced)[:, :, None])[:, :, 0]
                expected = expected * self.scale[columns] + self.mean[columns]
                yield rows, columns, gains, expected

    def _reduced_loadings(self) -> Float64:
        """Return `R`; the inverse of the covariance is `(I - R @ R.T) / noise`."""
        n_factors = self.loadings.shape[1]
        inner = self.loadings.T @ self.loadings + self.noise * np.eye(n_factors)
        root = np.linalg.cholesky(inner)
        return np.asarray(np.linalg.solve(root, self.loadings.T).T)


def _most_factors(n_rows: int, n_features: int) -> int:
    """Return how many directions can be told from the noise."""
    return max(min(MAX_FACTORS, n_features - 1, n_rows // ROWS_PER_FACTOR), 1)


def _shrinkage(variances: Float64, counts: Float64, n_rows: float) -> float:
    """Return how far variances, each of so many axes, go towards their mean.

    Oracle approximating shrinkage, as in :class:`sklearn.covariance.OAS` (Chen, Wiesel,
    Eldar & Hero, 2010, IEEE Transactions on Signal Processing 58(10), 5016-5029).
    """
    n_axes = counts.sum()
    mean, square = counts @ variances / n_axes, counts @ variances**2 / n_axes**2
    spread = square - mean**2 / n_axes
    if spread <= 0.0:
        return 0.0
    return float(min((square + mean**2) / ((n_rows + 1) * spread), 1.0))


def _gains(loadings: Float64) -> Float64:
    """Return `inv(I - L @ L.T) @ L`, which is `L @ inv(I - L.T @ L)`."""
    transposed = loadings.transpose(0, 2, 1)
    n_cells, n_factors = loadings.shape[1:]
    if n_cells <= n_factors:
        return np.linalg.inv(np.eye(n_cells) - loadings @ transposed) @ loadings
    return loadings @ np.linalg.inv(np.eye(n_factors) - transposed @ loadings)


def _sums_by_column(gains: Float64, columns: NDArray, n_features: int) -> Float64:
    """Add up the vectors of all cells of each column."""
    shape, ends = (n_features, columns.size), np.arange(columns.size + 1)
    places = csc_array((np.ones(columns.size), columns.ravel(), ends), shape=shape)
    return np.asarray(places @ gains.reshape(columns.size, -1))


def _nystroem_axes(products: Float64, axes: Float64) -> tuple[Float64, Float64]:
    """Return principal axes and variances of a matrix from its products with axes."""
    values, vectors = np.linalg.eigh(axes.T @ products)
    smallest = np.finfo(np.float64).eps * values[-1] + np.finfo(np.float64).tiny
    root = products @ (vectors / np.sqrt(np.maximum(values, smallest)))
    components, singular, _ = np.linalg.svd(root, full_matrices=False)
    return components, singular**2
