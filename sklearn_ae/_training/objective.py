"""What training minimises, and what every decision of a fit is judged by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from sklearn_ae._data.linear_start import LinearStart
from sklearn_ae._model.autoencoder import Autoencoder, CorrectedPCA, Sum
from sklearn_ae._model.inference import as_tensor
from sklearn_ae._training.losses import (
    HUBER_THRESHOLD,
    AbsoluteError,
    HuberError,
    LogLoss,
    ReconstructionLoss,
    SquaredError,
    code_shift_cost,
)
from sklearn_ae._training.noise import Corruption
from sklearn_ae._training.rows import EVALUATION_BATCH, Rows
from sklearn_ae.networks.fully_connected import FullyConnected


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
    pca_share : float or None
        Loss of PCA as a fraction of that of the mean, where it is known.
    """

    cell_loss: nn.Module
    total: float
    unit: float
    shift_cost: float = 0.0
    code_penalty: float = 0.0
    corruption: Corruption | None = None
    pca_share: float | None = None

    @classmethod
    def of_start(
        cls,
        loss: str,
        start: LinearStart,
        rows: Rows,
        pca: Callable[[], Autoencoder] | None,
        *,
        code_penalty: float,
        corruption: Corruption | None,
    ) -> Objective:
        """Return the objective of a fit to some rows.

        Its unit is the loss of PCA, if this is given and leaves anything, else the
        loss of the mean.
        """
        cell_loss = build_cell_loss(loss, start).to(rows.x.device)
        total = start.total_variance or 1.0
        shift_cost = code_shift_cost(start.n_samples * len(start.mean))
        objective = cls(
            cell_loss=cell_loss,
            total=total,
            unit=total,
            shift_cost=shift_cost,
            code_penalty=code_penalty,
            corruption=corruption,
        )
        if loss == "squared_error":
            of_pca: float | None = start.residual_variance
        else:
            clean = replace(objective, corruption=None)
            total = clean.loss_of_mean(rows) / len(rows) or 1.0
            of_pca = None if pca is None else clean.loss(pca(), rows) / len(rows)
        leaves_something = pca is not None and not start.is_optimal
        return replace(
            objective,
            total=total,
            unit=(leaves_something and of_pca) or total,
            pca_share=None if of_pca is None else of_pca / total,
        )

    def of_variance(self) -> Objective:
        """Return the objective that `score` measures: clean rows, squared errors."""
        return replace(self, cell_loss=SquaredError(), corruption=None)

    def is_least_squares(self, module: Autoencoder) -> bool:
        """Whether it is the squared error of PCA plus a correction, of clean rows."""
        clean = self.corruption is None
        squared = isinstance(self.cell_loss, SquaredError)
        return clean and squared and has_free_layers(module)

    def criterion(self, module: Autoencoder, start: LinearStart) -> ReconstructionLoss:
        """Return the loss of batches that trains a module."""
        return ReconstructionLoss(
            self.cell_loss,
            self.unit,
            components=module.components if isinstance(module, CorrectedPCA) else None,
            variance=start.residual_variance or 1.0,
            shift_cost=self.shift_cost,
            code_penalty=self.code_penalty,
        )

    def loss(self, module: Autoencoder, rows: Rows) -> float:
        """Sum of the losses of all cells that count; the noise is always the same."""
        module.eval()
        corruption = self.corruption
        if corruption is None:
            return self._summed(module.reconstruct, rows)
        generator = corruption.generator()
        return self._summed(
            lambda x: module.reconstruct(corruption(x, generator)), rows
        )

    def loss_of_mean(self, rows: Rows) -> float:
        """Sum of the losses of predicting the mean."""
        return self._summed(torch.zeros_like, rows)

    def _summed(self, predict: Callable[[Tensor], Tensor], rows: Rows) -> float:
        """Sum the losses of all cells that count, block by block."""
        sums = []
        with torch.inference_mode():
            for start in range(0, len(rows), EVALUATION_BATCH):
                block = slice(start, start + EVALUATION_BATCH)
                x = rows.x[block]
                losses: Tensor = self.cell_loss(predict(x), x)
                if rows.cell_weight is not None:
                    losses = losses * rows.cell_weight[block]
                sums.append(float(losses.sum()))
        return math.fsum(sums)


def has_free_layers(module: Autoencoder) -> bool:
    """Whether a module is PCA plus what the built-in network writes, without bounds."""
    if not isinstance(module, CorrectedPCA):
        return False
    built_in = type(module.network) is FullyConnected
    return built_in and isinstance(module.output, Sum)


def build_cell_loss(loss: str, start: LinearStart) -> nn.Module:
    """Return the loss of a cell in centred and scaled rows."""
    if loss == "huber":
        smallest = start.column_scale * torch.finfo(torch.float32).eps
        threshold = (HUBER_THRESHOLD * start.residual_scale).clip(min=smallest)
        return HuberError(as_tensor(threshold))
    if loss == "log_loss":
        return LogLoss(*data_units(start))
    return AbsoluteError() if loss == "absolute_error" else SquaredError()


def data_units(start: LinearStart) -> tuple[Tensor, Tensor]:
    """Return mean and scale: rows of the data are `x * scale + mean` of scaled ones."""
    return as_tensor(start.mean), torch.tensor(start.scale, dtype=torch.float32)
