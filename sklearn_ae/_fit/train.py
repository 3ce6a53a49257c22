"""Training of one network, with or without cross-validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from sklearn_ae._fit.cross_validation import (
    Folds,
    HeldOut,
    Shrinkage,
    cross_validated_shrinkage,
)
from sklearn_ae._fit.epochs import epochs_before_cross_validation, extension
from sklearn_ae._fit.problem import Problem
from sklearn_ae._model import (
    Autoencoder,
    as_tensor,
    has_ridge_solution,
    refit_last_layer,
)
from sklearn_ae._training import (
    EpochBar,
    Net,
    Phase,
    Rows,
    end_training,
    finished_net,
    run_epochs,
)


@contextmanager
def reported(problem: Problem, callbacks: Sequence[Any]) -> Iterator[Problem]:
    """Let callbacks, and where it is wanted a progress bar, know of the epochs."""
    level, bar = problem.objective, None
    if problem.options.verbose == 1:
        bar = EpochBar(problem.n_epochs, level.unit / level.total, level.pca_share)
    told = [*problem.options.callbacks, *filter(None, [bar]), *callbacks]
    options = replace(problem.options, callbacks=told)
    with nullcontext() if bar is None else closing(bar):
        yield replace(problem, options=options, bar=bar)


def train(
    problem: Problem, folds: Folds | None, previous: Net | None, valid: Rows | None
) -> tuple[Net, float]:
    """Train a module and return its net, and the factor on its correction.

    Parameters
    ----------
    folds : Folds or None
        Rows to leave out in turn; None goes without.
    previous : Net or None
        Where training starts; None starts from PCA.
    valid : Rows or None
        Rows that pick the best epoch.
    """
    if problem.architecture.init == "pca" and _is_pca_best(problem, folds):
        return finished_net(problem.pca()), 0.0
    if folds is not None:
        return _train_cross_validated(problem, folds)
    net = _train_on_all(problem, previous, valid)
    return net, 0.0 if net.module_.is_pca else 1.0


def _is_pca_best(problem: Problem, folds: Folds | None) -> bool:
    """Whether PCA is the optimum, or too few rows could confirm any correction."""
    unsure = folds is not None and folds.n_used == 0
    return problem.architecture.is_linear or unsure or problem.start.is_optimal


def _train_on_all(problem: Problem, previous: Net | None, valid: Rows | None) -> Net:
    """Train on all rows; with validation rows these pick the best epoch."""
    module = problem.untrained()
    starts_from_pca = previous is None or previous.module_.is_pca
    if previous is not None and not starts_from_pca:
        module = _continued(previous.module_, module)
    net = problem.net(module, [Phase(len(problem.rows), problem.n_epochs)], valid)
    improved = True
    if valid is None:
        net.is_refitted = previous is not None and previous.is_refitted
        improved = _improve(problem, net, problem.n_epochs)
    else:
        run_epochs(net, problem.rows.dataset(), problem.n_epochs)
        end_training(net)
    known = problem.rows if valid is None else valid.to(problem.options.device)
    if starts_from_pca and not (improved and _is_above_pca(problem, module, known)):
        module.shrink(0.0)
    return net.finish()


def _continued(module: Autoencoder, untrained: Autoencoder) -> Autoencoder:
    """Return a copy of a trained module that can be trained as an untrained one can."""
    module = deepcopy(module).float()
    module.reopen()
    pairs = zip(module.parameters(), untrained.parameters(), strict=True)
    for parameter, new in pairs:
        parameter.requires_grad_(new.requires_grad)
    return module


def _is_above_pca(problem: Problem, module: Autoencoder, rows: Rows) -> bool:
    """Whether a module that is better than at its start is no worse than PCA.

    Only a bounded one can be worse: it starts with a PCA that is kept from 0 and 1.
    """
    if not (problem.architecture.is_bounded and problem.architecture.init == "pca"):
        return True
    return problem.loss(module, rows) <= problem.loss(problem.pca(), rows)


def _train_cross_validated(problem: Problem, folds: Folds) -> tuple[Net, float]:
    """Train without a fold, see what it confirms, and train on all rows if it does.

    Each fold is left out by a network of its own, PCA included, and the last of them
    goes on.
    """
    n_first = epochs_before_cross_validation(problem.n_epochs)
    net, held_out = train_without_folds(problem, folds, n_first)
    found = cross_validated_shrinkage(held_out, problem.objective)
    n_epochs = _set_epochs(problem, net, problem.n_epochs - n_first, found)
    module = net.module_
    if found.factor > 0:
        _exchange_pca(problem, net)
        _improve(problem, net, n_epochs)
    else:
        end_training(net)
    # A callback may have restored weights together with the PCA of that time.
    _exchange_pca(problem, net)
    net.is_refitted = found.factor > 0 and _refit(problem, module, problem.rows)
    factor = found.factor
    module.shrink(factor)
    if problem.loss(module) > problem.loss(problem.pca()):
        factor = 0.0
        module.shrink(factor)
    return net.finish(), factor


def _set_epochs(problem: Problem, net: Net, n_epochs: int, found: Shrinkage) -> int:
    """Let the last phase take as many epochs as it is worth."""
    n_rows, planned = len(problem.rows), n_epochs
    if found.factor == 0:
        n_epochs = 0
    elif problem.options.max_iter is None and not net.stopped_early:
        n_epochs = round(n_epochs * extension(n_rows, found.share_left))
    net.set_last_phase(Phase(n_rows, n_epochs))
    if problem.bar is not None:
        problem.bar.extend(n_epochs - planned)
    return n_epochs


def train_without_folds(
    problem: Problem, folds: Folds, n_epochs: int
) -> tuple[Net, list[HeldOut]]:
    """Train a network without each fold, from the PCA of the rows that remain.

    Only the last of them, which is returned to go on with all rows, tells the
    callbacks.
    """
    pairs = folds.split(problem.rows.x, problem.seed)
    bar = () if problem.bar is None else (problem.bar,)
    options = replace(problem.options, callbacks=bar, verbose=0)
    silent = replace(problem, options=options)
    if problem.bar is not None:
        problem.bar.extend(n_epochs * (len(pairs) - 1))
    held_out = []
    for i, (train, test) in enumerate(pairs):
        phases = [
            Phase(len(train), n_epochs),
            Phase(len(problem.rows), problem.n_epochs - n_epochs),
        ]
        of_fold = problem if i == len(pairs) - 1 else silent
        net = of_fold.net(_module_of(problem, train), phases)
        rows = problem.rows[train]
        run_epochs(net, rows.dataset(), n_epochs)
        module = deepcopy(net.module_)
        if n_epochs > 0:  # else it is PCA, and is measured as such
            _refit(problem, module, rows)
            module.steps = problem.gauss_newton_steps(module, rows)
        held_out.append(HeldOut(module, partial(problem.rows.__getitem__, test)))
    return net, held_out


def _module_of(problem: Problem, train: Tensor) -> Autoencoder:
    """Return an untrained module on the PCA of some rows."""
    rows = problem.rows[train]
    x, weight = (part.numpy(force=True) for part in (rows.x, rows.row_weight[:, 0]))
    return problem.untrained(problem.start.of_rows(x, weight, problem.seed))


def _exchange_pca(problem: Problem, net: Net) -> None:
    """Exchange the PCA under a trained correction for that of all rows."""
    start = problem.start.turned_to(net.module_.components.numpy(force=True))
    parts = (start.components, start.code_scale, start.residual_scale)
    device = problem.options.device
    net.module_.set_pca(*(as_tensor(part).to(device) for part in parts))
    net.criterion_.components = net.module_.components


def _improve(problem: Problem, net: Net, n_epochs: int) -> bool:
    """Train on all rows to the end, and go back if that has made them worse.

    What continues a fit that was refitted has to be refitted too.
    """
    module = net.module_
    before, loss = deepcopy(module.state_dict()), problem.loss(module)
    run_epochs(net, problem.rows.dataset(), n_epochs)
    end_training(net)
    if net.is_refitted:
        _refit(problem, module, problem.rows)
    improved = problem.loss(module) < loss
    if not improved:
        module.load_state_dict(before)
    return improved


def _refit(problem: Problem, module: Autoencoder, rows: Rows) -> bool:
    """Refit the last layer on some rows, if there is one solution for all columns."""
    if not (problem.is_least_squares(module) and has_ridge_solution(module)):
        return False
    if not rows.are_whole:  # each column would have a Gram matrix of its own
        return False
    # Weights have the mean 1, whatever number of rows each stands for.
    weighted = ((x, cells * problem.repetitions) for x, cells in rows)
    refit_last_layer(module, weighted)
    return True
