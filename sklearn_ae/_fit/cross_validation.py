"""Folds, and how much of the correction the rows that they leave out confirm."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import KFold, check_cv
from torch import Tensor

from sklearn_ae._data import ENOUGH_ROWS, row_blocks
from sklearn_ae._model import Autoencoder, LossSum
from sklearn_ae._training import Objective, Rows

# PCA is given up for a gain of so many standard errors, over rows: a few rows far from
# the others do not decide (floor benchmark), and independent columns stay PCA's.
N_ERRORS = 1.5
# In a table of fewer rows, its parts are left out one after the other.
FEW_SAMPLES = 500


@dataclass(frozen=True)
class Folds:
    """How many folds the rows are cut into, and how many of these are left out once.

    None are left out where too few rows would remain. Pairs of rows to train on and to
    leave out may be given instead.

    Parameters
    ----------
    is_sample : bool
        Whether one fold is left out that is so small a part of the rows that a network
        without it need not be trained on.
    """

    n_folds: int
    n_used: int
    given: tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...] = ()
    is_sample: bool = False

    @classmethod
    def of_splits(cls, splits: Sequence[tuple[NDArray, NDArray]]) -> Folds:
        """Return folds that are given as pairs of indices."""
        return cls(len(splits), len(splits), tuple(splits))

    @classmethod
    def auto(cls, n_samples: int, n_components: int) -> Folds:
        """Return the folds for so many rows: fewer where each tells and costs more."""
        if n_samples > ENOUGH_ROWS:
            return cls(1, 1, is_sample=True)
        folds = cls(3, 3) if n_samples <= FEW_SAMPLES else cls(4, 1)
        enough = folds.n_left(n_samples) > max(n_components, 3)
        return folds if enough else cls(folds.n_folds, 0)

    def n_left(self, n_samples: int) -> int:
        """Return the fewest rows that remain without a fold."""
        if self.given:
            return min(len(train) for train, _ in self.given)
        return n_samples - math.ceil(n_samples / self.n_folds)

    def split(self, x: Any, seed: int) -> list[tuple[Tensor, Tensor]]:
        """Return the rows to train on and those left out, for each fold that is used.

        Equal rows are in the same fold, unless the folds are given: what was trained on
        tells nothing about overfitting.
        """
        used: Iterable[tuple[NDArray, ...]] = self.given
        if self.is_sample:  # where equal rows are too few to matter, and long to find
            order = np.random.RandomState(seed).permutation(len(x))
            test, train = np.split(order, [ENOUGH_ROWS // 4])
            used = ((np.sort(train), np.sort(test)),)
        elif not self.given:
            numbers = _equal_rows(x)
            n_groups = int(numbers.max()) + 1
            n_folds = min(self.n_folds, n_groups)
            splitter = KFold(n_folds, shuffle=True, random_state=seed)
            used = (
                tuple(np.flatnonzero(np.isin(numbers, part)) for part in pair)
                for pair in islice(splitter.split(np.empty(n_groups)), self.n_used)
            )
        return [tuple(map(torch.from_numpy, pair)) for pair in used]  # type: ignore[misc]


def _equal_rows(x: Any) -> NDArray[np.intp]:
    """Return numbers of rows that equal ones share, in the order of the rows."""
    numbers: dict[bytes, int] = {}
    return np.array(
        [
            # Added to zero, as -0 equals 0. Digests, so that no copy is held.
            numbers.setdefault(blake2b((row + 0).tobytes()).digest(), len(numbers))
            for rows in row_blocks(len(x), x.size(1))
            for row in x[rows].numpy(force=True)
        ]
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


@dataclass(frozen=True)
class HeldOut:
    """A module that was trained without a fold, and the fold.

    Its codes are the encoder's unless steps are asked for.
    """

    module: Autoencoder
    rows: Callable[[], Rows]  # not held, as folds may be many

    def measure(self, objective: Objective, factor: float, stepping: bool) -> LossSum:
        """Sum the losses on the fold with a factor on the correction."""
        steps = self.module.steps
        self.module.steps = steps if stepping else None
        try:
            with self.module.shrunk(factor):
                return objective.measure(self.module, self.rows())
        finally:
            self.module.steps = steps


def cross_validated_shrinkage(
    held_out: Sequence[HeldOut], objective: Objective
) -> float:
    """Find the factor with which all folds together are reconstructed best.

    It is that for the codes of `transform`, but 0 unless the encoder's codes confirm
    some factor, too: a surface that winds through all columns comes nearer to any rows
    than a plane does, and steps find the way there.
    """
    found = _best_shrinkage(held_out, objective, stepping=False)
    if found > 0 and any(one.module.steps is not None for one in held_out):
        return _best_shrinkage(held_out, objective, stepping=True)
    return found


def _best_shrinkage(
    held_out: Sequence[HeldOut], objective: Objective, stepping: bool
) -> float:
    """Try smaller and smaller factors, as long as the loss falls.

    The best one is 0 if it hardly improves on PCA.
    """

    @cache
    def measured(factor: float) -> list[LossSum]:
        return [one.measure(objective, factor, stepping) for one in held_out]

    def loss(factor: float) -> float:
        return math.fsum(total.loss for total in measured(factor))

    def by_row(factor: float) -> Tensor:
        return torch.cat([part for total in measured(factor) for part in total.by_row])

    best = 1.0
    for factor in np.arange(0.9, 0.05, -0.1).round(1).tolist():
        if math.isfinite(loss(best)) and not loss(factor) < loss(best):
            break
        best = factor
    of_pca, gains = loss(0.0), by_row(0.0) - by_row(best)
    chance = N_ERRORS * float(gains.std(correction=0)) * len(gains) ** 0.5
    return best if of_pca - loss(best) > chance else 0.0
