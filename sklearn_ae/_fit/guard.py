"""What networks that were trained without a fold tell about the one that goes on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import numpy as np

from sklearn_ae._fit.shrinkage import best_factor, loss_with_factor
from sklearn_ae._model.autoencoder import CorrectedPCA
from sklearn_ae._model.gauss_newton import Projection
from sklearn_ae._model.last_layer import PENALTIES, LastLayer, best_penalty
from sklearn_ae._training.objective import Objective
from sklearn_ae._training.rows import Rows


@dataclass(frozen=True)
class LeftOut:
    """A module that was trained without a fold, and what the guard asks of it.

    Its codes are the encoder's unless steps are asked for.
    """

    module: CorrectedPCA
    layer: LastLayer | None
    projection: Projection | None
    rows: Callable[[], Rows]  # the fold; not held, as folds may be many

    def loss(
        self,
        objective: Objective,
        stepping: bool,
        penalty: float | None = None,
        factor: float = 1.0,
    ) -> float:
        """Sum of losses on the fold with a penalty, and a factor on the correction."""
        self.module.projection = self.projection if stepping else None
        try:
            with nullcontext() if self.layer is None else self.layer.refitted(penalty):
                return loss_with_factor(self.module, self.rows(), objective, factor)
        finally:
            self.module.projection = None


class Verdict(NamedTuple):
    """What the guard finds best.

    Parameters
    ----------
    penalty : float or None
        Of the refit; None stands for no refit.
    factor : float
        On the correction; 0 stands for PCA.
    share_left : float
        Loss on the folds, as a share of PCA's.
    """

    penalty: float | None
    factor: float
    share_left: float


def judge(left_out: Sequence[LeftOut], objective: Objective) -> Verdict:
    """Find penalty and factor with which all folds together are reconstructed well.

    Those that are best for the codes of `transform`. But the factor is 0 unless there
    is one that the encoder's codes confirm too: a surface that winds through all
    columns comes nearer to any rows than a plane does, and steps find the way there.
    """
    verdict = _best_for(left_out, objective, stepping=False)
    if verdict.factor > 0 and any(one.projection is not None for one in left_out):
        return _best_for(left_out, objective, stepping=True)
    return verdict


def _best_for(
    left_out: Sequence[LeftOut], objective: Objective, stepping: bool
) -> Verdict:
    """Choose the penalty for the whole correction, then the factor."""

    @cache
    def loss(penalty: float | None, factor: float) -> float:
        return math.fsum(
            one.loss(objective, stepping, penalty, factor) for one in left_out
        )

    penalty = None
    if all(one.layer is not None for one in left_out):
        whole = [loss(penalty, 1.0) for penalty in (None, *PENALTIES)]
        penalty = best_penalty(np.array(whole))
    factor = best_factor(partial(loss, penalty))
    of_pca = loss(penalty, 0.0)
    is_known = 0.0 < of_pca < math.inf
    share_left = loss(penalty, factor) / of_pca if is_known else 1.0
    return Verdict(penalty, factor, share_left)
