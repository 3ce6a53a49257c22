"""The size of the code for a wanted share of the variance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from sklearn_ae._data.imputation import missing_cells
from sklearn_ae._fit.shrinkage import Folds
from sklearn_ae._fit.trainer import Architecture, Trainer, linear_start
from sklearn_ae._model.threads import training_mode
from sklearn_ae._training.net import TrainingOptions
from sklearn_ae._training.rows import Rows

# Rows beyond this add little to the estimate of a share.
MAX_ROWS = 10_000
ONE_FOLD = Folds(4, 1)


def smallest_code(
    X: NDArray,
    weight: NDArray[np.float64] | None,
    share: float,
    architecture: Architecture,
    options: TrainingOptions,
    seed: int,
) -> int:
    """Return the smallest code that explains a share of the variance of other rows.

    Between one code and as many as PCA needs on the training data, the size is found
    by bisection. A size is tried by training without a quarter of the rows for half
    the epochs, as the guard does, and reconstructing these rows. So about `log2` of
    PCA's number are trained, not one for each size. Where PCA with its number of
    components does not reach the share on these rows, what it reaches is asked for.
    """
    if len(X) > MAX_ROWS:
        drawn = np.random.RandomState(seed).permutation(len(X))[:MAX_ROWS]
        rows = np.sort(drawn)
        missing = missing_cells(X[rows])
        if missing is None or not missing.all(axis=0).any():
            X, weight = X[rows], None if weight is None else weight[rows]
    options = replace(options, callbacks=(), verbose=0)
    low, high = 1, _size_of_pca(X, weight, share)
    if high == 1 or ONE_FOLD.n_left(len(X)) <= high:
        return high

    def score(n_components: int, trained: bool) -> float:
        sized = replace(architecture, n_components=n_components)
        return _held_out_score(X, weight, sized, options, seed, trained)

    wanted = min(share, score(high, trained=False))
    while low < high:
        middle = (low + high) // 2
        if score(middle, trained=True) >= wanted:
            high = middle
        else:
            low = middle + 1
    return high


def _size_of_pca(X: NDArray, weight: NDArray[np.float64] | None, share: float) -> int:
    """Return the number of components with which PCA explains a share of `X`."""
    start = linear_start(X, n_components=1, seed=0, weight=weight)
    if start.total_variance == 0.0:
        return 1
    x, _ = start.to_filled(X)
    if weight is not None:  # as many rows again, mirrored, keep the mean at zero
        x = x * np.sqrt(weight / weight.mean())[:, None]
        x = np.concatenate((x, -x))
    return int(PCA(share, svd_solver="full").fit(x).n_components_)


def _held_out_score(
    X: NDArray,
    weight: NDArray[np.float64] | None,
    architecture: Architecture,
    options: TrainingOptions,
    seed: int,
    trained: bool,
) -> float:
    """Fraction of the variance of left-out rows that a code of this size explains."""
    with training_mode():
        start = linear_start(X, architecture.n_components, seed, weight)
        rows = Rows.from_data(X, weight, start)
        trainer = Trainer(start, architecture, options, rows, seed)
        return trainer.held_out_score(ONE_FOLD, trained)
