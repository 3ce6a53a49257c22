"""Densities of codes: the default one, and draws of any."""

import warnings
from copy import copy
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

# Samples of more components than BIC chooses are harder to tell from rows (samples
# benchmark).
ROWS_PER_COMPONENT = 50
MOST_COMPONENTS = 64
# Of codes with unit variance.
REG_COVAR = 1e-3


def fitted_mixture(codes: NDArray, seed: int) -> GaussianMixture:
    """Fit a Gaussian mixture to codes of unit variance, of a size that suits them."""
    n_rows, n_distinct = len(codes), len(np.unique(codes, axis=0))
    size = min(n_rows // ROWS_PER_COMPONENT, n_distinct, MOST_COMPONENTS)
    mixture = GaussianMixture(
        max(1, size), reg_covar=REG_COVAR, max_iter=200, random_state=seed
    )
    # One that could still be improved is a density like others.
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        return mixture.fit(codes)


def drawn_codes(density: Any, n_samples: int, rng: np.random.RandomState) -> NDArray:
    """Draw codes in random order; the density is not changed by it."""
    seed = int(rng.randint(2**31 - 1))
    if "random_state" in signature(density.sample).parameters:
        found = density.sample(n_samples, random_state=seed)
    else:
        density = copy(density)
        if "random_state" in density.get_params(deep=False):
            density.set_params(random_state=seed)
        found = density.sample(n_samples)
    found = found[0] if isinstance(found, tuple) else found
    codes: NDArray = np.asarray(found, dtype=np.float64)
    return codes[rng.permutation(len(codes))]
