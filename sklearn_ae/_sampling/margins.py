"""Distributions of single columns, which drawn rows get from training rows."""

import warnings
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

# Values that are seen so often on average are all that a column may have.
REPEATS = 2


class Margins(NamedTuple):
    """Quantiles of columns, of drawn rows and of training rows.

    A drawn value is replaced by that of the same rank among the training rows, between
    whose values there is interpolation unless the column is discrete.
    """

    drawn: NDArray[np.float64]  # (n_drawn, n_columns)
    known: NDArray[np.float64]  # (n_quantiles, n_columns)
    are_discrete: NDArray[np.bool_]  # (n_columns,)

    @classmethod
    def learn(cls, X: NDArray, drawn: NDArray, are_integers: NDArray[np.bool_]) -> Self:
        """Take the quantiles of both."""
        ordered, n_known = np.sort(X, axis=0), (~np.isnan(X)).sum(axis=0)
        n_values = 1 + (np.diff(ordered, axis=0) > 0).sum(axis=0)
        are_discrete = are_integers | (n_values * REPEATS <= n_known)
        known = _quantiles(X, len(X))
        return cls(_quantiles(drawn, len(drawn)), known, are_discrete)

    def carry(self, X: NDArray) -> NDArray[np.float64]:
        """Replace values in place, and return them; NaN stays."""
        n_known = len(self.known)
        for i, column in enumerate(X.T):
            drawn, known = self.drawn[:, i], self.known[:, i]
            ends = [np.searchsorted(drawn, column, side) for side in ("left", "right")]
            places = n_known / len(drawn) * np.mean(ends, axis=0) - 0.5
            if self.are_discrete[i]:
                rounded = places.round().astype(np.intp).clip(0, n_known - 1)
                found = known[rounded]
            else:
                found = np.interp(places, np.arange(n_known), known)
            column[:] = np.where(np.isnan(column), np.nan, found)
        return X


def _quantiles(X: NDArray, n_quantiles: int) -> NDArray[np.float64]:
    """Return quantiles of columns, which are values of these, in rising order."""
    shares = (np.arange(n_quantiles) + 0.5) / n_quantiles
    # A column without any value has NaN as its quantiles, of which NumPy warns.
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        found: NDArray = np.nanquantile(X, shares, axis=0, method="inverted_cdf")
    return found
