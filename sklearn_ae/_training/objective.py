"""What training minimises, and what every decision of a fit is measured by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from sklearn_ae._advice import advise
from sklearn_ae._data import LinearStart
from sklearn_ae._model import (
    HUBER_THRESHOLD,
    AbsoluteError,
    Autoencoder,
    CellLoss,
    HuberError,
    LogLoss,
    LossSum,
    SquaredError,
    as_tensor,
    data_units,
)
from sklearn_ae._training.criterion import (
    Activity,
    ReconstructionLoss,
    ShiftCost,
    code_shift_cost,
)
from sklearn_ae._training.noise import Corruption
from sklearn_ae._training.rows import Rows
from sklearn_ae._training.terms import (
    DataUnits,
    NetworkOfData,
    OwnLoss,
    OwnPenalty,
    name_of,
    terms_of,
)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A loss of cells, its units, and the noise that inputs have while it is measured.

    Parameters
    ----------
    total : float
        Loss per row of predicting the mean of every column.
    unit : float
        Loss per row that counts as 1 in training.
    shift_cost : float
        Cost of moving a code away from PCA's score.
    penalties : sequence of callables
        What users add to the loss in training.
    units : DataUnits or None
        What penalties, and those of networks, are given rows in.
    pca_share : float
        Loss of PCA as a fraction of that of the mean.
    is_weighted : bool
        Whether not all training rows count alike.
    """

    cell_loss: CellLoss
    total: float = 1.0
    unit: float = 1.0
    shift_cost: float = 0.0
    code_penalty: float = 0.0
    penalties: Sequence[Callable[..., Any]] = ()
    units: DataUnits | None = None
    corruption: Corruption | None = None
    pca_share: float = 1.0
    is_weighted: bool = True

    @classmethod
    def of_start(
        cls,
        loss: Any,
        start: LinearStart,
        rows: Rows,
        pca: Autoencoder | None,
        *,
        code_penalty: float,
        corruption: Corruption | None,
        is_bounded: bool = False,
    ) -> Objective:
        """Return the objective of a fit to some rows.

        Its unit is the loss of PCA, if this is given and leaves anything, else the
        loss of the mean.
        """
        measured, *penalties = terms_of(loss)
        units = DataUnits(*data_units(start), is_bounded)
        objective = cls(
            cell_loss=build_cell_loss(measured, start, units).to(rows.x.device),
            shift_cost=code_shift_cost(start.n_samples * len(start.mean)),
            code_penalty=code_penalty,
            penalties=penalties,
            units=units.to(rows.x.device),
        )
        if pca is None:
            found = objective.measure_pca(start, rows)
        else:
            found = objective.measure(pca, rows)
        total = found.loss_of_mean / len(rows) or 1.0
        if callable(measured):
            _check_own(measured, objective, rows, total, found.loss / len(rows))
        leaves_something = pca is not None and not start.is_optimal
        return replace(
            objective,
            total=total,
            unit=(found.loss / len(rows) if leaves_something else 0.0) or total,
            pca_share=found.share,
            corruption=corruption,
            is_weighted=not rows.count_alike,
        )

    def of_variance(self) -> Objective:
        """Return the objective that `score` measures: clean rows, squared errors."""
        return replace(self, cell_loss=SquaredError(), corruption=None)

    def is_least_squares(self, module: Autoencoder) -> bool:
        """Whether it is the squared error of clean rows, from a free decoder."""
        squared = isinstance(self.cell_loss, SquaredError) and not self.penalties
        return self.corruption is None and squared and module.has_free_decoder

    def criterion(self, module: Autoencoder, start: LinearStart) -> ReconstructionLoss:
        """Return the loss of batches that trains a module."""
        terms: list[Callable[..., Tensor]] = []
        if module.components is not None:
            variance = start.residual_variance or 1.0
            terms.append(ShiftCost(module, self.shift_cost, variance, self.is_weighted))
        if self.code_penalty > 0:
            terms.append(Activity(self.code_penalty))
        of_network = getattr(module.own_network, "penalty", None)
        own = [*self.penalties, *filter(callable, [of_network])]
        if own and self.units is not None:
            network = NetworkOfData(module, self.units)
            unit = self.unit * start.scale**self.cell_loss.degree
            terms += [OwnPenalty(one, network, self.units, unit) for one in own]
        return ReconstructionLoss(
            self.cell_loss, self.unit, terms=terms, is_weighted=self.is_weighted
        )

    def measure_pca(self, start: LinearStart, rows: Rows) -> LossSum:
        """Sum the losses of PCA, whose reconstruction is not bounded."""
        axes = as_tensor(start.components).to(rows.x.device)
        return LossSum.over(rows, lambda x: (x @ axes.T) @ axes, self.cell_loss)

    def measure(self, module: Autoencoder, rows: Rows) -> LossSum:
        """Sum the losses of a module over rows; the noise is always the same."""
        module.eval()
        if self.corruption is None:
            return LossSum.over(rows, module.reconstruct, self.cell_loss)
        corrupt, generator = self.corruption, self.corruption.generator()

        def denoised(x: Tensor) -> Tensor:
            return module.reconstruct(corrupt(x, generator))

        return LossSum.over(rows, denoised, self.cell_loss)


def _check_own(
    function: Any, objective: Objective, rows: Rows, total: float, at_start: float
) -> None:
    """Raise where a loss of the user's is below 0; warn where it cannot become 0."""
    remedy = "Subtract what a perfect reconstruction has, so that it is 0."
    if min(total, at_start) < 0:
        raise ValueError(
            f"loss: {name_of(function)} is below 0 on average: {total:.3g} where all "
            "columns are reconstructed by their means, and "
            f"{at_start:.3g} at the start. {remedy}"
        )
    perfect = LossSum.over(rows, lambda x: x, objective.cell_loss).loss / len(rows)
    if 0.01 * total < perfect < 0.99 * total:  # else it depends on other things
        advise(
            f"loss: {name_of(function)} is {perfect:.3g} where all rows are "
            f"reconstructed as they are, and {total:.3g} where by their mean, so that "
            f"loss_curve_ and best_loss_ cannot approach 0. {remedy}"
        )


def build_cell_loss(loss: Any, start: LinearStart, units: DataUnits) -> CellLoss:
    """Return the loss of a cell in centred and scaled rows."""
    if callable(loss):
        return OwnLoss(loss, units)
    if loss == "huber":
        smallest = start.column_scale * torch.finfo(torch.float32).eps
        threshold = (HUBER_THRESHOLD * start.residual_scale).clip(min=smallest)
        return HuberError(as_tensor(threshold))
    if loss == "log_loss":
        return LogLoss(*data_units(start))
    return AbsoluteError() if loss == "absolute_error" else SquaredError()
