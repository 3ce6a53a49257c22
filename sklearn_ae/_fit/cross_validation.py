"""Folds, and how much of the correction the rows that they leave out confirm."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import KFold, check_cv
from torch import Tensor

from sklearn_ae._data import ENOUGH_ROWS, row_blocks
from sklearn_ae._model import Autoencoder, LossSum
from sklearn_ae._training import Objective, Rows

# PCA is given up for a gain of so many standard errors, over rows of which equal ones
# are one: independent columns stay PCA's (floor benchmark).
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
        folds = cls(3, 3) if n_samples <= FEW_SAMPLES else cls(4, 1)
        if n_samples > ENOUGH_ROWS:
            folds = cls(1, 1, is_sample=True)
        enough = folds.n_left(n_samples) > max(n_components, 3)
        return folds if enough else cls(folds.n_folds, 0)

    @property
    def n_parts(self) -> int:
        """How many parts a fit has: without the folds, and with all rows."""
        return 1 if self.is_sample else 2

    def n_left(self, n_samples: int) -> int:
        """Return the fewest rows that remain without a fold."""
        if self.given:
            return min(len(train) for train, _ in self.given)
        if self.is_sample:
            return n_samples - ENOUGH_ROWS // 4
        return n_samples - math.ceil(n_samples / self.n_folds)

    def split(self, x: Any, seed: int) -> list[Split]:
        """Return the rows to train on and those left out, for each fold that is used.

        Equal rows are in the same fold, unless the folds are given: what was trained on
        tells nothing about overfitting.
        """
        numbers = equal_rows(x)
        pairs = self.given or self._pairs(numbers, seed)
        return [
            Split(torch.from_numpy(train), torch.from_numpy(test), numbers[test])
            for train, test in pairs
        ]

    def _pairs(
        self, numbers: NDArray[np.intp], seed: int
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield pairs of rows that do not share a number."""
        n_groups = int(numbers.max()) + 1
        if self.is_sample:
            order = np.random.RandomState(seed).permutation(n_groups)
            n_rows = np.bincount(numbers)[order].cumsum()
            n_left_out = int(np.searchsorted(n_rows, ENOUGH_ROWS // 4)) + 1
            parts = iter([order[: min(n_left_out, n_groups - 1)]])
        else:
            n_folds = min(self.n_folds, n_groups)
            splitter = KFold(n_folds, shuffle=True, random_state=seed)
            every = splitter.split(np.empty(n_groups))
            parts = (test for _, test in islice(every, self.n_used))
        for part in parts:
            is_left_out = np.isin(numbers, part)
            yield np.flatnonzero(~is_left_out), np.flatnonzero(is_left_out)


class Split(NamedTuple):
    """Rows to train on and rows left out; of the latter, numbers that equal ones share.

    All three of shape (n,).
    """

    train: Tensor
    left_out: Tensor
    numbers: NDArray[np.intp]


def equal_rows(x: Any) -> NDArray[np.intp]:
    """Return numbers of rows that equal ones share, in the order of the rows."""
    odd = 2 * np.random.RandomState(0).randint(1 << 62, size=x.size(1)) + 1
    factors = torch.from_numpy(odd).to(x.device)
    digests = []
    for rows in row_blocks(len(x), x.size(1)):
        # Added to zero, as -0 equals 0. Rows that share a digest by chance do no harm.
        mixed = (x[rows] + 0).view(torch.int32).long() * factors
        mixed ^= mixed >> 32
        digests.append(mixed.sum(dim=1))
    found = torch.cat(digests).cpu().numpy()
    _, first, numbers = np.unique(found, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.intp)
    rank[first.argsort()] = np.arange(len(first))
    return rank[numbers]


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
    numbers: NDArray[np.intp]  # that equal rows share

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

    def by_row(factor: float) -> NDArray:
        parts = [part for total in measured(factor) for part in total.by_row]
        return np.array(parts)

    best = 1.0
    for factor in np.arange(0.9, 0.05, -0.1).round(1).tolist():
        if math.isfinite(loss(best)) and not loss(factor) < loss(best):
            break
        best = factor
    numbers = np.concatenate([one.numbers for one in held_out])
    _, groups = np.unique(numbers, return_inverse=True)
    gains = np.bincount(groups, by_row(0.0) - by_row(best))
    chance = N_ERRORS * gains.std() * len(gains) ** 0.5
    return best if len(gains) > 1 and gains.sum() > chance else 0.0
