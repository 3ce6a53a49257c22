"""A fit in three steps: moments and linear start, training, change of basis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_ae._advice import advise
from sklearn_ae._data import LinearStart
from sklearn_ae._fit.cross_validation import Folds
from sklearn_ae._fit.finish import finish
from sklearn_ae._fit.problem import Problem
from sklearn_ae._fit.result import Fit
from sklearn_ae._fit.samples import Data
from sklearn_ae._fit.train import reported, train
from sklearn_ae._model import Architecture, Codec, training_mode
from sklearn_ae._training import EpochTasks, Net, Rows, TrainingOptions


class Report(Protocol):
    """What wants to be told of the epochs of a fit."""

    def begin_epoch(self) -> None:
        """Take note of an epoch that begins."""

    def end_epoch(self, snapshot: Callable[[], Fit]) -> bool:
        """Take note of an epoch that has ended; return whether to stop."""


def fit_autoencoder(
    data: Data,
    architecture: Architecture,
    options: TrainingOptions,
    *,
    folds: Folds | None,
    seed: int,
    previous: Fit | None = None,
    report: Report | None = None,
    like: Codec | None = None,
    names: Sequence[str] | None = None,
) -> Fit:
    """Fit an autoencoder.

    Parameters
    ----------
    folds : Folds or None
        Folds of the cross-validation; None goes without.
    previous : Fit or None
        Where training starts; None starts afresh.
    report : Report or None
        Is told of every epoch.
    like : Codec or None
        Codes keep its order and signs as far as they can.
    names : sequence of str or None
        Of the columns, for warnings.
    """
    with training_mode():
        table = data.training
        if previous is None:
            start = data.linear_start(architecture.n_components, seed)
            if isinstance(options.loss, str):  # others may weigh columns themselves
                _advise_on_scales(start, names)
            _advise_on_folds(start, architecture, folds, len(table))
        else:
            start, folds = previous.start, None
            data = replace(data, moments=None)  # which are not about its mean
        rows = Rows.of_table(table, start)
        valid = None
        if data.held_out is not None:
            valid = Rows.of_table(data.held_out, start)
        times = table.effective_size / len(table)
        problem = Problem.of_rows(start, architecture, options, rows, seed, times)
        finished = partial(finish, problem, data)
        with reported(problem, _epoch_tasks(report, finished), valid) as problem:
            old = None if previous is None else previous.net
            net, factor = train(problem, folds, old, valid)
        fit = finish(problem, data, net, factor, like)
        _advise_on_loss(fit)
        return fit


def _advise_on_scales(start: LinearStart, names: Sequence[str] | None) -> None:
    """Warn where few columns have nearly all of the variance."""
    scale = start.column_scale
    variances = np.where(scale == 1.0, 0.0, scale**2)  # what is constant has 1
    order = np.argsort(-variances, kind="stable")
    ordered, n_varying = variances[order], np.count_nonzero(variances)
    n_large = 1 + int(np.argmax(ordered.cumsum() > 0.99 * len(scale)))
    if 3 * n_large > n_varying or len(start.components) == len(scale):
        return
    if ordered[n_large - 1] < 25 * ordered[n_large]:  # no gap, as units make
        return
    large = [str(i) if names is None else repr(names[i]) for i in order[:n_large]]
    shown = ", ".join(large[:3]) + (", ..." if n_large > 3 else "")
    advise(
        f"Column{'s'[: n_large - 1]} {shown} {'has' if n_large == 1 else 'have'} more "
        "than 99 % of the variance of X, so that the codes follow hardly any other. "
        "Scale columns of different units, for instance with StandardScaler."
    )


def _advise_on_folds(
    start: LinearStart, architecture: Architecture, folds: Folds | None, n_samples: int
) -> None:
    """Warn where so few rows would be left to train on that the fit is PCA."""
    if folds is None or folds.n_used > 0:
        return
    if not (architecture.is_linear or start.is_optimal):
        advise(
            f"The fit is PCA: of {n_samples} samples, cross-validation leaves "
            f"too few to train on with n_components={architecture.n_components}. Give "
            "more samples, lower n_components, or set cv=None to train without it."
        )


def _advise_on_loss(fit: Fit) -> None:
    """Warn where many epochs from a random start give the mean, or few much less."""
    if fit.architecture.init == "pca" or fit.start.total_variance == 0:
        return
    explained, n_epochs = max(fit.score, 1 - fit.loss), len(fit.net.history)
    if explained < -0.5 or (explained < 0.01 and n_epochs >= 10):
        advise(
            f"Reconstructions are no nearer to the rows than their mean is (score "
            f"{fit.score:.3g}): the network has learned nothing. Lower "
            "learning_rate_init or raise max_iter. A network of your own sees X as it "
            "is, and needs values of about 1 around 0, or those that its output has.",
            ConvergenceWarning,
        )


def _epoch_tasks(
    report: Report | None, finished: Callable[[Net, float], Fit]
) -> list[EpochTasks]:
    """Return what tells a report about epochs, if there is one."""
    if report is None:
        return []

    def end(net: Net) -> bool:
        return report.end_epoch(lambda: finished(net.finished_copy(), 1.0))

    return [EpochTasks(report.begin_epoch, end)]
