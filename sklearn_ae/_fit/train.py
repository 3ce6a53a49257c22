"""Training of one network, with or without cross-validation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_ae._fit.budget import (
    epochs_that_follow,
    epochs_without_folds,
    is_worth_it,
    rounds,
)
from sklearn_ae._fit.cross_validation import (
    Folds,
    HeldOut,
    cross_validated_shrinkage,
    equal_rows,
)
from sklearn_ae._fit.problem import Problem
from sklearn_ae._fit.result import Fit
from sklearn_ae._model import (
    Autoencoder,
    as_tensor,
    data_units,
    has_ridge_solution,
    refit_last_layer,
)
from sklearn_ae._training import (
    EpochBar,
    Net,
    Rows,
    end_training,
    finished_net,
    run_epochs,
)


@contextmanager
def reported(
    problem: Problem, callbacks: Sequence[Any], valid: Rows | None
) -> Iterator[Problem]:
    """Let callbacks, and where it is wanted a progress bar, know of the epochs."""
    level, bar = problem.objective, None
    if problem.options.verbose == 1:
        units, pca_share = {"train": level.unit / level.total}, level.pca_share
        if valid is not None:
            on_device = valid.to(problem.options.device)
            of_pca = level.measure_pca(problem.start, on_device)
            mean = of_pca.loss_of_mean / len(valid) or level.total
            units["valid"], pca_share = level.unit / mean, of_pca.share
        bar = EpochBar(units, pca_share)
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
    net = problem.net(module, valid)
    n_epochs = epochs_without_folds(problem.options.max_iter, valid is not None)
    problem.expect(n_epochs)
    if valid is None:
        net.is_refitted = previous is not None and previous.is_refitted
        _improve(problem, net, n_epochs)
    else:
        run_epochs(net, problem.rows.dataset(), n_epochs)
        end_training(net)
    known = problem.rows if valid is None else valid.to(problem.options.device)
    can_be_pca = starts_from_pca and problem.architecture.init == "pca"
    if can_be_pca and not _is_above_pca(problem, module, known):
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
    """Whether a module reconstructs rows better than PCA."""
    return problem.loss(module, rows) < problem.loss(problem.pca(), rows)


def _train_cross_validated(problem: Problem, folds: Folds) -> tuple[Net, float]:
    """Train without a fold, see what it confirms, and train on all rows if it does.

    Each fold is left out by a network of its own, PCA included, and the last of them
    goes on, for as long as it has been trained. A small fold is not trained on.
    """
    max_iter, goes_on = problem.options.max_iter, not folds.is_sample
    confirmed = train_without_folds(problem, folds, rounds(max_iter, goes_on))
    net, module = confirmed.net, confirmed.net.module_
    factor = cross_validated_shrinkage(confirmed.held_out, problem.objective)
    if not goes_on:
        best = confirmed.held_out[-1].module
        best.steps = None  # those of all rows follow
        module.load_state_dict(best.state_dict())
    if not goes_on or factor == 0.0:
        end_training(net)
    else:
        n_epochs = epochs_that_follow(max_iter, confirmed.n_epochs)
        problem.expect(n_epochs)
        _set_pca(problem, module)
        _improve(problem, net, n_epochs)
    if goes_on:
        # A callback may have restored weights together with the PCA of that time.
        _set_pca(problem, module)
        net.is_refitted = factor > 0 and _refit(problem, module, problem.rows)
    factor = _shrink(problem, module, factor)  # where the rows are
    return net.finish(), factor


def _shrink(problem: Problem, module: Autoencoder, factor: float) -> float:
    """Multiply the correction by a factor, or 0 where PCA is better; return which."""
    module.shrink(factor)
    if not _is_above_pca(problem, module, problem.rows.some()):
        factor = 0.0
        module.shrink(factor)
    return factor


def carry_over(
    problem: Problem, previous: Fit, held_out: Rows | None
) -> tuple[Net, float]:
    """Put what was learned of some rows on the PCA of more rows, without training.

    Return its net, and the factor on its correction: that with which rows held out are
    reconstructed best, or the previous one.
    """
    net = previous.net
    module = _continued(net.module_, problem.untrained()).to(problem.options.device)
    factor = previous.shrinkage
    if problem.architecture.init == "pca":
        if _is_pca_best(problem, None):
            return finished_net(problem.pca()), 0.0
        units = (part.to(problem.options.device) for part in data_units(problem.start))
        module.set_units(module.components, *units)
        _set_pca(problem, module)
        if held_out is not None:
            module.steps = problem.gauss_newton_steps(module, problem.rows)
            one = HeldOut(module, lambda: held_out, equal_rows(held_out.x))
            factor = cross_validated_shrinkage([one], problem.objective)
            module.steps = None
        factor = _shrink(problem, module, factor)
    carried = finished_net(module, net.batch_size)
    carried.history = net.history
    return carried, factor


class Confirmed(NamedTuple):
    """Networks without a fold after the round that suits the folds best.

    Parameters
    ----------
    net : Net
        That of the last fold, after all rounds.
    held_out : list of HeldOut
        What the folds are reconstructed by.
    n_epochs : int
        Epochs up to the best round.
    """

    net: Net
    held_out: list[HeldOut]
    n_epochs: int


@dataclass(frozen=True)
class WithoutFold:
    """A net to train without a fold, the rows to train it on, and the fold."""

    net: Net
    rows: Rows
    fold: Callable[[], Rows]  # not held, as folds may be many
    numbers: NDArray[np.intp]  # that equal rows of the fold share
    refits: bool  # whether the last layer is refitted before it is measured

    def held_out(self, problem: Problem) -> HeldOut:
        """Return a copy that ends training here, to be measured on the fold."""
        module = deepcopy(self.net.module_)
        if self.refits and len(self.net.history) > 0:  # else it is PCA
            _refit(problem, module, self.rows)
        return HeldOut(module, self.fold, self.numbers)


def train_without_folds(
    problem: Problem, folds: Folds, rounds: Iterable[int]
) -> Confirmed:
    """Train a network without each fold, as long as the folds gain by it.

    Only the last network, which may go on with all rows, tells the callbacks.
    """
    trained = _without_folds(problem, folds)
    net, n_epochs, best, losses = trained[-1].net, 0, None, list[float]()
    for n_more in rounds:
        problem.expect(n_more * len(trained))
        for one in trained:
            run_epochs(one.net, one.rows.dataset(), n_more)
        n_epochs += n_more
        held_out = [one.held_out(problem) for one in trained]
        loss = math.fsum(
            one.measure(problem.objective, 1.0, False).loss for one in held_out
        )
        if best is None or loss < min(losses):
            best = Confirmed(net, held_out, n_epochs)
        losses.append(loss)
        if net.stopped_early or not is_worth_it(losses):
            break
    assert best is not None
    for one, found in zip(trained, best.held_out, strict=True):
        if folds.is_sample:
            net.is_refitted = _refit(problem, found.module, one.rows.some())
        found.module.steps = problem.gauss_newton_steps(found.module, one.rows)
    return best


def _without_folds(problem: Problem, folds: Folds) -> list[WithoutFold]:
    """Return untrained nets, each of the PCA of the rows that remain."""
    splits = folds.split(problem.rows.x, problem.seed)
    bar = () if problem.bar is None else (problem.bar,)
    options = replace(problem.options, callbacks=bar, verbose=0)
    silent = replace(problem, options=options)
    trained = []
    for i, split in enumerate(splits):
        of_fold = problem if i == len(splits) - 1 else silent
        rows = problem.rows[split.train]
        start = problem.start
        if not folds.is_sample:
            weight = rows.row_weight[:, 0].numpy(force=True)
            start = start.of_rows(rows.scaled(), weight, problem.seed)
        net = of_fold.net(problem.untrained(start))
        fold = partial(problem.rows.__getitem__, split.left_out)
        # A refit to many rows takes long, and is left to the best round.
        refits = not folds.is_sample
        trained.append(WithoutFold(net, rows, fold, split.numbers, refits))
    return trained


def _set_pca(problem: Problem, module: Autoencoder) -> None:
    """Exchange the PCA under a trained correction for that of all rows."""
    start = problem.start.turned_to(module.components.numpy(force=True))
    parts = (start.components, start.code_scale, start.residual_scale)
    module.set_pca(*(as_tensor(part).to(problem.options.device) for part in parts))


def _improve(problem: Problem, net: Net, n_epochs: int) -> None:
    """Train on all rows to the end, and go back if that has made them worse.

    What continues a fit that was refitted has to be refitted too.
    """
    module = net.module_
    before, loss = deepcopy(module.state_dict()), problem.loss(module)
    run_epochs(net, problem.rows.dataset(), n_epochs)
    end_training(net)
    if net.is_refitted:
        _refit(problem, module, problem.rows.some())
    if not problem.loss(module) < loss:
        module.load_state_dict(before)


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
