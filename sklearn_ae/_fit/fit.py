"""A fit in three steps: moments and linear start, training, change of basis."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol
from warnings import warn

import numpy as np

from sklearn_ae._data import LinearStart
from sklearn_ae._fit.cross_validation import Folds
from sklearn_ae._fit.finish import finish
from sklearn_ae._fit.problem import Problem
from sklearn_ae._fit.progress import FRAMES_AROUND_FIT
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
    """
    with training_mode():
        table = data.training
        if previous is None:
            start = data.linear_start(architecture.n_components, seed)
            if isinstance(options.loss, str):  # others may weigh columns themselves
                _warn_of_scales(start)
        else:
            start, folds = previous.start, None
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
        return finish(problem, data, net, factor, like)


def _warn_of_scales(start: LinearStart) -> None:
    """Warn where one of several columns has nearly all of the variance."""
    shares = start.column_scale**2 / len(start.column_scale)
    largest = int(shares.argmax())
    n_varying = np.count_nonzero(start.column_scale != 1.0)  # what is constant has 1
    if n_varying > 2 and shares[largest] > 0.99:
        warn(
            f"Column {largest} has {shares[largest]:.2%} of the variance of X, so that "
            "the codes follow it and hardly any other. Scale columns of different "
            "units, for instance with StandardScaler.",
            UserWarning,
            # The line that calls fit, beyond three functions inside it and fit.
            stacklevel=5 + FRAMES_AROUND_FIT,
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
