"""The guard against overfitting: how much of the correction held-out rows confirm."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import KFold, check_cv
from torch import Tensor

from sklearn_ae._model.autoencoder import CorrectedPCA
from sklearn_ae._training.objective import Objective
from sklearn_ae._training.rows import Rows

# From PCA alone to the full correction.
FACTORS = tuple(step / 10 for step in range(11))
# Held-out loss must fall by this share before PCA is given up.
SMALLEST_GAIN = 0.02

# With more rows there is little to overfit.
MAX_SAMPLES = 10_000
MAX_SAMPLES_ALL_FOLDS = 500


@dataclass(frozen=True)
class Folds:
    """How many folds the rows are cut into, and how many of these are left out once.

    None are left out where too few rows would remain. Pairs of rows to train on and to
    leave out may be given instead.
    """

    n_folds: int
    n_used: int
    given: tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...] = ()

    @classmethod
    def of_splits(cls, splits: Sequence[tuple[NDArray, NDArray]]) -> Folds:
        """Return folds that are given as pairs of indices."""
        return cls(len(splits), len(splits), tuple(splits))

    def n_left(self, n_samples: int) -> int:
        """Return the fewest rows that remain without a fold."""
        if self.given:
            return min(len(train) for train, _ in self.given)
        return n_samples - math.ceil(n_samples / self.n_folds)


def auto_folds(n_samples: int, n_components: int) -> Folds | None:
    """Return the folds for so many rows: fewer where each tells more and costs more."""
    if n_samples > MAX_SAMPLES:
        return None
    folds = Folds(3, 3) if n_samples <= MAX_SAMPLES_ALL_FOLDS else Folds(4, 1)
    return (
        folds
        if folds.n_left(n_samples) > max(n_components, 3)
        else Folds(folds.n_folds, 0)
    )


def given_splits(
    cv: object, kept: NDArray[np.bool_]
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the splits of a cross-validation object, without rows that are not kept.

    Indices count all rows in `cv`, shape (n_samples,) of `kept`, but only kept ones in
    the result.
    """
    position = np.cumsum(kept) - 1
    try:
        pairs = [
            tuple(position[part][kept[part]] for part in pair)
            for pair in check_cv(cv).split(np.empty((len(kept), 1)))
        ]
    except (IndexError, TypeError, ValueError) as error:
        raise ValueError(
            f"cv={str(cv)[:80]} does not split {len(kept)} samples without y into rows "
            f"to train on and to leave out: {error}"
        ) from error
    if not pairs or not all(len(part) for pair in pairs for part in pair):
        raise ValueError(
            f"cv={str(cv)[:80]} gives no splits, or one without rows to train on or "
            "to leave out. Change cv or set cv=None."
        )
    return pairs


def equal_rows(x: Tensor) -> NDArray[np.intp] | None:
    """Return numbers of rows that equal ones share; None if all differ."""
    numbers: dict[bytes, int] = {}
    found = [
        # Added to zero, as -0 equals 0. Digests, so that no copy of the rows is held.
        numbers.setdefault(blake2b((row + 0).tobytes()).digest(), len(numbers))
        for row in x.numpy(force=True)
    ]
    return None if len(numbers) == len(found) else np.array(found)


def splits(
    n_samples: int, folds: Folds, seed: int, numbers: NDArray[np.intp] | None = None
) -> list[tuple[Tensor, Tensor]]:
    """Return the rows to train on and those left out, for each fold that is used.

    Rows of the same number are in the same fold, unless the folds are given: what was
    trained on tells nothing about overfitting.
    """
    used: Iterable[tuple[NDArray, ...]] = folds.given
    if not folds.given:
        groups = np.arange(n_samples) if numbers is None else numbers
        n_groups = int(groups.max()) + 1
        splitter = KFold(min(folds.n_folds, n_groups), shuffle=True, random_state=seed)
        pairs = islice(splitter.split(np.empty(n_groups)), folds.n_used)
        used = (
            tuple(np.flatnonzero(np.isin(groups, part)) for part in pair)
            for pair in pairs
        )
    return [(torch.from_numpy(train), torch.from_numpy(test)) for train, test in used]


def best_factor(loss: Callable[[float], float]) -> float:
    """Return the factor with the lowest loss, or 0 if it hardly improves on PCA.

    Smaller and smaller factors are tried, as long as the loss falls.
    """
    best, lowest = FACTORS[-1], loss(FACTORS[-1])
    for factor in FACTORS[-2:0:-1]:
        found = loss(factor)
        if np.isfinite(lowest) and not found < lowest:
            break
        best, lowest = factor, found
    confirmed = lowest <= (1.0 - SMALLEST_GAIN) * loss(0.0)
    return best if confirmed else 0.0


def loss_with_factor(
    module: CorrectedPCA, rows: Rows, objective: Objective, factor: float
) -> float:
    """Sum of losses on rows with a factor on the correction."""
    with module.shrunk(factor):
        return objective.loss(module, rows)
