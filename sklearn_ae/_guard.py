"""What networks that were trained without a fold tell about the one that goes on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sklearn_ae._last_layer import PENALTIES, LastLayer, best_penalty
from sklearn_ae._modules import CorrectedPCA
from sklearn_ae._objective import Objective
from sklearn_ae._rows import Rows
from sklearn_ae._shrinkage import best_factor, loss_with_factor


@dataclass(frozen=True)
class LeftOut:
    """A module that was trained without a fold, and what the guard asks of it."""

    module: CorrectedPCA
    layer: LastLayer | None
    rows: Callable[[], Rows]  # the fold; not held, as folds may be many

    def losses_by_penalty(self, objective: Objective) -> NDArray[np.float64]:
        """Sum of losses on the fold without a refit, then for each penalty."""
        rows, losses = self.rows(), []
        assert self.layer is not None
        for penalty in (None, *PENALTIES):
            with self.layer.refitted(penalty):
                losses.append(objective.loss(self.module, rows))
        return np.array(losses)

    def loss(self, objective: Objective, penalty: float | None, factor: float) -> float:
        """Sum of losses on the fold with a penalty, and a factor on the correction."""
        with nullcontext() if self.layer is None else self.layer.refitted(penalty):
            return loss_with_factor(self.module, self.rows(), objective, factor)


def penalty_and_factor(
    left_out: Sequence[LeftOut], objective: Objective
) -> tuple[float | None, float]:
    """Return penalty and factor with which all folds together are reconstructed well.

    The penalty is chosen for the whole correction, then the factor.
    """
    penalty = None
    if all(one.layer is not None for one in left_out):
        losses = [one.losses_by_penalty(objective) for one in left_out]
        penalty = best_penalty(np.sum(losses, axis=0))

    def loss(factor: float) -> float:
        return math.fsum(one.loss(objective, penalty, factor) for one in left_out)

    return penalty, best_factor(loss)
