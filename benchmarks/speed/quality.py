"""Seconds until the held-out FVU is as good as another method's best.

The plain loop and ours are looked at after each epoch, other packages at their end.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone

from benchmarks.baselines import N_EPOCHS, PlainAutoencoder
from benchmarks.datasets import Table
from benchmarks.measuring import (
    CPU_SECONDS,
    SECONDS,
    Split,
    lost_by,
    one_thread,
    split_table,
    stopwatch,
    warm_up,
)
from benchmarks.methods import COMPRESSORS, is_installed
from benchmarks.speed.timing import Measurement, Sizes

SECTION = "quality"
OURS, LOOP = "autoencoder", "plain"
OTHERS = ("MLPRegressor", "dimkit", "encdr")
FVU = "held_out_fvu"
QUANTITIES = (SECONDS, CPU_SECONDS, FVU)
MORE_EPOCHS = (2, 4)
PATIENCE = 20  # epochs without a better held-out FVU that end the plain loop
CODE_SIZES = {"appliances": 5, "communities": 20, "isolet": 20, "satimage": 7}
CODE_SIZE = 10  # of every other table


def code_size(table: Table) -> int:
    """Return the number of codes for a table."""
    return min(CODE_SIZES.get(table.name, CODE_SIZE), table.X.shape[1] - 1)


def best_of_loop(n_components: int, split: Split, seed: int) -> dict[str, float]:
    """Train the plain loop while it improves; seconds are those up to its best.

    It is scored on the held-out rows after each epoch, which the clock leaves out, as
    it does the epochs after the best.
    """
    model = PlainAutoencoder(n_components, seed)
    epochs = model.epochs(split.X)
    best = {FVU: float("inf")}
    spent = dict.fromkeys((SECONDS, CPU_SECONDS), 0.0)
    misses = 0
    for _ in range(N_EPOCHS):
        for name, value in stopwatch(partial(next, epochs)).items():
            spent[name] += value
        fvu = lost_by(model, split.X_test)
        misses += 1
        if fvu < best[FVU]:
            best, misses = {FVU: fvu, **spent}, 0
        if misses == PATIENCE:
            break
    return best


def whole_fit(
    method: str, n_components: int, split: Split, seed: int
) -> dict[str, float]:
    """Fit another method with its defaults; seconds are those of the fit."""
    model = COMPRESSORS[method](n_components, seed)
    figures = stopwatch(lambda: model.fit(split.X))
    return {**figures, FVU: lost_by(model, split.X_test)}


class Course:
    """Callback of scikit-learn: held-out FVU after each epoch of a fit."""

    def __init__(self, split: Split) -> None:
        self.split = split
        self.fvus: list[float] = []

    def setup(self, estimator: Any, context: Any) -> None:
        """Begin."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Let an epoch begin."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        """Score the network as it is: that of a fold before the last."""
        if context.task_name == "epoch":
            self.fvus.append(lost_by(fitted_estimator, self.split.X_test))

    def teardown(self, estimator: Any, context: Any) -> None:
        """End."""


@dataclass(frozen=True)
class Fit:
    """A timed fit: its seconds, and held-out FVU and seconds of its epochs."""

    figures: dict[str, float]
    fvus: list[float]
    epochs: list[float]

    @classmethod
    def of(cls, model: Any, split: Split) -> "Fit":
        """Fit ours, and a copy, which computes the same and is scored on the way.

        The last epoch has the FVU of the whole fit, with what comes after training.
        """
        course = Course(split)
        clone(model).set_callbacks(course).fit(split.X)
        figures = stopwatch(lambda: model.fit(split.X))
        fvus = [*course.fvus[:-1], lost_by(model, split.X_test)]
        return cls(figures, fvus, [epoch["dur"] for epoch in model.net_.history])

    def until(self, target: float) -> float:
        """Processor seconds of the fit without the epochs after a target was reached.

        What comes before and after training counts. Infinite where the target is not
        reached.
        """
        for i, fvu in enumerate(self.fvus):
            if fvu <= target:
                saved = sum(self.epochs[i + 1 :]) / self.figures[SECONDS]
                return (1.0 - saved) * self.figures[CPU_SECONDS]
        return float("inf")


def our_fit(
    n_components: int, split: Split, seed: int, targets: Mapping[str, float]
) -> dict[str, float]:
    """Fit ours with its defaults, and find when it was as good as each target.

    Where it does not get there, it is fitted anew with more epochs: `MORE_EPOCHS` times
    as many. The seconds are then those of that fit.
    """
    # Others compute on the CPU too.
    model = COMPRESSORS[OURS](n_components, seed).set_params(device="cpu")
    fit = Fit.of(model, split)
    figures = {**fit.figures, FVU: fit.fvus[-1]}
    fits = {1: fit}
    for name, target in targets.items():
        for times in (1, *MORE_EPOCHS):
            if times not in fits:
                longer = clone(model).set_params(max_iter=times * max(model.n_iter_, 1))
                fits[times] = Fit.of(longer, split)
            seconds = fits[times].until(target)
            if np.isfinite(seconds):
                break
        figures[until(name)] = seconds
        figures[epochs_until(name)] = times if np.isfinite(seconds) else np.nan
    return figures


def until(other: str) -> str:
    """Name the seconds until ours is as good as another method."""
    return f"{CPU_SECONDS} until as good as {other}"


def epochs_until(other: str) -> str:
    """Name the epochs of the fit that got there, as a multiple of the default's."""
    return f"multiple of the default epochs until as good as {other}"


def methods(repeat: int) -> list[str]:
    """List what is measured in a repeat: others, which take long, in the first only.

    Ours comes last, when all targets are known.
    """
    others = [name for name in OTHERS if is_installed(name)]
    return [LOOP, *(others if repeat == 0 else []), OURS]


def _figures(
    method: str, table: Table, split: Split, seed: int, targets: Mapping[str, float]
) -> dict[str, float]:
    """Measure one method."""
    if method == LOOP:
        return best_of_loop(code_size(table), split, seed)
    warm_up(COMPRESSORS[method])
    if method == OURS:
        return our_fit(code_size(table), split, seed, targets)
    return whole_fit(method, code_size(table), split, seed)


def measure(sizes: Sizes, tables: Iterable[Table]) -> Iterator[Measurement]:
    """Measure each method on each table, each repeat on a split of its own."""
    for table in tables:
        case = f"{table.name} k={code_size(table)}"
        for repeat in range(sizes.fit_repeats):
            split = split_table(table, repeat)
            targets: dict[str, float] = {}
            for method in methods(repeat):
                error, figures = "", dict.fromkeys(QUANTITIES, float("nan"))
                with one_thread():
                    try:
                        figures = _figures(method, table, split, repeat, targets)
                    except Exception as failure:
                        error = f"{type(failure).__name__}: {failure}"[:200]
                        if method == OURS:  # as good as none
                            figures |= dict.fromkeys(map(until, targets), np.inf)
                    if np.isfinite(figures[FVU]):
                        targets[method] = figures[FVU]
                for name, value in figures.items():
                    yield Measurement(SECTION, case, method, repeat, name, value, error)
