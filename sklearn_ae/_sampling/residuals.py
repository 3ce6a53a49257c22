"""Residuals of a reconstruction, drawn for new rows from those of rows nearby."""

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

N_NEIGHBORS = 20


def drawn_residuals(
    codes: NDArray,
    known_codes: NDArray,
    known: NDArray,
    are_indicators: NDArray[np.bool_],
    rng: np.random.RandomState,
) -> NDArray[np.float64]:
    """Draw residuals for codes.

    Those of numbers are linear combinations of the residuals of neighbours, with random
    weights that give them the mean and the covariance of these, so that none is that of
    a row. Indicators of categories have those of one neighbour, the one of the largest
    weight, and so have the cells that are missing there.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        For which residuals are drawn.
    known_codes : ndarray of shape (n_known, n_components)
        Codes of rows with known residuals.
    known : ndarray of shape (n_known, n_columns)
        Residuals; NaN where a cell is missing.
    are_indicators : ndarray of shape (n_columns,)
        Which columns are indicators of categories.
    rng : RandomState
        Gives the weights.

    Returns
    -------
    residuals : ndarray of shape (n_samples, n_columns)
        NaN where a cell is missing.
    """
    n_neighbors = min(N_NEIGHBORS, len(known))
    search = NearestNeighbors(n_neighbors=n_neighbors).fit(known_codes)
    nearest = search.kneighbors(codes, return_distance=False)
    weights = rng.standard_normal(nearest.shape)
    weights -= weights.mean(axis=1, keepdims=True)
    weights = weights / max(n_neighbors - 1, 1) ** 0.5 + 1 / n_neighbors
    filled = np.nan_to_num(known, nan=0.0)
    mixed = np.zeros((len(codes), known.shape[1]))
    for rows, weight in zip(nearest.T, weights.T, strict=True):
        mixed += weight[:, None] * filled[rows]
    chosen = nearest[np.arange(len(codes)), weights.argmax(axis=1)]
    single: NDArray = known[chosen]
    return np.where(are_indicators | np.isnan(single), single, mixed)
