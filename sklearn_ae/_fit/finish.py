"""The last step of a fit: codes like PCA's, from their moments, and its measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_ae._data import LinearStart, ResidentRows, Table, is_resident
from sklearn_ae._fit.problem import Problem
from sklearn_ae._fit.result import Fit
from sklearn_ae._fit.samples import Data
from sklearn_ae._model import (
    Architecture,
    Autoencoder,
    CodeBasis,
    Codec,
    CodeMoments,
    LossSum,
    SquaredError,
    as_tensor,
    average_jacobian,
)
from sklearn_ae._training import Net, Objective, spread_rows


def finish(
    problem: Problem, data: Data, net: Net, factor: float, like: Codec | None = None
) -> Fit:
    """Change the basis of a trained net's codes, and measure the result.

    With codes to be like, these keep order and signs as far as they can.
    """
    module, start, objective = net.module_, problem.start, problem.objective
    table, is_validated = data.table, data.held_out is not None
    make_exact(module, start)
    on_gpu = is_resident(problem.rows.x)
    device = problem.rows.x.device if on_gpu else torch.device("cpu")
    blocks = Blocks(start, table, device)
    decisive = blocks if data.held_out is None else Blocks(start, data.held_out, device)
    module.to(device)
    _add_steps(problem, module, decisive)
    total, moments = _measured(module, blocks)
    loss, mean, score = total.share, objective.total, 1.0 - total.share
    if is_validated or not isinstance(objective.cell_loss, SquaredError):
        found = decisive.losses(module.reconstruct, objective)
        loss = found.share
        if is_validated and found.loss_of_mean > 0:
            mean = found.loss_of_mean / found.n_cells * len(start.mean)
    axes = as_tensor(start.components, torch.float64).to(device)
    pca = decisive.losses(lambda x: (x @ axes.T) @ axes, objective.of_variance()).share
    module.to("cpu")
    if data.moments is not None and module.is_pca:  # moments of all rows are known
        covariance = data.moments.covariance / start.scale**2
        moments = CodeMoments.of_axes(module.components.numpy(), covariance)
        if isinstance(objective.cell_loss, SquaredError) and not module.is_bounded:
            score = 1.0 - start.residual_variance / start.total_variance
            loss = pca = 1.0 - score
    codec, basis = _change_basis(
        module, start, table, moments, problem.architecture, like
    )
    contributions = _contributions(module, start, table)
    return Fit(
        architecture=problem.architecture,
        net=net,
        start=start,
        codec=codec,
        score=score,
        pca_score=1.0 - pca,
        loss=loss,
        contributions=contributions * (codec.code_scale / codec.scale),
        explained_variance=basis.explained_variance,
        shrinkage=factor,
        is_validated=is_validated,
        loss_unit=objective.unit / objective.total,
        validation_loss_unit=objective.unit / mean,
    )


def make_exact(module: Autoencoder, start: LinearStart) -> None:
    """Turn a module to float64, with a PCA that is known to as many digits."""
    module.double()
    if module.components is None:
        return
    trained, exact = module.components.numpy(), start.components
    if not (module.is_pca or np.array_equal(trained, exact.astype(np.float32))):
        exact = start.turned_to(trained).components
    module.set_units(
        as_tensor(exact, torch.float64),
        as_tensor(start.mean, torch.float64),
        torch.tensor(start.scale, dtype=torch.float64),
    )


class Block(NamedTuple):
    """Centred, scaled and imputed rows, and how often they and their cells count."""

    x: Tensor
    weight: Tensor
    counts: Tensor


@dataclass(frozen=True)
class Blocks:
    """A table in blocks of float64 on the device where it was trained on, if it can."""

    start: LinearStart
    table: Table
    device: torch.device

    def __iter__(self) -> Iterator[Block]:
        start, table = self.start, self.table
        if isinstance(table.X, ResidentRows):
            for rows, x in table.X.scaled(start.mean, start.scale):
                weight = table.X.beside(table.weight[rows])
                yield self._placed(x, weight, weight[:, None])
            return
        for parts in start.blocks(table):
            yield self._placed(*map(torch.from_numpy, parts))

    def _placed(self, *parts: Tensor) -> Block:
        return Block(*(part.to(self.device) for part in parts))

    def losses(
        self, predict: Callable[[Tensor], Tensor], objective: Objective
    ) -> LossSum:
        """Sum the losses of what is predicted for clean rows."""
        cell_loss = deepcopy(objective.cell_loss).to(self.device, torch.float64)
        blocks = ((x, counts) for x, _, counts in self)
        return LossSum.over(blocks, predict, cell_loss)


def _add_steps(problem: Problem, module: Autoencoder, blocks: Blocks) -> None:
    """Let the codes of a module take their steps, unless observed cells lose by it."""
    steps = problem.gauss_newton_steps(module, problem.rows)
    if steps is None or problem.rows.are_whole:  # no row loses
        module.steps = steps
        return
    alone = blocks.losses(module.reconstruct, problem.objective).loss
    module.steps = steps
    if not blocks.losses(module.reconstruct, problem.objective).loss <= alone:
        module.steps = None


def _measured(module: Autoencoder, blocks: Blocks) -> tuple[LossSum, CodeMoments]:
    """Sum squared errors of all rows and the moments of their codes; set the range."""
    total = LossSum(SquaredError())
    moments = CodeMoments.empty(len(module.code_mean), blocks.table.X.shape[1])
    code_range = module.code_mean[:0].new_empty(0, len(module.code_mean))
    with torch.no_grad():
        for x, weight, counts in blocks:
            code = module.raw_encode(x)
            total.add(module.raw_decode(code), x, counts)
            parts = x, code, weight
            moments.add(*(parts if is_resident(x) else (p.numpy() for p in parts)))
            seen = torch.vstack((code_range, code))
            code_range = torch.stack(torch.aminmax(seen, dim=0))
    module.set_range(*code_range)
    return total, moments


def _change_basis(
    module: Autoencoder,
    start: LinearStart,
    table: Table,
    moments: CodeMoments,
    architecture: Architecture,
    like: Codec | None,
) -> tuple[Codec, CodeBasis]:
    """Make a module's codes behave like PCA's scores, or also like others."""
    build = CodeBasis.permuting if architecture.sparse else CodeBasis.from_moments
    basis = build(moments, architecture.whiten, table.effective_size)
    code_scale = 1.0 if architecture.whiten else start.scale

    def codec() -> Codec:
        parts = (basis.mean, basis.matrix, basis.inverse)
        module.set_basis(*map(torch.from_numpy, parts))
        return Codec(module, start.mean, start.scale, code_scale, start.imputer)

    if like is not None:
        X = table[spread_rows(len(table), 1)].X
        basis = basis.aligned(codec().encode(X), like.encode(X))
    return codec(), basis


def _contributions(
    module: Autoencoder, start: LinearStart, table: Table
) -> NDArray[np.float64]:
    """Average Jacobian of the codes over some rows."""
    some = table[spread_rows(len(table), len(module.code_mean))]
    x = torch.from_numpy(start.to_imputed(some.X))
    return average_jacobian(module, x, some.weight)
