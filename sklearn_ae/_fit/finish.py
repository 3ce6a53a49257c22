"""The last step of a fit: codes like PCA's, from their moments, and its measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
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
    rows = table if data.held_out is None else data.held_out
    make_exact(module, start)
    module.to(_device_of(table))
    _add_steps(problem, module, rows)
    total, moments = _measured(module, start, table)
    loss, mean = total.share, objective.total
    if is_validated or not isinstance(objective.cell_loss, SquaredError):
        found = _losses(module.reconstruct, start, rows, objective)
        loss = found.share
        if is_validated and found.loss_of_mean > 0:
            mean = found.loss_of_mean / found.n_cells * len(start.mean)
    pca = _losses(_pca_of(start, rows), start, rows, objective.of_variance()).share
    module.to("cpu")
    if data.moments is not None and module.is_pca:  # moments of all rows are known
        covariance = data.moments.covariance / start.scale**2
        moments = CodeMoments.of_axes(module.components.numpy(), covariance)
    codec, basis = _change_basis(
        module, start, table, moments, problem.architecture, like
    )
    contributions = _contributions(module, start, table)
    return Fit(
        architecture=problem.architecture,
        net=net,
        start=start,
        codec=codec,
        score=1.0 - total.share,
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
    """Centred, scaled and imputed rows, and how often they and their cells count.

    They are on the device of the table.
    """

    x: Tensor
    weight: Tensor
    counts: Tensor


def _blocks(start: LinearStart, table: Table) -> Iterator[Block]:
    if isinstance(table.X, ResidentRows):
        for rows, x in table.X.scaled(start.mean, start.scale):
            weight = table.X.beside(table.weight[rows])
            yield Block(x, weight, weight[:, None])
        return
    for parts in start.blocks(table):
        yield Block(*map(torch.from_numpy, parts))


def _device_of(table: Table) -> torch.device:
    """Return where the rows of a table are measured."""
    is_resident = isinstance(table.X, ResidentRows)
    return table.X.stored.device if is_resident else torch.device("cpu")


def _losses(
    predict: Callable[[Tensor], Tensor],
    start: LinearStart,
    table: Table,
    objective: Objective,
) -> LossSum:
    """Sum the losses of what is predicted for clean rows."""
    cell_loss = deepcopy(objective.cell_loss).to(_device_of(table), torch.float64)
    blocks = ((x, counts) for x, _, counts in _blocks(start, table))
    return LossSum.over(blocks, predict, cell_loss)


def _pca_of(start: LinearStart, table: Table) -> Callable[[Tensor], Tensor]:
    """Return the reconstruction by PCA, where a table is."""
    components = as_tensor(start.components, torch.float64).to(_device_of(table))
    return lambda x: (x @ components.T) @ components


def _add_steps(problem: Problem, module: Autoencoder, table: Table) -> None:
    """Let the codes of a module take their steps, unless observed cells lose by it."""
    steps = problem.gauss_newton_steps(module, problem.rows)
    if steps is None or problem.rows.are_whole:  # no row loses
        module.steps = steps
        return
    start, objective = problem.start, problem.objective
    alone = _losses(module.reconstruct, start, table, objective).loss
    module.steps = steps
    if not _losses(module.reconstruct, start, table, objective).loss <= alone:
        module.steps = None


def _measured(
    module: Autoencoder, start: LinearStart, table: Table
) -> tuple[LossSum, CodeMoments]:
    """Sum squared errors of all rows and the moments of their codes; set the range."""
    total = LossSum(SquaredError())
    moments = CodeMoments.empty(len(module.code_mean), table.X.shape[1])
    code_range = module.code_mean[:0].new_empty(0, len(module.code_mean))
    with torch.no_grad():
        for x, weight, counts in _blocks(start, table):
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
